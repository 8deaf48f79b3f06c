"""Graphs inside a node: what enters, what leaves, and what they capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from onnx import (
    AttributeProto,
    GraphProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
)


class Value(NamedTuple):
    """Type of a value that enters or leaves a subgraph."""

    dtype: int  # of TensorProto
    shape: tuple[int | None, ...] = (None,)


INTS = Value(TensorProto.INT64)
INT = Value(TensorProto.INT64, ())


def value_info(name: str, value: Value) -> ValueInfoProto:
    """Describe a value that enters or leaves a graph.

    Parameters
    ----------
    name : str
        Its name.
    value : Value
        Its type.

    Returns
    -------
    ValueInfoProto
        For ``onnx.helper.make_graph``.
    """
    return helper.make_tensor_value_info(name, value.dtype, value.shape)


def captured_names(graph: GraphProto) -> set[str]:
    """Names that a graph reads from outside.

    Parameters
    ----------
    graph : GraphProto
        The body of a loop, or a branch.

    Returns
    -------
    set of str
        The names.
    """
    known = {it.name for it in graph.input}
    captured: set[str] = set()
    for node in graph.node:
        captured.update(set(node.input) - known)
        for inner in subgraphs(node):
            captured |= captured_names(inner) - known
        known.update(node.output)
    return captured


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Graphs inside a node.

    Parameters
    ----------
    node : NodeProto
        The node.

    Yields
    ------
    GraphProto
        The body of a loop, or a branch.
    """
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
