"""Send a model to the Hugging Face Hub.

    sk-m2v push runs/reviews me/reviews --private

Log in before, with `hf auth login`. What is sent are the files of the model, no data
and no configuration of a training.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import open_model


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("model", help="folder of a model or of a training")
    parser.add_argument("hub_id", metavar="OWNER/NAME", help="where to send it")
    how = parameters_of("sk_m2v.StaticClassifier.push_to_hub")
    # A token on a command line is seen by all who list processes.
    add_options(parser, how, "push", skip=("hub_id", "token"))


def run(options: Namespace) -> None:
    """Push, and print where it is."""
    estimator = open_model(options.model).estimator()
    print(estimator.push_to_hub(options.hub_id, **given(options, "push")))
