"""From a source to a target, part by part: first the part, then the record of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sk_m2v._messages import check_count, quoted, shortened
from sk_m2v.streaming._models import Encoder
from sk_m2v.streaming._sources import Source
from sk_m2v.streaming._targets import Matrix, Target, target_kind
from sk_m2v.streaming._work import Record, Work
from sk_m2v.tables._beside import check_place
from sk_m2v.tables._errors import TableError, at, reason

# What writes each kind. Other versions may write other bytes.
_WRITERS = {".npy": "numpy", ".parquet": "pyarrow", ".zarr": "zarr"}


def check_target(target: Path, columns: list[str], name: str, part_size: int) -> None:
    """Refuse what could not be written, before anything is read.

    Parameters
    ----------
    target : Path
        Where the result goes.
    columns : list of str
        Columns to keep.
    name : str
        Of the column of vectors.
    part_size : int
        Rows of a part.

    Raises
    ------
    ValueError
        If something of it makes no sense.
    """
    check_count(part_size, "rows", "part_size")
    target_kind(target, columns, name)
    if not target.exists():  # what is there already is said later
        try:
            check_place(target)
        except TableError as error:
            raise at(str(target), error) from error


def run(
    source: Source,
    target: Path,
    encoder: Encoder,
    *,
    columns: list[str],
    name: str,
    part_size: int,
    resume: bool,
    show_progress: bool | None,
) -> int:
    """Encode a source.

    Parameters
    ----------
    source : Source
        The texts.
    target : Path
        Where the vectors go, as `check_target` has found to be right.
    encoder : Encoder
        Makes vectors.
    columns : list of str
        Columns that stand beside them.
    name : str
        Of the column of vectors.
    part_size : int
        Rows that are read, encoded and written at a time.
    resume : bool
        Whether to go on with unfinished work.
    show_progress : bool or None
        Whether to show a bar; None if standard error is a terminal.

    Returns
    -------
    int
        Rows of the target.

    Raises
    ------
    OSError, ValueError
        If the target is there, another run works on it, unfinished work does not fit,
        or there are no texts.
    """
    writer = _WRITERS[target.suffix.lower()]
    fingerprint = {
        **source.fingerprint,
        **encoder.fingerprint,
        writer: version(writer),
        "part_size": int(part_size),
        "name": name,
    }
    work = Work(target)
    with work.locked():
        record = work.begin(fingerprint, resume=resume)
        if not record.finished:
            kind = target_kind(target, columns, name)
            out = kind(work.data, part_size, name)
            with _progress(show_progress) as bar, _keeping(work, target):
                done = record
                for record in _written(source, out, encoder, done, work, part_size):
                    bar.update(record.rows - bar.n)
            if not record.rows:
                work.remove()
                raise ValueError("the source has no texts: nothing is written")
            out.finish(record.rows)
            work.save(replace(record, finished=True))
        work.place()
    return record.rows


def _written(
    source: Source,
    out: Target,
    encoder: Encoder,
    done: Record,
    work: Work,
    part_size: int,
) -> Iterator[Record]:
    """What is on record, after each part."""

    def write(columns: Any, rows: Matrix, record: Record) -> Record:
        n_before = record.rows - len(rows)
        try:
            out.write(columns, rows, n_before)
            work.save(record)
        except OSError as error:
            raise OSError(
                f"nothing can be written after row {quoted(n_before)}: "
                f"{shortened(reason(error))}. Make room for it"
            ) from error
        return record

    yield done
    n_rows, seen = (done.rows, done.digest) if source.skips else (0, "")
    # A part is written, and waited for, while the next one is encoded.
    with ThreadPoolExecutor(1) as thread:
        pending: Future[Record] | None = None
        for texts, columns in source.parts(part_size, n_rows):
            n_before = n_rows
            n_rows += len(texts)
            if not source.skips:
                seen = _digest(seen, texts)
            if n_before < done.rows:
                if n_rows > done.rows or (n_rows == done.rows and seen != done.digest):
                    raise _changed(done)
                continue
            rows = encoder.apply(texts)
            if pending is not None:
                yield pending.result()
            record = replace(done, rows=n_rows, digest=seen)
            pending = thread.submit(write, columns, rows, record)
            # Not kept until the next part has been read.
            del texts, columns, rows
        if pending is not None:
            yield pending.result()
    if n_rows < done.rows:
        raise _changed(done)


def _digest(before: str, texts: list[str]) -> str:
    """Of all texts up to now."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    found = blake2b(before.encode(), digest_size=16)
    found.update(lengths.tobytes())
    found.update("".join(texts).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _changed(done: Record) -> ValueError:
    return ValueError(
        f"the first {quoted(done.rows)} texts are not those of which vectors are "
        "written already: give the same texts in the same order, or remove the "
        "unfinished work to start again"
    )


@contextmanager
def _keeping(work: Work, target: Path) -> Iterator[None]:
    """On an error, say what is kept, or keep nothing where nothing is done."""
    try:
        yield
    except BaseException as error:
        if n_rows := work.rows():
            error.add_note(
                f"{quoted(n_rows)} rows of {shortened(target)} are done and kept for "
                "the next run."
            )
        else:
            work.remove()
        raise


@contextmanager
def _progress(show: bool | None) -> Iterator[Any]:
    from tqdm import tqdm

    disable = None if show is None else not show
    with tqdm(unit=" texts", unit_scale=True, disable=disable) as bar:
        yield bar
