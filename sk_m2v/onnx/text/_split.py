"""Texts to words and words to characters, in a graph.

The Tokenizer of onnxruntime gives each text a row of a matrix, as wide as the longest
text needs. A long text among many would make it huge, so that many texts are split in
two steps: into pages of some words, then pages into words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import filled
from sk_m2v.onnx.graph._subgraphs import INTS, Value

WORDS_IN_PAGE = 32
_CHARACTERS_IN_BLOCK = 64
# Strings that are split in one step.
_FEW = 8
_STRINGS = Value(TensorProto.STRING)
_NOTHING = np.array([""], dtype=object)


class Parts(NamedTuple):
    """Parts of strings.

    Attributes
    ----------
    strings : str
        The parts, of shape (n_parts,), none of them empty.
    sources : str
        Which string each part is from, int64 of shape (n_parts,), ascending.
    """

    strings: str
    sources: str


def split(graph: Graph, strings: str, **how: object) -> Parts:
    """Add the nodes that split strings.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    strings : str
        Strings of shape (n_strings,).
    **how
        Attributes of the Tokenizer: its expression or its separators.

    Returns
    -------
    Parts
        The matches of the expression, the longest from the left.
    """
    matrix = graph.op(
        "Tokenizer",
        strings,
        domain="com.microsoft",
        mark=0,
        mincharnum=1,
        pad_value="",
        **how,
    )
    mask = graph.op("Not", graph.op("Equal", matrix, _NOTHING))
    parts, places = filled(graph, matrix, mask)
    return Parts(parts, graph.op("Gather", places, 0, axis=0))


def words(graph: Graph, texts: str, page: str, word: str) -> Parts:
    """Add the nodes that split texts into words.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    texts : str
        Strings of shape (n_texts,).
    page, word : str
        Expressions of RE2: of about `WORDS_IN_PAGE` words, and of a word. Of all
        matches from one place, the longest counts.

    Returns
    -------
    Parts
        The words.
    """
    return _twice(graph, texts, page, tokenexp=word)


def characters(graph: Graph, strings: str) -> Parts:
    """Add the nodes that split strings into characters.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    strings : str
        Strings of shape (n_strings,).

    Returns
    -------
    Parts
        The characters.
    """
    block = f"(?s).{{1,{_CHARACTERS_IN_BLOCK}}}"
    return _twice(graph, strings, block, separators=[""])


def _twice(graph: Graph, strings: str, first: str, **second: object) -> Parts:
    def at_once(graph: Graph) -> Parts:
        return split(graph, strings, **second)

    def in_steps(graph: Graph) -> Parts:
        outer = split(graph, strings, tokenexp=first)
        inner = split(graph, outer.strings, **second)
        sources = graph.op("Gather", outer.sources, inner.sources)
        return Parts(inner.strings, sources)

    few = graph.op("LessOrEqual", graph.op("Size", strings), _FEW)
    return Parts(*graph.branch(few, at_once, in_steps, [_STRINGS, INTS]))
