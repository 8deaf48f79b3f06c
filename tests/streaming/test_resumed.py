"""Runs that are killed at any point, and what becomes of them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from streaming_helpers import (
    N_TEXTS,
    PART,
    SOURCES,
    SUFFIXES,
    TEXTS,
    as_csv,
    content,
    names,
    vectors,
)

from sk_m2v import StaticEmbedding, streaming


class Stop(BaseException):
    pass


class Counting:
    """A model that counts texts, and stops before some part."""

    def __init__(self, model: StaticEmbedding, n_parts: int = 1000) -> None:
        self.model, self.n_parts, self.n_texts = model, n_parts, 0

    def __getstate__(self) -> Any:
        return self.model

    def transform(self, texts: list[str]) -> np.ndarray:
        if not self.n_parts:
            raise Stop
        self.n_parts -= 1
        self.n_texts += len(texts)
        return self.model.encode(texts)

    other = transform


def stopped(source: Any, target: Path, model: StaticEmbedding, n: int = 2) -> None:
    """Leave `n` parts done."""
    with pytest.raises(Stop):
        streaming.encode(source, target, Counting(model, n), part_size=PART)
    assert not target.exists()


@pytest.fixture
def straight(tiny_model: StaticEmbedding, tmp_path: Path) -> Callable[[str], Any]:
    """Content of targets of runs that nothing has stopped."""

    def of(suffix: str, **how: Any) -> dict[str, bytes]:
        folder = tmp_path / "straight"
        folder.mkdir()
        target = folder / f"out.{suffix}"
        streaming.encode(TEXTS, target, tiny_model, part_size=PART, **how)
        found = content(target)
        shutil.rmtree(folder)
        return found

    return of


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_done_is_not_done_again(
    tiny_model: StaticEmbedding,
    tmp_path: Path,
    straight: Callable[..., Any],
    kind: str,
    suffix: str,
) -> None:
    expected, target = straight(suffix), tmp_path / f"out.{suffix}"
    source = SOURCES[kind](tmp_path, TEXTS)
    stopped(source, target, tiny_model)
    if kind == "iterator":
        source = iter(TEXTS)
    model = Counting(tiny_model)
    assert streaming.encode(source, target, model, part_size=PART) == N_TEXTS
    assert model.n_texts == N_TEXTS - 2 * PART
    assert content(target) == expected
    assert not target.with_name(f"{target.name}.unfinished").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_on_record_is_not_trusted(
    tiny_model: StaticEmbedding,
    tmp_path: Path,
    straight: Callable[..., Any],
    suffix: str,
) -> None:
    expected, target = straight(suffix), tmp_path / f"out.{suffix}"
    stopped(TEXTS, target, tiny_model, 1)
    data = tmp_path / f"out.{suffix}.unfinished" / "data"
    files = {
        "npy": [],
        "parquet": ["part-000001.parquet", "part-000009.parquet"],
        "zarr": ["c/1/0", "c/1/0.1f.partial", "zarr.1f.partial"],
    }
    for name in files[suffix]:
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_bytes(b"half")
    if suffix == "npy":
        with data.open("ab") as file:
            file.write(b"half" * 9_999)
    streaming.encode(TEXTS, target, Counting(tiny_model), part_size=PART)
    assert content(target) == expected


# --- Killed ---------------------------------------------------------------------------


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do work in a fork that kills itself before a step; return whether it was.

    Steps are all calls that make something last: between them, nothing is decided.
    """
    child = os.fork()
    if child == 0:
        n_steps = 0

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **more: Any) -> Any:
                nonlocal n_steps
                n_steps += 1
                if n_steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **more)

            return call

        for name in ("fsync", "replace", "mkdir", "unlink", "rmdir", "truncate"):
            setattr(os, name, counted(getattr(os, name)))
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_at_each_step(
    tiny_model: StaticEmbedding, tmp_path: Path, suffix: str
) -> None:
    source, target = SOURCES["parquet"](tmp_path, TEXTS), tmp_path / f"out.{suffix}"
    how = {"part_size": PART}
    streaming.encode(source, target, tiny_model, **how)
    expected = content(target)

    def remove() -> None:
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()

    def work() -> None:
        streaming.encode(source, target, tiny_model, **how)

    remove()
    step = 1
    while killed_at(step, work):
        if target.exists():
            assert content(target) == expected
        with suppress(FileExistsError):  # such as of the very last step
            assert streaming.encode(source, target, tiny_model, **how) == N_TEXTS
        assert content(target) == expected
        assert names(tmp_path) == ["in.parquet", target.name]
        remove()
        step += 1
    assert step > 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_at_each_step_of_one_run(
    tiny_model: StaticEmbedding,
    tmp_path: Path,
    straight: Callable[..., Any],
    suffix: str,
) -> None:
    """And each time gone on with, a little further."""
    expected, target = straight(suffix), tmp_path / f"out.{suffix}"
    step = 8
    while killed_at(
        step,
        lambda: streaming.encode(iter(TEXTS), target, tiny_model, part_size=PART),
    ):
        step += 3
    assert content(target) == expected
    assert names(tmp_path) == [target.name]


CHILD = """
import sys
from sk_m2v import streaming
source, target = sys.argv[1:]
print("begun", flush=True)
streaming.encode(source, target, column="text", part_size=1000)
"""


def child(source: Path, target: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CHILD, str(source), str(target)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_at_random_moments(tmp_path: Path, suffix: str) -> None:
    source = as_csv(tmp_path, [f"text number {i} of many" for i in range(20_000)])
    straight, target = tmp_path / f"straight.{suffix}", tmp_path / f"out.{suffix}"
    with child(source, straight) as running:
        assert running.stdout.readline() == "begun\n"
        start = time.monotonic()
    seconds = time.monotonic() - start
    draw, n_killed = random.Random(0), 0
    for _ in range(4):
        with child(source, target) as running:
            assert running.stdout.readline() == "begun\n"
            time.sleep(draw.uniform(0, 0.5) * seconds)
            running.kill()
        n_killed += running.returncode != 0
        if target.exists():
            break
    with child(source, target) as running:
        running.communicate()
    assert n_killed > 1
    assert content(target) == content(straight)
    assert names(tmp_path) == sorted(["in.csv", straight.name, target.name])


# --- Refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "differs"),
    [
        ({"part_size": 50}, r"part_size \(100 then, 50 now\)"),
        ({"missing": "empty"}, r"missing \('error' then, 'empty' now\)"),
        ({"model": None}, r"model, method \('transform' then, 'encode' now\)"),
        ({"method": "other"}, r"method \('transform' then, 'other' now\)"),
        ({"column": "id"}, r"column \('text' then, 'id' now\)"),
        ({"columns": ["id"]}, r"columns \(\[\] then, \['id'\] now\)"),
        ({"name": "vector"}, r"name \('embedding' then, 'vector' now\)"),
    ],
)
def test_other_settings(
    tiny_model: StaticEmbedding, tmp_path: Path, more: dict[str, Any], differs: str
) -> None:
    source, target = SOURCES["csv"](tmp_path, TEXTS), tmp_path / "out.parquet"
    stopped(source, target, tiny_model)
    before = content(tmp_path)
    how = {"model": Counting(tiny_model), "part_size": PART, **more}
    with pytest.raises(ValueError, match=f"200 rows, that does not fit.*{differs}"):
        streaming.encode(source, target, **how)
    assert content(tmp_path) == before


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "folder", "arrow"])
def test_a_file_that_changed(
    tiny_model: StaticEmbedding, tmp_path: Path, kind: str
) -> None:
    source, target = SOURCES[kind](tmp_path, TEXTS), tmp_path / "out.npy"
    stopped(source, target, tiny_model)
    source = SOURCES[kind](tmp_path, [*TEXTS[:-1], "other"])
    with pytest.raises(ValueError, match="it differs in source"):
        streaming.encode(source, target, Counting(tiny_model), part_size=PART)


@pytest.mark.parametrize(
    "texts",
    [
        ["other", *TEXTS[1:]],
        TEXTS[1:],
        TEXTS[:150],
        TEXTS[:200],
        [],
        [TEXTS[0] + TEXTS[1][:1], TEXTS[1][1:], *TEXTS[2:]],
    ],
)
def test_other_texts_of_an_iterator(
    tiny_model: StaticEmbedding, tmp_path: Path, texts: list[str]
) -> None:
    target = tmp_path / "out.npy"
    stopped(iter(TEXTS), target, tiny_model)
    before = content(tmp_path)
    model = Counting(tiny_model)
    if texts == TEXTS[:200]:  # nothing says that there should be more
        assert streaming.encode(iter(texts), target, model, part_size=PART) == 200
        return
    with pytest.raises(ValueError, match="the first 200 texts are not those") as caught:
        streaming.encode(iter(texts), target, model, part_size=PART)
    assert "200 rows of" in caught.value.__notes__[0]
    assert content(tmp_path) == before
    assert model.n_texts == 0


def test_more_texts_than_there_were_at_the_end(
    tiny_model: StaticEmbedding, tmp_path: Path
) -> None:
    """The last part was smaller than others, and done."""
    target = tmp_path / "out.npy"
    stopped(iter(TEXTS), target, tiny_model)

    def texts() -> Iterator[str]:
        yield from TEXTS[:250]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sk_m2v.streaming._targets.Npy.finish", stop)
        with pytest.raises(Stop):
            streaming.encode(texts(), target, Counting(tiny_model), part_size=PART)
    with pytest.raises(ValueError, match="the first 250 texts are not those"):
        streaming.encode(iter(TEXTS), target, Counting(tiny_model), part_size=PART)
    streaming.encode(texts(), target, Counting(tiny_model), part_size=PART)
    np.testing.assert_array_equal(vectors(target), tiny_model.encode(TEXTS[:250]))


def stop(*_: Any) -> None:
    raise Stop


def test_starting_again(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    stopped(TEXTS, target, tiny_model, 3)
    how = {"part_size": 200, "resume": False}
    assert streaming.encode(TEXTS[:250], target, tiny_model, **how) == 250
    np.testing.assert_array_equal(vectors(target), tiny_model.encode(TEXTS[:250]))
    assert len(names(target)) == 2


def test_a_target_that_came_in_between(
    tiny_model: StaticEmbedding, tmp_path: Path
) -> None:
    target = tmp_path / "out.npy"
    stopped(TEXTS, target, tiny_model)
    target.write_text("it is mine")
    with pytest.raises(FileExistsError, match="is there already"):
        streaming.encode(TEXTS, target, Counting(tiny_model), part_size=PART)
    assert target.read_text() == "it is mine"
    target.unlink()
    streaming.encode(TEXTS, target, Counting(tiny_model), part_size=PART)


def test_a_damaged_record(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    target = tmp_path / "out.npy"
    stopped(TEXTS, target, tiny_model)
    (tmp_path / "out.npy.unfinished" / "record.json").write_text('{"rows"')
    with pytest.raises(ValueError, match=r"record.json is damaged .*: remove the fol"):
        streaming.encode(TEXTS, target, Counting(tiny_model), part_size=PART)


class Second:
    """Begins a second run, to the same target."""

    target: Path

    def transform(self, texts: list[str]) -> np.ndarray:
        with pytest.raises(BlockingIOError, match=r"out.npy is being written by an"):
            streaming.encode(texts, self.target)
        return np.ones((len(texts), 2))


def test_two_runs_at_once(tmp_path: Path) -> None:
    second = Second()
    second.target = tmp_path / "out.npy"
    streaming.encode(TEXTS, second.target, second, part_size=PART)
    assert len(vectors(second.target)) == N_TEXTS


def test_two_processes_at_once(tmp_path: Path) -> None:
    source = as_csv(tmp_path, [f"text number {i}" for i in range(60_000)])
    target = tmp_path / "out.npy"
    with child(source, target) as running:
        lock = tmp_path / "out.npy.unfinished" / "lock"
        while not lock.exists():
            assert running.poll() is None
            time.sleep(0.01)
        time.sleep(0.05)
        with pytest.raises(BlockingIOError, match="wait until it has ended"):
            streaming.encode(source, target, column="text", part_size=1000)
        running.kill()
    # The lock has gone with its process.
    assert streaming.encode(source, target, column="text", part_size=1000) == 60_000


# --- Disks ----------------------------------------------------------------------------

FULL = """
import resource, signal, sys
from pathlib import Path
from sk_m2v import streaming
from streaming_helpers import TEXTS, vectors

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
target = Path(sys.argv[1])
texts = TEXTS * 10
limits = {"npy": 2_500_000, "parquet": 500_000, "zarr": 500_000}
most = limits[target.suffix[1:]]
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
try:
    streaming.encode(texts, target, part_size=1000)
except OSError as error:
    assert "nothing can be written after row" in str(error), error
    assert "Make room" in str(error), error
    n_notes = len(getattr(error, "__notes__", ()))
    assert n_notes == (target.suffix == ".npy"), error
else:
    raise AssertionError
assert not target.exists()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
assert streaming.encode(texts, target, part_size=1000) == len(texts)
assert len(vectors(target)) == len(texts)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out.{suffix}"
    arguments = [sys.executable, "-c", FULL, str(target)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    subprocess.run(arguments, check=True, env=environment)


# --- Memory ---------------------------------------------------------------------------

PEAK = """
import resource, sys
from sk_m2v import streaming

def texts(n):
    return (f"text number {i}" for i in range(n))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

streaming.encode(texts(20_000), sys.argv[1] + "/a." + sys.argv[2], part_size=5000)
before = peak()
streaming.encode(texts(100_000), sys.argv[1] + "/b." + sys.argv[2], part_size=5000)
# A hundred megabytes of vectors.
assert peak() - before < 40_000, (before, peak())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow(tmp_path: Path, suffix: str) -> None:
    arguments = [sys.executable, "-c", PEAK, str(tmp_path), suffix]
    subprocess.run(arguments, check=True, cwd=ROOT)
