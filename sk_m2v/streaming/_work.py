"""Unfinished work on a target: a folder beside it, and a record of what is done."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sk_m2v._messages import quoted, shortened
from sk_m2v.streaming._disk import replace, sync

_RECORD, _LOCK, _DATA = "record.json", "lock", "data"


@dataclass(frozen=True)
class Record:  # numpydoc ignore=PR02
    """What is done.

    Parameters
    ----------
    fingerprint : dict
        What the result depends on: names to numbers or texts.
    rows : int
        Rows that are whole on the disk. Whatever is there beside them is not trusted.
    digest : str
        Of their texts.
    finished : bool
        Whether there are no more.
    """

    fingerprint: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    digest: str = ""
    finished: bool = False


class Work:
    """The folder of a target that is not there yet.

    Parameters
    ----------
    target : Path
        Where the result goes.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._folder = target.with_name(f"{target.name}.unfinished")

    @property
    def data(self) -> Path:
        """Where the result is as long as it is not whole."""
        return self._folder / _DATA

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out. The system takes the lock from a process that dies.

        Yields
        ------
        None
            While the folder is there and nobody else works in it.

        Raises
        ------
        FileExistsError
            If the target is there already.
        BlockingIOError
            If another run works on it.
        """
        if os.path.lexists(self._target) and not self._folder.exists():
            raise FileExistsError(_is_there(self._target))
        self._folder.mkdir(exist_ok=True)
        lock = FileLock(self._folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BlockingIOError(
                f"{shortened(self._target)} is being written by another run: wait "
                "until it has ended, or end it, or give another target"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def begin(self, fingerprint: Mapping[str, Any], *, resume: bool) -> Record:
        """Find what is done, or start.

        Parameters
        ----------
        fingerprint : mapping
            What the result depends on.
        resume : bool
            Whether to go on with what is done; otherwise that is removed.

        Returns
        -------
        Record
            What is done.

        Raises
        ------
        FileExistsError
            If the target is there already, and is not what this work has led to.
        ValueError
            If what is done has another fingerprint; it says what differs.
        """
        record = self._read()
        is_placed = record.finished and not self.data.exists()
        if os.path.lexists(self._target) and not is_placed:
            if not record.fingerprint:
                self.remove()
            raise FileExistsError(_is_there(self._target))
        if resume and record.fingerprint:
            if differs := _differences(dict(fingerprint), record.fingerprint):
                raise ValueError(
                    f"{shortened(self._folder)} has unfinished work, "
                    f"{quoted(record.rows)} rows, that does not fit: it differs in "
                    f"{shortened(differs)}. Give what was given then, or remove that "
                    "folder to start again"
                )
            return record
        record = Record(dict(fingerprint))
        # First the record that nothing is done, then what it was about.
        self.save(record)
        remove(self.data)
        return record

    def rows(self) -> int:
        """Count what is done.

        Returns
        -------
        int
            Rows on record.
        """
        return self._read().rows

    def save(self, record: Record) -> None:
        """Put on record what is done, after it is on the disk.

        Parameters
        ----------
        record : Record
            What.
        """
        text = json.dumps(asdict(record), indent=2)
        replace(self._folder / _RECORD, text.encode())

    def place(self) -> None:
        """Put what is finished where it belongs, and remove the folder."""
        if self.data.exists():
            if os.path.lexists(self._target):  # since the work began
                raise FileExistsError(_is_there(self._target))
            os.replace(self.data, self._target)
            sync(self._target.parent)
        self.remove()

    def remove(self) -> None:
        """Remove the folder, the record last: as long as it is there, it is right."""
        for path in self._folder.iterdir():
            if path.name not in (_RECORD, _LOCK):
                remove(path)
        (self._folder / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> Record:
        path = self._folder / _RECORD
        try:
            return Record(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return Record()
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{shortened(path)} is damaged ({shortened(error)}): remove the "
                "folder that it is in, and start again"
            ) from error


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there.

    Parameters
    ----------
    path : Path
        What.
    """
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_there(target: Path) -> str:
    return (
        f"{shortened(target)} is there already: it is whole, or something else. Remove "
        "it, or give another target"
    )


def _differences(now: dict[str, Any], before: dict[str, Any]) -> str:
    """Names of what differs, with the values where these are short."""
    parts = []
    for name in dict.fromkeys([*now, *before]):
        new, old = now.get(name), before.get(name)
        if new == old:
            continue
        is_long = any(len(str(it)) > 30 for it in (new, old))
        values = "" if is_long else f" ({quoted(old)} then, {quoted(new)} now)"
        parts.append(f"{name}{values}")
    return ", ".join(parts)
