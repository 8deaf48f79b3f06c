"""The labels, numbers or second texts of a table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.tables import Columns, TableError

# What a cell says where a row has the label of its column.
_YES = {"1", "1.0", "true", "yes", "t", "y", "x"}
_NO = {"", "0", "0.0", "false", "no", "f", "n", "none"}


def read_targets(
    columns: Columns,
    label: str | Sequence[str],
    separator: str | None,
    *,
    numbers: bool,
    where: str,
) -> Columns:
    """Make numbers or labels of what a file has as text.

    Parameters
    ----------
    columns : dict of str to list
        A table.
    label : str or list of str
        Column or columns.
    separator : str or None
        What stands between the labels of a row.
    numbers : bool
        Whether these are numbers.
    where : str
        What to call the table.

    Returns
    -------
    dict of str to list
        The table with other values in these columns; None is missing.

    Raises
    ------
    TableError
        If a cell is no number, or says neither yes nor no; it names the row.
    """
    names = [label] if isinstance(label, str) else list(label)
    made: Columns = {}
    for name in names:
        values = columns[name]
        if numbers:
            made[name] = [_number(it, i, name, where) for i, it in enumerate(values, 1)]
        elif len(names) > 1:
            made[name] = [_truth(it, i, name, where) for i, it in enumerate(values, 1)]
        elif _are_lists(values):
            made[name] = [json.loads(it) if it else None for it in values]
        elif separator is not None:
            made[name] = [_labels(it, separator) for it in values]
    return {**columns, **made}


#: Formats whose cells are texts.
WITHOUT_LISTS = ("csv", "tsv")


def read_labels(
    parts: Mapping[str, Columns], label: str | Sequence[str], separator: str | None
) -> dict[str, Columns]:
    """Make labels of what files have as text, the same in all tables.

    Parameters
    ----------
    parts : mapping of str to Columns
        Tables.
    label : str or list of str
        Column or columns.
    separator : str or None
        What stands between the labels of a row.

    Returns
    -------
    dict of str to Columns
        Tables of `read_targets`, as `of_one_kind` returns them.
    """
    read = {
        part: read_targets(it, label, separator, numbers=False, where=f"part {part}")
        for part, it in parts.items()
    }
    return of_one_kind(read, label)


def as_cells(values: Any, separator: str | None) -> Any:
    """Labels as they stand in files: in the form in which they were read.

    Parameters
    ----------
    values : list
        Labels, or lists of them.
    separator : str or None
        What stands between the labels of a row.

    Returns
    -------
    list
        Texts in place of lists, if there is a separator.
    """
    if separator is None:
        return values
    return [
        separator.join(map(str, it)) if isinstance(it, list) else it for it in values
    ]


def of_one_kind(
    parts: Mapping[str, Columns], label: str | Sequence[str]
) -> dict[str, Columns]:
    """Make texts of labels in all tables if they are texts in one, as in CSV.

    In the same way lists, if rows of one table have several labels.

    Parameters
    ----------
    parts : mapping of str to Columns
        Tables of `read_targets`.
    label : str or list of str
        Column or columns.

    Returns
    -------
    dict of str to Columns
        Tables in which 1 and "1" are the same label.

    Raises
    ------
    TableError
        If rows have several labels in one table, and one in another.
    """
    if not isinstance(label, str):
        return dict(parts)
    forms = {
        part: {isinstance(it, list) for it in columns[label] if it not in (None, "")}
        for part, columns in parts.items()
    }
    if len(set().union(*forms.values())) > 1:
        alone = [part for part, it in forms.items() if it != {True}]
        raise TableError(
            f"column {quoted(label)} has lists of labels, and in part "
            f"{listed(alone)} one label a row: give what stands between labels, "
            "such as --label-separator '|'"
        )
    cells = [it for columns in parts.values() for it in columns[label]]
    values = [
        it for cell in cells for it in (cell if isinstance(cell, list) else [cell])
    ]
    if len({isinstance(it, str) for it in values if it is not None}) < 2:
        return dict(parts)

    def text(cell: Any) -> Any:
        if isinstance(cell, list):
            return [text(it) for it in cell]
        return cell if cell is None else str(cell)

    return {
        name: {**columns, label: [text(it) for it in columns[label]]}
        for name, columns in parts.items()
    }


def targets(
    columns: Columns, label: str | Sequence[str], *, numbers: bool
) -> list[Any]:
    """Targets as estimators take them, one a row.

    Parameters
    ----------
    columns : dict of str to list
        A table of `read_targets`.
    label : str or list of str
        Column or columns.
    numbers : bool
        Whether these are numbers.

    Returns
    -------
    list
        Labels or numbers; lists of them for several columns.
    """
    if isinstance(label, str):
        return columns[label]
    rows = zip(*(columns[it] for it in label), strict=True)
    if numbers:
        return [list(row) for row in rows]
    return [[name for name, has in zip(label, row, strict=True) if has] for row in rows]


def as_classes(values: list[Any], known: Sequence[Any]) -> list[Any]:
    """Labels of a table as a classifier has them: CSV makes texts of numbers.

    Parameters
    ----------
    values : list
        Labels, or lists of them.
    known : sequence
        Classes that the classifier knows.

    Returns
    -------
    list
        Known classes in place of what reads like them; others as they are.
    """
    by_text = {str(it): it for it in known}
    texts = all(isinstance(it, str) for it in known)

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(it) for it in value]
        # What is not known has to be of the same kind.
        return by_text.get(str(value), str(value) if texts else value)

    return [one(it) for it in values]


def _number(value: Any, row: int, name: str, where: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise TableError(
            f"{shortened(where)}, row {row}: column {quoted(name)} holds "
            f"{quoted(value)}, which is no number"
        )
    return number


def _truth(value: Any, row: int, name: str, where: str) -> bool:
    text = str(value).strip().lower()
    if text not in _YES | _NO:
        raise TableError(
            f"{shortened(where)}, row {row}: column {quoted(name)} holds "
            f"{quoted(value)}: a column of a label has 1 where a row has it, else 0"
        )
    return text in _YES


def _are_lists(values: list[Any]) -> bool:
    """Whether these are lists of labels as CSV has them, in JSON."""
    cells = [it for it in values if it not in (None, "")]
    if not cells or not all(isinstance(it, str) and it[:1] == "[" for it in cells):
        return False
    try:
        return all(isinstance(json.loads(it), list) for it in cells)
    except ValueError:
        return False


def _labels(value: Any, separator: str) -> list[Any] | None:
    if value is None or isinstance(value, list):
        return value
    return [it.strip() for it in str(value).split(separator) if it.strip()]
