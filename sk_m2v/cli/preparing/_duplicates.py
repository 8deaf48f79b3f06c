"""Texts that are there more than once, in a part or in two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from sk_m2v.cli.preparing._labels import Label
from sk_m2v.cli.preparing._part import Part
from sk_m2v.cli.preparing._report import Place


def drop_conflicts(part: Part, keep: str) -> None:
    """Of rows with equal texts and different labels, drop those that lose.

    Parameters
    ----------
    part : Part
        A part with labels.
    keep : {"drop", "first", "majority"}
        Rows of which label stay: none, that of the first, or the commonest.
    """
    assert part.labels is not None
    first: dict[Hashable, int] = {}
    equal: dict[int, list[int]] = {}  # first row of a text to all its rows
    for row in part.left:
        begin = first.setdefault(part.keys[row], row)
        if begin != row:
            equal.setdefault(begin, [begin]).append(row)
    reasons: dict[int, tuple[str, Place | None]] = {}
    for rows in equal.values():
        labels = [part.labels[it] for it in rows]
        # A row of the first label, and one of another.
        second = next((i for i, it in enumerate(labels) if it != labels[0]), None)
        if second is None:
            continue
        winner = _winner(labels, keep)
        for row, label in zip(rows, labels, strict=True):
            if label != winner:
                lost_to = winner if winner is not None else labels[0]
                other = labels.index(lost_to) if label != lost_to else second
                reasons[row] = ("conflict", part.place(rows[other]))
    part.drop(dict(sorted(reasons.items())))


def _winner(labels: list[Label], keep: str) -> Label:
    if keep == "first":
        return labels[0]
    if keep == "majority":
        (label, n), (_, n_next) = Counter(labels).most_common(2)
        return label if n > n_next else None
    return None


def drop_duplicates(parts: Sequence[Part]) -> None:
    """Drop rows whose texts were there before.

    Parameters
    ----------
    parts : sequence of Part
        Rows of the first stay.
    """
    seen: dict[Hashable, tuple[str, int]] = {}
    for part in parts:
        reasons: dict[int, tuple[str, Place | None]] = {}
        for row in part.left:
            key = part.keys[row]
            if key in seen:
                other = Place(*seen[key])
                reasons[row] = (_reason("duplicate", part, other), other)
            else:
                seen[key] = (part.name, row + 1)  # a plain tuple is made quickly
        part.drop(reasons)


def drop_near_duplicates(parts: Sequence[Part], threshold: float) -> None:
    """Drop rows whose texts are nearly those of a row that stays.

    Parameters
    ----------
    parts : sequence of Part
        Rows of the first stay.
    threshold : float
        Smallest cosine of the vectors of near texts.
    """
    rows = [(part, row) for part in parts for row in part.left]
    reasons: dict[str, dict[int, tuple[str, Place | None]]] = {}
    gone: set[int] = set()
    # Pairs come in the order of their first rows: whether that one stays is known.
    for a, b in _near_pairs(parts, threshold).tolist():
        if a not in gone and b not in gone:
            gone.add(b)
            (part, row), (other_part, other_row) = rows[b], rows[a]
            other = other_part.place(other_row)
            reason = _reason("near duplicate", part, other)
            reasons.setdefault(part.name, {})[row] = (reason, other)
    for part in parts:
        part.drop(reasons.get(part.name, {}))


def _near_pairs(parts: Sequence[Part], threshold: float) -> npt.NDArray[np.int64]:
    from sk_m2v.embedding import StaticEmbedding

    model = StaticEmbedding.from_pretrained()
    columns = [
        [part.texts[i][row] for part in parts for row in part.left]
        for i in range(len(parts[0].texts))
    ]
    texts = [" ".join(row) for row in zip(*columns, strict=True)]
    pairs = model.near_duplicates(texts, threshold).pairs
    # Joined texts can be near with their columns exchanged: each must be near.
    for column in columns if len(columns) > 1 else []:
        vectors = model.encode(column, normalize=True)
        first, second = pairs.T
        near = np.einsum("ij,ij->i", vectors[first], vectors[second]) >= threshold
        equal = [column[a] == column[b] for a, b in pairs.tolist()]
        pairs = pairs[near | np.array(equal, bool)]
    return pairs


def _reason(what: str, part: Part, other: Place) -> str:
    return what if other.part == part.name else f"{what} of another part"
