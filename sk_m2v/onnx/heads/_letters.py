"""The letters that tokens stand for, in the graph: what `Letters` is in Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_m2v.lexical._letters import Letters
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.tokenize._token_ids import Tokens, text_numbers


def letters(
    graph: Graph, tokens: Tokens, table: Letters, values: str, edge: Any
) -> tuple[Tokens, str]:
    """Letters of texts, with a boundary before and behind each text.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    table : Letters
        The letters of each token.
    values : str
        Values of the tokens, of shape (n_tokens,).
    edge : scalar of their type
        Value of a boundary before or behind a text.

    Returns
    -------
    letters : Tokens
        The letters.
    values : str
        Values of the tokens they belong to, of shape (n_letters,).
    """
    places, offsets = _inside(graph, tokens)
    size = graph.op("Slice", offsets, [-1], [2**62])

    def edged(values: str, edge: Any) -> str:
        edges = graph.op("Expand", edge, size)
        return graph.op("ScatterElements", edges, places, values, axis=0)

    ids = edged(tokens.ids, table.bounds.size - 2)
    lengths = graph.op("Gather", np.diff(table.bounds), ids)
    bounds = graph.op("Concat", [0], graph.op("CumSum", lengths, 0), axis=0)
    n_letters = graph.op("Slice", bounds, [-1], [2**62])
    at = graph.op("Range", 0, graph.op("Squeeze", n_letters, [0]), 1)
    # Letters are to tokens what tokens are to texts.
    owners = text_numbers(graph, Tokens(at, bounds))
    starts = graph.op("Gather", table.bounds[:-1], ids)
    # From the place among all letters to that in the table.
    shifts = graph.op("Sub", starts, graph.op("Slice", bounds, [0], [-1]))
    at = graph.op("Add", at, graph.op("Gather", shifts, owners))
    numbers = graph.op("Gather", table.numbers, at)
    found = Tokens(numbers, graph.op("Gather", bounds, offsets))
    return found, graph.op("Gather", edged(values, edge), owners)


def _inside(graph: Graph, tokens: Tokens) -> tuple[str, str]:
    """Places of tokens, and offsets, where texts have one more token on both sides."""
    texts = text_numbers(graph, tokens)
    n_tokens = graph.op("Size", tokens.ids)
    before = graph.op("Add", graph.op("Mul", texts, 2), 1)
    places = graph.op("Add", graph.op("Range", 0, n_tokens, 1), before)
    numbers = graph.op("Range", 0, graph.op("Size", tokens.offsets), 1)
    return places, graph.op("Add", tokens.offsets, graph.op("Mul", numbers, 2))
