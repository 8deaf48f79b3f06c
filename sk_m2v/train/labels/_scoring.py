"""How good scores are on validation texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer

from sk_m2v.train.labels._labels import Labels

# Log-loss counts probabilities from here: one sure mistake must not outweigh the rest.
SMALLEST_PROBABILITY = 1e-7


def log_loss(
    Y: npt.NDArray[Any],
    probabilities: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64] | None = None,
    *,
    multilabel: bool,
) -> float:
    """Mean negative log-likelihood of the true classes, or of all labels.

    Parameters
    ----------
    Y : ndarray of shape (n_texts,), int, or (n_texts, n_classes)
        The truth: classes, their shares, or labels as 0 and 1.
    probabilities : ndarray of shape (n_texts, n_classes)
        What was predicted.
    weights : ndarray of shape (n_texts,), or (n_texts, n_labels), default=None
        How much each text counts, or each label of each.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    float
        In nats.
    """
    if multilabel:
        probabilities = np.where(Y > 0, probabilities, 1 - probabilities)
    losses = -np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    if Y.ndim == 1:
        losses = losses[np.arange(len(Y)), Y]
    elif not multilabel:
        losses = (Y * losses).sum(axis=1)
    return float(np.average(losses, weights=weights))


def score(
    labels: Labels,
    Y: npt.NDArray[Any],
    scoring: str,
    probabilities: npt.NDArray[np.float64],
) -> float:
    """Score predictions.

    Parameters
    ----------
    labels : Labels
        The classes.
    Y : ndarray of shape (n_texts,) or (n_texts, n_labels)
        The truth.
    scoring : str
        Name of a scorer of scikit-learn.
    probabilities : ndarray of shape (n_texts, n_classes)
        What was predicted.

    Returns
    -------
    float
        The larger, the better.
    """
    classes, multilabel = labels.classes_, labels.multilabel
    truth = Y.astype(np.int64) if multilabel else classes[Y]
    known = _Known(probabilities, classes, multilabel)
    return float(get_scorer(scoring)(known, np.empty((len(truth), 0)), truth))


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
