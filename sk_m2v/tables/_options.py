"""How a table is to be read: checked once, before a file is opened."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from encodings.aliases import aliases
from typing import Any, BinaryIO

from sk_m2v._messages import check_count, listed, quoted
from sk_m2v.tables._errors import TableError

#: Names of columns to their values, of which all have as many.
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Options:
    """What one can choose about reading; refused if it makes no sense."""

    size: int  # the most rows of a batch
    columns: Sequence[str] | None
    encoding: str
    fallback_encoding: str | None
    delimiter: str | None

    def __post_init__(self) -> None:
        check_count(self.size, "rows", "size")
        if isinstance(self.columns, str) or (
            self.columns is not None and not self.columns
        ):
            raise TableError(
                "columns must be a list of names, of one at least, got "
                f"{quoted(self.columns)}"
            )
        _check_encoding(self.encoding)
        if self.fallback_encoding is not None:
            _check_encoding(self.fallback_encoding)
            if codecs.lookup(self.encoding).name != "utf-8":
                raise TableError(
                    "--fallback-encoding is for lines that are not UTF-8, and "
                    f"--encoding is {quoted(self.encoding)}. Give one of the two"
                )
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or self.delimiter in '"\r\n\0'
        ):
            raise TableError(
                "--delimiter must be one character, and no quote or end of a line, "
                f"got {quoted(self.delimiter)}"
            )


#: Turns an open file into columns, batch by batch.
Reader = Callable[[BinaryIO, Options], Iterator[Columns]]


def _check_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
        # Refuses codecs that make bytes of bytes.
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError):  # the latter of names with a NUL
        written = name.lower().replace("-", "_")
        nearest = get_close_matches(written, {*aliases, *aliases.values()}, cutoff=0)
        raise TableError(
            f"there is no encoding {quoted(name)}. The nearest are {listed(nearest)}"
        ) from None
