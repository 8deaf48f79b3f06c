"""`sk_m2v.onnx.to_onnx` of all estimators, and of pipelines that hold them."""

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
    check_export,
    every_export_is_checked,  # noqa: F401
    teacher,
)
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
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
from sk_m2v.onnx import load, to_onnx

VARIANTS = ["text", "ids", "padded"]


@pytest.fixture(scope="module")
def classifier():
    return FeatureExtractionClassifier().fit(TEXTS, LABELS)


class Normalised(StaticClassifier):
    def build_head(self, n_inputs, n_outputs):
        from torch import nn

        return nn.Sequential(nn.LayerNorm(n_inputs), nn.Linear(n_inputs, n_outputs))


YES = ["no"] * 5 + ["yes"] * 4
LISTS = [[name for name, it in zip("abc", row, strict=True) if it] for row in MATRIX]
VALUES = np.linspace(-3, 40, 27).reshape(9, 3)

ESTIMATORS = {
    "booleans": lambda: FeatureExtractionClassifier().fit(
        TEXTS, [True] * 4 + [False] * 5
    ),
    "floats": lambda: FeatureExtractionClassifier().fit(TEXTS, [1.0] * 4 + [7.0] * 5),
    "threshold": lambda: FeatureExtractionClassifier(thresholds=0.8).fit(TEXTS, YES),
    "only scores": lambda: FeatureExtractionClassifier(head=LinearSVC()).fit(
        TEXTS, LABELS
    ),
    "matrix": lambda: FeatureExtractionClassifier().fit(TEXTS, MATRIX),
    "booleans in a matrix": lambda: FeatureExtractionClassifier().fit(
        TEXTS, MATRIX.astype(bool)
    ),
    "sparse array": lambda: FeatureExtractionClassifier().fit(
        TEXTS, sparse.csr_array(MATRIX)
    ),
    "sparse matrix": lambda: FeatureExtractionClassifier().fit(
        TEXTS, sparse.csr_matrix(MATRIX)
    ),
    "lists": lambda: StaticClassifier(thresholds={"a": 0.4, "b": 0.9}, **TINY).fit(
        TEXTS, LISTS
    ),
    "layers": lambda: StaticClassifier(n_layers=2, hidden_dim=8, **TINY).fit(
        TEXTS, LABELS
    ),
    "norm": lambda: Normalised(**TINY).fit(TEXTS, LABELS),
    "scratch": lambda: FromScratchClassifier(dim=8, **TINY).fit(TEXTS, LABELS),
    "number": lambda: StaticRegressor(**TINY).fit(TEXTS, VALUES[:, 0]),
    "column": lambda: StaticRegressor(**TINY).fit(TEXTS, VALUES[:, :1]),
    "numbers": lambda: StaticRegressor(n_layers=1, hidden_dim=4, **TINY).fit(
        TEXTS, VALUES
    ),
    "contrastive": lambda: ContrastiveTransformer(**TINY).fit(TEXTS, TEXTS[::-1]),
    "distilled": lambda: DistillTransformer(
        lambda texts: teacher(texts), pca_dims=None
    ).fit(TEXTS),
    "lexical": lambda: TokenTfidfVectorizer(ngram_range=(1, 2)).fit(TEXTS),
}


@pytest.mark.parametrize("variant", ["text", "ids"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators(name, variant):
    check_export(ESTIMATORS[name](), variant=variant)


@pytest.mark.parametrize(
    "name", ["norm", "lists", "column", "distilled", "only scores"]
)
def test_estimators_are_verified(name):
    to_onnx(ESTIMATORS[name](), TEXTS)


def dense(*steps):
    return make_pipeline(StaticEmbeddingTransformer(), *steps)


def network():
    return dense(
        StandardScaler(), MLPClassifier(4, max_iter=400, tol=1, random_state=0)
    )


PIPELINES = {
    "linear": lambda: dense(LogisticRegression()),
    "network": network,
    "scores": lambda: dense(LinearSVC()),
    "function": lambda: dense(FunctionTransformer(), LogisticRegression()),
    "union": lambda: make_pipeline(
        make_union(TokenTfidfVectorizer(), StaticEmbeddingTransformer()),
        LogisticRegression(),
    ),
    "calibrated": lambda: CalibratedClassifierCV(FeatureExtractionClassifier(), cv=3),
    "calibrated pipeline": lambda: CalibratedClassifierCV(
        dense(LogisticRegression()), cv=3
    ),
    "calibrated scores": lambda: CalibratedClassifierCV(dense(LinearSVC()), cv=3),
    "search": lambda: GridSearchCV(dense(LinearSVC()), {"linearsvc__C": [1, 2]}, cv=3),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines(name, variant):
    check_export(PIPELINES[name]().fit(TEXTS, LABELS), variant=variant)


def test_calibration_of_two_classes():
    check_export(
        CalibratedClassifierCV(dense(LogisticRegression()), cv=3).fit(TEXTS, YES)
    )


@pytest.mark.parametrize("y", [VALUES[:, 0], VALUES])
def test_regression_in_a_pipeline(y):
    check_export(dense(Ridge()).fit(TEXTS, y))
    check_export(make_pipeline(StaticRegressor(**TINY)).fit(TEXTS, y))
    check_export(dense(PLSRegression(1)).fit(TEXTS, y), scale=10)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("step", "name", "method"),
    [
        (KMeans(3, random_state=0), "distances", "transform"),
        (GaussianMixture(2, random_state=0), "probabilities", "predict_proba"),
    ],
)
def test_clusters(step, name, method, variant):
    pipeline = dense(step).fit(TEXTS)
    model = load(to_onnx(pipeline, TEXTS, variant=variant))
    outputs = [it.name for it in model.session.get_outputs()]
    assert outputs == ["label", name]
    assert model.methods == ("predict", method)
    assert_array_equal(model.predict(TEXTS), pipeline.predict(TEXTS))
    got, wanted = (getattr(it, method)(TEXTS) for it in (model, pipeline))
    assert_allclose(got, wanted, atol=1e-3)


def test_what_skl2onnx_cannot_convert():
    """It prints all numbers of a model."""
    pipeline = dense(HistGradientBoostingClassifier(min_samples_leaf=1))
    pipeline.fit(TEXTS * 10, LABELS * 10)
    with pytest.raises(ValueError) as caught:
        to_onnx(pipeline)
    message = str(caught.value)
    assert len(message) <= 600
    assert message.startswith("skl2onnx cannot convert HistGradientBoostingClassifier")
    assert message.endswith("take another estimator in its place.")


def test_an_error_of_skl2onnx():
    """Its own says nothing of what it is about."""
    pipeline = dense(GaussianProcessClassifier()).fit(TEXTS, YES)
    with pytest.raises(ValueError, match="cannot convert GaussianProcessClassifier"):
        to_onnx(pipeline)


def test_estimators_that_do_not_take_all_texts():
    pipeline = dense(RadiusNeighborsClassifier(0.1)).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"the estimator fails .* verify=False"):
        to_onnx(pipeline)
    pipeline = dense(OrdinalEncoder()).fit(TEXTS)
    with pytest.raises(ValueError, match=r"unknown categories .* verify=False") as it:
        to_onnx(pipeline)
    assert len(str(it.value)) <= 600


def test_ties():
    """Texts without tokens are at the same distance from all others."""
    pipeline = dense(KNeighborsClassifier(1)).fit(TEXTS, LABELS)
    with pytest.raises(AssertionError, match=r"differs on .*ties.*verify=False") as it:
        to_onnx(pipeline)
    assert len(str(it.value)) <= 600
    load(to_onnx(pipeline, verify=False)).predict(TEXTS)


FRAME = {
    "text": TEXTS,
    "price": np.linspace(0, 4, 9),
    "size": [1, 2, 3] * 3,
    "new": [True, False, True] * 3,
    "kind": ["x", "y", "z"] * 3,
}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns(make):
    frame = make(FRAME)
    columns = ColumnTransformer(
        [
            ("text", StaticEmbeddingTransformer(), "text"),
            ("numbers", StandardScaler(), ["price", "size"]),
            ("kinds", OneHotEncoder(), ["kind", "new"]),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, LABELS)
    model = check_export(pipeline, frame)
    to_onnx(pipeline, frame)
    assert model.columns == list(FRAME)
    assert_array_equal(model.predict(frame[:4]), pipeline.predict(frame[:4]))
    with pytest.raises(ValueError, match="no column 'kind'"):
        model.predict(
            make({key: FRAME[key] for key in ("text", "price", "size", "new")})
        )
    with pytest.raises(ValueError, match="variant='ids' reads the ids of one column"):
        to_onnx(pipeline, frame, variant="ids")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_frame_of_one_column(make, classifier):
    frame = make({"review": TEXTS})
    columns = ColumnTransformer([("text", StaticEmbeddingTransformer(), "review")])
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, LABELS)
    check_export(pipeline, frame)
    to_onnx(pipeline, frame)
    for variant in VARIANTS:
        to_onnx(classifier, frame, variant=variant)
