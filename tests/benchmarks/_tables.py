"""Tables of the runs of several classifiers."""

from __future__ import annotations

import pandas as pd
from _common import print_markdown

GAINS = ["accuracy", "macro_f1", "log_loss"]


def by_set(results: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Means over seeds: a row for each set, a column for each estimator."""
    keys = ["data_set", "estimator"]
    return results.groupby(keys, sort=False)[measure].mean().unstack(sort=False)


def print_frame(title: str, frame: pd.DataFrame, form: str) -> None:
    """Numbers; what is not known stays empty."""
    rows = [
        [str(name), *(format(it, form) if it == it else "" for it in row)]
        for name, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    print_markdown(title, ["", *frame.columns], rows)


def print_summary(title: str, results: pd.DataFrame) -> None:
    runs = results.groupby("estimator", sort=False)
    table = pd.DataFrame({it: by_set(results, it).mean() for it in GAINS})
    seconds = runs["fit_seconds"].median()
    rates = runs["n_test"].sum() / runs["predict_seconds"].sum()
    rows = [
        [
            name,
            *(f"{it:.4f}" for it in row),
            f"{seconds[name]:.2f}",
            f"{rates[name]:,.0f}",
        ]
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    header = [
        *("", "accuracy", "macro F1", "log-loss"),
        *("fit, median seconds", "predict, texts/s"),
    ]
    print_markdown(f"{title}: summary", header, rows)
