"""Texts without a label among others: scikit-learn's semi-supervised targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed

# As in `sklearn.semi_supervised`.
_NO_LABEL = -1


def labelled_rows(y: Any) -> npt.NDArray[np.bool_] | None:
    """Which rows of a target have a label, if some have -1 for none.

    Parameters
    ----------
    y : array-like
        Any target.

    Returns
    -------
    ndarray of shape (n_texts,), dtype bool, or None
        None where -1 stands for no label nowhere. It does among numbers that count
        classes: whole, none negative, and at least two, of which the largest is below
        twice as many.

    Warns
    -----
    UserWarning
        Where it does: -1 can be the name of a class as well.

    Examples
    --------
    >>> from sk_m2v.train.labels._unlabelled import labelled_rows
    >>> labelled_rows([-1, 1, 1, -1]) is None  # two classes
    True
    >>> labelled_rows([-1, 0, 30, -1]) is None  # three classes
    True
    """
    # Without a look into rows of several labels, into names, or into what ends.
    if getattr(y, "ndim", 1) != 1 or hasattr(y, "tocsr") or not hasattr(y, "__len__"):
        return None
    first = next(iter(y), None)
    if not isinstance(first, (int, float, np.integer, np.floating)):
        return None
    try:
        numbers = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if numbers.ndim != 1 or not (numbers == _NO_LABEL).any():
        return None
    labelled: npt.NDArray[np.bool_] = numbers != _NO_LABEL
    classes = np.unique(numbers[labelled])
    if classes.size < 2 or classes[0] < 0 or (classes % 1).any():
        return None
    if classes[-1] >= 2 * classes.size:
        return None  # codes of any kind, of which -1 may be one
    warnings.warn(
        f"y is -1 for {int(np.sum(~labelled))} texts, which count as texts without a "
        "label, as for scikit-learn's semi-supervised estimators: the classes are "
        f"{listed(classes.astype(int).tolist())}. If -1 is a class, give the classes "
        "names, for example by y.astype(str)",
        UserWarning,
        stacklevel=5,
    )
    return labelled
