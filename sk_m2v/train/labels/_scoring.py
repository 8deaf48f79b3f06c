"""How good scores are on validation texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer

from sk_m2v.train.labels._labels import Labels

# Log-loss counts probabilities from here: one sure mistake must not outweigh the rest.
_SMALLEST = 1e-7


def log_loss(
    Y: npt.NDArray[Any],
    probabilities: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64] | None = None,
) -> float:
    """Mean negative log-likelihood of the true classes, or of all labels.

    Parameters
    ----------
    Y : ndarray of shape (n_texts,), int, or (n_texts, n_labels) of 0 and 1
        The truth.
    probabilities : ndarray of shape (n_texts, n_classes)
        What was predicted.
    weights : ndarray of the shape of `Y`, default=None
        How much each entry counts.

    Returns
    -------
    float
        In nats.
    """
    if Y.ndim == 1:
        right = probabilities[np.arange(len(Y)), Y]
    else:
        right = np.where(Y > 0, probabilities, 1 - probabilities)
    return float(np.average(-np.log(np.maximum(right, _SMALLEST)), weights=weights))


class Judge:
    """Scores predictions for validation texts, in a search for the best weights.

    Parameters
    ----------
    labels : Labels
        The classes.
    Y : ndarray of shape (n_texts,) or (n_texts, n_labels)
        The truth.
    scoring : str
        "loss", "accuracy", or the name of a scorer of scikit-learn.
    """

    def __init__(self, labels: Labels, Y: npt.NDArray[Any], scoring: str) -> None:
        self._labels = labels
        self._Y = Y
        self._scoring = scoring
        self._scorer = None if scoring == "loss" else get_scorer(scoring)

    def __call__(self, probabilities: npt.NDArray[np.float64]) -> dict[str, float]:
        """Return what goes into the history, and a ``"goal"`` to make large.

        Parameters
        ----------
        probabilities : ndarray of shape (n_texts, n_classes)
            Those predicted for the validation texts.

        Returns
        -------
        dict of str to float
            ``"valid_loss"``, ``"valid_<scoring>"`` and ``"goal"``.
        """
        multilabel = self._labels.multilabel
        loss = log_loss(self._Y, probabilities)
        if self._scorer is None:
            return {"valid_loss": loss, "goal": -loss}
        classes = self._labels.classes_
        truth = self._Y.astype(np.int64) if multilabel else classes[self._Y]
        known = _Known(probabilities, classes, multilabel)
        goal = float(self._scorer(known, np.empty((len(truth), 0)), truth))
        return {"valid_loss": loss, f"valid_{self._scoring}": goal, "goal": goal}


class _Known(ClassifierMixin, BaseEstimator):
    """A classifier whose predictions are known, for scorers."""

    def __init__(
        self,
        probabilities: npt.NDArray[np.float64],
        classes: npt.NDArray[Any],
        multilabel: bool,
    ) -> None:
        self.probabilities = probabilities
        self.classes_ = classes
        self.multilabel = multilabel

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        return self.probabilities

    def predict(self, X: Any) -> npt.NDArray[Any]:
        if self.multilabel:
            chosen: npt.NDArray[Any] = (self.probabilities >= 0.5).astype(np.int64)
            return chosen
        best: npt.NDArray[Any] = self.classes_[self.probabilities.argmax(axis=1)]
        return best
