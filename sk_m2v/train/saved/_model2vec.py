"""Pipelines of model2vec as estimators of this package."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v._optional import require
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.storage._card import model_card
from sk_m2v.embedding.storage._folder import damage, read_tensors
from sk_m2v.embedding.storage._names import PIPELINE
from sk_m2v.embedding.storage._snapshot import Snapshot
from sk_m2v.persistence._arrays import checked_array
from sk_m2v.train.heads._head import Head, Layer, Linear, ReLU

HEAD, OLD_HEAD = PIPELINE

# What an old head consists of, beside types that skops trusts by itself.
_TRUSTED = {
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
}

# Times the size of the file.
_MOST_UNPACKED = 2

FloatArray = npt.NDArray[np.floating[Any]]


def is_pipeline(files: Snapshot) -> bool:
    """Tell whether a folder holds a `StaticModelPipeline` of model2vec.

    Parameters
    ----------
    files : Snapshot
        The files of the folder.

    Returns
    -------
    bool
        Whether there is a head beside the model.
    """
    return any(name in files for name in PIPELINE)


class Pipeline(NamedTuple):
    """What a folder of model2vec holds.

    Attributes
    ----------
    embedding : StaticEmbedding
        The model.
    head : Head
        Layers with ReLU between them.
    activation : {"softmax", "sigmoid", "identity"}
        Of the scores: one class a text, several labels, or numbers.
    classes : ndarray of shape (n_outputs,) or None
        The classes; None for numbers.
    """

    embedding: StaticEmbedding
    head: Head
    activation: str
    classes: npt.NDArray[Any] | None

    def fill(self, estimator: Any) -> None:
        """Give an estimator what it is fitted by, but for what concerns its targets.

        Parameters
        ----------
        estimator : StaticClassifier or StaticRegressor
            Changed in place.
        """
        hidden = [it for it in self.head.layers[:-1] if isinstance(it, Linear)]
        estimator.set_params(model=self.embedding, lexical=False, n_layers=len(hidden))
        if hidden:
            estimator.set_params(hidden_dim=hidden[0].bias.size)
        estimator.embedding_, estimator._vectorizers = self.embedding, []
        estimator._head = self.head
        estimator.n_iter_, estimator.history_ = 0, []


def read_pipeline(files: Snapshot) -> Pipeline:
    """Read a `StaticModelPipeline` of model2vec, without running code.

    Parameters
    ----------
    files : Snapshot
        The files of a folder, written by model2vec.

    Returns
    -------
    Pipeline
        What it holds.

    Raises
    ------
    ImportError
        If an older version of model2vec wrote the head, and skops is not installed.
    ValueError
        If a file is damaged, or the head is more than layers with ReLU between them.
    """
    embedding = StaticEmbedding._from_files(files)
    if not embedding.normalize:
        raise ValueError(
            f"the vectors of {shortened(files.folder)} are not scaled to length 1, as "
            "those that a head of this package reads are ('normalize' in config.json): "
            "there is no estimator that predicts the same"
        )
    new = HEAD in files
    with damage(files.path(HEAD if new else OLD_HEAD)):
        read = _read_head if new else _read_old_head
        linear, activation, classes = read(files, embedding)
        head = _as_head(linear, embedding.dim)
        n_outputs = head.lexical.shape[1]
        wrong = classes is None or classes.shape != (n_outputs,)
        if activation == "identity":
            classes = None
        elif wrong:
            raise ValueError(
                f"it has {n_outputs} outputs, and the classes are {quoted(classes)}"
            )
    return Pipeline(embedding, head, activation, classes)


def write_pipeline(path: str | Path, pipeline: Pipeline) -> None:
    """Write a `StaticModelPipeline`, as model2vec 0.10 reads it.

    Parameters
    ----------
    path : str or Path
        The folder, made if it does not exist.
    pipeline : Pipeline
        What to write.

    Raises
    ------
    ValueError
        If the head has other layers than linear ones with ReLU between them, or reads
        n-grams.
    """
    from safetensors.numpy import save

    embedding, head, activation, classes = pipeline
    linear = [it for it in head.layers if isinstance(it, Linear)]
    between = [it for it in head.layers if not isinstance(it, Linear)]
    if len(head.lexical):
        raise ValueError(
            "a head of model2vec reads the embedding alone, and this one has n-grams "
            "beside it: fit with lexical=False"
        )
    relu = all(isinstance(it, ReLU) for it in between)
    if len(linear) != len(between) + 1 or not relu:
        kinds = listed(type(it).__name__ for it in head.layers)
        raise ValueError(
            "a head of model2vec has linear layers with ReLU between them, and this "
            f"one has {kinds}"
        )
    tensors = {}
    for i, it in enumerate(linear):
        tensors[f"head.{i}.weight"] = np.ascontiguousarray(it.weight.T)
        tensors[f"head.{i}.bias"] = it.bias
    description = {
        "n_layers": len(linear),
        "activation": activation,
        "classes": None if classes is None else classes.tolist(),
    }
    # Heads read vectors of length 1.
    config = {"normalize": True, "head_config": description}
    embedding = embedding.replace(**config)
    card = model_card(str(path), embedding._parts)
    embedding._write(Path(path), "model2vec", card, {HEAD: save(tensors)})


Parts = tuple[list[Linear], str, npt.NDArray[Any] | None]


def _read_head(files: Snapshot, embedding: StaticEmbedding) -> Parts:
    """Layers, activation and classes as model2vec 0.10 writes them."""
    config = embedding.config["head_config"]
    arrays = read_tensors(files, HEAD)
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


def _read_old_head(files: Snapshot, embedding: StaticEmbedding) -> Parts:
    """Layers, activation and classes of a pipeline of scikit-learn."""
    file, data = files.path(OLD_HEAD), bytes(files[OLD_HEAD])
    try:
        io = require("skops.io", extra="skops")
    except ImportError as error:
        raise ImportError(
            f"{shortened(file)} needs skops: pip install skops"
        ) from error
    _check_unpacked(data)
    try:
        unknown = set(io.get_untrusted_types(data=data)) - _TRUSTED
        head: Any = None if unknown else io.loads(data, trusted=sorted(_TRUSTED))[-1]
    except Exception as error:  # skops checks little, and its errors are of any class
        raise ValueError(f"{type(error).__name__}: {shortened(error)}") from error
    if unknown:
        raise ValueError(
            f"{shortened(file)} holds {listed(sorted(unknown))}, which is more than a "
            "head of layers: loading it could run code"
        )
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


def _check_unpacked(data: bytes) -> None:
    """Refuse an archive that becomes large: skops does not compress."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            size = sum(it.file_size for it in archive.infolist())
    except (BadZipFile, NotImplementedError) as error:
        raise ValueError(str(error)) from error
    if size > _MOST_UNPACKED * len(data):
        raise ValueError(f"unpacked it has {size:,} bytes")


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
