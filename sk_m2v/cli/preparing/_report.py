"""What happened to the rows: for people, for programs, and row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sk_m2v._messages import quoted, shortened
from sk_m2v.tables import Columns

# Classes that are shown to people, and characters of their names.
_N_SHOWN, _WIDTH = 20, 30


class Place(NamedTuple):
    """A row of a raw table.

    Attributes
    ----------
    part : str
        Which table.
    row : int
        Its number; that of the first row is 1.
    """

    part: str
    row: int


class Dropped(NamedTuple):
    """A row that was dropped.

    Attributes
    ----------
    part : str
        Of which raw table.
    row : int
        Its number; that of the first row is 1.
    reason : str
        Why.
    text : str
        Its raw text. Texts of several columns have " | " between them.
    other : Place or None
        The row of which it is a duplicate, or with which it is in conflict.
    """

    part: str
    row: int
    reason: str
    text: str
    other: Place | None


@dataclass(frozen=True)
class PartReport:
    """Numbers of rows of a part.

    Attributes
    ----------
    rows_in : int
        Of the raw table; 0 if the part was split off from the training rows.
    rows_out : int
        Of the prepared table.
    dropped : dict of str to int
        Reason to how many rows were dropped for it, the commonest first.
    classes : dict
        Label to how many rows are left of it, the commonest first.
    """

    rows_in: int
    rows_out: int
    dropped: dict[str, int]
    classes: dict[Any, int]


@dataclass(frozen=True)
class Report:
    """What `prepare` did.

    Attributes
    ----------
    parts : dict of str to PartReport
        Numbers of rows of each part.
    dropped : list of Dropped
        The rows that were dropped, in the order of parts and rows.
    changed : dict of str to int
        Step of cleaning to the number of texts that it changed.
    notes : list of str
        What else is worth knowing.
    """

    parts: dict[str, PartReport]
    dropped: list[Dropped]
    changed: dict[str, int]
    notes: list[str]

    def to_text(self) -> str:
        """Write a few lines for a terminal.

        Returns
        -------
        str
            Tables, without a newline at the end.
        """
        rows = [["", "rows in", "dropped", "rows out"]]
        for name, part in self.parts.items():
            n_dropped = sum(part.dropped.values())
            came = [part.rows_in, n_dropped] if part.rows_in else ["-", "-"]
            rows.append([name, *map(_cell, came), _cell(part.rows_out)])
        blocks = [_table(rows)]
        reasons: Counter[str] = Counter()
        for part in self.parts.values():
            reasons.update(part.dropped)
        sums = {"Dropped": dict(reasons.most_common()), "Cleaned": self.changed}
        lines = [
            f"{name}: {_counts(it)}" for name, it in sums.items() if any(it.values())
        ]
        if lines:
            blocks.append("\n".join(lines))
        if any(it.classes for it in self.parts.values()):
            blocks.append(self._classes())
        if self.notes:
            blocks.append("\n".join(f"Note: {it}" for it in self.notes))
        return "\n\n".join(blocks)

    def to_dict(self) -> dict[str, Any]:
        """Numbers of rows, without the rows themselves.

        Returns
        -------
        dict
            Ready for JSON. Classes are a list of labels and numbers, as labels need
            not be texts.
        """
        return {
            "parts": {
                name: {
                    "rows_in": part.rows_in,
                    "rows_out": part.rows_out,
                    "dropped": part.dropped,
                    "classes": [
                        {"label": _plain(label), "rows": n}
                        for label, n in part.classes.items()
                    ],
                }
                for name, part in self.parts.items()
            },
            "changed": self.changed,
            "notes": self.notes,
        }

    def dropped_columns(self) -> Columns:
        """Rows that were dropped, as a table.

        Returns
        -------
        Columns
            A column for each attribute of `Dropped`; that of the other row is two:
            "other_part" and "other_row", with None where there is none.
        """
        others = [it.other or (None, None) for it in self.dropped]
        return {
            "part": [it.part for it in self.dropped],
            "row": [it.row for it in self.dropped],
            "reason": [it.reason for it in self.dropped],
            "text": [it.text for it in self.dropped],
            "other_part": [part for part, _ in others],
            "other_row": [row for _, row in others],
        }

    def _classes(self) -> str:
        labels = list(
            dict.fromkeys(k for it in self.parts.values() for k in it.classes)
        )
        rows = [["class", *self.parts]]
        for label in labels[:_N_SHOWN]:
            counts = (it.classes.get(label, 0) for it in self.parts.values())
            rows.append([_name(label), *map(_cell, counts)])
        n_more = len(labels) - _N_SHOWN
        return _table(rows) + (f"\nand {n_more} more classes" if n_more > 0 else "")


def count_reasons(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Count rows by why they were dropped.

    Parameters
    ----------
    dropped : iterable of Dropped
        The rows.

    Returns
    -------
    dict of str to int
        The commonest reason first.
    """
    return dict(Counter(it.reason for it in dropped).most_common())


def _plain(label: Any) -> Any:
    """A label as JSON knows it: numbers of arrays are Python's."""
    return label.item() if hasattr(label, "item") else label


def _name(label: Any) -> str:
    name = str(label)
    return shortened(name, _WIDTH) if name.isprintable() else quoted(name, _WIDTH)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)


def _table(rows: list[list[str]]) -> str:
    """Lines; the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in rows
    )
