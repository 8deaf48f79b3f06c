"""Compare estimators on data sets.

    sk-m2v benchmark reviews.csv --label stars --estimator FE --estimator FT
    sk-m2v benchmark a.toml b.toml --folder results --report results/report.html

Arguments are tables, of which a part is held out for each seed, and configurations of
trainings: each is a candidate, and brings its data. Each candidate runs on all data.
What is done is kept in --folder, so that a benchmark that was stopped goes on. The
table is printed as CSV.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.cli.configuration import Configuration, check, read
from sk_m2v.cli.configuration._read import SUFFIXES
from sk_m2v.cli.configuration._sections import NAMES, estimator_name
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of

_REPORTS = (".html", ".md")


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("files", nargs="+", metavar="file")
    parser.add_argument(
        "--estimator",
        action="append",
        default=[],
        metavar="NAME",
        help=f"a candidate with its defaults: {NAMES}; may be given several times",
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many (%(default)s)")
    parser.add_argument(
        "--report", metavar="FILE", help="also write a report: .html or .md"
    )
    data = parameters_of("sk_m2v.cli.running._data.read_parts")
    group = parser.add_argument_group("reading")
    add_options(group, data, "data", skip=("train", "validation", "test"))
    keys = parameters_of("sk_m2v.benchmark.run_benchmark")
    skip = ("estimators", "data_sets", "random_states", "verbose")
    add_options(parser, keys, "benchmark", skip=skip)


def run(options: Namespace) -> None:
    """Run the benchmark, and print its table."""
    from sk_m2v.benchmark import BenchmarkReport, run_benchmark
    from sk_m2v.cli.running._estimator import make_estimator
    from sk_m2v.embedding.storage._replace import write_files

    report = options.report and Path(options.report)
    if report and report.suffix not in _REPORTS:
        raise ValueError(
            f"--report {quoted(options.report)}: the name must end with "
            f"{listed(_REPORTS)}"
        )
    if report and not report.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {shortened(report.parent)}")
    if options.seeds < 1:
        raise ValueError(f"--seeds must be 1 or more, got {quoted(options.seeds)}")
    estimators: dict[str, Any] = {}
    data_sets: dict[str, Any] = {}
    for name, configuration in _configurations(options.files).items():
        settings = check(configuration)
        if settings["search"] is not None:
            raise ValueError(
                f"{shortened(name)}: a candidate of a benchmark has fixed parameters. "
                "Leave out the section search"
            )
        estimators[name] = make_estimator(
            settings["train"], settings["model"], settings["random_state"]
        )
        _add_data(data_sets, settings, estimators[name], name)
    for short in options.estimator:
        name = estimator_name({"train": {"estimator": short}})
        settings = check(_alone(estimator=short, train="-"))
        estimators[name] = make_estimator(settings["train"], None, 0)
    if not estimators:
        raise ValueError("nothing to compare: name candidates with --estimator FE")
    some = next(iter(estimators.values()))
    for file in options.files:
        if Path(file).suffix not in SUFFIXES:
            settings = check(_alone(train=file, **given(options, "data")))
            _add_data(data_sets, settings, some, file)
    results = run_benchmark(
        estimators,
        data_sets,
        random_states=range(options.seeds),
        verbose=True,
        **given(options, "benchmark"),
    )
    if report:
        made = BenchmarkReport(results)
        text = made.to_html() if report.suffix == ".html" else made.to_markdown()
        write_files({report: text.encode()})
    results.to_csv(sys.stdout, index=False)


def _configurations(files: list[str]) -> dict[str, Configuration]:
    """Configurations by their names, which tell them apart."""
    paths = [Path(it) for it in files if Path(it).suffix in SUFFIXES]
    stems = Counter(it.stem for it in paths)
    return {it.stem if stems[it.stem] == 1 else str(it): read(it) for it in paths}


def _alone(*, estimator: str | None = None, **data: Any) -> Configuration:
    made = Configuration()
    made.put(("data",), data, "option", Path())
    if estimator is not None:
        made.put(("train", "estimator"), estimator, "--estimator", Path())
    return made


def _add_data(
    data_sets: dict[str, Any], settings: dict[str, Any], estimator: Any, source: str
) -> None:
    """Add the data of a configuration, prepared as it says."""
    from sk_m2v.cli.running._prepared import prepared_parts, texts_and_targets

    train = settings["data"]["train"]
    name = Path(train if isinstance(train, str) else train[0]).name.partition(".")[0]
    parts, _ = prepared_parts(settings, estimator)
    data = {
        part: texts_and_targets(it, settings, estimator) for part, it in parts.items()
    }
    made = (*data["train"], *data.get("test", ()))
    # Another table may have the same name, or the same one is prepared in another way.
    other = data_sets.get(name, made) != made
    data_sets[f"{name} of {source}" if other else name] = made
