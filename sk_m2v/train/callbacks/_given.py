"""Callbacks of the user, looked at before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skorch import callbacks as known_callbacks
from skorch.callbacks import Callback, LoadInitState

from sk_m2v._messages import quoted
from sk_m2v.train.callbacks._resume_point import ResumePoint


def check_callbacks(callbacks: Sequence[Any], random_state: Any) -> None:
    """Refuse what is no callback, and those that do not go together.

    Parameters
    ----------
    callbacks : sequence
        Callbacks, classes of them, or pairs of a name and one of these, as in skorch.
    random_state : int, RandomState or None
        That of the estimator.

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If a training could not go on from its `ResumePoint`.
    """
    for position, item in enumerate(callbacks):
        callback = _callback(item)
        if not _is(item, Callback):
            raise TypeError(
                f"callbacks[{position}] is no callback of skorch, but a "
                f"{type(callback).__name__}: pass objects such as "
                "skorch.callbacks.EarlyStopping()"
            )
    n_points = sum(_is(it, ResumePoint) for it in callbacks)
    if n_points > 1:
        raise ValueError(f"callbacks has {quoted(n_points)} ResumePoints: pass one")
    if n_points and random_state is None:
        raise ValueError(
            "ResumePoint needs a random_state that is the same in each run: pass an "
            f"int, such as random_state=0, got {quoted(random_state)}"
        )
    if n_points and any(_is(it, LoadInitState) for it in callbacks):
        raise ValueError(
            "ResumePoint and LoadInitState both say where training begins: pass one of "
            "them"
        )


def in_order(callbacks: Sequence[Any]) -> list[Any]:
    """Callbacks as they are to be called: what writes the state of others is last.

    Parameters
    ----------
    callbacks : sequence
        Those of `check_callbacks`.

    Returns
    -------
    list
        The same, in order.
    """
    return sorted(callbacks, key=lambda it: _is(it, ResumePoint))


def named_callbacks() -> dict[str, type[Callback]]:
    """Callbacks of skorch by their names, for files that name them.

    Returns
    -------
    dict of str to type
        The classes.
    """
    found = {it: getattr(known_callbacks, it) for it in known_callbacks.__all__}
    return {name: it for name, it in found.items() if _is(it, Callback)}


def _callback(item: Any) -> Any:
    named = isinstance(item, tuple | list) and len(item) == 2
    return item[1] if named and isinstance(item[0], str) else item


def _is(item: Any, wanted: type) -> bool:
    callback = _callback(item)
    kind = callback if isinstance(callback, type) else type(callback)
    return issubclass(kind, wanted)
