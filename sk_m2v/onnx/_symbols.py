"""From words of raw text to the symbols that a model reads, in a graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from sk_m2v.onnx._added import AddedTokens
from sk_m2v.onnx._characters import CharacterTable
from sk_m2v.onnx._graph import INTS, Graph
from sk_m2v.onnx._probe import ISOLATED, SPACE
from sk_m2v.onnx._split import characters
from sk_m2v.onnx._words import GAP, Words

# Ends each string, so that words can be told apart. Strings that are read as they stand
# hold no space.
_END = np.array([" "], dtype=object)


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


class SymbolReader:
    """Reads strings by the tables of a tokenizer.

    Parameters
    ----------
    table : CharacterTable
        What becomes of characters.
    unknown_symbol : int
        Number of symbols that the model does not know.
    plain : dict
        Symbol of each character that needs nothing else, of which words can be made as
        they stand.
    raw : AddedTokens or None
        Tokens to look for among rows, before normalisation.
    normal : AddedTokens or None
        Tokens to look for among entries, after it.
    """

    def __init__(
        self,
        table: CharacterTable,
        unknown_symbol: int,
        plain: dict[str, int],
        raw: AddedTokens | None,
        normal: AddedTokens | None,
    ) -> None:
        self._table = table
        unknown = (table.numbers == GAP) & (table.kinds != SPACE)
        self._numbers = np.where(unknown, unknown_symbol, table.numbers)
        self._plain = {**plain, " ": GAP}
        self._raw = raw
        self._normal = normal

    def plain(self, graph: Graph, strings: str) -> tuple[str, str]:
        """Symbols of strings that are words as they stand.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        strings : str
            Strings of shape (n_strings,), none of them empty, without spaces.

        Returns
        -------
        symbols : str
            For `plain_words`. Some are negative if a string must be read by `read`.
        all_plain : str
            Whether none must, a boolean.
        """
        letters = characters(graph, graph.op("StringConcat", strings, _END)).strings
        symbols = _encode(graph, letters, self._plain, -1)
        return symbols, graph.any(graph.op("Less", symbols, 0))

    def plain_words(self, graph: Graph, symbols: str) -> Symbols:
        """Words of the symbols of `plain`: one word a string.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        symbols : str
            The symbols.

        Returns
        -------
        Symbols
            The words.
        """
        ends = graph.positions(graph.op("Equal", symbols, GAP))
        before = graph.op("Slice", ends, [0], [-1])
        starts = graph.op("Concat", [0], graph.op("Add", before, 1), axis=0)
        strings = graph.op("Range", 0, graph.op("Size", ends), 1)
        return Symbols(Words(symbols, starts, ends), strings)

    def read(self, graph: Graph, strings: str) -> Symbols:
        """Normalise strings, look for added tokens, and cut words.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        strings : str
            Strings of shape (n_strings,), none of them empty.

        Returns
        -------
        Symbols
            The words; a string may have none, or several.
        """
        parts = characters(graph, strings)
        sources = parts.sources(graph)
        rows = self._rows(graph, parts.strings)
        if self._raw is not None:
            rows = self._raw.replace(graph, rows, sources)
        table = graph.op("Gather", self._table.rows, rows)
        filled = graph.op("NonZero", table)
        entries = graph.op(
            "GatherND", table, graph.op("Transpose", filled, perm=[1, 0])
        )
        sources = graph.op("Gather", sources, graph.op("Gather", filled, 0, axis=0))
        if self._normal is not None:
            entries = self._normal.replace(graph, entries, sources)
            entries, sources = graph.compress(
                graph.op("Cast", entries, to=TensorProto.BOOL), entries, sources
            )
        kinds = graph.op("Gather", self._table.kinds, entries)
        begins = graph.op(
            "Or",
            graph.op("Equal", kinds, ISOLATED),
            graph.op("Or", _changes(graph, kinds), _changes(graph, sources)),
        )
        # Spaces go, and each word gets a gap behind it.
        shown = graph.op("Not", graph.op("Equal", kinds, SPACE))
        begins, entries, sources = graph.compress(shown, begins, entries, sources)
        number = graph.op("CumSum", graph.op("Cast", begins, to=INTS.dtype), 0)
        index = graph.op("Range", 0, graph.op("Size", number), 1)
        places = graph.op("Sub", graph.op("Add", index, number), 1)
        (starts,) = graph.compress(begins, places)
        n_all = graph.op("Add", graph.op("Shape", places), graph.op("Shape", starts))
        symbols = graph.op(
            "ScatterElements",
            graph.op("Expand", GAP, n_all),
            places,
            graph.op("Gather", self._numbers, entries),
        )
        after = graph.op("Sub", graph.op("Slice", starts, [1], [2**62]), 1)
        last = graph.op(
            "Slice", graph.op("Sub", n_all, 1), [0], graph.op("Shape", starts)
        )
        ends = graph.op("Concat", after, last, axis=0)
        return Symbols(Words(symbols, starts, ends), graph.compress(begins, sources)[0])

    def _rows(self, graph: Graph, letters: str) -> str:
        """Row of each character: its own, or that of its kind."""
        table = self._table
        simple = _encode(graph, letters, table.simple, 0)
        own = _encode(graph, letters, table.others, 0)
        rows = graph.op("Where", graph.op("Greater", own, 0), own, simple)
        if not table.patterns:
            return rows

        def by_pattern(graph: Graph) -> list[str]:
            at = graph.positions(graph.op("Equal", rows, 0))
            rare = graph.op("Gather", letters, at)
            found = graph.op("Mul", at, 0)
            for pattern, row in table.patterns:
                match = graph.op("RegexFullMatch", rare, pattern=pattern)
                found = graph.op("Where", match, row, found)
            return [graph.op("ScatterElements", rows, at, found)]

        some = graph.any(graph.op("Equal", rows, 0))
        return graph.branch(some, by_pattern, lambda _: [rows], [INTS])[0]


def _encode(graph: Graph, strings: str, table: dict[str, int], default: int) -> str:
    return graph.op(
        "LabelEncoder",
        strings,
        domain="ai.onnx.ml",
        keys_strings=[*table],
        values_int64s=[*table.values()],
        default_int64=default,
    )


def _changes(graph: Graph, values: str) -> str:
    """Where a value is not the one before it; true at the beginning."""
    before = graph.op("Concat", [-1], values, axis=0)
    before = graph.op("Slice", before, [0], graph.op("Shape", values))
    return graph.op("Not", graph.op("Equal", values, before))
