"""From raw tables to tables that can be trained on, in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sk_m2v._messages import check_count, listed, quoted, shortened
from sk_m2v.cli.preparing._checks import (
    check_choice,
    check_flags,
    check_random_state,
    check_sizes,
    check_threshold,
)
from sk_m2v.cli.preparing._columns import (
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    check_parts,
    check_roles,
)
from sk_m2v.cli.preparing._duplicates import (
    drop_conflicts,
    drop_duplicates,
    drop_near_duplicates,
)
from sk_m2v.cli.preparing._labels import CLASSES, Label, count_labels, kind_of
from sk_m2v.cli.preparing._part import Part
from sk_m2v.cli.preparing._report import PartReport, Report, count_reasons
from sk_m2v.cli.preparing._splitting import numbers_of_rows, split
from sk_m2v.cli.preparing._unfit import drop_rare, drop_unfit
from sk_m2v.tables import Columns


@dataclass(frozen=True)
class Prepared:
    """Tables that can be trained on.

    Attributes
    ----------
    parts : dict of str to Columns
        "train", and "validation" and "test" if they were given or split off.
    report : Report
        What was done.
    """

    parts: dict[str, Columns]
    report: Report


def prepare(
    parts: Mapping[str, Columns],
    *,
    text: str | Sequence[str] = "text",
    label: str | Sequence[str] | None = "label",
    group: str | None = None,
    normalize_unicode: bool = True,
    collapse_whitespace: bool = True,
    strip_html: bool = False,
    min_characters: int = 1,
    max_characters: int | None = None,
    duplicates: str = "exact",
    threshold: float = 0.95,
    conflicts: str = "drop",
    min_per_class: int = 1,
    validation_size: float | int | None = None,
    test_size: float | int | None = None,
    stratify: bool = True,
    random_state: int | None = 0,
) -> Prepared:
    """Clean texts, drop rows that do not help, and split off parts.

    Parameters
    ----------
    parts : mapping of str to Columns
        Raw tables: "train", and perhaps "validation" and "test". Each is a dict of the
        name of a column to its values.
    text : str or list of str, default="text"
        Column or columns with texts. Rows of several are taken together: they are
        empty if all their texts are, and duplicates if all their texts are equal.
    label : str, list of str or None, default="label"
        Column or columns with what is to be learnt. None if there is nothing.
    group : str or None, default=None
        Column of which rows with equal values stay in one part when parts are split
        off, such as authors. Rows without a value stay alone.
    normalize_unicode : bool, default=True
        Whether to write equal characters in one way (normal form C), and to take out
        control characters and invisible ones. Emoji stay as they are.
    collapse_whitespace : bool, default=True
        Whether to make one space of any whitespace, and none at both ends.
    strip_html : bool, default=False
        Whether to take out tags, comments, scripts and styles, and to resolve entities.
    min_characters : int, default=1
        Fewest characters of a text; shorter ones are dropped.
    max_characters : int or None, default=None
        Most characters of a text; longer ones are dropped. None is no limit.
    duplicates : {"exact", "near", "keep"}, default="exact"
        Which texts to drop: those equal to one before, except for case and whitespace;
        also those that are nearly equal to one before; or none. Of texts in two parts,
        that of the test part stays, and that of the validation part before that of the
        training part.
    threshold : float, default=0.95
        Smallest cosine of the embeddings of texts that are nearly equal.
    conflicts : {"drop", "first", "majority"}, default="drop"
        Which rows of equal texts with different labels stay: none, those with the
        label of the first, or those with the commonest label (none if there are two).
    min_per_class : int, default=1
        Fewest rows of a class in the training part, before others are split off; rows
        of rarer classes are dropped from all parts.
    validation_size : float, int or None, default=None
        Share or number of the training rows to split off for validation. None splits
        nothing off.
    test_size : float, int or None, default=None
        Share or number of the training rows to split off for a test. None splits
        nothing off.
    stratify : bool, default=True
        Whether classes are to have equal shares in all parts that are split off, as far
        as their rows allow. Classes with too few rows for all parts stay in the
        training part. No effect on targets that are no classes.
    random_state : int or None, default=0
        Seed of what is drawn. None draws differently each time.

    Returns
    -------
    Prepared
        Tables with all columns of the rows that are left, in their order; and a report.

    Raises
    ------
    ValueError
        If a parameter or a table is not as it should be, or if what is left is not
        enough to train with. The message says what was dropped.

    Notes
    -----
    Looking for nearly equal texts compares all with all: with a hundred thousand texts
    and more, that takes minutes.

    Examples
    --------
    >>> from sk_m2v.cli.preparing import prepare
    >>> train = {
    ...     "text": ["Ship  it", "ship it", "", "Taxes are due", "Pay taxes"],
    ...     "label": ["work", "work", "work", "tax", "tax"],
    ... }
    >>> prepared = prepare({"train": train})
    >>> prepared.parts["train"]["text"]
    ['Ship it', 'Taxes are due', 'Pay taxes']
    >>> [(it.row, it.reason) for it in prepared.report.dropped]
    [(2, 'duplicate'), (3, 'empty')]
    """
    check_flags(
        normalize_unicode=normalize_unicode,
        collapse_whitespace=collapse_whitespace,
        strip_html=strip_html,
        stratify=stratify,
    )
    check_count(min_characters, "characters", "min_characters")
    if max_characters is not None:
        check_count(max_characters, "characters", "max_characters", min_characters)
    check_count(min_per_class, "rows", "min_per_class")
    check_choice("duplicates", duplicates, ("exact", "near", "keep"))
    check_choice("conflicts", conflicts, ("drop", "first", "majority"))
    check_threshold(threshold)
    check_random_state(random_state)
    sizes = {TEST: test_size, VALIDATION: validation_size}
    check_sizes(sizes, parts)
    roles = check_roles(text, label, group)
    check_parts(parts, roles)

    # The rows of the first are those that stay: texts that judge are not to be learnt.
    found = [Part(it, parts[it], roles) for it in reversed(PARTS) if it in parts]
    train = found[-1]
    kind = kind_of(label for part in found for label in part.labels or ())
    if min_per_class > 1 and (kind != CLASSES or not roles.label):
        raise ValueError(
            f"min_per_class={quoted(min_per_class)} needs classes, but label="
            f"{quoted(label)} has {kind if roles.label else 'no column'}: leave it out"
        )
    n_classes = len({*train.labels_left()} - {None}) if kind == CLASSES else 0
    changed: Counter[str] = Counter()
    for part in found:
        changed.update(
            part.clean(
                html=strip_html,
                characters=normalize_unicode,
                whitespace=collapse_whitespace,
            )
        )
        drop_unfit(part, min_characters, max_characters)
        if part.labels:
            drop_conflicts(part, conflicts)
    if duplicates != "keep":
        drop_duplicates(found)
    if duplicates == "near":
        drop_near_duplicates(found, threshold)
    if min_per_class > 1:
        drop_rare(train, found, min_per_class)
    for part in found:
        _check_some_are_left(part)

    rows, notes = split(
        numbers_of_rows(sizes, len(train.left)),
        train.left,
        classes=train.labels_left() if stratify and n_classes else None,
        groups=train.groups_left() if group is not None else None,
        random_state=random_state,
    )
    rows |= {part.name: part.left for part in found if part is not train}
    given = {part.name: part for part in found}
    names = [it for it in PARTS if it in rows]
    labels = {it: given.get(it, train).labels_at(rows[it]) for it in names}
    if n_classes:
        _check_classes(train, labels[TRAIN], n_classes)
        notes += _unknown_classes(labels)
    report = Report(
        {
            it: _part_report(
                given.get(it), len(rows[it]), count_labels(labels[it], kind)
            )
            for it in names
        },
        [row for part in reversed(found) for row in sorted(part.dropped)],
        dict(changed),
        notes,
    )
    return Prepared({it: given.get(it, train).take(rows[it]) for it in names}, report)


def _part_report(part: Part | None, n_left: int, classes: dict[Any, int]) -> PartReport:
    """Numbers of rows; of a part that was split off, no raw table is there."""
    if part is None:
        return PartReport(0, n_left, {}, classes)
    return PartReport(part.n_rows, n_left, count_reasons(part.dropped), classes)


def _check_some_are_left(part: Part) -> None:
    if not part.left:
        raise ValueError(
            f"Nothing is left of the {quoted(part.name)} part: its rows were dropped "
            f"as {shortened(_reasons(part))}. Allow more, or check which columns are "
            "texts and labels"
        )


def _check_classes(train: Part, labels: list[Label], n_classes: int) -> None:
    """Refuse to go on with one class, where there were several."""
    if n_classes > 1 and len(set(labels)) == 1:
        raise ValueError(
            f"Only the class {quoted(labels[0])} is left to train with, of "
            f"{n_classes} classes. Dropped from {quoted(train.name)}: "
            f"{shortened(_reasons(train))}. Allow more, or split off less"
        )


def _reasons(part: Part) -> str:
    reasons = count_reasons(part.dropped)
    return ", ".join(f"{name} ({n})" for name, n in reasons.items()) or "nothing"


def _unknown_classes(labels: Mapping[str, list[Label]]) -> list[str]:
    """Say which classes are judged, but not learnt."""
    known = set(labels[TRAIN])
    unknown = {
        part: [it for it in dict.fromkeys(values) if it not in known]
        for part, values in labels.items()
    }
    return [
        f"The {part} part has classes that the training part lacks: {listed(values)}."
        for part, values in unknown.items()
        if values
    ]
