"""`sk-m2v train`: what it leaves can be used and repeated, from options and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from command_tables import HELD_OUT, LEARNT, contents, read_csv, reviews, write_csv

from sk_m2v import FeatureExtractionClassifier, load
from sk_m2v.cli.preparing import prepare

Command = Callable[..., Any]
Refused = Callable[..., str]


def predicted(folder: Path) -> list[str]:
    rows = read_csv((folder / "predictions.csv").read_text())
    return [row["prediction"] for row in rows]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Tables of each kind of target."""
    rows = reviews()
    numbers = [
        {**row, "price": len(row["title"]) * 1.5, "weight": i % 7}
        for i, row in enumerate(rows)
    ]
    several = [
        {
            "review": row["review"],
            "tags": f"{row['stars']} | cheap" if i % 2 else row["stars"],
            "good": int(row["stars"] == "good"),
            "cheap": "yes" if i % 2 else "no",
        }
        for i, row in enumerate(rows)
    ]
    return {
        "classes": write_csv(tmp_path / "reviews.csv", rows),
        "numbers": write_csv(tmp_path / "numbers.csv", numbers),
        "several": write_csv(tmp_path / "several.csv", several),
    }


def test_what_is_left(trained: Path, raw: Path) -> None:
    assert sorted(it.name for it in trained.iterdir()) == [
        *("configuration.yaml", "metrics.json", "model", "predictions.csv"),
        "report.txt",
    ]
    table = read_csv(raw.read_text())
    columns = {name: [row[name] for row in table] for name in table[0]}
    parts = prepare(
        {"train": columns}, text="review", label="stars", test_size=0.25, random_state=0
    ).parts
    expected = FeatureExtractionClassifier(random_state=0)
    expected.fit(parts["train"]["review"], parts["train"]["stars"])
    test = parts["test"]["review"]
    assert predicted(trained) == expected.predict(test).tolist()
    np.testing.assert_array_equal(
        load(trained / "model").predict_proba(test), expected.predict_proba(test)
    )
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["accuracy"] == expected.score(test, parts["test"]["stars"])
    assert "accuracy" in (trained / "report.txt").read_text()


SHORT = ["--max-epochs", "2"]
KINDS = {
    "FE": ("classes", "stars", []),
    "FT": ("classes", "stars", SHORT),
    "PT": ("classes", "stars", SHORT),
    "regression": ("numbers", "price", SHORT),
    "pairs": ("classes", "title", SHORT),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_estimator(
    command: Command, files: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    """Trained, evaluated and used; and again from what it recorded, bit for bit."""
    table, label, more = KINDS[kind]
    first, again = tmp_path / "first", tmp_path / "again"
    how = ["--text", "review", "--label", label, "--test-size", "0.25", *more]
    source = files[table]
    ran = command("train", source, *how, "--estimator", kind, "--out", first)
    assert ran.code == 0
    assert (first / "report.txt").read_text() == ran.out
    configuration = first / "configuration.yaml"
    assert command("train", configuration, "--out", again).code == 0
    assert contents(again) == contents(first)
    assert (again / "configuration.yaml").read_text() == configuration.read_text()
    assert not (first / "training.pt").exists()

    estimator = load(first / "model")
    texts = [row["review"] for row in reviews()]
    if kind == "pairs":
        out = tmp_path / "out.npy"
        ran = command("encode", source, "--model", first, "--out", out)
        np.testing.assert_array_equal(np.load(out), estimator.transform(texts))
    else:
        ran = command("predict", source, "--model", first)
        found = [row["prediction"] for row in read_csv(ran.out)]
        assert found == [str(it) for it in estimator.predict(texts).tolist()]
    ran = command("evaluate", source, "--model", first, "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    score = {"pairs": "found_first", "regression": "r2"}.get(kind, "accuracy")
    if kind != "pairs":
        y = [row[label] for row in read_csv(source.read_text())]
        y = [float(it) for it in y] if kind == "regression" else y
        assert found[score] == pytest.approx(estimator.score(texts, y))
    assert score in found


# Targets


def test_labels_that_are_numbers_in_json_lines(
    command: Command, tmp_path: Path
) -> None:
    """They stay numbers; CSV, which has texts, is evaluated with them all the same."""
    rows = [{**row, "stars": len(row["stars"])} for row in reviews()]
    source = tmp_path / "reviews.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    run = tmp_path / "run"
    assert command("train", source, *HELD_OUT, "--out", run).code == 0
    assert load(run / "model").classes_.tolist() == [3, 4]
    ran = command("predict", source, "--model", run, "--to", "jsonl")
    found = [json.loads(it)["prediction"] for it in ran.out.splitlines()]
    assert found == [row["stars"] for row in rows]
    ran = command("evaluate", source, "--model", run, "--json")
    table = write_csv(tmp_path / "reviews.csv", rows)
    as_texts = command("evaluate", table, "--model", run, "--json")
    for of in (ran, as_texts):
        assert json.loads(of.out)["accuracy"] == 1


def test_labels_of_json_lines_and_csv_together(
    command: Command, tmp_path: Path
) -> None:
    rows = [{**row, "stars": len(row["stars"])} for row in reviews()]
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text("".join(f"{json.dumps(row)}\n" for row in rows[:30]))
    test = write_csv(tmp_path / "test.csv", rows[30:])
    validation = write_csv(tmp_path / "validation.csv", reviews(12, seed=4))
    run = tmp_path / "run"
    ran = command("train", first, *LEARNT, "--test", test, "--out", run)
    assert ran.code == 0
    assert "classes that the training part lacks" not in ran.err
    assert load(run / "model").classes_.tolist() == ["3", "4"]
    second.write_text(first.read_text())
    sets = ["--set", f'data.train=["{first}", "{test}"]']
    ran = command("train", first, *LEARNT, *sets, "--out", tmp_path / "both")
    assert ran.code == 0
    assert validation.exists()


@pytest.mark.parametrize(
    ("labels", "separator"), [(["tags"], "|"), (["good", "cheap"], None)]
)
def test_several_labels(
    command: Command,
    files: dict[str, Path],
    tmp_path: Path,
    labels: list[str],
    separator: str | None,
) -> None:
    source, run = files["several"], tmp_path / "run"
    how = [it for name in labels for it in ("--label", name)]
    how += [] if separator is None else ["--label-separator", separator]
    how += ["--text", "review", "--test-size", "0.25"]
    assert command("train", source, *how, "--out", run).code == 0
    estimator = load(run / "model")
    texts = [row["review"] for row in reviews()]
    expected = estimator.predict(texts)
    ran = command("predict", source, "--model", run)
    for row, truth in zip(read_csv(ran.out), expected, strict=True):
        cell = row["prediction"]
        assert (json.loads(cell) if separator is None else cell.split(separator)) == [
            *truth
        ] or (not cell and not truth)
    ran = command("evaluate", source, "--model", run, "--json")
    assert ran.code == 0
    truth = [
        [name for name in estimator.classes_ if has(row, name)]
        for row in read_csv(source.read_text())
    ]
    assert json.loads(ran.out)["accuracy"] == estimator.score(texts, truth)


def has(row: dict[str, str], name: str) -> bool:
    """Whether a row of the table has a label, whichever column says it."""
    return name in row["tags"].split(" | ")


def test_several_numbers(
    command: Command, files: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    how = ["--text", "review", "--label", "price", "--label", "weight", *SHORT]
    how += ["--estimator", "regression", "--test-size", "0.25", "--out", run]
    assert command("train", files["numbers"], *how).code == 0
    estimator = load(run / "model")
    ran = command("predict", files["numbers"], "--model", run)
    names = ("prediction_0", "prediction_1")
    found = [[float(row[it]) for it in names] for row in read_csv(ran.out)]
    expected = estimator.predict([row["review"] for row in reviews()])
    np.testing.assert_array_equal(found, expected)
    ran = command("evaluate", files["numbers"], "--model", run, "--json")
    assert ran.code == 0


def test_several_columns_of_texts(
    command: Command, files: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    how = ["--text", "title", "--text", "review", "--text-separator", " / "]
    how += ["--label", "stars", "--test-size", "0.25", "--out", run]
    assert command("train", files["classes"], *how).code == 0
    joined = [f"{row['title']} / {row['review']}" for row in reviews()]
    ran = command("predict", files["classes"], "--model", run, "--to", "jsonl")
    found = [json.loads(it)["prediction"] for it in ran.out.splitlines()]
    assert found == load(run / "model").predict(joined).tolist()


# Options and files


def test_options_and_file_are_one_run(command: Command, raw: Path) -> None:
    folder = raw.parent
    configuration = folder / "it.toml"
    configuration.write_text(
        "random_state = 3\n"
        '[data]\ntrain = "reviews.csv"\ntext = "review"\nlabel = "stars"\n'
        "[prepare]\ntest_size = 0.25\n"
        "[train]\nC = 2\nngram_range = [1, 1]\n"
        '[output]\nfolder = "by_file"\n'
    )
    assert command("train", configuration).code == 0
    how = ["--C", "2", "--ngram-range", "[1, 1]", "--random-state", "3"]
    out = folder / "by_options"
    assert command("train", raw, *HELD_OUT, *how, "--out", out).code == 0
    by_file = folder / "by_file"
    assert contents(by_file) == contents(out)
    name = "configuration.yaml"
    assert (by_file / name).read_text() == (out / name).read_text()


def test_options_are_over_the_file(command: Command, raw: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "it.yaml"
    configuration.write_text(
        f"data: {{train: {raw}, text: review, label: stars}}\ntrain: {{C: 2}}\n"
    )
    run = tmp_path / "run"
    how = ["--C", "3", "--set", "train.embedding_weight=2", "--out", run]
    ran = command("train", configuration, *how)
    assert (ran.code, ran.out) == (0, "")
    assert "no part to evaluate with: pass --test or --test-size" in ran.err
    kept = yaml.safe_load((run / "configuration.yaml").read_text())
    assert kept["train"]["C"] == 3
    assert kept["train"]["embedding_weight"] == 2
    assert load(run / "model").C == 3
    assert not (run / "predictions.csv").exists()
    assert not (run / "report.txt").exists()
    assert json.loads((run / "metrics.json").read_text()) == {}


def test_a_model_to_start_from(
    command: Command, raw: Path, embedding_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    how = [*HELD_OUT, "--model", embedding_folder, "--out", run]
    assert command("train", raw, *how).code == 0
    assert load(run / "model").embedding_.dim == 16
    assert command("evaluate", raw, "--model", run).code == 0


def test_a_changed_file_is_not_trained_on_again(
    command: Command, refused: Callable[..., str], tmp_path: Path
) -> None:
    raw, run = write_csv(tmp_path / "raw.csv", reviews()), tmp_path / "run"
    assert command("train", raw, *LEARNT, "--out", run).code == 0
    write_csv(raw, reviews(30))
    again = tmp_path / "again"
    message = refused("train", run / "configuration.yaml", "--out", again)
    assert "raw.csv is not as it was when this run was made" in message
    assert not again.exists()


def test_graph_and_parts(command: Command, raw: Path, tmp_path: Path) -> None:
    """The graph predicts the same; a validation part stops the training."""
    run = tmp_path / "run"
    how = [*HELD_OUT, "--validation-size", "0.2", "--onnx", "--no-predictions"]
    how += ["--estimator", "FT", "--max-epochs", "3", "--out", run]
    ran = command("train", raw, *how)
    assert ran.code == 0
    assert "validation" in ran.err
    from sk_m2v.onnx import load as load_graph

    texts = [row["review"] for row in reviews()]
    expected = load(run / "model").predict(texts).tolist()
    assert load_graph(run / "model.onnx").predict(texts).tolist() == expected
    assert not (run / "predictions.csv").exists()


# Which estimator has which options


@pytest.mark.parametrize(
    "how",
    [
        ["--estimator", "FT"],
        ["--set", "train.estimator=FT"],
        ["--estimator", "FE", "--set", "train.estimator=ft"],
    ],
)
def test_options_of_the_estimator_that_is_named(
    command: Command, raw: Path, tmp_path: Path, how: list[str]
) -> None:
    run = tmp_path / "run"
    how = [*LEARNT, *how, "--lr", "0.02", "--max-epochs", "1", "--out", str(run)]
    assert command("train", raw, *how).code == 0
    estimator = load(run / "model")
    assert (type(estimator).__name__, estimator.lr) == ("StaticClassifier", 0.02)


@pytest.mark.parametrize(
    ("how", "place"),
    [
        (["--estimator", "FTT"], "--estimator: "),
        (["--set", "train.estimator=FTT"], "--set train.estimator=FTT: "),
    ],
)
def test_an_estimator_that_there_is_not(
    refused: Callable[..., str], raw: Path, tmp_path: Path, how: list[str], place: str
) -> None:
    """That is said first, and not that it has no such option."""
    message = refused("train", raw, *how, "--lr", "0.1", "--out", tmp_path / "run")
    assert message.startswith(f"sk-m2v train: {place}train.estimator: expected {{")
    assert "got 'FTT'" in message


def test_standard_input(
    command: Command,
    standard_input: Callable[[bytes], None],
    raw: Path,
    trained: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    standard_input(raw.read_bytes())
    assert command("train", "-", *HELD_OUT, "--out", run).code == 0
    assert contents(run) == contents(trained)


@pytest.mark.slow
def test_a_run_is_tracked(command: Command, raw: Path, tmp_path: Path) -> None:
    import mlflow

    uri, run = f"sqlite:///{tmp_path / 'runs.db'}", tmp_path / "run"
    track = {"experiment": "mine", "tracking_uri": uri, "log_model": "false"}
    track["artifact_location"] = str(tmp_path / "artifacts")
    sets = [it for name in track for it in ("--set", f"track.{name}={track[name]}")]
    ran = command("train", raw, *HELD_OUT, *sets, "--out", run)
    assert ran.code == 0
    assert (run / "report.txt").read_text() == ran.out
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("mine")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["C"] == "auto"
    metrics = json.loads((run / "metrics.json").read_text())
    names = [it for it in found.data.metrics if it.endswith("accuracy")]
    assert metrics["accuracy"] in [found.data.metrics[it] for it in names]
