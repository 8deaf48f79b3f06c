"""Heads of classifiers and regressors in the graph: features to scores and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.heads._pooling import weighted_rows
from sk_m2v.onnx.heads._tfidf import Sparse
from sk_m2v.train.heads._head import Head, LayerNorm, Linear, ReLU, Tanh


def scores(graph: Graph, head: Head, lexical: Sequence[Sparse], dense: str) -> str:
    """Scores of a head, in double precision as in Python.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    head : Head
        The head.
    lexical : sequence of Sparse
        Lexical features; their columns one after another are those of the head.
    dense : str
        Embeddings: float32, of shape (n_texts, dim).

    Returns
    -------
    str
        The scores: float64, of shape (n_texts, n_outputs).
    """
    result = _double(graph, dense)
    for layer in head.layers:
        result = _apply(graph, layer, result)
    first = 0
    for block in lexical:
        weights = head.lexical[first : first + block.n_columns]
        first += block.n_columns
        part = weighted_rows(graph, block.columns, block.values, block.offsets, weights)
        result = graph.op("Add", result, _double(graph, part))
    return result


def _double(graph: Graph, value: Any) -> str:
    return graph.op("Cast", value, to=TensorProto.DOUBLE)


def _apply(graph: Graph, layer: Any, rows: str) -> str:
    """Output of a layer."""
    # Weights are cast in the graph: the file is smaller, and a runtime does it once.
    match layer:
        case Linear(weight, bias):
            rows = graph.op("MatMul", rows, _double(graph, weight))
            return graph.op("Add", rows, _double(graph, bias))
        case ReLU():
            return graph.op("Relu", rows)
        case Tanh():
            return graph.op("Tanh", rows)
        case LayerNorm(weight, bias, eps):
            centred = graph.op("Sub", rows, graph.op("ReduceMean", rows, [1]))
            squares = graph.op("Mul", centred, centred)
            variance = graph.op("ReduceMean", squares, [1])
            variance = graph.op("Add", variance, np.array(eps))
            rows = graph.op("Div", centred, graph.op("Sqrt", variance))
            rows = graph.op("Mul", rows, _double(graph, weight))
            return graph.op("Add", rows, _double(graph, bias))
    raise TypeError(
        "a head of layers other than Linear, ReLU, Tanh, LayerNorm and Dropout has no "
        "ONNX form"
    )


def probabilities(graph: Graph, scores: str, *, multilabel: bool) -> str:
    """Probabilities of classes, which sum to 1, or of labels, each for itself.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    scores : str
        The scores: float64, of shape (n_texts, n_classes).
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    str
        The probabilities, of the type and shape of `scores`.
    """
    if multilabel:
        return graph.op("Sigmoid", scores)
    return graph.op("Softmax", scores, axis=1)


def decision(graph: Graph, scores: str, *, binary: bool) -> str:
    """Scores as ``decision_function`` has them, but in two columns for two classes.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    scores : str
        The scores: float64, of shape (n_texts, n_classes).
    binary : bool
        Whether there are two classes, one of which is right.

    Returns
    -------
    str
        The scores. Of two classes, minus and plus that of ``classes_[1]``, as skl2onnx
        has it.
    """
    if not binary:
        return scores
    first, second = (graph.op("Gather", scores, [i], axis=1) for i in (0, 1))
    differences = (graph.op("Sub", *it) for it in ((first, second), (second, first)))
    return graph.op("Concat", *differences, axis=1)


def chosen(
    graph: Graph,
    probabilities: str,
    thresholds: npt.NDArray[np.float64] | None,
    *,
    multilabel: bool,
) -> str:
    """Indices of the classes, or which labels.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    probabilities : str
        The probabilities, float32 or float64, of shape (n_texts, n_classes).
    thresholds : ndarray of shape (n_labels,) or (1,), or None
        From which probability on a label, or the second class, is chosen. None chooses
        the likeliest class.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    str
        Integers (int64) of shape (n_texts,), or 0 and 1 of shape (n_texts, n_labels).
    """
    if thresholds is None:
        return graph.op("ArgMax", probabilities, axis=1, keepdims=0)
    if not multilabel:
        probabilities = graph.op("Gather", probabilities, 1, axis=1)
    enough = graph.op("GreaterOrEqual", _double(graph, probabilities), thresholds)
    return graph.op("Cast", enough, to=TensorProto.INT64)


def named(graph: Graph, indices: str, classes: npt.NDArray[Any]) -> str:
    """Labels of classes.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    indices : str
        Indices of the classes: int64, of shape (n_texts,).
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    str
        The labels, of shape (n_texts,): str, or int64 for all others, as in skl2onnx.
    """
    if classes.dtype.kind in "OUS":
        return graph.op("Gather", classes.astype(object), indices)
    return graph.op("Gather", classes.astype(np.int64), indices)
