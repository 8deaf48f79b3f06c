"""What a run has of a training."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    balanced_accuracy_score,
    classification_report,
    confusion_matrix,
    f1_score,
    log_loss,
    r2_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from tracking_helpers import (
    LABELS,
    NUMBERS,
    QUICK,
    TEST,
    TEST_LABELS,
    TEXTS,
    artifact,
    artifact_json,
    by_step,
    runs,
)

from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbeddingTransformer,
    StaticRegressor,
    ZeroShotClassifier,
)
from sk_m2v._version import package_version
from sk_m2v.tracking import TrackedRun, track
from sk_m2v.tracking._arguments import digest
from sk_m2v.tracking._parameters import parameters
from sk_m2v.tracking._sections import section

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's database


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="module")
def client(uri) -> MlflowClient:
    return MlflowClient(uri)


@pytest.fixture(scope="module")
def tuned(uri) -> TrackedRun:
    """A fine-tuning with all there is."""
    return track(
        StaticClassifier(**QUICK),
        TEXTS,
        LABELS,
        X_test=TEST,
        y_test=TEST_LABELS,
        X_val=TEXTS[:4],
        y_val=LABELS[:4],
        tracking_uri=uri,
        prefix="films/",
        run_name="first",
        configuration={"model": None, "rate": np.float32(0.5)},
        tags={"who": "me", "number": 3},
        registered_model_name="films",
    )


def test_what_is_returned(tuned, client):
    assert tuned.estimator.predict(["great"]).tolist() == ["good"]
    assert tuned.tracking_uri == client.tracking_uri
    run = client.get_run(tuned.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.info.experiment_id == tuned.experiment_id
    assert client.get_experiment(tuned.experiment_id).name == "films/FT"


def test_parameters_and_tags(tuned, client):
    data = client.get_run(tuned.run_id).data
    given = tuned.estimator.get_params()
    assert set(data.params) == set(given)
    assert data.params["max_epochs"] == "2"
    assert data.params["lr"] == str(given["lr"])
    assert data.tags["who"] == "me"
    assert data.tags["number"] == "3"
    assert data.tags["section"] == "FT"
    assert data.tags["version.sk_m2v"] == package_version()
    assert data.tags["data.train.X"] == digest(pd.Series(TEXTS))
    assert data.tags["data.train.y"] == digest(np.array(LABELS))
    assert data.tags["data.test.X"] == digest(TEST)
    assert data.tags["data.train.rows"] == "32"
    assert data.tags["mlflow.source.name"]


def test_epochs(tuned, client):
    history = tuned.estimator.history_
    assert len(history) == 2
    for name in ("train_loss", "valid_loss"):
        logged = by_step(client, tuned.run_id, name)
        assert list(logged) == [1, 2]
        assert list(logged.values()) == [row[name] for row in history]
    assert artifact_json(client, tuned.run_id, "history.json") == history
    metrics = client.get_run(tuned.run_id).data.metrics
    assert metrics["n_iter"] == 2
    assert metrics["best_epoch"] == tuned.estimator.best_epoch_
    assert metrics["fit_seconds"] > 0


def test_scores(tuned, client):
    predicted = tuned.estimator.predict(TEST)
    probabilities = tuned.estimator.predict_proba(TEST)
    expected = {
        "accuracy": np.mean(predicted == np.array(TEST_LABELS)),
        "balanced_accuracy": balanced_accuracy_score(TEST_LABELS, predicted),
        "macro_f1": f1_score(TEST_LABELS, predicted, average="macro"),
        "log_loss": log_loss(TEST_LABELS, probabilities, labels=["bad", "good"]),
    }
    logged = client.get_run(tuned.run_id).data.metrics
    benchmark = client.get_run(tuned.benchmark_run_id).data
    for name, value in expected.items():
        assert_allclose(tuned.metrics[name], value)
        assert_allclose(logged[f"test_{name}"], value)
        assert_allclose(benchmark.metrics[name], value)
    assert benchmark.metrics["fit_seconds"] == logged["fit_seconds"]
    assert benchmark.tags["training_run_id"] == tuned.run_id
    assert benchmark.params["max_epochs"] == "2"
    (run,) = runs(client, "films/Benchmark")
    assert run.info.run_id == tuned.benchmark_run_id
    assert run.info.status == "FINISHED"


def test_files(tuned, client):
    predicted = tuned.estimator.predict(TEST)
    names = ["bad", "good"]
    matrix = confusion_matrix(TEST_LABELS, predicted, labels=names).tolist()
    for run_id in (tuned.run_id, tuned.benchmark_run_id):
        content = artifact_json(client, run_id, "confusion_matrix.json")
        assert content["labels"] == names
        assert content["matrix"] == matrix
        table = artifact(client, run_id, "confusion_matrix.csv").read_text()
        head, *rows = csv.reader(table.splitlines())
        assert head[1:] == names
        assert [[int(it) for it in row[1:]] for row in rows] == matrix
        report = classification_report(TEST_LABELS, predicted, output_dict=True)
        content = artifact_json(client, run_id, "classification_report.json")
        assert content == report
        text = artifact(client, run_id, "classification_report.txt").read_text()
        assert text == classification_report(TEST_LABELS, predicted)
    config = artifact_json(client, tuned.run_id, "config.json")
    assert config == {"model": None, "rate": 0.5}


def test_pictures(tuned, client):
    pytest.importorskip("matplotlib")
    for name in ("confusion_matrix", "history"):
        if name == "history":
            pytest.importorskip("sk_m2v.plotting")
        content = artifact(client, tuned.run_id, f"{name}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        assert 5_000 < len(content) < 100_000


def test_registry(tuned, client, uri):
    (version,) = client.search_model_versions("name = 'films'")
    assert version.run_id == tuned.run_id
    again = track(
        FeatureExtractionClassifier(),
        iter(TEXTS),
        LABELS,
        tracking_uri=uri,
        registered_model_name="films",
    )
    versions = client.search_model_versions("name = 'films'")
    assert {it.run_id: int(it.version) for it in versions} == {
        tuned.run_id: 1,
        again.run_id: 2,
    }


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (FeatureExtractionClassifier(), "FE"),
        (StaticClassifier(), "FT"),
        (FromScratchClassifier(), "PT"),
        (type("Own", (StaticClassifier,), {})(), "FT"),
        (StaticRegressor(), "Regression"),
        (ContrastiveTransformer(), "Contrastive"),
        (DistillTransformer(), "Distilling"),
        (ZeroShotClassifier(), "ZeroShotClassifier"),
        (make_pipeline(StaticEmbeddingTransformer(), Ridge()), "Ridge"),
        (make_pipeline(StaticClassifier(), "passthrough"), "FT"),
        (GridSearchCV(make_pipeline(FromScratchClassifier()), {}), "PT"),
        (OneVsRestClassifier(FeatureExtractionClassifier()), "FE"),
        (OneVsRestClassifier(Ridge()), "Ridge"),
        (DummyClassifier(), "DummyClassifier"),
    ],
)
def test_sections(estimator, name):
    assert section(estimator) == name


def test_regression(uri, client):
    run = track(
        StaticRegressor(**QUICK),
        pd.Series(TEXTS),
        NUMBERS,
        X_test=TEXTS[:4],
        y_test=NUMBERS[:4],
        tracking_uri=uri,
        log_model=False,
    )
    assert run.model_uri is None
    logged = client.get_run(run.run_id).data.metrics
    predicted = run.estimator.predict(TEXTS[:4])
    assert_allclose(logged["test_r2"], r2_score(NUMBERS[:4], predicted))
    assert_allclose(logged["test_mae"], np.abs(predicted - NUMBERS[:4]).mean())
    assert not artifact(client, run.run_id, "confusion_matrix.json").exists()
    assert client.get_experiment(run.experiment_id).name == "Regression"


SETS = [["a", "b"], ["a"], [], ["b"]] * 8


@pytest.mark.parametrize("form", ["lists", "matrix", "sparse"])
def test_several_labels(uri, client, form):
    matrix = np.array([[int("a" in it), int("b" in it)] for it in SETS])
    y = {"lists": SETS, "matrix": matrix, "sparse": csr_array(matrix)}[form]
    test = {"lists": [*SETS[:3], ["new"]]}.get(form, y[:4])
    run = track(
        FeatureExtractionClassifier(),
        TEXTS,
        y,
        X_test=TEXTS[:4],
        y_test=test,
        tracking_uri=uri,
        experiment=form,
        log_model=form == "lists",
    )
    predicted = run.estimator.predict_proba(TEXTS[:4]) >= 0.5
    truth = matrix[:4]
    if form == "lists":  # a label that training has not seen
        predicted = np.hstack([predicted, np.zeros((4, 1), bool)])
        truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]])
    assert_allclose(
        run.metrics["micro_f1"], f1_score(truth, predicted, average="micro")
    )
    rows = artifact_json(client, run.run_id, "confusion_matrix.json")
    labels = ["a", "b", "new"] if form == "lists" else [0, 1]
    assert [it["label"] for it in rows] == labels
    for j, row in enumerate(rows):
        assert row["true_positive"] == (truth[:, j] & predicted[:, j]).sum()
        assert row["false_negative"] == (truth[:, j] & ~predicted[:, j]).sum()


def test_unseen_class(uri):
    """It has a log loss, and everything else."""
    run = track(
        FeatureExtractionClassifier(),
        TEXTS,
        LABELS,
        X_test=["good", "odd"],
        y_test=pd.Series(["good", "other"]),
        tracking_uri=uri,
        log_model=False,
    )
    # As in a benchmark: a class that training has not seen has a probability of 1e-9.
    assert 10 < run.metrics["log_loss"] < -np.log(1e-9)
    assert 0 <= run.metrics["balanced_accuracy"] <= 1


def test_transformers(uri, client):
    run = track(
        DistillTransformer(lambda texts: [[len(it), it.count("a")] for it in texts]),
        [f"{it} {i} {'a' * i}" for i, it in enumerate(TEXTS)],
        tracking_uri=uri,
    )
    assert client.get_experiment(run.experiment_id).name == "Distilling"
    assert run.metrics == {}
    assert run.benchmark_run_id is None
    assert "function" in client.get_run(run.run_id).data.params["teacher"]


def test_long_values(uri, client):
    """More parameters than a request takes, and longer than MLflow has them."""
    head = LogisticRegression(
        class_weight={f"{i} {'long ' * 99}": 1 for i in range(99)}
    )
    steps = [StaticEmbeddingTransformer() for _ in range(30)]
    values = parameters(make_pipeline(*steps, head))
    assert len(values) > 150
    assert max(map(len, values.values())) == 6_000

    class Odd(LogisticRegression):
        def get_params(self, deep=True):
            return {f"{i} [x] é" + "y" * 300: i for i in range(250)}

        def fit(self, X, y):
            return self

    run = track(Odd(), np.zeros((2, 2)), [0, 1], tracking_uri=uri, log_model=False)
    logged = client.get_run(run.run_id).data.params
    assert sorted(map(int, logged.values())) == list(range(250))


def test_many_epochs(uri, client):
    """More metrics than a request takes."""

    class Long(DummyClassifier):
        def fit(self, X, y):
            self.history_ = [
                {"epoch": i, "loss": 1 / i, "nan": np.nan, "best": True, "text": "a"}
                for i in range(1, 1201)
            ]
            return super().fit(X, y)

    run = track(Long(), TEXTS, LABELS, tracking_uri=uri, log_model=False)
    logged = by_step(client, run.run_id, "loss")
    assert_allclose([*logged.values()], [1 / i for i in range(1, 1201)])
    metrics = client.get_run(run.run_id).data.metrics
    assert np.isnan(metrics["nan"])
    assert {"best", "text", "epoch"}.isdisjoint(metrics)


@pytest.mark.parametrize(
    ("text", "name"), [('{"a": 1}', "config.json"), ("a = 1\n", "config.txt")]
)
def test_text_as_configuration(uri, client, text, name):
    run = track(
        DummyClassifier(),
        TEXTS,
        LABELS,
        tracking_uri=uri,
        configuration=text,
        log_model=False,
    )
    assert artifact(client, run.run_id, name).read_text() == text


def test_hard_labels(uri, client):
    """What is no formula, no file name and no UTF-8."""
    labels = ["$x_1$", "a/b\n,c", "\ud83d", "ü" * 400] * 4
    run = track(
        FeatureExtractionClassifier(),
        TEXTS[:16],
        labels,
        X_test=TEXTS[:16],
        y_test=labels,
        tracking_uri=uri,
        log_model=False,
    )
    content = artifact_json(client, run.run_id, "confusion_matrix.json")
    assert content["labels"][:2] == ["$x_1$", "a/b\n,c"]
    assert np.sum(content["matrix"]) == 16


# --- Refused before anything happens --------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"estimator": FeatureExtractionClassifier}, TypeError, "must be an estimator"),
        ({"estimator": "FE"}, TypeError, "must be an estimator"),
        ({"X_test": TEST}, ValueError, "X_test is given alone"),
        ({"y_test": TEST_LABELS}, ValueError, "y_test is given alone"),
        (
            {"estimator": ContrastiveTransformer(), "X_test": TEST, "y_test": TEST},
            TypeError,
            "has no predict: leave X_test out",
        ),
        ({"prefix": None}, TypeError, "prefix must be a str, got None"),
        ({"experiment": 3}, TypeError, "experiment must be a str, got 3"),
        ({"configuration": [1]}, TypeError, "configuration must be a dict or a text"),
        ({"tags": "a"}, TypeError, "tags must be a dict of str, got 'a'"),
        (
            {"registered_model_name": "films", "log_model": False},
            ValueError,
            "registered_model_name needs the model",
        ),
        ({"tracking_uri": 3}, TypeError, "tracking_uri must be an address such as"),
    ],
)
def test_refused(uri, client, arguments, error, message):
    before = len(client.search_experiments())
    call = {
        "estimator": FeatureExtractionClassifier(),
        "X": TEXTS,
        "y": LABELS,
        "tracking_uri": uri,
        "experiment": "refused",
        **arguments,
    }
    with pytest.raises(error, match=message):
        track(call.pop("estimator"), call.pop("X"), call.pop("y"), **call)
    assert len(client.search_experiments()) == before
    if isinstance(call.get("estimator"), FeatureExtractionClassifier):
        assert not hasattr(call["estimator"], "classes_")


def test_places_of_experiments(uri, client, tmp_path):
    call = {"tracking_uri": uri, "log_model": False, "experiment": "placed"}
    track(DummyClassifier(), TEXTS, LABELS, artifact_location=tmp_path, **call)
    experiment = client.get_experiment_by_name("placed")
    assert experiment.artifact_location == tmp_path.as_uri()
    track(DummyClassifier(), TEXTS, LABELS, **call)
    with pytest.raises(ValueError, match="has its files in"):
        track(DummyClassifier(), TEXTS, LABELS, artifact_location="elsewhere", **call)
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(ValueError, match="was deleted: restore it"):
        track(DummyClassifier(), TEXTS, LABELS, **call)
