"""Best ways to cut sequences into pieces: all sequences at once, symbol by symbol."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INT, INTS, Value

_DOUBLES = Value(TensorProto.DOUBLE)
_TABLE = Value(TensorProto.DOUBLE, (None, None))
# Symbols of a stretch, which puts aside the sequences that have ended; each stretch has
# twice as many. It costs as much as some symbols, so that with few sequences more come
# first.
_STRETCH = 4
_STRETCH_OF_FEW = 16
_FEW = 256
_END = 2**62


class Steps(NamedTuple):
    """What is best at each symbol, as names of values in a graph."""

    lengths: str  # int64 [R]: symbols of the piece that ends there, 0 = outside
    margins: str  # double [R]: how much better it is than the next best


def longest_paths(
    graph: Graph,
    scores: str,
    starts: str,
    ends: str,
    steps: Steps | None = None,
) -> Steps:
    """Add the nodes that find the pieces of highest sum of scores.

    Scores are added from the start of a sequence, in this order, and of equal sums that
    with the longest last piece wins, as in `tokenizers`.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    scores : str
        Score of the piece that ends at each symbol, -inf where there is none: double
        [R, D] for lengths D to 1. There is one of length 1 everywhere.
    starts, ends : str
        First symbol of each sequence, and that after its last: int64 [G].
    steps : Steps, optional
        What is known of symbols outside the sequences.

    Returns
    -------
    Steps
        What is best.
    """
    op = graph.op
    depth = op("Shape", scores, start=1, end=2)
    size = op("Shape", scores, start=0, end=1)
    last = op("Sub", op("Squeeze", size), 1)
    minus, zero, plus = (graph.constant(np.array(it)) for it in (-np.inf, 0.0, np.inf))

    def step(
        inner: Graph, near: str, iteration: str, sums: str, starts: str
    ) -> list[str]:
        # Sequences that have ended go on until the stretch does, for nothing.
        place = inner.op("Min", inner.op("Add", starts, iteration), last)
        ways = inner.op("Add", sums, inner.op("Gather", near, place, axis=0))
        best, column = inner.ops("TopK", ways, [2], n_outputs=2, axis=1)
        highest = inner.op("Slice", best, [0], [1], [1])
        rest = inner.op("Slice", sums, [1], [_END], [1])
        return [inner.op("Concat", rest, highest, axis=1), starts, best, column]

    def stretch(
        inner: Graph,
        _: str,
        starts: str,
        left: str,
        sums: str,
        trips: str,
        passed: str,
        places: str,
        lengths: str,
        margins: str,
    ) -> list[str]:
        op = inner.op
        rounds = op("Min", trips, op("ReduceMax", left, keepdims=0))
        # No piece is longer than what there will be of a sequence. One place more keeps
        # its start for the next stretch.
        passed = op("Add", passed, trips)
        width = op("Min", depth, op("Add", passed, 1))
        near = op("Slice", scores, op("Neg", width), [_END], [1])
        more = op("Sub", width, op("Shape", sums, start=1, end=2))
        more = op("Concat", op("Shape", starts), more, axis=0)
        sums = op("Concat", op("Expand", minus, more), sums, axis=1)
        sums, _, best, column = inner.loop(
            lambda body, *carried: step(body, near, *carried),
            [sums, starts],
            [_TABLE, INTS],
            trips=rounds,
            scanned=[_TABLE, Value(TensorProto.INT64, (None, None))],
        )
        steps = op("Unsqueeze", op("Range", 0, rounds, 1), [1])
        counts = op("Reshape", op("Less", steps, left), [-1])
        margin = op("Sub", op("Gather", best, 0, axis=2), op("Gather", best, 1, axis=2))
        length = op("Sub", width, op("Gather", column, 0, axis=2))
        found = [op("Add", steps, starts), length, margin]
        found = [op("Compress", it, counts) for it in found]
        lists = [
            op("Concat", *pair, axis=0)
            for pair in zip([places, lengths, margins], found, strict=True)
        ]
        starts, left = op("Add", starts, rounds), op("Sub", left, rounds)
        going = op("Greater", left, 0)
        kept = inner.compress(going, starts, left, sums)
        some = op("Greater", op("Size", kept[0]), 0)
        return [some, *kept, op("Mul", trips, 2), passed, *lists]

    few = op("Less", op("Size", starts), _FEW)
    nothing = graph.constant(np.zeros(0, np.int64))
    carried = [
        starts,
        op("Sub", ends, starts),
        # Sums up to the places before a symbol: 0 at the start of a sequence.
        op("Expand", zero, op("Concat", op("Shape", starts), [1], axis=0)),
        op("Where", few, _STRETCH_OF_FEW, _STRETCH),
        graph.constant([0]),
        nothing,
        nothing,
        graph.constant(np.zeros(0)),
    ]
    *_, places, lengths, margins = graph.loop(
        stretch,
        carried,
        [INTS, INTS, _TABLE, INT, INTS, INTS, INTS, _DOUBLES],
        condition=op("Greater", op("Size", starts), 0),
    )
    if steps is None:
        steps = Steps(op("Expand", [0], size), op("Expand", plus, size))
    return Steps(
        op("ScatterElements", steps.lengths, places, lengths, axis=0),
        op("ScatterElements", steps.margins, places, margins, axis=0),
    )
