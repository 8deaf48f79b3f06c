"""`expected_sha256`: the content of a model, pinned."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import sk_m2v
from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    model_sha256,
)

SAVED = ROOT / "tests" / "data" / "saved_0_1_0"
LOADERS: dict[str, Any] = {
    "load": sk_m2v.load,
    "embedding": StaticEmbedding.from_pretrained,
    "transformer": StaticEmbeddingTransformer.from_pretrained,
    "estimator": FeatureExtractionClassifier.from_pretrained,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAVED / "fe", tmp_path / "model"))


@pytest.mark.parametrize("loader", LOADERS)
def test_the_pinned_model_loads(loader: str, folder: Path) -> None:
    pinned = model_sha256(folder)
    for it in (pinned, pinned.upper()):
        assert LOADERS[loader](folder, expected_sha256=it) is not None


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "name", [it.name for it in (SAVED / "fe").iterdir() if it.name != "README.md"]
)
def test_any_other_byte_is_refused(loader: str, name: str, folder: Path) -> None:
    pinned = model_sha256(folder)
    LOADERS[loader](folder)  # what was read before does not help
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match="is not the model that was pinned") as error:
        LOADERS[loader](folder, expected_sha256=pinned)
    for part in (str(folder), pinned, model_sha256(folder)):
        assert part in str(error.value)


def test_other_files_do_not_count(folder: Path) -> None:
    pinned = model_sha256(folder)
    (folder / "README.md").write_text("another card")
    (folder / "notes.txt").write_text("never read")
    assert model_sha256(folder) == pinned
    # A file that would be read does.
    (folder / "head.safetensors").write_bytes(b"")
    assert model_sha256(folder) != pinned
    (folder / "head.safetensors").unlink()
    (folder / "classifier.json").rename(folder / "estimator.json")
    assert model_sha256(folder) != pinned


def test_it_is_what_sha256sum_says(folder: Path) -> None:
    names = sorted(it.name for it in folder.iterdir() if it.name != "README.md")
    if shutil.which("sha256sum"):
        command = ["sha256sum", *names]
        lines = subprocess.run(command, cwd=folder, capture_output=True, check=True)
        assert model_sha256(folder) == hashlib.sha256(lines.stdout).hexdigest()


@pytest.mark.parametrize("pinned", ["", "abc", "0" * 64, "x" * 10_000])
def test_what_is_no_hash_of_it(pinned: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="it is not the model") as error:
        sk_m2v.load(folder, expected_sha256=pinned)
    assert len(str(error.value)) <= 600


@pytest.mark.parametrize("pinned", [b"abc", 3, Path("a")])
def test_what_is_no_text(pinned: Any, folder: Path) -> None:
    with pytest.raises(TypeError, match="64 hexadecimal digits or None, got"):
        sk_m2v.load(folder, expected_sha256=pinned)


def test_of_a_training_and_a_subfolder(folder: Path, tmp_path: Path) -> None:
    pinned = model_sha256(folder)
    assert model_sha256(tmp_path, subfolder="model") == pinned
    (tmp_path / "configuration.yaml").write_text("")
    assert model_sha256(tmp_path) == pinned
    assert sk_m2v.load(tmp_path, expected_sha256=pinned) is not None


def test_the_command_shows_it(folder: Path, command: Any) -> None:
    about = json.loads(command("inspect", folder, "--json").out)
    assert about["sha256"] == model_sha256(folder)
