"""Parameters and results as JSON, which has no tuples, and only strings as keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_m2v._messages import quoted

_SETS: dict[str, Any] = {"set": set, "frozenset": frozenset}


def to_json(value: Any) -> Any:
    """Turn a value into what JSON can hold.

    Parameters
    ----------
    value : object
        Scalars of Python and NumPy, and lists, tuples, sets, arrays and dicts of them.

    Returns
    -------
    object
        For `from_json`.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, tuple):
        return {"tuple": [to_json(it) for it in value]}
    if isinstance(value, set | frozenset):
        # Order of sets changes from process to process, and files should not.
        return {type(value).__name__: sorted(map(to_json, value), key=repr)}
    if isinstance(value, list | np.ndarray):
        return [to_json(it) for it in value]
    if isinstance(value, dict):
        return {"dict": [[to_json(it) for it in pair] for pair in value.items()]}
    raise TypeError(f"{quoted(value)} has no form in JSON")


def from_json(value: Any) -> Any:
    """Restore what `to_json` was given.

    Parameters
    ----------
    value : object
        From `to_json`.

    Returns
    -------
    object
        The value; arrays have become lists.

    Raises
    ------
    ValueError
        If it is not of the form that `to_json` writes.
    """
    if isinstance(value, list):
        return [from_json(it) for it in value]
    if isinstance(value, dict):
        ((form, content),) = value.items()
        if form == "tuple":
            return tuple(from_json(content))
        if form in _SETS:
            return _SETS[form](from_json(content))
        if form == "dict":
            return {from_json(key): from_json(it) for key, it in content}
        raise ValueError(f"there is no {form!r}, only tuple, dict and sets")
    return value
