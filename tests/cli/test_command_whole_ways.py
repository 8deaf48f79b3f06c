"""Ways through several commands: what one writes, the next one reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_tables import (
    COMMAND,
    HELD_OUT,
    LEARNT,
    read_csv,
    reviews,
    write_csv,
)

import sk_m2v

Command = Callable[..., Any]
Refused = Callable[..., str]


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """Several labels a row, with a bar between them."""
    rows = [
        {"review": it["review"], "tags": f"{it['stars']}|{'odd' if i % 2 else 'even'}"}
        for i, it in enumerate(reviews())
    ]
    return write_csv(tmp_path / "tagged.csv", rows)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("separator", [["--label-separator", "|"], []])
def test_prepared_labels_are_read_again(
    command: Command, tmp_path: Path, tagged: Path, format: str, separator: list[str]
) -> None:
    columns = ["--text", "review", "--label", "tags"]
    rows = rows_of(tagged)
    source = tmp_path / "lists.jsonl"
    source.write_text("".join(f"{json.dumps(it)}\n" for it in rows))
    given = tagged if separator else source
    how = [*columns, *separator, "--test-size", "0.25", "--to", format]
    assert command("prepare", given, *how, "--out", tmp_path / "parts").code == 0
    parts = [tmp_path / "parts" / f"{it}.{format}" for it in ("train", "test")]
    run = tmp_path / "run"
    how = [*columns, *separator, "--test", parts[1], "--out", run]
    assert command("train", parts[0], *how).code == 0
    assert sk_m2v.load(run).classes_.tolist() == ["bad", "even", "fair", "good", "odd"]
    scores = json.loads((run / "metrics.json").read_text())
    again = command("evaluate", run / "predictions.csv", "--model", run, "--json")
    assert json.loads(again.out) == scores
    row = read_csv((run / "predictions.csv").read_text())[0]
    assert ("[" in row["tags"]) == ("[" in row["prediction"]) == (not separator)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {it.name: it.read_bytes() for it in folder.iterdir()}


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows = read_csv(path.read_text())
    return [{**row, "tags": row["tags"].split("|")} for row in rows]


def test_labels_of_two_forms(
    command: Command, refused: Refused, tmp_path: Path, tagged: Path
) -> None:
    lists = tmp_path / "lists.jsonl"
    lists.write_text("".join(f"{json.dumps(it)}\n" for it in rows_of(tagged)))
    columns = ["--text", "review", "--label", "tags"]
    run = tmp_path / "run"
    message = refused("train", lists, *columns, "--test", tagged, "--out", run)
    assert "in part 'test' one label a row" in message
    assert "--label-separator" in message
    assert not run.exists()


def test_labels_that_are_numbers_in_one_file(command: Command, tmp_path: Path) -> None:
    """JSON has numbers, CSV has texts: they are the same labels."""
    rows = [
        {"text": it["review"], "label": i % 3} for i, it in enumerate(reviews(60, 1))
    ]
    train, test = tmp_path / "train.jsonl", tmp_path / "test.csv"
    train.write_text("".join(f"{json.dumps(it)}\n" for it in rows[:40]))
    write_csv(test, rows[40:])
    out = tmp_path / "parts"
    how = ["--test", test, "--min-per-class", "2", "--out", out]
    assert command("prepare", train, *how).code == 0
    report = json.loads((out / "report.json").read_text())
    assert report["notes"] == []
    assert len(read_csv((out / "test.csv").read_text())) == 20


def test_labels_that_are_unknown(
    command: Command, refused: Refused, tmp_path: Path, trained: Path
) -> None:
    rows = [{"review": it["review"], "stars": "other"} for it in reviews(6, 3)]
    other = write_csv(tmp_path / "other.csv", rows)
    message = refused("evaluate", other, "--model", trained)
    assert "no label is one that the model knows: there are 'other'" in message
    rows[0]["stars"] = "good"
    some = write_csv(tmp_path / "some.csv", rows)
    ran = command("evaluate", some, "--model", trained, "--json")
    assert 0 <= json.loads(ran.out)["accuracy"] < 0.5


def test_the_folder_of_a_training_loads(trained: Path) -> None:
    texts = [it["review"] for it in reviews(5, 2)]
    whole, model = sk_m2v.load(trained), sk_m2v.load(trained / "model")
    assert whole.predict(texts).tolist() == model.predict(texts).tolist()


def test_an_unfinished_training_is_no_model(refused: Refused, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "configuration.yaml").write_text("data: {train: a.csv}\n")
    for command in ("predict", "inspect"):
        given = ["lines.txt", "--model", run] if command == "predict" else [run]
        message = refused(command, *given)
        assert "holds a training that is not finished" in message


def test_options_between_query_and_file(command: Command, raw: Path) -> None:
    ran = command("search", "a lamp", "--text", "review", "-n", "2", raw)
    assert ran.code == 0
    assert [it["rank"] for it in read_csv(ran.out)] == ["1", "2"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--lr", "It is an option of StaticClassifier: --estimator FT"),
        ("--test-siz", "Do you mean --test-size?"),
    ],
)
def test_unknown_options(
    command: Command,
    capsys: pytest.CaptureFixture[str],
    raw: Path,
    option: str,
    message: str,
) -> None:
    with pytest.raises(SystemExit) as exit:
        command("train", raw, *LEARNT, option, "3")
    assert exit.value.code == 2
    found = capsys.readouterr().err
    assert message in found
    assert "usage: sk-m2v train [OPTIONS] FILE" in found


@pytest.mark.parametrize("command_name", ["convert", "distill", "prepare"])
def test_a_folder_that_is_there(
    command: Command,
    refused: Refused,
    raw: Path,
    embedding_folder: Path,
    tmp_path: Path,
    command_name: str,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text("mine")
    (folder / "validation.csv").write_text("of before")
    arguments = {
        "convert": ["convert", embedding_folder, folder],
        "distill": ["distill", raw, "--text", "review", "--out", folder],
        "prepare": ["prepare", raw, *LEARNT, "--out", folder],
    }[command_name]
    before = bytes_of(folder)
    assert "choose another folder, or pass --overwrite" in refused(*arguments)
    assert bytes_of(folder) == before
    if command_name != "distill":  # which takes a minute
        assert command(*arguments, "--overwrite").code == 0
        is_part = command_name == "prepare"
        assert (folder / "validation.csv").exists() != is_part


def test_ctrl_c_in_a_training(raw: Path, tmp_path: Path) -> None:
    """It is no planned end of it: the training goes on later."""
    run = tmp_path / "run"
    how = [*HELD_OUT, "--estimator", "FT", "--max-epochs", "2000", "--out", run]
    process = subprocess.Popen(
        [*COMMAND, "train", *map(str, [raw, *how])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if (run / "training.pt").exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "stopped" in err
    assert "pass --resume" in err
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert not (run / "model").exists()
    assert not (run / "metrics.json").exists()


def test_push_without_network(tmp_path: Path, embedding_folder: Path) -> None:
    """One line, and the exit code of what is wrong with what was given."""
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [*COMMAND, "push", str(embedding_folder), "me/reviews"],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_export_variant_of_ids(
    command: Command, refused: Refused, embedding_folder: Path, tmp_path: Path
) -> None:
    how = ["export", embedding_folder]
    message = refused(*how, tmp_path / "ids.onnx", "--variant", "ids")
    assert "what is written is a folder" in message
    assert command(*how, tmp_path / "ids", "--variant", "ids").code == 0
    assert (tmp_path / "ids" / "onnx" / "model.onnx").is_file()


def test_a_pipeline_has_no_ngrams(
    command: Command, refused: Refused, trained: Path, raw: Path, tmp_path: Path
) -> None:
    how = ["--layout", "pipeline"]
    message = refused("convert", trained, tmp_path / "pipeline", *how)
    assert "--no-lexical" in message
    run = tmp_path / "run"
    assert command("train", raw, *LEARNT, "--no-lexical", "--out", run).code == 0
    assert command("convert", run, tmp_path / "pipeline", *how).code == 0
    texts = [it["review"] for it in reviews(5, 2)]
    pipeline = sk_m2v.load(tmp_path / "pipeline")
    assert pipeline.predict(texts).tolist() == sk_m2v.load(run).predict(texts).tolist()


def test_columns_are_not_written_over(
    refused: Refused, tmp_path: Path, embedding_folder: Path
) -> None:
    rows = [{"text": "a lamp", "score": 1, "embedding": 2}]
    table = write_csv(tmp_path / "table.csv", rows)
    assert "a column 'score' already" in refused("search", "lamp", table)
    how = ["--model", embedding_folder, "--to", "jsonl"]
    assert "a column 'embedding' already" in refused("encode", table, *how)


def test_head_is_saved(
    command: Command, refused: Refused, raw: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    head = '{"name": "LogisticRegression", "C": 0.5}'
    assert command("train", raw, *LEARNT, "--head", head, "--out", run).code == 0
    assert sk_m2v.load(run).predict(["an excellent lamp"]).tolist() == ["good"]
    message = refused("train", raw, *LEARNT, "--head", "SVC", "--out", tmp_path / "no")
    assert "expected {name = " in message
    assert not (tmp_path / "no").exists()


def test_scorer_that_is_none(refused: Refused, raw: Path, tmp_path: Path) -> None:
    how = ["--set", "search.parameters.C=[1]", "--set", "search.scoring=f1_mac"]
    message = refused("train", raw, *LEARNT, *how, "--out", tmp_path / "run")
    assert "no scorer 'f1_mac'. The nearest are 'f1_macro'" in message
