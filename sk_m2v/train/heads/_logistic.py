"""Logistic regression on the features: the default head, and where training starts.

The minimum is that of scikit-learn's `LogisticRegression`, and so is the method. Texts
are few and n-grams very many, which two things turn to use. Both are exact, and make it
about ten times faster: it works on one number a text and class, never on weights of
n-grams (`minimise`), and n-grams of one text are one column (`Merged`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from sk_m2v.train.features._features import Features
from sk_m2v.train.features._merged import Merged
from sk_m2v.train.heads._class_losses import Sigmoids, class_loss
from sk_m2v.train.heads._minimum import Fit, minimise

FloatArray = npt.NDArray[np.float64]

# Largest entry of the gradient at the end. With scikit-learn's default, probabilities
# are 0.05 from those of the minimum.
TOLERANCE = 1e-5


def fit_logistic(
    features: Features,
    embedding_weight: float,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    *,
    C: float,
    multilabel: bool,
) -> list[Any]:
    """Fit the default head.

    Parameters
    ----------
    features : Features
        Of the texts.
    embedding_weight : float
        Factor of the embedding.
    Y : ndarray of shape (n_texts,), dtype int64, or (n_texts, n_classes)
        Indices of classes, their probabilities, or which labels a text has.
    weights : ndarray of shape (n_texts,) or (n_texts, n_labels)
        Of each text, or of each text for each label.
    C : float
        Inverse of the regularisation.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    list of LogisticRegression or DummyClassifier
        As `fit_heads` returns them: one for classes, or one for each label.
    """
    lexical = features.lexical()
    merged = Merged(lexical)
    dense = features.dense * np.float64(embedding_weight)
    if not multilabel:
        classes, shares = as_shares(Y)
        data = _data(merged, dense, classes.size)
        fit = minimise(data, class_loss(shares, weights), C, TOLERANCE)
        return [_estimator(fit, classes, C)]
    varied = Y.min(axis=0) != Y.max(axis=0)
    data = _data(merged, dense, int(varied.sum()))
    labels = Sigmoids(Y[:, varied], weights[:, varied])
    # Each stops for itself, where with classes the last one counts.
    fit = minimise(data, labels, C, TOLERANCE / 4)
    columns = iter(range(fit.intercept.size))
    return [
        _estimator(fit.column(next(columns)), np.array([0, 1]), C)
        if is_varied
        else DummyClassifier(strategy="prior").fit(lexical, target.astype(np.int64))
        for is_varied, target in zip(varied, Y.T, strict=True)
    ]


def as_shares(Y: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Shares of the classes in each text.

    Parameters
    ----------
    Y : ndarray of shape (n_texts,), dtype int64, or (n_texts, n_classes)
        Indices of classes, or their probabilities.

    Returns
    -------
    classes : ndarray of shape (n_found,), dtype int64
        Those that texts have.
    shares : ndarray of shape (n_texts, n_found), dtype float64
        Their probabilities.
    """
    if Y.ndim == 1:
        classes, truth = np.unique(Y, return_inverse=True)
        return classes, np.eye(classes.size)[truth]
    classes = np.flatnonzero(Y.any(axis=0))
    return classes, Y[:, classes].astype(np.float64)


def _estimator(
    fit: Fit, classes: npt.NDArray[np.int64], C: float
) -> LogisticRegression:
    """Estimator of scikit-learn with these weights."""
    estimator = LogisticRegression(C=C)
    estimator.coef_ = np.ascontiguousarray(fit.weights.T)
    estimator.intercept_ = fit.intercept
    estimator.classes_ = classes
    estimator.n_features_in_ = fit.weights.shape[0]
    estimator.n_iter_ = np.array([fit.n_iter], dtype=np.int32)
    return estimator


# --- Data ---------------------------------------------------------------------------


class _Data:
    """The rows of the data, and sums of them."""

    def __init__(self, merged: Merged, dense: FloatArray) -> None:
        self._merged = merged
        self._transposed = merged.matrix.T.tocsr()
        self._dense = dense

    def products(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        # Sum the rows with `factors` of the texts. Return the inner products of the
        # sums with the rows, and the largest element of the sums.
        lexical, dense = self._sums(factors)
        scores: FloatArray = self._merged.matrix @ lexical + self._dense @ dense
        return scores, _largest(lexical, dense)

    def weights(self, factors: FloatArray) -> FloatArray:
        # Return a sum of the rows, of all features.
        lexical, dense = self._sums(factors)
        return np.concatenate([self._merged.unmerge(lexical), dense])

    def _sums(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._transposed @ factors, self._dense.T @ factors


class _FewTexts(_Data):
    """The same with the inner products of all pairs of texts, computed once."""

    def __init__(self, merged: Merged, dense: FloatArray) -> None:
        super().__init__(merged, dense)
        lexical = merged.matrix @ self._transposed
        self._pairs = lexical.toarray() + dense @ dense.T

    def products(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        scores = self._pairs @ factors
        squares = np.einsum("nk,nk->k", factors, scores)
        lengths = np.sqrt(np.maximum(squares, 0))
        # No element is larger than the length; only near the end it has to be known.
        near = lengths < 100 * TOLERANCE
        if near.any():
            lengths[near] = _largest(*self._sums(factors[:, near]))
        return scores, lengths


def _largest(*arrays: FloatArray) -> FloatArray:
    largest: FloatArray = np.maximum(
        *(np.abs(it).max(axis=0, initial=0) for it in arrays)
    )
    return largest


# What the inner products of pairs may take, and how often the solver needs the data.
_MOST_TEXTS = 4_000
_N_PRODUCTS = 100


def _data(merged: Merged, dense: FloatArray, n_outputs: int) -> _Data:
    """Choose what is less work."""
    n_texts, n_columns = merged.matrix.shape
    in_texts = np.bincount(merged.matrix.indices, minlength=n_columns)
    work_of_pairs = float((in_texts.astype(np.float64) ** 2).sum())
    saves = work_of_pairs < _N_PRODUCTS * merged.matrix.nnz * n_outputs
    few = n_texts <= _MOST_TEXTS and saves
    return (_FewTexts if few else _Data)(merged, dense)
