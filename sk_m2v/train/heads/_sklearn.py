"""Fitted classifiers of scikit-learn as the head of a classifier of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._parameters import public
from sk_m2v.train.features._features import Block, Features
from sk_m2v.train.heads._head import to_probabilities

FloatArray = npt.NDArray[np.float64]


@public("sk_m2v.train")
class SklearnHead:
    """Like `Head`, for classifiers that are not linear, or not known to be.

    Parameters
    ----------
    heads : list of classifier
        One for classes, or one a label.
    embedding_weight : float
        Factor of the embedding.
    multilabel : bool
        Whether each label is decided for itself.
    """

    linear = False

    def __init__(
        self, heads: list[Any], embedding_weight: float, multilabel: bool
    ) -> None:
        self._heads = heads
        self.embedding_weight = embedding_weight
        self._multilabel = multilabel

    def scores(
        self, blocks: Sequence[Block], dense: npt.NDArray[np.float32]
    ) -> FloatArray:
        """Scores of texts: those of the classifiers, or logarithms of probabilities.

        Parameters
        ----------
        blocks, dense : sequence of csr_array or Deferred, ndarray
            As in `Head.scores`.

        Returns
        -------
        ndarray of shape (n_texts, n_classes), dtype float64
            The scores.
        """
        X = Features(tuple(blocks), dense).stacked(self.embedding_weight)
        if self._multilabel:
            return np.column_stack([_one_score(it, X) for it in self._heads])
        (head,) = self._heads
        if not hasattr(head, "decision_function"):
            return _log(head.predict_proba(X))
        scores = np.asarray(head.decision_function(X), dtype=np.float64)
        return np.column_stack([-scores, scores]) / 2 if scores.ndim == 1 else scores

    def probabilities(
        self,
        blocks: Sequence[Block],
        dense: npt.NDArray[np.float32],
        *,
        multilabel: bool,
    ) -> FloatArray:
        """Probabilities of the classifiers.

        Of a classifier that has none: those that its scores would have as logits. They
        agree with it on which class is the likeliest, and serve `predict` alone.

        Parameters
        ----------
        blocks, dense : sequence of csr_array or Deferred, ndarray
            As in `Head.scores`.
        multilabel : bool
            Whether a text can have any number of labels.

        Returns
        -------
        ndarray of shape (n_texts, n_classes), dtype float64
            The probabilities.
        """
        if not all(hasattr(it, "predict_proba") for it in self._heads):
            return to_probabilities(self.scores(blocks, dense), multilabel=multilabel)
        X = Features(tuple(blocks), dense).stacked(self.embedding_weight)
        if multilabel:
            return np.column_stack([_one_probability(it, X) for it in self._heads])
        (head,) = self._heads
        return np.asarray(head.predict_proba(X), dtype=np.float64)


def _one_score(head: Any, X: Any) -> FloatArray:
    if hasattr(head, "decision_function"):
        return np.asarray(head.decision_function(X), dtype=np.float64)
    probability = _one_probability(head, X)
    return _log(probability) - _log(1 - probability)


def _one_probability(head: Any, X: Any) -> FloatArray:
    """Probability that a label is there; a constant where training had no choice."""
    probabilities = np.asarray(head.predict_proba(X), dtype=np.float64)
    if probabilities.shape[1] == 2:
        return probabilities[:, 1]
    return np.full(len(probabilities), float(head.classes_[0]))


def _log(probabilities: FloatArray) -> FloatArray:
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
