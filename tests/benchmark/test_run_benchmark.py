"""One table of many estimators: its numbers, and going on after a stop."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.pipeline import make_pipeline

from sk_m2v import StaticEmbeddingTransformer
from sk_m2v.benchmark import BenchmarkReport, run_benchmark

TEXTS = [
    f"{word} number {i}"
    for i in range(15)
    for word in ("apple", "tax", "guitar", "law")
]
LABELS = ["food", "state", "music", "state"] * 15
PARTS = (TEXTS[:40], LABELS[:40], TEXTS[40:], LABELS[40:])


def classifier() -> object:
    return make_pipeline(StaticEmbeddingTransformer(), LogisticRegression())


def test_scores_are_those_of_scikit_learn() -> None:
    estimators = {"static": classifier(), "constant": DummyClassifier()}
    table = run_benchmark(estimators, {"words": PARTS}, random_states=(0,))
    assert table["estimator"].tolist() == ["static", "constant"]
    for name, estimator in estimators.items():
        fitted = estimator.fit(*PARTS[:2])
        (row,) = table[table["estimator"] == name].to_dict("records")
        predicted = fitted.predict(PARTS[2])
        assert row["accuracy"] == accuracy_score(PARTS[3], predicted)
        assert row["macro_f1"] == f1_score(PARTS[3], predicted, average="macro")
        proba = fitted.predict_proba(PARTS[2])
        assert row["log_loss"] == pytest.approx(log_loss(PARTS[3], proba))
        assert (row["n_train"], row["n_test"], row["n_classes"]) == (40, 20, 3)
        assert row["texts_per_second"] > 0
        assert row["model_bytes"] > 0


def test_a_report_names_all() -> None:
    table = run_benchmark({"a <b>": classifier()}, {"words": PARTS})
    report = BenchmarkReport(table)
    assert "words" in report.to_markdown()
    assert "a &lt;b&gt;" in report.to_html()


COUNTING = """
import os, signal, sys
from sklearn.dummy import DummyClassifier
from sk_m2v.benchmark import run_benchmark

class Counting(DummyClassifier):
    def fit(self, X, y):
        with open(sys.argv[2], "a") as file:
            file.write("fit\\n")
        if len(open(sys.argv[2]).readlines()) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)

X, y = ["a", "b", "c", "d"] * 5, ["u", "v", "u", "v"] * 5
table = run_benchmark(
    {"counting": Counting()}, {"letters": (X, y, X, y)},
    random_states=range(4), folder=sys.argv[1],
)
print(table["accuracy"].tolist())
"""


def test_a_killed_benchmark_goes_on(tmp_path: Path) -> None:
    script = tmp_path / "counting.py"
    script.write_text(COUNTING)

    def run(kill_at: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                script,
                tmp_path / "runs",
                tmp_path / "fits",
                f"{kill_at}",
            ],
            capture_output=True,
            text=True,
        )

    assert run(kill_at=3).returncode == -signal.SIGKILL
    resumed = run(kill_at=0)
    assert resumed.returncode == 0, resumed.stderr
    # Two were finished, the third was lost, and two more than it were to do.
    assert (tmp_path / "fits").read_text().count("fit") == 3 + 2
    assert resumed.stdout.strip() == str([0.5] * 4)
    assert run(kill_at=0).returncode == 0
    assert (tmp_path / "fits").read_text().count("fit") == 5


def test_same_seed_same_numbers() -> None:
    both = [
        run_benchmark({"static": classifier()}, {"words": (TEXTS, LABELS)})
        for _ in range(2)
    ]
    np.testing.assert_array_equal(both[0]["log_loss"], both[1]["log_loss"])
