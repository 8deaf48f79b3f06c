"""Lines of text: a table of one column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from sk_m2v.tables._encoding import blocks
from sk_m2v.tables._errors import chosen
from sk_m2v.tables._options import Columns, Options

_NAME = "text"


def lines_of(block: str) -> list[str]:
    r"""Lines of whole lines of text.

    Only ``"\n"`` and ``"\r\n"`` end a line, and not all that `str.splitlines` knows.

    Parameters
    ----------
    block : str
        Not empty.

    Returns
    -------
    list of str
        Without their ends.
    """
    lines = block.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        del lines[-1]
    return lines


def read_lines(stream: BinaryIO, options: Options) -> Iterator[Columns]:
    """A text per line, in the column ``"text"``.

    Parameters
    ----------
    stream : binary file
        The file.
    options : Options
        How to read it.

    Yields
    ------
    dict of str to list
        Rows.

    Raises
    ------
    TableError
        If another column is asked for, or bytes are no text.
    """
    names = chosen([_NAME], options.columns)
    size = options.size
    lines: list[str] = []
    for block in blocks(stream, options):
        lines += lines_of(block)
        whole = len(lines) - len(lines) % size
        for start in range(0, whole, size):
            yield dict.fromkeys(names, lines[start : start + size])
        del lines[:whole]
    if lines:
        yield dict.fromkeys(names, lines)
