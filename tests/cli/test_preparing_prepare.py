"""What `prepare` promises, for any tables."""

from __future__ import annotations

import copy
import inspect
import math
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpydoc.docscrape import FunctionDoc

from sk_m2v.cli.preparing import Columns, Place, Prepared, prepare

WORDS = st.sampled_from(
    ["a", "A", " a", "b b", "b\tB", "c", "", " ", "\u200b", "d!", "e"]
)
LABELS = st.sampled_from(["x", "y", "z", "", None])


@st.composite
def tables(draw: st.DrawFn, labels: st.SearchStrategy[Any] = LABELS) -> Columns:
    rows = draw(st.lists(st.tuples(WORDS, labels), min_size=1, max_size=25))
    return {
        "id": list(range(len(rows))),
        "text": [text for text, _ in rows],
        "label": [label for _, label in rows],
    }


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    return draw(
        st.fixed_dictionaries(
            {
                "duplicates": st.sampled_from(["exact", "near", "keep"]),
                "conflicts": st.sampled_from(["drop", "first", "majority"]),
                "min_per_class": st.integers(1, 2),
                "stratify": st.booleans(),
                "min_characters": st.integers(1, 2),
                "random_state": st.integers(0, 3),
            }
        )
    )


def prepared(parts: dict[str, Columns], **parameters: Any) -> Prepared | None:
    """None if nothing is left: the message says so."""
    try:
        return prepare(parts, **parameters)
    except ValueError as error:
        message = str(error)
        starts = ("Nothing is left", "Only the class", "{'", "group must")
        assert message.startswith(starts), message
        assert len(message) <= 600
        return None


def folded(text: str) -> str:
    return " ".join(text.split()).casefold()


@given(
    st.fixed_dictionaries({"train": tables()}, optional={"validation": tables()}),
    st.none() | tables(),
    st.sampled_from([None, 1, 2, 0.3]),
    options(),
)
@settings(max_examples=300, deadline=None)
def test_promises(
    parts: dict[str, Columns],
    test: Columns | None,
    size: float | None,
    parameters: dict[str, Any],
) -> None:
    if test is not None:
        parts = {**parts, "test": test}
    else:
        parameters = {**parameters, "test_size": size}
    before = copy.deepcopy(parts)
    done = prepared(parts, **parameters)
    assert parts == before
    if done is None:
        return
    again = prepare(parts, **parameters)
    assert again == done

    # Every raw row is out once: in a part, or in the report.
    rows: Counter[tuple[str, int]] = Counter()
    for part, columns in done.parts.items():
        origin = part if part in parts else "train"
        rows.update((origin, it) for it in columns["id"])
        assert columns["id"] == sorted(columns["id"]), "rows keep their order"
        assert list(columns) == ["id", "text", "label"]
        assert len(columns["text"]) == done.report.parts[part].rows_out > 0
        for i, text, label in zip(*columns.values(), strict=True):
            assert label == parts[origin]["label"][i] not in ("", None)
            assert folded(text) == folded(parts[origin]["text"][i].strip("\u200b"))
            assert text
    rows.update((it.part, it.row - 1) for it in done.report.dropped)
    expected = {(part, i) for part, table in parts.items() for i in table["id"]}
    assert rows == Counter(expected)

    # No text is in two rows, whichever part they are in.
    texts = [folded(it) for columns in done.parts.values() for it in columns["text"]]
    if parameters["duplicates"] != "keep":
        assert len(texts) == len(set(texts))

    # What a row was dropped for is there.
    kept = {
        (part if part in parts else "train", i)
        for part, columns in done.parts.items()
        for i in columns["id"]
    }
    for it in done.report.dropped:
        assert it.text == parts[it.part]["text"][it.row - 1]
        if it.reason.startswith("duplicate"):
            assert it.other is not None
            assert folded(parts[it.other.part]["text"][it.other.row - 1]) == folded(
                it.text
            )
            assert (it.other.part != it.part) == it.reason.endswith("another part")
            if parameters["duplicates"] == "exact" and parameters["min_per_class"] == 1:
                assert (it.other.part, it.other.row - 1) in kept
        if it.reason == "conflict":
            assert it.other is not None
            assert it.other.part == it.part
            table = parts[it.part]
            assert table["label"][it.other.row - 1] != table["label"][it.row - 1]

    # Numbers of the report are those of the rows.
    for part, numbers in done.report.parts.items():
        mine = [it.reason for it in done.report.dropped if it.part == part]
        assert numbers.dropped == Counter(mine)
        assert numbers.classes == Counter(done.parts[part]["label"])
        assert numbers.rows_in == (len(parts[part]["id"]) if part in parts else 0)
    assert list(done.parts) == [
        it for it in ("train", "validation", "test") if it in done.parts
    ]


@given(st.fixed_dictionaries({"train": tables()}, optional={"test": tables()}))
@settings(deadline=None)
def test_what_is_prepared_stays_as_it_is(parts: dict[str, Columns]) -> None:
    done = prepared(parts)
    if done is not None:
        again = prepare(done.parts)
        assert again.parts == done.parts
        assert again.report.dropped == []
        assert not any(again.report.changed.values())


def table(texts: list[Any], labels: list[Any] | None = None, **more: Any) -> Columns:
    labels = labels or [f"{i % 2}" for i in range(len(texts))]
    return {"text": texts, "label": labels, **more}


def reasons(done: Prepared) -> list[tuple[str, int, str]]:
    return [(it.part, it.row, it.reason) for it in done.report.dropped]


def test_short_long_and_empty_texts() -> None:
    texts = ["", None, math.nan, " \u200b", "ab", "abc", "abcdef", "  abc d  ", "abcde"]
    done = prepare({"train": table(texts)}, min_characters=3, max_characters=5)
    assert done.parts["train"]["text"] == ["abc", "abc d", "abcde"]
    assert [it for *_, it in reasons(done)] == [
        *["empty"] * 4,
        "too short",
        "too long",
    ]
    assert done.report.dropped[1].text == ""


def test_rows_without_label() -> None:
    labels = ["x", "", None, math.nan, np.float32("nan"), "  ", "y"]
    done = prepare({"train": table([*"abcdefg"], labels)})
    assert done.parts["train"] == table(["a", "g"], ["x", "y"])
    assert {reason for *_, reason in reasons(done)} == {"no label"}
    assert (
        prepare({"train": {"text": ["a", "b"]}}, label=None)
        .report.parts["train"]
        .classes
        == {}
    )


def test_other_columns_are_not_touched() -> None:
    thing = object()
    train = table([" a ", "b"], ["x", "y"], extra=[thing, None], more=[" q ", 1])
    done = prepare({"train": train})
    assert done.parts["train"] == {**train, "text": ["a", "b"]}
    assert done.parts["train"]["extra"][0] is thing


def test_several_columns_of_texts() -> None:
    train = {
        "question": ["a", "A", "a", None, "", "a a"],
        "answer": ["b", "b ", "c", "only", None, ""],
        "label": [0, 0, 1, 1, 0, 1],
    }
    done = prepare({"train": train}, text=["question", "answer"], min_characters=2)
    assert done.parts["train"]["question"] == ["a", "a", "", "a a"]
    assert done.parts["train"]["answer"] == ["b", "c", "only", ""]
    assert reasons(done) == [("train", 2, "duplicate"), ("train", 5, "empty")]
    assert done.report.dropped[0].text == "A | b "


def test_several_columns_of_labels() -> None:
    train = {"text": [*"abca"], "p": [1, 0, None, 0], "q": [0, 1, 1, 0]}
    done = prepare({"train": train}, label=["p", "q"])
    assert done.parts["train"]["text"] == ["b"]
    assert reasons(done) == [
        ("train", 1, "conflict"),
        ("train", 3, "no label"),
        ("train", 4, "conflict"),
    ]


def test_rare_classes_go_out_of_all_parts() -> None:
    train = table([*"abcdefgh"], [*"xxxyyyzw"])
    test = table([*"ijkl"], [*"xzwv"])
    done = prepare({"train": train, "test": test}, min_per_class=2)
    assert done.parts["train"]["label"] == [*"xxxyyy"]
    assert done.parts["test"]["label"] == ["x"]
    assert {reason for *_, reason in reasons(done)} == {"rare class"}
    assert done.report.notes == []


def test_classes_that_cannot_be_learnt_are_named() -> None:
    parts = {"train": table([*"ab"], [*"xy"]), "test": table([*"cd"], [*"xz"])}
    done = prepare(parts)
    assert done.parts["test"]["label"] == ["x", "z"]
    assert done.report.notes == [
        "The test part has classes that the training part lacks: 'z'."
    ]


def test_test_rows_stay_before_validation_rows_before_training_rows() -> None:
    done = prepare(
        {
            "train": table(["a", "b", "c", "d", "d"], [*"xyxyy"]),
            "validation": table(["B", "c ", "e"], [*"yxx"]),
            "test": table(["C", "f", "f"], [*"xyy"]),
        }
    )
    assert [it["text"] for it in done.parts.values()] == [
        ["a", "d"],
        ["B", "e"],
        ["C", "f"],
    ]
    assert [(it.part, it.row, it.other) for it in done.report.dropped] == [
        ("train", 2, Place("validation", 1)),
        ("train", 3, Place("test", 1)),
        ("train", 5, Place("train", 4)),
        ("validation", 2, Place("test", 1)),
        ("test", 3, Place("test", 2)),
    ]


def test_case_and_whitespace_make_no_difference_without_cleaning_either() -> None:
    train = table(["Straße", "STRASSE ", "e\u0301", "é"], [*"xxyy"])
    raw = {"normalize_unicode": False, "collapse_whitespace": False}
    assert prepare({"train": train}).parts["train"]["text"] == ["Straße", "é"]
    done = prepare({"train": train}, **raw)  # type: ignore[arg-type]
    assert done.parts["train"]["text"] == ["Straße", "e\u0301", "é"]
    assert done.report.changed == {}


def test_nothing_is_left() -> None:
    with pytest.raises(
        ValueError, match=r"'test' part: .* empty \(2\), no label \(1\)"
    ):
        prepare(
            {
                "train": table([*"ab"]),
                "test": table(["", " ", "c"], ["x", "x", ""]),
            }
        )


def test_one_class_is_left_of_several() -> None:
    train = table(["a", "b", "B", "c", ""], [*"xxyxy"])
    expected = r"'x' is left to train with, of 2 classes.* conflict \(2\), empty \(1\)"
    with pytest.raises(ValueError, match=expected):
        prepare({"train": train})
    # That there was one only is for those to say who train.
    assert prepare({"train": table([*"ab"], [*"xx"])}).parts["train"]["label"] == [
        *"xx"
    ]


def test_importing_is_quick_and_doing_without_split_needs_no_sklearn() -> None:
    code = (
        "import sys; from sk_m2v.cli.preparing import prepare; "
        "prepare({'train': {'text': ['a', 'b'], 'label': ['x', 'y']}}); "
        "print([it for it in ('sklearn', 'torch', 'pandas') if it in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_signature_can_be_read() -> None:
    """Each parameter has an entry in the text, with the default of the signature."""
    parameters = dict(inspect.signature(prepare).parameters)
    entries = {it.name: it.type for it in FunctionDoc(prepare)["Parameters"]}
    assert list(entries) == list(parameters)
    del entries["parts"]
    for name, kind in entries.items():
        default = parameters[name].default
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        assert kind.endswith(f", default={shown}"), name
