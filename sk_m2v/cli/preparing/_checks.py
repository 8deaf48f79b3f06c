"""Values of parameters: each is refused before work starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Integral, Real
from typing import Any

from sk_m2v._messages import listed, quoted
from sk_m2v.cli.preparing._columns import TEST, VALIDATION


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse what is no choice.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What a user passed.
    choices : collection of str
        What is allowed.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{name} must be one of {listed(choices)}, got {quoted(value)}"
        )


def check_flags(**flags: object) -> None:
    """Refuse what is not True or False.

    Parameters
    ----------
    **flags : object
        Parameters and what a user passed.

    Raises
    ------
    ValueError
        If one is neither.
    """
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False, got {quoted(value)}")


def check_threshold(value: Any) -> None:
    """Refuse what is no cosine of near texts.

    Parameters
    ----------
    value : object
        What a user passed.

    Raises
    ------
    ValueError
        If it is no number above 0 and at most 1.
    """
    if not (_is_number(value) and 0 < value <= 1):
        raise ValueError(
            f"threshold must be a number above 0 and at most 1, got {quoted(value)}"
        )


def check_random_state(value: Any) -> None:
    """Refuse what is no seed.

    Parameters
    ----------
    value : object
        What a user passed.

    Raises
    ------
    ValueError
        If it is neither None nor an integer that numpy takes.
    """
    is_seed = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (is_seed and 0 <= int(value) < 2**32):
        raise ValueError(
            "random_state must be None or an integer from 0 to 4294967295, got "
            f"{quoted(value)}"
        )


def check_sizes(sizes: Mapping[str, Any], parts: Collection[str]) -> None:
    """Refuse sizes that cannot be split off.

    Parameters
    ----------
    sizes : mapping of str to object
        Part to what a user passed.
    parts : collection of str
        Parts that are there.

    Raises
    ------
    ValueError
        If one is neither a share nor a number of rows, its part is there already, or
        nothing is left to train with.
    """
    for part, size in sizes.items():
        name = f"{part}_size"
        if size is None:
            continue
        is_allowed = _is_number(size) and (
            0 < size < 1 or (isinstance(size, Integral) and int(size) >= 1)
        )
        if not is_allowed:
            raise ValueError(
                f"{name} must be a share above 0 and below 1, a number of rows, 1 or "
                f"more, or None, got {quoted(size)}"
            )
        if part in parts:
            raise ValueError(
                f"{name}={quoted(size)} would split off a {quoted(part)} part, but "
                f"there is one already: leave {name} out, or that part"
            )
    given = [it for it in sizes.values() if it is not None]
    shares = [it for it in given if not isinstance(it, Integral)]
    if sum(shares) >= 1:
        raise ValueError(
            f"validation_size={quoted(sizes[VALIDATION])} and "
            f"test_size={quoted(sizes[TEST])} leave nothing to train with: pass shares "
            "with a sum below 1"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
