"""Write a model in another layout, smaller, or cut.

    sk-m2v convert minishlab/potion-base-8M small --quantize-to int8
    sk-m2v convert mine smaller --dimensionality 128 --vocabulary-quantization 4096
    sk-m2v convert runs/reviews/model embedding --layout sentence-transformers
    sk-m2v convert runs/reviews/model pipeline --layout pipeline

What is read may be a folder of model2vec, of sentence-transformers or of this package,
or the id of a model of the Hugging Face Hub. Layout "pipeline" keeps the classifier: it
is a StaticModelPipeline of model2vec, which has no n-grams: train with --no-lexical.
The other layouts are the embedding alone.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from sk_m2v._messages import listed, shortened
from sk_m2v.cli.commands._shared import add_overwrite, empty_folder, say
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import open_model

_LAYOUTS = ("model2vec", "sentence-transformers", "pipeline")


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("source", help="folder, or id of a model of the hub")
    parser.add_argument("target", help="folder to write")
    parser.add_argument(
        "--layout",
        choices=_LAYOUTS,
        default=_LAYOUTS[0],
        help="what is written (default: %(default)s)",
    )
    add_overwrite(parser)
    loading = parameters_of("sk_m2v.StaticEmbedding.from_pretrained")
    add_options(parser, loading, "loading", skip=("path", "token"))


def run(options: Namespace) -> None:
    """Convert."""
    folder = empty_folder(options.target, overwrite=options.overwrite)
    model = open_model(options.source)
    loading = given(options, "loading")
    if options.layout == "pipeline":
        if loading:
            raise ValueError(
                "a pipeline is written as it is: leave out the options "
                f"{listed(loading)}"
            )
        predictor = model.predictor()
        if getattr(predictor, "lexical", False):
            raise ValueError(
                "a pipeline of model2vec has no n-grams of tokens, and this model has: "
                "train it with --no-lexical (train.lexical = false)"
            )
        predictor.save_pretrained(folder, layout="model2vec")
    else:
        embedding = model.embedding(**loading)
        embedding.save_pretrained(folder, layout=options.layout)
    say(f"written: {shortened(folder)}")
