"""Converters of our estimators for skl2onnx."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx._parse import (
    _parse_sklearn,
    _parse_sklearn_classifier,
    _parse_sklearn_simple_model,
)
from skl2onnx.common._apply_operation import apply_identity
from skl2onnx.common._registration import (
    get_converter,
    get_shape_calculator,
    register_converter,
    register_shape_calculator,
)
from skl2onnx.common.data_types import (
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.common.shape_calculator import _infer_linear_classifier_output_types
from sklearn.base import is_classifier

from sk_m2v._tfidf import TokenTfidfVectorizer
from sk_m2v._transformer import StaticEmbeddingTransformer
from sk_m2v.distill import DistillTransformer
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import PRECISIONS
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.heads import _scores
from sk_m2v.onnx.heads._container import Conversion, input_kind, known_options
from sk_m2v.onnx.heads._letter_tfidf import letter_tfidf
from sk_m2v.onnx.heads._sklearn import ForeignHead
from sk_m2v.onnx.heads._tfidf import Sparse, dense, tfidf
from sk_m2v.onnx.tokenize._token_ids import Tokens
from sk_m2v.train import (
    ContrastiveTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
    ZeroShotClassifier,
)
from sk_m2v.train.heads._head import Head

_PRECISION = {"precision": [None, *PRECISIONS]}
# What each class was registered with.
_known: dict[type, tuple[Any, ...]] = {}
# Names and values as skl2onnx has them for classifiers.
_CLASSIFIER = {
    **_PRECISION,
    "zipmap": [True, False, "columns"],
    "nocl": [False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def register() -> None:
    """Make skl2onnx know our estimators."""
    transformers = (
        StaticEmbeddingTransformer,
        DistillTransformer,
        ContrastiveTransformer,
    )
    for kind in transformers:
        _register(kind, _transformer_shapes, _convert_transformer, _PRECISION)
    _register(TokenTfidfVectorizer, _tfidf_shapes, _convert_tfidf, {})
    _register(StaticRegressor, _regressor_shapes, _convert_regressor, _PRECISION)
    for classifier in (
        FeatureExtractionClassifier,
        StaticClassifier,
        FromScratchClassifier,
        ZeroShotClassifier,
    ):
        _register(
            classifier,
            _classifier_shapes,
            _convert_classifier,
            _CLASSIFIER,
            parser=_parse_classifier,
        )
    for alias in (
        "SklearnCalibratedClassifierCV",
        "SklearnOneVsRestClassifier",
        "SklearnPipeline",
    ):
        shapes = _allowing_texts(get_shape_calculator(alias))
        register_shape_calculator(alias, shapes, overwrite=True)
    pipeline = get_converter("SklearnPipeline")
    register_converter(
        "SklearnPipeline",
        _from_tokens(pipeline),
        overwrite=True,
        options=pipeline.get_allowed_options(),
    )


def register_subclasses(kinds: Iterable[type]) -> None:
    """Make skl2onnx know subclasses of our estimators.

    Parameters
    ----------
    kinds : iterable of type
        Classes of estimators.
    """
    for kind in kinds:
        known = next((it for it in kind.__mro__ if it in _known), None)
        if known is not None and known is not kind:
            _register(kind, *_known[known])


def _register(
    kind: type, shapes: Any, convert: Any, options: dict[str, Any], parser: Any = None
) -> None:
    _known[kind] = (shapes, convert, options, parser)
    # Subclasses can share a name.
    number = "" if kind.__module__.startswith("sk_m2v.") else str(len(_known))
    update_registered_converter(
        kind,
        f"SkM2v{kind.__name__}{number}",
        shapes,
        convert,
        parser=parser,
        options=options,
    )


def _allowing_texts(shapes: Any) -> Any:
    """Shapes of an estimator that hands its input on to others, also if it is texts.

    skl2onnx knows these estimators, and how to convert them, but refuses what is not
    one matrix of numbers.
    """

    def calculate(operator: Any) -> None:
        if _reads_tokens(operator) and is_classifier(operator.raw_operator):
            _infer_linear_classifier_output_types(operator)
            # Whoever declared it may have taken it for the type of the input.
            scores = operator.outputs[1]
            scores.set_type(FloatTensorType(scores.type.shape))
        else:
            shapes(operator)

    return calculate


def _from_tokens(convert: Any) -> Any:
    """Converter of a pipeline inside another estimator, also if it reads texts.

    That of skl2onnx does not hand on whether probabilities or scores are wanted, and
    asks all classifiers for options that some do not have.
    """

    def converter(scope: Any, operator: Any, container: Any) -> None:
        pipeline = operator.raw_operator
        if not _reads_tokens(operator):
            convert(scope, operator, container)
            return
        options = {"zipmap": False}
        asked = container.get_options(pipeline, fail=False) or {}
        if asked.get("raw_scores") and hasattr(pipeline, "decision_function"):
            options["raw_scores"] = True
        values = operator.inputs
        for _, step in pipeline.steps:
            if is_classifier(step):
                for owner in (scope, container):
                    owner.add_options(id(step), known_options(step, **options))
            values = _parse_sklearn(scope, step, values)
        for value, variable in zip(values, operator.outputs, strict=True):
            apply_identity(scope, value.full_name, variable.full_name, container)

    return converter


def _reads_tokens(operator: Any) -> bool:
    """Whether the inputs are texts or token ids, not one matrix of numbers."""
    texts = isinstance(operator.inputs[0].type, StringTensorType)
    return texts or len(operator.inputs) > 1


def _n_texts(operator: Any) -> int | None:
    """Number of texts, where the inputs fix it."""
    if input_kind(operator) == "ids":
        # The number of offsets may be fixed, that of ids says nothing.
        return operator.inputs[1].get_first_dimension()  # type: ignore[no-any-return]
    return operator.inputs[0].get_first_dimension()  # type: ignore[no-any-return]


# --- Transformers ---------------------------------------------------------------------


def _embedding(model: Any) -> StaticEmbedding:
    # One of these transformers works without `fit`.
    fitted = hasattr(model, "embedding_")
    embedding: StaticEmbedding = model.embedding_ if fitted else model._load()
    return embedding


def _transformer_shapes(operator: Any) -> None:
    shape = [_n_texts(operator), _embedding(operator.raw_operator).dim]
    operator.outputs[0].set_type(FloatTensorType(shape))


def _convert_transformer(scope: Any, operator: Any, container: Any) -> None:
    conversion = Conversion(scope, operator, container)
    model = operator.raw_operator
    embedding = _embedding(model)
    max_length = getattr(model, "max_length", "auto")
    normalize = getattr(model, "normalize", None)
    rows = conversion.pooled(
        conversion.tokens(embedding, max_length),
        embedding,
        normalize=embedding.normalize if normalize is None else bool(normalize),
    )
    conversion.finish(rows)


def _tfidf_shapes(operator: Any) -> None:
    shape = [_n_texts(operator), operator.raw_operator._ngrams.n_features]
    operator.outputs[0].set_type(FloatTensorType(shape))


def _convert_tfidf(scope: Any, operator: Any, container: Any) -> None:
    conversion = Conversion(scope, operator, container)
    model = operator.raw_operator
    tokens = conversion.tokens(model.embedding_, model.max_length)
    graph = conversion.graph
    blocks = [dense(graph, it) for it in _lexical(graph, tokens, [model._ngrams])]
    conversion.finish(graph.op("Concat", *blocks, axis=1))


def _lexical(
    graph: Graph, tokens: Tokens, vectorizers: Sequence[NgramTfidf]
) -> list[Sparse]:
    """Features of tokens, all at once, and of letters."""
    letters = [it for it in vectorizers if isinstance(it, LetterTfidf)]
    others = [it for it in vectorizers if not isinstance(it, LetterTfidf)]
    features = [tfidf(graph, tokens, others)] if others else []
    for block in letters:
        features += letter_tfidf(graph, tokens, block)
    return features


# --- Trained estimators ---------------------------------------------------------------


def _features(conversion: Conversion) -> tuple[list[Sparse], str]:
    """Lexical features and embeddings, as `Features` holds them."""
    graph, model = conversion.graph, conversion.operator.raw_operator
    tokens = conversion.tokens(model.embedding_, model.max_length)
    lexical = _lexical(graph, tokens, model._vectorizers)
    embeddings = conversion.pooled(tokens, model.embedding_, normalize=True)
    return lexical, embeddings


def _regressor_shapes(operator: Any) -> None:
    n_targets = int(np.prod(operator.raw_operator._form))
    operator.outputs[0].set_type(FloatTensorType([_n_texts(operator), n_targets]))


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    conversion = Conversion(scope, operator, container)
    graph = conversion.graph
    values = _scores.scores(graph, operator.raw_operator._head, *_features(conversion))
    conversion.finish(graph.op("Cast", values, to=TensorProto.FLOAT))


def _parse_classifier(
    scope: Any, model: Any, inputs: Any, custom_parsers: Any = None
) -> Any:
    # Dictionaries of probabilities are for classes that exclude each other.
    single = hasattr(model, "predict_proba") and not model._labels.multilabel
    parse = _parse_sklearn_classifier if single else _parse_sklearn_simple_model
    return parse(scope, model, inputs, custom_parsers=custom_parsers)


def _classifier_shapes(operator: Any) -> None:
    model = operator.raw_operator
    n_texts, n_classes = _n_texts(operator), len(model.classes_)
    label = Int64TensorType([n_texts])
    if model._labels.multilabel:
        label = Int64TensorType([n_texts, n_classes])
    elif model.classes_.dtype.kind in "OUS":
        label = StringTensorType([n_texts])
    operator.outputs[0].set_type(label)
    operator.outputs[1].set_type(FloatTensorType([n_texts, n_classes]))


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    conversion = Conversion(scope, operator, container)
    graph, model = conversion.graph, operator.raw_operator
    multilabel = model._labels.multilabel
    lexical, embeddings = _features(conversion)
    scores = None
    raw = bool(conversion.option("raw_scores")) or not hasattr(model, "predict_proba")
    if isinstance(model._head, Head):
        scores = _scores.scores(graph, model._head, lexical, embeddings)
        probabilities = _scores.probabilities(graph, scores, multilabel=multilabel)
    else:
        head = ForeignHead(
            conversion, model._head, lexical, embeddings, model.embedding_.dim
        )
        probabilities = head.probabilities()
        scores = head.scores() if raw else None
    thresholds = None
    if multilabel or model.thresholds is not None:
        thresholds = model._threshold_array(model._labels)
    label = _scores.chosen(graph, probabilities, thresholds, multilabel=multilabel)
    if not multilabel:
        label = _scores.named(graph, label, model.classes_)
    shown = probabilities
    if raw and scores is not None:
        binary = not multilabel and len(model.classes_) == 2
        shown = _scores.decision(graph, scores, binary=binary)
    conversion.finish(label, graph.op("Cast", shown, to=TensorProto.FLOAT))
