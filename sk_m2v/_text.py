"""Any container of texts to a list of str, and every error about ``X``.

Containers are recognised by what they can do, never by importing their library, and
each takes a fast road to Python objects. What comes off that road is checked the
same way whatever it came from: `set(map(type, rows))` looks at a million rows in 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from sk_m2v._messages import listed, quoted, shortened

# From the position and value of a missing row to the text that stands for it.
_OnMissing: TypeAlias = Callable[[int, object], str]


def _refuse_missing(position: int, row: object) -> str:
    raise ValueError(
        f"Row {position} of X (counted from 0) is missing ({row!r}). Fill or drop the "
        "missing rows, or set missing='empty' to read them as empty texts."
    )


# The keys are the allowed values of `missing`.
MISSING: dict[str, _OnMissing] = {
    "error": _refuse_missing,
    "empty": lambda position, row: "",
}


def as_texts(X: Any, *, missing: str = "error") -> list[str]:
    """Turn any container of texts into a list of str.

    Parameters
    ----------
    X : container of str
        A list, tuple or other sequence; an array, Series or index of NumPy, pandas,
        Polars or PyArrow; a column of ``datasets``; a frame, table or 2-D array with
        one column; or an iterator, which is read to its end.
    missing : {"error", "empty"}, default="error"
        Whether a missing row (None, NaN, NA, NaT, null, masked) is an error or an
        empty text.

    Returns
    -------
    list of str
        One str per row, of the exact type `str`. This is `X` itself, not a copy, where
        `X` is such a list already.

    Raises
    ------
    TypeError
        If `X` is not a container of texts, or one of its rows is not a str.
    ValueError
        If `X` does not have exactly one column, a row is missing and `missing` is
        ``"error"``, or `missing` has an unknown value.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_m2v._text import as_texts
    >>> as_texts(np.array([["one"], ["two"]]))
    ['one', 'two']
    >>> as_texts(["one", None], missing="empty")
    ['one', '']
    """
    on_missing = _on_missing(missing)
    return _checked(_rows(_column(X)), on_missing)


def text_batches(
    X: Any, batch_size: int, *, missing: str = "error"
) -> tuple[int | None, Iterator[list[str]]]:
    """Cut any container of texts into batches, reading streams only as they are used.

    Parameters
    ----------
    X : container of str
        As in `as_texts`. What has a length and can be indexed is checked as a whole
        before the first batch. Anything else is a stream: it is read and checked one
        batch at a time, so that it need not fit in memory.
    batch_size : int
        Number of texts in each batch but the last.
    missing : {"error", "empty"}, default="error"
        As in `as_texts`.

    Returns
    -------
    n : int or None
        Number of texts, None for a stream.
    batches : iterator of list of str
        The texts in order; no batch is empty.

    Raises
    ------
    TypeError
        As in `as_texts`. For a stream, a faulty row raises when its batch is read.
    ValueError
        As in `as_texts`, or if `batch_size` is less than 1.

    Examples
    --------
    >>> from sk_m2v._text import text_batches
    >>> n, batches = text_batches(["one", "two", "three"], 2)
    >>> n, list(batches)
    (3, [['one', 'two'], ['three']])
    >>> n, batches = text_batches(iter(["one", "two", "three"]), 2)
    >>> n, next(batches)
    (None, ['one', 'two'])
    """
    on_missing = _on_missing(missing)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {quoted(batch_size)}.")
    column = _column(X)
    if not _is_sized(column):
        return None, _stream(iter(column), batch_size, on_missing)
    texts = _checked(_rows(column), on_missing)
    starts = range(0, len(texts), batch_size)
    return len(texts), (texts[start : start + batch_size] for start in starts)


def replace_surrogates(text: str) -> str:
    r"""Make a text encodable as UTF-8: join surrogate pairs, replace lone surrogates.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        `text` itself where it can be encoded. Otherwise high and low surrogates that
        follow each other become the character they stand for, and lone ones U+FFFD.

    Examples
    --------
    >>> from sk_m2v._text import replace_surrogates
    >>> replace_surrogates("\ud83d\ude00 and \ud83d")
    '😀 and �'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _on_missing(missing: str) -> _OnMissing:
    try:
        return MISSING[missing]
    except (KeyError, TypeError):
        raise ValueError(
            f"missing must be one of {list(MISSING)}, got {quoted(missing)}."
        ) from None


def _is_sized(X: Any) -> bool:
    # A length alone is not enough: tqdm around a generator has the method.
    return hasattr(type(X), "__len__") and hasattr(type(X), "__getitem__")


def _column(X: Any) -> Any:
    """Refuse what holds no texts, and unwrap what holds one column of them."""
    if type(X) is list:
        return X
    advice = _advice(X)
    if advice is not None:
        raise TypeError(
            f"X must be a container of texts, got {quoted(X)} of type "
            f"{type(X).__qualname__!r}: {advice}."
        )
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.shape[1] == 1:
            return X[:, 0]
        if X.ndim != 1:
            example = {0: "[X.item()]", 2: "X[:, 0]"}.get(X.ndim, "X.ravel()")
            raise ValueError(
                "X must be an array of texts with one dimension or one column, got one "
                f"of shape {X.shape} and dtype {shortened(X.dtype)}: pass e.g. "
                f"{example}."
            )
        return X
    names = _column_names(X)
    if names is None:
        return X
    if len(names) != 1:
        raise ValueError(
            f"X must have one column of texts, got a {type(X).__qualname__} with "
            f"{len(names)} columns ({listed(names)}): select one column, e.g. "
            f"X[{quoted(names[0] if names else '...')}]."
        )
    return X[names[0]]


def _advice(X: Any) -> str | None:
    """Say what to do with an `X` that is no container of texts, None if it is one."""
    if isinstance(X, str):
        return "pass [text]"
    if isinstance(X, bytes | bytearray | memoryview):
        return "decode it and pass [text]"
    if isinstance(X, Mapping):
        return f"select one of its values, e.g. X[{quoted(next(iter(X), '...'))}]"
    if isinstance(X, set | frozenset):
        return "a set has no order, pass a list, e.g. sorted(X)"
    if type(X).__module__.startswith("scipy.sparse"):
        return "a sparse matrix holds numbers, pass the texts that it was made from"
    for mark, method in (("collect", "collect"), ("__dask_graph__", "compute")):
        if hasattr(type(X), mark):  # Polars and Spark; Dask
            return f"it is lazy, pass X.{method}()"
    if not isinstance(X, Iterable) and not _is_sized(X):
        return "pass a list, array, Series, one-column frame or iterator of str"
    return None


def _column_names(X: Any) -> list[Any] | None:
    """Return the names of the columns of a frame, None for anything else."""
    for attribute in ("column_names", "columns"):  # PyArrow and datasets; the others
        if hasattr(type(X), attribute):
            names = getattr(X, attribute)
            return None if names is None else list(names)
    return None


def _rows(X: Any) -> list[Any]:
    """Turn rows into Python objects, by a road that was timed for each kind."""
    rows: list[Any]
    if type(X) is list:
        rows = X
    elif isinstance(X, np.ndarray):
        rows = X.tolist()
    elif hasattr(X, "to_pylist"):  # PyArrow
        rows = X.to_pylist()
    elif hasattr(X, "isna") and hasattr(X, "to_numpy"):
        # pandas: `tolist` takes 8 times as long for an Arrow dtype. `pa.array(X)`
        # would save a fifth of the time, for one more road and an import.
        rows = X.to_numpy(dtype=object).tolist()
    elif hasattr(X, "to_list"):  # Polars
        rows = X.to_list()
    elif type(X).__module__.startswith("datasets.") and _is_sized(X):
        # A column: `list` reads it row by row, 100 times slower than a slice. What the
        # slice is depends on the format of its data set.
        rows = _rows(X[:])
    else:
        rows = list(X)
    return rows


def _stream(
    rows: Iterator[Any], batch_size: int, on_missing: _OnMissing
) -> Iterator[list[str]]:
    start = 0
    while batch := list(islice(rows, batch_size)):
        yield _checked(batch, on_missing, start)
        start += len(batch)


def _checked(rows: list[Any], on_missing: _OnMissing, start: int = 0) -> list[str]:
    """Return `rows` if all are exactly str, else convert each or refuse it."""
    if set(map(type, rows)) <= {str}:
        return rows
    return [
        row if type(row) is str else _text(row, position, on_missing)
        for position, row in enumerate(rows, start)
    ]


def _text(row: object, position: int, on_missing: _OnMissing) -> str:
    if isinstance(row, str):
        return str.__str__(row)  # the text itself, whatever a subclass prints
    if _is_missing(row):
        return on_missing(position, row)
    if isinstance(row, bytes | bytearray):
        advice = "decode the rows, e.g. row.decode('utf-8')"
    elif hasattr(row, "__len__"):
        advice = "each row must be one text, so select or join the parts of each"
    else:
        advice = "convert the rows with str"
    raise TypeError(
        f"Row {position} of X (counted from 0) must be a str, got {quoted(row)} "
        f"of type {type(row).__qualname__!r}: {advice}."
    )


def _is_missing(row: Any) -> bool:
    if isinstance(row, float | np.floating | np.datetime64):
        return bool(row != row)
    # The constants of pandas are known by their types, so as not to import it.
    return (
        row is None
        or row is np.ma.masked
        or type(row).__name__ in {"NAType", "NaTType"}
    )
