"""What stands between the parts of a tokenizer graph: symbols, words and pieces."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sk_m2v.onnx.graph._builder import Graph

# Number of what stands between words.
GAP = 0


class Words(NamedTuple):
    """Words of texts, as names of values in a graph."""

    symbols: str  # int64 [P]: number of each symbol, 0 = not in the alphabet
    starts: str  # int64 [W]: position of each word's first symbol, ascending
    ends: str  # int64 [W]: position after its last; words do not overlap


class Pieces(NamedTuple):
    """Tokens of words, as names of values in a graph."""

    ids: str  # int64 [Q]: token ids, in the order of the texts
    words: str  # int64 [Q]: index of the word of each, ascending


class WordModel(Protocol):
    """Model of a tokenizer: splits words into tokens."""

    symbols: dict[str, int]  # number of each symbol, from 1 up
    unknown_symbol: int  # number of all others
    specials: list[int]  # numbers of the symbols that are tokens as they stand
    unknown: int | None  # id of the unknown token

    def pieces(self, graph: Graph, words: Words) -> Pieces:
        """Add the nodes that cut words into tokens.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        words : Words
            The words.

        Returns
        -------
        Pieces
            Their tokens.
        """
        ...
