"""Which word each symbol is in, and other small phrases of word models in graphs."""

from __future__ import annotations

from typing import NamedTuple

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import counts
from sk_m2v.onnx.models._word_model import Words


class Places(NamedTuple):
    """Where symbols are, as names of values in a graph. One more symbol ends them."""

    symbols: str  # int64 [P + 1]: those of the words, then a 0
    positions: str  # int64 [P + 1]: 0 to P
    starts: str  # int64 [W + 1]: those of the words after an empty word
    ends: str  # int64 [W + 1]
    words: str  # int64 [P + 1]: word of each symbol or before it, from 1 up
    inside: str  # bool [P + 1]: whether the symbol is part of its word
    first: str  # bool [P + 1]: whether it is the first one
    last: str  # bool [P + 1]: whether it is the last one


def places(graph: Graph, words: Words) -> Places:
    """Add the nodes that find out which word each symbol is in.

    The empty word in front and the symbol at the end spare all that follows the case
    that there is nothing, which many operators refuse.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    words : Words
        The words.

    Returns
    -------
    Places
        The symbols.
    """
    op = graph.op
    symbols = op("Concat", words.symbols, [0], axis=0)
    starts = op("Concat", [0], words.starts, axis=0)
    ends = op("Concat", [0], words.ends, axis=0)
    positions = op("Range", 0, op("Size", symbols), 1)
    # Empty words share their start with what follows: of several, the last one counts.
    begun = counts(graph, starts, op("Shape", symbols))
    word = op("Sub", op("CumSum", begun, 0), 1)
    end = op("Gather", ends, word)
    inside = op("Less", positions, end)
    first = op("And", inside, op("Equal", positions, op("Gather", starts, word)))
    last = op("Equal", op("Add", positions, 1), end)
    return Places(symbols, positions, starts, ends, word, inside, first, last)


def shift(graph: Graph, values: str, by: int, fill: str) -> str:
    """Move elements of a value of shape (n,) to the right, or to the left if negative.

    Parameters
    ----------
    graph : Graph
        Where to add the node.
    values : str
        The value.
    by : int
        Where the first element goes.
    fill : str
        What comes in.

    Returns
    -------
    str
        Value of the same shape.
    """
    return graph.op("Pad", values, [by, -by], fill)
