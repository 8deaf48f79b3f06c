"""Rows set aside from those to train with."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted
from sk_m2v.cli.preparing._columns import TRAIN
from sk_m2v.cli.preparing._labels import Label, is_missing

Integers = npt.NDArray[np.int64]

# How many times groups are drawn; the best draw is taken.
_N_DRAWS = 32


def numbers_of_rows(sizes: Mapping[str, Any], n_rows: int) -> dict[str, int]:
    """How many rows each part is to have.

    Parameters
    ----------
    sizes : mapping of str to float, int or None
        Part to its share or number of rows.
    n_rows : int
        Rows to train with.

    Returns
    -------
    dict of str to int
        Without parts that are not wanted.

    Raises
    ------
    ValueError
        If no row would be left to train with.
    """
    wanted = {
        part: (
            int(size)
            if isinstance(size, Integral)
            else max(1, round(float(size) * n_rows))
        )
        for part, size in sizes.items()
        if size is not None
    }
    if wanted and sum(wanted.values()) >= n_rows:
        asked = {f"{part}_size": sizes[part] for part in wanted}
        raise ValueError(
            f"{quoted(asked)} leaves nothing to train with: {n_rows} rows of 'train' "
            "can be split. Pass smaller sizes, or more rows"
        )
    return wanted


def split(
    wanted: Mapping[str, int],
    rows: list[int],
    *,
    classes: list[Label] | None,
    groups: list[Hashable] | None,
    random_state: int | None,
) -> tuple[dict[str, list[int]], list[str]]:
    """Choose rows of each part.

    Parameters
    ----------
    wanted : mapping of str to int
        Part to its number of rows; fewer than all.
    rows : list of int
        Rows that there are.
    classes : list of hashable of length n_rows, or None
        Classes that are to have equal shares in all parts.
    groups : list of hashable of length n_rows, or None
        Rows of a group stay in one part. A missing one is a group of its own.
    random_state : int or None
        Seed.

    Returns
    -------
    rows : dict of str to list of int
        Part to its rows, in order; what is not split off is "train".
    notes : list of str
        What could not be as wanted.

    Raises
    ------
    ValueError
        If there are fewer groups than parts.
    """
    if not wanted:
        return {TRAIN: rows}, []
    random = np.random.RandomState(random_state)
    strata = None if classes is None else _codes(classes)
    notes: list[str] = []
    if groups is None:
        positions, notes = _split_rows(wanted, len(rows), strata, random)
    else:
        positions = _split_groups(wanted, strata, _codes(groups), random)
    left = np.ones(len(rows), bool)
    left[np.concatenate([*positions.values()])] = False
    positions[TRAIN] = np.flatnonzero(left)
    array = np.array(rows)
    return {part: array[it].tolist() for part, it in positions.items()}, notes


def _codes(values: Iterable[Hashable]) -> Integers:
    """Numbers from 0, the same for equal values. A missing value has its own."""
    numbers: dict[Hashable, int] = {}
    return np.array(
        [
            numbers.setdefault(object() if is_missing(it) else it, len(numbers))
            for it in values
        ]
    )


def _split_rows(
    wanted: Mapping[str, int],
    n_rows: int,
    classes: Integers | None,
    random: np.random.RandomState,
) -> tuple[dict[str, Integers], list[str]]:
    from sk_m2v.train.labels._split import split_off

    notes: list[str] = []
    left = np.arange(n_rows)
    if classes is not None:
        # Classes with too few rows for all parts are to be learnt.
        counts = np.bincount(classes)
        common = counts > len(wanted)
        spare = left[common[classes]]
        if len(spare) - common.sum() >= sum(wanted.values()):
            left = spare
        else:
            classes = None
            notes.append(
                "The split is not stratified, as most classes have too few rows for "
                "all parts."
            )
    rows = {}
    # Targets that are no integers are drawn whatever they are.
    targets = np.zeros(n_rows) if classes is None else classes
    for part, n in wanted.items():
        keep, out = split_off(targets[left], n / len(left), random)
        left, rows[part] = left[keep], left[out]
    return rows, notes


def _split_groups(
    wanted: Mapping[str, int],
    classes: Integers | None,
    groups: Integers,
    random: np.random.RandomState,
) -> dict[str, Integers]:
    sizes, n_parts = np.bincount(groups), len(wanted) + 1
    if len(sizes) < n_parts:
        raise ValueError(
            f"group must have a value for each part at least, got {len(sizes)} values "
            f"for {quoted(n_parts)} parts in the rows of 'train' that are left"
        )
    left = np.arange(len(groups))
    rows = {}
    for part, n in wanted.items():
        n_parts -= 1
        strata = np.zeros_like(left) if classes is None else classes[left]
        out = _draw_groups(n, strata, groups[left], n_parts, random)
        left, rows[part] = left[~out], left[out]
    return rows


def _draw_groups(
    n_wanted: int,
    classes: Integers,
    groups: Integers,
    n_kept: int,
    random: np.random.RandomState,
) -> npt.NDArray[np.bool_]:
    """Which rows to set aside: whole groups with about as many rows as wanted.

    Of many draws that is taken that leaves some rows of most classes, and then the one
    whose classes are nearest to their shares. scikit-learn's `GroupShuffleSplit` counts
    groups, not rows, and `StratifiedGroupKFold` takes minutes for many groups.
    """
    _, groups = np.unique(groups, return_inverse=True)
    sizes = np.bincount(groups)
    totals = np.bincount(classes)
    best, best_score = np.zeros(len(groups), bool), (np.inf, np.inf)
    for _ in range(_N_DRAWS):
        order = random.permutation(len(sizes))[: len(sizes) - n_kept]
        n = np.abs(sizes[order].cumsum() - n_wanted).argmin() + 1
        out = np.zeros(len(sizes), bool)
        out[order[:n]] = True
        counts = np.bincount(classes[out[groups]], minlength=len(totals))
        n_lost = int(((counts == totals) & (totals > 0)).sum())
        distance = float(np.abs(counts - totals * (n_wanted / len(groups))).sum())
        if (n_lost, distance) < best_score:
            best, best_score = out[groups], (n_lost, distance)
    return best
