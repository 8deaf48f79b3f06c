"""Clean raw files, remove duplicates, and split them into parts.

    sk-m2v prepare reviews.csv --text review --label stars --test-size 0.2 --out parts
    sk-m2v prepare train.csv --test test.csv --out parts --to parquet
    sk-m2v prepare raw.csv --encoding utf-8 --fallback-encoding cp1252 --out parts

Written are the parts, `dropped.csv` with each row that was dropped and why, and
`report.json`. The same as a table is printed. `sk-m2v train` does the same by itself.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from sk_m2v.cli.commands._shared import add_folder, empty_folder
from sk_m2v.cli.options._arguments import add_option, add_options, given
from sk_m2v.cli.options._signatures import Parameter, parameters_of

_SEED = Parameter("random_state", "int", 0, "int", "Seed of the splits.")
_FORMATS = ("csv", "tsv", "jsonl", "parquet")
_REPORT, _DROPPED = "report.json", "dropped.csv"


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument(
        "files", nargs="+", metavar="file", help="raw tables of texts and labels"
    )
    add_folder(parser, "the parts")
    parser.add_argument(
        "--to",
        choices=_FORMATS,
        default=_FORMATS[0],
        help="format of the parts (default: %(default)s)",
    )
    parser.add_argument(
        "--no-label", action="store_true", help="there are texts alone, and no labels"
    )
    reading = parameters_of("sk_m2v.cli.running._data.read_parts")
    given_otherwise = ("train", "text_separator")
    group = parser.add_argument_group("reading")
    add_options(group, reading, "data", skip=given_otherwise)
    group = parser.add_argument_group("preparing")
    keys = parameters_of("sk_m2v.cli.preparing.prepare")
    given_otherwise_too = ("parts", "text", "label", "random_state")
    add_options(group, keys, "prepare", skip=given_otherwise_too)
    add_option(group, _SEED, "prepare")


def run(options: Namespace) -> None:
    """Prepare, and print what was dropped."""
    from sk_m2v.cli.preparing import prepare
    from sk_m2v.cli.preparing._columns import PARTS
    from sk_m2v.cli.running._data import read_parts
    from sk_m2v.cli.running._targets import (
        WITHOUT_LISTS,
        as_cells,
        read_labels,
    )
    from sk_m2v.embedding.storage._replace import write_files
    from sk_m2v.tables import Writer

    folder = empty_folder(options.out, overwrite=options.overwrite)
    data = given(options, "data")
    label = None if options.no_label else data.get("label", "label")
    parts = read_parts(options.files, **{**data, "label": label or ()})
    separator = data.get("label_separator")
    if isinstance(label, str):
        parts = read_labels(parts, label, separator)
    prepared = prepare(
        parts,
        text=data.get("text") or "text",
        label=label,
        **given(options, "prepare"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in prepared.parts.items():
        if isinstance(label, str) and options.to in WITHOUT_LISTS:
            columns = {**columns, label: as_cells(columns[label], separator)}
        with Writer(folder / f"{name}.{options.to}") as table:
            table.write(columns)
    for name in PARTS:  # of what was there before
        for suffix in _FORMATS:
            if name not in prepared.parts or suffix != options.to:
                (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    dropped = prepared.report.dropped_columns()
    with Writer(folder / _DROPPED) as table:
        table.write(dropped)
    content = json.dumps(prepared.report.to_dict(), indent=2, ensure_ascii=False)
    write_files({folder / _REPORT: f"{content}\n".encode()})
    print(prepared.report.to_text())
