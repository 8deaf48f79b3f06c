"""Added tokens: found in a text before the model sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v.onnx._graph import INTS, Graph, Value
from sk_m2v.onnx._hashing import SymbolTable

_FLAGS = Value(9)  # BOOL


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
    """

    codes: tuple[int, ...]
    code: int
    single_word: bool


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
    is_word : ndarray of shape (n_codes,), dtype bool
        Which codes are parts of words.
    """

    def __init__(
        self,
        n_codes: int,
        tokens: Sequence[Added],
        nothing: int,
        is_word: npt.NDArray[np.bool_],
    ) -> None:
        self._nothing = nothing
        self._is_word = is_word
        self._table = SymbolTable(
            n_codes, [(it.codes, i) for i, it in enumerate(tokens)]
        )
        self._codes = np.array([it.code for it in tokens], np.int64)
        self._single = np.array([it.single_word for it in tokens])
        self._begins = np.zeros(n_codes, bool)
        self._begins[[it.codes[0] for it in tokens]] = True
        self._overlap = any(
            a.codes[i:] == b.codes[: len(a.codes) - i]
            or a.codes[i : i + len(b.codes)] == b.codes
            for a in tokens
            for b in tokens
            for i in range(1, len(a.codes))
        )

    def replace(self, graph: Graph, codes: str, sources: str) -> str:
        """Add the nodes that look for the tokens.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        codes : str
            Codes, int64 of shape (n_codes,).
        sources : str
            Text that each code is from, int64 of shape (n_codes,), ascending.

        Returns
        -------
        str
            The codes with those of the tokens in their places.
        """
        candidates = graph.positions(graph.op("Gather", self._begins, codes))
        some = graph.some(candidates)
        (replaced,) = graph.branch(
            some,
            lambda inner: [self._replaced(inner, codes, sources, candidates)],
            lambda _: [codes],
            [INTS],
        )
        return replaced

    def _replaced(self, graph: Graph, codes: str, sources: str, at: str) -> str:
        source = graph.op("Gather", sources, at)
        last = graph.op("ReduceMax", sources, [0])
        sizes = graph.op(
            "ScatterElements",
            graph.op("Expand", 0, graph.op("Add", last, 1)),
            sources,
            graph.op("Expand", 1, graph.op("Shape", sources)),
            reduction="add",
        )
        ends = graph.op("Gather", graph.op("CumSum", sizes, 0), source)
        padded = self._table.padded(graph, codes)
        found = self._table.find(graph, padded, at, ends=ends)
        token, size = self._table.ids(graph, found), self._table.lengths(graph, found)
        there = graph.op("GreaterOrEqual", token, 0)
        at, size, token = graph.compress(there, at, size, token)
        if self._overlap:
            keep = self._leftmost(graph, at, size)
            at, size, token = graph.compress(keep, at, size, token)
        if self._single.any():
            keep = self._apart(graph, codes, sources, at, size, token)
            at, size, token = graph.compress(keep, at, size, token)
        steps = np.arange(self._table.longest)
        covered = graph.op("Less", steps, graph.op("Unsqueeze", size, [1]))
        places = graph.op("Add", graph.op("Unsqueeze", at, [1]), steps)
        places, covered = (graph.op("Reshape", it, [-1]) for it in (places, covered))
        (places,) = graph.compress(covered, places)
        nothing = graph.op("Expand", self._nothing, graph.op("Shape", places))
        codes = graph.op("ScatterElements", codes, places, nothing)
        return graph.op(
            "ScatterElements", codes, at, graph.op("Gather", self._codes, token)
        )

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
        self, graph: Graph, codes: str, sources: str, at: str, size: str, token: str
    ) -> str:
        """Mask of the occurrences that are no part of a longer word, if they must."""
        false, outside = np.array([False]), [-1]
        is_word = graph.op("Gather", self._is_word, codes)
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
        single = graph.op("Gather", self._single, token)
        return graph.op("Not", graph.op("And", inside, single))
