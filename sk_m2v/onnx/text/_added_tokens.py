"""Added tokens: found in a text before the model sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._hashing import SymbolTable
from sk_m2v.onnx.graph._phrases import counts
from sk_m2v.onnx.graph._subgraphs import INTS, Value

_BOOL = TensorProto.BOOL
_FLAGS = Value(_BOOL)


class Added(NamedTuple):
    """A token to look for.

    Attributes
    ----------
    codes : tuple of int
        What to look for.
    code : int
        What takes its place.
    single_word : bool
        Whether no part of a word may be next to it.
    lstrip, rstrip : bool
        Whether it takes the whitespace before and after it.
    """

    codes: tuple[int, ...]
    code: int
    single_word: bool
    lstrip: bool = False
    rstrip: bool = False


class AddedTokens:
    """Puts one code where a sequence of codes is that of an added token.

    Of several that begin at the same place, the longest is found, and none that
    overlaps one to its left.

    Parameters
    ----------
    n_codes : int
        Codes are below this.
    tokens : sequence of Added
        The tokens.
    nothing : int
        The code that takes the place of all of a token but its beginning.

    Attributes
    ----------
    single : ndarray of shape (n_tokens,), dtype bool
        Which of the tokens must be whole words.
    strips : bool
        Whether some take whitespace around them.
    """

    def __init__(
        self,
        n_codes: int,
        tokens: Sequence[Added],
        nothing: int,
    ) -> None:
        self._nothing = nothing
        self._table = SymbolTable(
            n_codes, [(it.codes, i) for i, it in enumerate(tokens)]
        )
        self._codes = np.array([it.code for it in tokens], np.int64)
        self.single = np.array([it.single_word for it in tokens])
        self._left = np.array([it.lstrip for it in tokens])
        self._right = np.array([it.rstrip for it in tokens])
        self.strips = bool(self._left.any() or self._right.any())
        self._begins = np.zeros(n_codes, bool)
        self._begins[[it.codes[0] for it in tokens]] = True
        self._overlap = any(
            a.codes[i:] == b.codes[: len(a.codes) - i]
            or a.codes[i : i + len(b.codes)] == b.codes
            for a in tokens
            for b in tokens
            for i in range(1, len(a.codes))
        )

    def replace(
        self,
        graph: Graph,
        codes: str,
        sources: str,
        is_word: str = "",
        spaces: str = "",
    ) -> str:
        """Add the nodes that look for the tokens.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        codes : str
            Codes, int64 of shape (n_codes,).
        sources : str
            Text that each code is from, int64 of shape (n_codes,), ascending.
        is_word : str, default=""
            Whether each code is part of a word. Needed for those of `single_word`.
        spaces : str, default=""
            Whether each code is whitespace. Not needed where that is of no account.

        Returns
        -------
        str
            The codes with those of the tokens in their places.
        """
        candidates = graph.positions(graph.op("Gather", self._begins, codes))

        def replaced(graph: Graph) -> list[str]:
            at, size, token, bounds = self._found(graph, codes, sources, candidates)
            if self.single.any():
                keep = self._apart(graph, is_word, sources, at, size, token)
                at, size, token = graph.compress(keep, at, size, token)
            bounds = [graph.op("Gather", it, at) for it in bounds]
            end = graph.op("Add", at, size)
            if spaces and self.strips:
                at, end = self._stripped(graph, spaces, at, end, token, bounds)
            return [self._entered(graph, codes, at, end, token)]

        return graph.branch(
            graph.some(candidates), replaced, lambda _: [codes], [INTS]
        )[0]

    def _found(
        self, graph: Graph, codes: str, sources: str, at: str
    ) -> tuple[str, str, str, list[str]]:
        """Places, sizes and tokens; and where the text of each code begins and ends."""
        last = graph.op("ReduceMax", sources, [0])
        sizes = counts(graph, sources, graph.op("Add", last, 1))
        ends = graph.op("CumSum", sizes, 0)
        bounds = [
            graph.op("Gather", it, sources)
            for it in (graph.op("Sub", ends, sizes), ends)
        ]
        padded = self._table.padded(graph, codes)
        end = graph.op("Gather", bounds[1], at)
        found = self._table.find(graph, padded, at, ends=end)
        token, size = self._table.ids(graph, found), self._table.lengths(graph, found)
        there = graph.op("GreaterOrEqual", token, 0)
        at, size, token = graph.compress(there, at, size, token)
        if self._overlap:
            keep = self._leftmost(graph, at, size)
            at, size, token = graph.compress(keep, at, size, token)
        return at, size, token, bounds

    def _entered(self, graph: Graph, codes: str, at: str, end: str, token: str) -> str:
        """Codes with those of tokens from some places to others."""
        one = graph.op("Expand", 1, graph.op("Shape", at))
        steps = graph.op("Expand", 0, graph.op("Add", graph.op("Shape", codes), 1))
        for places, step in ((at, one), (end, graph.op("Neg", one))):
            steps = graph.op("ScatterElements", steps, places, step, reduction="add")
        inside = graph.op("CumSum", graph.op("Slice", steps, [0], [-1]), 0)
        inside = graph.op("Cast", inside, to=_BOOL)
        codes = graph.op("Where", inside, self._nothing, codes)
        return graph.op(
            "ScatterElements", codes, at, graph.op("Gather", self._codes, token)
        )

    def _stripped(
        self,
        graph: Graph,
        spaces: str,
        at: str,
        end: str,
        token: str,
        bounds: Sequence[str],
    ) -> tuple[str, str]:
        """Places of tokens with the whitespace around them, where they take it."""
        others = graph.op("Not", spaces)
        places = graph.positions(others)
        before = graph.op("CumSum", graph.op("Cast", others, to=INTS.dtype), 0)
        before = graph.op("Concat", [0], before, axis=0)
        ends = graph.op("Concat", [-1], places, graph.op("Shape", spaces), axis=0)
        last = graph.op("Gather", ends, graph.op("Gather", before, at))
        first = graph.op("Max", graph.op("Add", last, 1), bounds[0])
        following = graph.op("Add", graph.op("Gather", before, end), 1)
        following = graph.op("Min", graph.op("Gather", ends, following), bounds[1])
        left, right = (
            graph.op("Gather", it, token) for it in (self._left, self._right)
        )
        end = graph.op("Where", right, following, end)
        if self._right.any():
            # Of whitespace between two tokens that both take it, the first has it all.
            taken = graph.op("Concat", [0], graph.op("Slice", end, [0], [-1]), axis=0)
            first = graph.op("Max", first, taken)
        at = graph.op("Where", left, first, at)
        # A token that is whitespace is found in what the one before has taken, too, and
        # text goes on behind it.
        later = graph.op("Slice", at, [1], [2**62])
        end = graph.op("Min", end, graph.op("Concat", later, [2**62], axis=0))
        return at, end

    def _leftmost(self, graph: Graph, at: str, size: str) -> str:
        """Mask of the occurrences that overlap none to their left that is kept."""
        ends = graph.op("Add", at, size)

        def body(graph: Graph, _: str, index: str, keep: str) -> list[str]:
            true = graph.op("Equal", index, index)
            keep = graph.op("ScatterElements", keep, index, true)
            begun = graph.op("Less", at, graph.op("Gather", ends, index))
            index = graph.op("ReduceSum", graph.op("Cast", begun, to=7), [0])
            more = graph.op("Less", index, graph.op("Size", at))
            return [graph.op("Squeeze", more), index, keep]

        none = graph.op("Less", at, 0)
        some = graph.some(at)
        zero = graph.constant([0])
        return graph.loop(body, [zero, none], [INTS, _FLAGS], condition=some)[1]

    def _apart(
        self, graph: Graph, is_word: str, sources: str, at: str, size: str, token: str
    ) -> str:
        """Mask of the occurrences that are no part of a longer word, if they must."""
        false, outside = np.array([False]), [-1]
        source = graph.op("Gather", sources, at)

        def is_word_at(flags: str, places: str, texts: str) -> str:
            same = graph.op("Equal", graph.op("Gather", texts, places), source)
            return graph.op("And", graph.op("Gather", flags, places), same)

        left = is_word_at(
            graph.op("Concat", false, is_word, axis=0),
            at,
            graph.op("Concat", outside, sources, axis=0),
        )
        right = is_word_at(
            graph.op("Concat", is_word, false, axis=0),
            graph.op("Add", at, size),
            graph.op("Concat", sources, outside, axis=0),
        )
        inside = graph.op("Or", left, right)
        single = graph.op("Gather", self.single, token)
        return graph.op("Not", graph.op("And", inside, single))
