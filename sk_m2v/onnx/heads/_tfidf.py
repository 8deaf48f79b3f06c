"""TF-IDF of the n-grams of token ids, in the graph: what `NgramTfidf` is in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import changes, counts, ends_of
from sk_m2v.onnx.tokenize._token_ids import Tokens, compress, text_numbers

_ZERO = helper.make_tensor("", TensorProto.FLOAT, [1], [0.0])


class Sparse(NamedTuple):
    """Names of sparse features: what is not zero, text after text.

    Attributes
    ----------
    rows, columns : str
        Row and column of each entry, rows in order: int64, of shape (n_entries,).
    values : str
        The entries: float32, of shape (n_entries,). Those of one cell are summed.
    offsets : str
        Where each row begins and the last ends: int64, of shape (n_texts + 1,).
    n_columns : int
        Number of columns.
    """

    rows: str
    columns: str
    values: str
    offsets: str
    n_columns: int


def tfidf(graph: Graph, tokens: Tokens, blocks: Sequence[NgramTfidf]) -> Sparse:
    """Sparse TF-IDF features of texts.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    blocks : sequence of NgramTfidf
        The fitted features, with the same parameters but for the lengths of n-grams.
        Their columns stand side by side, and each is scaled for itself.

    Returns
    -------
    Sparse
        The features.
    """
    tokens = without_stop_ids(graph, tokens, blocks[0])
    n_columns = sum(it.n_features for it in blocks)
    cells, times = _counted(graph, _cells(graph, tokens, blocks))
    rows = graph.op("Div", cells, n_columns)
    columns = graph.op("Mod", cells, n_columns)
    values = graph.op("Cast", times, to=TensorProto.FLOAT)
    if blocks[0].sublinear_tf:
        values = graph.op("Add", graph.op("Log", values), 1.0)
    idf = [it.idf for it in blocks if it.idf is not None]
    if idf:
        factors = graph.op("Gather", np.concatenate(idf), columns)
        values = graph.op("Mul", values, factors)
    n_texts = graph.op("Sub", graph.op("Shape", tokens.offsets), 1)
    if blocks[0].norm is not None:
        norms = _norms(graph, n_texts, rows, columns, values, blocks)
        values = graph.op("Div", values, norms)
    return Sparse(rows, columns, values, offsets_of(graph, rows, n_texts), n_columns)


def offsets_of(graph: Graph, rows: str, n_texts: str) -> str:
    """Where each row of entries begins and the last ends.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    rows : str
        Rows of the entries, in order: int64, of shape (n_entries,).
    n_texts : str
        Number of rows: int64, of shape (1,).

    Returns
    -------
    str
        The offsets: int64, of shape (n_texts + 1,).
    """
    sizes = counts(graph, rows, n_texts)
    return graph.op("Concat", [0], graph.op("CumSum", sizes, 0), axis=0)


def without_stop_ids(graph: Graph, tokens: Tokens, block: NgramTfidf) -> Tokens:
    """Texts without the tokens that are left out.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    block : NgramTfidf
        Knows which to leave out.

    Returns
    -------
    Tokens
        All others.
    """
    if block.stop_ids is None:
        return tokens
    table = np.ones(block.n_ids, dtype=bool)
    table[block.stop_ids] = False
    kept = graph.op("Gather", table, tokens.ids)
    offsets, ids = compress(graph, kept, tokens.offsets, tokens.ids)
    return Tokens(ids, offsets)


def dense(graph: Graph, sparse: Sparse) -> str:
    """Features as a dense matrix.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    sparse : Sparse
        The features.

    Returns
    -------
    str
        The matrix: float32, of shape (n_texts, n_columns).
    """
    n_texts = graph.op("Sub", graph.op("Shape", sparse.offsets), 1)
    size = graph.op("Mul", n_texts, sparse.n_columns)
    zeros = graph.op("ConstantOfShape", size, value=_ZERO)
    cells = graph.op(
        "Add", graph.op("Mul", sparse.rows, sparse.n_columns), sparse.columns
    )
    # Serial, as in `counts`.
    filled = graph.op(
        "ScatterElements", zeros, cells, sparse.values, axis=0, reduction="add"
    )
    shape = graph.op("Concat", n_texts, [sparse.n_columns], axis=0)
    return graph.op("Reshape", filled, shape, allowzero=1)


def _cells(graph: Graph, tokens: Tokens, blocks: Sequence[NgramTfidf]) -> str:
    """Cell of the matrix of each known n-gram, in any order."""
    texts = text_numbers(graph, tokens)
    n_columns = sum(it.n_features for it in blocks)
    texts_cells = graph.op("Mul", texts, n_columns)
    found = []
    first = 0
    for block in blocks:
        for n, keys in zip(block.lengths, block.keys, strict=True):
            if len(keys):
                columns = np.arange(first, first + len(keys))
                known, found_columns = find(
                    graph, tokens, texts, n, keys, columns, block
                )
                begin = window(graph, texts_cells, 0, n)
                cells = graph.op("Add", begin, found_columns)
                found += graph.compress(known, cells)
            first += len(keys)
    return graph.op("Concat", *found, axis=0) if len(found) > 1 else found[0]


def find(
    graph: Graph,
    tokens: Tokens,
    texts: str,
    n: int,
    keys: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    block: NgramTfidf,
) -> tuple[str, str]:
    """Find known n-grams of one length.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    texts : str
        Text of each token: int64, of shape (n_tokens,).
    n : int
        The length.
    keys, columns : ndarray of shape (n_ngrams,), dtype int64
        The n-grams, and their columns.
    block : NgramTfidf
        What has them.

    Returns
    -------
    known : str
        Whether each window of `n` tokens is a known n-gram: bool.
    columns : str
        Its column: int64, of the same shape.
    """
    if n == 1:
        table = np.full(block.n_tokens, -1)
        table[keys] = columns
        found = graph.op("Gather", table, tokens.ids)
        return graph.op("GreaterOrEqual", found, 0), found
    key = window(graph, tokens.ids, 0, n)
    for i in range(1, n):
        key = graph.op("Mul", key, block.n_tokens)
        key = graph.op("Add", key, window(graph, tokens.ids, i, n))
    found = graph.op(
        "LabelEncoder",
        key,
        domain="ai.onnx.ml",
        keys_int64s=keys.tolist(),
        values_int64s=columns.tolist(),
        default_int64=-1,
    )
    first, last = (window(graph, texts, i, n) for i in (0, n - 1))
    inside = graph.op("Equal", first, last)
    return graph.op("And", inside, graph.op("GreaterOrEqual", found, 0)), found


def window(graph: Graph, values: str, i: int, n: int) -> str:
    """Value of one token of all windows of several.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    values : str
        Values of the tokens, of shape (n_tokens,).
    i : int
        Which token of a window.
    n : int
        How many tokens a window has.

    Returns
    -------
    str
        The values, of shape (n_windows,).
    """
    if n == 1:
        return values
    return graph.op("Slice", values, [i], [i - n + 1 if i < n - 1 else 2**62])


def _counted(graph: Graph, cells: str) -> tuple[str, str]:
    """Distinct cells, in order, and how often each occurs.

    Sorting is three times as fast as the operator Unique, which keeps a tree.
    """
    size = graph.op("Shape", cells)
    cells = graph.ops("TopK", cells, size, n_outputs=2, largest=0)[0]
    firsts = graph.positions(changes(graph, cells))
    sizes = graph.op("Sub", ends_of(graph, firsts, size), firsts)
    return graph.op("Gather", cells, firsts), sizes


def _norms(
    graph: Graph,
    n_texts: str,
    rows: str,
    columns: str,
    values: str,
    blocks: Sequence[NgramTfidf],
) -> str:
    """Norm by which to divide each entry: that of its row in its block."""
    square = blocks[0].norm == "l2"
    terms = graph.op("Mul", values, values) if square else values
    terms = graph.op("Cast", terms, to=TensorProto.DOUBLE)
    group, n_groups = rows, n_texts
    if len(blocks) > 1:
        group = graph.op("Mul", rows, len(blocks))
        for start in np.cumsum([it.n_features for it in blocks[:-1]]).tolist():
            later = graph.op("GreaterOrEqual", columns, start)
            group = graph.op(
                "Add", group, graph.op("Cast", later, to=TensorProto.INT64)
            )
        n_groups = graph.op("Mul", n_texts, len(blocks))
    zeros = graph.op("Expand", np.array(0.0), n_groups)
    # Serial, as in `counts`.
    sums = graph.op("ScatterElements", zeros, group, terms, axis=0, reduction="add")
    norms = graph.op("Gather", sums, group)
    if square:
        norms = graph.op("Sqrt", norms)
    return graph.op("Cast", norms, to=TensorProto.FLOAT)
