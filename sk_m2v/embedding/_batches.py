"""Run a function over batches in threads, in order, with bounded memory."""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, TypeVar

import joblib
import numpy as np
import numpy.typing as npt

T = TypeVar("T")


def run_batches(
    function: Callable[[list[str]], T],
    batches: Iterable[list[str]],
    *,
    total: int | None,
    n_jobs: int | None,
    show_progress: bool,
) -> Iterator[T]:
    """Yield ``function(batch)`` for each batch, in order.

    Parameters
    ----------
    function : callable
        Must release the GIL where it matters, and be safe to call from threads.
    batches : iterable of list of str
        Drawn as workers become free: at most two a thread are held.
    total : int or None
        Number of texts in all batches, for the progress bar; None if unknown.
    n_jobs : int or None
        Threads, as joblib counts them: None is 1 unless in a joblib context.
    show_progress : bool
        Whether to show a progress bar.

    Yields
    ------
    object
        Results in the order of the batches.
    """
    if show_progress:
        batches = _with_progress_bar(batches, total)
    batches = iter(batches)
    first = next(batches, [])
    # Asking joblib takes as long as a short text, but it is who refuses 0.
    is_alone = len(first) == total and n_jobs != 0
    n_threads = 1 if is_alone else joblib.effective_n_jobs(n_jobs)
    if first:
        batches = chain([first], batches)
    if n_threads == 1:
        yield from map(function, batches)
        return
    pending: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(n_threads)
    try:
        for batch in batches:
            if len(pending) == 2 * n_threads:
                yield pending.popleft().result()
            pending.append(pool.submit(function, batch))
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _with_progress_bar(
    batches: Iterable[list[str]], total: int | None
) -> Iterator[list[str]]:
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=" texts", unit_scale=True) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch))


def collect_rows(
    blocks: Iterator[npt.NDArray[np.float32]],
    shape: tuple[int | None, int],
    out: npt.NDArray[Any] | None,
) -> npt.NDArray[Any]:
    """Put blocks of rows under one another.

    Parameters
    ----------
    blocks : iterator of ndarray of shape (n, dim), dtype float32
        Drawn only after `out` was found to fit.
    shape : tuple of (int or None, int)
        Shape of the result. None rows: as many as come.
    out : ndarray of shape (n_rows, dim) or None
        Where to put them: any floating type, memory-mapped or not. None makes an array.

    Returns
    -------
    ndarray of shape (n_rows, dim)
        The part of `out` that was filled, or a new float32 array.

    Raises
    ------
    TypeError, ValueError
        If `out` does not fit.
    """
    n_rows, dim = shape
    if out is None:
        if n_rows is None:
            return np.concatenate([np.empty((0, dim), np.float32), *blocks])
        first = next(blocks, np.empty((0, dim), np.float32))
        if len(first) == n_rows and next(blocks, None) is None:
            return first
        out = np.empty((n_rows, dim), np.float32)
        blocks = chain([first], blocks)
    else:
        _check_out(out, n_rows, dim)
    filled = released = 0
    for block in blocks:
        if filled + len(block) > len(out):
            raise ValueError(
                f"out has {len(out)} rows, and the texts did not end after as many"
            )
        out[filled : filled + len(block)] = block
        filled += len(block)
        if (filled - released) * out.strides[0] > _RELEASE_BYTES:
            _release_pages(out)
            released = filled
    return out[:filled]


_RELEASE_BYTES = 64 * 2**20


def _check_out(out: object, n_rows: int | None, dim: int) -> None:
    if not isinstance(out, np.ndarray) or not np.issubdtype(out.dtype, np.floating):
        kind = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out must be an array of floats, got {kind}")
    if out.ndim != 2 or out.shape[1] != dim or n_rows not in (None, len(out)):
        wanted = (n_rows if n_rows is not None else "any number of rows", dim)
        raise ValueError(f"out has shape {out.shape}, needed is {wanted}")
    if not out.flags.writeable:
        raise ValueError("out is read-only: open the memmap with mode='r+' or 'w+'")


def _release_pages(array: npt.NDArray[Any]) -> None:
    """Give written pages of a shared memory map back to the system.

    They stay in the file and its cache. Without this, the whole file would count as
    resident memory of the process. Never on a copy-on-write map, which would forget.
    """
    base: Any = array
    mode = None
    while isinstance(base, np.ndarray):
        mode = getattr(base, "mode", mode)
        base = base.base
    if (
        isinstance(base, mmap.mmap)
        and mode in ("r+", "w+")
        and hasattr(mmap, "MADV_DONTNEED")
    ):
        base.madvise(mmap.MADV_DONTNEED)
