"""Unigram model: the most probable pieces of words or of whole texts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from onnx import TensorProto

from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INT, INTS, Value
from sk_m2v.onnx.models._positions import Places, places, shift
from sk_m2v.onnx.models._viterbi import Steps, longest_paths
from sk_m2v.onnx.models._word_model import Pieces, Words

# What `tokenizers` takes off the lowest score, for a character without a piece.
_UNKNOWN_PENALTY = 10.0
# The node of the tree that leads nowhere.
_DEAD = 0


class UnigramModel:
    """Unigram model, exactly as `tokenizers` computes it.

    Words are cut where no piece can reach across, and their parts are solved at once,
    each as if it were alone. But sums of scores are rounded, which depends on all that
    comes before. So where the two best ways are as close as that, the whole word is
    solved again from its start.

    Parameters
    ----------
    model : dict
        Part "model" of what ``Tokenizer.to_str`` gives. Scores that `tokenizers` reads
        from a file may differ in the last digit from those that Python reads.
    specials : sequence of int, default=()
        Ids of tokens with symbols of their own, each of which is a word.

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

    Raises
    ------
    ValueError
        If the model does what the graph cannot.
    """

    def __init__(self, model: Json, specials: Sequence[int] = ()) -> None:
        if model.get("byte_fallback"):
            raise ValueError("a Unigram model with byte_fallback has no exact graph")
        if model.get("unk_id") is None:
            raise ValueError("a Unigram model without unk_id has no exact graph")
        entries: list[tuple[str, float]] = [(it[0], it[1]) for it in model["vocab"]]
        self.unknown: int | None = int(model["unk_id"])
        unknown = int(model["unk_id"])
        # Of equal entries the last one counts.
        ids = {piece: index for index, (piece, _) in enumerate(entries) if piece}
        unknown_score = min(score for _, score in entries) - _UNKNOWN_PENALTY
        if unknown_score > 0 or entries[unknown][1] > 0:
            # Two unknown characters could then beat a piece that spells both.
            raise ValueError("a Unigram model with positive scores has no exact graph")
        if entries[unknown][0] * 2 in "\0".join(ids):
            raise ValueError(
                "a Unigram model with a piece that repeats its unknown token has no "
                "exact graph"
            )
        characters = sorted({it for piece in ids for it in piece})
        self.symbols = {it: number for number, it in enumerate(characters, 1)}
        self.unknown_symbol = len(characters) + 1
        self._size = self.unknown_symbol + 1 + len(specials)
        self.specials = [*range(self.unknown_symbol + 1, self._size)]
        self._pairs = {
            self.symbols[a] * self._size + self.symbols[b]: 1
            for piece in ids
            for a, b in pairwise(piece)
        }
        # A tree of the reversed pieces. Each symbol has a node below the root, as each
        # character is a piece, if an unknown one.
        self._next: dict[int, int] = {}
        scores = [-np.inf] + [unknown_score] * self._size
        found = [self.unknown] * (self._size + 1)
        for piece, index in ids.items():
            node = self.symbols[piece[-1]] + 1
            for character in piece[-2::-1]:
                key = node * self._size + self.symbols[character]
                node = self._next.setdefault(key, len(scores))
                if node == len(scores):
                    scores.append(-np.inf)
                    found.append(self.unknown)
            scores[node], found[node] = entries[index][1], index
        for number, index in zip(self.specials, specials, strict=True):
            found[number + 1] = index
        self._scores = np.array(scores)
        self._ids = np.array(found)
        finite = self._scores[np.isfinite(self._scores)]
        self._largest = float(np.abs(finite).max(initial=1.0))

    def pieces(self, graph: Graph, words: Words) -> Pieces:
        """Add the nodes that split words.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        words : Words
            The words, which may be whole texts.

        Returns
        -------
        Pieces
            The tokens.
        """
        op = graph.op
        at = places(graph, words)
        nodes = self._nodes(graph, at)
        scores = op("Gather", graph.constant(self._scores), op("Transpose", nodes))
        part_starts, part_ends = self._parts(graph, at)
        steps = longest_paths(graph, scores, part_starts, part_ends)
        path = _path(graph, steps, part_ends)
        doubtful = self._doubtful(graph, steps, path, part_starts, part_ends)
        some = graph.any(doubtful)

        def again(inner: Graph) -> list[str]:
            lost = inner.op("Gather", at.words, inner.compress(doubtful, path)[0])
            ones = inner.op("Expand", [1], inner.op("Shape", lost))
            zeros = inner.op("Expand", [0], inner.op("Shape", at.starts))
            marked = inner.op("ScatterElements", zeros, lost, ones, axis=0)
            chosen = inner.op("Cast", marked, to=TensorProto.BOOL)
            starts, ends = inner.compress(chosen, at.starts, at.ends)
            whole = longest_paths(inner, scores, starts, ends, steps)
            return [whole.lengths, _path(inner, whole, part_ends)]

        lengths, path = graph.branch(
            some, again, lambda _: [steps.lengths, path], [INTS, INTS]
        )
        return self._tokens(graph, at, nodes, lengths, path)

    def _nodes(self, graph: Graph, at: Places) -> str:
        """Nodes of the tree for what ends at each symbol, longest first: int32 [D, R].

        The first row is of nodes that do not exist, so that there are two at least.
        """
        zero = graph.constant(0)

        def deeper(inner: Graph, _: str, node: str, symbols: str) -> list[str]:
            symbols = shift(inner, symbols, 1, zero)
            key = inner.op("Add", inner.op("Mul", node, self._size), symbols)
            node = inner.lookup(key, self._next, _DEAD)
            alive = inner.op("Greater", inner.op("ReduceMax", node, keepdims=0), _DEAD)
            row = inner.op("Cast", node, to=TensorProto.INT32)
            return [alive, node, symbols, row]

        first = graph.op("Add", at.symbols, 1)
        _, _, rows = graph.loop(
            deeper,
            [first, at.symbols],
            [INTS, INTS],
            condition=graph.constant(np.array(True)),
            scanned=[Value(TensorProto.INT32)],
        )
        first = graph.op("Cast", first, to=TensorProto.INT32)
        rows = graph.op("Concat", graph.op("Unsqueeze", first, [0]), rows, axis=0)
        return graph.op("Slice", rows, [-1], [-(2**62)], [0], [-1])

    def _parts(self, graph: Graph, at: Places) -> list[str]:
        """Starts and ends of parts of words between which no piece can reach."""
        op = graph.op
        before = shift(graph, at.symbols, 1, graph.constant(0))
        key = op("Add", op("Mul", before, self._size), at.symbols)
        joined = op("Cast", graph.lookup(key, self._pairs, 0), to=TensorProto.BOOL)
        starting = op("And", at.inside, op("Or", at.first, op("Not", joined)))
        following = shift(graph, starting, -1, graph.constant(np.array(False)))
        ending = op("And", at.inside, op("Or", at.last, following))
        return [
            graph.positions(starting),
            op("Add", graph.positions(ending), 1),
        ]

    def _doubtful(
        self, graph: Graph, steps: Steps, path: str, starts: str, ends: str
    ) -> str:
        """Whether a step of the path is no better than another, but for rounding.

        Sums are at most the largest score times the number of symbols; each addition
        rounds once, and a part has no more additions than symbols.
        """
        op = graph.op
        longest = op("ReduceMax", op("Concat", [1], op("Sub", ends, starts), axis=0))
        additions = op("Mul", longest, op("Size", steps.lengths))
        tolerance = op(
            "Mul",
            op("Cast", additions, to=TensorProto.DOUBLE),
            graph.constant(np.array(self._largest * 2.0**-50)),
        )
        return op("LessOrEqual", op("Gather", steps.margins, path), tolerance)

    def _tokens(
        self, graph: Graph, at: Places, nodes: str, lengths: str, path: str
    ) -> Pieces:
        """Ids of the pieces that end where the path says."""
        op = graph.op
        length = op("Gather", lengths, path)
        depth = op("Shape", nodes, start=0, end=1)
        row = op("Mul", op("Sub", depth, length), op("Size", at.symbols))
        node = op("Gather", op("Reshape", nodes, [-1]), op("Add", row, path))
        ids = op("Gather", graph.constant(self._ids), node)
        word = op("Gather", at.words, path)
        # Unknown characters side by side are one token.
        unknown = op("Equal", ids, self.unknown)
        before = shift(graph, unknown, 1, graph.constant(np.array(False)))
        same = op("Equal", word, shift(graph, word, 1, graph.constant(0)))
        fused = op("And", op("And", unknown, before), same)
        ids, word = graph.compress(op("Not", fused), ids, word)
        return Pieces(ids, op("Sub", word, 1))


def _path(graph: Graph, steps: Steps, ends: str) -> str:
    """Last symbols of the pieces of all best paths, ascending.

    From each end a path leads back; in each round it is known for twice as many pieces.
    """
    op = graph.op
    size = op("Shape", steps.lengths)
    # There is a place before each symbol and after the last.
    lengths = op("Concat", [0], steps.lengths, axis=0)
    back = op("Sub", op("Range", 0, op("Size", lengths), 1), lengths)
    zeros = op("Expand", [0], op("Add", size, 1))
    ones = op("Expand", [1], op("Shape", ends))
    reached = op("ScatterElements", zeros, ends, ones, axis=0)

    def double(inner: Graph, _: str, reached: str, back: str, count: str) -> list[str]:
        reached = inner.op(
            "ScatterElements", reached, back, reached, axis=0, reduction="max"
        )
        back = inner.op("Gather", back, back)
        found = inner.op("ReduceSum", reached, keepdims=0)
        return [inner.op("Greater", found, count), reached, back, found]

    reached, _, _ = graph.loop(
        double,
        [reached, back, graph.constant(0)],
        [INTS, INTS, INT],
        condition=graph.constant(np.array(True)),
    )
    last = op("Mul", reached, lengths)
    return op("Sub", graph.positions(op("Greater", last, 0)), 1)
