"""CSV and TSV, read and written: cells are texts, and the first row names them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from threading import Lock
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.tables._encoding import blocks, encoded
from sk_m2v.tables._errors import TableError, chosen, unwritable
from sk_m2v.tables._options import Columns, Options
from sk_m2v.tables._values import as_json, plain

# Tried on a header, the first of the best one wins.
_DELIMITERS = ",;\t|"
# Characters of a cell. A quote that is not closed would read a file to its end.
_LONGEST = 1 << 24
_AT_ONCE = 4096
_limit = Lock()


def read_csv(stream: BinaryIO, options: Options) -> Iterator[Columns]:
    """Rows of cells, with names in the first row.

    Empty lines are passed over.

    Parameters
    ----------
    stream : binary file
        The file.
    options : Options
        How to read it. Without a delimiter it is guessed from the header.

    Yields
    ------
    dict of str to list of str
        Rows.

    Raises
    ------
    TableError
        If the header or a row is not as it should be.
    """
    pieces = blocks(stream, options)
    first = next(pieces, "")
    # Not all ends of lines that `str.splitlines` knows.
    lines = chain.from_iterable(
        io.StringIO(it, newline="") for it in chain([first], pieces)
    )
    rows = _rows(lines, options.delimiter or _guessed(first))
    with _long_cells():
        names = next(rows, None)
    if names is None:
        raise TableError("it has no header and no rows: give a file with rows")
    _check_header(names)
    wanted = {name: names.index(name) for name in chosen(names, options.columns)}
    while table := _columns(rows, wanted, options.size):
        yield table


def read_tsv(stream: BinaryIO, options: Options) -> Iterator[Columns]:
    """Rows of cells between tabs.

    Parameters
    ----------
    stream : binary file
        The file.
    options : Options
        How to read it.

    Returns
    -------
    iterator of dict of str to list of str
        Rows, as `read_csv` yields them.
    """
    return read_csv(stream, replace(options, delimiter=options.delimiter or "\t"))


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The header, then rows with as many cells."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    row = width = 0
    begin = 1
    try:
        for cells in reader:
            if cells:
                width = width or len(cells)
                if len(cells) != width:
                    raise TableError(
                        f"row {row} (line {begin}) has {len(cells)} cells, "
                        f"where the header has {width}. Put cells that hold "
                        f"{quoted(delimiter)} or ends of lines in quotes"
                    )
                yield cells
                row += 1
            begin = reader.line_num + 1
    except csv.Error as error:
        where = f"row {row}" if row else "the header"
        raise TableError(
            f"{where} (it begins on line {begin}) cannot be read: "
            f"{shortened(_reason(error))}. Quotes in a cell in quotes are doubled"
        ) from error


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text:
        return "a quote is not closed"
    if "field limit" in text:
        return f"a cell has more than {_LONGEST:,} characters; is a quote not closed?"
    if "expected after" in text:
        return "something stands between a closing quote and the end of its cell"
    return text


def _columns(
    rows: Iterator[list[str]], wanted: dict[str, int], size: int
) -> Columns | None:
    """Columns of the next rows; None at the end."""
    table: Columns = {name: [] for name in wanted}
    n_rows = 0
    # Not all rows as lists at once: they take more memory than what they hold.
    with _long_cells():
        while part := list(islice(rows, min(_AT_ONCE, size - n_rows))):
            n_rows += len(part)
            for name, i in wanted.items():
                table[name] += [row[i] for row in part]
    return table if n_rows else None


@contextmanager
def _long_cells() -> Iterator[None]:
    """Cells as long as texts are, while rows are read; the limit is one of Python's."""
    with _limit:
        before = csv.field_size_limit(_LONGEST)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _guessed(text: str) -> str:
    """What makes most cells of the header, with regard to quotes."""

    def n_cells(delimiter: str) -> int:
        rows = _rows(io.StringIO(text, newline=""), delimiter)
        try:
            # No delimiter is better than another if there is one cell, or an error.
            return max(len(next(rows, [])), 1)
        except TableError:
            return 1

    with _long_cells():
        return max(_DELIMITERS, key=n_cells)


def _check_header(names: list[str]) -> None:
    if "" in names:
        raise TableError(
            f"column {quoted(names.index('') + 1)} of {len(names)} has an empty name "
            f"in the header, {listed(names)}. Give it one, or leave it "
            "out, as pandas does with to_csv(index=False)"
        )


# --- Writing --------------------------------------------------------------------------


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
            for it, column in _flat(name, values, first):
                names.append(it)
                cells.append(column)
        if self._header is None:
            self._start(names)
        elif names != self._header:
            raise TableError(
                f"the columns of row {first} are {listed(names)}, and those of the "
                f"header {listed(self._header)}. Write batches of the same columns"
            )
        # In quotes, where a reader, as that of pandas, would pass over a blank row.
        has_blank = len(cells) == 1 and any(str(it).isspace() for it in cells[0])
        quoting = csv.QUOTE_ALL if has_blank else csv.QUOTE_MINIMAL
        rows = self._formatted(zip(*cells, strict=True), quoting)
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
        if (
            not names
            or "" in names
            or len(set(names)) < len(names)
            or "\0" in "".join(names)
        ):
            raise TableError(
                "columns need names of their own, not empty and without NUL "
                f"characters, got {listed(names)}"
            )
        # In quotes, where a reader could take a name for several, or for a mark.
        special = _DELIMITERS.replace(self._delimiter, "") + "\ufeff"
        is_special = any(it in name for name in names for it in special)
        header = self._formatted(
            [names], csv.QUOTE_ALL if is_special else csv.QUOTE_MINIMAL
        )
        self._stream.write(encoded(header, 0))
        self._header = names

    def _formatted(self, rows: Iterable[Sequence[Any]], quoting: Any) -> list[str]:
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


def _flat(
    name: str, values: Any, first: int
) -> Iterator[tuple[str, Sequence[str | float | None]]]:
    """A column, or one for each dimension of vectors."""
    if isinstance(values, np.ndarray) and values.ndim == 2:
        for i, column in enumerate(plain(values.T)):
            yield f"{name}_{i}", column
    elif isinstance(values, np.ndarray) and values.dtype.kind in "biufU":
        yield name, plain(values)
    else:
        yield name, list(_cells(values, first))


def _cells(values: Iterable[Any], first: int) -> Iterator[Any]:
    for i, value in enumerate(values, first):
        try:
            yield value if isinstance(value, str) else _cell(plain(value))
        except (TypeError, ValueError, RecursionError) as error:
            raise unwritable(i, error) from error


def _cell(value: Any) -> Any:
    if isinstance(value, bytes):
        raise TypeError("bytes are no text")
    return as_json(value) if isinstance(value, list | tuple | dict) else value
