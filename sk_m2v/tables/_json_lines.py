"""JSON lines, read and written: an object per line, whose keys are columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, BinaryIO

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.tables._encoding import blocks, encoded
from sk_m2v.tables._errors import TableError, chosen, unwritable
from sk_m2v.tables._lines import lines_of
from sk_m2v.tables._options import Columns, Options
from sk_m2v.tables._values import as_json, plain

# Rows at the begin of a file, the keys of which are the columns.
_BEGIN = 65_536


def read_json_lines(stream: BinaryIO, options: Options) -> Iterator[Columns]:
    """An object per line. Keys that it lacks are None; empty lines are passed over.

    Parameters
    ----------
    stream : binary file
        The file.
    options : Options
        How to read it. Columns are the keys of the first rows: of as many as a batch
        has, and of 65536 at least.

    Yields
    ------
    dict of str to list
        Rows.

    Raises
    ------
    TableError
        If a line is no object, or has a key that none of the first rows has.
    """
    rows = _rows(stream, options)
    begin = list(islice(rows, max(options.size, _BEGIN)))
    known = dict.fromkeys(chain.from_iterable(row for _, row in begin))
    if begin:
        names = chosen(list(known), options.columns)
    later = rows if options.columns else _with_keys(rows, known)
    all_rows = chain(begin, later)
    del begin
    while batch := [row for _, row in islice(all_rows, options.size)]:
        yield {name: [row.get(name) for row in batch] for name in names}


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
        values = zip(*map(plain, columns.values()), strict=True)
        rows = []
        for i, row in enumerate(values, first):
            try:
                rows.append(as_json(dict(zip(names, row, strict=True))) + "\n")
            except (TypeError, ValueError, RecursionError) as error:
                raise unwritable(i, error) from error
        self._stream.write(encoded(rows, first))

    def finish(self) -> None:
        """Nothing is left to write."""


def _rows(stream: BinaryIO, options: Options) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects, each with its line."""
    lines = chain.from_iterable(map(lines_of, blocks(stream, options)))
    for i, line in enumerate(lines, start=1):
        if not line or line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            # Without a place, which would be one in the line.
            reason = getattr(error, "msg", error)
            raise TableError(
                f"line {i} is no JSON ({shortened(reason)}): {quoted(line)}. Each line "
                "must be a whole object"
            ) from error
        if not isinstance(row, dict):
            raise TableError(
                f"line {i} is no JSON object: {quoted(line)}. Each line must be one, "
                'such as {"text": "..."}'
            )
        yield i, row


def _with_keys(
    rows: Iterator[tuple[int, dict[str, Any]]], known: dict[str, None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for i, row in rows:
        if new := row.keys() - known.keys():
            raise TableError(
                f"line {i} has keys that no row at the begin of the file has, "
                f"{listed(sorted(new))}. Name the columns to read, or write all keys "
                "in the first row"
            )
        yield i, row
