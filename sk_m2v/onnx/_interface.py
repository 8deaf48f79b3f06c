"""Inputs and outputs of a file: names, types and shapes, as runtimes read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, helper, numpy_helper
from skl2onnx.common.data_types import (
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

from sk_m2v._messages import listed, quoted
from sk_m2v.onnx._runtime import frame_columns
from sk_m2v.onnx.graph._subgraphs import subgraphs

# Names of the inputs of each variant, and of their dimensions.
VARIANTS: dict[str, dict[str, list[str]]] = {
    "text": {"text": ["n_texts"]},
    "ids": {"input_ids": ["n_tokens"], "offsets": ["n_texts"]},
    # As transformers.js and optimum have them.
    "padded": {
        "input_ids": ["batch_size", "sequence_length"],
        "attention_mask": ["batch_size", "sequence_length"],
    },
}
# What the output of a transformer is called by others who read the same: files that
# model2vec exports, and those of sentence transformers.
_EMBEDDINGS = {
    "text": "embedding",
    "ids": "embeddings",
    "padded": "sentence_embedding",
}


def initial_types(X: Any, variant: str, ndim: int | None) -> list[tuple[str, Any]]:
    """Inputs of a model, as skl2onnx takes them.

    Parameters
    ----------
    X : object
        Some input of the estimator, or None.
    variant : {"text", "ids", "padded"}
        What the model reads.
    ndim : {1, 2} or None
        Dimensions of an input of texts. None is those of `X`, or 1.

    Returns
    -------
    list of (str, object)
        Name and type of each.

    Raises
    ------
    ValueError
        If an argument is not possible for such an `X`.
    """
    columns = frame_columns(X)
    if variant == "text":
        if ndim is None:
            ndim = 2 if columns else min(getattr(X, "ndim", 1), 2)
        if len(columns) > 1 and ndim == 1:
            raise ValueError(
                f"ndim=1 is for one column of texts, but X has {len(columns)} columns, "
                "each of which is an input of two dimensions: leave ndim out"
            )
        if not columns:
            return [("text", StringTensorType([None, 1][:ndim]))]
        # Estimators of scikit-learn choose among columns, however few there are.
        return [(name, _column_type(X[name])) for name in columns]
    if ndim is not None:
        raise ValueError(f"ndim is for texts, not for variant={quoted(variant)}")
    if len(columns) > 1:
        raise ValueError(
            f"variant={quoted(variant)} reads the ids of one column of texts, but X "
            f"has the columns {listed(columns)}"
        )
    return [
        (name, Int64TensorType([None] * len(dims)))
        for name, dims in VARIANTS[variant].items()
    ]


def _column_type(column: Any) -> Any:
    """Type of an input for a column of a frame: numbers are float32, as in skl2onnx."""
    values = np.asarray(column)
    kind = FloatTensorType if values.dtype.kind in "buif" else StringTensorType
    return kind([None, 1])


def declare(
    model: ModelProto,
    columns: list[str],
    names: list[str],
    variant: str,
    ndim: int | None,
    n_targets: int | None,
) -> None:
    """Give inputs and outputs names that do not depend on the parts of a model.

    Their dimensions get names, too, the same for the number of texts everywhere.

    Parameters
    ----------
    model : ModelProto
        The model, which is changed.
    columns : list of str
        Names of the inputs.
    names : list of str
        Names of the outputs, from `output_names`.
    variant : {"text", "ids", "padded"}
        What the model reads.
    ndim : {1, 2} or None
        As in `initial_types`.
    n_targets : int or None
        Number of the values that a regressor predicts. Not all converters know it.
    """
    graph = model.graph
    names = [f"output_{it}" if it in columns else it for it in names]
    found = [it.name for it in (*graph.input, *graph.output)]
    new = dict(zip(found, [*columns, *names], strict=False))
    # What has such a name already, inside of the graph, makes way.
    new = {name: f"{name}_inside" for name in new.values() if name not in new} | new
    _rename(graph, new)
    for value in (*graph.input, *graph.output):
        value.name = new.get(value.name, value.name)
    if ndim == 1 and len(graph.input[0].type.tensor_type.shape.dim) > 1:
        _flatten(graph)
    (n_texts,) = {dims[0] for dims in VARIANTS[variant].values()} - {"n_tokens"}
    for given in graph.input:
        called = VARIANTS[variant].get(given.name, [n_texts])
        dims = given.type.tensor_type.shape.dim
        for dim, dim_name in zip(dims, called, strict=False):
            dim.dim_param = dim_name
    for output in graph.output:
        dims = output.type.tensor_type.shape.dim
        if len(dims):
            dims[0].dim_param = n_texts
        if len(dims) > 1 and n_targets is not None:
            dims[1].dim_value = n_targets


def output_names(kind: str, variant: str, estimator: Any) -> list[str]:
    """Names of the outputs of a model.

    Parameters
    ----------
    kind : {"classifier", "regressor", "clusterer", "transformer"}
        What the estimator is.
    variant : {"text", "ids", "padded"}
        What the model reads.
    estimator : estimator
        Whose probabilities, if it has any, are given.

    Returns
    -------
    list of str
        The names.
    """
    if kind == "transformer":
        return [_EMBEDDINGS[variant]]
    if kind == "regressor":
        return ["prediction"]
    if hasattr(estimator, "predict_proba"):
        return ["label", "probabilities"]
    return ["label", "distances" if hasattr(estimator, "transform") else "scores"]


def _flatten(graph: GraphProto) -> None:
    """Let a graph that reads a column take texts of one dimension."""
    (given,) = graph.input
    column, axes = f"{given.name}_column", f"{given.name}_axes"
    _rename(graph, {given.name: column})
    graph.initializer.append(numpy_helper.from_array(np.array([1]), axes))
    node = helper.make_node("Unsqueeze", [given.name, axes], [column])
    graph.node.insert(0, node)
    del given.type.tensor_type.shape.dim[1]


def _rename(graph: GraphProto, new: dict[str, str]) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = new.get(name, name)
        for inner in subgraphs(node):
            _rename(inner, new)
    for constant in graph.initializer:
        constant.name = new.get(constant.name, constant.name)
