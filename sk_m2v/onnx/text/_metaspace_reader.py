"""From raw text to symbols of which a mark shows where words begin."""

from __future__ import annotations

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import changes, ends_of, segments
from sk_m2v.onnx.graph._subgraphs import INTS
from sk_m2v.onnx.models._word_model import Words
from sk_m2v.onnx.text._normalizer import Entries
from sk_m2v.onnx.text._probe import ISOLATED, SPACE
from sk_m2v.onnx.text._reader import Symbols

MARK = "\u2581"


class MetaspaceReader:
    """Reads strings as runs of characters without spaces, with a mark before each.

    Parameters
    ----------
    entries : Entries
        Normaliser and added tokens.
    unknown_symbol : int
        Number of symbols that the model does not know.
    mark : int
        Number of the mark.
    split : bool
        Whether each mark begins a word. Otherwise all text between added tokens is one.
    """

    def __init__(
        self, entries: Entries, unknown_symbol: int, mark: int, split: bool
    ) -> None:
        self._entries = entries
        self._numbers = entries.numbers(unknown_symbol)
        self._mark = mark
        self._split = split

    def read(self, graph: Graph, strings: str) -> Symbols:
        """Normalise strings, look for added tokens, and mark words.

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
        op = graph.op
        entries, kinds, sources = self._entries.read(graph, strings)
        space, alone = (op("Equal", kinds, it) for it in (SPACE, ISOLATED))
        segment = segments(graph, sources, alone)
        # A run begins behind spaces, and where a stretch of text does.
        gaps = op("CumSum", op("Cast", space, to=INTS.dtype), 0)
        shown = op("Not", space)
        entries, sources, segment, gaps, alone = graph.compress(
            shown, entries, sources, segment, gaps, alone
        )
        first = changes(graph, segment)
        begins = op("Or", first, changes(graph, gaps))
        symbols = op("Gather", self._numbers, entries)
        marked = op("Equal", symbols, self._mark)
        # Text that begins with a mark gets no other.
        bare = op("Not", op("Or", alone, op("And", first, marked)))
        adds = op("Cast", op("And", begins, bare), to=INTS.dtype)
        number = op("CumSum", adds, 0)
        index = op("Range", 0, op("Size", number), 1)
        places = op("Add", index, number)
        n_all = op("Add", op("Shape", places), op("ReduceSum", adds, [0]))
        every = op("Expand", self._mark, n_all)
        symbols = op("ScatterElements", every, places, symbols)
        starts = op("Sub", places, adds)
        if self._split:
            first = op("Or", first, op("Or", begins, marked))
        starts, sources = graph.compress(first, starts, sources)
        return Symbols(Words(symbols, starts, ends_of(graph, starts, n_all)), sources)
