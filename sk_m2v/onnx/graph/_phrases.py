"""What several operators say together, in graphs of all kinds."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph


def changes(graph: Graph, values: str) -> str:
    """Add the nodes that find where a value is not the one before it.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    values : str
        The values, int64 of shape (n,), none of them negative.

    Returns
    -------
    str
        Boolean of shape (n,), true at the beginning.
    """
    before = graph.op("Concat", [-1], graph.op("Slice", values, [0], [-1]), axis=0)
    return graph.op("Not", graph.op("Equal", values, before))


def ends_of(graph: Graph, starts: str, size: str) -> str:
    """Add the nodes that find where runs end: where the next begins, or all ends.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    starts : str
        Where the runs begin, int64 of shape (n_runs,), ascending.
    size : str
        Where all ends, int64 of shape (1,).

    Returns
    -------
    str
        The ends, int64 of shape (n_runs,).
    """
    later = graph.op("Slice", starts, [1], [2**62])
    # Nothing ends where there are no runs.
    last = graph.op("Slice", size, [0], graph.op("Shape", starts))
    return graph.op("Concat", later, last, axis=0)


def segments(graph: Graph, sources: str, alone: str) -> str:
    """Add the nodes that number the stretches of text between what stands alone.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    sources : str
        Text of each character, int64 of shape (n,), ascending.
    alone : str
        Whether it stands alone, boolean of shape (n,).

    Returns
    -------
    str
        The numbers, int64 of shape (n,), ascending.
    """
    before = graph.op("Pad", alone, [1, -1], np.array(False))
    begins = graph.op("Or", changes(graph, sources), graph.op("Or", alone, before))
    return graph.op("CumSum", graph.op("Cast", begins, to=TensorProto.INT64), 0)


def counts(graph: Graph, indices: str, size: str) -> str:
    """Add the nodes that count how often each index occurs.

    The kernel of ScatterElements is serial, unlike that of ScatterND, which loses sums
    where it has several threads.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    indices : str
        The indices, int64 of shape (n,).
    size : str
        Number of possible indices, int64 of shape (1,).

    Returns
    -------
    str
        The counts, int64 of shape (size,).
    """
    ones = graph.op("Expand", 1, graph.op("Shape", indices))
    zeros = graph.op("Expand", 0, size)
    return graph.op("ScatterElements", zeros, indices, ones, reduction="add")


def flags(graph: Graph, indices: str, size: str) -> str:
    """Add the nodes that mark some indices.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    indices : str
        The indices, int64 of shape (n,).
    size : str
        Number of possible indices, int64 of shape (1,).

    Returns
    -------
    str
        Boolean of shape (size,), true at the indices.
    """
    true = graph.op("Equal", indices, indices)
    none = graph.op("Expand", np.array(False), size)
    return graph.op("ScatterElements", none, indices, true)


def filled(graph: Graph, matrix: str, mask: str) -> tuple[str, str]:
    """Add the nodes that take the values of a matrix where a mask is not zero.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    matrix : str
        The matrix, of any type and shape (n_rows, n_columns).
    mask : str
        Boolean or numbers of the same shape.

    Returns
    -------
    values : str
        The values, row by row.
    places : str
        Row and column of each, int64 of shape (2, n_values).
    """
    places = graph.op("NonZero", mask)
    at = graph.op("Transpose", places, perm=[1, 0])
    return graph.op("GatherND", matrix, at), places
