"""Pipelines of model2vec as estimators of this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v._optional import require
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.storage._folder import _read_safetensors
from sk_m2v.persistence._arrays import checked_array
from sk_m2v.train._regressor import StaticRegressor
from sk_m2v.train._static import StaticClassifier
from sk_m2v.train.heads._head import Head, Layer, Linear, ReLU
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._targets import Scale

HEAD, OLD_HEAD = "head.safetensors", "pipeline.skops"

# What an old head consists of, beside types that skops trusts by itself.
_TRUSTED = {
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
}

FloatArray = npt.NDArray[np.floating[Any]]


def is_pipeline(folder: Path) -> bool:
    """Tell whether a folder holds a `StaticModelPipeline` of model2vec.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        Whether there is a head beside the model.
    """
    return any((folder / name).is_file() for name in (HEAD, OLD_HEAD))


def read_pipeline(folder: Path) -> StaticClassifier | StaticRegressor:
    """Read a `StaticModelPipeline` of model2vec, without running code.

    Parameters
    ----------
    folder : Path
        The folder, written by model2vec.

    Returns
    -------
    StaticClassifier or StaticRegressor
        A fitted estimator that predicts the same.

    Raises
    ------
    ImportError
        If an older version of model2vec wrote the head, and skops is not installed.
    ValueError
        If a file is damaged, or the head is more than layers with ReLU between them.
    """
    embedding = StaticEmbedding.from_pretrained(folder)
    if not embedding.normalize:
        raise ValueError(
            f"the vectors of {shortened(folder)} are not scaled to length 1, as those "
            "that a head of this package reads are ('normalize' in config.json): there "
            "is no estimator that predicts the same"
        )
    new = (folder / HEAD).is_file()
    file = folder / (HEAD if new else OLD_HEAD)
    try:
        read = _read_head if new else _read_old_head
        linear, activation, classes = read(file, embedding)
        head = _as_head(linear, embedding.dim)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"{shortened(file)} is damaged: {shortened(error)}") from error
    except ValueError as error:
        cause = str(error)
        text = cause if str(file) in cause else f"{file} is damaged: {cause}"
        raise ValueError(shortened(text, 400)) from error
    n_outputs = head.lexical.shape[1]
    options: dict[str, Any] = {
        "n_layers": len(linear) - 1,
        "hidden_dim": linear[0].bias.size if len(linear) > 1 else 512,
        "lexical": False,
    }
    fitted: StaticClassifier | StaticRegressor
    if activation == "identity":
        fitted = StaticRegressor(embedding, **options)
        fitted._form = (n_outputs,)
        fitted._scale = Scale(np.zeros(n_outputs), np.ones(n_outputs))
    else:
        if classes is None or classes.shape != (n_outputs,):
            raise ValueError(
                f"{shortened(file)} has {n_outputs} outputs, and the classes are "
                f"{quoted(classes)}"
            )
        form = {"softmax": "single", "sigmoid": "lists"}[activation]
        fitted = StaticClassifier(embedding, **options)
        fitted._labels = Labels(classes, form)
        fitted.classes_ = classes
    fitted.embedding_, fitted._vectorizers, fitted._head = embedding, [], head
    fitted.n_iter_, fitted.history_ = 0, []
    return fitted


Parts = tuple[list[Linear], str, npt.NDArray[Any] | None]


def _read_head(file: Path, embedding: StaticEmbedding) -> Parts:
    """Layers, activation and classes as model2vec 0.10 writes them."""
    config = embedding.config["head_config"]
    arrays = _read_safetensors(file)
    layers = []
    for i in range(int(config["n_layers"])):
        weight = checked_array(arrays, f"head.{i}.weight", (None, None))
        bias = checked_array(arrays, f"head.{i}.bias", weight.shape[:1])
        layers.append(_linear(weight.T, bias))
    activation = str(config["activation"])
    if activation not in ("softmax", "sigmoid", "identity"):
        raise ValueError(f"there is no activation {quoted(activation)}")
    classes = config["classes"]
    return layers, activation, None if classes is None else np.asarray(classes)


def _read_old_head(file: Path, embedding: StaticEmbedding) -> Parts:
    """Layers, activation and classes of a pipeline of scikit-learn."""
    try:
        io = require("skops.io", extra="skops")
    except ImportError as error:
        raise ImportError(
            f"{shortened(file)} needs skops: pip install skops"
        ) from error
    unknown = set(io.get_untrusted_types(file=file)) - _TRUSTED
    if unknown:
        raise ValueError(
            f"{shortened(file)} holds {listed(sorted(unknown))}, which is more than a "
            "head of layers: loading it could run code"
        )
    head = io.load(file, trusted=sorted(_TRUSTED))[-1]
    kind = type(head).__name__
    if kind not in ("MLPClassifier", "MLPRegressor") or head.activation != "relu":
        raise ValueError(
            f"{shortened(file)} holds a {kind}, not a multi-layer perceptron with ReLU"
        )
    layers = [_linear(*it) for it in zip(head.coefs_, head.intercepts_, strict=True)]
    if kind == "MLPRegressor":
        return layers, "identity", None
    classes = np.asarray(head.classes_)
    if head.out_activation_ == "softmax":
        return layers, "softmax", classes
    if head._label_binarizer.y_type_ != "binary":
        return layers, "sigmoid", classes
    # Of two classes one score is stored, that of the second. As two scores, of which
    # the first is nothing, it has the same probabilities.
    last = layers.pop()
    weight, bias = (
        np.concatenate([np.zeros_like(it), it], axis=-1)
        for it in (last.weight, last.bias)
    )
    return [*layers, Linear(weight, bias)], "softmax", classes


def _linear(weight: FloatArray, bias: FloatArray) -> Linear:
    return Linear(
        np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(bias, np.float32)
    )


def _as_head(linear: list[Linear], dim: int) -> Head:
    layers: list[Layer] = []
    size = dim
    for i, it in enumerate(linear):
        if it.weight.shape[0] != size:
            raise ValueError(
                f"layer {i} reads {it.weight.shape[0]} numbers, and gets {size}"
            )
        layers += [it, ReLU()]
        size = it.bias.size
    if not layers:
        raise ValueError("the head has no layers")
    return Head(tuple(layers[:-1]), np.zeros((0, size), np.float32))
