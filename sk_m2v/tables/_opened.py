"""A file or standard input as bytes, whether compressed or not."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, cast

from sk_m2v._messages import listed, shortened
from sk_m2v.tables._errors import TableError, reason
from sk_m2v.tables._formats import STANDARD

_MAGIC = b"\x1f\x8b"


@contextmanager
def opened(source: str | Path) -> Iterator[BinaryIO]:
    """Open a file to be read.

    Parameters
    ----------
    source : str or Path
        A file, or ``"-"`` for standard input, which is not closed.

    Yields
    ------
    binary file
        What is in it, after decompression.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TableError
        If it cannot be opened, is empty, or is no whole gzip file.
    """
    if str(source) == STANDARD:
        # A reader of our own can look ahead, whatever stands in for standard input.
        stream: io.BufferedReader[Any] = io.BufferedReader(
            cast(io.RawIOBase, sys.stdin.buffer)
        )
        done: Callable[[], object] = stream.detach
    else:
        stream = _open(Path(source))
        done = stream.close
    try:
        begin = stream.peek(2)[:2]
        if not begin:
            raise TableError("it is empty: give a file with rows")
        # By what it holds: a file may have been decompressed or renamed on its way.
        if begin == _MAGIC:
            with gzip.GzipFile(fileobj=stream) as file, _damage():
                yield cast(BinaryIO, file)
        else:
            yield stream
    finally:
        done()


def _open(path: Path) -> io.BufferedReader[Any]:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {shortened(path)}.{_advice(path)}"
        ) from None
    except (OSError, ValueError) as error:  # the latter of names with a NUL
        if os.path.isdir(path):
            raise TableError("it is a folder: give a file in it") from None
        raise TableError(f"it cannot be opened: {shortened(reason(error))}") from error


def _advice(path: Path) -> str:
    """Names in the folder that are nearly the same."""
    try:
        near = get_close_matches(path.name, os.listdir(path.parent))
    except FileNotFoundError:
        return f" Nor is there a folder {shortened(path.parent)}"
    except OSError:
        near = []
    return f" Near it are {listed(near)}" if near else " Check the path"


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableError(
            f"it is a damaged gzip file ({shortened(error)}). Fetch or write it again"
        ) from error
