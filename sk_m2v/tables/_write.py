"""`Writer`: from columns to a file, which is there when all of it is written."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, cast

import numpy.typing as npt

from sk_m2v._messages import listed, quoted
from sk_m2v.tables._beside import check_place, output, spooled
from sk_m2v.tables._csv import Csv
from sk_m2v.tables._errors import TableError, at
from sk_m2v.tables._formats import STANDARD, checked_format, is_gzip, name_of
from sk_m2v.tables._json_lines import JsonLines
from sk_m2v.tables._npy import Npy
from sk_m2v.tables._parquet import Parquet


class _Table(Protocol):
    """What writes a format to an open file."""

    def write(self, columns: Mapping[str, Any], first: int) -> None: ...

    def finish(self) -> None: ...


_FORMATS: dict[str, Callable[[BinaryIO], _Table]] = {
    "csv": Csv,
    "tsv": partial(Csv, delimiter="\t"),
    "jsonl": JsonLines,
    "parquet": Parquet,
    "npy": Npy,
}
_COMPRESSED = {"csv", "tsv", "jsonl"}
# As the program of that name does; the most would take three times as long.
_COMPRESSION = 6


def check_target(target: str | Path, format: str | None = None) -> None:
    """Refuse a file that could not be written, before work for it is done.

    Parameters
    ----------
    target : str or Path
        A file, or ``"-"`` for standard output.
    format : str, optional
        As for `Writer`.

    Raises
    ------
    TableError
        If its suffix names no format, its folder is missing, it is a folder itself, or
        one may not write there.

    Examples
    --------
    >>> from sk_m2v.tables import check_target
    >>> check_target("vectors.csv")
    >>> check_target("no such folder/vectors.csv")
    Traceback (most recent call last):
    sk_m2v.tables._errors.TableError: no such folder/vectors.csv: there is no
    folder no such folder: make it, or give another
    """
    try:
        found = checked_format(target, format, _FORMATS)
        if is_gzip(target) and found not in _COMPRESSED:
            raise TableError(
                f"files of the format {quoted(found)} are not compressed with gzip. "
                "Leave out .gz"
            )
        check_place(target)
    except TableError as error:
        raise at(name_of(target, "standard output"), error) from error


class Writer:
    """Write a table batch by batch: the file is in its place at the end, or not at all.

    Vectors are lists in JSON lines, lists of float32 in Parquet, and a column for each
    dimension in CSV. Lists in CSV are JSON, and None is an empty cell. A file of NumPy
    holds one array, of one column, with floats as float32.

    Parameters
    ----------
    target : str or Path
        A file, or ``"-"`` for standard output. A file that exists is replaced.
    format : str, optional
        ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"parquet"`` or ``"npy"``; by default the
        one of the suffix, CSV for standard output. With the suffix ``.gz`` the first
        three are compressed.

    Raises
    ------
    TableError
        As `check_target`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sk_m2v.tables import Writer
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "vectors.csv")
    ...     with Writer(path) as writer:
    ...         writer.write({"text": ["a"], "vector": np.array([[0.1, 2]], "f4")})
    ...     print(path.read_text())
    text,vector_0,vector_1
    a,0.1,2.0
    """

    def __init__(self, target: str | Path, *, format: str | None = None) -> None:
        check_target(target, format)
        self._target = target
        self._name = name_of(target, "standard output")
        self._format = checked_format(target, format, _FORMATS)
        self._n_rows = 0
        self._is_empty = True

    @property
    def format(self) -> str:
        """Format of the file."""
        return self._format

    def __enter__(self) -> Writer:
        with ExitStack() as stack:
            stream = stack.enter_context(output(self._target))
            if is_gzip(self._target):
                # Without name and time: the same rows are the same bytes.
                file = gzip.GzipFile("", "wb", _COMPRESSION, stream, mtime=0)
                stream = cast(BinaryIO, stack.enter_context(file))
            is_standard = str(self._target) == STANDARD
            if self._format == "npy" and (is_standard or not stream.seekable()):
                stream = stack.enter_context(spooled(stream))
            self._table = _FORMATS[self._format](stream)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            if self._is_empty:
                raise at(self._name, TableError("there are no rows to write"))
            self._table.finish()

    def write(self, columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]) -> None:
        """Write rows after those before.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Names to values, of which all have as many. Each batch has the same names.

        Raises
        ------
        TableError
            If the format cannot hold a value, or columns are not those of before.
        """
        lengths = {name: len(values) for name, values in columns.items()}
        try:
            if len(set(lengths.values())) != 1:
                raise TableError(
                    "columns must be some, of the same number of rows, got "
                    f"{listed(lengths.items())}"
                )
            self._table.write(columns, self._n_rows + 1)
        except TableError as error:
            raise at(self._name, error) from error.__cause__
        self._is_empty = False
        self._n_rows += next(iter(lengths.values()))
