"""Byte pair encoding: words that are tokens are looked up, others merged."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from sk_m2v._messages import quoted
from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.models._bpe_merges import Merges, merge
from sk_m2v.onnx.models._positions import Places, places, shift
from sk_m2v.onnx.models._word_model import Pieces, Words

IntArray = npt.NDArray[np.int64]
_LONGEST = 64  # symbols of words that are looked up, if the model merges others


class BpeModel:
    """Byte pair encoding, exactly as `tokenizers` computes it.

    Symbols are the characters that pre-tokenizers give. At the level of bytes, each of
    them stands for a byte.

    Parameters
    ----------
    model : dict
        Part "model" of a ``tokenizer.json``.
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
    unknown : int or None
        Id of the unknown token.

    Raises
    ------
    ValueError
        If the model does what the graph cannot.
    """

    def __init__(self, model: Json, specials: Sequence[int] = ()) -> None:
        for name in ("byte_fallback", "dropout"):
            if model.get(name):
                raise ValueError(f"a BPE model with {name} has no exact graph")
        vocabulary: dict[str, int] = model["vocab"]
        prefix = model.get("continuing_subword_prefix") or ""
        suffix = model.get("end_of_word_suffix") or ""
        unknown = model.get("unk_token")
        if unknown is not None and unknown not in vocabulary:
            raise ValueError(
                f"the model's unk_token {quoted(unknown)} is not in its vocabulary"
            )
        self.unknown = None if unknown is None else vocabulary[unknown]
        self._fuse = bool(model.get("fuse_unk"))
        self.symbols = {
            it: number
            for number, it in enumerate(sorted({c for t in vocabulary for c in t}), 1)
        }
        self._merges = _merges(model, vocabulary, prefix, specials)
        self._affixes = bool(prefix or suffix)
        # Tokens of symbols inside words, first ones, last ones, and single ones.
        self.unknown_symbol = len(self.symbols) + 1
        n_symbols = self.unknown_symbol + 1 + len(specials)
        self.specials = [*range(self.unknown_symbol + 1, n_symbols)]
        self._tokens = np.full((4, n_symbols), -1, np.int64)
        self._tokens[:, self.specials] = specials
        for character, number in self.symbols.items():
            for place in range(4):
                before = "" if place & 1 else prefix
                after = suffix if place & 2 else ""
                token = vocabulary.get(before + character + after, -1)
                self._tokens[place, number] = token
        self._whole = _WholeWords(model, self.symbols, n_symbols, suffix)

    def pieces(self, graph: Graph, words: Words) -> Pieces:
        """Add the nodes that split words.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        words : Words
            The words.

        Returns
        -------
        Pieces
            The tokens.
        """
        op = graph.op
        at = places(graph, words)
        whole = self._whole.find(graph, at)
        known = op("GreaterOrEqual", whole, 0)
        whole_ids, whole_starts = graph.compress(known, whole, at.starts)
        rest = op("And", at.inside, op("Not", op("Gather", known, at.words)))
        tokens, starts = self._split(graph, at, rest)
        tokens, starts = merge(graph, self._merges, tokens, starts)
        ids = op("Expand", -1, op("Shape", at.symbols))
        ids = op(
            "ScatterElements",
            ids,
            op("Concat", whole_starts, starts, axis=0),
            op("Concat", whole_ids, tokens, axis=0),
            axis=0,
        )
        found = op("GreaterOrEqual", ids, 0)
        ids, word = graph.compress(found, ids, at.words)
        return Pieces(ids, op("Sub", word, 1))

    def _split(self, graph: Graph, at: Places, rest: str) -> tuple[str, str]:
        """Tokens of single symbols, a separator before each word; where they are."""
        op = graph.op
        index = at.symbols
        if self._affixes:
            row = op(
                "Add",
                op("Cast", at.first, to=TensorProto.INT64),
                op("Mul", op("Cast", at.last, to=TensorProto.INT64), 2),
            )
            index = op("Add", index, op("Mul", row, self._tokens.shape[1]))
        table = self._tokens if self._affixes else self._tokens[:1]
        token = op("Gather", graph.constant(table.ravel()), index)
        missing = op("Less", token, 0)
        if self.unknown is None:
            rest = op("And", rest, op("Not", missing))
        else:
            token = op("Where", missing, self.unknown, token)
            if self._fuse:
                before = shift(graph, missing, 1, graph.constant(np.array(False)))
                again = op("And", op("And", missing, before), op("Not", at.first))
                rest = op("And", rest, op("Not", again))
        token, place, word = graph.compress(rest, token, at.positions, at.words)
        # Symbols may be missing at the start of a word, so that words are compared.
        before = shift(graph, word, 1, graph.constant(0))
        starting = op(
            "Cast", op("Not", op("Equal", word, before)), to=TensorProto.INT64
        )
        counted = op("CumSum", starting, 0)
        index = op("Add", op("Range", 0, op("Size", token), 1), counted)
        size = op("Add", op("Shape", token), op("ReduceSum", starting))
        separators = op("Expand", self._merges.separator, size)
        zeros = op("Expand", 0, size)
        return (
            op("ScatterElements", separators, index, token, axis=0),
            op("ScatterElements", zeros, index, place, axis=0),
        )


def _merges(
    model: Json, vocabulary: dict[str, int], prefix: str, specials: Sequence[int]
) -> Merges:
    """Merges by token; of equal pairs the last one counts."""
    size = len(prefix.encode())
    ranks: dict[tuple[int, int], int] = {}
    results: list[int] = []
    for pair in model["merges"]:
        left, right = pair.split(" ") if isinstance(pair, str) else pair
        result = left + right.encode()[size:].decode()
        ranks[vocabulary[left], vocabulary[right]] = len(results)
        results.append(vocabulary[result])
    separator = max([-1, *vocabulary.values(), *specials]) + 1
    return Merges(ranks, results, separator)


class _WholeWords:
    """Words that give one token, as `tokenizers` itself says, to look them up.

    Most words are such, and a look-up is cheaper than their merges. A model with
    ignore_merges needs it, as its merges alone do not give all of them.
    """

    def __init__(
        self, model: Json, symbols: dict[str, int], n_symbols: int, suffix: str
    ) -> None:
        words = {it for it in model["vocab"] if it}
        if suffix:
            words |= {it.removesuffix(suffix) for it in words} - {""}
        if not model.get("ignore_merges"):
            words = {it for it in words if len(it) <= _LONGEST}
        found = _single(model, sorted(words))
        self._ids = np.array([-1, *found.values()], np.int64)
        self._sizes = np.array([0, *map(len, found)], np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._longest = int(self._sizes.max())
        spelled = [symbols[it] for word in found for it in word]
        # Room to read on after the last word.
        self._symbols = np.array(spelled + [0] * (self._longest + 1), np.int32)
        self._set_keys(n_symbols)

    def _set_keys(self, n_symbols: int) -> None:
        """Sums of random numbers, one for each symbol times one for each place."""
        rng = np.random.default_rng(0)
        limits = np.iinfo(np.int64)
        self._codes = rng.integers(limits.min, limits.max, n_symbols, endpoint=True)
        self._factors = rng.integers(
            limits.min, limits.max, self._longest + 1, endpoint=True
        )
        self._factors |= 1
        total = int(self._sizes.sum())
        place = np.arange(total) - np.repeat(self._starts, self._sizes)
        with np.errstate(over="ignore"):
            terms = self._codes[self._symbols[:total]] * self._factors[place]
            sums = np.concatenate([[0], np.cumsum(terms)])
            ends = self._starts + self._sizes
            keys = sums[ends] - sums[self._starts]
        # Words that share a key leave the table but for one, which only costs time if
        # the model merges them; it does not happen.
        self._table = {int(key): row for row, key in enumerate(keys) if row}
        if len(self._table) != len(keys) - 1:
            raise ValueError("Keys of words of the BPE model are not distinct.")

    def find(self, graph: Graph, at: Places) -> str:
        """Add the nodes that look words up.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        at : Places
            The symbols of the words.

        Returns
        -------
        str
            Token of each word, or -1: int64 [W + 1].
        """
        op = graph.op
        start = op("Gather", at.starts, at.words)
        offset = op("Min", op("Sub", at.positions, start), self._longest)
        code = op("Gather", graph.constant(self._codes), at.symbols)
        factor = op("Gather", graph.constant(self._factors), offset)
        key = _sums(graph, op("Mul", code, factor), at)
        row = graph.lookup(key, self._table, 0)
        size = op("Sub", at.ends, at.starts)
        fits = op("Equal", op("Gather", graph.constant(self._sizes), row), size)
        # The key says which word it can be, its symbols whether it is.
        begin = op("Gather", op("Gather", graph.constant(self._starts), row), at.words)
        spelled = op("Gather", graph.constant(self._symbols), op("Add", begin, offset))
        given = op("Cast", at.symbols, to=TensorProto.INT32)
        same = op("Cast", op("Equal", spelled, given), to=TensorProto.INT64)
        fits = op("And", fits, op("Equal", _sums(graph, same, at), size))
        ids = op("Gather", graph.constant(self._ids), row)
        return op("Where", fits, ids, -1)


def _sums(graph: Graph, values: str, at: Places) -> str:
    """Sum of the values of each word."""
    sums = graph.op("CumSum", values, 0, exclusive=1)
    return graph.op(
        "Sub", graph.op("Gather", sums, at.ends), graph.op("Gather", sums, at.starts)
    )


def _single(model: Json, words: list[str]) -> dict[str, int]:
    """Words of which the model makes one token, and that token."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "truncation": None,
                "padding": None,
                "normalizer": None,
                "pre_tokenizer": None,
                "post_processor": None,
                "decoder": None,
                "model": {"type": "BPE", **model},
            }
        )
    )
    encodings = tokenizer.encode_batch_fast(words)
    return {
        word: encoding.ids[0]
        for word, encoding in zip(words, encodings, strict=True)
        if len(encoding.ids) == 1
    }
