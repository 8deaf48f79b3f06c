"""Kills, full disks, read-only folders, many writers: nothing mixed, nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fault_loops
import numpy as np
import pytest
from conftest import ROOT
from numpy.testing import assert_array_equal

import sk_m2v
from sk_m2v import FeatureExtractionClassifier, StaticEmbedding
from sk_m2v.embedding.storage import _lock, _replace, _snapshot

TEXTS = fault_loops.TEXTS
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount"
)


@pytest.fixture
def estimator(tiny_model: StaticEmbedding) -> FeatureExtractionClassifier:
    estimator = FeatureExtractionClassifier(tiny_model, C=1.0, embedding_weight=1.0)
    return estimator.fit(TEXTS, [0, 1, 0, 1])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(it.relative_to(folder)): it.read_bytes()
        for it in folder.rglob("*")
        if it.is_file()
    }


# --- kills, and readers beside writers ------------------------------------------------


@forks
def test_killed_while_saving(tmp_path: Path) -> None:
    seen = fault_loops.kill(tmp_path / "model", 40)
    assert seen["mixed"] == seen["left at the end"] == 0
    assert seen["left .sk-m2v-begun"] + seen["left .sk-m2v-new"] > 0


@forks
@pytest.mark.parametrize("n_writers", [1, 2])
def test_a_reader_beside_writers(tmp_path: Path, n_writers: int) -> None:
    seen = fault_loops.read(tmp_path / "model", 200, n_writers)
    assert seen["mixed"] == seen["changed after loading"] == 0
    assert seen["left at the end"] == 0
    assert seen["changes"] > 1


@pytest.mark.parametrize("n_moved", range(7))
def test_every_moment_after_new_files_count(
    estimator: FeatureExtractionClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_moved: int,
) -> None:
    """As if killed after so many files were moved to their places."""
    estimator.save_pretrained(tmp_path)
    new = StaticEmbedding.from_pretrained().quantize(dimensionality=8)
    steps = iter(range(n_moved))
    real = os.replace

    def replace(*paths: object) -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        real(*paths)

    monkeypatch.setattr(os, "replace", replace)
    try:
        new.save_pretrained(tmp_path)
    except KeyboardInterrupt:
        assert fault_loops.names(tmp_path) == {_replace.NEW}
    assert_array_equal(sk_m2v.load(tmp_path).encode(TEXTS), new.encode(TEXTS))
    monkeypatch.undo()
    # The next that writes finishes it, or puts its own in its place.
    estimator.save_pretrained(tmp_path)
    assert not fault_loops.names(tmp_path)
    assert_array_equal(
        sk_m2v.load(tmp_path).predict_proba(TEXTS), estimator.predict_proba(TEXTS)
    )


def test_interrupted_before_new_files_count(
    tiny_model: StaticEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model.save_pretrained(tmp_path)
    before = contents(tmp_path)

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tiny_model.quantize("int8").save_pretrained(tmp_path)
    assert contents(tmp_path) == before


def test_readers_give_up_where_others_write_without_a_pause(
    tiny_model: StaticEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model.save_pretrained(tmp_path)
    monkeypatch.setattr(_snapshot, "_counting", lambda *places: (0, 0))
    monkeypatch.setattr(_snapshot, "_TRIES", 9)
    n_open = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    with pytest.raises(OSError, match="again and again by another process: end it"):
        StaticEmbedding.from_pretrained(tmp_path)
    if n_open:
        assert len(os.listdir("/proc/self/fd")) == n_open


# --- one writer at a time -------------------------------------------------------------


def test_writers_wait_for_each_other(
    tiny_model: StaticEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model.save_pretrained(tmp_path)
    other = tiny_model.quantize(dimensionality=2)
    with _lock.alone_in(tmp_path):
        thread = threading.Thread(target=other.save_pretrained, args=[tmp_path])
        thread.start()
        time.sleep(0.1)
        assert thread.is_alive()
        # Readers do not.
        assert StaticEmbedding.from_pretrained(tmp_path).dim == tiny_model.dim
    thread.join(30)
    assert StaticEmbedding.from_pretrained(tmp_path).dim == 2
    monkeypatch.setattr(_lock, "_PATIENCE", 0.1)
    before = contents(tmp_path)
    with (
        _lock.alone_in(tmp_path),
        pytest.raises(OSError, match="another process has been writing") as error,
    ):
        tiny_model.save_pretrained(tmp_path)
    assert str(tmp_path) in str(error.value)
    assert contents(tmp_path) == before


@forks
def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    def lock() -> None:
        with _lock.alone_in(tmp_path):
            time.sleep(60)

    with fault_loops.process(lock):
        while not fault_loops.names(tmp_path):
            time.sleep(0.01)
    assert fault_loops.names(tmp_path) == {".sk-m2v-lock"}
    with _lock.alone_in(tmp_path):
        pass
    assert not fault_loops.names(tmp_path)


# --- no room, no right to write -------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let root mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def large(tiny_model: StaticEmbedding) -> StaticEmbedding:
    vectors = np.zeros((len(tiny_model.vectors), 200_000), np.float32)
    return StaticEmbedding(vectors, tiny_model.tokenizer_json)


@as_root
def test_full_disk(tiny_model: StaticEmbedding, disk: Path) -> None:
    folder = disk / "model"
    tiny_model.save_pretrained(folder)
    before = contents(folder)
    with pytest.raises(OSError, match="No space left on device") as error:
        large(tiny_model).save_pretrained(folder)
    for part in (str(folder), "holds what it did before", "Make room"):
        assert part in str(error.value)
    assert contents(folder) == before
    assert_array_equal(sk_m2v.load(folder).encode(TEXTS), tiny_model.encode(TEXTS))
    with pytest.raises(OSError, match="No space left on device"):
        large(tiny_model).save_pretrained(disk / "new")
    assert not contents(disk / "new")


LIMITED = """
import resource, signal, sys
import numpy as np
from sk_m2v import StaticEmbedding

model = StaticEmbedding.from_pretrained(sys.argv[1])
large = StaticEmbedding(
    np.zeros((len(model.vectors), 200_000), np.float32), model.tokenizer_json
)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
try:
    large.save_pretrained(sys.argv[1])
except OSError as error:
    assert "It holds what it did before. Make room" in str(error), error
else:
    raise AssertionError
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits")
def test_files_that_must_not_grow(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path)
    before = contents(tmp_path)
    subprocess.run([sys.executable, "-c", LIMITED, tmp_path], check=True, cwd=ROOT)
    assert contents(tmp_path) == before


@as_root
def test_read_only_disk(tiny_model: StaticEmbedding, disk: Path) -> None:
    folder = disk / "model"
    tiny_model.save_pretrained(folder)
    # As a process leaves it that is killed when its files count, but are not moved.
    shutil.copytree(folder, folder / _replace.NEW)
    (folder / "tokenizer.json").unlink()
    command = ["mount", "-o", "remount,ro", str(disk)]
    subprocess.run(command, check=True)
    with pytest.raises(OSError, match=r"Read-only file system.*see that you may write"):
        tiny_model.quantize("int8").save_pretrained(folder)
    with pytest.raises(OSError, match="Read-only file system"):
        tiny_model.save_pretrained(disk / "new")
    assert_array_equal(sk_m2v.load(folder).encode(TEXTS), tiny_model.encode(TEXTS))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_folder_without_permission(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path)
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="see that you may write"):
        tiny_model.quantize("int8").save_pretrained(tmp_path)
    tmp_path.chmod(0o700)
    assert_array_equal(sk_m2v.load(tmp_path).encode(TEXTS), tiny_model.encode(TEXTS))


def test_a_folder_in_the_way(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").mkdir()
    with pytest.raises(OSError, match=r"tokenizer\.json is a folder"):
        tiny_model.save_pretrained(tmp_path)
    assert [it.name for it in tmp_path.iterdir()] == ["tokenizer.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_in_place_of_a_file(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        StaticEmbedding.from_pretrained(tmp_path)


# --- one model in place of another ----------------------------------------------------


@pytest.mark.parametrize("after", ["model2vec", "sentence-transformers-nested"])
@pytest.mark.parametrize("first", ["estimator", "pipeline", "sentence-transformers"])
def test_nothing_of_what_was_there_stays(
    estimator: FeatureExtractionClassifier,
    tiny_model: StaticEmbedding,
    tmp_path: Path,
    first: str,
    after: str,
) -> None:
    if first == "estimator":
        estimator.save_pretrained(tmp_path / "model")
    elif first == "pipeline":
        plain = FeatureExtractionClassifier(tiny_model, lexical=False, C=1.0)
        plain.fit(TEXTS, [0, 1, 0, 1])
        plain.save_pretrained(tmp_path / "model", layout="model2vec")
    else:
        tiny_model.save_pretrained(tmp_path / "model", layout=first)
    (tmp_path / "model" / "notes.txt").write_text("mine")
    new = tiny_model.quantize(dimensionality=2)
    new.save_pretrained(tmp_path / "model", layout=after)
    new.save_pretrained(tmp_path / "alone", layout=after, card="")
    assert_array_equal(
        sk_m2v.load(tmp_path / "model").encode(TEXTS),
        sk_m2v.load(tmp_path / "alone").encode(TEXTS),
    )
    found = set(contents(tmp_path / "model"))
    assert found == {*contents(tmp_path / "alone"), "README.md", "notes.txt"}


def test_half_an_estimator(
    estimator: FeatureExtractionClassifier, tmp_path: Path
) -> None:
    estimator.save_pretrained(tmp_path)
    (tmp_path / "estimator.json").unlink()
    for load in (sk_m2v.load, FeatureExtractionClassifier.from_pretrained):
        with pytest.raises(FileNotFoundError, match=r"half of an.* whole folder again"):
            load(tmp_path)
    # Asked for alone, the embedding is there.
    assert StaticEmbedding.from_pretrained(tmp_path).dim == 4
