"""The minimum of a logistic regression, in terms of its texts.

Whatever L-BFGS (D. Liu and J. Nocedal, "On the limited memory BFGS method for large
scale optimization", 1989) computes is a sum of the rows of the data, with one number a
text and class (B. Schölkopf, R. Herbrich and A. Smola, "A Generalized Representer
Theorem", 2001). It works on these numbers, never on weights of n-grams; and as scores
are linear along a direction, its line search multiplies no matrix.

Groups of outputs that have nothing to do with each other (`_class_losses`) are
minimised side by side, each with steps of its own: as many labels as there are, in the
iterations that one takes, and with one product of the data for all that are not there.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sk_m2v.train.heads._class_losses import ClassLoss
from sk_m2v.train.heads._steps import Steps, Vectors, dot

FloatArray = npt.NDArray[np.float64]

_MAX_ITERATIONS = 500


class Rows(Protocol):
    """The rows of the data, and sums of them."""

    def products(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sum the rows, and multiply the sums with the rows.

        Parameters
        ----------
        factors : ndarray of shape (n_texts, n_outputs)
            Of the rows.

        Returns
        -------
        products : ndarray of shape (n_texts, n_outputs)
            Inner products of the sums with the rows.
        largest : ndarray of shape (n_outputs,)
            Largest element of each sum, or more.
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


def minimise(
    data: Rows,
    loss: ClassLoss,
    C: float,
    tolerance: float,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> Fit:
    """Minimise the loss plus ``weights ** 2 / (2 * C * totals)``, summed.

    Parameters
    ----------
    data : Rows
        The texts.
    loss : ClassLoss
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
    n_texts, n_outputs = loss.shape
    if start is None:
        start = np.zeros(loss.shape), np.zeros(n_outputs)
    factors, intercept = loss.grouped(start[0]), loss.grouped(start[1][None])
    descent = _Descent(data, loss, C, n_texts, factors, intercept)
    factors, intercept = factors.copy(), intercept.copy()  # of those that are there
    left = np.arange(len(factors))  # the others
    n_iter = 0
    while True:
        done = (descent.largest <= tolerance) | descent.is_stuck
        if done.all() or n_iter == _MAX_ITERATIONS:
            done[:] = True
        # Groups go a few at a time: what is left has to be copied.
        if done.all() or 4 * np.count_nonzero(done) >= done.size:
            factors[left[done]] = descent.here.factors[done]
            intercept[left[done]] = descent.here.intercept[done]
            left = left[~done]
            if not left.size:
                break
            descent.keep(~done)
        n_iter += 1
        descent.step()
    found = loss.columns(factors, n_texts)
    return Fit(data.weights(found), loss.columns(intercept, 1)[0], n_iter)


class _Descent:
    """Where the groups are, and how they got there."""

    def __init__(
        self,
        data: Rows,
        loss: ClassLoss,
        C: float,
        n_texts: int,
        factors: FloatArray,
        intercept: FloatArray,
    ) -> None:
        self._data, self._loss, self._n_texts = data, loss, n_texts
        self._penalty = 1 / (C * loss.totals)
        scores = np.zeros_like(factors)
        if factors.any():
            scores, _ = self._products(factors)
        self.here = Vectors(factors, intercept, scores)
        self._height, residual = self._value(self.here)
        self._slope, self.largest = self._gradient(residual)
        self._steps = Steps(self.here)
        self.is_stuck = np.zeros(len(factors), dtype=bool)

    def keep(self, groups: npt.NDArray[np.bool_]) -> None:
        # Go on with some of the groups.
        if groups.all():
            return
        self._loss = self._loss.some(groups)
        self._penalty, self._height = self._penalty[groups], self._height[groups]
        self.here, self._slope = self.here.some(groups), self._slope.some(groups)
        self.largest, self.is_stuck = self.largest[groups], self.is_stuck[groups]
        self._steps.keep(groups)

    def step(self) -> None:
        # Go down once.
        direction = self._steps.direction(self._slope)
        lengths, residual = self._line_search(direction)
        move = direction.times(lengths)
        self.here = self.here.plus(move)
        slope, self.largest = self._gradient(residual)
        self._steps.add(move, slope.minus(self._slope))
        self._slope = slope

    def _products(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        columns = self._loss.columns(factors, self._n_texts)
        products, largest = self._data.products(columns)
        grouped = self._loss.grouped(products)
        return grouped, self._loss.grouped(largest[None]).max(axis=1)

    def _gradient(self, residual: FloatArray) -> tuple[Vectors, FloatArray]:
        factors = residual + self._penalty * self.here.factors
        intercept = self._sums(residual)
        scores, largest = self._products(factors)
        return Vectors(factors, intercept, scores), np.maximum(
            largest, np.abs(intercept).max(axis=1)
        )

    def _sums(self, residual: FloatArray) -> FloatArray:
        """Sums over the texts, for each output."""
        n_groups, n_outputs = self.here.intercept.shape
        sums: FloatArray = residual.reshape(n_groups, -1, n_outputs).sum(axis=1)
        return sums

    def _value(self, at: Vectors) -> tuple[FloatArray, FloatArray]:
        plain, residual = self._loss(at.scores, at.intercept)
        squares = self._penalty[:, 0] * dot(at.factors, at.scores)
        return plain + squares / 2, residual

    def _line_search(self, direction: Vectors) -> tuple[FloatArray, FloatArray]:
        """Find steps by halves and doubles that go down enough, and not too short.

        Returns their lengths, and the residual there.
        """
        here, penalty = self.here, self._penalty[:, 0]
        steepness = direction.inner(self._slope)
        # Squares of the weights along the direction, whose length is all that changes.
        squares = penalty * dot(here.factors, here.scores)
        across = penalty * dot(here.factors, direction.scores)
        bend = penalty * dot(direction.factors, direction.scores)
        steps, low = np.ones(len(penalty)), np.zeros(len(penalty))
        high = np.full(len(penalty), np.inf)
        # Near the end, differences of heights are lost in rounding; slopes are not.
        lost = 1e-12 * np.abs(self._height)
        found = self.is_stuck.copy()
        steps[found] = 0
        for _ in range(40):
            at = steps[:, None]
            plain, residual = self._loss(
                here.scores + at * direction.scores,
                here.intercept + at * direction.intercept,
            )
            new = plain + squares / 2 + steps * across + steps**2 * bend / 2
            along = dot(residual, direction.scores) + across + steps * bend
            along += dot(self._sums(residual), direction.intercept)
            too_far = new > self._height + 1e-4 * steps * steepness + lost
            too_short = ~too_far & (along < 0.9 * steepness)
            found |= ~(too_far | too_short)
            if found.all():
                break
            high = np.where(too_far & ~found, steps, high)
            low = np.where(too_short & ~found, steps, low)
            between = np.where(np.isfinite(high), (low + high) / 2, 2 * low)
            steps = np.where(found, steps, between)
        if not found.all():  # as low as the precision of numbers allows
            self.is_stuck |= ~found
            steps[~found] = 0
            new, residual = self._value(here.plus(direction.times(steps)))
        self._height = new
        return steps, residual
