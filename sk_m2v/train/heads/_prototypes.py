"""Heads without labels: the nearest description, and what texts it labels teach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sk_m2v.train.features._features import Features
from sk_m2v.train.heads._choice import Choice, settled_head
from sk_m2v.train.heads._head import Head, Linear

FloatArray = npt.NDArray[np.float64]

# These were chosen on training texts of twelve data sets, those of probabilities by
# their log-loss. A score of the nearest description is this times a cosine.
_SHARPNESS = 15.0
# A regression learns to be as sure as the descriptions' labels are consistent, and
# these are wrong now and then.
_MODESTY = 0.75
# With so many texts a class, the regression counts as much as the descriptions.
_TEXTS_PER_CLASS = 20


def prototype_head(prototypes: FloatArray) -> Head:
    """Score by the cosine with the description of each class.

    Parameters
    ----------
    prototypes : ndarray of shape (n_classes, dim)
        Embeddings of the descriptions.

    Returns
    -------
    Head
        Linear, without lexical features.
    """
    n_classes = len(prototypes)
    lengths = np.linalg.norm(prototypes, axis=1, keepdims=True)
    weight = _SHARPNESS * prototypes / np.where(lengths > 0, lengths, 1)
    return _linear(weight.T, np.zeros(n_classes), np.empty((0, n_classes)))


def self_trained_head(
    start: Head, features: Features, embedding_weight: float, *, C: float
) -> tuple[Head, int]:
    """Learn from texts which words go with the classes that a head gives them.

    Parameters
    ----------
    start : Head
        Linear, without lexical weights.
    features : Features
        Of the texts.
    embedding_weight, C : float
        As in `fit_logistic`.

    Returns
    -------
    head : Head
        ``(1 - share) * start + share * 0.75 * regression``, with the share of `n` texts
        ``n / (n + 20 * n_classes)``. `start` alone if it gives all texts one class.
    n_iter : int
        Iterations of the regression.
    """
    scores = start.scores((), features.dense)
    n_texts, n_classes = scores.shape
    Y, weights = _labelled(scores, features.dense)
    kept = weights > 0
    (of_start,) = start.layers
    if np.unique(Y[kept]).size < 2:
        lexical = np.zeros((features.n_lexical, n_classes))
        return _linear(of_start.weight, of_start.bias, lexical), 0
    learnt, (fitted,) = settled_head(
        features.rows(np.flatnonzero(kept)),
        Y[kept],
        weights[kept],
        Choice(C, embedding_weight),
        n_classes=n_classes,
        multilabel=False,
    )
    (of_learnt,) = learnt.layers
    share = n_texts / (n_texts + _TEXTS_PER_CLASS * n_classes)
    mine, theirs = share * _MODESTY, 1 - share
    head = _linear(
        mine * of_learnt.weight + theirs * of_start.weight,
        mine * of_learnt.bias + theirs * of_start.bias,
        mine * learnt.lexical,
    )
    return head, int(fitted.n_iter_.max())


def _labelled(
    scores: FloatArray, dense: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Likeliest class of each text, and how much to believe it; classes count alike."""
    Y = scores.argmax(axis=1)
    second, first = np.partition(scores, -2, axis=1)[:, -2:].T
    weights = first - second
    weights[~dense.any(axis=1)] = 0  # no known token
    totals = np.bincount(Y, weights, minlength=scores.shape[1])
    weights /= np.where(totals > 0, totals, 1)[Y]
    weights *= len(weights) / max(weights.sum(), 1)
    return Y, weights


def _linear(weight: FloatArray, bias: FloatArray, lexical: FloatArray) -> Head:
    layer = Linear(
        np.ascontiguousarray(weight, np.float32), np.asarray(bias, np.float32)
    )
    return Head((layer,), np.ascontiguousarray(lexical, np.float32))
