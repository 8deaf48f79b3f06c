"""Export a model to ONNX.

    sk-m2v export runs/reviews model.onnx
    sk-m2v export runs/reviews model.onnx --precision float16

The graph takes texts and returns labels, and probabilities where there are some; of an
embedding it returns vectors. It is run and compared before it is written.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from sk_m2v._messages import shortened
from sk_m2v.cli.commands._shared import say_written
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import open_model


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("model", help="folder of a model or of a training, or hub id")
    parser.add_argument(
        "target", help="file to write, .onnx; for --variant ids or padded a folder"
    )
    how = parameters_of("sk_m2v.onnx.to_onnx")
    add_options(parser, how, "export", skip=("estimator", "X"))


def run(options: Namespace) -> None:
    """Export."""
    target = Path(options.target)
    how = given(options, "export")
    # Of a variant that takes token ids it is a folder, with the tokenizer.
    is_file = how.get("variant", "text") == "text"
    if is_file != (target.suffix == ".onnx"):
        must = "a file, whose name ends with .onnx" if is_file else "a folder"
        raise ValueError(f"{shortened(target)}: what is written is {must}")
    if not target.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {shortened(target.parent)}")
    estimator = open_model(options.model).estimator()
    from sk_m2v.onnx import save, to_onnx

    graph = to_onnx(estimator, **how)
    save(graph, target)
    say_written(options.target)
