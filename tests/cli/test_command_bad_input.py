"""Bad input, and what comes in between: a message, a code, and files as before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_tables import process, read_csv, reviews, write_csv

from sk_m2v.cli import main
from sk_m2v.cli._main import COMMANDS

Command = Callable[..., Any]
Refused = Callable[..., str]
ROWS = reviews(8, seed=3)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "new.csv", ROWS)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An output of before, which has to stay where something fails."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


# Commands


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["nix"], ["--nix"], ["predict"], ["predict", "a.csv", "--model"]),
        *(
            ["train"],
            ["train", "a.csv", "--nix"],
            ["train", "a.csv", "--estimato", "FE"],
        ),
        *(["encode", "--max-length", "x"], ["search"], ["prepare", "a.csv"]),
        ["convert", "a", "b", "--layout", "nix"],
    ],
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    ran = capsys.readouterr()
    assert ran.out == ""
    assert ran.err.startswith("usage: sk-m2v")
    assert len(ran.err) < 1000


def test_values_of_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "a.csv", "--estimator", "FT", "--optimizer", "adm"])
    message = capsys.readouterr().err
    assert "--optimizer: expected " in message
    assert "got 'adm'. Do you mean 'adam'?" in message


@pytest.mark.parametrize("command", COMMANDS)
def test_the_error_is_shown_if_that_is_wanted(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each command knows the option, and has a message without it."""
    nix = str(tmp_path / "nix.csv")
    out = ["--out", str(tmp_path / "out.csv")]
    arguments = {
        "benchmark": [nix, "--estimator", "FE"],
        "convert": [nix, str(tmp_path / "out")],
        "distill": [nix, *out],
        "encode": [nix, *out],
        "evaluate": [nix, "--model", nix],
        "export": [nix, str(tmp_path / "out.onnx")],
        "inspect": [nix],
        "predict": [nix, "--model", nix, *out],
        "prepare": [nix, *out],
        "push": [nix, "me/mine"],
        "search": ["query", nix, *out],
        "train": [nix, *out],
    }[command]
    assert main([command, *arguments]) == 2
    ran = capsys.readouterr()
    assert ran.out == ""
    last = ran.err.splitlines()[-1]
    assert last.startswith(f"sk-m2v {command}: ")
    assert "nix.csv" in last
    assert "Traceback" not in ran.err
    assert main([command, *arguments, "--traceback"]) == 2
    assert capsys.readouterr().err.count("Traceback") >= 1
    assert names(tmp_path) == []


# Tables


def bad_tables() -> dict[str, tuple[str, bytes, str]]:
    """Of each fault: a suffix, what the file holds, and what is said."""
    good = b"review,stars\nfine,good\n"
    return {
        "empty": ("csv", b"", "is empty"),
        "header": ("csv", b"review,stars\n", "has no rows"),
        "column": ("csv", b"text,stars\nfine,good\n", "no column 'review'. The colum"),
        "encoding": ("csv", good + b"caf\xe9,good\n", "line 3: the bytes b'\\xe9'"),
        "cells": ("csv", good + b"a,b,c\n", "row 2 (line 3) has 3 cells"),
        "quote": ("csv", good + b'"a,b\n', "quote"),
        "json": ("jsonl", b'{"review": "a"}\n{"review":\n', "line 2 is no JSON"),
        "object": ("jsonl", b'{"review": "a"}\n["a"]\n', "line 2"),
        "null": ("jsonl", b'{"review": "a"}\n{"review": null}\n', "row 2"),
        "number": ("jsonl", b'{"review": 3}\n', "row 1"),
        "NUL": ("csv", good + b"a\0,good\n", "NUL"),
        "gzip": ("csv.gz", b"\x1f\x8b\x08\x00cut", "gzip"),
        "parquet": ("parquet", b"PAR1 nothing", "arquet"),
        "suffix": ("xyz", good, "names no format. Give --format"),
    }


@pytest.mark.parametrize("fault", bad_tables())
@pytest.mark.parametrize("subcommand", ["predict", "encode", "search"])
def test_bad_tables(
    refused: Refused,
    tmp_path: Path,
    trained: Path,
    old: Path,
    subcommand: str,
    fault: str,
) -> None:
    suffix, content, message = bad_tables()[fault]
    source = tmp_path / f"bad.{suffix}"
    source.write_bytes(content)
    query = ["query"] if subcommand == "search" else []
    how = ["--model", trained, "--text", "review", "--out", old]
    found = refused(subcommand, *query, source, *how)
    assert found.startswith(f"sk-m2v {subcommand}: ")
    if subcommand != "search" or fault not in ("null", "number"):
        assert message in found
    assert len(found) < 700
    assert old.read_text() == "old"
    assert names(tmp_path) == sorted([source.name, "out.csv"])


@pytest.mark.parametrize("fault", bad_tables())
def test_bad_tables_to_train_with(refused: Refused, tmp_path: Path, fault: str) -> None:
    suffix, content, message = bad_tables()[fault]
    source = tmp_path / f"bad.{suffix}"
    source.write_bytes(content)
    how = ["--text", "review", "--label", "stars", "--out", tmp_path / "run"]
    found = refused("train", source, *how)
    if fault not in ("null", "number"):
        assert message in found
    assert names(tmp_path) == [source.name]


def test_a_file_that_is_not_there(refused: Refused, new: Path, trained: Path) -> None:
    message = refused("predict", new.with_name("now.csv"), "--model", trained)
    assert f"there is no file {new.with_name('now.csv')}. Near it are 'new." in message


def test_lines_in_another_encoding(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    source = tmp_path / "mixed.csv"
    source.write_bytes("review\ncafé\n".encode() + b"caf\xe9\n")
    how = ["--fallback-encoding", "latin-1", "--model", trained]
    ran = command("predict", source, *how)
    assert [row["review"] for row in read_csv(ran.out)] == ["café", "café"]


def test_numbers_that_are_none(refused: Refused, tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": i} for i in range(9)]
    rows[6]["label"] = "many"
    source = write_csv(tmp_path / "bad.csv", rows)
    how = ["--estimator", "regression", "--out", tmp_path / "run"]
    message = refused("train", source, *how)
    assert "row 7: column 'label' holds 'many', which is no number" in message
    assert names(tmp_path) == ["bad.csv"]


def test_labels_that_say_neither_yes_nor_no(refused: Refused, tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "a": 1, "b": "maybe"} for i in range(9)]
    source = write_csv(tmp_path / "bad.csv", rows)
    how = ["--label", "a", "--label", "b", "--out", tmp_path / "run"]
    message = refused("train", source, *how)
    assert "row 1: column 'b' holds 'maybe': a column of a label has 1" in message


# Places


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nix/out.csv", "there is no folder"),
        ("folder.csv", "is a folder: give a file in it"),
        ("out.xyz", "names no format"),
        ("out", "names no format"),
        ("out.txt", "cannot be of the format 'text' here"),
        ("new.csv/out.csv", "there is no folder"),
        ("n" * 300 + ".csv", "cannot be written"),
    ],
)
def test_bad_places(
    refused: Refused,
    tmp_path: Path,
    new: Path,
    trained: Path,
    target: str,
    message: str,
) -> None:
    (tmp_path / "folder.csv").mkdir()
    found = refused("predict", new, "--model", trained, "--out", tmp_path / target)
    assert message in found
    assert names(tmp_path) == ["folder.csv", "new.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="may write anywhere")
def test_a_folder_in_which_nothing_may_be_written(
    refused: Refused, tmp_path: Path, new: Path, trained: Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(0o500)
    out = ["--out", folder / "out.csv"]
    assert "nothing may be written" in refused("predict", new, "--model", trained, *out)


def test_a_place_that_is_full(new: Path, trained: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        ran = process("predict", new, "--model", trained, stdout=full)
    assert ran.returncode == 2
    assert ran.stderr.startswith("sk-m2v predict: ")
    assert "Traceback" not in ran.stderr


# Models


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model/model.safetensors", b"cut"),
        ("model/estimator.safetensors", b"\0" * 50),
        ("model/estimator.json", b"{"),
        ("model/config.json", b"[]"),
        ("model/tokenizer.json", b"nothing"),
        ("configuration.yaml", b"data: ["),
        ("configuration.yaml", b"data: 3"),
        ("configuration.yaml", b"data: {text: 3}"),
        ("configuration.yaml", b"\xff"),
    ],
)
def test_damaged_models(
    refused: Refused,
    tmp_path: Path,
    new: Path,
    trained: Path,
    old: Path,
    file: str,
    content: bytes,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / file).write_bytes(content)
    message = refused("predict", new, "--model", run, "--out", old)
    assert Path(file).name in message
    assert old.read_text() == "old"
    assert names(tmp_path) == ["new.csv", "out.csv", "run"]


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_models_that_lack_a_file(
    refused: Refused, tmp_path: Path, new: Path, trained: Path, file: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "model" / file).unlink()
    assert file in refused("predict", new, "--model", run)


def test_no_model(refused: Refused, tmp_path: Path, new: Path) -> None:
    for model in (tmp_path / "nix", tmp_path, new):
        assert str(model) in refused("predict", new, "--model", model)
        assert str(model) in refused("train", new, "--model", model)


# Configurations, from the command line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trian]\nC = 1\n", "line 1: there is no section 'trian'. Do you mean train?"),
        ("[train]\nCC = 1\n", "line 2: section train has no key 'CC'"),
        (
            '[train]\nC = "x"\n',
            """line 2: train.C: expected float or "auto", got 'x'""",
        ),
        ("[train]\nC = -1\n", "The 'C' parameter of FeatureExtractionClassifier must"),
        ("[train]\n", "data.train is missing"),
        ("[train\n", "is no TOML"),
        ('extends = "nix.toml"\n', "line 1: extends names files that are there"),
        (
            '[train.head]\nname = "os.system"\n',
            'train.head: expected {name = "LogisticRegression"',
        ),
        (
            '[train.head]\nname = "LogisticRegression"\nCC = 1\n',
            "has no parameter 'CC'",
        ),
        ("[search.parameters]\nCC = [1]\n", "has no parameter 'CC'. The nearest are"),
        ("[search.parameters]\nC = 1\n", "search.parameters.C: expected a list"),
        ("[search.parameters]\nC = [1, -1]\n", "The 'C' parameter of"),
    ],
)
def test_bad_configurations(
    refused: Refused, tmp_path: Path, new: Path, text: str, message: str
) -> None:
    if "data.train" not in message and "extends" not in text:
        text += f'[data]\ntrain = "{new}"\n'
    path = tmp_path / "it.toml"
    path.write_text(text)
    assert message in refused("train", path, "--out", tmp_path / "run")
    assert names(tmp_path) == ["it.toml", "new.csv"]


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ('["EarlyStoping"]', "no callback 'EarlyStoping'"),
        ('[{name = "EarlyStopping", patienc = 3}]', "no parameter 'patienc'"),
    ],
)
def test_bad_callbacks(
    refused: Refused, tmp_path: Path, new: Path, callbacks: str, message: str
) -> None:
    path = tmp_path / "it.toml"
    path.write_text(
        f'[data]\ntrain = "{new}"\n[train]\nestimator = "FT"\ncallbacks = {callbacks}\n'
    )
    found = refused("train", path, "--out", tmp_path / "run")
    assert message in found
    assert "'EarlyStopping'" in found or "'patience'" in found
    assert names(tmp_path) == ["it.toml", "new.csv"]
