"""Targets of regression: numbers or vectors, and what a net need not learn of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened
from sk_m2v._parameters import public
from sk_m2v.train.heads._head import Head, Linear
from sk_m2v.train.labels._rows import column_names, column_order

FloatArray = npt.NDArray[np.float64]


def read_targets(
    y: Any, name: str, form: tuple[int, ...] | None, *, cosine: bool
) -> tuple[FloatArray, tuple[int, ...]]:
    """Check numbers or vectors.

    Parameters
    ----------
    y : array-like of shape (n_texts,) or (n_texts, n_targets)
        The targets.
    name : str
        What errors call them.
    form : tuple of int or None
        Form that one text's must have. None for any.
    cosine : bool
        Whether their directions are to be learnt.

    Returns
    -------
    targets : ndarray of shape (n_texts, n_targets), dtype float64
        The targets as a matrix.
    form : tuple of int
        Form of one text's: ``()`` or ``(n_targets,)``.

    Raises
    ------
    ValueError
        If they cannot be learnt.
    """
    array = np.asarray(y)
    texts = array.dtype == object and any(isinstance(it, str) for it in array.flat)
    if array.dtype.kind not in "buifO" or texts:
        raise ValueError(
            f"{name} must hold numbers, got {shortened(array.dtype)}: for classes "
            "there is StaticClassifier"
        )
    try:
        targets = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers: {shortened(error)}") from error
    if targets.ndim not in (1, 2) or (targets.ndim == 2 and not targets.shape[1]):
        raise ValueError(
            f"{name} must hold a number or a vector a text, got shape {targets.shape}"
        )
    if form is not None and targets.shape[1:] != form:
        raise ValueError(
            f"{name} must have {form or 'no'} columns as the y of fit has, got shape "
            f"{targets.shape}"
        )
    rows = targets.reshape(len(targets), -1)
    with np.errstate(over="ignore"):  # what float32 cannot hold is as bad as infinity
        bad = ~np.isfinite(rows.astype(np.float32)).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"Row {row} of {name} (counted from 0) is {quoted(targets[row].tolist())}: "
            "drop rows with NaN, infinity or a value too large for float32"
        )
    if cosine:
        if targets.ndim == 1:
            raise ValueError(f"loss='cosine' needs vectors, and {name} has numbers")
        zero = ~rows.any(axis=1)
        if zero.any():
            raise ValueError(
                f"Row {int(zero.argmax())} of {name} (counted from 0) is all zeros, "
                "which has no direction: drop it, or use loss='squared_error'"
            )
    return rows, targets.shape[1:]


def in_order_of(y_val: Any, y: Any) -> Any:
    """Give held-out targets the order of columns of the others.

    Parameters
    ----------
    y_val, y : array-like
        Targets. Only those of two frames with names have an order to keep.

    Returns
    -------
    array-like
        `y_val`, or its columns in the order of those of `y`.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    wanted, names = column_names(y, "y"), column_names(y_val, "y_val")
    if wanted is None or names is None or wanted.tolist() == names.tolist():
        return y_val
    order = column_order(names, wanted.tolist(), "y_val", "which y has")
    return np.asarray(y_val)[:, order]


@public("sk_m2v.train")
@dataclass(frozen=True)
class Scale:
    """Mean and unit of targets, which a net need not learn."""

    mean: FloatArray
    unit: FloatArray

    def apply(self, targets: FloatArray) -> FloatArray:
        """Take mean and unit off.

        Parameters
        ----------
        targets : ndarray of shape (n_texts, n_targets)
            The targets.

        Returns
        -------
        ndarray of shape (n_texts, n_targets)
            What the net learns.
        """
        result: FloatArray = (targets - self.mean) / self.unit
        return result

    def put_on(self, head: Head) -> Head:
        """Make a head predict in the unit of the targets.

        Parameters
        ----------
        head : Head
            What the net has learnt.

        Returns
        -------
        Head
            With another last layer or, where that is not linear, one more.
        """
        *layers, last = head.layers
        if isinstance(last, Linear):
            bias = last.bias * self.unit + self.mean
            last = Linear(
                (last.weight * self.unit).astype(np.float32), bias.astype(np.float32)
            )
        else:
            layers, last = [*layers, last], self._layer()
        lexical = (head.lexical * self.unit).astype(np.float32)
        return Head((*layers, last), lexical)

    def removed(self, head: Head) -> Head:
        """Undo `put_on`.

        Parameters
        ----------
        head : Head
            From `put_on`.

        Returns
        -------
        Head
            What the net had learnt.
        """
        *layers, last = head.layers
        own = self._layer()
        if not (
            np.array_equal(last.weight, own.weight)
            and np.array_equal(last.bias, own.bias)
        ):
            bias = (last.bias - self.mean) / self.unit
            weight = (last.weight / self.unit).astype(np.float32)
            layers.append(Linear(weight, bias.astype(np.float32)))
        lexical = (head.lexical / self.unit).astype(np.float32)
        return Head(tuple(layers), lexical)

    def _layer(self) -> Linear:
        return Linear(
            np.diag(self.unit).astype(np.float32), self.mean.astype(np.float32)
        )


def scale_of(targets: FloatArray, weights: FloatArray, *, cosine: bool) -> Scale:
    """Mean and unit of targets.

    Parameters
    ----------
    targets : ndarray of shape (n_texts, n_targets)
        The targets.
    weights : ndarray of shape (n_texts,)
        How much each text counts.
    cosine : bool
        Whether their directions are to be learnt.

    Returns
    -------
    Scale
        Mean and unit.
    """
    if cosine:  # directions count from zero
        n_targets = targets.shape[1]
        length = np.average(np.linalg.norm(targets, axis=1), weights=weights)
        return Scale(np.zeros(n_targets), np.full(n_targets, length))
    mean = np.average(targets, axis=0, weights=weights)
    unit = np.sqrt(np.average((targets - mean) ** 2, axis=0, weights=weights))
    # A constant is nothing but its mean, and rounding errors are no variance.
    constant = unit <= 1e-12 * np.abs(mean)
    return Scale(mean, np.where(constant, 1.0, unit))
