"""Signals, closed pipes and errors in the middle: files stay as they were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_tables import COMMAND, process

from sk_m2v import StaticEmbedding

Command = Callable[..., Any]
Refused = Callable[..., str]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An output of before, which has to stay where something fails."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """More than one batch."""
    path = tmp_path / "long.csv"
    path.write_text("review\n" + "some text that takes a while\n" * 70_000)
    return path


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "npy", "parquet", "jsonl"])
def test_an_interrupt(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    long: Path,
    embedding_folder: Path,
    suffix: str,
) -> None:
    old = tmp_path / f"out.{suffix}"
    old.write_text("old")
    encode = StaticEmbedding.encode
    n_calls = 0

    def interrupted(*arguments: Any, **more: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            assert len(names(tmp_path)) == 3
            raise KeyboardInterrupt
        return encode(*arguments, **more)

    monkeypatch.setattr(StaticEmbedding, "encode", interrupted)
    how = ["--text", "review", "--model", embedding_folder, "--out", old]
    ran = command("encode", long, *how)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "sk-m2v encode: interrupted\n"
    assert n_calls == 2
    assert old.read_text() == "old"
    assert names(tmp_path) == sorted(["long.csv", old.name])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_signals(
    tmp_path: Path, embedding_folder: Path, number: signal.Signals, code: int
) -> None:
    """While the file is written; what was written before stays."""
    source, old = tmp_path / "long.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"review": "some text that takes a while"}\n' * 500_000)
    old.write_text("old")
    how = ["--text", "review", "--model", embedding_folder, "--out", old]
    arguments = [*COMMAND, "encode", *map(str, [source, *how])]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 60
        while len(names(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(names(tmp_path)) == 3
        running.send_signal(number)
        out, err = running.communicate()
    assert running.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert old.read_text() == "old"
    assert names(tmp_path) == ["long.jsonl", "out.jsonl"]


@pytest.mark.parametrize("more", [[], ["--to", "jsonl"]])
def test_a_pipe_that_is_closed(trained: Path, long: Path, more: list[str]) -> None:
    arguments = ["predict", long, "--model", trained, *more]
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        line = running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()
    assert running.returncode == 128 + signal.SIGPIPE
    assert err == ""
    if more:
        assert [*json.loads(line)] == ["review", "prediction"]
    else:
        assert line == "review,prediction\n"


@pytest.mark.parametrize("descriptor", [0, 1])
def test_standard_streams_that_are_closed(
    embedding_folder: Path, descriptor: int
) -> None:
    ran = process("inspect", embedding_folder, preexec_fn=lambda: os.close(descriptor))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("sk-m2v inspect: standard input or output is closed")


def test_a_failing_write_leaves_the_old_file(
    refused: Refused, tmp_path: Path, trained: Path, old: Path
) -> None:
    """The second batch is bad, when the first is written."""
    source = tmp_path / "in.jsonl"
    source.write_text('{"review": "a"}\n' * 66_000 + '{"review": "b", "x": 3\n')
    message = refused("predict", source, "--model", trained, "--out", old)
    assert "line 66001 is no JSON" in message
    assert old.read_text() == "old"
    assert names(tmp_path) == ["in.jsonl", "out.csv"]


def test_vectors_of_no_rows(refused: Refused, tmp_path: Path) -> None:
    source = tmp_path / "it.txt"
    source.write_text("")
    out = tmp_path / "out.npy"
    np.save(out, np.zeros(3))
    before = out.read_bytes()
    assert "is empty" in refused("encode", source, "--out", out)
    assert out.read_bytes() == before
