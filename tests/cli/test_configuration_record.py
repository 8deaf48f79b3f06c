"""Records of runs: they read back, and tell what has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_tables import TOML
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sk_m2v.cli.configuration import check, note_changes, read, recorded, set_keys

Command = Callable[..., Any]
Refused = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def settings_of(path: str | Path, *sets: str) -> dict[str, Any]:
    configuration = read(path)
    set_keys(configuration, sets)
    return check(configuration)


def rerun(text: str, name: str = "runs/it/configuration.yaml") -> dict[str, Any]:
    return settings_of(written(name, text))


def test_a_record_reads_back(folder: Path) -> None:
    written("reviews.csv", "a")
    before = settings_of(written("a.toml", TOML))
    after = rerun(recorded(before, Path("runs/it")))
    made = after.pop("made")
    assert after == before
    assert [*made["files"]] == ["../../reviews.csv"]
    assert made["versions"]["scikit-learn"]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    [
        "1e3",
        "none",
        "null",
        "~",
        "yes",
        "1_0",
        "08",
        "1:30",
        "2020-01-01",
        "1.",
        "=",
        "a\x85b",
    ]
)
VALUES = {
    "data": st.fixed_dictionaries(
        {"train": st.just("a.csv")},
        optional={
            "text": NAMES | st.lists(NAMES, min_size=1),
            "label": NAMES,
            "text_separator": NAMES,
            "label_separator": NAMES,
        },
    ),
    "prepare": st.just(False)
    | st.fixed_dictionaries(
        {},
        optional={
            "duplicates": st.sampled_from(["exact", "near", "keep"]),
            "test_size": st.none() | st.floats(0.01, 0.9) | st.integers(1, 99),
            "strip_html": st.booleans(),
            "min_characters": st.integers(1, 99),
        },
    ),
    "train": st.fixed_dictionaries(
        {"estimator": st.just("FT")},
        optional={
            "lr": st.floats(allow_nan=False),
            "patience": st.none() | st.integers(),
            "ngram_range": st.lists(st.integers(), min_size=2, max_size=2),
            "class_weight": st.none() | st.dictionaries(NAMES, st.floats(0, 9)),
            "batch_size": st.just("auto") | st.integers(),
            "thresholds": st.none() | st.floats(0, 1) | st.lists(st.floats(0, 1)),
        },
    ),
    "search": st.none()
    | st.fixed_dictionaries(
        {"parameters": st.dictionaries(NAMES, st.lists(st.floats(0, 1)))}
    ),
    "random_state": st.integers(0, 2**32 - 1),
}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.fixed_dictionaries({}, optional=VALUES))
def test_any_record_reads_back(folder: Path, values: dict[str, Any]) -> None:
    from sk_m2v.cli.configuration import Configuration

    configuration = Configuration()
    for name, it in ({"data": {"train": "a.csv"}} | values).items():
        configuration.put((name,), it, "here", Path())
    before = check(configuration)
    after = rerun(recorded(before, Path("runs/it")))
    del after["made"]
    assert after == before


def test_changed_data_are_refused(folder: Path) -> None:
    data = written("reviews.csv", "a")
    test = written("a.csv", "a")
    written("b.csv", "b")
    after = rerun(recorded(settings_of(written("a.toml", TOML)), Path("runs/it")))
    assert note_changes(after, Path("runs/it")) == []
    data.write_text("b")
    with pytest.raises(
        ValueError, match=r"reviews\.csv is not as it was when this run"
    ):
        note_changes(after, Path("runs/it"))
    data.write_text("a")
    test.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.csv is not there, with which"):
        note_changes(after, Path("runs/it"))
    del after["made"]
    assert note_changes(after, Path("runs/it")) == []


def test_a_folder_of_a_model_that_changed(folder: Path) -> None:
    written("a.csv", "a")
    model = written("base/model.bin", "a").parent
    text = "data: {train: a.csv}\nmodel: {path: base}\n"
    after = rerun(recorded(settings_of(written("a.yaml", text)), Path("runs/it")))
    assert note_changes(after, Path("runs/it")) == []
    (model / "model.bin").rename(model / "other.bin")
    with pytest.raises(
        ValueError, match="base is not as it was when this run was made"
    ):
        note_changes(after, Path("runs/it"))


def test_other_versions_are_noted(folder: Path) -> None:
    written("reviews.csv", "a")
    after = rerun(recorded(settings_of(written("a.toml", TOML)), Path("runs/it")))
    versions = after["made"]["versions"]
    now = versions["numpy"]
    versions["numpy"] = "1.0"
    versions["no-such-package"] = "2"
    assert note_changes(after, Path("runs/it")) == [
        f"numpy is {now}, the run was made with 1.0",
        "no-such-package is None, the run was made with 2",
    ]
