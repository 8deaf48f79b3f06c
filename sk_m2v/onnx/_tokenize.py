"""Texts to token ids in a graph.

Most words of natural text are one token. They are looked up as they stand; only those
that are not found are taken apart, in a branch of the graph that does not run if there
are none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sk_m2v.onnx._front import SUSPECT, Front, front
from sk_m2v.onnx._graph import INTS, Graph, Value
from sk_m2v.onnx._split import words
from sk_m2v.onnx._symbols import Symbols
from sk_m2v.onnx._tokenized import Tokens

_STRINGS = Value(8)  # STRING


def tokenize(
    graph: Graph, text: str, tokenizer_json: str, max_length: int | None
) -> Tokens:
    """Add the nodes that tokenize texts.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    text : str
        Strings of shape (n_texts,) or (n_texts, 1).
    tokenizer_json : str
        Contents of a ``tokenizer.json``.
    max_length : int or None
        Tokens kept of each text, before unknown ones are left out. None keeps all.

    Returns
    -------
    Tokens
        The ids that `sk_m2v.embedding._tokens.token_ids` gives.

    Raises
    ------
    ValueError
        If a component of the tokenizer has no exact graph.
    """
    parts = front(tokenizer_json)
    texts = graph.op("Reshape", text, [-1])
    n_texts = graph.op("Shape", texts)
    split = words(graph, texts, parts.spaces, parts.isolated)
    ids = graph.op(
        "LabelEncoder",
        split.strings,
        domain="ai.onnx.ml",
        keys_strings=[*parts.known],
        values_int64s=[*parts.known.values()],
        default_int64=-1,
    )
    found = Found(texts, split.strings, split.sources(graph), ids)

    def finish(graph: Graph, ids: str, sources: str) -> list[str]:
        if max_length is not None:
            ids, sources = _cut(graph, max_length, n_texts, ids, sources)
        if parts.model.unknown is not None:
            known = graph.op("Not", graph.op("Equal", ids, parts.model.unknown))
            ids, sources = graph.compress(known, ids, sources)
        return [ids, _counts(graph, n_texts, sources)]

    def look_closer(graph: Graph) -> list[str]:
        unknown = graph.op("Less", ids, 0)
        (strings,) = graph.compress(unknown, found.words)
        symbols, others = parts.reader.plain(graph, strings)

        def plain(graph: Graph) -> list[str]:
            read = parts.reader.plain_words(graph, symbols)
            return finish(graph, *_merge(graph, parts, found, unknown, read))

        def any_text(graph: Graph) -> list[str]:
            whole = _whole_texts(graph, parts, found)
            unknown = graph.op("Less", whole.ids, 0)
            (strings,) = graph.compress(unknown, whole.words)
            read = parts.reader.read(graph, strings)
            return finish(graph, *_merge(graph, parts, whole, unknown, read))

        return graph.branch(others, any_text, plain, [INTS, INTS])

    def all_known(graph: Graph) -> list[str]:
        sources = found.sources
        if max_length is None:
            return [ids, _counts(graph, n_texts, sources)]
        known, sources = _cut(graph, max_length, n_texts, ids, sources)
        return [known, _counts(graph, n_texts, sources)]

    closer = graph.any(graph.op("Less", ids, 0))
    ids, counts = graph.branch(closer, look_closer, all_known, [INTS, INTS])
    ends = graph.op("CumSum", counts, 0)
    return Tokens(ids, graph.op("Concat", [0], ends, axis=0))


class Found(NamedTuple):
    """Words of texts, and what is known of them.

    Attributes
    ----------
    texts : str
        Strings of shape (n_texts,).
    words : str
        Strings of shape (n_words,).
    sources : str
        int64 of shape (n_words,), ascending: index of the text.
    ids : str
        int64 of shape (n_words,): the token of each, negative where it is not known.
    """

    texts: str
    words: str
    sources: str
    ids: str


def _counts(graph: Graph, n_texts: str, sources: str) -> str:
    """Number of tokens of each text."""
    return graph.op(
        "ScatterElements",
        graph.op("Expand", 0, n_texts),
        sources,
        graph.op("Expand", 1, graph.op("Shape", sources)),
        reduction="add",
    )


def _merge(
    graph: Graph, parts: Front, found: Found, unknown: str, read: Symbols
) -> tuple[str, str]:
    """Tokens of all words in order, and the texts they are from."""
    pieces = parts.model.pieces(graph, read.words)
    string = graph.op("Gather", read.sources, pieces.words)
    place = graph.op("Gather", graph.positions(unknown), string)
    known = graph.op("Not", unknown)
    (known_ids,) = graph.compress(known, found.ids)
    places = graph.op("Concat", graph.positions(known), place, axis=0)
    # Sorted by the place of the word; those of one word stay in order.
    places, order = graph.ops(
        "TopK", places, graph.op("Shape", places), n_outputs=2, largest=0
    )
    ids = graph.op("Concat", known_ids, pieces.ids, axis=0)
    return graph.op("Gather", ids, order), graph.op("Gather", found.sources, places)


def _whole_texts(graph: Graph, parts: Front, found: Found) -> Found:
    """Put texts that may hold added tokens in the place of their words."""
    texts, words, sources, ids = found
    if parts.always_suspect:
        suspect = graph.op("Less", ids, 0)
    elif SUSPECT in parts.known.values():
        suspect = graph.op("Equal", ids, SUSPECT)
    else:
        return found
    at = graph.positions(suspect)

    def merged(graph: Graph) -> list[str]:
        texts_at = graph.op("Gather", sources, at)
        flags = graph.op(
            "ScatterElements",
            graph.op("Expand", np.array(False), graph.op("Shape", texts)),
            texts_at,
            graph.op("Equal", texts_at, texts_at),
        )
        whole = graph.op("Gather", flags, sources)
        before = graph.op("Concat", [-1], sources, axis=0)
        before = graph.op("Slice", before, [0], graph.op("Shape", sources))
        first = graph.op("Not", graph.op("Equal", before, sources))
        keep = graph.op("Or", first, graph.op("Not", whole))
        strings = graph.op("Where", whole, graph.op("Gather", texts, sources), words)
        return graph.compress(keep, strings, sources, graph.op("Where", whole, -1, ids))

    return Found(
        texts,
        *graph.branch(
            graph.some(at),
            merged,
            lambda _: [words, sources, ids],
            [_STRINGS, INTS, INTS],
        ),
    )


def _cut(
    graph: Graph, max_length: int, n_texts: str, ids: str, sources: str
) -> tuple[str, str]:
    """Leave out the tokens of each text from a number on."""

    def cut(graph: Graph) -> list[str]:
        begins = graph.op("CumSum", _counts(graph, n_texts, sources), 0, exclusive=1)
        index = graph.op("Range", 0, graph.op("Size", ids), 1)
        place = graph.op("Sub", index, graph.op("Gather", begins, sources))
        return graph.compress(graph.op("Less", place, max_length), ids, sources)

    # A text can be too long only if all together are.
    many = graph.op("Greater", graph.op("Size", ids), max_length)
    ids, sources = graph.branch(many, cut, lambda _: [ids, sources], [INTS, INTS])
    return ids, sources
