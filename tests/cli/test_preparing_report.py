"""The report: for people, for programs, and row by row."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sk_m2v.cli.preparing import Dropped, Place, Prepared, prepare


def done() -> Prepared:
    train = {
        "text": ["a ", "A", "b", "b", "", "c\u200b", "d", "e", "f", "t"],
        "label": [*"xxxyx", *"yxyyx"],
    }
    test = {"text": ["T", "u"], "label": [*"xy"]}
    return prepare({"train": train, "test": test}, validation_size=2)


def test_text() -> None:
    assert done().report.to_text() == (
        "            rows in  dropped  rows out\n"
        "train            10        5         3\n"
        "validation        -        -         2\n"
        "test              2        0         2\n"
        "\n"
        "Dropped: 2 conflict, 1 empty, 1 duplicate, 1 duplicate of another part\n"
        "Cleaned: 1 unicode, 1 whitespace\n"
        "\n"
        "class  train  validation  test\n"
        "y          2           1     1\n"
        "x          1           1     1"
    )


def test_rows() -> None:
    report = done().report
    assert report.dropped == [
        Dropped("train", 2, "duplicate", "A", Place("train", 1)),
        Dropped("train", 3, "conflict", "b", Place("train", 4)),
        Dropped("train", 4, "conflict", "b", Place("train", 3)),
        Dropped("train", 5, "empty", "", None),
        Dropped("train", 10, "duplicate of another part", "t", Place("test", 1)),
    ]
    columns = report.dropped_columns()
    assert list(columns) == ["part", "row", "reason", "text", "other_part", "other_row"]
    assert columns["other_part"] == ["train", "train", "train", None, "test"]
    assert columns["other_row"] == [1, 4, 3, None, 1]
    assert {len(it) for it in columns.values()} == {5}


def test_dict() -> None:
    content = done().report.to_dict()
    assert json.loads(json.dumps(content)) == content
    assert (
        content["parts"]["validation"]
        == {
            "rows_in": 0,
            "rows_out": 2,
            "dropped": {},
            "classes": [{"label": "x", "rows": 1}, {"label": "y", "rows": 1}],
        }
        or content["parts"]["validation"]["classes"][0]["label"] == "y"
    )
    assert content["changed"] == {"unicode": 1, "whitespace": 1}
    assert content["notes"] == []


def report_of(labels: list[Any]) -> Any:
    texts = [f"text {i}" for i in range(len(labels))]
    return prepare({"train": {"text": texts, "label": labels}}).report


def test_labels_of_all_kinds_can_be_written() -> None:
    for labels in (
        [1, 2, 1],
        [True, False, True],
        [np.int64(3), np.int64(4), np.int64(3)],
        [1.0, 2.0, 1.0],
        [["a"], [], ["a", "b"]],
        [0.5, 0.25, 0.125],
    ):
        report = report_of(labels)
        json.dumps(report.to_dict())
        assert report.to_text()
    assert report_of([1, "1", 1]).to_dict()["parts"]["train"]["classes"] == [
        {"label": 1, "rows": 2},
        {"label": "1", "rows": 1},
    ]


def test_many_long_classes_fit_a_terminal() -> None:
    labels = [f"{i} line\nbreak \x1b[31m{'long' * 50}" for i in range(100)]
    text = report_of(labels).to_text()
    assert "and 80 more classes" in text
    assert max(map(len, text.splitlines())) < 80
    assert "\x1b" not in text
    assert len(text.splitlines()) < 35


def test_one_class_is_counted_before_rarer_ones() -> None:
    report = report_of([*"abbccc"])
    assert list(report.parts["train"].classes.items()) == [("c", 3), ("b", 2), ("a", 1)]


def test_notes_are_shown() -> None:
    parts = {
        "train": {"text": [*"ab"], "label": [*"xy"]},
        "validation": {"text": [*"cd"], "label": [*"xz"]},
    }
    report = prepare(parts).report
    assert report.to_text().endswith(f"Note: {report.notes[0]}")
    assert report.to_dict()["notes"] == report.notes
