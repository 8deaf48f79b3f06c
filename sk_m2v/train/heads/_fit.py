"""Classifiers of scikit-learn as heads: one for classes, or one for each label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import has_fit_parameter

from sk_m2v._sklearn import FitTask
from sk_m2v.train.heads._head import Head, Linear


def fit_heads(
    head: Any,
    X: Any,
    Y: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    fit: FitTask,
) -> list[Any]:
    """Fit clones of a classifier: one for classes, or one for each of several labels.

    Parameters
    ----------
    head : classifier
        What to clone.
    X : array or sparse array of shape (n_texts, n_features)
        Features.
    Y : ndarray of shape (n_texts,), dtype int64, or (n_texts, n_labels)
        Indices of classes, or which labels a text has.
    weights : ndarray of the shape of `Y`
        Of each text, or of each text for each label.
    fit : FitTask
        Whose steps the fits of the clones are.

    Returns
    -------
    list of classifier
        One, or one a label. A label that all texts have, or none, gets a constant.
    """
    if Y.ndim == 1:
        it = clone(head)
        with fit.step("fit-head", it):
            return [_fit(it, X, Y, weights)]
    heads = []
    for target, weight in zip(Y.T.astype(np.int64), weights.T, strict=True):
        constant = target.min() == target.max()
        it = DummyClassifier(strategy="prior") if constant else clone(head)
        with fit.step("fit-head", None if constant else it):
            heads.append(_fit(it, X, target, weight))
    return heads


def _fit(head: Any, X: Any, y: Any, weight: npt.NDArray[np.float64]) -> Any:
    if has_fit_parameter(head, "sample_weight"):
        return head.fit(X, y, sample_weight=weight)
    if np.unique(weight).size == 1:
        return head.fit(X, y)
    raise ValueError(
        f"{type(head).__name__} takes no sample_weight, so texts cannot weigh "
        "differently: pass class_weight=None and no sample_weight, or another head"
    )


# The log odds of a label that every text of the training had, or none. Certain to any
# precision that matters, and still finite.
_CERTAIN = 20.0
# How much less likely than the rarest is a class that may come later: little enough for
# now, and not out of the reach of training.
_UNSEEN = 5.0


def as_linear(
    heads: list[Any],
    n_lexical: int,
    dim: int,
    *,
    embedding_weight: float,
    n_classes: int,
    multilabel: bool,
) -> Head | None:
    """Write fitted logistic regressions as one linear head.

    Parameters
    ----------
    heads : list of classifier
        From `fit_heads`.
    n_lexical : int
        Number of lexical features, which come first.
    dim : int
        Number of dimensions of the embedding, which come last.
    embedding_weight : float
        Factor by which the embedding was multiplied.
    n_classes : int
        Number of classes or labels.
    multilabel : bool
        Whether there is one head a label.

    Returns
    -------
    Head or None
        None if a head is anything but a logistic regression.
    """
    n_features = n_lexical + dim
    kinds = {type(it) for it in heads}
    if not kinds <= {LogisticRegression, DummyClassifier}:
        return None
    if multilabel:
        coef, intercept = _label_rows(heads, n_features)
    elif kinds == {LogisticRegression}:
        coef, intercept = _class_rows(heads[0], n_classes)
    else:
        return None
    lexical, dense = np.split(coef, [n_lexical], axis=1)
    weight = np.ascontiguousarray(dense.T * embedding_weight, dtype=np.float32)
    return Head(
        layers=(Linear(weight, intercept.astype(np.float32)),),
        lexical=np.ascontiguousarray(lexical.T, dtype=np.float32),
    )


def _label_rows(
    heads: list[Any], n_features: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Coefficients and intercept of each label."""
    rows = [
        (it.coef_[0], it.intercept_[0])
        if hasattr(it, "coef_")
        else (np.zeros(n_features), _CERTAIN if it.classes_[0] else -_CERTAIN)
        for it in heads
    ]
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


def _class_rows(
    head: LogisticRegression, n_classes: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Coefficients and intercept of each class, also of those not seen so far."""
    coef, intercept = head.coef_, head.intercept_
    if len(head.classes_) == 2:
        # One score for both classes: half of it for and half against.
        coef = np.concatenate([-coef, coef]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    if len(head.classes_) == n_classes:
        return coef, intercept
    all_coef = np.zeros((n_classes, coef.shape[1]), coef.dtype)
    all_intercept = np.full(n_classes, intercept.min() - _UNSEEN, intercept.dtype)
    all_coef[head.classes_], all_intercept[head.classes_] = coef, intercept
    return all_coef, all_intercept
