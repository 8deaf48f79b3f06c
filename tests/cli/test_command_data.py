"""`prepare`, `distill` and `benchmark`: what is done with data around a training."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_teachers
from command_tables import read_csv, reviews, write_csv
from safetensors.numpy import load_file

from sk_m2v import DistillTransformer, FeatureExtractionClassifier, StaticEmbedding
from sk_m2v.benchmark import run_benchmark
from sk_m2v.cli.preparing import prepare

Command = Callable[..., Any]


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    """Reviews with an empty text, a duplicate and a conflict."""
    rows = reviews(30)
    rows[3]["review"] = " \u200b"
    rows[4]["review"] = f"  {rows[7]['review']}"
    rows[4]["stars"] = rows[7]["stars"]
    rows[5]["review"] = rows[9]["review"]
    return write_csv(tmp_path / "dirty.csv", rows)


def table(path: Path) -> dict[str, list[str]]:
    rows = read_csv(path.read_text(encoding="utf-8"))
    return {name: [row[name] for row in rows] for name in rows[0]}


# Prepare


def test_prepare(command: Command, dirty: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    how = ["--text", "review", "--label", "stars", "--test-size", "0.2"]
    ran = command("prepare", dirty, *how, "--random-state", 3, "--out", out)
    assert (ran.code, ran.err) == (0, "")
    expected = prepare(
        {"train": table(dirty)},
        text="review",
        label="stars",
        test_size=0.2,
        random_state=3,
    )
    assert ran.out == f"{expected.report.to_text()}\n"
    for name, part in expected.parts.items():
        assert table(out / f"{name}.csv") == part
    report = json.loads((out / "report.json").read_text())
    assert report == json.loads(json.dumps(expected.report.to_dict()))
    dropped = table(out / "dropped.csv")
    assert len(dropped["reason"]) == 4
    assert sorted(it.name for it in out.iterdir()) == [
        *("dropped.csv", "report.json", "test.csv", "train.csv")
    ]


@pytest.mark.parametrize("to", ["tsv", "jsonl", "parquet"])
def test_prepare_other_formats(
    command: Command, tmp_path: Path, dirty: Path, to: str
) -> None:
    out = tmp_path / "parts"
    how = ["--text", "review", "--label", "stars", "--to", to, "--out", out]
    assert command("prepare", dirty, *how).code == 0
    expected = prepare({"train": table(dirty)}, text="review", label="stars")
    found = {
        "tsv": lambda it: pd.read_csv(it, sep="\t", dtype=str),
        "jsonl": lambda it: pd.read_json(it, lines=True, dtype=False),
        "parquet": pd.read_parquet,
    }[to](out / f"train.{to}")
    assert found.to_dict("list") == expected.parts["train"]


def test_prepare_a_table_that_is_clean(
    command: Command, raw: Path, tmp_path: Path
) -> None:
    """Nothing is dropped: the table of what was has no rows."""
    out = tmp_path / "parts"
    how = ["--text", "review", "--label", "stars", "--out", out]
    assert command("prepare", raw, *how).code == 0
    assert table(out / "train.csv") == table(raw)
    with (out / "dropped.csv").open(newline="") as file:
        assert len([*csv.reader(file)]) == 1


def test_prepare_texts_alone(command: Command, dirty: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    how = ["--text", "review", "--no-label", "--out", out]
    assert command("prepare", dirty, *how).code == 0
    expected = prepare({"train": table(dirty)}, text="review", label=None)
    assert table(out / "train.csv") == expected.parts["train"]


def test_prepare_labels_with_a_separator(command: Command, tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": "a; b" if i % 2 else "b"} for i in range(9)]
    raw, out = write_csv(tmp_path / "raw.csv", rows), tmp_path / "parts"
    how = ["--label-separator", ";", "--to", "jsonl", "--out", out]
    assert command("prepare", raw, *how).code == 0
    lines = (out / "train.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["label"] == ["a", "b"]
    assert json.loads(lines[2])["label"] == ["b"]


def test_prepare_refuses_a_folder_with_files(
    refused: Callable[..., str], raw: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    how = ["--text", "review", "--label", "stars"]
    message = refused("prepare", raw, *how, "--out", tmp_path)
    assert f"{tmp_path} is there already and not empty" in message
    assert "mine.txt" in refused("prepare", raw, *how, "--out", mine)
    assert mine.read_text() == "mine"


def test_prepare_leaves_nothing_of_bad_data(
    refused: Callable[..., str], raw: Path, tmp_path: Path
) -> None:
    out = tmp_path / "parts"
    assert "no column 'text'" in refused("prepare", raw, "--out", out)
    how = ["--text", "review", "--label", "stars", "--test-size", "1000"]
    assert "1000" in refused("prepare", raw, *how, "--out", out)
    assert not out.exists()


# Distil


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    folder = tmp_path / "teacher"
    tiny_teachers.bert().save_pretrained(folder)
    tiny_teachers.tokenizer().save_pretrained(folder)
    return folder


TINY = ["red cat", "green cats", "blue", "red green blue", "cat", "cats red"] * 3


@pytest.mark.parametrize("texts", [None, TINY])
def test_distill(
    command: Command, teacher: Path, tmp_path: Path, texts: list[str] | None
) -> None:
    out = tmp_path / "out"
    how = ["--teacher", teacher, "--pca-dims", "4", "--quantize-to", "float32"]
    files = []
    if texts is not None:
        rows = [{"words": it, "other": "x"} for it in texts]
        files = [write_csv(tmp_path / "texts.csv", rows), "--text", "words"]
    ran = command("distill", *files, *how, "--out", out)
    assert (ran.code, ran.out) == (0, "")
    expected = DistillTransformer(
        str(teacher), pca_dims=4, quantize_to="float32", random_state=0
    ).fit(texts)
    found = StaticEmbedding.from_pretrained(out)
    np.testing.assert_array_equal(
        load_file(out / "model.safetensors")["embeddings"],
        expected.embedding_.vectors,
    )
    np.testing.assert_array_equal(found.encode(TINY), expected.embedding_.encode(TINY))


def test_distill_from_several(command: Command, teacher: Path, tmp_path: Path) -> None:
    texts = write_csv(tmp_path / "texts.csv", [{"text": it} for it in TINY])
    how = ["--teacher", teacher, "--teacher", teacher, "--teacher-weights", "[1, 2]"]
    how += ["--prompt", "red ", "--prompt", "", "--pca-dims", "4"]
    ran = command("distill", texts, *how, "--out", tmp_path / "out")
    assert (ran.code, ran.out) == (0, "")
    config = StaticEmbedding.from_pretrained(tmp_path / "out").config
    assert config["teachers"] == ["teacher", "teacher"]
    assert config["corpus"]["prompt"] == ["red ", ""]
    assert config["corpus"]["teacher_weights"] == [1, 2]


def test_distill_refuses(
    refused: Callable[..., str], teacher: Path, raw: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    how = ["--teacher", teacher]
    message = refused("distill", *how, "--out", file)
    assert f"{file} is a file, and no folder" in message
    out = tmp_path / "out"
    assert "no column 'text'" in refused("distill", raw, *how, "--out", out)
    assert "pca_dims" in refused("distill", *how, "--pca-dims", "-1", "--out", out)
    assert not out.exists()
    assert file.read_text() == "mine"


# Benchmark


def test_benchmark(command: Command, raw: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    how = ["--text", "review", "--label", "stars", "--estimator", "FE", "--seeds", 2]
    ran = command("benchmark", raw, *how, "--report", report)
    assert ran.code == 0
    rows = read_csv(ran.out)
    data = reviews()
    expected = run_benchmark(
        {"FeatureExtractionClassifier": FeatureExtractionClassifier(random_state=0)},
        {"reviews": ([it["review"] for it in data], [it["stars"] for it in data])},
        random_states=range(2),
    )
    for name in ("estimator", "data_set", "seed", "n_train", "accuracy", "log_loss"):
        values = [str(it) for it in expected[name]]
        assert [row[name] for row in rows] == values
    assert "FeatureExtractionClassifier" in report.read_text()


def test_benchmark_of_configurations(
    command: Command, raw: Path, tmp_path: Path
) -> None:
    """Candidates are files, and so are their data."""
    for name, C in (("weak", 0.01), ("strong", 10)):
        (tmp_path / f"{name}.toml").write_text(
            f'[data]\ntrain = "{raw}"\ntext = "review"\nlabel = "stars"\n'
            f"[train]\nC = {C}\n[prepare]\ntest_size = 0.25\n"
        )
    files = [tmp_path / "weak.toml", tmp_path / "strong.toml"]
    folder = tmp_path / "results"
    ran = command("benchmark", *files, "--seeds", 1, "--folder", folder)
    assert ran.code == 0
    first = read_csv(ran.out)
    assert [row["estimator"] for row in first] == ["weak", "strong"]
    assert {row["n_test"] for row in first} == {"15"}
    # What is done is not done again: the time that it took is the same.
    ran = command("benchmark", *files, "--seeds", 1, "--folder", folder)
    assert read_csv(ran.out) == first


def test_benchmark_of_files_with_one_name(command: Command, tmp_path: Path) -> None:
    """As those of trainings have, each in its folder."""
    files = []
    for name, n in (("one", 30), ("two", 60)):
        folder = tmp_path / name
        folder.mkdir()
        write_csv(folder / "raw.csv", reviews(n))
        files.append(folder / "configuration.toml")
        files[-1].write_text(
            '[data]\ntrain = "raw.csv"\ntext = "review"\nlabel = "stars"\n'
        )
    ran = command("benchmark", *files, "--seeds", 1)
    rows = read_csv(ran.out)
    second = f"raw of {files[1]}"
    assert [(row["estimator"], row["data_set"]) for row in rows] == [
        (str(file), name) for file in files for name in ("raw", second)
    ]
    n_texts = [int(row["n_train"]) + int(row["n_test"]) for row in rows]
    assert n_texts == [30, 60, 30, 60]


def test_benchmark_refuses(
    refused: Callable[..., str], raw: Path, tmp_path: Path
) -> None:
    how = ["--text", "review", "--label", "stars"]
    assert "nothing to compare: name candidates" in refused("benchmark", raw, *how)
    message = refused("benchmark", raw, *how, "--estimator", "FX")
    assert "FX" in message
    fe = ["--estimator", "FE"]
    message = refused("benchmark", raw, *how, *fe, "--report", tmp_path / "a.pdf")
    assert "the name must end with '.html', '.md'" in message
    message = refused("benchmark", raw, *how, *fe, "--seeds", 0)
    assert "--seeds must be 1 or more, got 0" in message
    message = refused("benchmark", raw, *how, *fe, "--report", tmp_path / "no/a.html")
    assert f"{tmp_path / 'no'}" in message
    configuration = tmp_path / "it.toml"
    configuration.write_text(
        f'[data]\ntrain = "{raw}"\ntext = "review"\nlabel = "stars"\n'
        "[search.parameters]\nC = [1]\n"
    )
    message = refused("benchmark", configuration)
    assert "it: a candidate of a benchmark has fixed parameters" in message
