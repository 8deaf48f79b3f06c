"""Texts to token ids in a graph."""

from __future__ import annotations

import numpy as np

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INTS
from sk_m2v.onnx.tokenize._parts import TextParts
from sk_m2v.onnx.tokenize._take_apart import take_apart
from sk_m2v.onnx.tokenize._token_ids import Tokens
from sk_m2v.onnx.tokenize._truncation import Ending
from sk_m2v.onnx.tokenize._word_by_word import read_words


def tokenize(
    graph: Graph, text: str, tokenizer_json: str, max_length: int | None
) -> Tokens:
    """Add the nodes that tokenize texts.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    text : str
        Strings of shape (n_texts,) or (n_texts, 1).
    tokenizer_json : str
        Contents of a ``tokenizer.json``.
    max_length : int or None
        Tokens kept of each text, before unknown ones are left out. None keeps all.

    Returns
    -------
    Tokens
        The ids that `sk_m2v.embedding.tokens._tokens.token_ids` gives.

    Raises
    ------
    ValueError
        If a component of the tokenizer has no exact graph.
    """
    parts = take_apart(tokenizer_json)
    texts = graph.op("Reshape", text, [-1])
    n_texts = graph.op("Shape", texts)
    ending = Ending(max_length, parts.model.unknown, n_texts)
    if isinstance(parts, TextParts):
        ids, counts = _read_texts(graph, parts, texts, ending)
    else:
        ids, counts = read_words(graph, parts, texts, ending)
    ends = graph.op("CumSum", counts, 0)
    return Tokens(ids, graph.op("Concat", [0], ends, axis=0))


def _read_texts(
    graph: Graph, parts: TextParts, texts: str, ending: Ending
) -> tuple[str, str]:
    """Tokens of texts that are read as a whole."""
    filled = graph.op("Not", graph.op("Equal", texts, np.array([""], dtype=object)))
    at = graph.positions(filled)

    def read(graph: Graph) -> list[str]:
        symbols = parts.reader.read(graph, graph.op("Gather", texts, at))
        pieces = parts.model.pieces(graph, symbols.words)
        string = graph.op("Gather", symbols.sources, pieces.words)
        return [*ending.finish(graph, pieces.ids, graph.op("Gather", at, string))]

    def nothing(graph: Graph) -> list[str]:
        return [at, graph.op("Expand", 0, ending.n_texts)]

    ids, counts = graph.branch(graph.some(at), read, nothing, [INTS, INTS])
    return ids, counts
