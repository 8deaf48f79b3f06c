"""`read` and `batches`: from a file to columns."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sk_m2v._messages import quoted, shortened
from sk_m2v.tables._csv import read_csv, read_tsv
from sk_m2v.tables._errors import TableError, at
from sk_m2v.tables._formats import checked_format, name_of
from sk_m2v.tables._json_lines import read_json_lines
from sk_m2v.tables._lines import read_lines
from sk_m2v.tables._opened import opened
from sk_m2v.tables._options import Columns, Options, Reader
from sk_m2v.tables._parquet import read_parquet

#: What can be read.
FORMATS: Mapping[str, Reader] = MappingProxyType(
    {
        "csv": read_csv,
        "tsv": read_tsv,
        "jsonl": read_json_lines,
        "parquet": read_parquet,
        "text": read_lines,
    }
)
_WITH_DELIMITERS = {"csv", "tsv"}


def batches(
    source: str | Path,
    *,
    size: int = 65_536,
    format: str | None = None,
    encoding: str = "utf-8",
    fallback_encoding: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[Columns]:
    r"""Read a table piece by piece, in little memory.

    Parameters
    ----------
    source : str or Path
        A file, compressed with gzip or not; ``"-"`` is standard input.
    size : int, default=65536
        The most rows of a batch.
    format : str, optional
        One of `FORMATS`; by default the one of the suffix, CSV of standard input.
    encoding : str, default="utf-8"
        Of files of text. UTF-16 and UTF-32 are recognised by their marks.
    fallback_encoding : str, optional
        Of lines that are not UTF-8, in a file of which others are.
    delimiter : str, optional
        Between cells of CSV. By default a comma, semicolon, tab or bar, whichever the
        header has; and a tab in TSV.
    columns : sequence of str, optional
        Columns to read; by default all. Those of JSON lines are the keys of the first
        65536 rows.

    Returns
    -------
    iterator of dict of str to list
        Names of columns to values, of which all have as many.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TableError
        If an option makes no sense; and, while batches are taken, if the file is not
        what it should be or has no rows.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sk_m2v.tables import batches
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "reviews.csv")
    ...     _ = path.write_text("text,stars\ngood,5\nbad,1\nfine,4\n")
    ...     for batch in batches(path, size=2, columns=["text"]):
    ...         print(batch)
    {'text': ['good', 'bad']}
    {'text': ['fine']}
    """
    name = name_of(source, "standard input")
    try:
        if source != "-" and os.path.isdir(source):
            raise TableError("it is a folder: give a file in it")
        found = checked_format(source, format, FORMATS)
        if delimiter is not None and found not in _WITH_DELIMITERS:
            raise TableError(f"--delimiter is for CSV and TSV, not for {quoted(found)}")
        options = Options(size, columns, encoding, fallback_encoding, delimiter)
    except TableError as error:
        raise at(name, error) from error
    return _batches(source, name, FORMATS[found], options)


def _batches(
    source: str | Path, name: str, reader: Reader, options: Options
) -> Iterator[Columns]:
    is_empty = True
    try:
        with opened(source) as stream:
            for batch in reader(stream, options):
                is_empty = False
                yield batch
    except TableError as error:
        raise at(name, error) from error.__cause__
    if is_empty:
        raise TableError(f"{shortened(name)} has no rows: give a file with rows")


def read(
    source: str | Path,
    *,
    format: str | None = None,
    encoding: str = "utf-8",
    fallback_encoding: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
) -> Columns:
    r"""Read a whole table.

    Parameters
    ----------
    source : str or Path
        A file, compressed with gzip or not; ``"-"`` is standard input.
    format : str, optional
        One of `FORMATS`; by default the one of the suffix, CSV of standard input.
    encoding : str, default="utf-8"
        Of files of text. UTF-16 and UTF-32 are recognised by their marks.
    fallback_encoding : str, optional
        Of lines that are not UTF-8, in a file of which others are.
    delimiter : str, optional
        Between cells of CSV. By default a comma, semicolon, tab or bar, whichever the
        header has; and a tab in TSV.
    columns : sequence of str, optional
        Columns to read; by default all. Those of JSON lines are the keys of all rows.

    Returns
    -------
    dict of str to list
        Names of columns to values, of which all have as many.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TableError
        If an option makes no sense, the file is not what it should be, or it has no
        rows.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sk_m2v.tables import read
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "reviews.jsonl")
    ...     _ = path.write_text('{"text": "good", "stars": 5}\n{"text": "bad"}\n')
    ...     print(read(path))
    {'text': ['good', 'bad'], 'stars': [5, None]}
    """
    # Of JSON lines, only a batch of all rows has the keys of all rows.
    pieces = batches(
        source,
        size=sys.maxsize,
        format=format,
        encoding=encoding,
        fallback_encoding=fallback_encoding,
        delimiter=delimiter,
        columns=columns,
    )
    table = next(pieces)
    for piece in pieces:
        for name, values in piece.items():
            table[name] += values
    return table
