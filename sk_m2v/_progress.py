"""What is being done, for those who wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter


@contextmanager
def stage(source: str, doing: str, verbose: int) -> Iterator[None]:
    """Print what is being done, and when it is done how long it took.

    Parameters
    ----------
    source : str
        Who does it.
    doing : str
        What.
    verbose : int
        Whether to print at all.

    Yields
    ------
    None
        While it is done.
    """
    if not verbose:
        yield
        return
    print(f"[{source}] {doing} ...", end=" ", flush=True)
    start = perf_counter()
    try:
        yield
    finally:
        print(f"{perf_counter() - start:.1f} s", flush=True)


class Stages:
    """Says what it does, if it is `verbose`."""

    def _stage(self, doing: str) -> AbstractContextManager[None]:
        return stage(type(self).__name__, doing, self.verbose)  # type: ignore[attr-defined]
