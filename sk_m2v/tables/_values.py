"""Values of NumPy as those of Python, and as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

# Of float32: six digits always fit in one, nine always tell two apart.
_DIGITS = (9, 8, 7, 6)


def plain(value: Any) -> Any:
    """Python's value for one of NumPy.

    Parameters
    ----------
    value : object
        A scalar or an array; anything else stays as it is.

    Returns
    -------
    object
        A number or text, or lists of them.
    """
    if isinstance(value, np.ndarray):
        return _shortest(value).tolist()
    if isinstance(value, np.generic):
        return _shortest(np.asarray(value)).item()
    return value


def as_json(value: Any) -> str:
    """JSON of any value that tables hold.

    Parameters
    ----------
    value : object
        NaN and infinite numbers become null, which JSON has in place of them.

    Returns
    -------
    str
        On one line.

    Raises
    ------
    TypeError, ValueError
        If there is no JSON for it.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_other)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, default=_other)


def _other(value: Any) -> Any:
    """What json does not know: of NumPy, dates and decimal numbers."""
    if isinstance(value, np.ndarray | np.generic):
        # Once more, for those that are not finite.
        return _finite(plain(value))
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is nothing that JSON has")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(it) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(it) for it in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _shortest(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The float64 of fewest digits that is the same in float32: 0.1, not 0.1000000015.

    They are read faster by people, and take half as much space in a file.
    """
    if values.dtype != np.float32:
        return values
    exact = values.astype(np.float64)
    result = exact.copy()
    with np.errstate(all="ignore"):  # of zeros and what is not finite
        power = np.floor(np.log10(np.abs(exact)))
        for digits in _DIGITS:
            scale = 10.0 ** (digits - 1 - power)
            rounded = np.rint(exact * scale) / scale
            result = np.where(rounded.astype(np.float32) == values, rounded, result)
    return result
