"""`sk-m2v predict` and `evaluate`: what the estimator does, beside what was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_tables import read_csv, reviews, write_csv
from sklearn.metrics import accuracy_score, classification_report, f1_score

from sk_m2v import load

ROWS = reviews(20, seed=5)
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def estimator(trained: Path) -> Any:
    return load(trained / "model")


@pytest.fixture(scope="module")
def expected(estimator: Any) -> list[str]:
    return estimator.predict([row["review"] for row in ROWS]).tolist()


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "new.csv", ROWS)


def test_csv(command: Command, trained: Path, new: Path, expected: list[str]) -> None:
    ran = command("predict", new, "--model", trained)
    assert ran.code == 0
    rows = read_csv(ran.out)
    assert [row.pop("prediction") for row in rows] == expected
    assert rows == read_csv(new.read_text())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_files(
    command: Command, trained: Path, tmp_path: Path, expected: list[str], suffix: str
) -> None:
    source, out = tmp_path / "new.parquet", tmp_path / f"out.{suffix}"
    pd.DataFrame(ROWS).to_parquet(source)
    ran = command("predict", source, "--model", trained, "--out", out)
    assert (ran.code, ran.out) == (0, "")
    found = {
        "csv": pd.read_csv,
        "tsv": lambda it: pd.read_csv(it, sep="\t"),
        "jsonl": lambda it: pd.read_json(it, lines=True),
        "parquet": pd.read_parquet,
    }[suffix.partition(".")[0]](out)
    assert found.pop("prediction").tolist() == expected
    assert found.to_dict("records") == ROWS


def test_lines_from_standard_input(
    command: Command,
    standard_input: Callable[[bytes], None],
    trained: Path,
    expected: list[str],
) -> None:
    lines = "".join(f"{row['review']}\n" for row in ROWS)
    standard_input(lines.encode())
    ran = command("predict", "--format", "text", "--model", trained, "--to", "jsonl")
    found = [json.loads(it) for it in ran.out.splitlines()]
    assert [it["prediction"] for it in found] == expected


def test_another_column(command: Command, trained: Path, new: Path) -> None:
    ran = command("predict", new, "--model", trained, "--text", "title", "--name", "it")
    titles = [row["title"] for row in ROWS]
    expected = load(trained / "model").predict(titles).tolist()
    assert [row["it"] for row in read_csv(ran.out)] == expected


def test_probabilities(
    command: Command, trained: Path, new: Path, estimator: Any
) -> None:
    ran = command("predict", new, "--model", trained, "--probabilities")
    rows = read_csv(ran.out)
    names = [f"probability_{it}" for it in estimator.classes_]
    found = np.array([[row[name] for name in names] for row in rows], float)
    texts = [row["review"] for row in ROWS]
    np.testing.assert_allclose(found, estimator.predict_proba(texts), rtol=1e-6)


def test_a_column_that_is_there(
    refused: Callable[..., str], trained: Path, new: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    message = refused(
        "predict", new, "--model", trained, "--name", "stars", "--out", out
    )
    assert "has a column 'stars' already: rename it, or choose another" in message
    assert not out.exists()


def test_a_probability_column_that_is_there(
    refused: Callable[..., str], trained: Path, tmp_path: Path
) -> None:
    rows = [{"review": "a", "probability_bad": "mine"}]
    source = write_csv(tmp_path / "new.csv", rows)
    message = refused("predict", source, "--model", trained, "--probabilities")
    assert "'probability_bad'" in message


def test_a_model_that_does_not_predict(
    refused: Callable[..., str], embedding_folder: Path, new: Path
) -> None:
    message = refused("predict", new, "--model", embedding_folder, "--text", "review")
    assert "holds a StaticEmbedding, which does not predict: train a cla" in message


# Evaluation


def test_evaluate(
    command: Command, trained: Path, new: Path, expected: list[str]
) -> None:
    truth = [row["stars"] for row in ROWS]
    ran = command("evaluate", new, "--model", trained, "--json")
    found = json.loads(ran.out)
    assert found["accuracy"] == accuracy_score(truth, expected)
    assert found["macro_f1"] == f1_score(truth, expected, average="macro")
    ran = command("evaluate", new, "--model", trained)
    report = classification_report(truth, expected)
    assert report.rstrip() in ran.out
    assert ran.out.startswith("accuracy ")


def test_evaluate_other_columns(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    rows = [{"a": row["review"], "b": row["stars"]} for row in ROWS]
    source = write_csv(tmp_path / "other.csv", rows)
    how = ["--text", "a", "--label", "b", "--json"]
    found = json.loads(command("evaluate", source, "--model", trained, *how).out)
    same = write_csv(tmp_path / "same.csv", ROWS)
    ran = command("evaluate", same, "--model", trained, "--json")
    assert found["accuracy"] == json.loads(ran.out)["accuracy"]


def test_evaluate_rows_without_labels(
    refused: Callable[..., str], trained: Path, tmp_path: Path
) -> None:
    rows = [*ROWS[:3], {**ROWS[3], "stars": ""}]
    source = write_csv(tmp_path / "new.csv", rows)
    message = refused("evaluate", source, "--model", trained)
    assert f"{source}, row 4: there is no label" in message


def test_evaluate_classes_that_are_not_known(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    rows = [*ROWS, {**ROWS[0], "stars": "other"}]
    source = write_csv(tmp_path / "new.csv", rows)
    ran = command("evaluate", source, "--model", trained, "--json")
    assert ran.code == 0
    # The row of the class that the classifier does not know is wrong.
    assert json.loads(ran.out)["accuracy"] == pytest.approx(20 / 21)
