"""Finished runs are kept, and found again as long as they are those of the call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from counting_benchmark import LABELS, TEXTS, Counting
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_m2v import StaticEmbedding
from sk_m2v.benchmark import run_benchmark

SCRIPT = ROOT / "tests" / "counting_benchmark.py"
N_COUNTED = 16  # runs of estimators that count
TIMES = ["fit_seconds", "predict_seconds", "texts_per_second"]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def start(folder: Path, fits: Path, results: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        # Another order of sets each time.
        "PYTHONHASHSEED": "random",
    }
    command = [sys.executable, SCRIPT, folder, fits, results, "0.1"]
    return subprocess.Popen(
        [*map(str, command)], env=environment, stderr=subprocess.PIPE, text=True
    )


def finish(folder: Path, fits: Path, results: Path) -> pd.DataFrame:
    process = start(folder, fits, results)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return pd.read_pickle(results)


def test_killed_and_resumed(tmp_path: Path) -> None:
    folder, fits, results = (tmp_path / it for it in ("runs", "fits", "results"))
    process = start(folder, fits, results)
    while len(lines(fits)) < 7:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert not results.exists()
    before = lines(fits)
    kept = {it: it.stat().st_mtime_ns for it in folder.glob("o*.json")}
    assert 6 <= len(kept) < N_COUNTED
    assert len(before) - len(kept) <= 1  # what was under way

    resumed = finish(folder, fits, results)
    after = lines(fits)
    assert after[: len(before)] == before
    assert len(after) - len(before) == N_COUNTED - len(kept)
    assert len(set(after)) == N_COUNTED
    assert {it: it.stat().st_mtime_ns for it in kept} == kept
    # Times are those of the runs that were measured.
    assert resumed["fit_seconds"][:8].min() >= 0.1

    fresh = finish(*(tmp_path / f"{it}, new" for it in ("runs", "fits", "results")))
    different = [*TIMES, "model_bytes"]  # the path of a file is in a pickle
    pd.testing.assert_frame_equal(
        resumed.drop(columns=different), fresh.drop(columns=different)
    )
    pd.testing.assert_frame_equal(finish(folder, fits, results), resumed)
    assert lines(fits) == after


class Called:
    """Runs benchmarks on one folder, and counts the fits of each."""

    def __init__(self, folder: Path) -> None:
        self.fits = folder / "fits"
        self.folder = folder / "runs"
        self.estimators = {"it": Counting(str(self.fits))}
        self.data_sets = {"set": (TEXTS, LABELS, TEXTS, LABELS)}

    def __call__(self, **changes: Any) -> int:
        before = len(lines(self.fits))
        arguments = {
            "estimators": self.estimators,
            "data_sets": self.data_sets,
            "random_states": [0, 1],
            "folder": self.folder,
        }
        self.results = run_benchmark(**(arguments | changes))
        return len(lines(self.fits)) - before

    def estimator(self, **changes: Any) -> int:
        return self(estimators={"it": Counting(str(self.fits), **changes)})


@pytest.fixture
def called(tmp_path: Path) -> Called:
    called = Called(tmp_path)
    assert called() == 2
    assert called() == 0
    return called


MODEL = StaticEmbedding.from_pretrained()


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.estimator(share=0.25),
        lambda it: it.estimator(model=MODEL),
        lambda it: it.estimator(model=np.ones(3)),
        lambda it: it(
            estimators={
                "it": make_pipeline(FunctionTransformer(), Counting(str(it.fits)))
            }
        ),
        lambda it: it(data_sets={"set": (TEXTS, LABELS, TEXTS[1:], LABELS[1:])}),
        lambda it: it(data_sets={"set": (["new", *TEXTS[1:]], LABELS, TEXTS, LABELS)}),
        lambda it: it(data_sets={"set": (TEXTS, LABELS, TEXTS, ["bad", *LABELS[1:]])}),
        lambda it: it(data_sets={"set": (TEXTS, LABELS)}),
        lambda it: it(scoring="f1_macro"),
        lambda it: it(random_states=[2, 3]),
    ],
)
def test_what_changes_is_done_again(
    called: Called, change: Callable[[Called], int]
) -> None:
    assert change(called) == 2
    assert change(called) == 0
    assert called() == 0  # those of before are still there


def test_what_does_not_matter(called: Called) -> None:
    """Containers, fitted attributes and the number of seeds and data sets."""
    first = called.results
    series = [pd.Series(it, dtype=object) for it in (TEXTS, LABELS)]
    assert called(data_sets={"set": (*series, *series)}) == 0
    fitted = Counting(str(called.fits))
    fitted.classes_ = np.array(["other"])
    assert called(estimators={"it": fitted}) == 0
    pd.testing.assert_frame_equal(called.results, first)
    assert called(random_states=range(3)) == 1
    more = called.data_sets | {"more": (TEXTS, LABELS)}
    assert called(data_sets=more) == 2
    other = {"other": Counting(str(called.fits), share=0.1)}
    assert called(estimators=other | called.estimators) == 2
    assert len(list(called.folder.iterdir())) == 2 + 1 + 2 + 2


def test_two_estimators_with_one_name_in_files(called: Called) -> None:
    """Names that are no names of files."""
    names = ["a/b", "a:b", "../../c", "漢" * 300, "."]
    shares = [0.1, 0.2, 0.3, 0.4, 0.45]
    estimators = {
        name: Counting(str(called.fits), share=share)
        for name, share in zip(names, shares, strict=True)
    }
    assert called(estimators=estimators) == 10
    assert called(estimators=estimators) == 0
    assert called.results["estimator"].unique().tolist() == names
    assert called.results["accuracy"].nunique() > 2
    assert len(list(called.folder.iterdir())) == 12


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"numbers": {}}', b'{"numbers": 3}', b"\xff\xfe"],
)
def test_damaged_files(called: Called, content: bytes) -> None:
    first = called.results
    path = next(called.folder.glob("it.set.1.*.json"))
    numbers = json.loads(path.read_bytes())
    assert (numbers["estimator"], numbers["data_set"]) == ("it", "set")
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged") as caught:
        assert called() == 1
    assert len(caught) == 1
    assert path.name in str(caught[0].message)
    assert caught[0].filename == __file__
    assert called() == 0
    pd.testing.assert_frame_equal(
        called.results.drop(columns=TIMES), first.drop(columns=TIMES)
    )


def test_a_number_that_is_none(called: Called) -> None:
    path = next(called.folder.glob("it.set.0.*.json"))
    path.write_text(path.read_text().replace('"accuracy": ', '"accuracy": "x", "x": '))
    with pytest.warns(UserWarning, match="is damaged"):
        assert called() == 1


class Failing(Counting):
    def predict(self, X: Any) -> Any:
        raise ValueError("no luck")


def test_failed_runs_are_tried_again(called: Called) -> None:
    failing = {"estimators": {"it": Failing(str(called.fits))}, "error_score": "record"}
    assert called(**failing) == 2
    assert (called.results["error"] == "ValueError: no luck").all()
    assert called(**failing) == 2
    with pytest.raises(ValueError, match="no luck"):
        called(**failing | {"error_score": "raise"})
    assert len(list(called.folder.iterdir())) == 2


def test_what_cannot_be_recognised(called: Called) -> None:
    unnamed = make_pipeline(
        FunctionTransformer(lambda texts: texts), Counting(str(called.fits))
    )
    with pytest.raises(TypeError, match=r"estimators\['un'\] cannot be pickled"):
        called(estimators={"un": unnamed})
    assert called(estimators={"un": unnamed}, folder=None) == 2
    with pytest.raises(TypeError, match=r"scoring\['score'\] cannot be pickled"):
        called(scoring=lambda estimator, X, y: 1.0)


def test_folders_that_are_none(called: Called, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(FileExistsError):
        called(folder=path)
    assert called(folder=str(tmp_path / "new" / "deep")) == 2
