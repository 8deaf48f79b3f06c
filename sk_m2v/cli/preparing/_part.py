"""A part of a data set while rows are taken out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property

from sk_m2v._messages import quoted
from sk_m2v._text import replace_surrogates
from sk_m2v.cli.preparing._cleaning import clean
from sk_m2v.cli.preparing._columns import Roles
from sk_m2v.cli.preparing._labels import Label, is_missing, labels_of
from sk_m2v.cli.preparing._report import Dropped, Place
from sk_m2v.tables import Columns


class Part:
    """Rows of a part, by their index in the raw table.

    Parameters
    ----------
    name : str
        Which part.
    columns : Columns
        The raw table.
    roles : Roles
        What its columns are.

    Attributes
    ----------
    texts : list of list of str
        The texts of each column.
    labels : list of hashable or None
        The label of each row.
    left : list of int
        Which rows are still in.
    dropped : list of Dropped
        The others.
    """

    def __init__(self, name: str, columns: Columns, roles: Roles) -> None:
        self.name = name
        self.raw = columns
        self.roles = roles
        self.texts = [self._texts(it) for it in roles.text]
        self.labels: list[Label] | None = None
        if roles.label:
            self.labels = labels_of(name, columns, roles.label)
        self.n_rows = len(self.texts[0])
        self.left = list(range(self.n_rows))
        self.dropped: list[Dropped] = []

    def clean(self, **steps: bool) -> Counter[str]:
        """Clean all texts.

        Parameters
        ----------
        **steps : bool
            See `clean` of `_cleaning`.

        Returns
        -------
        Counter
            Name of each step to the number of texts that it changed.
        """
        n_changed: Counter[str] = Counter()
        for i, texts in enumerate(self.texts):
            self.texts[i], changed = clean(texts, **steps)
            n_changed.update(changed)
        return n_changed

    @cached_property
    def keys(self) -> list[Hashable]:
        """What is the same for rows of equal texts, however they are written."""
        columns = [[" ".join(it.split()).casefold() for it in t] for t in self.texts]
        return [*columns[0]] if len(columns) == 1 else [*zip(*columns, strict=True)]

    def place(self, row: int) -> Place:
        """Name a row.

        Parameters
        ----------
        row : int
            Its index.

        Returns
        -------
        Place
            As people count.
        """
        return Place(self.name, row + 1)

    def drop(self, reasons: Mapping[int, tuple[str, Place | None]]) -> None:
        """Take rows out.

        Parameters
        ----------
        reasons : mapping of int to tuple
            Index of a row to why, and to the row that it is like.
        """
        if not reasons:
            return
        self.left = [it for it in self.left if it not in reasons]
        for row, (reason, other) in reasons.items():
            cells = [self.raw[it][row] for it in self.roles.text]
            text = " | ".join(it if isinstance(it, str) else "" for it in cells)
            place = self.place(row)
            self.dropped.append(
                Dropped(*place, reason, replace_surrogates(text), other)
            )

    def labels_left(self) -> list[Label]:
        """Labels of the rows that are still in.

        Returns
        -------
        list of hashable
            Nothing if there are no labels.
        """
        return self.labels_at(self.left)

    def labels_at(self, rows: Iterable[int]) -> list[Label]:
        """Labels of some rows.

        Parameters
        ----------
        rows : iterable of int
            Which ones.

        Returns
        -------
        list of hashable
            Nothing if there are no labels.
        """
        return [self.labels[it] for it in rows] if self.labels else []

    def groups_left(self) -> list[Hashable]:
        """Groups of the rows that are still in.

        Returns
        -------
        list of hashable
            Values of the column of groups.
        """
        assert self.roles.group is not None
        groups = self.raw[self.roles.group]
        return [groups[it] for it in self.left]

    def take(self, rows: Iterable[int]) -> Columns:
        """Some rows as a table, with cleaned texts.

        Parameters
        ----------
        rows : iterable of int
            Which ones.

        Returns
        -------
        Columns
            All columns, in the order of the raw table.
        """
        rows = list(rows)
        cleaned = dict(zip(self.roles.text, self.texts, strict=True))
        return {
            name: [cleaned.get(name, values)[it] for it in rows]
            for name, values in self.raw.items()
        }

    def _texts(self, name: str) -> list[str]:
        texts = ["" if it is None else it for it in self.raw[name]]
        for row, value in enumerate(texts):
            if not isinstance(value, str):
                if not is_missing(value):
                    raise ValueError(
                        f"Row {row + 1} of the {quoted(self.name)} part: column "
                        f"{quoted(name)} must have texts, got "
                        f"{quoted(value)} of type {type(value).__name__}"
                    )
                texts[row] = ""
        return texts
