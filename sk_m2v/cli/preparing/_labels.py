"""What is learnt of a text: a class, several labels, or numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from numbers import Real
from typing import Any, TypeAlias

from sk_m2v._messages import quoted
from sk_m2v.tables import Columns

# A label, such that equal ones are equal and None is a missing one.
Label: TypeAlias = Hashable

CLASSES, LABELS, NUMBERS = "classes", "lists of labels", "numbers"


def labels_of(part: str, columns: Columns, names: tuple[str, ...]) -> list[Label]:
    """Labels of a part.

    Parameters
    ----------
    part : str
        Its name.
    columns : Columns
        Its columns.
    names : tuple of str
        Those with labels, at least one.

    Returns
    -------
    list of hashable
        Of several columns, tuples. None where one is missing.

    Raises
    ------
    ValueError
        If a value is no label; the message names the row.
    """
    found = []
    for name in names:
        labels: list[Label] = []
        for row, value in enumerate(columns[name], 1):
            try:
                labels.append(_label(value))
            except TypeError:
                raise ValueError(
                    f"Row {row} of the {quoted(part)} part: the label in column "
                    f"{quoted(name)} must be a text, a number, or a list of them, got "
                    f"{quoted(value)}"
                ) from None
        found.append(labels)
    if len(found) == 1:
        return found[0]
    return [None if None in row else row for row in zip(*found, strict=True)]


def kind_of(labels: Iterable[Label]) -> str:
    """Tell what labels are.

    Parameters
    ----------
    labels : iterable of hashable
        Those of all parts.

    Returns
    -------
    {"classes", "lists of labels", "numbers"}
        Numbers are classes as long as all of them are whole, as in scikit-learn.
    """
    there = [it for it in dict.fromkeys(labels) if it is not None]
    if any(isinstance(it, frozenset | tuple) for it in there):
        return LABELS
    numbers = _numbers(there)
    return NUMBERS if any(it % 1 for it in numbers) else CLASSES


def count_labels(labels: Iterable[Label], kind: str) -> dict[Any, int]:
    """Count the texts of each class or label.

    Parameters
    ----------
    labels : iterable of hashable
        Labels of texts, none of them missing.
    kind : str
        What they are.

    Returns
    -------
    dict
        From a label to its number of texts, the commonest first. Of numbers, nothing.
    """
    if kind == CLASSES:
        return dict(Counter(labels).most_common())
    lists = [it for it in labels if isinstance(it, frozenset)]
    # In order, as that of a set is not the same in two processes.
    counts = Counter(label for it in lists for label in sorted(it, key=str))
    return dict(counts.most_common())


def is_missing(value: object) -> bool:
    """Whether a cell of a table is empty.

    Parameters
    ----------
    value : object
        What is in it.

    Returns
    -------
    bool
        True for None, NaN, and texts of whitespace.
    """
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (_is_number(value) and value != value)


def _label(value: Any) -> Label:
    if is_missing(value):
        return None
    if isinstance(value, str) or _is_number(value):
        label: Label = value
        return label
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError
    if all(isinstance(it, str) for it in value):
        return frozenset(value)
    # A vector of numbers, as the target of a regression or as an indicator.
    if all(map(_is_number, value)):
        return None if any(it != it for it in value) else tuple(value)
    raise TypeError


def _is_number(value: object) -> bool:
    return isinstance(value, Real)


def _numbers(values: list[Label]) -> list[float]:
    """As numbers, if all are; tables of texts have numbers as texts."""
    try:
        return [float(it) for it in values]  # type: ignore[arg-type]
    except ValueError:
        return []
