"""Threads of torch in a process that was forked from one that may have used them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# A fork copies what torch knows of its threads, but not the threads: whoever then waits
# for them waits for ever. Whether there were any cannot be asked, so a process that did
# not load this package itself goes without.
_LOADED_BY = os.getpid()


@contextmanager
def safe_threads() -> Iterator[None]:
    """Let torch compute with one thread in a forked process.

    Yields
    ------
    None
        While it does.
    """
    torch = sys.modules.get("torch")
    if torch is None or os.getpid() == _LOADED_BY:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
