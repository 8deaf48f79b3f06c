"""What L-BFGS remembers: the last steps, and their inner products.

A direction is a sum of what is remembered and of the slope. Its factors follow from
inner products alone (W. Chen, Z. Wang and J. Zhou, "Large-scale L-BFGS using
MapReduce", 2014), so that large arrays are read three times in an iteration, not eighty
times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MEMORY = 10  # steps remembered


def dot(first: FloatArray, second: FloatArray) -> FloatArray:
    """Inner products of rows.

    Parameters
    ----------
    first, second : ndarray of shape (n_rows, n)
        The rows.

    Returns
    -------
    ndarray of shape (n_rows,)
        A product a row.
    """
    products: FloatArray = np.matmul(first[:, None], second[:, :, None])[:, 0, 0]
    return products


class Vectors(NamedTuple):
    """Weights and intercepts of groups, in terms of the texts.

    Attributes
    ----------
    factors : ndarray of shape (n_groups, n)
        Weights are the sum of the rows of the data times these.
    intercept : ndarray of shape (n_groups, n_outputs_of_group)
        The intercepts.
    scores : ndarray of shape (n_groups, n)
        Of the texts by the weights.
    """

    factors: FloatArray
    intercept: FloatArray
    scores: FloatArray

    def inner(self, other: Vectors) -> FloatArray:
        """Inner products of the weights and intercepts.

        Parameters
        ----------
        other : Vectors
            Others of the same groups.

        Returns
        -------
        ndarray of shape (n_groups,)
            The products.
        """
        products = dot(self.factors, other.scores)
        return products + dot(self.intercept, other.intercept)

    def plus(self, other: Vectors) -> Vectors:
        """Sum of both.

        Parameters
        ----------
        other : Vectors
            Others of the same groups.

        Returns
        -------
        Vectors
            The sums.
        """
        return Vectors(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Vectors) -> Vectors:
        """Difference of both.

        Parameters
        ----------
        other : Vectors
            Others of the same groups.

        Returns
        -------
        Vectors
            The differences.
        """
        return Vectors(*(a - b for a, b in zip(self, other, strict=True)))

    def times(self, factors: FloatArray) -> Vectors:
        """Multiples.

        Parameters
        ----------
        factors : ndarray of shape (n_groups,)
            One a group.

        Returns
        -------
        Vectors
            The products.
        """
        return Vectors(*(factors[:, None] * it for it in self))

    def some(self, groups: npt.NDArray[np.bool_]) -> Vectors:
        """Those of some groups.

        Parameters
        ----------
        groups : ndarray of shape (n_groups,), dtype bool
            Which.

        Returns
        -------
        Vectors
            Of these.
        """
        return Vectors(*(it[groups] for it in self))


class Steps:
    """The last moves, and how the slope changed with each.

    Parameters
    ----------
    like : Vectors
        Vectors of the same shapes.
    """

    def __init__(self, like: Vectors) -> None:
        n_groups = len(like.factors)
        # Moves in even rows, and changes of the slope after each.
        self._rows = Vectors(
            *(np.zeros((n_groups, 2 * _MEMORY, it.shape[1])) for it in like)
        )
        self._products = np.zeros((n_groups, 2 * _MEMORY, 2 * _MEMORY))
        # Of pairs that tell nothing of a group, the inverse is 0.
        self._inverse = np.zeros((n_groups, _MEMORY))
        self._scale = np.zeros(n_groups)
        self._n_added = 0

    def keep(self, groups: npt.NDArray[np.bool_]) -> None:
        """Forget some groups.

        Parameters
        ----------
        groups : ndarray of shape (n_groups,), dtype bool
            Those that stay.
        """
        self._rows = self._rows.some(groups)
        self._products, self._inverse = self._products[groups], self._inverse[groups]
        self._scale = self._scale[groups]

    def add(self, move: Vectors, change: Vectors) -> None:
        """Remember a step.

        Parameters
        ----------
        move : Vectors
            From where to where.
        change : Vectors
            Of the slope.
        """
        pair = self._n_added % _MEMORY
        self._n_added += 1
        first, end = 2 * pair, 2 * min(self._n_added, _MEMORY)
        for rows, *both in zip(self._rows, move, change, strict=True):
            rows[:, first], rows[:, first + 1] = both
        new = slice(first, first + 2)
        products = sum(
            left[:, :end] @ right[:, new].transpose(0, 2, 1)
            for left, right in (
                (self._rows.factors, self._rows.scores),
                (self._rows.intercept, self._rows.intercept),
            )
        )
        self._products[:, :end, new] = products
        self._products[:, new, :end] = np.transpose(products, (0, 2, 1))
        curvature = self._products[:, first, first + 1]
        size = self._products[:, first + 1, first + 1]
        tells = (curvature > 0) & (size > 0)
        self._inverse[:, pair] = 0
        self._inverse[tells, pair] = 1 / curvature[tells]
        self._scale[tells] = curvature[tells] / size[tells]

    def direction(self, slope: Vectors) -> Vectors:
        """Where to go from a slope: L-BFGS's two loops.

        Parameters
        ----------
        slope : Vectors
            The slope.

        Returns
        -------
        Vectors
            Directions that go down.
        """
        steep = slope.inner(slope)
        plain = -1 / np.sqrt(np.where(steep > 0, steep, 1))
        n_pairs = min(self._n_added, _MEMORY)
        if not n_pairs:
            return slope.times(plain)
        end = 2 * n_pairs
        products = self._products[:, :end, :end]
        of_slope = self._of_slope(slope, end)
        # The direction is the sum of the rows times these, and of the slope times that.
        factors, of_it = np.zeros((len(steep), end)), -np.ones(len(steep))
        oldest = self._n_added % n_pairs if self._n_added > n_pairs else 0
        pairs = [(oldest + i) % n_pairs for i in range(n_pairs)]

        def inner(row: int) -> FloatArray:
            return dot(products[:, row], factors) + of_it * of_slope[:, row]

        alphas = {}
        for pair in reversed(pairs):
            alphas[pair] = inner(2 * pair) * self._inverse[:, pair]
            factors[:, 2 * pair + 1] -= alphas[pair]
        has_scale = self._scale > 0
        scale = np.where(has_scale, self._scale, 1)
        factors *= scale[:, None]
        of_it *= scale
        for pair in pairs:
            beta = inner(2 * pair + 1) * self._inverse[:, pair]
            factors[:, 2 * pair] += alphas[pair] - beta
        down = dot(factors, of_slope) + of_it * steep
        # Rounding has spoilt what was remembered, or nothing was.
        spoilt = ~has_scale | (down >= 0)
        factors[spoilt], of_it[spoilt] = 0, plain[spoilt]
        self._inverse[spoilt] = 0
        self._scale[spoilt] = 0
        sums = (np.matmul(factors[:, None], rows[:, :end])[:, 0] for rows in self._rows)
        return slope.times(of_it).plus(Vectors(*sums))

    def _of_slope(self, slope: Vectors, end: int) -> FloatArray:
        """Inner products of the slope with the rows."""
        pairs = (
            (self._rows.factors, slope.scores),
            (self._rows.intercept, slope.intercept),
        )
        products: FloatArray = sum(
            np.matmul(rows[:, :end], it[:, :, None])[:, :, 0] for rows, it in pairs
        )
        return products
