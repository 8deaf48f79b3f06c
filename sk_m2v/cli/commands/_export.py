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
from sk_m2v.cli.commands._shared import say
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import open_model


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("model", help="folder of a model or of a training, or hub id")
    parser.add_argument("target", help="file to write, .onnx")
    how = parameters_of("sk_m2v.onnx.to_onnx")
    add_options(parser, how, "export", skip=("estimator", "X"))


def run(options: Namespace) -> None:
    """Export."""
    target = Path(options.target)
    if target.suffix != ".onnx":
        raise ValueError(f"{shortened(target)} must end with .onnx")
    if not target.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {shortened(target.parent)}")
    estimator = open_model(options.model).estimator()
    from sk_m2v.onnx import save, to_onnx

    graph = to_onnx(estimator, **given(options, "export"))
    save(graph, target)
    say(f"written: {shortened(target)}, {target.stat().st_size / 1e6:.1f} MB")
