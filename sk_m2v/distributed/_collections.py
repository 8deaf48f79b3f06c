"""Collections of Dask: texts of each partition, and results put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, quoted
from sk_m2v._optional import require

Array = npt.NDArray[Any]


class Partitions(NamedTuple):
    """Texts of a collection, a partition at a time.

    Attributes
    ----------
    parts : list of Delayed
        The partitions. Each becomes a container of texts.
    lengths : tuple of (int or nan), or None
        Number of texts of each, nan where it is not known. None for frames.
    divisions : tuple or None
        Those of a frame's index.
    """

    parts: list[Any]
    lengths: tuple[float, ...] | None
    divisions: tuple[Any, ...] | None = None

    def map(
        self, function: Callable[..., Array], *arguments: Any, like: Array, names: Any
    ) -> Any:
        """Apply a function to the texts of each partition.

        Parameters
        ----------
        function : callable
            From texts, and `arguments`, to an array with a row a text.
        *arguments
            Sent to workers.
        like : ndarray
            What the function gives for some texts: type and number of columns.
        names : str or sequence of str
            What a column of the result is called, or several.

        Returns
        -------
        dask Array, Series or DataFrame
            The results: of a column in a frame or a column with the same index, else an
            array.
        """
        from dask.delayed import delayed

        call: Any = delayed(_apply)
        if self.lengths is None:
            dd: Any = require("dask.dataframe", extra="dask")
            meta = _framed(like[:0], None, names)
            results = [
                call(part, number, function, arguments, names)
                for number, part in enumerate(self.parts)
            ]
            return dd.from_delayed(
                results, meta=meta, divisions=self.divisions, verify_meta=False
            )
        da: Any = require("dask.array", extra="dask")
        blocks = [
            da.from_delayed(
                call(part, number, function, arguments),
                (length, *like.shape[1:]),
                dtype=like.dtype,
            )
            for number, (part, length) in enumerate(
                zip(self.parts, self.lengths, strict=True)
            )
        ]
        return da.concatenate(blocks, allow_unknown_chunksizes=True)


def as_partitions(X: Any, column: str | None) -> Partitions:
    """Take apart a collection of texts.

    Parameters
    ----------
    X : dask Bag, Series, DataFrame or Array
        The texts.
    column : str or None
        Column of a frame that has them. None is for frames with one column.

    Returns
    -------
    Partitions
        Its partitions.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If it is no collection of Dask.
    ValueError
        If it has no such column, or several dimensions.
    """
    require("dask", extra="dask")
    kind = _kind(X)
    if kind == "DataFrame":
        names = list(X.columns)
        if column is None and len(names) != 1:
            raise ValueError(
                f"the frame has {len(names)} columns ({listed(names)}): say with "
                "column= which has the texts"
            )
        if column is not None and column not in names:
            raise ValueError(
                f"there is no column {quoted(column)}, only {listed(names)}"
            )
        X = X[names[0] if column is None else column]
    elif column is not None:
        raise ValueError(
            f"column={quoted(column)} is for frames, and X is a {kind} of Dask: leave "
            "it out"
        )
    if kind in ("DataFrame", "Series"):
        return Partitions(X.to_delayed(), None, X.divisions)
    if kind == "Bag":
        return Partitions(X.to_delayed(), (np.nan,) * X.npartitions)
    if X.ndim != 1 and X.shape[1:] != (1,):
        raise ValueError(
            f"X has shape {quoted(X.shape)}: a text a row is wanted, so shape (n,) or "
            "(n, 1)"
        )
    return Partitions([*X.to_delayed().ravel()], X.chunks[0])


def _kind(X: Any) -> str:
    """Name of a collection, without importing what it is not."""
    name = type(X).__name__
    from_dask = type(X).__module__.partition(".")[0] in ("dask", "dask_expr")
    if not from_dask or name not in ("Bag", "Series", "DataFrame", "Array"):
        raise TypeError(
            f"X is a {quoted(type(X).__name__)}, and must be a bag, a column, a frame "
            "or an array of Dask: dask.bag.from_sequence(texts, npartitions=8) makes "
            "one"
        )
    return name


def _apply(
    part: Any,
    number: int,
    function: Callable[..., Array],
    arguments: tuple[Any, ...],
    names: Any = None,
) -> Any:
    """Call a function with a partition, and say which if it fails."""
    texts = part if hasattr(part, "__len__") else list(part)
    try:
        result = function(texts, *arguments)
    except (TypeError, ValueError) as error:
        error.add_note(f"It is about partition {number} of the collection.")
        raise
    return result if names is None else _framed(result, part.index, names)


def _framed(result: Array, index: Any, names: Any) -> Any:
    """Results as a column or a frame."""
    import pandas as pd

    if result.ndim == 1:
        return pd.Series(result, index, name=names)
    return pd.DataFrame(result, index, columns=names)
