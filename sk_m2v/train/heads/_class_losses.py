"""Losses of scores, as the solver needs them: for groups of outputs.

Outputs that have nothing to do with each other, such as labels of which a text can have
any number, are problems of their own: each is a group. Classes of which one is true are
one group. Arrays have a row a group, which holds what belongs to it, one text after the
other.

Each loss is divided by the sum of the weights, as gradients then mean the same for all.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

FloatArray = npt.NDArray[np.float64]


class ClassLoss(Protocol):
    """Loss of the scores of all texts.

    Attributes
    ----------
    shape : tuple of (int, int)
        Numbers of texts and outputs.
    totals : ndarray of shape (n_groups, 1)
        Sums of the weights.
    """

    shape: tuple[int, ...]
    totals: FloatArray

    def __call__(
        self, scores: FloatArray, intercept: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Compute losses, and how they change with the scores.

        Parameters
        ----------
        scores : ndarray of shape (n_groups, n_scores)
            Scores without the intercept.
        intercept : ndarray of shape (n_groups, n_outputs_of_group)
            Added to those of each text.

        Returns
        -------
        losses : ndarray of shape (n_groups,)
            The losses.
        residual : ndarray of shape (n_groups, n_scores)
            Their derivatives.
        """

    def grouped(self, columns: FloatArray) -> FloatArray:
        """From a column an output to a row a group.

        Parameters
        ----------
        columns : ndarray of shape (n_rows, n_outputs)
            Numbers.

        Returns
        -------
        ndarray of shape (n_groups, n_rows * n_outputs_of_group)
            The same.
        """

    def columns(self, grouped: FloatArray, n_rows: int) -> FloatArray:
        """Back again.

        Parameters
        ----------
        grouped : ndarray of shape (n_groups, n_rows * n_outputs_of_group)
            Numbers.
        n_rows : int
            Number of rows.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
            The same, C-contiguous.
        """

    def some(self, groups: npt.NDArray[np.bool_]) -> Self:
        """Loss of some of the groups.

        Parameters
        ----------
        groups : ndarray of shape (n_groups,), dtype bool
            Which.

        Returns
        -------
        ClassLoss
            Of these.
        """


class Sigmoids:
    """Independent outputs, each true or not, or something between.

    Parameters
    ----------
    truth, weights : ndarray of shape (n_texts, n_outputs)
        The truth of each, and its weight.
    """

    def __init__(self, truth: npt.NDArray[Any], weights: FloatArray) -> None:
        self.shape = truth.shape
        self._truth = np.ascontiguousarray(truth.T, dtype=np.float64)
        weights = np.ascontiguousarray(weights.T)
        self.totals = weights.sum(axis=1, keepdims=True)
        self._shares = weights / self.totals

    def __call__(
        self, scores: FloatArray, intercept: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        scores = scores + intercept
        # Of one exponential, the logarithm of the loss and the probability.
        small = np.exp(-np.abs(scores))
        losses = np.maximum(scores, 0) - scores * self._truth + np.log1p(small)
        residual = np.where(scores >= 0, 1, small)
        residual /= 1 + small
        residual -= self._truth
        residual *= self._shares
        return np.einsum("gs,gs->g", self._shares, losses), residual

    def grouped(self, columns: FloatArray) -> FloatArray:
        return np.ascontiguousarray(columns.T)

    def columns(self, grouped: FloatArray, n_rows: int) -> FloatArray:
        return np.ascontiguousarray(grouped.T)

    def some(self, groups: npt.NDArray[np.bool_]) -> Sigmoids:
        return Sigmoids(
            self._truth[groups].T, (self._shares[groups] * self.totals[groups]).T
        )


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
        self.shape = truth.shape
        self.totals = weights.sum().reshape(1, 1)
        self._shares = weights / weights.sum()
        self._truth = truth.astype(np.float64)

    def __call__(
        self, scores: FloatArray, intercept: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        rows = scores.reshape(self.shape) + intercept
        rows -= logsumexp(rows, axis=1, keepdims=True)
        losses = np.einsum("nk,nk->n", self._truth, rows)
        residual = np.exp(rows, out=rows)
        residual -= self._truth
        residual *= self._shares[:, None]
        return -(self._shares @ losses).reshape(1), residual.reshape(1, -1)

    def grouped(self, columns: FloatArray) -> FloatArray:
        return np.ascontiguousarray(columns).reshape(1, -1)

    def columns(self, grouped: FloatArray, n_rows: int) -> FloatArray:
        return grouped.reshape(n_rows, -1)

    def some(self, groups: npt.NDArray[np.bool_]) -> Softmax:
        return self


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
