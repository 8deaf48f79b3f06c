"""What reads words of raw text: normaliser, added tokens and pre-tokenizer in one."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

import numpy as np

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.models._word_model import GAP, Words
from sk_m2v.onnx.text._split import characters


class Symbols(NamedTuple):
    """Words, and the string that each is from.

    Attributes
    ----------
    words : Words
        The words, with a gap after each.
    sources : str
        int64 of shape (n_words,), ascending: index of the string.
    """

    words: Words
    sources: str

    @classmethod
    def one_each(cls, graph: Graph, symbols: str) -> Self:
        """Read symbols as one word a string.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        symbols : str
            The symbols of all strings, with a gap after each string.

        Returns
        -------
        Symbols
            The words.
        """
        ends = graph.positions(graph.op("Equal", symbols, GAP))
        before = graph.op("Slice", ends, [0], [-1])
        starts = graph.op("Concat", [0], graph.op("Add", before, 1), axis=0)
        strings = graph.op("Range", 0, graph.op("Size", ends), 1)
        return cls(Words(symbols, starts, ends), strings)


class Reader(Protocol):
    """Reads strings as the words of a model."""

    def read(self, graph: Graph, strings: str) -> Symbols:
        """Add the nodes that read strings.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        strings : str
            Strings of shape (n_strings,), none of them empty.

        Returns
        -------
        Symbols
            The words; a string may have none, or several.
        """
        ...


class PlainWords(NamedTuple):
    """Words of raw text that are words of a model, character by character.

    Nearly all words are. They need no normaliser, and no look at their neighbours.

    Attributes
    ----------
    symbols : dict
        Symbol of each character that such words have.
    end : str
        Character that no such word has.
    several : str
        Expression of RE2 of strings of such characters that are several words.
    """

    symbols: dict[str, int]
    end: str
    several: str = ""

    def read(self, graph: Graph, strings: str) -> tuple[str, str]:
        """Add the nodes that read strings as they stand.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        strings : str
            Strings of shape (n_strings,), none of them empty.

        Returns
        -------
        symbols : str
            For `Symbols.one_each`.
        others : str
            Whether there are other words among the strings, a boolean: then the symbols
            are wrong.
        """
        end = np.array([self.end], dtype=object)
        letters = characters(graph, graph.op("StringConcat", strings, end)).strings
        symbols = graph.lookup(letters, {**self.symbols, self.end: GAP}, -1)
        others = graph.any(graph.op("Less", symbols, 0))
        if self.several:
            match = graph.op("RegexFullMatch", strings, pattern=self.several)
            others = graph.op("Or", others, graph.any(match))
        return symbols, others
