"""Classifiers of texts beside TF-IDF, model2vec and fastText: quality and time.

    python tests/benchmarks/bench_classify.py [--seeds 1] [--n-test 2_000]
    python tests/benchmarks/bench_classify.py --all-rows --multilabel [--skip-few]

Classifiers learn from 1,000 texts (unless --skip-few), and with --all-rows others from
all training texts; with --multilabel also lists of labels, from as many. With --data,
any folder of sets will do: <name>/train.jsonl.gz and test.jsonl.gz, rows with "text"
and "label".

Seconds of a fit include tokenizing, those of predicting are of `predict_proba`
(`predict`, for lists of labels) of all test texts. All that start from a model start
from the same one, which is loaded before.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _classify import (
    CONTENDERS,
    Base,
    ListScores,
    Scores,
    available,
    list_scores_of,
    scores_of,
)
from _common import print_markdown, say, shared
from _quality import N_TRAIN, LabelledTexts, read_labelled

# Set -> contender -> a result for each seed.
Results = dict[str, dict[str, list[Any]]]

OWN = ("fe", "ft", "pt")
MEASURES = {  # of Scores and ListScores: title, format
    "accuracy": ("accuracy", ".4f"),
    "micro_f1": ("micro F1", ".4f"),
    "macro_f1": ("macro F1", ".4f"),
    "log_loss": ("log-loss", ".4f"),
    "fit_s": ("fit, seconds", ".2f"),
    "predict_s": ("predict, seconds", ".3f"),
}
GAINS = ("accuracy", "macro_f1", "log_loss")


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


def run(
    names: Sequence[str],
    sets: Sequence[str],
    base: Base,
    read: Callable[[str], LabelledTexts],
    judge: Callable[..., list[Any]],
) -> Results:
    """Fit all contenders to all sets, for each seed."""
    results: Results = {}
    for data_set in sets:
        data = read(data_set)
        n_train, n_test = len(data.train[0]), len(data.test)
        say(f"{data_set}: {n_train:,} training texts, {n_test:,} test texts")
        results[data_set] = {}
        for name in names:
            make = partial(CONTENDERS[name].make, base)
            scores = results[data_set][name] = judge(make, data)
            means = (
                f"{title} {mean(scores, measure):{form}}"
                for measure, (title, form) in MEASURES.items()
                if hasattr(scores[0], measure)
            )
            say(f"  {CONTENDERS[name].title}: {', '.join(means)}")
    return results


# --- Tables -------------------------------------------------------------------------


def mean(scores: Sequence[Scores | ListScores], measure: str) -> float:
    return float(np.mean([getattr(it, measure) for it in scores]))


def mean_of_sets(results: Results, name: str, measure: str) -> float:
    return float(np.mean([mean(it[name], measure) for it in results.values()]))


def titles(names: Sequence[str]) -> list[str]:
    return [CONTENDERS[name].title for name in names]


def print_measures(title: str, results: Results, names: Sequence[str]) -> None:
    """A table for each measure: sets, and their mean."""
    kind = type(next(iter(results.values()))[names[0]][0])
    for measure, (measured, form) in MEASURES.items():
        if measure not in kind._fields:
            continue
        rows = [
            [data_set, *(f"{mean(scores[name], measure):{form}}" for name in names)]
            for data_set, scores in results.items()
        ]
        means = (mean_of_sets(results, name, measure) for name in names)
        rows.append(["mean", *(f"{it:{form}}" for it in means)])
        print_markdown(f"{title}: {measured}", ["", *titles(names)], rows)


def print_differences(
    title: str, results: Results, pairs: Sequence[tuple[str, str]]
) -> None:
    """Set by set; the last row tells what the seeds make of the means."""
    columns = [(pair, measure) for pair in pairs for measure in GAINS]
    by_seed = {
        data_set: np.array(
            [
                [
                    getattr(own, measure) - getattr(peer, measure)
                    for own, peer in zip(scores[pair[0]], scores[pair[1]], strict=True)
                ]
                for pair, measure in columns
            ]
        )
        for data_set, scores in results.items()
    }
    mean_by_seed = np.mean(list(by_seed.values()), axis=0)
    rows = [
        [name, *(f"{it:+.4f}" for it in values.mean(axis=1))]
        for name, values in {**by_seed, "mean": mean_by_seed}.items()
    ]
    if (n_seeds := mean_by_seed.shape[1]) > 1:
        errors = mean_by_seed.std(axis=1, ddof=1) / np.sqrt(n_seeds)
        rows.append(["standard error", *(f"{it:.4f}" for it in errors)])
    header = [""]
    for pair, measure in columns:
        first, second = titles(pair)
        header.append(f"{first} - {second}, {MEASURES[measure][0]}")
    print_markdown(f"{title}: differences", header, rows)


def print_summary(title: str, results: Results, names: Sequence[str]) -> None:
    def row(name: str) -> list[str]:
        fits = [it for scores in results.values() for it in scores[name]]
        rate = sum(it.n_texts for it in fits) / sum(it.predict_s for it in fits)
        return [
            CONTENDERS[name].title,
            *(f"{mean_of_sets(results, name, it):.4f}" for it in GAINS),
            f"{np.median([it.fit_s for it in fits]):.2f}",
            f"{rate:,.0f}",
        ]

    header = [
        *("", "accuracy", "macro F1", "log-loss"),
        *("fit, median seconds", "predict, texts/s"),
    ]
    print_markdown(f"{title}: summary", header, [row(name) for name in names])


def print_worst_sets(
    title: str, results: Results, names: Sequence[str], references: Sequence[str]
) -> None:
    """Where accuracy falls the most behind the best reference."""
    rows = []
    for name in names:
        gains = {
            data_set: mean(scores[name], "accuracy")
            - max(mean(scores[it], "accuracy") for it in references)
            for data_set, scores in results.items()
        }
        worst = min(gains, key=lambda it: gains[it])
        n_behind = sum(gain < 0 for gain in gains.values())
        behind = f"{n_behind} of {len(gains)}"
        rows.append([CONTENDERS[name].title, worst, f"{gains[worst]:+.4f}", behind])
    best = " and ".join(titles(references))
    header = ["", "worst set", "accuracy", "sets behind"]
    print_markdown(f"{title}: against the better of {best}", header, rows)


def print_section(section: Section, title: str, results: Results) -> None:
    if not results:
        return
    names = list(next(iter(results.values())))
    print_measures(title, results, names)
    if section is LISTS:
        return
    print_summary(title, results, names)
    pairs = [pair for pair in section.differences if set(pair) <= set(names)]
    if pairs:
        print_differences(title, results, pairs)
    ours = [name for name in OWN if name in names]
    references = [name for name in section.references if name in names]
    if ours and references:
        print_worst_sets(title, results, ours, references)


# --- The program --------------------------------------------------------------------


def comma_separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


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
    parser.add_argument("--n-train", type=int, default=N_TRAIN)
    parser.add_argument("--n-test", type=int, help="test rows; all by default")
    parser.add_argument("--max-rows", type=int, help="cap on all rows")
    parser.add_argument("--skip-few", action="store_true", help="no fits to few rows")
    parser.add_argument("--all-rows", action="store_true", help="fits to all rows")
    parser.add_argument("--multilabel", action="store_true", help="lists of labels")
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
    base = Base(options.model)
    where = options.model or "bundled"
    print(f"{where}: {base.own}; {options.seeds} seeds; {os.cpu_count()} cores")

    cap = options.max_rows
    amounts = []
    if not options.skip_few:
        amounts.append((FEW, f"{options.n_train:,} training texts", options.n_train))
    if options.all_rows:
        every = "all training texts" if cap is None else f"up to {cap:,} texts"
        amounts.append((ALL, every, cap))
    jobs = list(amounts)
    if options.multilabel:
        jobs += [(LISTS, rows, n_train) for _, rows, n_train in amounts]
    wanted = {FEW: FEW.names, ALL: ALL.names, LISTS: LISTS.names}
    if options.estimators:
        wanted[FEW] = wanted[ALL] = options.estimators
        wanted[LISTS] = [name for name in LISTS.names if name in options.estimators]
    used = [name for section, *_ in jobs for name in wanted[section]]
    usable = available(list(dict.fromkeys(used)), base)

    for section, rows, n_train in jobs:
        names = [name for name in wanted[section] if name in usable]
        if not names:
            continue
        title = f"lists of labels, {rows}" if section is LISTS else rows
        say(f"--- {title}")
        read = partial(
            read_labelled,
            n_seeds=options.seeds,
            n_test=options.n_test,
            n_train=n_train,
            folder=folder,
            multi_label=section is LISTS,
        )
        chosen = [name for name in sets if sets[name] or section is not LISTS]
        judge = list_scores_of if section is LISTS else scores_of
        print_section(section, title, run(names, chosen, base, read, judge))


if __name__ == "__main__":
    main()
