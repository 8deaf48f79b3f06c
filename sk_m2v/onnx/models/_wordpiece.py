"""WordPiece in a graph: from the left, the longest token that the word goes on with."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto

from sk_m2v._messages import quoted
from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._hashing import SymbolTable
from sk_m2v.onnx.graph._phrases import changes, flags
from sk_m2v.onnx.graph._subgraphs import INTS
from sk_m2v.onnx.models._word_model import GAP, Pieces, Words

_BOOL = TensorProto.BOOL
# What a table of symbols finds where there is no key.
_NOTHING = 2**32


class WordPieceModel:
    """The model of a WordPiece tokenizer, or of a WordLevel one.

    Parameters
    ----------
    model : dict
        Part ``"model"`` of a ``tokenizer.json``.
    specials : sequence of int, default=()
        Ids of tokens with symbols of their own.

    Attributes
    ----------
    symbols : dict
        Number of each character of the vocabulary, from 1 up.
    unknown_symbol : int
        Number of all other characters.
    specials : list of int
        Numbers of the symbols of `specials`.
    unknown : int
        Id of the unknown token.
    """

    def __init__(self, model: Json, specials: Sequence[int] = ()) -> None:
        vocabulary: dict[str, int] = model["vocab"]
        self.unknown = vocabulary.get(model["unk_token"])
        if self.unknown is None:
            raise ValueError(
                f"the model's unk_token {quoted(model['unk_token'])} is not in its "
                "vocabulary"
            )
        self._most = model.get("max_input_chars_per_word")
        self.symbols = {it: i for i, it in enumerate(sorted({*"".join(vocabulary)}), 1)}

        def keys(start: str) -> list[tuple[list[int], int]]:
            return [
                ([self.symbols[it] for it in token[len(start) :]], index)
                for token, index in vocabulary.items()
                if token.startswith(start) and len(token) > len(start)
            ]

        self.unknown_symbol = len(self.symbols) + 1
        self.specials = [self.unknown_symbol + 1 + i for i in range(len(specials))]
        # A token "##s" also stands for the word "##s", as in the library.
        sets = [
            keys("")
            + [([it], i) for it, i in zip(self.specials, specials, strict=True)]
        ]
        self._continues = model.get("continuing_subword_prefix") is not None
        if self._continues:
            sets.append(keys(model["continuing_subword_prefix"]))
        self._table = SymbolTable(self.unknown_symbol + 1 + len(specials), *sets)

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
            Their tokens. A word that cannot be cut is one unknown token.
        """
        codes = self._table.padded(graph, words.symbols)
        first = self._table.find(graph, codes, words.starts)
        size = graph.op("Sub", words.ends, words.starts)
        if not self._continues:
            whole = graph.op("Equal", self._table.lengths(graph, first), size)
            first = graph.op("Where", whole, first, _NOTHING)
        elif self._most is not None:
            short = graph.op("LessOrEqual", size, self._most)
            first = graph.op("Where", short, first, _NOTHING)
        # Each token is entered where it begins.
        found = graph.op("Sub", codes, codes)
        found = graph.op("ScatterElements", found, words.starts, first)
        if self._continues:
            found = self._continued(graph, words, codes, found, first)
        at = graph.positions(graph.op("Cast", found, to=_BOOL))
        ids = self._table.ids(graph, graph.op("Gather", found, at))
        gap = graph.op("Equal", words.symbols, GAP)
        number = graph.op("CumSum", graph.op("Cast", gap, to=INTS.dtype), 0)
        number = graph.op("Gather", number, at)
        return Pieces(*self._without_failed(graph, words, ids, number))

    def _continued(
        self, graph: Graph, words: Words, codes: str, found: str, first: str
    ) -> str:
        """Enter the tokens after the first, of all words side by side."""

        # Goes on behind what was found, in the words that do not end there.
        def after(graph: Graph, at: str, found: str) -> str:
            at = graph.op("Add", at, self._table.lengths(graph, found))
            more = graph.op("Cast", graph.op("Gather", words.symbols, at), to=_BOOL)
            return graph.compress(more, at)[0]

        def body(graph: Graph, _: str, at: str, found: str) -> list[str]:
            piece = self._table.find(graph, codes, at, 1)
            found = graph.op("ScatterElements", found, at, piece)
            at = after(graph, at, piece)
            return [graph.some(at), at, found]

        at = after(graph, words.starts, first)
        return graph.loop(body, [at, found], [INTS, INTS], condition=graph.some(at))[1]

    def _without_failed(
        self, graph: Graph, words: Words, ids: str, number: str
    ) -> list[str]:
        """Replace words in which nothing was found somewhere by an unknown token."""
        failed = graph.op("Less", ids, 0)

        def replaced(graph: Graph) -> list[str]:
            (lost,) = graph.compress(failed, number)
            bad = flags(graph, lost, graph.op("Shape", words.starts))
            bad = graph.op("Gather", bad, number)
            keep = graph.op("Or", changes(graph, number), graph.op("Not", bad))
            return graph.compress(
                keep, graph.op("Where", bad, self.unknown, ids), number
            )

        return graph.branch(
            graph.any(failed), replaced, lambda _: [ids, number], [INTS, INTS]
        )
