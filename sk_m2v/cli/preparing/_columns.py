"""Tables as columns, and which of their columns are texts, labels and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sk_m2v._messages import VALUE, listed, quoted
from sk_m2v.tables import Columns

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True)
class Roles:
    """Names of columns.

    Attributes
    ----------
    text : tuple of str
        The texts.
    label : tuple of str
        The labels; none if there are none.
    group : str or None
        What rows that stay together have in common.
    """

    text: tuple[str, ...]
    label: tuple[str, ...]
    group: str | None


def check_roles(
    text: str | Sequence[str], label: str | Sequence[str] | None, group: str | None
) -> Roles:
    """Check names of columns.

    Parameters
    ----------
    text, label, group : str, sequence of str, or None
        See `prepare`.

    Returns
    -------
    Roles
        The names.

    Raises
    ------
    ValueError
        If a name is no text, or there twice.
    """
    roles = Roles(_names("text", text), _names("label", label or ()), group)
    if not roles.text:
        raise ValueError("text must be the name of a column, or several, got none")
    if group is not None and not isinstance(group, str):
        raise ValueError(
            f"group must be the name of a column or None, got {quoted(group)}"
        )
    names = [*roles.text, *roles.label]
    twice = [it for it in dict.fromkeys(names) if names.count(it) > 1]
    if twice:
        raise ValueError(
            f"Each column can be named once in text={quoted(text)} and "
            f"label={quoted(label)}, but {listed(twice)} is there twice"
        )
    return roles


def check_parts(parts: Mapping[str, Columns], roles: Roles) -> None:
    """Check that all parts are tables with the columns that are needed.

    Parameters
    ----------
    parts : mapping of str to Columns
        See `prepare`.
    roles : Roles
        Which columns must be there.

    Raises
    ------
    ValueError
        If a part has no rows, is not known, or lacks a column.
    """
    unknown = [it for it in parts if it not in PARTS]
    if unknown or TRAIN not in parts:
        raise ValueError(
            "parts must have 'train', and may have 'validation' and 'test', got "
            f"{listed(parts)}"
        )
    for part, columns in parts.items():
        needed = [*roles.text, *roles.label]
        if part == TRAIN and roles.group is not None:
            needed.append(roles.group)
        for name in needed:
            if name not in columns:
                raise ValueError(
                    f"There is no column {quoted(name)} in the {quoted(part)} part. "
                    f"Its columns are {listed(_nearest_first(name, columns), 10)}"
                )
        if part == TRAIN and roles.group is not None:
            _check_groups(roles.group, columns[roles.group])
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"The columns of the {quoted(part)} part must be of one length, got "
                f"{quoted(lengths, 200)}"
            )
        if not lengths[needed[0]]:
            raise ValueError(f"The {quoted(part)} part has no rows")


def _names(name: str, value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not all(isinstance(it, str) for it in names):
        raise ValueError(
            f"{name} must be the name of a column, or a list of names, "
            f"got {quoted(value)}"
        )
    return tuple(names)


def _check_groups(name: str, groups: Sequence[Any]) -> None:
    for row, value in enumerate(groups, 1):
        try:
            hash(value)
        except TypeError:
            raise ValueError(
                f"Row {row} of the {quoted(TRAIN)} part: column {quoted(name)} must "
                f"have values that can be a group, such as texts, got {quoted(value)}"
            ) from None


def _nearest_first(name: str, columns: Columns) -> list[str]:
    def begin(name: str) -> str:
        return str(name)[:VALUE].casefold()

    def likeness(other: str) -> float:
        return SequenceMatcher(None, begin(name), begin(other)).ratio()

    return sorted(columns, key=likeness, reverse=True)
