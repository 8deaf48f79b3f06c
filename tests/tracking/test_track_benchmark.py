"""A table of results as runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from numpy.testing import assert_allclose
from tracking_helpers import artifact_json, by_step, runs

from sk_m2v.tracking import track_benchmark

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's database


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="module")
def client(uri) -> MlflowClient:
    return MlflowClient(uri)


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {
            "estimator": estimator,
            "data_set": data_set,
            "seed": seed,
            "accuracy": rng.random(),
            "balanced_accuracy": rng.random(),
            "macro_f1": rng.random(),
            "log_loss": rng.random(),
            "fit_seconds": 1.5,
            "predict_seconds": 0.5,
            "texts_per_second": 2e4,
            "model_bytes": 1_000_000,
            "error": None,
        }
        for estimator in ("FE", "FT")
        for data_set in ("films", "news")
        for seed in (3, 4, 7)
    ]
    return pd.DataFrame(rows)


def test_table(uri, client):
    results = table()
    ids = track_benchmark(
        results,
        tracking_uri=uri,
        prefix="mine ",
        tags={"machine": "a"},
        configuration={"n": 3},
    )
    assert len(ids) == 4
    assert {it.info.run_id for it in runs(client, "mine Benchmark")} == set(ids)
    groups = results.groupby(["estimator", "data_set"], sort=False)
    for run_id, ((estimator, data_set), part) in zip(ids, groups, strict=True):
        run = client.get_run(run_id)
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"{estimator} on {data_set}"
        assert run.data.params == {
            "estimator": estimator,
            "data_set": data_set,
            "n_seeds": "3",
        }
        assert run.data.tags["machine"] == "a"
        for name in results.columns.difference(
            ["estimator", "data_set", "seed", "error"]
        ):
            logged = by_step(client, run_id, name)
            assert logged == dict(zip(part["seed"], part[name], strict=True))
            assert_allclose(run.data.metrics[f"{name}_mean"], part[name].mean())
        assert artifact_json(client, run_id, "config.json") == {"n": 3}


def test_errors(uri, client):
    results = table().iloc[:6].copy()
    results["error"] = results["error"].astype(object)
    bad = [1, 3, 4, 5]
    results.loc[bad, "error"] = "ValueError: no"
    results.loc[bad, ["accuracy", "macro_f1", "log_loss"]] = np.nan
    films, news = track_benchmark(results, tracking_uri=uri, experiment="errors")
    run = client.get_run(films)
    assert run.info.status == "FINISHED"
    assert run.data.tags["error"] == "seed 4: ValueError: no"
    assert [*by_step(client, films, "accuracy")] == [3, 7]
    expected = results["accuracy"].iloc[[0, 2]].mean()
    assert_allclose(run.data.metrics["accuracy_mean"], expected)
    run = client.get_run(news)
    assert run.info.status == "FAILED"
    assert "accuracy" not in run.data.metrics
    assert run.data.tags["error"].count("\n") == 2


def test_little(uri, client):
    results = pd.DataFrame({"estimator": ["a"] * 2, "data_set": 1, "f1": [0.5, 1]})
    (run_id,) = track_benchmark(results, tracking_uri=uri, experiment="little")
    assert by_step(client, run_id, "f1") == {0: 0.5, 1: 1}


@pytest.mark.parametrize(
    ("results", "error", "message"),
    [
        ([1], TypeError, "results must be a DataFrame"),
        (pd.DataFrame({"a": [1]}), ValueError, "no column 'estimator', 'data_set'"),
        (table().iloc[:0], ValueError, "has no rows"),
    ],
)
def test_refused(uri, results, error, message):
    with pytest.raises(error, match=message):
        track_benchmark(results, tracking_uri=uri)
