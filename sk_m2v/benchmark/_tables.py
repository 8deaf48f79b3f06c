"""What a report says, as tables of texts."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np

from sk_m2v.benchmark._data import CLASSES, LABELS, NUMBERS
from sk_m2v.benchmark._measure import COLUMNS
from sk_m2v.benchmark._scores import LOSSES, SCORES

_TITLES = {CLASSES: "Classes", LABELS: "Lists of labels", NUMBERS: "Numbers"}
# Of which there is a table by data set.
_BY_DATA_SET = {
    CLASSES: ("accuracy", "log_loss"),
    LABELS: ("micro_f1",),
    NUMBERS: ("r2",),
}


class Cell(NamedTuple):
    """A text of a table.

    Attributes
    ----------
    text : str
        The text.
    is_best : bool, default=False
        Whether it is the best of its kind.
    """

    text: str
    is_best: bool = False


class Table(NamedTuple):
    """A table with a title.

    Attributes
    ----------
    title : str
        What it is about.
    header : list of str
        Names of the columns. The first are texts, to the left.
    rows : list of list of Cell
        As long as the header.
    n_texts : int, default=1
        How many columns are texts, not numbers.
    """

    title: str
    header: list[str]
    rows: list[list[Cell]]
    n_texts: int = 1


def tables(results: Any) -> list[Table]:
    """Make the tables of a report.

    Parameters
    ----------
    results : pandas.DataFrame
        A row for each run.

    Returns
    -------
    list of Table
        In the order in which to read them.
    """
    return [*_tables(results)]


def incomplete(runs: Any, score: str) -> set[str]:
    """Estimators without the score of a run for which others have it.

    Parameters
    ----------
    runs : pandas.DataFrame
        A row for each run.
    score : str
        A column.

    Returns
    -------
    set of str
        Names. Their means would be those of other data.
    """
    known = runs[runs[score].notna()]
    n_runs = len(known[["data_set", "seed"]].drop_duplicates())
    counts = known.groupby("estimator").size()
    return {it for it in runs["estimator"].unique() if counts.get(it, 0) < n_runs}


def _tables(results: Any) -> Iterator[Table]:
    # A failed run has no scores: it belongs where others of its data set do.
    for kind, (main, *_) in SCORES.items():
        names = results.loc[results[main].notna(), "data_set"].unique()
        runs = results[results["data_set"].isin(names)]
        # Regressors and classifiers may share a data set of whole numbers.
        has_any = runs.groupby("estimator")[main].transform("count") > 0
        runs = runs[has_any | _has_failed(runs)]
        if len(runs):
            yield _summary(runs, kind)
            for score in _BY_DATA_SET[kind]:
                if runs[score].notna().any():
                    yield _by_data_set(runs, kind, score)
    yield _costs(results)
    failed = results[_has_failed(results)]
    if len(failed):
        header = ["estimator", "data set", "seed", "error"]
        columns = [it.replace(" ", "_") for it in header]
        rows = [[Cell(str(it)) for it in row] for row in failed[columns].to_numpy()]
        yield Table("Runs that failed", header, rows, len(header))


def _has_failed(runs: Any) -> Any:
    # Of a frame that went through a file, no error may be NaN.
    return runs["error"].notna() & (runs["error"] != "")


# --- Scores ---------------------------------------------------------------------------


def _summary(runs: Any, kind: str) -> Table:
    main = SCORES[kind][0]
    more = [it for it in runs.columns if it not in COLUMNS and runs[it].notna().any()]
    scores = [it for it in (*SCORES[kind], *more) if runs[it].notna().any()]
    means = {it: _means(runs, it) for it in scores}
    lacking = incomplete(runs, main)
    names = _sorted(means[main], lacking)
    whole = [it for it in names if it not in lacking]
    header, columns = ["estimator"], []
    for score in scores:
        values = {name: _over_seeds(means[score].loc[name]) for name in names}
        best = _best({name: values[name][0] for name in whole}, score)
        columns.append([Cell(_with_error(*values[it]), it in best) for it in names])
        header.append(score.replace("_", " "))
    rows = [[Cell(name), *cells] for name, *cells in zip(names, *columns, strict=True)]
    title = f"{_TITLES[kind]}: means over data sets, ± standard error over seeds"
    return Table(title, header, rows)


def _means(runs: Any, score: str) -> Any:
    """Mean over data sets: a row for each estimator, a column for each seed."""
    return runs.pivot_table(
        index="estimator",
        columns="seed",
        values=score,
        aggfunc="mean",
        dropna=False,
        sort=False,
    ).reindex(runs["estimator"].unique())


def _over_seeds(values: Any) -> tuple[float, float]:
    """Mean and its standard error, NaN for a single seed."""
    known = np.asarray(values.dropna(), np.float64)
    if not known.size:
        return nan, nan
    error = known.std(ddof=1) / np.sqrt(known.size) if known.size > 1 else nan
    return float(known.mean()), float(error)


def _by_data_set(runs: Any, kind: str, score: str) -> Table:
    main = SCORES[kind][0]
    names = _sorted(_means(runs, main), incomplete(runs, main))
    rows = []
    for data_set, own in runs.groupby("data_set", sort=False):
        values = own.groupby("estimator")[score].mean().reindex(names)
        whole = values.drop(index=list(incomplete(own, score)))
        best = _best(whole.to_dict(), score)
        cells = [Cell(_text(values[name]), name in best) for name in names]
        rows.append([Cell(str(data_set)), *cells])
    title = f"{_TITLES[kind]}: {score.replace('_', ' ')} by data set"
    return Table(title, ["data set", *map(str, names)], rows)


def _sorted(means: Any, last: set[str]) -> list[str]:
    """Names, those with the best means first, some last."""
    order = {name: _over_seeds(means.loc[name])[0] for name in means.index}
    return sorted(
        order,
        key=lambda it: (it in last, -order[it] if isfinite(order[it]) else np.inf),
    )


def _best(values: dict[str, float], score: str) -> set[str]:
    """Names of the best as far as can be seen; of a single one nothing is said."""
    known = {name: _text(value) for name, value in values.items() if isfinite(value)}
    if len(known) < 2:
        return set()
    best = (min if score in LOSSES else max)(known.values(), key=float)
    return {name for name, text in known.items() if text == best}


def _text(value: float, form: str = ".4f") -> str:
    return format(value, form) if isfinite(value) else ""


def _with_error(value: float, error: float) -> str:
    return " ± ".join(filter(None, [_text(value), _text(error)]))


# --- Costs ----------------------------------------------------------------------------


def _costs(results: Any) -> Table:
    rows = []
    for name, runs in results.groupby("estimator", sort=False):
        # NaN where all runs failed.
        n_texts = runs.loc[runs["predict_seconds"].notna(), "n_test"].sum()
        seconds = runs["predict_seconds"].sum()
        cells = (
            str(name),
            _text(runs["fit_seconds"].median(), ".3f"),
            _text(runs["predict_seconds"].median(), ".3f"),
            _text(n_texts / seconds if seconds else nan, ",.0f"),
            _text(runs["model_bytes"].median() / 1e6, ",.2f"),
            str(len(runs)),
            str(_has_failed(runs).sum()),
        )
        rows.append([Cell(it) for it in cells])
    header = [
        *("estimator", "fit (s)", "predict (s)", "texts per second"),
        *("model (MB)", "runs", "failed"),
    ]
    return Table("Speed and size", header, rows)
