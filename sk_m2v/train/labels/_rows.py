"""Any form of class labels to rows of Python scalars, and every error about ``y``.

Labels travel as Python scalars. Equality is then exact for every type (NumPy compares
uint64 with int64 as float64), and a dict finds them faster than sorting would.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.validation import column_or_1d

from sk_m2v._messages import quoted, shortened
from sk_m2v._text import _is_missing, _is_sized, _rows

FORMS = {
    "single": "one label a row",
    "indicator": "a matrix of 0 and 1",
    "sparse": "a sparse matrix of 0 and 1",
    "lists": "a list of labels a row",
}
_MATRICES = ("indicator", "sparse")
# The kinds of dtype to keep for each type, and what to use else. NumPy drops NUL at the
# end of a str, which must not make two labels one: then they stay objects.
_DTYPES: dict[type, tuple[str, tuple[npt.DTypeLike, ...]]] = {
    str: ("", ("U", "O")),
    bool: ("b", ("?",)),
    int: ("iu", ("i8", "u8")),
    float: ("f", ("f8",)),
}
_KINDS = {str: "a str", bool: "a bool", int: "a number", float: "a number"}


def _read(y: Any, name: str, form: str | None = None) -> tuple[str, Any]:
    """Return the form of `y`, and a checked matrix, labels, or collections of them.

    A known `form` decides how to read nested lists that could be a matrix.
    """
    if hasattr(y, "__array__") and not _is_sized(y) and not sparse.issparse(y):
        y = np.asarray(y)
    if not (_is_sized(y) or sparse.issparse(y)) or isinstance(y, str | bytes | Mapping):
        raise TypeError(
            f"{name} must hold one label a row, lists of labels or a matrix of 0 and "
            f"1, got {quoted(y)} of type {type(y).__qualname__!r}: pass a list, "
            "array, Series or frame."
        )
    shape = getattr(y, "shape", None)
    shape = (len(y),) if shape is None else tuple(shape)
    least = 2 if sparse.issparse(y) else 1
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] < least):
        raise ValueError(
            f"{name} must be one column, or a matrix with a column for each of two or "
            f"more labels, got a {type(y).__qualname__} of shape {shape}."
        )
    if shape[0] == 0:
        raise ValueError(f"{name} is empty: at least one row is needed.")
    if sparse.issparse(y):
        return "sparse", _matrix(y.toarray(), name)
    if len(shape) == 2:
        if shape[1] > 1:
            return "indicator", _matrix(np.asanyarray(y), name)
        # A frame of one column is a column; an array may have been meant otherwise.
        warn = form is None and not hasattr(y, "columns")
        y = column_or_1d(y, input_name=name, warn=warn)
    if isinstance(y, np.ndarray) and y.dtype.kind in "mMV":
        # Their `tolist` gives numbers and tuples, which would pass for labels.
        raise ValueError(_unknown(y[0], 0, name))
    rows = _rows(y)
    nested = [_is_collection(row) for row in rows]
    if not any(nested):
        return "single", _scalars(rows, range(len(rows)), name)
    if not all(nested):
        position = nested.index(False)
        _scalar(rows[position], position, name)  # it may be missing
        raise ValueError(
            f"Row {position} of {name} (counted from 0) is one label, "
            f"{quoted(rows[position])}, where others are lists of labels: pass "
            "a list of labels in each row."
        )
    if form != "lists" and _is_matrix(rows, form):
        return "indicator", _matrix(np.array([list(row) for row in rows]), name)
    return "lists", rows


def _is_collection(row: object) -> bool:
    # An array without dimensions is one label, though it has all the methods.
    return (
        isinstance(row, Collection)
        and not isinstance(row, str | bytes | Mapping)
        and getattr(row, "shape", None) != ()
    )


def _is_binary(value: object) -> bool:
    return isinstance(value, Real | np.bool_) and value in (0, 1)


def _is_matrix(rows: list[Any], form: str | None) -> bool:
    """Whether nested lists are the rows of a matrix of 0 and 1, not labels."""
    width = len(rows[0])
    if (
        width < 2
        or any(isinstance(row, Set) or len(row) != width for row in rows)
        or not all(_is_binary(value) for row in rows for value in row)
    ):
        return False
    if form in _MATRICES or any(len(set(row)) < width for row in rows):
        return True  # known, or some row repeats a value, as no list of labels does
    raise ValueError(
        "y is ambiguous: each row holds 0 and 1 once, so it can be a matrix of two "
        "columns or lists of the labels 0 and 1. Pass np.array(y) for a matrix, "
        "[set(row) for row in y] for labels."
    )


def _matrix(matrix: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if matrix.dtype.kind in "biuf":
        valid = np.ma.filled((matrix == 0) | (matrix == 1), False)  # masked is missing
    else:
        valid = np.frompyfunc(_is_binary, 1, 1)(matrix).astype(np.bool_)
    if not valid.all():
        row, column = np.argwhere(~valid)[0]
        raise ValueError(
            f"Row {row} of {name} (counted from 0) has {quoted(matrix[row, column])} "
            f"in column {column}: a matrix must hold only 0 and 1, one column a label "
            "(several outputs are not supported). Pass one column, or lists of labels."
        )
    return matrix


def column_names(y: Any, name: str) -> npt.NDArray[Any] | None:
    """Names of the columns of a frame, if they are names.

    Parameters
    ----------
    y : array-like
        Targets.
    name : str
        What errors call them.

    Returns
    -------
    ndarray of str, or None
        The names; None if it is no frame, or one whose columns are numbered.

    Raises
    ------
    ValueError
        If two columns have the same name.
    """
    # Arrow's tables call them otherwise.
    columns = getattr(y, "column_names", getattr(y, "columns", None))
    if columns is None or not all(isinstance(it, str) for it in columns):
        return None
    names = [str.__str__(it) for it in columns]
    if len(set(names)) < len(names):
        twice = next(it for it in names if names.count(it) > 1)
        raise ValueError(f"{name} has several columns with the name {quoted(twice)}.")
    array = np.array(names)
    return array if array.tolist() == names else np.array(names, dtype=object)


def column_order(
    names: npt.NDArray[Any], wanted: list[Any], name: str, which: str
) -> list[int]:
    """Where wanted columns are among those of a frame.

    Parameters
    ----------
    names : ndarray of str
        From `column_names`.
    wanted : list
        Names in the order to bring the columns to.
    name : str
        What errors call the frame.
    which : str
        What errors say of a column that is missing, such as "which y has".

    Returns
    -------
    list of int
        A position for each of `wanted`.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    index = {column: i for i, column in enumerate(names.tolist())}
    if missing := [it for it in wanted if it not in index]:
        raise ValueError(
            f"{name} has no column {quoted(missing[0])}, {shortened(which)}: its "
            f"columns are {quoted(names.tolist())}."
        )
    return [index[it] for it in wanted]


def _flat(rows: list[Any], name: str) -> tuple[list[Any], list[int]]:
    """Return all labels of all rows, and the row of each."""
    positions = [position for position, row in enumerate(rows) for _ in row]
    flat = _scalars([value for row in rows for value in row], positions, name)
    seen = set()
    for pair in zip(positions, flat, strict=True):
        if pair in seen:
            raise ValueError(
                f"Row {pair[0]} of {name} (counted from 0) has the label "
                f"{quoted(pair[1])} twice: list each label once, or pass np.array(...) "
                "for a matrix."
            )
        seen.add(pair)
    return flat, positions


def _scalars(values: list[Any], positions: Iterable[int], name: str) -> list[Any]:
    """Return labels as Python scalars; most are already."""
    types = set(map(type, values))
    if types <= {str, bool, int}:
        return values
    if types == {float} and all(map(float.is_integer, values)):  # NaN is none
        return values
    return [
        _scalar(value, position, name)
        for value, position in zip(values, positions, strict=True)
    ]


def _scalar(value: Any, position: int, name: str) -> str | bool | int | float:
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if _is_missing(value):
        raise ValueError(
            f"Row {position} of {name} (counted from 0) is missing ({quoted(value)}). "
            "Fill or drop the rows without a label."
        )
    if isinstance(value, np.timedelta64):  # which is registered as an integer
        raise ValueError(_unknown(value, position, name))
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        if (number := float(value)).is_integer():
            return number
        raise ValueError(
            f"Unknown label type: continuous. Row {position} of {name} (counted from "
            f"0) is {quoted(value)}, and classes have no fraction. To predict numbers "
            "use StaticRegressor."
        )
    raise ValueError(_unknown(value, position, name))


def _unknown(value: object, position: int, name: str) -> str:
    return (
        f"Unknown label type: {type(value).__qualname__}. Row {position} of {name} "
        f"(counted from 0) is {quoted(value)}, and labels must be str, bool, int "
        "or float without fraction."
    )


def _unique(classes: Any, name: str = "classes") -> npt.NDArray[Any]:
    form, labels = _read(classes, name, "single")
    if form != "single":
        raise ValueError(f"{name} must list the labels, got {quoted(classes)}.")
    return _classes(labels, range(len(labels)), name, classes)


def _classes(
    labels: list[Any], positions: Iterable[int], name: str, source: Any
) -> npt.NDArray[Any]:
    """Sort the different labels; numbers keep the dtype of `source`."""
    kinds = [_KINDS[kind] for kind in map(type, labels)]
    if len(set(kinds)) > 1:
        other = next(i for i, kind in enumerate(kinds) if kind != kinds[0])
        raise ValueError(
            f"Labels must be of one kind: row {[*positions][other]} of {name} (counted "
            f"from 0) has {kinds[other]}, {quoted(labels[other])}, and others "
            f"{kinds[0]}, {quoted(labels[0])}. Convert them, e.g. with str."
        )
    known = sorted(set(labels))
    kind = float if float in map(type, labels) else type(known[0])
    letters, dtypes = _DTYPES[kind]
    given = np.dtype(object) if kind is str else np.asarray(source).dtype
    if given.kind in letters and given.itemsize <= 8:  # not longdouble
        dtypes = (given.newbyteorder("="), *dtypes)
    for dtype in dtypes:
        with suppress(OverflowError):
            classes = np.array(known, dtype=dtype)
            if classes.tolist() == known:
                return classes
    raise ValueError(
        f"{name} has labels that do not fit 64 bits, e.g. {quoted(known[-1])}."
    )
