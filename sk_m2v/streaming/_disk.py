"""What is on the disk, and not only in the memory of the system."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk.

    Parameters
    ----------
    path : Path
        One that exists.
    """
    if os.name == "nt":  # there, folders cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Write a file beside its place, and put it there when it is on the disk.

    Parameters
    ----------
    path : Path
        The file, which nobody else writes.
    content : bytes
        What is in it from then on. After a kill there is the old or the new.
    """
    beside = path.with_name(f"{path.name}.new")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync(path.parent)
