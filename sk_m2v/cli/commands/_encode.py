"""Turn texts into vectors.

    sk-m2v encode reviews.csv --text review --out vectors.npy
    sk-m2v encode lines.txt.gz --out vectors.parquet --dimensionality 64
    cat lines.txt | sk-m2v encode --format text --to jsonl

Rows of .npy are the texts in their order. Other formats have the vectors beside the
columns that were read. Files may be larger than memory.
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
    written_behind,
)
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import open_model

_LOADING = ("quantize_to", "dimensionality", "vocabulary_quantization")
_ENCODING = ("normalize", "max_length", "missing", "n_jobs")


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    add_input(parser)
    add_output(parser, ".npy, .jsonl, .parquet, .csv, .tsv")
    add_model(parser, "the one that comes with the package")
    parser.add_argument(
        "--name", default="embedding", help="the new column (default: %(default)s)"
    )
    loading = parameters_of("sk_m2v.StaticEmbedding.from_pretrained")
    encoding = parameters_of("sk_m2v.StaticEmbedding.encode")
    add_options(parser, {it: loading[it] for it in _LOADING}, "loading")
    add_options(parser, {it: encoding[it] for it in _ENCODING}, "encoding")


def run(options: Namespace) -> None:
    """Encode."""
    target = output(options, "jsonl")
    model = open_model(options.model)
    embedding = model.embedding(**given(options, "loading"))
    how = given(options, "encoding")
    rows = input_batches(options, model, how.get("missing", "error"))
    alone = target.format == "npy"
    with target as table, written_behind(table, options.out) as write:
        for columns, texts in progress(rows):
            new = {options.name: embedding.encode(texts, **how)}
            advice = ", or choose another for vectors with --name"
            write(new if alone else beside(columns, new, advice))
    say_written(options.out)
