"""What a map shows: which texts, with which labels, and where by default."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from sk_m2v._messages import check_count, quoted


def is_number(value: Any) -> bool:
    """Whether a value is a whole number.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        Whether it is one, of Python or of NumPy.
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def checked_labels(y: Any, n_texts: int) -> npt.NDArray[Any] | None:
    """Make labels one array, and check them.

    Parameters
    ----------
    y : array-like of shape (n_texts,) or None
        Labels, or numbers.
    n_texts : int
        How many there should be.

    Returns
    -------
    ndarray of shape (n_texts,) or None
        Numbers with a float dtype, labels with dtype object.

    Raises
    ------
    ValueError
        If there are more or less, a row is no one label, or a number is not finite.
    """
    if y is None:
        return None
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    is_column = getattr(y, "ndim", 1) == 1 and not isinstance(y, str)
    labels = _array(y) if is_column else None
    if labels is None or any(map(_is_several, labels)):
        raise ValueError(
            f"y must be one label or number a text, got {quoted(y)}: of several labels "
            "a text, pass one"
        )
    if len(labels) != n_texts:
        raise ValueError(
            f"y must have a row for each text: there are {n_texts} texts and "
            f"{len(labels)} rows of y"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(
            f"y has {quoted(float(labels[row]))} in row {row} (counted from 0): leave "
            "such texts out"
        )
    return labels


def _array(y: Any) -> npt.NDArray[Any]:
    """Numbers of which any is no whole one as floats, labels as objects."""
    if isinstance(y, np.ndarray) and y.dtype.kind == "f":
        return y
    values = list(y)
    if any(isinstance(it, float | np.floating) for it in values) and all(
        isinstance(it, int | float | np.number) for it in values
    ):
        return np.array(values, float)
    array = np.empty(len(values), object)
    array[:] = values
    return array


def sample(
    n_texts: int, max_texts: Any, random_state: np.random.RandomState
) -> npt.NDArray[np.int64]:
    """Choose which texts to draw.

    Parameters
    ----------
    n_texts : int
        How many there are.
    max_texts : int
        How many to draw, at most.
    random_state : RandomState
        What chooses.

    Returns
    -------
    ndarray of shape (n_points,), dtype int64
        Their places, in order.

    Raises
    ------
    ValueError
        If `max_texts` is no number of texts, or there are fewer than two.
    """
    check_count(max_texts, "texts", "max_texts", least=2)
    if n_texts < 2:
        raise ValueError(f"a map needs 2 texts or more, got {n_texts}")
    if n_texts <= max_texts:
        return np.arange(n_texts)
    return np.sort(random_state.choice(n_texts, int(max_texts), replace=False))


def principal_components(
    vectors: Any, random_state: np.random.RandomState
) -> tuple[npt.NDArray[Any], tuple[str, str]]:
    """Find the two directions in which vectors vary most.

    Parameters
    ----------
    vectors : ndarray or sparse matrix of shape (n_points, dim)
        The vectors.
    random_state : RandomState
        Seed of the PCA.

    Returns
    -------
    points : ndarray of shape (n_points, 2)
        Where the vectors are in these directions.
    names : pair of str
        What part of the variance each of them is.

    Raises
    ------
    ValueError
        If vectors have fewer than two dimensions.
    """
    if vectors.shape[1] < 2:
        raise ValueError(
            f"vectors must have 2 dimensions or more, got shape {vectors.shape}"
        )
    pca = PCA(2, random_state=random_state)
    with np.errstate(invalid="ignore"):  # equal texts have no variance to take part of
        points = pca.fit_transform(vectors)
    parts = np.nan_to_num(pca.explained_variance_ratio_)
    first, second = (
        f"component {i} ({part:.0%} of variance)" for i, part in enumerate(parts, 1)
    )
    return points, (first, second)


def _is_several(label: Any) -> bool:
    return isinstance(label, Collection) and not isinstance(label, str | bytes)
