"""Named arrays of a file, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, shortened

Arrays = Mapping[str, npt.NDArray[Any]]


def checked_array(
    arrays: Arrays,
    name: str,
    shape: tuple[int | None, ...],
    dtypes: tuple[type, ...] = (np.float32, np.float64),
) -> npt.NDArray[Any]:
    """Array of a name, checked.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        What a file holds.
    name : str
        Which one.
    shape : tuple of (int or None)
        Its shape; None is any length.
    dtypes : tuple of type
        Its possible types.

    Returns
    -------
    ndarray
        The array.

    Raises
    ------
    ValueError
        If it is missing, of another type or shape, or not finite.
    """
    if name not in arrays:
        raise ValueError(f"there is no {name!r}, only {listed(sorted(arrays))}")
    array = arrays[name]
    if array.dtype not in dtypes:
        names = " or ".join(it.__name__ for it in dtypes)
        raise ValueError(f"{name!r} is {shortened(array.dtype)}, not {names}")
    if array.ndim != len(shape) or any(
        expected not in (None, found)
        for expected, found in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(f"{name!r} has shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name!r} holds NaN or infinity")
    return array
