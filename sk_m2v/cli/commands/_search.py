"""Find the texts nearest to a query.

    sk-m2v search "battery dies too fast" reviews.csv --text review -n 5
    sk-m2v search --queries questions.txt faq.csv --text question --out found.csv

Near is by the cosine of vectors. Written are the query, the rank, the score, the number
of the row (1 is the first), and the columns of the table.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from sk_m2v.cli.commands._shared import (
    add_model,
    add_output,
    add_text_options,
    beside,
    output,
    say_written,
)
from sk_m2v.cli.options._arguments import given
from sk_m2v.cli.running._model import open_model


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument(
        "what", nargs="+", metavar="[QUERY] FILE", help="the query, and what to search"
    )
    parser.add_argument(
        "--queries", metavar="FILE", help="table of many queries, in place of one"
    )
    parser.add_argument("-n", type=int, default=10, help="texts to find (%(default)s)")
    add_text_options(parser)
    add_output(parser, ".csv, .tsv, .jsonl, .parquet")
    add_model(parser, "the one that comes with the package")


def run(options: Namespace) -> None:
    """Search."""
    from sk_m2v.tables import read

    n_needed = 2 if options.queries is None else 1
    if len(options.what) != n_needed:
        raise ValueError(
            "give a query and a file to search, or --queries and the file: "
            'sk-m2v search "a query" texts.csv'
        )
    target = output(options, "csv")
    model = open_model(options.model)
    embedding = model.embedding()
    chosen = given(options, "text")
    columns = read(options.what[-1], **given(options, "reading"))
    texts = model.texts(columns, **chosen)
    if options.queries is None:
        queries = [options.what[0]]
    else:
        table = read(options.queries)
        queries = model.texts(table, **chosen if chosen.get("text") in table else {})
    found = embedding.nearest(queries, texts, n=min(options.n, len(texts)))
    rows = found.indices.ravel().tolist()
    n = found.indices.shape[1]
    there = {name: [values[i] for i in rows] for name, values in columns.items()}
    new = {
        "query": [query for query in queries for _ in range(n)],
        "rank": [*range(1, n + 1)] * len(queries),
        "score": [round(it, 4) for it in found.scores.ravel().tolist()],
        "row": [i + 1 for i in rows],
    }
    with target as table_out:
        table_out.write(beside(new, there))
    say_written(options.out)
