"""Texts set aside for validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from sk_m2v._messages import quoted


def split_off(
    Y: npt.NDArray[Any], fraction: float, random_state: np.random.RandomState
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Split rows, so that no class is missing where there is something to learn from.

    Stratified where every class has two rows and the part set aside has room for all
    classes. Otherwise at random, with one row of each class kept for training.

    Parameters
    ----------
    Y : ndarray of shape (n_texts,) of class indices, or any other targets
        The targets.
    fraction : float
        Part of the rows to set aside, at least one row.
    random_state : RandomState
        Who draws.

    Returns
    -------
    keep, out : ndarray of int
        Rows to train on, and rows to validate with.

    Raises
    ------
    ValueError
        If nothing would be left for one of both.
    """
    rows = np.arange(len(Y))
    n_out = max(1, round(fraction * len(rows)))
    classes = Y.ndim == 1 and np.issubdtype(Y.dtype, np.integer)
    counts = np.unique(Y, return_counts=True)[1] if classes else np.empty(0)
    # A row of each class stays, whatever happens.
    spare = rows
    if classes:
        spare = np.setdiff1d(rows, np.unique(Y, return_index=True)[1])
    if len(spare) < n_out or n_out == len(rows):
        raise ValueError(
            f"validation_fraction={quoted(fraction)} of {len(rows)} texts leaves too "
            "little to learn from: pass validation_fraction=None, or more texts"
        )
    if classes and counts.min() >= 2 and len(counts) <= min(n_out, len(rows) - n_out):
        keep, out = train_test_split(
            rows, test_size=n_out, stratify=Y, random_state=random_state
        )
        # Of a rare class and a large part set aside, proportions can leave nothing.
        if np.unique(Y[keep]).size == len(counts):
            return np.sort(keep), np.sort(out)
    out = random_state.choice(spare, n_out, replace=False)
    return np.setdiff1d(rows, out), np.sort(out)
