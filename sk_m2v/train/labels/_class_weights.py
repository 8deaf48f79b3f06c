"""How much each text counts for each class."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted


def target_weights(
    Y: npt.NDArray[Any],
    multilabel: bool,
    n_classes: int,
    class_weight: Any,
    classes: npt.NDArray[Any],
    sample_weight: npt.NDArray[Any] | None = None,
) -> npt.NDArray[np.float64]:
    """Weigh the entries of an encoded target.

    Parameters
    ----------
    Y : ndarray of shape (n,), dtype int64, or (n, n_classes) of 0 and 1
        What `Labels.encode` gives.
    multilabel : bool
        Whether `Y` is a matrix.
    n_classes : int
        Number of classes or labels.
    class_weight : dict, "balanced" or None
        Weight of each class, or of the positives of each label; 1 if missing.
        "balanced" makes all classes that occur, or positives and negatives of each
        label that has both, equally heavy.
    classes : ndarray of shape (n_classes,)
        The classes that `class_weight` names.
    sample_weight : ndarray of shape (n,), default=None
        Weight of each row. None is 1.

    Returns
    -------
    ndarray of the shape of `Y`, dtype float64
        The weights.
    """
    rows = np.ones(len(Y)) if sample_weight is None else sample_weight
    rows = rows.astype(np.float64)
    weights = np.ones(n_classes)
    others = np.ones(n_classes)  # of the negatives of each label
    if isinstance(class_weight, Mapping):
        weights = _named_weights(class_weight, classes)
    elif isinstance(class_weight, str) and class_weight == "balanced":
        if multilabel:
            counts, other_counts = rows @ Y, rows @ (1 - Y)
            both = (counts > 0) & (other_counts > 0)
            total = np.full(n_classes, rows.sum() / 2)
            np.divide(total, counts, out=weights, where=both)
            np.divide(total, other_counts, out=others, where=both)
        else:
            counts = np.bincount(Y, weights=rows, minlength=n_classes)
            occurs = counts > 0
            total = np.full(n_classes, rows.sum() / max(occurs.sum(), 1))
            np.divide(total, counts, out=weights, where=occurs)
    elif class_weight is not None:
        raise ValueError(
            "class_weight must be a dict, 'balanced' or None, got "
            f"{quoted(class_weight)}."
        )
    if multilabel:
        return np.where(Y > 0, weights, others) * rows[:, None]
    result: npt.NDArray[np.float64] = weights[Y] * rows
    return result


def _named_weights(
    class_weight: Mapping[Any, Any], classes: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    index = {label: i for i, label in enumerate(classes.tolist())}
    weights = np.ones(len(classes))
    for label, weight in class_weight.items():
        if label not in index:
            raise ValueError(
                f"class_weight names {quoted(label)}, which is not among the classes: "
                f"{quoted(classes.tolist(), 200)}."
            )
        if not (isinstance(weight, Real) and 0 <= float(weight) < np.inf):
            raise ValueError(
                f"class_weight[{quoted(label)}] must be a finite number of at least 0, "
                f"got {quoted(weight)}."
            )
        weights[index[label]] = weight
    return weights
