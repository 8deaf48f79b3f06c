"""Rows of text: as CSV, TSV and JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np

from sk_m2v._messages import listed, shortened
from sk_m2v.cli.tables._csv import DELIMITERS
from sk_m2v.cli.tables._encoding import encoded
from sk_m2v.cli.tables._errors import TableError
from sk_m2v.cli.tables._values import as_json, plain


class JsonLines:
    """An object per row.

    Parameters
    ----------
    stream : binary file
        What to write to.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, columns: Mapping[str, Any], first: int) -> None:
        """Write rows.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Names to values.
        first : int
            Number of the first row.

        Raises
        ------
        TableError
            If there is no JSON for a value.
        """
        names = list(columns)
        values = zip(*map(_values, columns.values()), strict=True)
        rows = []
        for i, row in enumerate(values, first):
            try:
                rows.append(as_json(dict(zip(names, row, strict=True))) + "\n")
            except (TypeError, ValueError, RecursionError) as error:
                raise _unwritable(i, error) from error
        self._stream.write(encoded(rows, first))

    def finish(self) -> None:
        """Nothing is left to write."""


class Csv:
    """A row of cells each, with names in the first row.

    Vectors have a column for each dimension, lists and objects are JSON, None is empty.

    Parameters
    ----------
    stream : binary file
        What to write to.
    delimiter : str, default=","
        Between cells.
    """

    def __init__(self, stream: BinaryIO, delimiter: str = ",") -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._header: list[str] | None = None

    def write(self, columns: Mapping[str, Any], first: int) -> None:
        """Write rows.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Names to values.
        first : int
            Number of the first row.

        Raises
        ------
        TableError
            If a value cannot stand in a cell, or columns are not those of the header.
        """
        names, cells = [], []
        for name, values in columns.items():
            for it, column in _flat(name, values):
                names.append(it)
                cells.append(column)
        if self._header is None:
            self._start(names)
        elif names != self._header:
            raise TableError(
                f"the columns of row {first} are {listed(names)}, and those of the "
                f"header {listed(self._header)}. Write batches of the same columns"
            )
        rows = self._formatted(_cells(cells, first), csv.QUOTE_MINIMAL)
        if any("\0" in it for it in rows):
            row = next(i for i, it in enumerate(rows, first) if "\0" in it)
            raise TableError(
                f"row {row} has a NUL character, which readers of CSV refuse. Remove "
                "it, or write JSON lines"
            )
        self._stream.write(encoded(rows, first))

    def finish(self) -> None:
        """Nothing is left to write."""

    def _start(self, names: list[str]) -> None:
        if "" in names or len(set(names)) < len(names) or "\0" in "".join(names):
            raise TableError(
                "columns need names of their own, not empty and without NUL "
                f"characters, got {listed(names)}"
            )
        # In quotes, where a reader could take a name for several, or for a mark.
        special = DELIMITERS.replace(self._delimiter, "") + "\ufeff"
        is_special = any(it in name for name in names for it in special)
        header = self._formatted(
            [names], csv.QUOTE_ALL if is_special else csv.QUOTE_MINIMAL
        )
        self._stream.write(encoded(header, 0))
        self._header = names

    def _formatted(self, rows: Any, quoting: Any) -> list[str]:
        # Of two characters, so that either one in a cell is put in quotes.
        end = "\r\n"
        lines: list[str] = []
        writer = csv.writer(
            SimpleNamespace(write=lines.append),
            delimiter=self._delimiter,
            lineterminator=end,
            quoting=quoting,
        )
        writer.writerows(rows)
        return [it.removesuffix(end) + "\n" for it in lines]


def _values(values: Sequence[Any] | np.ndarray) -> Sequence[Any]:
    """One for each row; scalars in a list are made plain where they are written."""
    result: Sequence[Any] = plain(values)
    return result


def _flat(name: str, values: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    """A column, or one for each dimension of vectors."""
    if isinstance(values, np.ndarray) and values.ndim == 2:
        for i, column in enumerate(plain(values.T)):
            yield f"{name}_{i}", column
    else:
        yield name, _values(values)


def _cells(columns: list[Sequence[Any]], first: int) -> Iterator[list[Any]]:
    for i, row in enumerate(zip(*columns, strict=True), first):
        try:
            yield list(map(_cell, row))
        except (TypeError, ValueError, RecursionError) as error:
            raise _unwritable(i, error) from error


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    value = plain(value)
    if isinstance(value, bytes):
        raise TypeError("bytes are no text")
    return as_json(value) if isinstance(value, list | tuple | dict) else value


def _unwritable(row: int, error: Exception) -> TableError:
    return TableError(
        f"row {row} cannot be written: {shortened(error)}. Leave out the column, or "
        "make its values numbers or texts"
    )
