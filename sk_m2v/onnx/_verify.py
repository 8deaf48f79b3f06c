"""Compare an exported model with the estimator it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto
from sklearn.pipeline import Pipeline

from sk_m2v._messages import quoted, shortened
from sk_m2v._text import as_texts
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.onnx._runtime import OnnxModel, frame_columns
from sk_m2v.onnx._samples import SAMPLES

_SKIP = "pass verify=False to export it nevertheless"
# Largest difference that there may be. Embeddings have length 1, as a rule.
# Distances are roots of small differences.
_OF_DISTANCES = 2e-3
_TOLERANCES = {"predict_proba": 1e-5, "transform": 1e-6, "predict": 1e-5}


def verify(
    model: ModelProto, estimator: Any, embedding: StaticEmbedding, X: Any
) -> None:
    """Raise an error where a model does not do what an estimator does.

    Parameters
    ----------
    model : ModelProto
        Of `to_onnx`.
    estimator : estimator
        The estimator.
    embedding : StaticEmbedding
        Whose tokens the estimator reads.
    X : container of str or DataFrame or None
        Input to compare on, beside texts of many kinds.

    Raises
    ------
    AssertionError
        If there is a difference.
    ValueError
        If one of them fails on a text.
    """
    graph = OnnxModel(model)
    samples: Any = [*SAMPLES, *embedding.vocabulary[::500]]
    inputs: list[Any] = [samples]
    columns = frame_columns(X)
    if columns:
        # A frame of one column may be what the estimator needs.
        frames = [type(X)({columns[0]: samples})] if len(columns) == 1 else []
        inputs = [*frames, X]
    elif X is not None:
        inputs.append(as_texts(X))
    for rows in inputs:
        _compare(graph, estimator, rows)


def _compare(graph: OnnxModel, estimator: Any, rows: Any) -> None:
    for method in graph.methods:
        wanted, got = (_result(it, method, rows) for it in (estimator, graph))
        distances = method == "transform" and "predict" in graph.methods
        tolerance = _OF_DISTANCES if distances else _TOLERANCES[method]
        wrong = _different_rows(wanted, got, tolerance)
        if wrong.size:
            first = int(wrong[0])
            row = rows.iloc[first].to_dict() if hasattr(rows, "iloc") else rows[first]
            raise AssertionError(
                f"{method} of the ONNX model differs on {wrong.size} of {len(rows)} "
                f"inputs, first on {quoted(row)}: {quoted(got[first])} instead of "
                f"{quoted(wanted[first])}. {_advice(estimator)}"
            )


def _result(model: Any, method: str, rows: Any) -> npt.NDArray[Any]:
    try:
        return _dense(getattr(model, method)(rows))
    except Exception as error:  # of any library
        kind = "the ONNX model" if isinstance(model, OnnxModel) else "the estimator"
        raise ValueError(
            f"{method} of {kind} fails on texts on which both are compared: "
            f"{shortened(error)}. If it need not know such texts, {_SKIP}."
        ) from None


def _advice(estimator: Any) -> str:
    """What to do about a difference."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    name = type(estimator).__name__
    if hasattr(estimator, "embedding_"):
        return f"This is a fault of the export of {name}: please report it, or {_SKIP}."
    return (
        f"skl2onnx computes in float32, and {name} is converted by it: ties, such as "
        "neighbours of equal distance, and values close to a limit can come out "
        f"otherwise. If such differences do not matter, {_SKIP}."
    )


def _different_rows(
    wanted: npt.NDArray[Any], got: npt.NDArray[Any], tolerance: float
) -> npt.NDArray[np.intp]:
    if wanted.shape != got.shape:
        raise AssertionError(
            f"the ONNX model gives shape {got.shape} instead of {wanted.shape}: "
            "skl2onnx converts it to something else; take another in its place"
        )
    if wanted.dtype.kind == "f":
        scale = np.maximum(1, np.abs(wanted))
        different = ~(np.abs(wanted - got) <= tolerance * scale)
    else:
        different = wanted != got
    return np.flatnonzero(different.reshape(len(different), -1).any(axis=1))


def _dense(values: Any) -> npt.NDArray[Any]:
    if hasattr(values, "toarray"):
        values = values.toarray()
    if isinstance(values, list):  # of lists of labels
        array = np.empty(len(values), dtype=object)
        array[:] = [tuple(it) for it in values]
        return array
    return np.asarray(values)
