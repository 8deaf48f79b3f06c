"""Predict labels or numbers for texts.

    sk-m2v predict reviews.csv --model runs/reviews --out predicted.csv
    sk-m2v predict lines.txt --model runs/reviews --probabilities

All columns that were read are written, and one more: the prediction. Files may be
larger than memory.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from sk_m2v.cli.commands._shared import (
    add_input,
    add_model,
    add_output,
    beside,
    input_batches,
    output,
    progress,
    say_written,
)
from sk_m2v.cli.running._model import open_model


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    add_input(parser)
    add_output(parser, ".csv, .tsv, .jsonl, .parquet")
    add_model(parser, None)
    parser.add_argument(
        "--name", default="prediction", help="the new column (default: %(default)s)"
    )
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="also write a column for each class, such as probability_spam",
    )


def run(options: Namespace) -> None:
    """Predict."""
    from sk_m2v.cli.running._evaluate import prediction_columns
    from sk_m2v.cli.running._targets import WITHOUT_LISTS

    target = output(options, "csv")
    model = open_model(options.model)
    estimator = model.predictor()
    if options.probabilities and not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"a {type(estimator).__name__} has no probabilities: leave out "
            "--probabilities"
        )
    rows = input_batches(options, model, estimator.missing)
    separator = None
    if target.format in WITHOUT_LISTS:
        separator = model.data.get("label_separator")
    with target as table:
        for columns, texts in progress(rows):
            predicted = prediction_columns(
                estimator,
                texts,
                probabilities=options.probabilities,
                name=options.name,
                separator=separator,
            )
            advice = ", or choose another for predictions with --name"
            table.write(beside(columns, predicted, advice))
    say_written(options.out)
