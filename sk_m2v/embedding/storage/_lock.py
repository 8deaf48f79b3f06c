"""One writer at a time in a folder, whichever process or thread it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
    from filelock import FileLock, Timeout  # readers do without

    path = folder / _LOCK
    lock = FileLock(path, timeout=_PATIENCE, poll_interval=0.01)
    try:
        lock.acquire()
    except Timeout:
        raise TimeoutError(
            f"another process has been writing into {shortened(folder)} for "
            f"{round(_PATIENCE)} seconds: wait for it, or end it"
        ) from None
    try:
        yield
    finally:
        # While it is locked: whoever waits then sees that the file has no name any
        # more, and makes another. Windows removes it only after that, as filelock does.
        with suppress(OSError):
            path.unlink()
        lock.release()
