"""Classifiers of texts beside TF-IDF, model2vec and fastText: quality and time.

    python tests/benchmarks/bench_classify.py [--seeds 1] [--n-test 2_000]
    python tests/benchmarks/bench_classify.py --all-rows --multilabel [--skip-few]
    python tests/benchmarks/bench_classify.py --n-train 1_000 4_000 16_000 all

Classifiers learn from 1,000 texts (unless --skip-few), and with --all-rows others from
all training texts; with --multilabel also lists of labels, from as many. With --data,
any folder of sets will do: <name>/train.jsonl.gz and test.jsonl.gz, rows with "text"
and "label". With --folder, what was stopped goes on; --report writes pages.

With several numbers after --n-train, those of this package learn from so many texts of
the sets that have them, or from all texts of all sets: what training is worth the more
there are.

Seconds of a fit include tokenizing, those of predicting are of `predict` of all test
texts. All that start from a model start from the same one, which is loaded before.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from _classify import CONTENDERS, available, read_base
from _common import print_markdown, say, shared
from _quality import N_TRAIN, read_labelled
from _tables import GAINS, by_set, print_frame, print_summary

from sk_m2v.benchmark import BenchmarkReport, run_benchmark

OWN = ("fe", "ft", "pt")
MEASURES = {  # column of the results: title, format
    "accuracy": ("accuracy", ".4f"),
    "micro_f1": ("micro F1", ".4f"),
    "macro_f1": ("macro F1", ".4f"),
    "log_loss": ("log-loss", ".4f"),
    "fit_seconds": ("fit, seconds", ".2f"),
    "predict_seconds": ("predict, seconds", ".3f"),
}


class Section(NamedTuple):
    names: tuple[str, ...]  # of contenders
    differences: tuple[tuple[str, str], ...]
    references: tuple[str, ...]  # the best of them is what a set may be lost to


FEW = Section(
    ("tfidf", "m2v-lr", "m2v", *OWN),
    (("ft", "m2v"), ("fe", "m2v")),
    ("m2v", "tfidf"),
)
ALL = Section(
    ("pt", "fe", "ft", "fasttext", "fasttext-default"),
    tuple((name, "fasttext") for name in ("pt", "fe", "ft")),
    ("fasttext", "fasttext-default"),
)
LISTS = Section(("m2v", "fe", "ft"), (), ())
GROWING = Section(OWN, (("ft", "fe"), ("ft", "pt")), ())


# --- Data ---------------------------------------------------------------------------


def find_sets(folder: Path) -> dict[str, bool]:
    """Names of the sets in a folder -> whether their labels are lists."""
    sets = {}
    for path in sorted(folder.glob("*/train.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            row = json.loads(file.readline())
        if {"text", "label"} <= row.keys():
            sets[path.parent.name] = isinstance(row["label"], list)
    return sets


@cache
def n_rows(path: Path) -> int:
    """Rows of a training part, those with one label where labels are lists."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        labels = [json.loads(line)["label"] for line in file]
    return sum(not isinstance(it, list) or len(it) == 1 for it in labels)


def draw(read: Callable[[str], Any], name: str, seed: int) -> tuple[Any, ...]:
    """Training and test part of a set, for a seed."""
    data = read(name)
    parts: list[Any] = []
    for rows in (data.train[seed], data.test):
        labels = data.labels[rows]
        parts.append([data.texts[row] for row in rows])
        parts.append(list(labels) if labels.dtype == object else labels)
    return tuple(parts)


# --- Tables -------------------------------------------------------------------------


def titles(names: Sequence[str], results: pd.DataFrame) -> list[str]:
    """Those of contenders that were run."""
    known = set(results["estimator"])
    return [it for name in names if (it := CONTENDERS[name].title) in known]


def print_measures(title: str, results: pd.DataFrame) -> None:
    """A table for each measure: sets, and their mean."""
    for measure, (measured, form) in MEASURES.items():
        if results[measure].notna().any():
            table = by_set(results, measure)
            table.loc["mean"] = table.mean()
            print_frame(f"{title}: {measured}", table, form)


def print_differences(
    title: str, results: pd.DataFrame, pairs: Sequence[tuple[str, str]]
) -> None:
    """Set by set; the last row tells what the seeds make of the means."""
    scores = {
        name: runs.set_index(["data_set", "seed"])
        for name, runs in results.groupby("estimator")
    }
    gains = {
        f"{own} - {peer}, {MEASURES[it][0]}": scores[own][it] - scores[peer][it]
        for own, peer in pairs
        for it in GAINS
    }
    frame = pd.DataFrame(gains)
    table = frame.groupby("data_set", sort=False).mean()
    means = frame.groupby("seed").mean()
    table.loc["mean"] = means.mean()
    if len(means) > 1:
        table.loc["standard error"] = means.sem()
    print_frame(f"{title}: differences", table, "+.4f")


def print_worst_sets(
    title: str, results: pd.DataFrame, names: Sequence[str], references: Sequence[str]
) -> None:
    """Where accuracy falls the most behind the best reference."""
    table = by_set(results, "accuracy")
    rows = []
    for name in names:
        gains = table[name] - table[[*references]].max(axis=1)
        behind = f"{(gains < 0).sum()} of {len(gains)}"
        rows.append([name, gains.idxmin(), f"{gains.min():+.4f}", behind])
    header = ["", "worst set", "accuracy", "sets behind"]
    print_markdown(
        f"{title}: against the better of {' and '.join(references)}", header, rows
    )


def print_section(section: Section, title: str, results: pd.DataFrame) -> None:
    print_measures(title, results)
    if section is LISTS:
        return
    print_summary(title, results)
    pairs = [titles(pair, results) for pair in section.differences]
    if pairs := [pair for pair in pairs if len(pair) == 2]:
        print_differences(title, results, pairs)
    ours, references = titles(OWN, results), titles(section.references, results)
    if ours and references:
        print_worst_sets(title, results, ours, references)


def print_growth(parts: Sequence[tuple[str, pd.DataFrame]]) -> None:
    """Means over the sets of each part: what training is worth by number of texts."""
    rows, header = [], ["", "sets"]
    for title, results in parts:
        means = pd.DataFrame({it: by_set(results, it).mean() for it in MEASURES})
        pairs = [titles(pair, results) for pair in GROWING.differences]
        pairs = [pair for pair in pairs if len(pair) == 2]
        gains = {
            f"{own} - {peer}, {MEASURES[it][0]}": means.loc[own, it]
            - means.loc[peer, it]
            for own, peer in pairs
            for it in (*GAINS, "fit_seconds")
        }
        header = ["", "sets", *gains]
        n_sets = results["data_set"].nunique()
        rows.append([title, str(n_sets), *(f"{it:+.4f}" for it in gains.values())])
    print_markdown("the more texts", header, rows)


# --- The program --------------------------------------------------------------------


def comma_separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def number_or_all(text: str) -> int | None:
    """How many texts to learn from. None is all."""
    return None if text == "all" else int(text)


def in_words(n_train: int | None) -> str:
    return "all training texts" if n_train is None else f"{n_train:,} training texts"


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of sets (shared/datasets)")
    parser.add_argument("--sets", type=comma_separated, help="names, all by default")
    parser.add_argument("--model", type=Path, help="folder (the bundled model)")
    parser.add_argument(
        "--estimators",
        type=comma_separated,
        help=f"some of {', '.join(CONTENDERS)}",
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n-train", type=number_or_all, nargs="+", default=[N_TRAIN])
    parser.add_argument("--n-test", type=int, help="test rows; all by default")
    parser.add_argument("--max-rows", type=int, help="cap on all rows")
    parser.add_argument("--skip-few", action="store_true", help="no fits to few rows")
    parser.add_argument("--all-rows", action="store_true", help="fits to all rows")
    parser.add_argument("--multilabel", action="store_true", help="lists of labels")
    parser.add_argument("--folder", type=Path, help="keep runs, and go on with them")
    parser.add_argument("--report", type=Path, help="folder of pages to write")
    options = parser.parse_args(arguments)
    if options.skip_few and not options.all_rows:
        parser.error("--skip-few leaves nothing: add --all-rows")
    for name in options.estimators or ():
        if name not in CONTENDERS:
            parser.error(f"no estimator {name}: choose of {', '.join(CONTENDERS)}")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = read_options(arguments)
    folder = options.data or shared("datasets")
    sets = find_sets(folder)
    unknown = [name for name in options.sets or () if name not in sets]
    if unknown or not sets:
        raise SystemExit(f"not in {folder}: {', '.join(unknown) or 'any set'}")
    sets = {name: sets[name] for name in options.sets or sets}
    base = read_base(options.model)
    where = options.model or "bundled"
    print(f"{where}: {base.own}; {options.seeds} seeds; {os.cpu_count()} cores")

    jobs = []  # of a section: title, and how many texts to learn from
    growing = len(options.n_train) > 1
    if not options.skip_few:
        section = GROWING if growing else FEW
        jobs += [(section, in_words(n), n) for n in options.n_train]
    if options.all_rows:
        cap = options.max_rows
        every = in_words(cap) if cap is None else f"up to {cap:,} texts"
        jobs.append((ALL, every, cap))
    if options.multilabel:
        jobs += [(LISTS, f"lists of labels, {rows}", n) for _, rows, n in jobs]

    grown = []
    for section, title, n_train in jobs:
        names = options.estimators or section.names
        if section is LISTS:
            names = [name for name in section.names if name in names]
        estimators = available(names, base)
        chosen = [name for name in sets if sets[name] or section is not LISTS]
        if section is GROWING and n_train is not None:
            paths = {name: folder / name / "train.jsonl.gz" for name in chosen}
            chosen = [name for name in chosen if n_rows(paths[name]) >= n_train]
        if not estimators or not chosen:
            continue
        say(f"--- {title}")
        read = partial(
            read_labelled,
            n_seeds=options.seeds,
            n_test=options.n_test,
            n_train=n_train,
            folder=folder,
            multi_label=section is LISTS,
        )
        read = lru_cache(1)(read)  # a set is asked for each seed
        results = run_benchmark(
            estimators,
            {name: partial(draw, read, name) for name in chosen},
            random_states=range(options.seeds),
            folder=options.folder,
            verbose=True,
        )
        print_section(section, title, results)
        if section is GROWING:
            grown.append((title, results))
        if options.report:
            BenchmarkReport(results).save(options.report / title.replace(" ", "_"))
    if grown:
        print_growth(grown)


if __name__ == "__main__":
    main()
