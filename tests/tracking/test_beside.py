"""What a user has set and opened stays as it is."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.utils import autologging_utils
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tracking_helpers import LABELS, TEST, TEST_LABELS, TEXTS, runs

from sk_m2v import FeatureExtractionClassifier, StaticEmbeddingTransformer
from sk_m2v.tracking import track

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's database
QUIET = {"log_model": False}


@pytest.fixture(scope="module")
def uris(tmp_path_factory) -> list[str]:
    """Two stores."""
    folder = tmp_path_factory.mktemp("stores")
    found = [f"sqlite:///{folder}/{name}.db" for name in ("first", "second")]
    for it in found:
        MlflowClient(it)
    return found


@pytest.fixture
def mine(uris, request):
    """A user's store, which is the active one, and its experiment."""
    uri, name = uris[0], f"mine {request.node.name}"
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    client.create_experiment(name, artifact_location=str(Path(uri[10:]).parent))
    mlflow.set_experiment(name)
    yield client, name
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
    from mlflow.tracking import fluent

    fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before


def state():
    """All that is set for a whole process."""
    from mlflow.tracking import fluent

    active = mlflow.active_run()
    return (
        mlflow.get_tracking_uri(),
        mlflow.get_registry_uri(),
        fluent._active_experiment_id,
        active and active.info.run_id,
        # MLflow numbers its telemetry when it first has something to tell.
        {k: it for k, it in os.environ.items() if not k.startswith("_MLFLOW_TELEM")},
        autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED,
        logging.getLogger().level,
        os.getcwd(),
    )


class Failing(DummyClassifier):
    error: BaseException

    def fit(self, X, y):
        raise self.error


def failing(error):
    estimator = Failing()
    estimator.error = error
    return estimator


@pytest.mark.parametrize("other", [False, True], ids=["same store", "other store"])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("is_open", [False, True])
def test_nothing_global_changes(mine, uris, other, fails, is_open):
    if is_open:
        mlflow.start_run()
    before = state()
    estimator = failing(ValueError("no")) if fails else FeatureExtractionClassifier()
    with suppress(ValueError):
        track(
            estimator,
            TEXTS,
            LABELS,
            X_test=TEST,
            y_test=TEST_LABELS,
            tracking_uri=uris[1] if other else None,
        )
    after = state()
    assert [*set(after[4].items()) ^ set(before[4].items())] == []  # the environment
    assert after == before


def test_an_open_run_is_the_parent(mine, uris):
    client, _ = mine
    with mlflow.start_run() as run:
        mlflow.log_param("own", 1)
        before = client.get_run(run.info.run_id).to_dictionary()
        tracked = track(
            FeatureExtractionClassifier(),
            TEXTS,
            LABELS,
            X_test=TEST,
            y_test=TEST_LABELS,
            prefix="here ",
        )
        assert client.get_run(run.info.run_id).to_dictionary() == before
        assert mlflow.active_run().info.run_id == run.info.run_id
        mlflow.log_param("later", 2)
        given = track(DummyClassifier(), TEXTS, LABELS, experiment="given", **QUIET)
        elsewhere = track(
            DummyClassifier(), TEXTS, LABELS, tracking_uri=uris[1], **QUIET
        )
    nested = client.get_run(tracked.run_id)
    assert nested.info.experiment_id == run.info.experiment_id
    assert nested.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert client.get_run(run.info.run_id).data.params == {"own": "1", "later": "2"}
    (scores,) = runs(client, "here Benchmark")
    assert "mlflow.parentRunId" not in scores.data.tags
    # Whoever names an experiment gets it.
    assert client.get_experiment(given.experiment_id).name == "given"
    assert client.get_run(given.run_id).data.tags["mlflow.parentRunId"]
    # The run of another store is none there.
    other = MlflowClient(uris[1])
    assert "mlflow.parentRunId" not in other.get_run(elsewhere.run_id).data.tags
    assert other.get_experiment(elsewhere.experiment_id).name == "DummyClassifier"


@pytest.mark.parametrize("everything", [False, True])
def test_autolog(mine, everything):
    client, name = mine
    autolog = mlflow.autolog if everything else mlflow.sklearn.autolog
    autolog(log_models=False, log_datasets=False, silent=True)
    try:
        pipeline = make_pipeline(StaticEmbeddingTransformer(), LogisticRegression())
        search = GridSearchCV(pipeline, {"logisticregression__C": [1, 2]}, cv=2)
        with mlflow.start_run() as run:
            track(
                search,
                TEXTS,
                LABELS,
                X_test=TEST,
                y_test=TEST_LABELS,
                experiment=f"autolog {everything}",
            )
        data = client.get_run(run.info.run_id).data
        assert data.params == {}
        assert data.metrics == {}
        assert len(runs(client, name)) == 1
        assert len(runs(client, f"autolog {everything}")) == 3
        if everything:  # which keeps off what was ever set for scikit-learn
            return
        # It works as before, afterwards.
        with mlflow.start_run() as run:
            pipeline.fit(TEXTS, LABELS)
        data = client.get_run(run.info.run_id).data
        assert data.params["logisticregression__C"] == "1.0"
    finally:
        autolog(disable=True)


def test_disabled_autologging_stays_so(mine):
    with autologging_utils.disable_autologging():
        track(DummyClassifier(), TEXTS, LABELS, experiment="disabled", **QUIET)
        assert autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED
    assert not autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad " * 9999), "FAILED"),
        (ValueError("\ud83d"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(3), "FAILED"),
    ],
)
def test_fits_that_fail(mine, error, status):
    client, name = mine
    with pytest.raises(type(error)) as caught:
        track(failing(error), TEXTS, LABELS, experiment=name, run_name="fails")
    assert caught.value is error
    (run,) = runs(client, name)
    assert run.info.status == status
    assert run.info.end_time is not None
    assert run.data.tags["error"].startswith(type(error).__name__)
    assert run.data.params["strategy"] == "prior"


def test_a_store_that_fails_hides_no_error(mine, monkeypatch):
    _, name = mine

    def broken(*args, **kwargs):
        raise OSError("no store")

    monkeypatch.setattr(MlflowClient, "set_tag", broken)
    with pytest.raises(ValueError, match="mine") as caught:
        track(failing(ValueError("mine")), TEXTS, LABELS, experiment=name)
    assert "could not be ended: no store" in caught.value.__notes__[0]


def test_an_estimator_is_fitted_even_if_logging_fails(mine, monkeypatch):
    client, name = mine

    def broken(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(MlflowClient, "log_artifacts", broken)
    estimator = FeatureExtractionClassifier()
    with pytest.raises(OSError, match="disk full"):
        track(estimator, TEXTS, LABELS, experiment=name)
    assert estimator.predict(["great"]).tolist() == ["good"]
    (run,) = runs(client, name)
    assert run.info.status == "FAILED"


# --- Where runs go --------------------------------------------------------------------


def files(folder: Path) -> set[str]:
    return {it.name for it in folder.iterdir()}


@pytest.mark.slow
def test_default_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlruns").mkdir()  # of an old MLflow, which this one would refuse
    run = track(FeatureExtractionClassifier(), TEXTS, LABELS)
    assert run.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert files(tmp_path) == {"mlflow.db", "mlartifacts", "mlruns"}
    assert not files(tmp_path / "mlruns")
    run_info = MlflowClient(run.tracking_uri).get_run(run.run_id).info
    assert run_info.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    run = track(DummyClassifier(), TEXTS, LABELS, **QUIET)
    with sqlite3.connect(tmp_path / "other.db") as database:
        rows = database.execute("select run_uuid from runs").fetchall()
    assert rows == [(run.run_id,)]


@pytest.mark.slow
def test_a_folder_as_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run = track(DummyClassifier(), TEXTS, LABELS, tracking_uri=tmp_path, **QUIET)
    client = MlflowClient(tmp_path.as_uri())
    assert client.get_run(run.run_id).info.status == "FINISHED"
