"""The logged model predicts what the estimator predicts, bit for bit."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.types import ColSpec, DataType, ParamSpec
from numpy.testing import assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tracking_helpers import LABELS, NUMBERS, QUICK, TEST, TEXTS

from sk_m2v import (
    DistillTransformer,
    FeatureExtractionClassifier,
    StaticClassifier,
    StaticEmbeddingTransformer,
    StaticRegressor,
)
from sk_m2v._version import package_version
from sk_m2v.tracking import ServedEstimator
from sk_m2v.tracking._model import save_model

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow


SETS = [["a", "b"], ["a"], [], ["b"]] * 8
FRAME = pd.DataFrame({"text": TEXTS, "length": [len(it) for it in TEXTS]})
COLUMNS = ColumnTransformer(
    [("t", StaticEmbeddingTransformer(), "text"), ("n", "passthrough", ["length"])]
)
ESTIMATORS = {
    "FE": (FeatureExtractionClassifier(), LABELS),
    "FE lists": (FeatureExtractionClassifier(), SETS),
    "FE foreign head": (
        FeatureExtractionClassifier(head=RandomForestClassifier(5, random_state=0)),
        LABELS,
    ),
    "FT": (StaticClassifier(**QUICK), LABELS),
    "regression": (StaticRegressor(**QUICK), NUMBERS),
    "distilling": (DistillTransformer(lambda texts: np.eye(len(texts), 5)), None),
    "pipeline": (
        make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
        LABELS,
    ),
    "foreign": (make_pipeline(CountVectorizer(), LogisticRegression()), LABELS),
    "lambda": (
        make_pipeline(
            FunctionTransformer(lambda texts: [it[:20] for it in texts]),
            FeatureExtractionClassifier(),
        ),
        LABELS,
    ),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Fitted estimators, and their folders."""
    done: dict[str, tuple] = {}

    def find(name):
        if name not in done:
            estimator, y = ESTIMATORS[name]
            path = tmp_path_factory.mktemp("models") / "model"
            save_model(path, estimator.fit(TEXTS, y), TEXTS)
            done[name] = estimator, path
        return done[name]

    return find


def same(a, b):
    if isinstance(a, list):
        assert a == b
    else:
        assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_predictions(saved, name):
    estimator, path = saved(name)
    loaded = mlflow.pyfunc.load_model(str(path))
    method = "predict" if hasattr(estimator, "predict") else "transform"
    expected = getattr(estimator, method)(TEST)
    for X in (
        TEST,
        pd.Series(TEST),
        pd.Series(TEST, index=range(7, 12), name="q", dtype=object),
        pd.DataFrame({"any name": TEST}),
        np.array(TEST),
    ):
        same(loaded.predict(X), expected)
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            found = loaded.predict(TEST, params={"method": method})
            same(found, getattr(estimator, method)(TEST))
    assert type(loaded.unwrap_python_model().estimator) is type(estimator)


@pytest.mark.parametrize("name", ["FE", "distilling", "foreign"])
def test_signature_and_example(saved, name):
    estimator, path = saved(name)
    info = mlflow.models.get_model_info(str(path))
    assert info.signature.inputs.inputs == [ColSpec(DataType.string)]
    method = "transform" if name == "distilling" else "predict"
    spec = ParamSpec("method", DataType.string, method)
    assert info.signature.params.params == [spec]
    (output,) = info.signature.outputs.inputs
    expected = getattr(estimator, method)(TEST)
    assert output.shape == (-1, *expected.shape[1:])
    example = mlflow.pyfunc.load_model(str(path)).input_example
    assert list(example) == TEXTS[:3]


def requirements(path: Path) -> dict[str, str]:
    lines = (path / "requirements.txt").read_text().split()
    return dict(it.split("==") for it in lines)


def test_requirements(saved):
    from importlib.metadata import version

    native = requirements(saved("FT")[1])
    assert native["sk-m2v"] == package_version()
    assert native["mlflow"] == version("mlflow")
    for name in ("scikit-learn", "numpy", "scipy", "tokenizers", "safetensors"):
        assert native[name] == version(name)
    assert len(native) == 7  # no torch: what is fitted predicts without
    assert "pandas" not in requirements(saved("pipeline")[1])


def test_requirements_of_what_is_pickled(tmp_path):
    import torch

    as_tensor = FunctionTransformer(torch.as_tensor)
    pipeline = make_pipeline(as_tensor, FunctionTransformer(pd.DataFrame))
    save_model(tmp_path / "model", pipeline.fit(np.ones((4, 2))), np.ones((4, 2)))
    found = requirements(tmp_path / "model")
    assert {"torch", "pandas"} <= set(found)


@pytest.mark.parametrize("name", ["FE", "FT", "regression"])
def test_no_pickle_where_it_can_be(saved, name, monkeypatch):
    _, path = saved(name)
    files = {it.name for it in path.rglob("*")}
    assert {"estimator.json", "estimator.safetensors", "served.py"} <= files
    assert not [it for it in files if it.endswith(("pkl", "pickle", "joblib"))]
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    mlflow.pyfunc.load_model(str(path)).predict(TEST)


def test_pickles_can_be_refused(saved, monkeypatch):
    _, path = saved("pipeline")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with pytest.raises(ValueError, match="this model is a pickle"):
        mlflow.pyfunc.load_model(str(path))


def test_messages(saved):
    loaded = mlflow.pyfunc.load_model(str(saved("FE")[1]))
    for X in (["a", None], pd.Series(["a", None]), pd.DataFrame({"t": ["a", None]})):
        with pytest.raises(ValueError, match=r"Row 1 of X .* is missing"):
            loaded.predict(X)
    with pytest.raises(ValueError, match="method must be one of 'predict', 'pred"):
        loaded.predict(TEST, params={"method": "__init__"})
    served = loaded.unwrap_python_model()
    with pytest.raises(ValueError, match=r"takes one column .* 'text', 'length'"):
        served.predict(None, FRAME)


def test_frames(tmp_path):
    """What was fitted to columns gets them."""
    pipeline = make_pipeline(COLUMNS, LogisticRegression()).fit(FRAME, LABELS)
    save_model(tmp_path / "model", pipeline, FRAME)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert loaded.metadata.signature.inputs.input_names() == ["text", "length"]
    turned = FRAME[["length", "text"]]
    assert_array_equal(loaded.predict(turned), pipeline.predict(FRAME))


def test_one_column(tmp_path):
    """Whether a frame of one column can be a list is tried."""
    frame = FRAME[["text"]]
    text = ColumnTransformer([("t", StaticEmbeddingTransformer(), "text")])
    for number, (estimator, takes_lists) in enumerate(
        [
            (FeatureExtractionClassifier(), True),
            (make_pipeline(text, LogisticRegression()), False),
        ]
    ):
        path = tmp_path / str(number)
        save_model(path, estimator.fit(frame, LABELS), frame)
        loaded = mlflow.pyfunc.load_model(str(path))
        assert_array_equal(loaded.predict(frame), estimator.predict(frame))
        assert loaded.metadata.signature.inputs.has_input_names() != takes_lists
        assert loaded.unwrap_python_model().texts == takes_lists


def test_numbers(tmp_path):
    X = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    fitted = LogisticRegression().fit(X, LABELS)
    save_model(tmp_path / "model", fitted, X)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_missing_as_empty(tmp_path):
    fitted = FeatureExtractionClassifier(missing="empty").fit(TEXTS, LABELS)
    save_model(tmp_path / "model", fitted, pd.Series([None, *TEXTS]))
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    X = ["good", None]
    assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_class_is_known_by_its_public_name():
    assert pickle.loads(pickle.dumps(ServedEstimator)) is ServedEstimator
    assert ServedEstimator.__module__ == "sk_m2v.tracking"
    assert "sk_m2v.tracking" in sys.modules


def test_model_file(saved):
    content = yaml.safe_load((saved("FE")[1] / "MLmodel").read_text())
    assert content["flavors"]["python_function"]["config"] == {"texts": True}
