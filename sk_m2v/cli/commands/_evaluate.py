"""Compare predictions with the truth.

    sk-m2v evaluate test.csv --model runs/reviews
    sk-m2v evaluate test.csv --model runs/reviews --text review --label stars --json

Columns are those that the model was trained on, if no others are named. Printed are the
scores, and scikit-learn's report of classes.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from sk_m2v._messages import shortened
from sk_m2v.cli.commands._shared import add_input, add_model
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import open_model

_LABELS = ("label", "label_separator")


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    add_input(parser, "texts and labels")
    add_model(parser, None)
    keys = parameters_of("sk_m2v.cli.running._data.read_parts")
    add_options(parser, {it: keys[it] for it in _LABELS}, "labels")
    parser.add_argument("--json", action="store_true", help="print scores as JSON")


def run(options: Namespace) -> None:
    """Evaluate."""
    from sk_m2v.cli.running._evaluate import evaluate
    from sk_m2v.cli.running._prepared import kind_of
    from sk_m2v.cli.running._targets import read_targets, targets
    from sk_m2v.cli.running._texts import check_columns
    from sk_m2v.tables import read

    model = open_model(options.model)
    estimator = model.estimator()
    kind = kind_of(estimator)
    columns = read(options.file, **given(options, "reading"))
    texts = model.texts(columns, **given(options, "text"))
    how: dict[str, Any] = {"label": "label", "label_separator": None}
    how |= {name: it for name, it in model.data.items() if name in _LABELS}
    how |= given(options, "labels")
    label, separator = how["label"], how["label_separator"]
    names = [label] if isinstance(label, str) else list(label)
    check_columns(columns, names, "--label")
    numbers = kind == "numbers"
    if kind != "pairs":
        columns = read_targets(
            columns, label, separator, numbers=numbers, where=options.file
        )
    truth = targets(columns, label, numbers=numbers)
    for row, value in enumerate(truth, start=1):
        if value in (None, ""):
            raise ValueError(f"{shortened(options.file)}, row {row}: there is no label")
    metrics, report = evaluate(estimator, texts, truth)
    print(json.dumps(metrics, indent=2) if options.json else report.rstrip("\n"))
