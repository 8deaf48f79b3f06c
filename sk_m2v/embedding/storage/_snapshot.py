"""The files of a folder as they were together at one moment."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sk_m2v._messages import quoted, shortened
from sk_m2v.embedding.storage._links import check_links
from sk_m2v.embedding.storage._names import FILES
from sk_m2v.embedding.storage._replace import NEW

# How often to look again while others write, after up to 20 milliseconds.
_TRIES = 1_000
# A pipe of this name must not make readers wait; Windows would change ends of lines.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_Identity = tuple[int, int] | None


class Snapshot:
    """Open files of one folder, none of which is of another model than the others.

    Two are equal if they are of the same files, unchanged.

    Parameters
    ----------
    folder : Path
        The folder.
    descriptors : dict of str to int
        Names, of `FILES`, and the open files, which the snapshot closes.
    """

    def __init__(self, folder: Path, descriptors: dict[str, int]) -> None:
        self.folder = folder
        self._descriptors = descriptors
        self._contents: dict[str, bytes | mmap.mmap] = {}
        stats = ((name, os.fstat(it)) for name, it in descriptors.items())
        self._key: tuple[Any, ...] = (
            folder,
            *((n, it.st_ino, it.st_size, it.st_mtime_ns) for n, it in stats),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __contains__(self, name: str) -> bool:
        return name in self._descriptors

    def path(self, name: str) -> Path:
        """Place of a file, for people.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Path
            The place. Another file may be there by now.
        """
        return self.folder / name

    def __getitem__(self, name: str) -> bytes | mmap.mmap:
        """Content of a file; tensors are mapped into memory, not read."""
        if name not in self._contents:
            if name not in self:
                raise FileNotFoundError(f"{shortened(self.path(name))} is missing")
            with open(self._descriptors[name], "rb", closefd=False) as file:
                is_mapped = name.endswith(".safetensors")
                if is_mapped and os.fstat(file.fileno()).st_size:
                    self._contents[name] = mmap.mmap(
                        file.fileno(), 0, access=mmap.ACCESS_READ
                    )
                else:
                    self._contents[name] = file.read()
        return self._contents[name]

    def sha256(self) -> str:
        """Hash of all files: that of the lines which ``sha256sum`` prints of them.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        lines = [
            f"{hashlib.sha256(self[name]).hexdigest()}  {name}\n"
            for name in sorted(self._descriptors)
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def check(self, expected_sha256: str | None) -> None:
        """Refuse files that are not those expected.

        Parameters
        ----------
        expected_sha256 : str or None
            Their hash; None for any.

        Raises
        ------
        TypeError
            If it is no text.
        ValueError
            If it is another one, or none at all.
        """
        if expected_sha256 is None:
            return
        if not isinstance(expected_sha256, str):
            raise TypeError(
                "expected_sha256 must be a text of 64 hexadecimal digits or None, got "
                f"{type(expected_sha256).__name__}"
            )
        found = self.sha256()
        if found != expected_sha256.lower():
            raise ValueError(
                f"{shortened(self.folder)} has the SHA-256 {shortened(found)}, and "
                f"expected_sha256 is {quoted(expected_sha256)}: it is not the model "
                "that was pinned. Fetch that again, or see what changed before you pin "
                "this one"
            )
        # Not equal to what was read without a look at its bytes.
        self._key = (*self._key, found)

    def close(self) -> None:
        """Close the files; what is mapped stays."""
        for it in self._descriptors.values():
            os.close(it)
        self._descriptors, self._contents = {}, {}


@contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    """Open the files of a folder.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Yields
    ------
    Snapshot
        Its files. Nothing is opened that has not one of the names of `FILES`.

    Raises
    ------
    OSError
        If a file cannot be opened, or others write without a pause.
    ValueError
        If one is a link to what is outside of the folder.
    """
    files = Snapshot(folder, _opened(folder))
    try:
        yield files
    finally:
        files.close()


def _opened(folder: Path) -> dict[str, int]:
    """Descriptors of files that belong together.

    A writer makes all new files count at once, and then moves each to its place. So
    files are of one model if, after all were opened, each is still the one that counts:
    an older one beside a newer one would have been replaced by then.
    """
    for i in range(_TRIES):
        found: dict[str, int] = {}
        try:
            places = _places(folder)
            for name in FILES:
                if (descriptor := _open(places, name)) is not None:
                    found[name] = descriptor
            opened = {name: _of(os.fstat(it)) for name, it in found.items()}
            places = _places(folder)
            if all(_counting(places, name) == opened.get(name) for name in FILES):
                check_links(
                    folder, (os.path.join(it, n) for it in places for n in found)
                )
                return found
        except BaseException:
            _close(found)
            raise
        _close(found)
        time.sleep(min(i, 20) / 1000)
    raise TimeoutError(
        f"{shortened(folder)} is written again and again by another process: end it, "
        "or load a copy"
    )


def _close(files: dict[str, int]) -> None:
    for it in files.values():
        os.close(it)


def _places(folder: Path) -> list[str]:
    """Where to look for a file, one after the other."""
    new = os.path.join(folder, NEW)
    return [new, str(folder)] if os.path.isdir(new) else [str(folder)]


def _open(places: list[str], name: str) -> int | None:
    """Open a file; None if there is none."""
    for place in places:
        try:
            descriptor = os.open(os.path.join(place, name), _READ)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if _of(os.fstat(descriptor), place) is not None:
            return descriptor
        os.close(descriptor)
        return None
    return None


def _counting(places: list[str], name: str) -> _Identity:
    """Which file of a name counts now; None if there is none."""
    for place in places:
        try:
            return _of(os.stat(os.path.join(place, name)), place)
        except (FileNotFoundError, NotADirectoryError):
            continue
    return None


def _of(status: os.stat_result, place: str = "") -> _Identity:
    """Which file it is; None if it is none, or says that there is none."""
    if not stat.S_ISREG(status.st_mode):
        return None
    if not status.st_size and place.endswith(NEW):
        return None
    return status.st_dev, status.st_ino
