"""Vectors of a teacher on disk, so that a fit that was stopped goes on where it was.

One SQLite file a teacher, named after all that determines its vectors: there is nothing
to invalidate. SQLite keeps the file whole whatever happens to the process.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from sk_m2v._messages import shortened
from sk_m2v.distill.teachers._callable import SentenceTeacher

Item = TypeVar("Item", str, Sequence[int])

# Texts between two commits: what a stopped fit loses, some ten seconds of a teacher.
_CHUNK = 2_048
# Below the number of parameters that any SQLite takes in one statement.
_LOOK_UP = 900
# Another process holds the lock while its teacher reads a chunk, minutes at most.
_PATIENCE = 3_600.0
_APPLICATION = 0x736B6D32  # "skm2", to know our files from those of others


class VectorCache:
    """Vectors that a teacher has given, kept for the next time.

    Use it as a context manager, from one thread. Several processes may share the file:
    each text is embedded by one of them.

    Parameters
    ----------
    cache_dir : str, path or None
        Folder of the files, made if it does not exist. None keeps nothing: equal texts
        of one call are still embedded once.
    teacher : SentenceTeacher
        The teacher, whose `name` and `key` name the file. `key` is not read if
        `cache_dir` is None.

    Attributes
    ----------
    path : Path or None
        The file.

    Raises
    ------
    OSError
        If the folder or the file cannot be made, read or written.
    ValueError
        If the file is damaged, or something else.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_m2v.distill.teachers._cache import VectorCache
    >>> from sk_m2v.distill.teachers._callable import CallableTeacher
    >>> teacher = CallableTeacher(lambda texts: [[len(text)] for text in texts])
    >>> with VectorCache(None, teacher) as cache:
    ...     cache.get_or_compute(["a", "abc", "a"], teacher.encode)
    array([[1.],
           [3.],
           [1.]], dtype=float32)
    """

    def __init__(
        self, cache_dir: str | os.PathLike[str] | None, teacher: SentenceTeacher
    ) -> None:
        self.path: Path | None = None
        self._width: int | None = None
        if cache_dir is None:
            return
        folder = Path(cache_dir).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"cache_dir={shortened(cache_dir)!r} is not a folder and cannot be "
                f"made one: {shortened(error)}"
            ) from error
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", teacher.name)[-80:].strip("._")
        self.path = folder / f"{name or 'teacher'}-{teacher.key[:16]}.sqlite"
        with self._explained():
            self._connection = _connect(self.path)
        try:
            with self._explained():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self.path is not None:
            self._connection.close()

    def vectors(
        self,
        items: Sequence[Item],
        compute: Callable[[list[Item]], npt.NDArray[np.float32]],
        *,
        unit: str = "texts",
        verbose: bool,
    ) -> npt.NDArray[np.float32]:
        """Vectors of any number of texts or sequences of token ids.

        Parameters
        ----------
        items : sequence of str, or of sequence of int
            Texts or sequences of token ids.
        compute : callable
            As in `get_or_compute`.
        unit : str, default="texts"
            What the progress bar calls the items.
        verbose : bool
            Whether to show it.

        Returns
        -------
        ndarray of shape (n_items, dim), dtype float32
            The vectors, in the order of `items`.

        Raises
        ------
        OSError, ValueError
            As in `get_or_compute`.
        """
        texts = [it if isinstance(it, str) else tuple(it) for it in items]
        position = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        # Those of similar length side by side, since teachers fill up batches to the
        # longest; and the longest first: what they take of memory and time shows early.
        order = sorted(position, key=len, reverse=True)
        result = np.empty((0, 0), np.float32)
        with tqdm(
            total=len(order),
            desc=f"teacher, {unit}",
            unit=f" {unit}",
            disable=not verbose,
        ) as progress:
            for start in range(0, len(order), _CHUNK):
                chunk = order[start : start + _CHUNK]
                part = self.get_or_compute(chunk, compute)
                if not start:
                    result = np.empty((len(order), part.shape[1]), np.float32)
                self._check_width(result.shape[1])
                result[[position[text] for text in chunk]] = part
                progress.update(len(chunk))
        if len(order) < len(texts):
            result = result[[position[text] for text in texts]]
        return result

    def get_or_compute(
        self,
        items: Sequence[Item],
        compute: Callable[[list[Item]], npt.NDArray[np.float32]],
    ) -> npt.NDArray[np.float32]:
        """Vectors of texts or sequences of token ids.

        Parameters
        ----------
        items : sequence of str, or of sequence of int
            Texts or sequences of token ids, some ten thousand a call to save memory.
        compute : callable
            From a list of 2,048 items at most, all different, to their vectors. It is
            called for those that are not in the file, and not at all without items.

        Returns
        -------
        ndarray of shape (n_items, dim), dtype float32
            The vectors, in the order of `items`.

        Raises
        ------
        OSError
            If the file cannot be read or written. What was embedded up to the last
            chunk is kept, whatever is raised.
        ValueError
            If the file is damaged or something else, or vectors are not all of the same
            length. What `compute` raises comes through as it is.
        """
        self._width = None  # texts and tokens may have vectors of different lengths
        keys = [_key(item) for item in items]
        missing = dict(zip(keys, items, strict=True))
        found = self._look_up(list(missing))
        for key in found:
            del missing[key]
        todo = list(missing)
        for start in range(0, len(todo), _CHUNK):
            chunk = {key: missing[key] for key in todo[start : start + _CHUNK]}
            found |= self._compute(chunk, compute)
        # A bytearray, so that the array can be written to.
        data = bytearray().join([found[key] for key in keys])
        return np.frombuffer(data, dtype="<f4").reshape(len(keys), self._width or 0)

    def _compute(
        self,
        chunk: dict[bytes, Item],
        compute: Callable[[list[Item]], npt.NDArray[np.float32]],
    ) -> dict[bytes, bytes]:
        """Compute vectors and keep them, unless another process has done so."""
        if self.path is None:
            return self._rows(chunk, compute(list(chunk.values())))
        started = time.monotonic()
        with self._explained():
            self._execute("BEGIN IMMEDIATE")
        try:
            found = self._look_up(list(chunk))
            missing = {key: it for key, it in chunk.items() if key not in found}
            if missing:
                rows = self._rows(missing, compute(list(missing.values())))
                with self._explained():
                    self._connection.executemany(
                        "INSERT INTO vectors VALUES (?, ?)", rows.items()
                    )
                found |= rows
            with self._explained():
                self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        # SQLite has no queue: without a pause, others would wait until all is done.
        time.sleep(min(0.03, (time.monotonic() - started) / 100))
        return found

    def _rows(
        self, items: dict[bytes, Any], vectors: npt.NDArray[np.float32]
    ) -> dict[bytes, bytes]:
        """Vectors as they are stored."""
        vectors = np.ascontiguousarray(vectors, dtype="<f4")
        if vectors.ndim != 2 or len(vectors) != len(items):
            raise ValueError(
                f"{len(items)} vectors were expected, got shape {vectors.shape}"
            )
        self._check_width(vectors.shape[1])
        return dict(zip(items, map(bytes, vectors), strict=True))

    def _look_up(self, keys: list[bytes]) -> dict[bytes, bytes]:
        """Vectors of those keys that are in the file."""
        found: dict[bytes, bytes] = {}
        if self.path is None:
            return found
        with self._explained():
            for start in range(0, len(keys), _LOOK_UP):
                some = keys[start : start + _LOOK_UP]
                marks = ",".join("?" * len(some))
                found |= self._execute(
                    f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some
                ).fetchall()
        for length in {len(vector) for vector in found.values()}:
            self._check_width(length / 4)
        return found

    def _check_width(self, width: float) -> None:
        if self._width is None and width == int(width):
            self._width = int(width)
        if width != self._width:
            where = "" if self.path is None else f" in {self.path}: delete this file"
            raise ValueError(
                f"there are vectors of {width:g} numbers beside others of "
                f"{self._width}{where}"
            )

    def _prepare(self) -> None:
        """Make the table, or see that the file is one of ours."""
        # Counts for new files: a page has room for ten vectors of 384 numbers. With the
        # 4,096 bytes of SQLite, files are a third larger.
        self._execute("PRAGMA page_size = 16384")
        [application] = self._execute("PRAGMA application_id").fetchone()
        if application == 0:
            self._execute("BEGIN IMMEDIATE")  # another process may be doing the same
            [n_tables] = self._execute("SELECT count(*) FROM sqlite_master").fetchone()
            [application] = self._execute("PRAGMA application_id").fetchone()
            if n_tables == 0:
                self._execute(
                    "CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"
                )
                self._execute(f"PRAGMA application_id = {_APPLICATION}")
                application = _APPLICATION
            self._execute("COMMIT")
        if application != _APPLICATION:
            raise ValueError(
                f"{shortened(self.path)} is a database of another program: move it, or "
                "use another cache_dir"
            )

    def _execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement, waiting for other processes.

        SQLite can wait itself, but not be interrupted by Ctrl-C while it does.
        """
        give_up = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._connection.execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
            time.sleep(0.01)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say which file an error of SQLite is about, and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            code = _code(error)
            file = f"the cache file {self.path}"
            kept = "What was embedded before is kept"
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise ValueError(
                    f"{shortened(file)} is damaged, or was written by another program "
                    f"({shortened(error)}): delete it"
                ) from error
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                raise OSError(
                    f"{shortened(file)} cannot grow ({shortened(error)}). {kept}: free "
                    "space and fit again, or set cache_dir=None"
                ) from error
            if code == sqlite3.SQLITE_BUSY:
                raise OSError(
                    f"{shortened(file)} has been locked by another process for "
                    f"{_PATIENCE / 60:.0f} minutes. {kept}: wait for the process, or "
                    "end it"
                ) from error
            raise OSError(
                f"{shortened(file)} cannot be used ({shortened(error)}): see that it "
                "may be read and written, use another cache_dir, or set cache_dir=None"
            ) from error


def _connect(path: Path) -> sqlite3.Connection:
    # No implicit transactions, and no waiting: both are done above.
    return sqlite3.connect(path, timeout=0, isolation_level=None)


def _code(error: sqlite3.Error) -> int:
    """What SQLite calls the primary result code; 0 for errors of the module alone."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _key(item: str | Sequence[int]) -> bytes:
    """Digest of a text or of token ids, which never collide with each other."""
    if isinstance(item, str):
        data, kind = item.encode("utf-8", "surrogatepass"), b"text"
    else:
        data, kind = np.asarray(item, dtype="<i8").tobytes(), b"tokens"
    return blake2b(data, digest_size=16, person=kind).digest()
