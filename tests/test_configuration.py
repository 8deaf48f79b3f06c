"""Every option of `sklearn.set_config`, on every estimator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbeddingTransformer,
    StaticRegressor,
    TokenTfidfVectorizer,
)

TEXTS = ["a great film", "a lovely movie", "a dull film", "a boring movie"] * 4
LABELS = ["good", "good", "bad", "bad"] * 4
TRAINED = {"random_state": 0, "max_epochs": 1}


def teacher(texts):
    """Vectors that tell texts apart by their letters."""
    return np.array(
        [[text.count(letter) for letter in "adefgilmoruvy "] for text in texts]
    )


ESTIMATORS = {
    "embedding": (StaticEmbeddingTransformer(), None),
    "tokens": (TokenTfidfVectorizer(), None),
    "distilled": (DistillTransformer(teacher, pca_dims=4), None),
    "pairs": (ContrastiveTransformer(**TRAINED), [f"{text} again" for text in TEXTS]),
    "FE": (FeatureExtractionClassifier(), LABELS),
    "FE, several labels": (FeatureExtractionClassifier(), [[it] for it in LABELS]),
    "FE, another head": (
        FeatureExtractionClassifier(head=LinearSVC(random_state=0)),
        LABELS,
    ),
    "FT": (StaticClassifier(**TRAINED, validation_fraction=0.25), LABELS),
    "FT, layers": (StaticClassifier(**TRAINED, n_layers=1, hidden_dim=8), LABELS),
    "PT": (FromScratchClassifier(**TRAINED), LABELS),
    "regressor": (StaticRegressor(**TRAINED), np.arange(16.0)),
    "tokens in a pipeline": (
        make_pipeline(TokenTfidfVectorizer(), LogisticRegression()),
        LABELS,
    ),
    "embedding in a pipeline": (
        make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
        LABELS,
    ),
}
OPTIONS = [
    {"transform_output": "pandas"},
    {"transform_output": "polars"},
    {"skip_parameter_validation": True},
    {"enable_metadata_routing": True},
    {"assume_finite": True},
    {"working_memory": 1},
    {"display": "text"},
    {"print_changed_only": False},
    {"sparse_interface": "sparray"},
    {"array_api_dispatch": False},
]


METHODS = ("transform", "predict", "predict_proba", "decision_function", "score")


def array(output):
    if sparse.issparse(output):
        return output.toarray()
    return output if isinstance(output, list) else np.asarray(output)


def outputs(estimator, y):
    """Whatever a fitted estimator gives."""
    found = {}
    fitted = clone(estimator).fit(TEXTS, y)
    for method in (
        "transform",
        "predict",
        "predict_proba",
        "decision_function",
        "score",
    ):
        if hasattr(fitted, method):
            arguments = (TEXTS, y) if method == "score" else (TEXTS,)
            found[method] = array(getattr(fitted, method)(*arguments))
    if hasattr(fitted, "transform"):
        found["fit_transform"] = array(clone(estimator).fit_transform(TEXTS, y))
    if hasattr(fitted, "to_pipeline"):
        pipeline = fitted.to_pipeline()
        found["pipeline"] = array(pipeline.predict(TEXTS))
        if isinstance(pipeline[-1], LogisticRegression):
            again = clone(pipeline).fit(TEXTS, y)
            found["pipeline, fitted again"] = array(again.predict(TEXTS))
    if hasattr(fitted, "explain"):
        found["explain"] = fitted.explain(TEXTS[:1])[0].shares
    assert type(fitted).__name__ in repr(fitted)
    assert "<" in fitted._repr_html_() if hasattr(fitted, "_repr_html_") else True
    return found


@pytest.fixture(scope="module")
def expected():
    return {name: outputs(*it) for name, it in ESTIMATORS.items()}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_options_change_no_value(name, options, expected):
    with sklearn.config_context(**options):
        found = outputs(*ESTIMATORS[name])
    assert set(found) == set(expected[name])
    for method, output in found.items():
        if isinstance(output, list):
            assert output == expected[name][method]
        elif output.dtype.kind == "f":
            assert_allclose(output, expected[name][method], atol=1e-6)
        else:
            assert_array_equal(output, expected[name][method])


@pytest.mark.parametrize(
    ("output", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
)
@pytest.mark.parametrize("name", ["embedding", "distilled", "pairs"])
def test_frames(name, output, kind):
    estimator, y = ESTIMATORS[name]
    with sklearn.config_context(transform_output=output):
        frame = clone(estimator).fit(TEXTS, y).transform(TEXTS)
    assert isinstance(frame, kind)
    assert (
        list(frame.columns)
        == clone(estimator).fit(TEXTS, y).get_feature_names_out().tolist()
    )


@pytest.mark.parametrize("interface", ["sparray", "spmatrix", None])
@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_sparse_features_are_those_of_scikit_learn(interface, output):
    options = {} if interface is None else {"sparse_interface": interface}
    with sklearn.config_context(transform_output=output, **options):
        ours, theirs = TokenTfidfVectorizer(), TfidfVectorizer()
        kind = type(theirs.fit_transform(TEXTS))
        assert type(ours.fit_transform(TEXTS)) is kind
        assert type(ours.transform(TEXTS)) is type(ours.transform([])) is kind
    assert hasattr(ours, "set_output") == hasattr(theirs, "set_output")


def test_unchecked_parameters_end_in_an_error_all_the_same():
    with sklearn.config_context(skip_parameter_validation=True):
        with pytest.raises(ValueError, match="ngram_range"):
            TokenTfidfVectorizer(ngram_range=(2, 1)).fit(TEXTS)
        with pytest.raises(ValueError, match="cannot be used here"):
            StaticClassifier(device="no such device").fit(TEXTS, LABELS)


def test_routing_reaches_texts_and_weights():
    weights = np.r_[np.ones(8), np.zeros(8)]
    with sklearn.config_context(enable_metadata_routing=True):
        inner = StaticClassifier(**TRAINED).set_fit_request(
            sample_weight=True, X_val=True, y_val=True
        )
        pipeline = make_pipeline(inner)
        pipeline.fit(
            TEXTS, LABELS, sample_weight=weights, X_val=TEXTS[:4], y_val=LABELS[:4]
        )
    assert "valid_loss" in pipeline[-1].history_[0]
