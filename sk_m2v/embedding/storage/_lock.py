"""One writer at a time in a folder, whichever process or thread it is in."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sk_m2v._messages import shortened

_LOCK = ".sk-m2v-lock"
# Seconds to wait for another writer: a model of gigabytes takes that on a slow disk.
_PATIENCE = 120.0


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else writes into a folder, and keep others waiting.

    The system gives the lock back when a process ends, however it ends. A file that a
    dead process has left is taken over by the next, and removed.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Yields
    ------
    None
        While this is the only writer.

    Raises
    ------
    OSError
        If the lock cannot be had.
    """
    path = folder / _LOCK
    give_up = time.monotonic() + _PATIENCE
    # Who had the lock may have removed the file after it was opened here.
    while (file := _locked(path)) is None:
        if time.monotonic() > give_up:
            raise TimeoutError(
                f"another process has been writing into {shortened(folder)} for "
                f"{round(_PATIENCE)} seconds: wait for it, or end it"
            )
        time.sleep(0.01)
    with file:
        try:
            yield
        finally:
            # While it is locked: whoever waits then sees that it is another file.
            with suppress(OSError):
                path.unlink()


def _locked(path: Path) -> BinaryIO | None:
    """Open and lock a file; None if somebody else has it."""
    file = path.open("ab")
    try:
        if _lock(file.fileno()) and os.path.samestat(
            os.stat(path), os.fstat(file.fileno())
        ):
            return file
    except FileNotFoundError:
        pass
    except BaseException:
        file.close()
        raise
    file.close()
    return None


if sys.platform == "win32":

    def _lock(descriptor: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:

    def _lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
