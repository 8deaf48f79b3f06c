"""Global random state of torch, borrowed by several threads and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import torch

# Held while modules are made: what they draw is then theirs alone.
LOCK = RLock()
_borrowers = 0
_saved: torch.Tensor | None = None


@contextmanager
def global_seed(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch's global state for a while.

    Nothing of this package draws from it in training, but modules and callbacks of the
    user may. Of several threads, the last one puts it back.

    Parameters
    ----------
    seed : int
        The seed.
    device : str, default="cpu"
        The device whose state is seeded beside that of the processor.

    Yields
    ------
    None
        While the state is borrowed.
    """
    global _borrowers, _saved
    cuda: list[Any] | None = None
    with LOCK:
        if _borrowers == 0:
            _saved = torch.get_rng_state()
        _borrowers += 1
        torch.default_generator.manual_seed(seed)
        if torch.device(device).type == "cuda":
            cuda = torch.cuda.get_rng_state_all()
            torch.cuda.manual_seed_all(seed)
    try:
        yield
    finally:
        with LOCK:
            if cuda is not None:
                torch.cuda.set_rng_state_all(cuda)
            _borrowers -= 1
            if _borrowers == 0 and _saved is not None:
                torch.set_rng_state(_saved)
