"""Vectors on disk: each text is embedded once, whatever happens."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from fault_loops import process
from numpy.testing import assert_array_equal

from sk_m2v.distill.teachers import _cache
from sk_m2v.distill.teachers._cache import VectorCache
from sk_m2v.distill.teachers._callable import CallableTeacher


def named(name: str = "owner/name", key: str = "0123456789abcdef" * 4) -> Any:
    return SimpleNamespace(name=name, key=key)


class Counting:
    """Embeds, and remembers what it was asked for."""

    def __init__(self, width: int = 2, fail_at: int | None = None) -> None:
        self.width, self.fail_at = width, fail_at
        self.chunks: list[list[Any]] = []

    @property
    def asked(self) -> list[Any]:
        return [item for chunk in self.chunks for item in chunk]

    def __call__(self, items: list[Any]) -> np.ndarray:
        if len(self.chunks) == self.fail_at:
            raise KeyboardInterrupt
        self.chunks.append(items)
        return expected(items, self.width)


def expected(items: Sequence[Any], width: int = 2) -> np.ndarray:
    rows = [[len(item), *map(float, range(1, width))] for item in items]
    return np.array(rows, dtype=np.float32).reshape(len(items), width)


@pytest.fixture
def chunks_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache, "_CHUNK", 10)
    monkeypatch.setattr(_cache, "_LOOK_UP", 7)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., VectorCache]:
    def cache(**options: Any) -> VectorCache:
        return VectorCache(tmp_path / "cache", named(**options))

    return cache


TEXTS = [f"text {'x' * (i % 13)}{i}" for i in range(95)]


# --- what is embedded


@pytest.mark.usefixtures("chunks_of_ten")
@pytest.mark.parametrize("on_disk", [True, False])
def test_each_text_once(tmp_path: Path, on_disk: bool) -> None:
    texts = [*TEXTS, *reversed(TEXTS), "", "", "\ud800", "\ud800", "\ufffd"]
    compute = Counting()
    with VectorCache(tmp_path if on_disk else None, named()) as cache:
        vectors = cache.get_or_compute(texts, compute)
    assert vectors.dtype == np.float32
    assert vectors.flags.writeable
    assert_array_equal(vectors, expected(texts))
    assert compute.asked == [*TEXTS, "", "\ud800", "\ufffd"]
    assert max(map(len, compute.chunks)) == 10
    with VectorCache(tmp_path if on_disk else None, named()) as cache:
        assert_array_equal(cache.get_or_compute(texts, compute), vectors)
    assert len(compute.asked) == (98 if on_disk else 196)


def test_calls_share_the_file(make: Any) -> None:
    compute = Counting()
    with make() as cache:
        cache.get_or_compute(TEXTS[:50], compute)
        vectors = cache.get_or_compute(TEXTS[25:], compute)
    assert_array_equal(vectors, expected(TEXTS[25:]))
    assert compute.asked == TEXTS


def test_no_texts(make: Any) -> None:
    compute = Counting()
    with make() as cache:
        assert cache.get_or_compute([], compute).shape == (0, 0)
        cache.get_or_compute(["a"], compute)
        assert cache.get_or_compute([], compute).shape == (0, 0)
    with make() as cache:
        assert cache.get_or_compute([], compute).shape == (0, 0)
    assert compute.asked == ["a"]


def test_token_ids_are_no_texts(make: Any) -> None:
    text = np.array([2, 4], dtype="<i8").tobytes().decode()
    compute = Counting()
    with make() as cache:
        cache.get_or_compute([text], compute)
        cache.get_or_compute([[2, 4], [2], [2, 4], (2,), []], compute)
        cache.get_or_compute([np.array([2, 4], dtype=np.int32)], compute)
    assert list(map(list, compute.asked[1:])) == [[2, 4], [2], []]


def test_one_file_a_teacher(tmp_path: Path) -> None:
    teachers = [
        named("owner/name", "a" * 64),
        named("owner/name", "b" * 64),
        named("../../<lambda> é", "a" * 64),
        named("", "a" * 64),
        named("x" * 500, "a" * 64),
    ]
    compute = Counting()
    for teacher in teachers:
        with VectorCache(tmp_path, teacher) as cache:
            cache.get_or_compute(["a"], compute)
    assert len(compute.asked) == 5
    names = {path.name for path in tmp_path.iterdir()}
    assert {it.rsplit("-", 1)[0] for it in names} == {
        "owner_name",
        "lambda",
        "teacher",
        "x" * 80,
    }
    assert f"owner_name-{'b' * 16}.sqlite" in names


def test_key_is_only_read_for_a_file(tmp_path: Path) -> None:
    teacher = CallableTeacher(lambda texts: expected(texts))
    with VectorCache(None, teacher) as cache:
        vectors = cache.get_or_compute(["a", "ab"], teacher.encode)
    assert_array_equal(vectors, expected(["a", "ab"]))
    with pytest.raises(ValueError, match="cache_dir=None"):
        VectorCache(tmp_path / "new", teacher)


def test_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with VectorCache("~/a/b", named()) as cache:
        assert cache.path is not None
        assert cache.path.parent == tmp_path / "a" / "b"


# --- any number of texts


@pytest.mark.usefixtures("chunks_of_ten")
@pytest.mark.parametrize("on_disk", [True, False])
def test_vectors(tmp_path: Path, on_disk: bool) -> None:
    texts = [*TEXTS, *reversed(TEXTS), "", "\ud800"]
    compute = Counting()
    with VectorCache(tmp_path if on_disk else None, named()) as cache:
        vectors = cache.vectors(texts, compute, verbose=False)
    assert vectors.dtype == np.float32
    assert vectors.flags.writeable
    assert_array_equal(vectors, expected(texts))
    assert sorted(compute.asked) == sorted({*texts})
    # Texts of one length together, the longest first.
    lengths = [*map(len, compute.asked)]
    assert lengths == sorted(lengths, reverse=True)
    assert max(map(len, compute.chunks)) == 10


def test_vectors_of_tokens(make: Any) -> None:
    sequences = [[2, 4], [2], np.array([2, 4]), (2, 4, 4)]
    compute = Counting()
    with make() as cache:
        vectors = cache.vectors(sequences, compute, verbose=False)
        assert cache.vectors([], compute, verbose=False).shape[0] == 0
    assert_array_equal(vectors, expected(sequences))
    assert [*map(list, compute.asked)] == [[2, 4, 4], [2, 4], [2]]


@pytest.mark.usefixtures("chunks_of_ten")
def test_progress_only_on_request(
    make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with make() as cache:
        cache.vectors(TEXTS[:30], Counting(), verbose=False)
        assert capsys.readouterr() == ("", "")
        cache.vectors(TEXTS + TEXTS, Counting(), verbose=True)
    assert "95/95" in capsys.readouterr().err


# --- stopped fits


@pytest.mark.usefixtures("chunks_of_ten")
def test_interrupt_loses_one_chunk(make: Any) -> None:
    first = Counting(fail_at=4)
    with make() as cache, pytest.raises(KeyboardInterrupt):
        cache.get_or_compute(TEXTS, first)
    second = Counting()
    with make() as cache:
        assert_array_equal(cache.get_or_compute(TEXTS, second), expected(TEXTS))
    assert first.asked == TEXTS[:40]
    assert second.asked == TEXTS[40:]


@pytest.mark.usefixtures("chunks_of_ten")
def test_errors_of_the_teacher_come_through(make: Any) -> None:
    error = sqlite3.OperationalError("of the teacher")

    def fails(items: list[str]) -> np.ndarray:
        raise error

    with make() as cache:
        with pytest.raises(sqlite3.OperationalError) as caught:
            cache.get_or_compute(TEXTS, fails)
        assert caught.value is error
        assert_array_equal(cache.get_or_compute(TEXTS, Counting()), expected(TEXTS))


SCRIPT = """
import os, sys, time
import numpy as np
from types import SimpleNamespace
from sk_m2v.distill.teachers import _cache

folder, log, pause, start, stop = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
_cache._CHUNK = 10

def compute(items):
    time.sleep(float(pause))
    with open(log, "a") as file:
        file.write("".join(item + "\\n" for item in items))
    return np.array([[len(item), 1] for item in items], dtype=np.float32)

teacher = SimpleNamespace(name="a", key="b" * 64)
with _cache.VectorCache(folder, teacher) as cache:
    texts = [f"text {'x' * i}" for i in range(start, stop)]
    vectors = cache.get_or_compute(texts, compute)
assert vectors[:, 0].tolist() == [len(text) for text in texts]
"""


def start(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT)


def test_killed_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(tmp_path, log, 0.1, 0, 500)
    while not log.exists() or len(log.read_text().splitlines()) < 30:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = len(log.read_text().splitlines())
    assert start(tmp_path, log, 0, 0, 500).wait(60) == 0
    lines = log.read_text().splitlines()
    assert before < 500
    assert len(set(lines)) == 500
    assert len(lines) <= 510


def test_two_processes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [
        start(tmp_path, log, 0.05, *bounds) for bounds in ((0, 200), (100, 300))
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    lines = log.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 300


def test_two_write_while_a_third_reads(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start(tmp_path, log, 0, 0, 100).wait(60)
    writers = [start(tmp_path, log, 0.05, *it) for it in ((100, 250), (200, 350))]
    texts = [f"text {'x' * i}" for i in range(100)]
    teacher = named("a", "b" * 64)
    while any(it.poll() is None for it in writers):
        with VectorCache(tmp_path, teacher) as cache:
            vectors = cache.get_or_compute(texts, Counting())
        assert vectors[:, 0].tolist() == [len(it) for it in texts]
    assert [it.wait() for it in writers] == [0, 0]
    lines = log.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 350


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_kills_at_any_moment(tmp_path: Path) -> None:
    """Also of a process that is just writing what it has computed."""

    def work() -> None:
        with VectorCache(tmp_path / "cache", named()) as cache:
            new = [f"{time.monotonic_ns()} {i}" for i in range(200)]
            cache.get_or_compute(TEXTS + new, lambda it: expected(it, 300))

    for i in range(8):
        with process(work):
            time.sleep(0.01 + 0.02 * i)
        with VectorCache(tmp_path / "cache", named()) as cache:
            found = cache.get_or_compute(TEXTS, lambda it: expected(it, 300))
            (whole,) = cache._connection.execute("PRAGMA integrity_check").fetchone()
        assert_array_equal(found, expected(TEXTS, 300))
        assert whole == "ok"


def test_waiting_for_another_process(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make() as cache:
        cache.get_or_compute(["a"], Counting())
        other = sqlite3.connect(
            cache.path, isolation_level=None, check_same_thread=False
        )
        other.execute("BEGIN IMMEDIATE")
        # What is there can be read meanwhile.
        assert_array_equal(cache.get_or_compute(["a"], Counting()), expected(["a"]))
        monkeypatch.setattr(_cache, "_PATIENCE", 0.1)
        with pytest.raises(OSError, match="locked by another process") as error:
            cache.get_or_compute(["b"], Counting())
        assert str(cache.path) in str(error.value)
        monkeypatch.setattr(_cache, "_PATIENCE", 60)
        timer = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        timer.start()
        assert_array_equal(cache.get_or_compute(["b"], Counting()), expected(["b"]))
        timer.join()
        other.close()


def test_ctrl_c_while_waiting(make: Any) -> None:
    with make() as cache:
        other = sqlite3.connect(cache.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        # Programs that a shell runs in the background are not interrupted.
        usual = signal.signal(signal.SIGINT, signal.default_int_handler)
        timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        started = time.monotonic()
        try:
            with pytest.raises(KeyboardInterrupt):
                cache.get_or_compute(["a"], Counting())
        finally:
            timer.join()
            signal.signal(signal.SIGINT, usual)
        assert time.monotonic() - started < 5
        other.close()


# --- files that cannot be used


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(OSError, match="is not a folder") as error:
            VectorCache(path, named())
        assert f"cache_dir={str(path)!r}" in str(error.value)


def test_file_that_cannot_be_opened(make: Any) -> None:
    with make() as cache:
        path = cache.path
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="cannot be used") as error:
        make()
    assert str(path) in str(error.value)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match=r"cannot be (made|used)"):
        VectorCache(tmp_path / "new", named())
    with pytest.raises(OSError, match="cannot be used"):
        VectorCache(tmp_path, named())
    tmp_path.chmod(0o700)


def test_file_that_is_no_database(make: Any) -> None:
    with make() as cache:
        path = cache.path
    path.write_bytes(b"something else" * 100)
    with pytest.raises(ValueError, match="delete it") as error:
        make()
    assert str(path) in str(error.value)


def test_database_of_another_program(make: Any) -> None:
    with make() as cache:
        path = cache.path
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE vectors (a, b)")
    connection.close()
    with pytest.raises(ValueError, match="database of another program") as error:
        make()
    assert str(path) in str(error.value)


def test_damaged_file(make: Any) -> None:
    with make() as cache:
        cache.get_or_compute([f"{i}" for i in range(2000)], Counting(width=50))
        path = cache.path
    data = bytearray(path.read_bytes())
    for position in range(16384, len(data), 16384):
        data[position : position + 12] = b"\xff" * 12
    path.write_bytes(data)
    with (
        pytest.raises(ValueError, match=r"is damaged.*delete it") as error,
        make() as cache,
    ):
        cache.get_or_compute([f"{i}" for i in range(2000)], Counting(width=50))
    assert str(path) in str(error.value)


def test_vectors_of_another_width(make: Any) -> None:
    with make() as cache:
        cache.get_or_compute(["a"], Counting(width=2))
    with make() as cache:
        with pytest.raises(ValueError, match=r"of 3 numbers.*others of 2") as error:
            cache.get_or_compute(["a", "b"], Counting(width=3))
        assert f"{cache.path}: delete" in str(error.value)
        cache._connection.execute("UPDATE vectors SET vector = x'000000'")
        with pytest.raises(ValueError, match=r"of 0\.75 numbers"):
            cache.get_or_compute(["a"], Counting())


def test_texts_and_tokens_may_differ_in_width(make: Any) -> None:
    with make() as cache:
        assert cache.get_or_compute(["a"], Counting(width=2)).shape == (1, 2)
        assert cache.get_or_compute([[1, 2]], Counting(width=3)).shape == (1, 3)


@pytest.mark.parametrize("shape", [(1, 2), (3, 2), (2,)])
def test_wrong_number_of_vectors(make: Any, shape: tuple[int, ...]) -> None:
    with make() as cache, pytest.raises(ValueError, match="2 vectors were expected"):
        cache.get_or_compute(["a", "b"], lambda items: np.zeros(shape))


# --- full disks


@pytest.mark.usefixtures("chunks_of_ten")
def test_full_disk(make: Any) -> None:
    first = Counting(width=400)
    with make() as cache:
        cache._connection.execute("PRAGMA max_page_count = 8")
        with pytest.raises(OSError, match="disk is full") as error:
            cache.get_or_compute(TEXTS, first)
        for part in (str(cache.path), "What was embedded before is kept", "free space"):
            assert part in str(error.value)
        cache._connection.execute("PRAGMA max_page_count = 100000")
        n_kept = 10 * (len(first.chunks) - 1)
        assert n_kept > 0
        second = Counting(width=400)
        vectors = cache.get_or_compute(TEXTS, second)
    assert_array_equal(vectors, expected(TEXTS, width=400))
    assert second.asked == TEXTS[n_kept:]


FULL = """
import resource, signal, sys
import numpy as np
from types import SimpleNamespace
from sk_m2v.distill.teachers import _cache

_cache._CHUNK = 100
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
n = 0

def compute(items):
    global n
    n += len(items)
    return np.ones((len(items), 384), dtype=np.float32)

texts = [str(i) for i in range(2000)]
with _cache.VectorCache(sys.argv[1], SimpleNamespace(name="a", key="b" * 64)) as cache:
    try:
        cache.get_or_compute(texts, compute)
    except OSError as error:
        assert f"{cache.path} cannot grow" in str(error)
    else:
        raise AssertionError
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert 100 < n < 1000, n
    cache.get_or_compute(texts, compute)
    assert n == 2100, n
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits")
def test_file_that_must_not_grow(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL, tmp_path], check=True, cwd=ROOT)


# --- many vectors


def test_many_vectors_are_read_fast(make: Any) -> None:
    texts = [f"text number {i}" for i in range(20_000)]
    rows = np.ones((2048, 384), dtype=np.float32)
    with make() as cache:
        cache.get_or_compute(texts, lambda items: rows[: len(items)])
        started = time.perf_counter()
        vectors = cache.get_or_compute(texts, Counting())
        seconds = time.perf_counter() - started
        assert vectors.shape == (20_000, 384)
        assert seconds < 2  # 0.1 on an idle machine
        assert cache.path.stat().st_size < 1.2 * vectors.nbytes
