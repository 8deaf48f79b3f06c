"""Our estimators inside others of scikit-learn, as one graph."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx_helpers import (
    HARD,
    LABELS,
    MATRIX,
    TEXTS,
    VARIANTS,
    export,
    outputs,
    session,
)
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbeddingTransformer,
    TokenTfidfVectorizer,
)


@pytest.fixture(params=VARIANTS)
def variant(request):
    return VARIANTS[request.param]


PIPELINES = {
    "linear": lambda: make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
    "network": lambda: make_pipeline(
        StaticEmbeddingTransformer(),
        StandardScaler(),
        MLPClassifier(8, random_state=0, max_iter=5),
    ),
    "union": lambda: make_pipeline(
        make_union(TokenTfidfVectorizer(), StaticEmbeddingTransformer()),
        LogisticRegression(),
    ),
    "classifier": lambda: make_pipeline(FeatureExtractionClassifier()),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pipeline(name, variant, default_model):
    pipeline = PIPELINES[name]().fit(TEXTS, LABELS)
    label, probabilities = outputs(pipeline, variant, HARD, default_model, zipmap=False)
    assert_array_equal(label, pipeline.predict(HARD))
    assert_allclose(probabilities, pipeline.predict_proba(HARD), atol=1e-5)


HOLDERS = {
    "calibrated": lambda: CalibratedClassifierCV(FeatureExtractionClassifier(), cv=3),
    "search": lambda: GridSearchCV(
        FeatureExtractionClassifier(), {"lexical": [True, False]}, cv=3
    ),
    "search in pipeline": lambda: make_pipeline(
        GridSearchCV(FeatureExtractionClassifier(), {"lexical": [True, False]}, cv=3)
    ),
    "pipeline in search": lambda: GridSearchCV(
        make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
        {"logisticregression__C": [1, 10]},
        cv=3,
    ),
    "one against the rest": lambda: OneVsRestClassifier(FeatureExtractionClassifier()),
    "voting": lambda: VotingClassifier(
        [
            ("a", FeatureExtractionClassifier()),
            ("b", FeatureExtractionClassifier(lexical=False)),
        ],
        voting="soft",
        flatten_transform=False,
    ),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_holders(name):
    model = HOLDERS[name]().fit(TEXTS, LABELS)
    label, probabilities = outputs(model, VARIANTS["text"], HARD, None, zipmap=False)
    assert_array_equal(label, model.predict(HARD))
    assert_allclose(probabilities, model.predict_proba(HARD), atol=1e-5)


def test_several_labels_inside_a_pipeline(default_model):
    model = make_pipeline(FeatureExtractionClassifier()).fit(TEXTS, MATRIX)
    label, _ = outputs(model, VARIANTS["ids"], HARD, default_model)
    assert_array_equal(label, model.predict(HARD))


def test_columns():
    frame = pd.DataFrame(
        {"text": TEXTS, "price": np.arange(9.0), "size": [1.0, 2, 3] * 3}
    )
    columns = ColumnTransformer(
        [
            ("text", StaticEmbeddingTransformer(), "text"),
            ("tokens", TokenTfidfVectorizer(), "text"),
            ("numbers", StandardScaler(), ["price", "size"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, LABELS)
    types = [
        ("text", StringTensorType([None, 1])),
        ("price", FloatTensorType([None, 1])),
        ("size", FloatTensorType([None, 1])),
    ]
    onnx = export(model, types, zipmap=False)
    feed = {
        name: frame[[name]].to_numpy(object if name == "text" else np.float32)
        for name in frame
    }
    label, probabilities = session(onnx).run(None, feed)
    assert_array_equal(label, model.predict(frame))
    assert_allclose(probabilities, model.predict_proba(frame), atol=1e-5)


def test_two_columns_of_texts():
    columns = ColumnTransformer(
        [
            ("title", StaticEmbeddingTransformer(max_length=3), 0),
            ("body", TokenTfidfVectorizer(), 1),
        ]
    )
    X = np.array([TEXTS, TEXTS[::-1]], dtype=object).T
    model = make_pipeline(columns, LogisticRegression()).fit(X, LABELS)
    onnx = export(model, [("X", StringTensorType([None, 2]))], zipmap=False)
    label, probabilities = session(onnx).run(None, {"X": X})
    assert_array_equal(label, model.predict(X))
    assert_allclose(probabilities, model.predict_proba(X), atol=1e-5)
