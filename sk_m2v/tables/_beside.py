"""Files that are written beside their places and renamed when they are whole."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from sk_m2v._messages import shortened
from sk_m2v.tables._errors import TableError, reason
from sk_m2v.tables._formats import STANDARD

# Of a name that is too long to have more added to it.
_NAME_LENGTH = 40


def check_place(target: str | Path) -> None:
    """Refuse where no file can be written.

    Parameters
    ----------
    target : str or Path
        A file that may exist or not, or ``"-"``.

    Raises
    ------
    TableError
        If it is a folder, its folder is missing, or one may not write there.
    """
    if str(target) == STANDARD:
        return
    path = Path(target)
    if os.path.isdir(path):
        raise TableError("it is a folder: give a file in it")
    if not os.path.isdir(path.parent):
        raise TableError(
            f"there is no folder {shortened(path.parent)}: make it, or give another"
        )
    exists = True
    try:
        path.stat()
    except FileNotFoundError:
        exists = False
    except (OSError, ValueError) as error:  # such as of a name that is too long
        raise TableError(f"it cannot be written: {shortened(reason(error))}") from error
    if exists and not os.access(path, os.W_OK):
        raise TableError(
            "it may not be written: change its permissions, or give another"
        )
    folder = _real(path).parent
    if _is_replaced(path) and not os.access(folder, os.W_OK):
        raise TableError(
            f"nothing may be written in the folder {shortened(folder)}: change its "
            "permissions, or give another"
        )


@contextmanager
def output(target: str | Path) -> Iterator[BinaryIO]:
    """Open a file to be written, which is in its place only if there was no error.

    Parameters
    ----------
    target : str or Path
        A file, or ``"-"`` for standard output, which is not closed.

    Yields
    ------
    binary file
        What to write to.
    """
    if str(target) == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # What a link points to, so that it stays a link.
    path = _real(Path(target))
    if not _is_replaced(path):
        with open(path, "wb") as file:
            yield file
        return
    beside = path.with_name(f".{path.name[:_NAME_LENGTH]}.{uuid.uuid4().hex[:8]}")
    try:
        with open(beside, "wb") as file:
            yield file
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A file to go back in, for a stream without a way back, which gets it whole.

    Parameters
    ----------
    stream : binary file
        Such as standard output.

    Yields
    ------
    binary file
        What to write to.
    """
    with TemporaryFile() as file:
        yield cast(BinaryIO, file)
        file.seek(0)
        shutil.copyfileobj(file, stream)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_replaced(path: Path) -> bool:
    """Whether by a new file: a pipe or device is written to as it is."""
    return path.is_file() or not path.exists()
