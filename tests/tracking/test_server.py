"""A real server, whose answers are read back over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.request import urlopen

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow_server import get, mlflow_server, post
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV
from tracking_helpers import LABELS, QUICK, TEST, TEST_LABELS, TEXTS

from sk_m2v import FeatureExtractionClassifier, FromScratchClassifier, StaticClassifier
from sk_m2v.tracking import track, track_benchmark

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of MLflow
]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


def of_name(address: str, name: str) -> list[dict]:
    """Runs of an experiment."""
    found = get(address, "experiments/get-by-name", experiment_name=name)
    ids = [found["experiment"]["experiment_id"]]
    return post(address, "runs/search", experiment_ids=ids)["runs"]


def values(run: dict, kind: str) -> dict:
    return {it["key"]: it["value"] for it in run["data"].get(kind, ())}


def artifact(address: str, run: dict, name: str) -> bytes:
    query = f"path={name}&run_uuid={run['info']['run_id']}"
    with urlopen(f"{address}/get-artifact?{query}", timeout=30) as answer:
        return answer.read()


def test_runs(server):
    data = {"X_test": TEST, "y_test": TEST_LABELS, "tracking_uri": server}
    kinds = {
        "FE": FeatureExtractionClassifier(),
        "FT": StaticClassifier(validation_fraction=0.2, max_epochs=4, random_state=0),
        "PT": FromScratchClassifier(max_epochs=2, random_state=0),
    }
    tracked = {
        name: track(it, TEXTS, LABELS, configuration={"kind": name}, **data)
        for name, it in kinds.items()
    }
    for name, run in tracked.items():
        (found,) = of_name(server, name)
        assert found["info"]["run_id"] == run.run_id
        assert found["info"]["status"] == "FINISHED"
        params = values(found, "params")
        assert params == {k: str(v) for k, v in kinds[name].get_params().items()}
        logged = values(found, "metrics")
        for metric, value in run.metrics.items():
            assert_allclose(logged[f"test_{metric}"], value)
        history = kinds[name].history_
        for metric in (it for it in history[0] if it.endswith("_loss")):
            query = {"run_id": run.run_id, "metric_key": metric}
            rows = get(server, "metrics/get-history", **query)["metrics"]
            rows.sort(key=lambda it: it["step"])
            assert [it["step"] for it in rows] == [
                row.get("epoch", i) for i, row in enumerate(history, 1)
            ]
            assert [it["value"] for it in rows] == [row[metric] for row in history]
        listed = get(server, "artifacts/list", run_id=run.run_id)["files"]
        assert {it["path"] for it in listed} >= {
            "classification_report.json",
            "classification_report.txt",
            "confusion_matrix.csv",
            "confusion_matrix.json",
            "config.json",
            "history.json",
        }
        content = json.loads(artifact(server, found, "confusion_matrix.json"))
        expected = confusion_matrix(TEST_LABELS, kinds[name].predict(TEST))
        assert content["matrix"] == expected.tolist()
        assert json.loads(artifact(server, found, "config.json")) == {"kind": name}
    scores = of_name(server, "Benchmark")
    assert {it["info"]["run_id"] for it in scores} == {
        it.benchmark_run_id for it in tracked.values()
    }
    assert all("accuracy" in values(it, "metrics") for it in scores)
    table = pd.DataFrame(
        {"estimator": ["a"] * 3, "data_set": "b", "seed": [1, 2, 3], "f1": [0, 0.5, 1]}
    )
    (run_id,) = track_benchmark(table, tracking_uri=server)
    query = {"run_id": run_id, "metric_key": "f1"}
    rows = get(server, "metrics/get-history", **query)["metrics"]
    assert {it["step"]: it["value"] for it in rows} == {1: 0, 2: 0.5, 3: 1}


def test_models(server, monkeypatch):
    # As a user would set it, and found by `track`.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    search = GridSearchCV(
        FeatureExtractionClassifier(), {"C": [0.1, 1, 10]}, cv=2, refit=True
    )
    for number, estimator in enumerate((StaticClassifier(**QUICK), search), 1):
        name = f"model{number}"
        run = track(estimator, TEXTS, LABELS, registered_model_name=name, prefix="m ")
        for uri in (run.model_uri, f"runs:/{run.run_id}/model", f"models:/{name}/1"):
            loaded = mlflow.pyfunc.load_model(uri)
            expected = estimator.predict(TEST)
            for X in (TEST, pd.Series(TEST), pd.DataFrame({"text": TEST})):
                assert_array_equal(loaded.predict(X), expected, strict=True)
            proba = loaded.predict(TEST, params={"method": "predict_proba"})
            assert_array_equal(proba, estimator.predict_proba(TEST), strict=True)
    query = {"name": "model2", "version": "1"}
    version = get(server, "model-versions/get", **query)["model_version"]
    assert version["run_id"] == run.run_id
    runs = of_name(server, "m FE")
    candidates = [
        it for it in runs if values(it, "tags").get("mlflow.parentRunId") == run.run_id
    ]
    scores = [values(it, "metrics")["mean_test_score"] for it in candidates]
    assert_allclose(np.sort(scores), np.sort(search.cv_results_["mean_test_score"]))
    bests = [values(it, "tags")["best"] for it in candidates]
    assert sorted(bests) == ["false", "false", "true"]
