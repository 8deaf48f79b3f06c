"""Texts to words and words to characters, in a graph.

The Tokenizer of onnxruntime gives each text a row of a matrix, as wide as the longest
text needs. A long text among short ones would make it huge, so that texts are split in
two steps: into pages of some words, then pages into words.
"""

from __future__ import annotations

import numpy as np

from sk_m2v.onnx._graph import Graph

WORDS_IN_PAGE = 32
_CHARACTERS_IN_BLOCK = 64
_NOTHING = np.array([""], dtype=object)


class Parts:
    """Parts of strings.

    Parameters
    ----------
    graph : Graph
        Where the nodes are.
    matrix, filled : str
        Strings of shape (n_strings, n_parts), and where they are not empty.
    outer : Parts, optional
        The parts of which these are parts.

    Attributes
    ----------
    strings : str
        The parts, of shape (n_parts,), none of them empty.
    """

    def __init__(
        self, graph: Graph, matrix: str, filled: str, outer: Parts | None = None
    ) -> None:
        self._filled = filled
        self._outer = outer
        places = graph.op("Transpose", filled, perm=[1, 0])
        self.strings = graph.op("GatherND", matrix, places)

    def sources(self, graph: Graph) -> str:
        """Which string each part is from, int64 of shape (n_parts,), ascending.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes: they are only needed where the result is.

        Returns
        -------
        str
            The indices.
        """
        rows = graph.op("Gather", self._filled, 0, axis=0)
        if self._outer is None:
            return rows
        return graph.op("Gather", self._outer.sources(graph), rows)


def split(
    graph: Graph, strings: str, outer: Parts | None = None, **how: object
) -> Parts:
    """Add the nodes that split strings.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    strings : str
        Strings of shape (n_strings,).
    outer : Parts, optional
        What the strings are parts of.
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
    filled = graph.op("NonZero", graph.op("Not", graph.op("Equal", matrix, _NOTHING)))
    return Parts(graph, matrix, filled, outer)


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
    outer = split(graph, strings, tokenexp=first)
    return split(graph, outer.strings, outer, **second)
