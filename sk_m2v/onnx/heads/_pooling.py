"""Token ids to one vector a text, in the graph.

As everywhere in the package, a text is a weighted sum of rows of a matrix: of vectors
of tokens here, of the weights of a linear classifier over n-grams in `_heads`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import PRECISIONS
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import Value
from sk_m2v.onnx.tokenize._token_ids import Tokens

# Up to this width, sums are differences of running sums, which need no loop but hold
# all summands at once.
_NARROW = 32
# Up to this number of terms, their order makes no difference that matters.
_FEW = 100
_ONE = helper.make_tensor("", TensorProto.FLOAT, [1], [1.0])


class Table(NamedTuple):
    """The vectors of tokens as they are stored in a file.

    Attributes
    ----------
    matrix : ndarray of shape (n_rows, dim), dtype float32, float16 or int8
        The rows.
    factors : ndarray of shape (n_tokens,), dtype float32, or None
        Factor of each token's row.
    mapping : ndarray of shape (n_tokens,), dtype int64, or None
        Row of each token.
    """

    matrix: npt.NDArray[Any]
    factors: npt.NDArray[np.float32] | None
    mapping: npt.NDArray[np.int64] | None


def table_of(embedding: StaticEmbedding, precision: str | None) -> Table:
    """Vectors of an embedding in some precision.

    Parameters
    ----------
    embedding : StaticEmbedding
        The model.
    precision : {"float32", "float16", "int8"} or None
        Type of the stored numbers. None is that of the model: nothing is lost.

    Returns
    -------
    Table
        The vectors. int8 has one scale a row; what is int8 already stays as it is.
    """
    vectors, mapping = embedding.vectors, embedding.token_mapping
    factors = embedding.weights
    if precision is None:
        own = vectors.dtype.name
        precision = own if own in PRECISIONS else "float32"
    matrix, scale = PRECISIONS[precision](vectors)
    if scale is not None:
        scale = scale if mapping is None else scale[mapping]
        factors = scale if factors is None else factors * scale
    return Table(
        matrix,
        None if factors is None else np.asarray(factors, dtype=np.float32),
        None if mapping is None else mapping.astype(np.int64),
    )


def pool(
    graph: Graph,
    tokens: Tokens,
    embedding: StaticEmbedding,
    *,
    normalize: bool,
    precision: str | None,
) -> str:
    """Mean of the vectors of each text.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.
    embedding : StaticEmbedding
        The model.
    normalize : bool
        Whether to scale vectors to length 1.
    precision : {"float32", "float16", "int8"} or None
        As in `table_of`.

    Returns
    -------
    str
        The vectors: float32, of shape (n_texts, dim). Zeros for a text without tokens.
    """
    table = table_of(embedding, precision)
    ids = tokens.ids
    if table.factors is None:
        factors = graph.op("ConstantOfShape", graph.op("Shape", ids), value=_ONE)
    else:
        factors = graph.op("Gather", table.factors, ids)
    rows = ids if table.mapping is None else graph.op("Gather", table.mapping, ids)
    weights = embedding.weights
    exact = weights is not None and weights.dtype == np.float64
    sums = weighted_rows(
        graph,
        rows,
        factors,
        tokens.offsets,
        table.matrix,
        dtype=np.float64 if exact else np.float32,
    )
    if normalize:  # of a sum or of a mean is the same
        return graph.op("LpNormalization", sums, axis=1, p=2)
    sizes = graph.op("Max", _sizes(graph, tokens.offsets), 1)
    sizes = graph.op("Cast", sizes, to=TensorProto.FLOAT)
    return graph.op("Div", sums, graph.op("Unsqueeze", sizes, [1]))


def weighted_rows(
    graph: Graph,
    rows: str,
    factors: str,
    offsets: str,
    matrix: npt.NDArray[Any],
    *,
    dtype: type[np.floating[Any]] | None = None,
) -> str:
    """Sum of some rows of a matrix, times a factor each, for each text.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    rows : str
        Which rows, text after text: int64, of shape (n_terms,).
    factors : str
        Their factors: float32, of shape (n_terms,).
    offsets : str
        Where each text begins and the last ends: int64, of shape (n_texts + 1,).
    matrix : ndarray of shape (n_rows, dim), dtype float32, float16 or int8
        The matrix.
    dtype : dtype, default=None
        In which Python adds up: the sum of many terms has errors that one can see. None
        takes what is fast.

    Returns
    -------
    str
        The sums: float32, of shape (n_texts, dim). Zeros for a text without terms.
    """
    name = graph.constant(np.ascontiguousarray(matrix))

    def looped(graph: Graph) -> list[str]:
        return [_looped_sums(graph, rows, factors, offsets, name, matrix, dtype)]

    def running(graph: Graph) -> list[str]:
        return [_running_sums(graph, rows, factors, offsets, name, matrix.dtype)]

    if matrix.shape[1] > _NARROW:
        return looped(graph)[0]
    if dtype != np.float32:
        return running(graph)[0]
    many = graph.any(graph.op("Greater", _sizes(graph, offsets), _FEW))
    sums = Value(TensorProto.FLOAT, (None, matrix.shape[1]))
    return graph.branch(many, looped, running, [sums])[0]


def _looped_sums(
    graph: Graph,
    rows: str,
    factors: str,
    offsets: str,
    name: str,
    matrix: npt.NDArray[Any],
    dtype: type[np.floating[Any]] | None,
) -> str:
    """One product of a row and a matrix for each text.

    Each is as fast as memory, and always adds up in the same order, whereas a kernel
    that scatters sums from several threads loses some.
    """

    def product(graph: Graph, rows: str, factors: str) -> str:
        taken = graph.op("Gather", name, rows)
        if matrix.dtype != np.float32:
            taken = graph.op("Cast", taken, to=TensorProto.FLOAT)
        few = graph.op("LessOrEqual", graph.op("Size", rows), _FEW)

        def at_once(graph: Graph) -> list[str]:
            return [graph.op("MatMul", factors, taken)]

        def in_order(graph: Graph) -> list[str]:
            terms = graph.op("Mul", taken, graph.op("Unsqueeze", factors, [1]))
            if dtype != np.float64:
                return [graph.op("ReduceSum", terms, [0], keepdims=0)]
            terms = graph.op("Cast", terms, to=TensorProto.DOUBLE)
            sums = graph.op("ReduceSum", terms, [0], keepdims=0)
            return [graph.op("Cast", sums, to=TensorProto.FLOAT)]

        return graph.branch(few, at_once, in_order, [row])[0]

    def one(graph: Graph) -> list[str]:
        return [graph.op("Unsqueeze", product(graph, rows, factors), [0])]

    def text(graph: Graph, number: str) -> list[str]:
        number = graph.op("Reshape", number, [1])
        start = graph.op("Gather", offsets, number)
        end = graph.op("Gather", offsets, graph.op("Add", number, 1))
        parts = (graph.op("Slice", it, start, end) for it in (rows, factors))
        return [product(graph, *parts)]

    def many(graph: Graph) -> list[str]:
        trips = graph.op("Sub", graph.op("Size", offsets), 1)
        return graph.loop(text, [], [], trips=trips, scanned=[row])

    dim = matrix.shape[1]
    row = Value(TensorProto.FLOAT, (dim,))
    # A loop of one round costs more than the round. Only what lies within the offsets
    # counts, so a single text must be all there is.
    single = graph.op("Equal", graph.op("Size", offsets), 2)
    (sums,) = graph.branch(single, one, many, [Value(TensorProto.FLOAT, (None, dim))])
    # Old kernels leave a product over nothing undefined.
    filled = graph.op("Greater", _sizes(graph, offsets), 0)
    filled = graph.op("Unsqueeze", filled, [1])
    return graph.op("Where", filled, sums, 0.0)


def _running_sums(
    graph: Graph,
    rows: str,
    factors: str,
    offsets: str,
    name: str,
    dtype: npt.DTypeLike,
) -> str:
    """Differences of running sums, in double precision, where none of them is lost."""
    taken = graph.op("Cast", graph.op("Gather", name, rows), to=TensorProto.DOUBLE)
    factors = graph.op("Cast", factors, to=TensorProto.DOUBLE)
    terms = graph.op("Mul", taken, graph.op("Unsqueeze", factors, [1]))
    sums = graph.op("CumSum", terms, 0)
    sums = graph.op("Pad", sums, [1, 0, 0, 0], np.zeros((), np.float64))
    sums = graph.op("Gather", sums, offsets)
    return graph.op("Cast", _differences(graph, sums), to=TensorProto.FLOAT)


def _sizes(graph: Graph, offsets: str) -> str:
    """Number of terms of each text."""
    return _differences(graph, offsets)


def _differences(graph: Graph, values: str) -> str:
    """Difference of each row and the one before."""
    later = graph.op("Slice", values, [1], [2**62], [0])
    return graph.op("Sub", later, graph.op("Slice", values, [0], [-1], [0]))
