"""TF-IDF of n-grams of letters, in the graph: what `LetterTfidf` is in Python."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._letters import BOUNDARY
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.heads._letters import letters
from sk_m2v.onnx.heads._tfidf import Sparse, find, offsets_of, window, without_stop_ids
from sk_m2v.onnx.heads._words import occurrences
from sk_m2v.onnx.tokenize._token_ids import Tokens, text_numbers


def letter_tfidf(graph: Graph, tokens: Tokens, block: LetterTfidf) -> list[Sparse]:
    """Sparse TF-IDF features of the letters of texts.

    An entry is one occurrence of an n-gram, with the share of the entry in Python that
    comes from it: nothing has to be sorted.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    block : LetterTfidf
        The fitted features.

    Returns
    -------
    list of Sparse
        The features, one for each length of n-gram.
    """
    tokens = without_stop_ids(graph, tokens, block)
    n_texts = graph.op("Sub", graph.op("Shape", tokens.offsets), 1)
    times = occurrences(graph, tokens, block.letters)
    stream, times = letters(graph, tokens, block.letters, times, 1)
    # The boundary that begins a word may be of the token before; none that ends a word
    # begins an n-gram.
    later = graph.op("Concat", graph.op("Slice", times, [1], [2**62]), [1], axis=0)
    boundary = graph.op("Equal", stream.ids, BOUNDARY)
    times = graph.op("Where", boundary, later, times)
    times = graph.op("Cast", times, to=TensorProto.FLOAT)
    texts = text_numbers(graph, stream)
    idf = np.split(_weights(block), np.cumsum([len(it) for it in block.keys[:-1]]))
    sums = graph.op("Expand", np.array(0.0), n_texts)
    found = []
    for n, keys, weights in zip(block.lengths, block.keys, idf, strict=True):
        if not len(keys):
            continue
        known, columns = find(
            graph, stream, texts, n, keys, np.arange(len(keys)), block
        )
        begin = (window(graph, it, 0, n) for it in (texts, times))
        columns, rows, c = graph.compress(known, columns, *begin)
        values = graph.op("Gather", weights, columns)
        if block.sublinear_tf:
            factor = graph.op("Add", graph.op("Log", c), 1.0)
            values = graph.op("Mul", values, graph.op("Div", factor, c))
        terms = values
        if block.norm == "l2":
            # Of `c` occurrences, each has its part of the square of the whole.
            terms = graph.op("Mul", graph.op("Mul", values, values), c)
        terms = graph.op("Cast", terms, to=TensorProto.DOUBLE)
        # Serial, as in `counts`.
        sums = graph.op("ScatterElements", sums, rows, terms, axis=0, reduction="add")
        found.append((rows, columns, values, len(keys)))
    if block.norm == "l2":
        sums = graph.op("Sqrt", sums)
    norms = graph.op("Cast", sums, to=TensorProto.FLOAT)
    features = []
    for rows, columns, values, n_columns in found:
        if block.norm is not None:
            values = graph.op("Div", values, graph.op("Gather", norms, rows))
        offsets = offsets_of(graph, rows, n_texts)
        features.append(Sparse(rows, columns, values, offsets, n_columns))
    return features


def _weights(block: LetterTfidf) -> np.ndarray:
    return np.ones(block.n_features, np.float32) if block.idf is None else block.idf
