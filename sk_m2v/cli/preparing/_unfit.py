"""Rows that teach nothing: without text, without label, of a class too rare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sk_m2v.cli.preparing._part import Part


def drop_unfit(part: Part, least: int, most: int | None) -> None:
    """Drop rows whose text is too short or long, or that have no label.

    Parameters
    ----------
    part : Part
        Where to drop them.
    least : int
        The fewest characters of all texts of a row.
    most : int or None
        The most.
    """
    reasons = {}
    for row, texts in enumerate(zip(*part.texts, strict=True)):
        n_characters = sum(len(it.strip()) for it in texts)
        if not n_characters:
            reasons[row] = ("empty", None)
        elif n_characters < least:
            reasons[row] = ("too short", None)
        elif most is not None and n_characters > most:
            reasons[row] = ("too long", None)
        elif part.labels and part.labels[row] is None:
            reasons[row] = ("no label", None)
    part.drop(reasons)


def drop_rare(train: Part, parts: Iterable[Part], least: int) -> None:
    """Drop rows of classes with few rows to learn from.

    Parameters
    ----------
    train : Part
        Where rows are counted.
    parts : iterable of Part
        Where to drop them.
    least : int
        The fewest rows of a class.
    """
    counts = Counter(train.labels_left())
    for part in parts:
        labels = zip(part.left, part.labels_left(), strict=True)
        part.drop({i: ("rare class", None) for i, it in labels if counts[it] < least})
