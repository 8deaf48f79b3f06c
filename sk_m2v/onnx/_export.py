"""`to_onnx`: a fitted estimator as one ONNX model."""

from __future__ import annotations

import io
import json
import pickle
from importlib.metadata import version
from pathlib import Path
from traceback import walk_tb
from types import FunctionType
from typing import Any

import numpy as np
from onnx import ModelProto, helper
from skl2onnx import convert_sklearn
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sk_m2v._messages import LIMIT, quoted, shortened
from sk_m2v._transformer import StaticEmbeddingTransformer
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import PRECISIONS
from sk_m2v.embedding.storage._replace import write_files
from sk_m2v.onnx._interface import (
    VARIANTS,
    declare,
    initial_types,
    output_names,
)
from sk_m2v.onnx._runtime import METHODS, frame_columns
from sk_m2v.onnx._verify import verify as verify_model
from sk_m2v.onnx.graph._builder import DOMAINS
from sk_m2v.onnx.heads._container import known_options
from sk_m2v.onnx.heads._converters import register_subclasses

# Whose prediction shows the shape of all.
_EXAMPLE = ["a text"]


def to_onnx(
    estimator: Any,
    X: Any = None,
    *,
    variant: str = "text",
    ndim: int | None = None,
    precision: str | None = None,
    target_opset: int | None = None,
    verify: bool = True,
) -> ModelProto:
    """Write a fitted estimator as an ONNX model.

    Parameters
    ----------
    estimator : estimator or StaticEmbedding
        A fitted estimator of this package, a model alone, or a pipeline or other
        estimator of scikit-learn that holds some.
    X : container of str or DataFrame, default=None
        Some input, on which the model is verified, too. Needed if the input is more
        than one column of texts.
    variant : {"text", "ids", "padded"}, default="text"
        What the model reads. "text": strings, one a text.
        "ids": ``input_ids`` of shape (n_tokens,) and ``offsets`` of shape (n_texts,),
        where each text begins, as PyTorch's ``EmbeddingBag`` has them. "padded":
        ``input_ids`` and ``attention_mask`` of shape (n_texts, n_tokens), as
        transformers.js and others have them. All are int64.
    ndim : {1, 2} or None, default=None
        Dimensions of the input of texts, which runtimes insist on: 1 is the shape
        (n_texts,), 2 is (n_texts, 1). None is that of `X`: 2 for an array of two
        dimensions or a DataFrame, else 1.
    precision : {"float32", "float16", "int8"} or None, default=None
        Type in which to store vectors; int8 has one scale a row. None keeps theirs.
    target_opset : int or None, default=None
        Version of the operators, at least 20, which onnxruntime has since 1.17. None
        is 20.
    verify : bool, default=True
        Whether to run the model on many kinds of texts and on `X`, and to compare with
        the estimator.

    Returns
    -------
    onnx.ModelProto
        The model. Its outputs are ``label`` and ``probabilities`` (``scores`` if there
        are none, ``distances`` of clusters), ``prediction``, or ``embedding``; for ids
        ``embeddings`` and for padded ids ``sentence_embedding``, as the files of
        model2vec and of sentence transformers. Its metadata name version, model,
        licence, maximum length and labels.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If there is no fitted estimator of this package.
    ValueError
        If a part of the tokenizer has no exact graph (``variant="ids"`` does without),
        an argument is not possible, or skl2onnx cannot convert a part.
    TypeError
        If the head of a classifier has layers that have no ONNX form.
    AssertionError
        If the model does not do what the estimator does.

    Notes
    -----
    The model runs on onnxruntime without any other library. ``skl2onnx.to_onnx`` does
    the same without verification and metadata.

    Examples
    --------
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.onnx import load, to_onnx
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> classifier = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
    >>> model = load(to_onnx(classifier))
    >>> model.predict(["a lovely film", "so boring"]).tolist()
    ['+', '-']
    """
    _check(variant, ndim, precision, target_opset)
    types = initial_types(X, variant, ndim)
    estimator, readers, embeddings = _with_precision(estimator, precision)
    register_subclasses(map(type, readers))
    kind, last = _kind(estimator), _last(estimator)
    model = _converted(estimator, last, types, target_opset or DOMAINS[""])
    names = output_names(kind, variant, estimator)
    form = None
    if kind == "regressor":
        # The graph gives a column even where Python gives none.
        example = X[:1] if frame_columns(X) else _EXAMPLE
        form = np.shape(estimator.predict(example))[1:]
    n_targets = None if form is None else int(np.prod(form))
    declare(model, [name for name, _ in types], names, variant, ndim, n_targets)
    length = embeddings[0]._max_length(getattr(readers[0], "max_length", "auto"))
    properties = {
        **_metadata(estimator, kind, embeddings[0]),
        "sk_m2v.variant": variant,
        "sk_m2v.max_length": "" if length is None else str(length),
    }
    if form is not None:
        properties["sk_m2v.form"] = json.dumps(form)
    if variant != "text":
        properties["sk_m2v.tokenizer"] = _tokenizer(embeddings, variant)
    helper.set_model_props(model, properties)
    if verify:
        verify_model(model, estimator, embeddings[0], X)
    return model


def save(model: ModelProto, path: str | Path) -> None:
    """Write a model of `to_onnx` to a file, or to a folder with its tokenizer.

    Parameters
    ----------
    model : onnx.ModelProto
        The model.
    path : str or Path
        For texts a file, "model.onnx". For ids and padded ids a folder, into which go
        ``onnx/model.onnx``, ``tokenizer.json``, ``tokenizer_config.json`` and
        ``config.json``, as transformers.js reads them.

    Raises
    ------
    ValueError
        If the model is none of `to_onnx`.
    """
    path = Path(path)
    properties = {it.key: it.value for it in model.metadata_props}
    if "sk_m2v.variant" not in properties:
        raise ValueError("the model was not made by sk_m2v.onnx.to_onnx")
    if properties["sk_m2v.variant"] == "text":
        path.parent.mkdir(parents=True, exist_ok=True)
        write_files({path: model.SerializeToString()})
        return
    (path / "onnx").mkdir(parents=True, exist_ok=True)
    tokenizer = json.loads(properties["sk_m2v.tokenizer"])
    added = [it["content"] for it in tokenizer.get("added_tokens", [])]
    pad = next((it for it in added if "pad" in it.lower()), (added or [None])[0])
    length = properties.get("sk_m2v.max_length")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": int(length) if length else 2**31,
        **({"pad_token": pad} if pad else {}),
    }
    write_files(
        {
            path / "onnx" / "model.onnx": model.SerializeToString(),
            path / "tokenizer.json": json.dumps(tokenizer, ensure_ascii=False).encode(),
            path / "tokenizer_config.json": json.dumps(config, indent=2).encode(),
            path / "config.json": json.dumps({"model_type": "model2vec"}).encode(),
        }
    )


def _check(
    variant: str, ndim: int | None, precision: str | None, target_opset: int | None
) -> None:
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {[*VARIANTS]}, got {quoted(variant)}")
    if ndim not in (None, 1, 2):
        raise ValueError(f"ndim must be 1, 2 or None, got {quoted(ndim)}")
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {[*PRECISIONS]} or None, got {quoted(precision)}"
        )
    if target_opset is not None and target_opset < DOMAINS[""]:
        raise ValueError(
            f"target_opset must be at least {DOMAINS['']}, got {quoted(target_opset)}"
        )


def _with_precision(
    estimator: Any, precision: str | None
) -> tuple[Any, list[Any], list[StaticEmbedding]]:
    """Copy of an estimator whose vectors are stored in a precision.

    Models are found, and replaced, wherever they are: pickling meets them all. Beside
    the copy come the fitted estimators that read texts, and the models of each.
    """
    if isinstance(estimator, StaticEmbedding):
        estimator = StaticEmbeddingTransformer(estimator)
    if isinstance(estimator, StaticEmbeddingTransformer) and not _is_fitted(estimator):
        # It works without `fit`.
        estimator = clone(estimator).fit()
    found: list[Any] = []  # models, and what is not copied
    readers: list[Any] = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> int | None:
            if _is_fitted(obj):
                readers.append(obj)
            # Classes and functions are themselves, wherever they were made.
            if isinstance(obj, (StaticEmbedding, type, FunctionType)):
                found.append(obj)
                return len(found) - 1
            return None

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid: int) -> Any:
            return models.get(id(found[pid]), found[pid])

    buffer = io.BytesIO()
    Pickler(buffer).dump(estimator)
    if not readers:
        raise NotFittedError(
            f"{type(estimator).__name__} holds no estimator of sk_m2v that is fitted: "
            "call fit before to_onnx"
        )
    models = {
        id(it): it.quantize(precision)
        for it in found
        if isinstance(it, StaticEmbedding)
    }
    buffer.seek(0)
    copy = Unpickler(buffer).load()
    return copy, readers, [models[id(it.embedding_)] for it in readers]


def _converted(estimator: Any, last: Any, types: Any, opset: int) -> ModelProto:
    try:
        model: ModelProto = convert_sklearn(
            estimator,
            initial_types=types,
            name=type(estimator).__name__,
            target_opset=opset,
            # Probabilities as a matrix. Asked of the last step: what is asked of a
            # pipeline is demanded of it even if it knows no such option.
            options={id(last): known_options(last, zipmap=False)},
        )
    except Exception as error:  # its errors have no class in common
        if _is_ours(error):
            raise
        # Some print all numbers of a model. The error itself would show them, too.
        original = error if len(str(error)) <= LIMIT else None
        cause = f" ({shortened(error.__cause__)})" if error.__cause__ else ""
        raise ValueError(
            f"skl2onnx cannot convert {type(last).__name__}: "
            f"{shortened(error)}{cause}. Another version of skl2onnx may, "
            "or take another estimator in its place."
        ) from original
    return model


def _is_ours(error: BaseException) -> bool:
    """Whether an error was raised by a converter of this package."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"]).startswith("sk_m2v.")


def _is_fitted(obj: Any) -> bool:
    return isinstance(obj, BaseEstimator) and isinstance(
        vars(obj).get("embedding_"), StaticEmbedding
    )


def _last(estimator: Any) -> Any:
    """Estimator that makes the output."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def _kind(estimator: Any) -> str:
    if is_classifier(estimator):
        return "classifier"
    if is_regressor(estimator):
        return "regressor"
    # Clusters and mixtures; few of them can transform, too.
    return "clusterer" if hasattr(estimator, "predict") else "transformer"


def _metadata(estimator: Any, kind: str, embedding: StaticEmbedding) -> dict[str, str]:
    config, last = embedding.config, _last(estimator)
    properties = {
        "sk_m2v.version": version("sk-m2v"),
        "sk_m2v.kind": kind,
        "sk_m2v.methods": json.dumps(
            [it for it in METHODS[kind] if hasattr(estimator, it)]
        ),
        "sk_m2v.estimator": type(last).__name__,
        "model_name": str(config.get("tokenizer_name", "")),
        "license": str(config.get("license", "")),
    }
    if kind == "classifier":
        labels = getattr(last, "_labels", None)
        classes = np.asarray(estimator.classes_).tolist()
        state = {"classes": classes} if labels is None else labels.to_dict()
        properties["sk_m2v.labels"] = json.dumps(state)
    return properties


def _tokenizer(embeddings: list[StaticEmbedding], variant: str) -> str:
    """Tokenizer whose ids a model reads: nothing but the tokens of the text."""
    if len({it.tokenizer_json for it in embeddings}) > 1:
        raise ValueError(
            f"the estimator has several tokenizers, and variant={quoted(variant)} "
            "reads the ids of one"
        )
    tokenizer = embeddings[0].tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # No marks of beginning or end.
    data = {**json.loads(tokenizer.to_str()), "post_processor": None}
    return json.dumps(data, ensure_ascii=False)
