"""Words of texts in the graph: what `distinct_words` is in Python.

Words are compared by a hash of 62 bits.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from sk_m2v.lexical._letters import Letters
from sk_m2v.lexical._words import LONGEST_WORD
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._hashing import BASES, powers
from sk_m2v.onnx.graph._phrases import changes, counts
from sk_m2v.onnx.tokenize._token_ids import Tokens, text_numbers

# Odd numbers of 64 bits.
_OTHER_TOKEN, _OTHER_TEXT = (int(powers(it, 1)[0]) for it in BASES)


def occurrences(graph: Graph, tokens: Tokens, letters: Letters) -> str:
    """How often the word that a token belongs to occurs in its text.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    letters : Letters
        Which tokens begin words, or end them.

    Returns
    -------
    str
        The numbers: int64, of shape (n_tokens,).
    """
    texts = text_numbers(graph, tokens)
    begins, ends = (
        graph.op("Gather", it, tokens.ids) for it in (letters.begins, letters.ends)
    )
    ended = graph.op("Pad", ends, [1, -1], np.array(False))
    is_first = graph.op("Or", changes(graph, texts), graph.op("Or", begins, ended))
    words = graph.op("Cast", is_first, to=TensorProto.INT64)
    words = graph.op("Sub", graph.op("CumSum", words, 0), 1)
    firsts = graph.positions(is_first)
    size = graph.op("Shape", firsts)
    hashes = _hashes(graph, tokens, words, firsts, size)
    # The same word in another text is another one.
    of_texts = graph.op("Mul", graph.op("Gather", texts, firsts), _OTHER_TEXT)
    hashes = graph.op("Mod", graph.op("Add", hashes, of_texts), 2**62)
    ordered, order = graph.ops("TopK", hashes, size, n_outputs=2, largest=0)
    groups = graph.op("Cast", changes(graph, ordered), to=TensorProto.INT64)
    groups = graph.op("Sub", graph.op("CumSum", groups, 0), 1)
    times = graph.op("Gather", counts(graph, groups, size), groups)
    zeros = graph.op("Expand", 0, size)
    of_words = graph.op("ScatterElements", zeros, order, times, axis=0)
    return graph.op("Gather", of_words, words)


def _hashes(graph: Graph, tokens: Tokens, words: str, firsts: str, size: str) -> str:
    """Sums of the ids of words, times powers of a large number."""
    places = graph.op("Range", 0, graph.op("Size", tokens.ids), 1)
    position = graph.op("Sub", places, graph.op("Gather", firsts, words))
    last = LONGEST_WORD - 1
    factors = graph.op(
        "Gather", powers(BASES[0], LONGEST_WORD), graph.op("Min", position, last)
    )
    # Words that are too long are no two the same.
    unique = graph.op("Mul", graph.op("Add", places, 1), _OTHER_TOKEN)
    is_late = graph.op("Greater", position, last)
    factors = graph.op("Where", is_late, unique, factors)
    terms = graph.op("Mul", graph.op("Add", tokens.ids, 1), factors)
    zeros = graph.op("Expand", 0, size)
    return graph.op("ScatterElements", zeros, words, terms, axis=0, reduction="add")
