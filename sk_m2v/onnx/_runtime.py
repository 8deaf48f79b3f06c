"""`load`: an exported model behind the methods of scikit-learn."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto
from tokenizers import Tokenizer

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v._parameters import public
from sk_m2v._text import as_texts, replace_surrogates
from sk_m2v.train.labels._labels import Labels

# Texts at a time: more take memory, but no less time.
_BATCH_SIZE = 1024
METHODS = {
    "classifier": ("predict", "predict_proba"),
    "regressor": ("predict",),
    "clusterer": ("predict", "predict_proba", "transform"),
    "transformer": ("transform",),
}


def load(path: str | Path | ModelProto, *, n_threads: int | None = None) -> OnnxModel:
    """Load a model that `to_onnx` made.

    Parameters
    ----------
    path : str, Path or onnx.ModelProto
        A file, a folder that `save` wrote, or the model itself.
    n_threads : int or None, default=None
        Threads of onnxruntime. None lets it choose.

    Returns
    -------
    OnnxModel
        The model, with the methods of the estimator.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no model of `to_onnx`.
    """
    return OnnxModel(path, n_threads=n_threads)


@public("sk_m2v.onnx")
class OnnxModel:
    """A thin wrapper of onnxruntime around a model of `to_onnx`.

    It needs neither the estimator nor PyTorch.

    Parameters
    ----------
    model : str, Path or onnx.ModelProto
        As in `load`.
    n_threads : int or None, default=None
        As in `load`.

    Attributes
    ----------
    session : onnxruntime.InferenceSession
        What runs the model.
    metadata : dict
        Its metadata: version, model name, licence, maximum length and others.
    columns : list of str
        Names of the inputs. More than one, unless they are token ids, are columns of a
        frame.
    methods : tuple of str
        Those of the methods below that the model has.
    classes_ : ndarray of shape (n_classes,)
        Labels, if it is a classifier.
    """

    def __init__(
        self, model: str | Path | ModelProto, *, n_threads: int | None = None
    ) -> None:
        if isinstance(model, ModelProto):
            name, content = "the model", model.SerializeToString()
        else:
            path = Path(model)
            path = path / "onnx" / "model.onnx" if os.path.isdir(path) else path
            if not os.path.isfile(path):
                raise FileNotFoundError(f"there is no file {shortened(path)!r}")
            name, content = shortened(path), str(path)
        options = onnxruntime.SessionOptions()
        if n_threads is not None:
            options.intra_op_num_threads = n_threads
        try:
            self.session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no class in common
            raise ValueError(
                f"onnxruntime cannot load {name}: {shortened(error)}"
            ) from error
        properties = self.session.get_modelmeta().custom_metadata_map
        if "sk_m2v.kind" not in properties:
            raise ValueError(f"{name} was not made by sk_m2v.onnx.to_onnx")
        self.metadata: dict[str, str] = dict(properties)
        self.methods: tuple[str, ...] = tuple(json.loads(properties["sk_m2v.methods"]))
        self.columns: list[str] = [it.name for it in self.session.get_inputs()]
        self._labels: Labels | None = None
        if "sk_m2v.labels" in self.metadata:
            state = json.loads(self.metadata["sk_m2v.labels"])
            if "form" in state:
                self._labels = Labels.from_dict(state)
            self.classes_ = np.array(state["classes"])
        self._tokenizer = None
        if self.metadata["sk_m2v.variant"] != "text":
            self.columns = ["text"]
            self._tokenizer = Tokenizer.from_str(self.metadata["sk_m2v.tokenizer"])

    def predict(self, X: Any) -> Any:
        """Predict classes, labels or numbers.

        Parameters
        ----------
        X : container of str, or DataFrame
            What the estimator reads.

        Returns
        -------
        ndarray, or in the form of the `y` of `fit`
            As `predict` of the estimator.
        """
        self._require("predict")
        values = self._run(X, 0)
        if self._labels is not None and self._labels.multilabel:
            return self._labels.decode(values)
        if self.metadata["sk_m2v.kind"] == "regressor":
            form = json.loads(self.metadata["sk_m2v.form"])
            return values.reshape(len(values), *form)
        if self.metadata["sk_m2v.kind"] == "clusterer":
            return values.reshape(len(values))
        # The graph knows only strings and integers.
        return values.astype(self.classes_.dtype)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : container of str, or DataFrame
            What the estimator reads.

        Returns
        -------
        ndarray of shape (n_texts, n_classes), dtype float32
            In the order of `classes_`.
        """
        self._require("predict_proba")
        probabilities: npt.NDArray[np.float32] = self._run(X, 1)
        return probabilities

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Turn texts into vectors.

        Parameters
        ----------
        X : container of str, or DataFrame
            What the estimator reads.

        Returns
        -------
        ndarray of shape (n_texts, n_features), dtype float32
            One vector a text.
        """
        self._require("transform")
        # What a clusterer predicts comes first.
        vectors: npt.NDArray[np.float32] = self._run(X, int("predict" in self.methods))
        return vectors

    def _require(self, method: str) -> None:
        if method not in self.methods:
            kind = self.metadata["sk_m2v.estimator"]
            raise AttributeError(f"a model of {kind} has no {method}")

    def _run(self, X: Any, output: int) -> npt.NDArray[Any]:
        name = self.session.get_outputs()[output].name
        if len(self.columns) > 1:
            return np.asarray(self.session.run([name], self._frame(X))[0])
        texts = as_texts(X)
        parts = [
            self.session.run([name], self._feed(texts[i : i + _BATCH_SIZE]))[0]
            for i in range(0, max(len(texts), 1), _BATCH_SIZE)
        ]
        return np.concatenate(parts)

    def _feed(self, texts: list[str]) -> dict[str, npt.NDArray[Any]]:
        texts = [replace_surrogates(it) for it in texts]
        if self._tokenizer is None:
            (given,) = self.session.get_inputs()
            # Files of 0.1.0 declare no shape, and take both.
            shape = (-1, 1) if len(given.shape) == 2 else (-1,)
            return {given.name: np.array(texts, dtype=object).reshape(shape)}
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        rows = [it.ids for it in encodings]
        sizes = [len(it) for it in rows]
        if self.metadata["sk_m2v.variant"] == "ids":
            begins = np.cumsum([0, *sizes])[:-1]
            ids = np.array([it for row in rows for it in row], np.int64)
            return {"input_ids": ids, "offsets": begins.astype(np.int64)}
        ids = np.zeros((len(rows), max(sizes, default=0)), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def _frame(self, X: Any) -> dict[str, npt.NDArray[Any]]:
        missing = [it for it in self.columns if it not in X]
        if missing:
            raise ValueError(
                f"X has no column {quoted(missing[0])}: it needs {listed(self.columns)}"
            )
        feed = {}
        for given in self.session.get_inputs():
            column = np.asarray(X[given.name])
            if given.type == "tensor(string)":
                texts = [replace_surrogates(it) for it in as_texts(column)]
                column = np.array(texts, dtype=object)
            else:
                column = column.astype(_TYPES[given.type])
            feed[given.name] = column.reshape(-1, 1)
        return feed


def frame_columns(X: Any) -> list[str]:
    """Names of the columns of a frame of pandas or polars.

    Parameters
    ----------
    X : object
        Any input of an estimator.

    Returns
    -------
    list of str
        The names, none if it is no such frame.
    """
    columns = [*getattr(X, "columns", [])]
    return columns if all(isinstance(it, str) for it in columns) else []


_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
