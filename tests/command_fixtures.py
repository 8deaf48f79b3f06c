"""Tables, a trained run, and ways to run the command, for all tests of it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_tables import Ran, reviews, write_csv

from sk_m2v import StaticEmbedding
from sk_m2v.cli import main


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(it) for it in arguments])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(command: Callable[..., Ran]) -> Callable[..., str]:
    """Runs a command that has to fail, and returns what it says."""

    def run(*arguments: object) -> str:
        ran = command(*arguments)
        assert ran.code == 2
        assert ran.out == ""
        assert "Traceback" not in ran.err
        return ran.err

    return run


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Lets the command read bytes from standard input."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of reviews."""
    return write_csv(tmp_path_factory.mktemp("raw") / "reviews.csv", reviews())


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, raw: Path) -> Path:
    """Folder of a training: a classifier on fixed embeddings."""
    folder = tmp_path_factory.mktemp("runs") / "reviews"
    how = ["--text", "review", "--label", "stars", "--test-size", "0.25"]
    assert main(["train", str(raw), *how, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def embedding_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that is no classifier."""
    folder = tmp_path_factory.mktemp("models") / "small"
    StaticEmbedding.from_pretrained(dimensionality=16).save_pretrained(folder)
    return folder
