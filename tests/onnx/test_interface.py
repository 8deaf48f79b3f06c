"""Names, types and shapes of inputs and outputs, as other runtimes read them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx_helpers import (
    LABELS,
    MATRIX,
    TEXTS,
    TINY,
    every_export_is_checked,  # noqa: F401
)
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbeddingTransformer,
    StaticRegressor,
    TokenTfidfVectorizer,
)
from sk_m2v.onnx import load, to_onnx

TEXT = {"text": ("tensor(string)", ["n_texts"])}
IDS = {
    "input_ids": ("tensor(int64)", ["n_tokens"]),
    "offsets": ("tensor(int64)", ["n_texts"]),
}
PADDED = {
    "input_ids": ("tensor(int64)", ["batch_size", "sequence_length"]),
    "attention_mask": ("tensor(int64)", ["batch_size", "sequence_length"]),
}


def described(values):
    return {it.name: (it.type, it.shape) for it in values}


def interface(estimator, X=None, **options):
    model = load(to_onnx(estimator, X, verify=False, **options))
    session = model.session
    return described(session.get_inputs()), described(session.get_outputs())


@pytest.fixture(scope="module")
def classifier():
    return FeatureExtractionClassifier().fit(TEXTS, LABELS)


def test_embeddings():
    transformer = StaticEmbeddingTransformer()
    for variant, inputs, name, n in (
        ("text", TEXT, "embedding", "n_texts"),
        ("ids", IDS, "embeddings", "n_texts"),
        ("padded", PADDED, "sentence_embedding", "batch_size"),
    ):
        assert interface(transformer, variant=variant) == (
            inputs,
            {name: ("tensor(float)", [n, 384])},
        )
    vectorizer = TokenTfidfVectorizer().fit(TEXTS)
    n_features = len(vectorizer.get_feature_names_out())
    outputs = {"embedding": ("tensor(float)", ["n_texts", n_features])}
    assert interface(vectorizer) == (TEXT, outputs)


def test_classifiers(classifier):
    for variant, inputs, n in (
        ("text", TEXT, "n_texts"),
        ("ids", IDS, "n_texts"),
        ("padded", PADDED, "batch_size"),
    ):
        outputs = {
            "label": ("tensor(string)", [n]),
            "probabilities": ("tensor(float)", [n, 3]),
        }
        assert interface(classifier, variant=variant) == (inputs, outputs)
    numbered = FeatureExtractionClassifier().fit(TEXTS, [1, 0, 2] * 3)
    assert interface(numbered)[1]["label"] == ("tensor(int64)", ["n_texts"])
    several = FeatureExtractionClassifier().fit(TEXTS, MATRIX[:, :2])
    assert interface(several)[1] == {
        "label": ("tensor(int64)", ["n_texts", 2]),
        "probabilities": ("tensor(float)", ["n_texts", 2]),
    }
    scored = make_pipeline(StaticEmbeddingTransformer(), LinearSVC())
    assert interface(scored.fit(TEXTS, LABELS))[1] == {
        "label": ("tensor(string)", ["n_texts"]),
        "scores": ("tensor(float)", ["n_texts", 3]),
    }


def test_regressors():
    for y, n_targets in ((np.arange(9.0), 1), (MATRIX, 3)):
        outputs = {"prediction": ("tensor(float)", ["n_texts", n_targets])}
        assert interface(StaticRegressor(**TINY).fit(TEXTS, y)) == (TEXT, outputs)


@pytest.mark.parametrize(
    ("X", "ndim", "shape"),
    [
        (None, None, ["n_texts"]),
        (TEXTS, None, ["n_texts"]),
        (np.array(TEXTS), None, ["n_texts"]),
        (pd.Series(TEXTS), None, ["n_texts"]),
        (pl.Series(TEXTS), None, ["n_texts"]),
        (np.array(TEXTS)[:, None], None, ["n_texts", 1]),
        (pd.DataFrame({"text": TEXTS}), None, ["n_texts", 1]),
        (pl.DataFrame({"text": TEXTS}), None, ["n_texts", 1]),
        (None, 2, ["n_texts", 1]),
        (TEXTS, 2, ["n_texts", 1]),
        (np.array(TEXTS)[:, None], 1, ["n_texts"]),
        (pd.DataFrame({"text": TEXTS}), 1, ["n_texts"]),
    ],
)
def test_dimensions_of_texts(classifier, X, ndim, shape):
    model = load(to_onnx(classifier, X, ndim=ndim))
    assert described(model.session.get_inputs()) == {"text": ("tensor(string)", shape)}
    rows = np.array(TEXTS, dtype=object).reshape([-1, 1][: len(shape)])
    label = model.session.run(["label"], {"text": rows})[0]
    assert_array_equal(label, classifier.predict(TEXTS))
    # `load` takes either.
    for texts in (TEXTS, rows):
        assert_array_equal(model.predict(texts), label)


def test_a_file_without_a_shape(classifier):
    """As 0.1.0 wrote them."""
    proto = to_onnx(classifier, verify=False)
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    assert_array_equal(load(proto).predict(TEXTS), classifier.predict(TEXTS))


@pytest.mark.parametrize("ndim", [None, 1, 2])
def test_one_column_that_is_chosen(ndim):
    frame = pd.DataFrame({"review": TEXTS})
    columns = ColumnTransformer([("text", StaticEmbeddingTransformer(), "review")])
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, LABELS)
    model = load(to_onnx(pipeline, frame, ndim=ndim))
    shape = ["n_texts"] if ndim == 1 else ["n_texts", 1]
    assert described(model.session.get_inputs()) == {
        "review": ("tensor(string)", shape)
    }
    assert_array_equal(model.predict(frame), pipeline.predict(frame))


def test_columns_with_names_of_outputs():
    frame = pd.DataFrame({"label": TEXTS, "probabilities": np.arange(9.0)})
    columns = ColumnTransformer(
        [
            ("text", StaticEmbeddingTransformer(), "label"),
            ("number", StandardScaler(), ["probabilities"]),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, LABELS)
    inputs, outputs = interface(pipeline, frame)
    assert inputs == {
        "label": ("tensor(string)", ["n_texts", 1]),
        "probabilities": ("tensor(float)", ["n_texts", 1]),
    }
    assert outputs == {
        "output_label": ("tensor(string)", ["n_texts"]),
        "output_probabilities": ("tensor(float)", ["n_texts", 3]),
    }
    model = load(to_onnx(pipeline, frame))
    assert_allclose(
        model.predict_proba(frame), pipeline.predict_proba(frame), atol=1e-5
    )
    with pytest.raises(ValueError, match=r"ndim=1 .* X has 2 columns"):
        to_onnx(pipeline, frame, ndim=1)


def test_refused_dimensions(classifier):
    with pytest.raises(ValueError, match="ndim must be 1, 2 or None, got 3"):
        to_onnx(classifier, ndim=3)
    with pytest.raises(ValueError, match="ndim is for texts, not for variant='ids'"):
        to_onnx(classifier, variant="ids", ndim=1)
