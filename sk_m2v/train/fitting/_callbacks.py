"""Callbacks of the user, looked at before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skorch.callbacks import Callback


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse what is no callback.

    Parameters
    ----------
    callbacks : sequence
        Callbacks, classes of them, or pairs of a name and one of these, as in skorch.

    Raises
    ------
    TypeError
        If one of them is something else.
    """
    for position, item in enumerate(callbacks):
        named = isinstance(item, tuple | list) and len(item) == 2
        callback = item[1] if named and isinstance(item[0], str) else item
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback):
            raise TypeError(
                f"callbacks[{position}] is no callback of skorch, but a "
                f"{type(callback).__name__}: pass objects such as "
                "skorch.callbacks.EarlyStopping()"
            )
