"""From words of raw text to the symbols that a model reads, in a graph."""

from __future__ import annotations

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import changes, ends_of
from sk_m2v.onnx.graph._subgraphs import INTS
from sk_m2v.onnx.models._word_model import GAP, Words
from sk_m2v.onnx.text._normalizer import Entries
from sk_m2v.onnx.text._probe import ISOLATED, SPACE
from sk_m2v.onnx.text._reader import Symbols


class SymbolReader:
    """Reads strings by the tables of a tokenizer.

    Parameters
    ----------
    entries : Entries
        Normaliser and added tokens.
    unknown_symbol : int
        Number of symbols that the model does not know.
    """

    def __init__(self, entries: Entries, unknown_symbol: int) -> None:
        self._entries = entries
        self._numbers = entries.numbers(unknown_symbol)

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
        entries, kinds, sources = self._entries.read(graph, strings)
        begins = graph.op(
            "Or",
            graph.op("Equal", kinds, ISOLATED),
            graph.op("Or", changes(graph, kinds), changes(graph, sources)),
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
        ends = graph.op("Sub", ends_of(graph, starts, n_all), 1)
        return Symbols(Words(symbols, starts, ends), graph.compress(begins, sources)[0])
