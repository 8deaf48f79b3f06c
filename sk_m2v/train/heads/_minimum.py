"""The minimum of a logistic regression, in terms of its texts.

Whatever L-BFGS (D. Liu and J. Nocedal, "On the limited memory BFGS method for large
scale optimization", 1989) computes is a sum of the rows of the data, with one number a
text and class (B. Schölkopf, R. Herbrich and A. Smola, "A Generalized Representer
Theorem", 2001). It works on these numbers, never on weights of n-grams; and as scores
are linear along a direction, its line search multiplies no matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

FloatArray = npt.NDArray[np.float64]

_MAX_ITERATIONS = 500
_MEMORY = 10  # steps remembered


class Rows(Protocol):
    """The rows of the data, and sums of them."""

    def products(self, factors: FloatArray) -> tuple[FloatArray, float]:
        """Sum the rows, and multiply the sums with the rows.

        Parameters
        ----------
        factors : ndarray of shape (n_texts, n_outputs)
            Of the rows.

        Returns
        -------
        products : ndarray of shape (n_texts, n_outputs)
            Inner products of the sums with the rows.
        largest : float
            Largest element of the sums, or more.
        """

    def weights(self, factors: FloatArray) -> FloatArray:
        """Sum the rows.

        Parameters
        ----------
        factors : ndarray of shape (n_texts, n_outputs)
            Of the rows.

        Returns
        -------
        ndarray of shape (n_features, n_outputs)
            The sums.
        """


class Fit(NamedTuple):
    """Where a loss is least.

    Attributes
    ----------
    weights : ndarray of shape (n_features, n_outputs)
        Of the features.
    intercept : ndarray of shape (n_outputs,)
        Of the outputs.
    n_iter : int
        Steps to there.
    """

    weights: FloatArray
    intercept: FloatArray
    n_iter: int

    def column(self, index: int) -> Fit:
        """One of several outputs.

        Parameters
        ----------
        index : int
            Which.

        Returns
        -------
        Fit
            Of that output alone.
        """
        one = slice(index, index + 1)
        return Fit(self.weights[:, one], self.intercept[one], self.n_iter)


# --- Losses -------------------------------------------------------------------------
# Each is divided by the sum of the weights, as gradients then mean the same for all.


class Sigmoids:
    """Independent outputs, each true or not, or something between.

    Parameters
    ----------
    truth, weights : ndarray of shape (n_texts, n_outputs)
        The truth of each, and its weight.
    """

    def __init__(self, truth: npt.NDArray[Any], weights: FloatArray) -> None:
        self.totals = weights.sum(axis=0)
        self.shape = truth.shape
        self._shares = weights / self.totals
        self._truth = truth.astype(np.float64)

    def __call__(self, scores: FloatArray) -> tuple[float, FloatArray]:
        losses = np.logaddexp(0, scores) - scores * self._truth
        loss = float(np.vdot(self._shares, losses))
        return loss, self._shares * (expit(scores) - self._truth)


class Softmax:
    """Classes of which one is true, or each has a share.

    Parameters
    ----------
    truth : ndarray of shape (n_texts, n_classes)
        Shares, which sum to 1.
    weights : ndarray of shape (n_texts,)
        Of each text.
    """

    def __init__(self, truth: npt.NDArray[Any], weights: FloatArray) -> None:
        self.totals = weights.sum()
        self.shape = truth.shape
        self._shares = weights / self.totals
        self._truth = truth.astype(np.float64)

    def __call__(self, scores: FloatArray) -> tuple[float, FloatArray]:
        logarithms = scores - logsumexp(scores, axis=1, keepdims=True)
        loss = -float(self._shares @ (self._truth * logarithms).sum(axis=1))
        residual = np.exp(logarithms) - self._truth
        return loss, residual * self._shares[:, None]


def class_loss(truth: FloatArray, weights: FloatArray) -> Sigmoids | Softmax:
    """Loss of classes, of which one is true or each has a share.

    Parameters
    ----------
    truth : ndarray of shape (n_texts, n_classes)
        Shares of the classes, which sum to 1.
    weights : ndarray of shape (n_texts,)
        Of each text.

    Returns
    -------
    Sigmoids or Softmax
        Two classes need one output, that of the second.
    """
    if truth.shape[1] == 2:
        return Sigmoids(truth[:, 1:], weights[:, None])
    return Softmax(truth, weights)


# --- Minimum ------------------------------------------------------------------------


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


def minimise(
    data: Rows,
    loss: Sigmoids | Softmax,
    C: float,
    tolerance: float,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> Fit:
    """Minimise the loss plus ``weights ** 2 / (2 * C * totals)``, summed.

    Parameters
    ----------
    data : Rows
        The texts.
    loss : Sigmoids or Softmax
        Of their scores.
    C : float
        Inverse of the regularisation.
    tolerance : float
        Largest entry of the gradient at the end.
    start : tuple of ndarray or None
        Where to begin: factors of the rows, whose sum the weights are, and the
        intercept. None is at zeros.

    Returns
    -------
    Fit
        The minimum.
    """
    penalty = 1 / (C * loss.totals)
    shape = loss.shape
    zeros = np.zeros(shape)
    here = _Vector(zeros, np.zeros(shape[1]), zeros)
    if start is not None:
        here = _Vector(*start, data.products(start[0])[0])

    def gradient(at: _Vector, residual: FloatArray) -> tuple[_Vector, float]:
        factors = residual + penalty * at.factors
        intercept = residual.sum(axis=0)
        scores, largest = data.products(factors)
        return _Vector(factors, intercept, scores), max(
            largest, float(np.abs(intercept).max())
        )

    def value(at: _Vector) -> tuple[float, FloatArray]:
        plain, residual = loss(at.scores + at.intercept)
        squares = float(np.sum(penalty * at.factors * at.scores))
        return plain + squares / 2, residual

    height, residual = value(here)
    slope, largest = gradient(here, residual)
    memory: list[tuple[_Vector, _Vector, float]] = []
    n_iter = 0
    while largest > tolerance and n_iter < _MAX_ITERATIONS:
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
    return Fit(data.weights(here.factors), here.intercept, n_iter)


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
