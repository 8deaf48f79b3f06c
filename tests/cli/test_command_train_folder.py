"""`sk-m2v train` and its folder: gone on with, replaced, or left as it is."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_tables import (
    COMMAND,
    HELD_OUT,
    LEARNT,
    all_of,
    contents,
    read_csv,
    reviews,
    write_csv,
)

import sk_m2v
from sk_m2v import FeatureExtractionClassifier, load

Command = Callable[..., Any]
Refused = Callable[..., str]


def test_a_folder_that_holds_a_training(
    refused: Callable[..., str], trained: Path, raw: Path
) -> None:
    before = all_of(trained)
    message = refused("train", raw, *HELD_OUT, "--C", "3", "--out", trained)
    assert "holds a training already: pass --resume to go on with it" in message
    message = refused("train", raw, *HELD_OUT, "--C", "3", "--out", trained, "--resume")
    assert "holds a training with train.C = auto, and now it is 3.0" in message
    message = refused(
        *("train", raw, *LEARNT, "--out", trained, "--resume"),
        *("--test-size", "0.5"),
    )
    assert "prepare.test_size = 0.25, and now it is 0.5" in message
    assert all_of(trained) == before


@pytest.mark.parametrize("more", [[], ["--resume"], ["--overwrite"]])
def test_a_folder_that_holds_something_else(
    refused: Callable[..., str], raw: Path, tmp_path: Path, more: list[str]
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    message = refused("train", raw, *LEARNT, "--out", tmp_path, *more)
    assert "holds other files, and no training: choose another folder" in message
    message = refused("train", raw, *LEARNT, "--out", mine, *more)
    assert "mine.txt is a file, and no folder" in message
    assert all_of(tmp_path) == {"mine.txt": b"mine"}


def test_a_finished_training_is_not_trained_again(
    command: Command, trained: Path, raw: Path
) -> None:
    before = all_of(trained)
    times = {it: it.stat().st_mtime_ns for it in trained.rglob("*")}
    ran = command("train", raw, *HELD_OUT, "--out", trained, "--resume")
    assert ran.code == 0
    assert ran.out == (trained / "report.txt").read_text()
    assert "holds a finished training" in ran.err
    assert "training FeatureExtractionClassifier" not in ran.err
    assert all_of(trained) == before
    assert {it: it.stat().st_mtime_ns for it in trained.rglob("*")} == times


def test_overwrite(command: Command, raw: Path, tmp_path: Path) -> None:
    """What is new replaces the training, and files of others stay."""
    run = tmp_path / "run"
    rows = reviews()
    rows[1]["review"] = ""
    dirty = write_csv(tmp_path / "dirty.csv", rows)
    grid = ["--set", "search.parameters.C=[1, 10]", "--set", "search.cv=2"]
    assert command("train", dirty, *HELD_OUT, *grid, "--out", run).code == 0
    assert {"search.csv", "search.jsonl", "dropped.csv"} <= {*all_of(run)}
    (run / "mine.txt").write_text("mine")
    (run / "notes").mkdir()
    (run / "notes" / "too.txt").write_text("mine")
    new = tmp_path / "new"
    assert command("train", raw, *LEARNT, "--out", new).code == 0
    assert command("train", raw, *LEARNT, "--out", run, "--overwrite").code == 0
    found = all_of(run)
    assert found.pop("mine.txt") == found.pop("notes/too.txt") == b"mine"
    assert found == all_of(new)


def test_overwrite_what_the_training_starts_from(
    command: Command, refused: Callable[..., str], raw: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert command("train", raw, *LEARNT, "--out", run).code == 0
    before = all_of(run)
    for model in (run, run / "model"):
        how = ["--model", model, "--out", run, "--overwrite"]
        message = refused("train", raw, *LEARNT, *how)
        assert "which --overwrite would remove: choose another folder" in message
    assert all_of(run) == before


def test_bad_data_leave_a_training_as_it_was(
    command: Command, refused: Callable[..., str], raw: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert command("train", raw, *LEARNT, "--out", run).code == 0
    before = all_of(run)
    for how in (["--text", "nix"], ["--C", "-1"], ["--test-size", "100"]):
        refused("train", raw, *LEARNT, *how, "--out", run, "--overwrite")
    assert all_of(run) == before


def test_a_training_that_fails_leaves_the_one_that_it_was_to_replace(
    command: Command, refused: Callable[..., str], raw: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert command("train", raw, *LEARNT, "--out", run).code == 0
    before = all_of(run)
    for how in (["--ngram-range", "[3, 1]"], ["--set", "search.parameters.C=[-1]"]):
        refused("train", raw, *LEARNT, *how, "--out", run, "--overwrite")
        assert all_of(run) == before
    # And once more, to see that it is replaced when all goes well.
    assert (
        command("train", raw, *LEARNT, "--C", 3, "--out", run, "--overwrite").code == 0
    )
    assert all_of(run) != before
    assert not (run / ".replaced").exists()


@pytest.mark.parametrize("how", [["--ngram-range", "[3, 1]"], ["--label", "number"]])
def test_a_training_that_fails_leaves_no_folder(
    refused: Callable[..., str],
    tmp_path: Path,
    how: list[str],
) -> None:
    rows = [{**row, "number": 1} for row in reviews()]
    raw = write_csv(tmp_path / "raw.csv", rows)
    how = (
        ["--text", "review", "--label", "stars", *how]
        if "--label" not in how
        else [*("--text", "review"), *how]
    )
    refused("train", raw, *how, "--out", tmp_path / "run")
    assert all_of(tmp_path).keys() == {"raw.csv"}
    assert not (tmp_path / "run").exists()


# What was stopped


@pytest.fixture
def n_fits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts fits, and stops one that is named."""
    counted = [0, 0]
    fit = FeatureExtractionClassifier.fit

    def counting(self: Any, *arguments: Any, **more: Any) -> Any:
        counted[0] += 1
        if counted[0] == counted[1]:
            raise KeyboardInterrupt
        return fit(self, *arguments, **more)

    monkeypatch.setattr(sk_m2v.FeatureExtractionClassifier, "fit", counting)
    return counted


def test_a_search_goes_on(
    command: Command, raw: Path, tmp_path: Path, n_fits: list[int]
) -> None:
    grid = ["--set", "search.parameters.C=[0.1, 1, 10]", "--set", "search.cv=2"]
    how = [*HELD_OUT, *grid, "--set", "search.scoring=neg_log_loss"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert command("train", raw, *how, "--out", whole).code == 0
    assert n_fits[0] == 3 * 2 + 1
    n_fits[:] = [0, 4]
    ran = command("train", raw, *how, "--out", cut)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.endswith("sk-m2v train: interrupted\n")
    assert len((cut / "search.jsonl").read_text().splitlines()) == 1
    # As if the kill had cut a line.
    with (cut / "search.jsonl").open("a") as file:
        file.write('{"candidate": "{\\"C\\"')
    n_fits[:] = [0, 0]
    ran = command("train", raw, *how, "--out", cut, "--resume")
    assert ran.code == 0
    assert n_fits[0] == 2 * 2 + 1
    assert contents(cut) == contents(whole)
    assert (cut / "search.csv").read_text() == (whole / "search.csv").read_text()
    rows = read_csv((cut / "search.csv").read_text())
    best = max(rows, key=lambda row: float(row["mean_score"]))
    assert float(best["C"]) == load(cut / "model").C


def test_an_interrupted_training_of_which_nothing_is_left(
    command: Command, raw: Path, tmp_path: Path, n_fits: list[int]
) -> None:
    n_fits[1] = 1
    ran = command("train", raw, *HELD_OUT, "--out", tmp_path / "run")
    assert ran.code == 130
    assert not (tmp_path / "run").exists()


def test_a_killed_training_goes_on(
    command: Command, raw: Path, tmp_path: Path, embedding_folder: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    how = [*HELD_OUT, "--estimator", "FT", "--model", embedding_folder]
    how += ["--max-epochs", "12", "--patience", "none"]
    given = ["train", raw, *how, "--out", killed]
    running = subprocess.Popen(
        [*COMMAND, *map(str, given)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with running:
        deadline = time.monotonic() + 60
        while not (killed / "training.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        running.kill()
    assert running.returncode == -signal.SIGKILL
    assert (killed / "training.pt").exists()
    assert not (killed / "metrics.json").exists()
    assert "pass --resume to go on with it" in command(*given).err
    other = command("train", raw, *how, "--lr", "0.5", "--out", killed, "--resume")
    assert other.code == 2
    assert "with train.lr = " in other.err
    ran = command("train", raw, *how, "--out", killed, "--resume")
    assert ran.code == 0
    assert "going on after epoch " in ran.err
    assert command("train", raw, *how, "--out", whole).code == 0
    assert contents(killed) == contents(whole)
    assert not (killed / "training.pt").exists()
