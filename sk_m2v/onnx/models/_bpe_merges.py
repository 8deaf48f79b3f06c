"""Byte pair encoding in a graph: the merges of all words at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INT, INTS
from sk_m2v.onnx.models._positions import shift

# Rounds of a stage, which puts aside the words that are done; each stage has twice as
# many. A stage costs as much as some rounds, so that with few symbols more come first.
_ROUNDS = 4
_ROUNDS_OF_FEW = 16
_FEW = 1024
# Rank and position fit into one number.
_POSITIONS = 2**40


class Merges(NamedTuple):
    """Merges of a model, in their order."""

    ranks: dict[tuple[int, int], int]  # of pairs of tokens, from 0 up
    results: list[int]  # token of each rank
    separator: int  # larger than all tokens

    @property
    def ordered(self) -> bool:
        """Whether all merges of a token come after those that make it.

        Then a merge never makes a pair that comes before it, and all pairs of a word
        that are first in rank can be merged at once.
        """
        made: dict[int, int] = {}
        for rank, token in enumerate(self.results):
            made[token] = rank
        return all(
            max(made.get(left, -1), made.get(right, -1)) < rank
            for (left, right), rank in self.ranks.items()
        )

    def find(self, graph: Graph, tokens: str) -> str:
        """Add the nodes that find the rank of each token with the next.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        tokens : str
            The tokens, int64 [S].

        Returns
        -------
        str
            The ranks: one more than the number of merges where there is none.
        """
        size = self.separator + 1
        table = {left * size + right: it for (left, right), it in self.ranks.items()}
        following = shift(graph, tokens, -1, graph.constant(self.separator))
        keys = graph.op("Add", graph.op("Mul", tokens, size), following)
        return graph.lookup(keys, table, len(self.results) + 1)


def merge(graph: Graph, merges: Merges, tokens: str, places: str) -> tuple[str, str]:
    """Add the nodes that merge tokens, first in rank first, leftmost among equals.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    merges : Merges
        The merges.
    tokens : str
        Tokens of words, with a separator before each word: int64 [S].
    places : str
        Where the tokens start, ascending but for separators: int64 [S].

    Returns
    -------
    tokens, places : str
        What is left, without separators, in any order.
    """
    none = len(merges.results)  # rank where there is no merge
    # A place for each rank, for that of no merge and for that of no pair.
    results = graph.constant(np.array([*merges.results, 0, 0]))
    ordered = merges.ordered
    repeats = ordered and any(left == right for left, right in merges.ranks)
    false = graph.constant(np.array(False))

    def best(inner: Graph, worst: str, words: str, order: str) -> str:
        # The lowest of each word, for each of its tokens. That of a word without merges
        # is less than what its tokens have, so that none of them is chosen.
        lowest = inner.op(
            "ScatterElements", worst, words, order, axis=0, reduction="min"
        )
        return inner.op("Gather", lowest, words)

    def apply(
        inner: Graph, chosen: str, tokens: str, ranks: str, *others: str
    ) -> list[str]:
        # Merge each chosen token with the next.
        merged = inner.op("Gather", results, ranks)
        tokens = inner.op("Where", chosen, merged, tokens)
        kept = inner.op("Not", shift(inner, chosen, 1, false))
        return inner.compress(kept, tokens, *others)

    def rounds(
        inner: Graph, worst: str, tokens: str, places: str, words: str, ranks: str
    ) -> list[str]:
        op = inner.op
        order = ranks
        if not ordered:
            order = op("Add", op("Mul", ranks, _POSITIONS), places)
        chosen = op("Equal", order, best(inner, worst, words, order))
        if repeats:
            # Of pairs that overlap, as in "aaaa", the leftmost; a stage does the rest.
            before = shift(inner, chosen, 1, false)
            chosen = op("And", chosen, op("Not", before))
        tokens, places, words = apply(inner, chosen, tokens, ranks, places, words)
        ranks = merges.find(inner, tokens)
        more = op("Less", op("ReduceMin", ranks, keepdims=0), none)
        return [more, tokens, places, words, ranks]

    def stage(
        inner: Graph,
        _: str,
        tokens: str,
        places: str,
        ranks: str,
        trips: str,
        done_tokens: str,
        done_places: str,
    ) -> list[str]:
        op = inner.op
        separators = op("Equal", tokens, merges.separator)
        counted = op("CumSum", op("Cast", separators, to=TensorProto.INT64), 0)
        words = op("Sub", counted, 1)
        count = op("Gather", counted, [-1])
        worst = op("Expand", none if ordered else none * _POSITIONS, count)
        if repeats:
            chosen = op("Equal", ranks, best(inner, worst, words, ranks))
            chosen = _alternate(inner, chosen)
            tokens, places, words = apply(inner, chosen, tokens, ranks, places, words)
        ranks = merges.find(inner, tokens)
        tokens, places, words, ranks = inner.loop(
            lambda body, _, *carried: rounds(body, worst, *carried),
            [tokens, places, words, ranks],
            [INTS] * 4,
            condition=op("Less", op("ReduceMin", ranks, keepdims=0), none),
            trips=trips,
        )
        lowest = best(inner, op("Expand", none, count), words, ranks)
        going = op("Less", lowest, none)
        real = op("Less", tokens, merges.separator)
        done = op("And", op("Not", going), real)
        done_tokens = op("Concat", done_tokens, *inner.compress(done, tokens), axis=0)
        done_places = op("Concat", done_places, *inner.compress(done, places), axis=0)
        kept = inner.compress(going, tokens, places, ranks)
        more = op("Greater", op("Size", kept[0]), 0)
        return [more, *kept, op("Mul", trips, 2), done_tokens, done_places]

    nothing = graph.constant(np.zeros(0, np.int64))
    size = graph.op("Size", tokens)
    few = graph.op("Less", size, _FEW)
    trips = graph.op("Where", few, _ROUNDS_OF_FEW, _ROUNDS)
    # The first stage finds the ranks.
    ranks = graph.op("Expand", none + 1, graph.op("Shape", tokens))
    *_, tokens, places = graph.loop(
        stage,
        [tokens, places, ranks, trips, nothing, nothing],
        [INTS, INTS, INTS, INT, INTS, INTS],
        condition=graph.op("Greater", size, 0),
    )
    return tokens, places


def _alternate(graph: Graph, chosen: str) -> str:
    """Of chosen pairs that overlap, as in "aaaa", every other from the left."""
    op = graph.op
    others = op("Not", chosen)
    counted = op("CumSum", op("Cast", others, to=TensorProto.INT64), 0)
    # There is always one: a separator comes first.
    last = op("Gather", graph.positions(others), op("Sub", counted, 1))
    distance = op("Sub", op("Range", 0, op("Size", chosen), 1), last)
    return op("And", chosen, op("Equal", op("Mod", distance, 2), 1))
