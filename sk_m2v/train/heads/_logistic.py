"""Logistic regression on the features: the default head, and where training starts.

The minimum is that of scikit-learn's `LogisticRegression`, and so is the method, L-BFGS
(D. Liu and J. Nocedal, "On the limited memory BFGS method for large scale
optimization", 1989). Texts are few and n-grams very many, which two things turn to use.
Both are exact, and make it about ten times faster:

- Whatever L-BFGS computes is a sum of the rows of the data, with one number a text and
  class (B. Schölkopf, R. Herbrich and A. Smola, "A Generalized Representer Theorem",
  2001). It works on these numbers, never on weights of n-grams; and as scores are
  linear along a direction, its line search multiplies no matrix.
- N-grams of one text are one column (`Merged`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from sk_m2v.train.features._features import Features
from sk_m2v.train.features._merged import Merged

FloatArray = npt.NDArray[np.float64]

# Largest entry of the gradient at the end. With scikit-learn's default, probabilities
# are 0.05 from those of the minimum.
TOLERANCE = 1e-5
_MAX_ITERATIONS = 500
_MEMORY = 10  # steps remembered


def fit_logistic(
    features: Features,
    embedding_weight: float,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    *,
    C: float,
) -> list[Any]:
    """Fit the default head.

    Parameters
    ----------
    features : Features
        Of the texts.
    embedding_weight : float
        Factor of the embedding.
    Y : ndarray of shape (n_texts,), dtype int64, or (n_texts, n_labels)
        Indices of classes, or which labels a text has.
    weights : ndarray of the shape of `Y`
        Of each text, or of each text for each label.
    C : float
        Inverse of the regularisation.

    Returns
    -------
    list of LogisticRegression or DummyClassifier
        As `fit_heads` returns them: one for classes, or one for each label.
    """
    lexical = features.lexical()
    merged = Merged(lexical)
    dense = features.dense * np.float64(embedding_weight)
    if Y.ndim == 1:
        classes, truth = np.unique(Y, return_inverse=True)
        data = _data(merged, dense, classes.size)
        if classes.size == 2:
            fit = _minimise(data, _Sigmoids(truth[:, None], weights[:, None]), C)
        else:
            fit = _minimise(data, _Softmax(truth, weights), C)
        return [_estimator(fit, classes, C)]
    varied = Y.min(axis=0) != Y.max(axis=0)
    data = _data(merged, dense, int(varied.sum()))
    fit = _minimise(data, _Sigmoids(Y[:, varied], weights[:, varied]), C)
    columns = iter(range(fit.intercept.size))
    return [
        _estimator(fit.column(next(columns)), np.array([0, 1]), C)
        if is_varied
        else DummyClassifier(strategy="prior").fit(lexical, target.astype(np.int64))
        for is_varied, target in zip(varied, Y.T, strict=True)
    ]


class _Fit(NamedTuple):
    weights: FloatArray  # (n_features, n_outputs)
    intercept: FloatArray  # (n_outputs,)
    n_iter: int

    def column(self, index: int) -> _Fit:
        # Return one of several outputs.
        one = slice(index, index + 1)
        return _Fit(self.weights[:, one], self.intercept[one], self.n_iter)


def _estimator(
    fit: _Fit, classes: npt.NDArray[np.int64], C: float
) -> LogisticRegression:
    """Estimator of scikit-learn with these weights."""
    estimator = LogisticRegression(C=C)
    estimator.coef_ = np.ascontiguousarray(fit.weights.T)
    estimator.intercept_ = fit.intercept
    estimator.classes_ = classes
    estimator.n_features_in_ = fit.weights.shape[0]
    estimator.n_iter_ = np.array([fit.n_iter], dtype=np.int32)
    return estimator


# --- Losses -------------------------------------------------------------------------
# Each is divided by the sum of the weights, as gradients then mean the same for all.


class _Sigmoids:
    """Independent outputs, each true or not."""

    def __init__(self, truth: npt.NDArray[Any], weights: FloatArray) -> None:
        self.totals = weights.sum(axis=0)
        self.shape = truth.shape
        self._shares = weights / self.totals
        self._truth = truth.astype(np.float64)

    def __call__(self, scores: FloatArray) -> tuple[float, FloatArray]:
        losses = np.logaddexp(0, scores) - scores * self._truth
        loss = float(np.vdot(self._shares, losses))
        return loss, self._shares * (expit(scores) - self._truth)


class _Softmax:
    """Classes of which one is true."""

    def __init__(self, truth: npt.NDArray[np.intp], weights: FloatArray) -> None:
        self.totals = weights.sum()
        self.shape = (truth.size, int(truth.max()) + 1)
        self._shares = weights / self.totals
        self._true = np.arange(truth.size), truth

    def __call__(self, scores: FloatArray) -> tuple[float, FloatArray]:
        logarithms = scores - logsumexp(scores, axis=1, keepdims=True)
        loss = -float(self._shares @ logarithms[self._true])
        residual = np.exp(logarithms)
        residual[self._true] -= 1
        return loss, residual * self._shares[:, None]


# --- Minimum ------------------------------------------------------------------------


class _Data:
    """The rows of the data, and sums of them."""

    def __init__(self, merged: Merged, dense: FloatArray) -> None:
        self._merged = merged
        self._transposed = merged.matrix.T.tocsr()
        self._dense = dense

    def products(self, factors: FloatArray) -> tuple[FloatArray, float]:
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

    def products(self, factors: FloatArray) -> tuple[FloatArray, float]:
        scores = self._pairs @ factors
        length = np.sqrt(max(np.vdot(factors, scores), 0))
        # No element is larger than the length; only near the end it has to be known.
        near = length < 100 * TOLERANCE
        return scores, _largest(*self._sums(factors)) if near else float(length)


def _largest(*arrays: FloatArray) -> float:
    return float(max(np.abs(it).max(initial=0) for it in arrays))


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


class _Vector(NamedTuple):
    """Weights and intercept, in terms of the texts."""

    factors: FloatArray  # weights are the sum of the rows times these
    intercept: FloatArray
    scores: FloatArray  # of the texts by the weights

    def dot(self, other: _Vector) -> float:
        # Inner product of the weights and intercepts.
        product = np.vdot(self.factors, other.scores)
        return float(product + self.intercept @ other.intercept)

    def plus(self, factor: float, other: _Vector) -> _Vector:
        # Sum with a multiple of another.
        return _Vector(*(a + factor * b for a, b in zip(self, other, strict=True)))

    def times(self, factor: float) -> _Vector:
        # Return a multiple.
        return _Vector(*(factor * it for it in self))


def _minimise(data: _Data, loss: _Sigmoids | _Softmax, C: float) -> _Fit:
    """Minimise the loss plus ``weights ** 2 / (2 * C * totals)``, summed."""
    penalty = 1 / (C * loss.totals)
    shape = loss.shape
    zeros = np.zeros(shape)
    here = _Vector(zeros, np.zeros(shape[1]), zeros)

    def gradient(at: _Vector, residual: FloatArray) -> tuple[_Vector, float]:
        factors = residual + penalty * at.factors
        intercept = residual.sum(axis=0)
        scores, largest = data.products(factors)
        return _Vector(factors, intercept, scores), max(largest, _largest(intercept))

    def value(at: _Vector) -> tuple[float, FloatArray]:
        plain, residual = loss(at.scores + at.intercept)
        squares = float(np.sum(penalty * at.factors * at.scores))
        return plain + squares / 2, residual

    height, residual = value(here)
    slope, largest = gradient(here, residual)
    memory: list[tuple[_Vector, _Vector, float]] = []
    n_iter = 0
    while largest > TOLERANCE and n_iter < _MAX_ITERATIONS:
        n_iter += 1
        direction = _direction(slope, memory)
        if direction.dot(slope) >= 0:  # rounding has spoilt what was remembered
            memory = []
            direction = _direction(slope, memory)
        found = _line_search(here, direction, height, slope, penalty, value)
        if found is None:
            break  # as low as the precision of numbers allows
        step, height, residual = found
        move = direction.times(step)
        here = here.plus(1, move)
        new, largest = gradient(here, residual)
        change = new.plus(-1, slope)
        slope = new
        curvature = move.dot(change)
        if curvature > 0:
            memory = [*memory[1 - _MEMORY :], (move, change, curvature)]
    return _Fit(data.weights(here.factors), here.intercept, n_iter)


def _direction(slope: _Vector, memory: list[tuple[_Vector, _Vector, float]]) -> _Vector:
    """Where to go from a gradient: L-BFGS's two loops."""
    direction = slope.times(-1)
    if not memory:
        return direction.times(1 / np.sqrt(slope.dot(slope)))
    alphas = []
    for move, change, curvature in reversed(memory):
        alphas.append(move.dot(direction) / curvature)
        direction = direction.plus(-alphas[-1], change)
    _, change, curvature = memory[-1]
    direction = direction.times(curvature / change.dot(change))
    for (move, change, curvature), alpha in zip(memory, reversed(alphas), strict=True):
        beta = change.dot(direction) / curvature
        direction = direction.plus(alpha - beta, move)
    return direction


def _line_search(
    here: _Vector,
    direction: _Vector,
    height: float,
    slope: _Vector,
    penalty: Any,
    value: Callable[[_Vector], tuple[float, FloatArray]],
) -> tuple[float, float, FloatArray] | None:
    """Find a step by halves and doubles that goes down enough, and not too short."""
    steepness = direction.dot(slope)
    step, low, high = 1.0, 0.0, np.inf
    for _ in range(40):
        there = here.plus(step, direction)
        new, residual = value(there)
        along = float(
            np.vdot(residual, direction.scores + direction.intercept)
            + np.sum(penalty * there.factors * direction.scores)
        )
        # Near the end, differences of heights are lost in rounding; slopes are not.
        lost = 1e-12 * abs(height)
        if new > height + 1e-4 * step * steepness + lost:
            high = step
        elif along < 0.9 * steepness:
            low = step
        else:
            return step, new, residual
        step = (low + high) / 2 if np.isfinite(high) else 2 * low
    return None
