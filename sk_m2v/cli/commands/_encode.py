"""Turn texts into vectors.

    sk-m2v encode reviews.csv --text review --out vectors.npy
    sk-m2v encode lines.txt.gz --out vectors.parquet --dimensionality 64
    cat lines.txt | sk-m2v encode --format text --to jsonl
    sk-m2v encode very_many.parquet --out vectors.parquet --resume

Rows of .npy are the texts in their order. Other formats have the vectors beside the
columns that were read. Files may be larger than memory.

Without --resume, a run that is stopped leaves nothing behind. With it, it leaves what
is done in a folder beside the target, and the same command goes on there, to the same
bytes. Then .parquet is a folder of part files, and .zarr is written, too.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from sk_m2v.streaming._sources import Part

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
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with a run that was stopped, and let this one be gone on with",
    )
    add_options(parser, {it: loading[it] for it in _LOADING}, "loading")
    add_options(parser, {it: encoding[it] for it in _ENCODING}, "encoding")


def run(options: Namespace) -> None:
    """Encode."""
    if options.resume:
        _run_in_parts(options)
        say_written(options.out)
        return
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


def _run_in_parts(options: Namespace) -> None:
    """Encode so that it can be gone on with."""
    from sk_m2v.streaming import _models, _run, _sources
    from sk_m2v.streaming._encode import PART_SIZE

    if options.out == "-" or options.to:
        raise ValueError("--resume is for files: give --out, and leave out --to")
    target = Path(options.out)
    _run.check_target(target, [], options.name, PART_SIZE)
    model = open_model(options.model)
    embedding = model.embedding(**given(options, "loading"))
    how = given(options, "encoding")
    missing = how.get("missing", "error")
    alone = target.suffix.lower() != ".parquet"

    def parts(size: int) -> Iterator[Part]:
        for columns, texts in input_batches(options, model, missing, size=size):
            advice = ", or choose another for vectors with --name"
            beside(columns, {options.name: texts}, advice)
            yield _sources.Part(texts, {} if alone else columns)

    fingerprint = {
        "reading": sorted(map(str, given(options, "reading").items())),
        "columns": sorted(map(str, given(options, "text").items())),
        "missing": missing,
    }
    if options.file != "-":
        fingerprint["source"] = _sources.of_files([Path(options.file)])
    _run.run(
        _sources.Rows(fingerprint, parts),
        target,
        _models.encoder(embedding, **how),
        columns=[],
        name=options.name,
        part_size=PART_SIZE,
        resume=True,
        show_progress=None,
    )
