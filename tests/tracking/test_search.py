"""A search and its candidates."""

from __future__ import annotations

import csv
import time

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from tracking_helpers import LABELS, TEST, TEST_LABELS, TEXTS, artifact

from sk_m2v import FeatureExtractionClassifier, StaticEmbeddingTransformer
from sk_m2v.tracking import track

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's database


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="module")
def client(uri) -> MlflowClient:
    return MlflowClient(uri)


def children(client, run):
    query = f"tags.mlflow.parentRunId = '{run.run_id}'"
    found = client.search_runs([run.experiment_id], query)
    return sorted(found, key=lambda it: int(it.data.tags["candidate"]))


def test_grid(uri, client):
    grid = {"C": [0.01, 1.0, 100.0], "lexical": [False, True]}
    search = GridSearchCV(
        FeatureExtractionClassifier(), grid, cv=2, return_train_score=True
    )
    run = track(
        search, TEXTS, LABELS, X_test=TEST, y_test=TEST_LABELS, tracking_uri=uri
    )
    assert run.estimator is search
    assert client.get_experiment(run.experiment_id).name == "FE"
    parent = client.get_run(run.run_id).data
    assert parent.params["best_C"] == str(search.best_params_["C"])
    assert parent.params["estimator__C"] == str(search.estimator.C)
    assert parent.params["estimator"] == "FeatureExtractionClassifier"
    assert_allclose(parent.metrics["best_score"], search.best_score_)
    assert parent.metrics["best_index"] == search.best_index_
    found = children(client, run)
    assert len(found) == 6
    results = search.cv_results_
    for index, child in enumerate(found):
        assert child.info.status == "FINISHED"
        params = results["params"][index]
        assert child.data.params == {name: str(it) for name, it in params.items()}
        for name in ("mean_test_score", "std_test_score", "split0_test_score"):
            assert_allclose(child.data.metrics[name], results[name][index])
        assert child.data.metrics["mean_train_score"] > 0
        assert child.data.metrics["rank_test_score"] >= 1
        is_best = index == search.best_index_
        assert child.data.tags["best"] == str(is_best).lower()
        assert child.info.run_name.endswith("(best)") == is_best
    table = artifact(client, run.run_id, "cv_results.csv").read_text()
    head, *rows = csv.reader(table.splitlines())
    scores = [float(row[head.index("mean_test_score")]) for row in rows]
    assert_allclose(scores, results["mean_test_score"])
    mlflow_model = client.get_run(run.run_id).outputs.model_outputs[0]
    location = client.get_logged_model(mlflow_model.model_id).artifact_location
    loaded = mlflow.pyfunc.load_model(location)
    assert_array_equal(loaded.predict(TEST), search.predict(TEST))
    kind = type(loaded.unwrap_python_model().estimator)
    assert kind is FeatureExtractionClassifier


def test_several_scores_without_best(uri, client):
    search = RandomizedSearchCV(
        make_pipeline(StaticEmbeddingTransformer(), DummyClassifier()),
        [
            {"dummyclassifier__strategy": ["uniform"]},
            {"dummyclassifier__constant": ["good"]},
        ],
        n_iter=2,
        cv=2,
        scoring=["accuracy", "balanced_accuracy"],
        refit=False,
        random_state=0,
    )
    run = track(search, TEXTS, LABELS, tracking_uri=uri)
    assert run.model_uri is None
    found = children(client, run)
    assert [it.data.tags["best"] for it in found] == ["false", "false"]
    for child in found:
        assert {"mean_test_accuracy", "std_test_balanced_accuracy"} <= set(
            child.data.metrics
        )
    assert "best_index" not in client.get_run(run.run_id).data.metrics


def test_candidates_that_fail(uri, client):
    search = GridSearchCV(
        DummyClassifier(), {"strategy": ["uniform", "nonsense"]}, cv=2
    )
    run = track(search, TEXTS, LABELS, tracking_uri=uri, log_model=False)
    _, failed = children(client, run)
    assert np.isnan(failed.data.metrics["mean_test_score"])


def test_many_candidates_are_quick(uri, client):
    search = GridSearchCV(DummyClassifier(), {"random_state": [*range(60)]}, cv=2)
    search.fit(TEXTS, LABELS)
    start = time.perf_counter()
    run = track(search, TEXTS, LABELS, tracking_uri=uri, log_model=False)
    assert len(children(client, run)) == 60
    assert time.perf_counter() - start < 60
