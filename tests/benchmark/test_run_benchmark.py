"""What stands in the table of a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from sk_m2v import FeatureExtractionClassifier
from sk_m2v._messages import LIMIT
from sk_m2v.benchmark import run_benchmark
from sk_m2v.benchmark._data import source

SUBJECTS = ["film", "song", "book", "play", "show"]
TEXTS = [f"{how} {it}" for it in SUBJECTS for how in ("a great", "a dull", "the new")]
CLASSES = ["good", "bad", "unknown"] * 5
LISTS = [["good"], ["bad", "odd"], []] * 5
NUMBERS = [4.5, 1.25, 3.0] * 5
SCORES = ["accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "log_loss", "r2"]
COLUMNS = [
    *("estimator", "data_set", "seed", "n_train", "n_test", "n_classes"),
    *("accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "log_loss", "r2", "mae"),
    *("fit_seconds", "predict_seconds", "texts_per_second", "model_bytes", "error"),
]


def tf_idf() -> Any:
    return make_pipeline(TfidfVectorizer(), LogisticRegression())


class Failing(ClassifierMixin, BaseEstimator):
    def fit(self, X: Any, y: Any) -> Failing:
        raise RuntimeError("no <b>luck</b> | " + "!" * 1000)

    def predict(self, X: Any) -> Any:
        raise AssertionError


class Shuffled(ClassifierMixin, BaseEstimator):
    """Predicts at random; knows no probabilities."""

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Shuffled:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.random.default_rng(self.random_state).choice(self.classes_, len(X))


def test_rows_and_columns() -> None:
    results = run_benchmark(
        {"b": tf_idf(), "a": DummyClassifier()},
        {"2": (TEXTS, CLASSES), "1": (TEXTS, CLASSES, TEXTS[:4], CLASSES[:4])},
        random_states=[5, 3],
    )
    assert list(results.columns) == COLUMNS
    assert results[["estimator", "data_set", "seed"]].to_numpy().tolist() == [
        [name, data_set, seed] for name in "ba" for data_set in "21" for seed in (5, 3)
    ]
    assert results["n_train"].tolist() == [11, 11, 15, 15] * 2
    assert results["n_test"].tolist() == [4] * 8
    assert (results["n_classes"] == 3).all()
    assert (results["error"] == "").all()
    assert results[["micro_f1", "r2", "mae"]].isna().all(axis=None)
    costs = results[["fit_seconds", "predict_seconds", "model_bytes"]]
    assert (costs > 0).all(axis=None)
    assert_allclose(results["texts_per_second"], 4 / results["predict_seconds"])


def test_scores_of_classes() -> None:
    X_train, X_test, y_train, y_test = train_test_split(
        TEXTS, CLASSES, random_state=1, stratify=CLASSES
    )
    fitted = tf_idf().set_params(logisticregression__random_state=1)
    fitted.fit(X_train, y_train)
    predicted = fitted.predict(X_test)
    results = run_benchmark(
        {"it": tf_idf()},
        {"given": (X_train, y_train, X_test, y_test), "split": (TEXTS, CLASSES)},
        random_states=[1],
        scoring={"f1": "f1_weighted", "n": lambda estimator, X, y: len(X)},
    )
    for row in results.to_dict("records"):
        assert row["accuracy"] == metrics.accuracy_score(y_test, predicted)
        assert_allclose(
            row["balanced_accuracy"], metrics.balanced_accuracy_score(y_test, predicted)
        )
        assert row["macro_f1"] == metrics.f1_score(y_test, predicted, average="macro")
        assert_allclose(
            row["log_loss"], metrics.log_loss(y_test, fitted.predict_proba(X_test))
        )
        assert row["f1"] == metrics.f1_score(y_test, predicted, average="weighted")
        assert row["n"] == len(X_test)


def test_classes_that_were_not_seen() -> None:
    """Those without training texts, and those without test texts."""
    results = run_benchmark(
        {"it": DummyClassifier()},
        {"set": (["a", "b", "c"], [1, 1, 2], ["d", "e"], [1, 3])},
        random_states=[0],
    )
    (row,) = results.to_dict("records")
    assert row["n_classes"] == 3
    assert row["accuracy"] == row["balanced_accuracy"] == 0.5
    assert_allclose(row["log_loss"], -(np.log(2 / 3) + np.log(1e-9)) / 2, rtol=1e-6)


def test_scores_of_labels() -> None:
    parts = (TEXTS[:12], LISTS[:12], TEXTS[9:], LISTS[9:])
    binarizer = MultiLabelBinarizer().fit(LISTS)
    matrices = (parts[0], binarizer.transform(parts[1]), parts[2], None)
    truth = binarizer.transform(parts[3])
    classifier = FeatureExtractionClassifier()
    predicted = binarizer.transform(classifier.fit(*parts[:2]).predict(parts[2]))
    results = run_benchmark(
        {"it": classifier},
        {"lists": parts, "matrix": (*matrices[:3], truth)},
        random_states=[0],
    )
    for average in ("micro", "macro"):
        score = metrics.f1_score(truth, predicted, average=average)
        assert results[f"{average}_f1"].tolist() == [score] * 2
    assert score > 0.5
    assert results["n_classes"].tolist() == [3, 3]
    assert results[["accuracy", "log_loss", "r2"]].isna().all(axis=None)


def test_scores_of_numbers() -> None:
    ridge = make_pipeline(TfidfVectorizer(), Ridge())
    parts = (TEXTS[:10], NUMBERS[:10], TEXTS[10:], NUMBERS[10:])
    predicted = ridge.fit(*parts[:2]).predict(parts[2])
    whole = [int(it) for it in NUMBERS]
    results = run_benchmark(
        {"ridge": ridge, "mean": DummyRegressor()},
        # Numbers without a fraction, each of them once, cannot be split as classes.
        {"set": parts, "whole": (TEXTS, whole), "years": (TEXTS, range(1990, 2005))},
        random_states=[0],
    )
    first = results.iloc[0]
    assert first["r2"] == metrics.r2_score(parts[3], predicted)
    assert first["mae"] == metrics.mean_absolute_error(parts[3], predicted)
    assert results[["r2", "mae"]].notna().all(axis=None)
    assert results[["accuracy", "macro_f1", "micro_f1"]].isna().all(axis=None)
    assert (results["n_classes"] == 0).all()


def test_seeds() -> None:
    """Set wherever there is one; estimators of the caller stay as they are."""
    seen = []

    def data(seed: int) -> tuple[Any, ...]:
        seen.append(seed)
        return TEXTS, CLASSES, TEXTS[seed:], CLASSES[seed:]

    shuffled = Shuffled(random_state=7)
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(random_state=3))
    estimators = {"shuffled": shuffled, "pipeline": pipeline}
    again = [run_benchmark(estimators, {"set": data}) for _ in range(2)]
    assert seen == [0, 1, 2] * 2
    assert shuffled.random_state == 7
    assert pipeline.get_params()["logisticregression__random_state"] == 3
    assert not hasattr(shuffled, "classes_")
    pd.testing.assert_frame_equal(*(it[SCORES] for it in again))
    rows = again[0].query("estimator == 'shuffled'")
    for seed, accuracy in zip(rows["seed"], rows["accuracy"], strict=True):
        fitted = Shuffled(seed).fit(TEXTS, CLASSES)
        assert accuracy == fitted.score(TEXTS[seed:], CLASSES[seed:])
    assert rows["log_loss"].isna().all()


def test_bytes_of_models(tmp_path: Path) -> None:
    classifier = FeatureExtractionClassifier(random_state=0)
    pipeline = make_pipeline(classifier)
    no_arrays = FeatureExtractionClassifier(head=LogisticRegression(C=1))
    parts = (TEXTS, CLASSES, TEXTS, CLASSES)
    results = run_benchmark(
        {"own": classifier, "joblib": pipeline, "head": no_arrays},
        {"set": parts},
        random_states=[0],
    )
    classifier.fit(TEXTS, CLASSES).save_pretrained(tmp_path)
    size = sum(it.stat().st_size for it in tmp_path.rglob("*") if it.is_file())
    # The folder's name stands in its card.
    assert abs(results["model_bytes"][0] - size) < 500
    assert (results["model_bytes"][1:] > 1e6).all()


def test_what_cannot_be_saved() -> None:
    class Local(Shuffled):
        pass

    results = run_benchmark({"local": Local()}, {"set": (TEXTS, CLASSES)})
    assert results["model_bytes"].isna().all()
    assert results["accuracy"].notna().all()


def test_failures() -> None:
    estimators = {"failing": Failing(), "other": DummyClassifier()}
    data_sets = {"set": (TEXTS, CLASSES)}
    with pytest.raises(RuntimeError, match="no <b>luck") as raised:
        run_benchmark(estimators, data_sets)
    assert raised.value.__notes__ == [
        "In a run of the benchmark: "
        "{'estimator': 'failing', 'data_set': 'set', 'seed': 0}"
    ]
    results = run_benchmark(estimators, data_sets, error_score="record")
    failed = results[results["estimator"] == "failing"]
    assert failed["error"].str.startswith("RuntimeError: no <b>luck</b> | !").all()
    assert failed["error"].str.len().max() < 250
    assert failed[COLUMNS[6:-1]].isna().all(axis=None)
    assert (failed["n_test"] == 4).all()
    assert results[results["estimator"] == "other"]["accuracy"].notna().all()


def test_containers() -> None:
    """Texts and labels of pandas and NumPy give the same as lists."""
    parts = (TEXTS, CLASSES)
    frame = pd.DataFrame({"text": TEXTS, "label": CLASSES})
    results = run_benchmark(
        {"it": tf_idf()},
        {
            "lists": parts,
            "arrays": tuple(map(np.array, parts)),
            "series": (frame["text"], frame["label"]),
            "frames": (frame[["text"]], frame["label"].astype("category")),
            "function": lambda seed: parts,
        },
        random_states=[0],
    )
    assert results["log_loss"].nunique() == 1


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    arguments: Any = ({"it": DummyClassifier()}, {"set": (TEXTS, CLASSES)})
    run_benchmark(*arguments)
    assert capsys.readouterr() == ("", "")
    run_benchmark(*arguments, verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "it on set, seed 2" in err
    assert "3/3" in err


GOOD: dict[str, Any] = {
    "estimators": {"it": Failing()},  # fails at once where a fit begins
    "data_sets": {"set": (TEXTS, CLASSES)},
}
LONG = "long " * 1000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimators": {}}, "estimators is empty"),
        ({"estimators": [Failing()]}, "estimators must be a dict from names"),
        ({"estimators": {1: Failing()}}, "must be a str each, got 1"),
        ({"estimators": {"": Failing()}}, "must be a str each, got ''"),
        ({"estimators": {"it": Failing}}, "it is a class, pass an instance"),
        ({"estimators": {"it": TfidfVectorizer()}}, r"estimators\['it'\] must be a"),
        ({"estimators": {LONG: LONG}}, "derive it from BaseEstimator"),
        ({"data_sets": {}}, "data_sets is empty"),
        ({"data_sets": (TEXTS, CLASSES)}, "data_sets must be a dict from names"),
        ({"data_sets": {"set": TEXTS}}, r"data_sets\['set'\] must be a tuple"),
        ({"data_sets": {LONG: LONG}}, "must be a tuple"),
        ({"data_sets": {"set": (TEXTS, CLASSES[1:])}}, "15 texts and 14 targets"),
        (
            {"data_sets": {"set": (TEXTS, CLASSES, TEXTS, CLASSES[:3])}},
            r"data_sets\['set'\], test part has 15 texts and 3 targets",
        ),
        ({"data_sets": {"set": ([], [])}}, "is empty: at least one text"),
        ({"data_sets": {"set": (["a", None], [1, 2])}}, "Row 1 of X .* is missing"),
        ({"data_sets": {"set": ("text", [1])}}, r"data_sets\['set'\]: X must be"),
        ({"data_sets": {"set": (TEXTS, "label")}}, "targets must be a label"),
        ({"data_sets": {"set": (TEXTS, 3)}}, "targets must be a label"),
        (
            {"data_sets": {"set": (TEXTS, [*CLASSES[1:], None])}},
            "target 14 .* is missing",
        ),
        (
            {"data_sets": {"set": (TEXTS, [*NUMBERS[1:], np.nan])}},
            "target 14 .* is missing",
        ),
        ({"data_sets": {"set": (TEXTS, [*CLASSES[1:], "once"])}}, "cannot be split"),
        (
            {"data_sets": {"set": (TEXTS, LISTS, TEXTS, CLASSES)}},
            "targets of two forms",
        ),
        (
            {"data_sets": {"set": (TEXTS, np.eye(15, 3), TEXTS, np.eye(15, 2))}},
            r"shape \(15, 3\) for training and \(15, 2\)",
        ),
        ({"data_sets": {"set": (TEXTS, [object()] * 15)}}, "targets must be labels"),
        ({"random_states": []}, "random_states must be one or more"),
        ({"random_states": 3}, "random_states must be one or more"),
        ({"random_states": [1, 1]}, "random_states must be one or more"),
        ({"random_states": [-1]}, "random_states must be one or more"),
        ({"random_states": [True]}, "random_states must be one or more"),
        ({"random_states": LONG}, "random_states must be one or more"),
        ({"error_score": "ignore"}, r"must be one of \['raise', 'record'\]"),
        ({"scoring": "f2"}, "no scorer 'f2'; the nearest names are '"),
        ({"scoring": "accuracy"}, "'accuracy' is a column of the results already"),
        ({"scoring": 3}, "scoring must be the name of a scorer"),
        ({"scoring": {"it": 3}}, "scoring must be the name of a scorer"),
        ({"scoring": [LONG]}, "has no scorer"),
    ],
)
def test_bad_input(changes: dict[str, Any], message: str) -> None:
    """Refused before the first fit, with names."""
    with pytest.raises((TypeError, ValueError), match=message) as raised:
        run_benchmark(**(GOOD | changes))
    assert len(str(raised.value)) <= LIMIT


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pip install "sk-m2v\[benchmark\]"'):
        run_benchmark(**GOOD)


def test_bad_data_of_a_function() -> None:
    with pytest.raises(ValueError, match=r"data_sets\['set'\]\(4\) has 15 texts"):
        run_benchmark(
            GOOD["estimators"],
            {"set": lambda seed: (TEXTS, CLASSES[:2])},
            random_states=[4],
            error_score="record",
        )


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([1, 2, 1], "classes"),
        ([True, False, True], "classes"),
        ([1.0, 2.0, 1.0], "classes"),
        ([0.5, 2, 1], "numbers"),
        ([["a"], [], ["b"]], "labels"),
        ([["a"], ["b"], ["b"]], "labels"),
        ([["a", "b"], ["b", "c"], ["c", "a"]], "labels"),
        ([{"a"}, ("b",), []], "labels"),
        ([[1], [2, 3], []], "labels"),
        ([[0, 1], [1, 1], [1, 0]], "labels"),
        ([[0.5, 1], [1, 1], [1, 0]], "numbers"),
        (np.eye(3, dtype=int), "labels"),
        (np.array([[1], [2], [1]]), "classes"),
    ],
)
def test_kinds(y: Any, kind: str) -> None:
    X = ["a", "b", "c"]
    data = source((X, y, X, y), "set", 0, regression=False)(0)
    assert data.kind == kind


def test_several_at_a_time(tmp_path: Path) -> None:
    arguments = (
        {"b": tf_idf(), "c": Failing(), "a": DummyClassifier()},
        {"2": (TEXTS, CLASSES), "1": lambda seed: (TEXTS[seed:], CLASSES[seed:])},
    )
    alone = run_benchmark(*arguments, error_score="record")
    for _ in range(2):  # the second time, what was kept is mixed with what failed
        results = run_benchmark(
            *arguments, error_score="record", folder=tmp_path, n_jobs=2
        )
        same = [it for it in COLUMNS if not it.endswith(("seconds", "second", "bytes"))]
        pd.testing.assert_frame_equal(results[same], alone[same])
    with pytest.raises(RuntimeError, match="no <b>luck") as raised:
        run_benchmark(*arguments, n_jobs=2)
    assert "'estimator': 'c', 'data_set': '2', 'seed': 0" in raised.value.__notes__[0]
