"""Formats of files, by their suffixes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sk_m2v._messages import listed, quoted
from sk_m2v.tables._errors import TableError

#: In place of a file, for standard input and output.
STANDARD = "-"

GZIP = ".gz"

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json-lines": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
    ".npy": "npy",
}


def format_of(source: str | Path) -> str:
    """Format of a file by its suffix, whether or not ``.gz`` stands after it.

    Parameters
    ----------
    source : str or Path
        A file, or ``"-"`` for standard input and output, which are CSV.

    Returns
    -------
    str
        One of ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"parquet"``, ``"text"``, ``"npy"``.

    Raises
    ------
    TableError
        If the suffix says nothing.

    Examples
    --------
    >>> from sk_m2v.tables import format_of
    >>> format_of("reviews.csv.gz"), format_of("data/lines.TXT")
    ('csv', 'text')
    """
    if str(source) == STANDARD:
        return "csv"
    suffix = Path(str(source).lower().removesuffix(GZIP)).suffix
    if suffix not in SUFFIXES:
        raise TableError(
            f"the suffix of {quoted(str(source), 200)} names no format. Give --format, "
            "--to for what is written, or one of the suffixes "
            f"{listed(SUFFIXES, len(SUFFIXES))}"
        )
    return SUFFIXES[suffix]


def is_gzip(target: str | Path) -> bool:
    """Whether a name says that a file is compressed.

    Parameters
    ----------
    target : str or Path
        A file.

    Returns
    -------
    bool
        By its last suffix.
    """
    return str(target).lower().endswith(GZIP)


def checked_format(source: str | Path, format: str | None, known: Iterable[str]) -> str:
    """The format given, or that of the suffix, if it is one of some.

    Parameters
    ----------
    source : str or Path
        A file.
    format : str or None
        As a user gave it.
    known : iterable of str
        Formats that can be read, or written.

    Returns
    -------
    str
        One of `known`.

    Raises
    ------
    TableError
        If it is none of them.
    """
    found = format_of(source) if format is None else format
    if found not in known:
        raise TableError(
            f"{quoted(str(source), 200)} cannot be of the format {quoted(found)} here. "
            f"Give one of {listed(known)}"
        )
    return found


def name_of(source: str | Path, standard: str) -> str:
    """How messages call a file.

    Parameters
    ----------
    source : str or Path
        A file, or ``"-"``.
    standard : str
        What ``"-"`` stands for.

    Returns
    -------
    str
        One or the other.
    """
    return standard if str(source) == STANDARD else str(source)
