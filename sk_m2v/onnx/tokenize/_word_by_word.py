"""Tokenize word by word in a graph.

Most words of natural text are one token. They are looked up as they stand; only those
that are not found are taken apart, in a branch of the graph that does not run if there
are none.
"""

from __future__ import annotations

from typing import NamedTuple

from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import changes, flags
from sk_m2v.onnx.graph._subgraphs import INTS, Value
from sk_m2v.onnx.models._word_model import Words
from sk_m2v.onnx.text._known_words import SUSPECT
from sk_m2v.onnx.text._reader import Symbols
from sk_m2v.onnx.text._split import words
from sk_m2v.onnx.tokenize._parts import WordParts
from sk_m2v.onnx.tokenize._truncation import Ending

_STRINGS = Value(TensorProto.STRING)


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


def read_words(
    graph: Graph, parts: WordParts, texts: str, ending: Ending
) -> tuple[str, str]:
    """Add the nodes that tokenize texts.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    parts : WordParts
        The tokenizer.
    texts : str
        Strings of shape (n_texts,).
    ending : Ending
        What happens to the tokens.

    Returns
    -------
    ids, counts : str
        As from `Ending.finish`.
    """
    split = words(graph, texts, parts.page, parts.word)
    ids = graph.lookup(split.strings, parts.known, -1)
    found = Found(texts, split.strings, split.sources, ids)

    def look_closer(graph: Graph) -> list[str]:
        (strings,) = graph.compress(graph.op("Less", ids, 0), found.words)
        symbols, others = parts.plain.read(graph, strings)

        def plain(graph: Graph) -> list[str]:
            read = Symbols.one_each(graph, symbols)
            return [*read.words, read.sources, ids, found.sources]

        def any_text(graph: Graph) -> list[str]:
            whole = _whole_texts(graph, parts, found)
            (strings,) = graph.compress(graph.op("Less", whole.ids, 0), whole.words)
            read = parts.reader.read(graph, strings)
            return [*read.words, read.sources, whole.ids, whole.sources]

        *columns, from_string, ids_, sources = graph.branch(
            others, any_text, plain, [INTS] * 6
        )
        read = Symbols(Words(*columns), from_string)
        return [*ending.finish(graph, *_merge(graph, parts, read, ids_, sources))]

    def all_known(graph: Graph) -> list[str]:
        return [*ending.finish_known(graph, ids, found.sources)]

    closer = graph.any(graph.op("Less", ids, 0))
    ids, counts = graph.branch(closer, look_closer, all_known, [INTS, INTS])
    return ids, counts


def _merge(
    graph: Graph, parts: WordParts, read: Symbols, ids: str, sources: str
) -> tuple[str, str]:
    """Tokens of all words in order, and the texts they are from."""
    unknown = graph.op("Less", ids, 0)
    pieces = parts.model.pieces(graph, read.words)
    string = graph.op("Gather", read.sources, pieces.words)
    place = graph.op("Gather", graph.positions(unknown), string)
    known = graph.op("Not", unknown)
    (known_ids,) = graph.compress(known, ids)
    places = graph.op("Concat", graph.positions(known), place, axis=0)
    # Sorted by the place of the word; those of one word stay in order.
    places, order = graph.ops(
        "TopK", places, graph.op("Shape", places), n_outputs=2, largest=0
    )
    all_ids = graph.op("Concat", known_ids, pieces.ids, axis=0)
    return graph.op("Gather", all_ids, order), graph.op("Gather", sources, places)


def _whole_texts(graph: Graph, parts: WordParts, found: Found) -> Found:
    """Put texts that may hold added tokens in the place of their words."""
    texts, words, sources, ids = found
    suspect = graph.op("Equal", ids, SUSPECT)
    if parts.suspect:
        match = graph.op("RegexFullMatch", words, pattern=parts.suspect)
        match = graph.op("And", match, graph.op("Less", ids, 0))
        suspect = graph.op("Or", suspect, match)
    elif SUSPECT not in parts.known.values():
        return found
    at = graph.positions(suspect)

    def merged(graph: Graph) -> list[str]:
        texts_at = graph.op("Gather", sources, at)
        marked = flags(graph, texts_at, graph.op("Shape", texts))
        whole = graph.op("Gather", marked, sources)
        keep = graph.op("Or", changes(graph, sources), graph.op("Not", whole))
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
