"""Conflicts, duplicates and near duplicates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_m2v import StaticEmbedding
from sk_m2v.cli.preparing import Place, Prepared, prepare


def conflicting(labels: list[Any], conflicts: str, **parameters: Any) -> Prepared:
    """Rows of one text, and two others that are always there."""
    texts = ["same", "Same ", "same", " same", "SAME"][: len(labels)]
    train = {
        "text": [*texts, "one more", "another"],
        "label": [*labels, "x", "y"],
    }
    return prepare({"train": train}, conflicts=conflicts, **parameters)


def rows(done: Prepared, reason: str) -> dict[int, int | None]:
    return {
        it.row: it.other and it.other.row
        for it in done.report.dropped
        if it.reason == reason
    }


def test_conflicts_are_dropped() -> None:
    done = conflicting([*"xyxx"], "drop")
    assert rows(done, "conflict") == {1: 2, 2: 1, 3: 2, 4: 2}


def test_the_first_label_stays() -> None:
    done = conflicting([*"xyxx"], "first")
    assert rows(done, "conflict") == {2: 1}
    assert rows(done, "duplicate") == {3: 1, 4: 1}


def test_the_commonest_label_stays() -> None:
    done = conflicting([*"xyzy"], "majority")
    assert rows(done, "conflict") == {1: 2, 3: 2}
    assert rows(done, "duplicate") == {4: 2}
    done = conflicting([*"xyyx"], "majority")
    assert rows(done, "conflict") == {1: 2, 2: 1, 3: 1, 4: 2}


def test_conflicts_are_settled_where_duplicates_stay() -> None:
    done = conflicting([*"xyxx"], "majority", duplicates="keep")
    assert done.parts["train"]["label"] == [*"xxxxy"]
    assert rows(done, "conflict") == {2: 1}
    assert rows(done, "duplicate") == {}


def test_the_order_of_labels_in_a_list_makes_no_conflict() -> None:
    train = {"text": ["a", "a", "b", "b"], "label": [["p", "q"], ["q", "p"], [], ["p"]]}
    done = prepare({"train": train})
    assert done.parts["train"] == {"text": ["a"], "label": [["p", "q"]]}
    assert done.report.parts["train"].classes == {"p": 1, "q": 1}


def test_the_order_of_numbers_in_a_list_makes_one() -> None:
    train = {"text": ["a", "a", "b"], "label": [[0.5, 1.0], [1.0, 0.5], [0.0, 0.0]]}
    assert prepare({"train": train}).parts["train"]["text"] == ["b"]


def test_parts_have_their_own_conflicts() -> None:
    done = prepare(
        {
            "train": {"text": ["a", "b", "c", "e"], "label": [*"xyxy"]},
            "test": {"text": ["A", "B", "d"], "label": [*"yyx"]},
        }
    )
    assert done.parts["test"]["text"] == ["A", "B", "d"]
    assert done.parts["train"]["text"] == ["c", "e"]


# --- Near duplicates ------------------------------------------------------------------


SENTENCES = [
    "The delivery arrived two days late and the box was damaged.",
    "The delivery arrived two days late, and the box was damaged!",
    "How do I change the language of the app?",
    "My invoice shows the wrong amount for March.",
    "how do i change the language of the app",
    "The box was damaged, and the delivery arrived two days late",
]


def test_near_duplicates_go() -> None:
    train = {"text": SENTENCES, "label": [*"xxyzyx"]}
    done = prepare({"train": train}, duplicates="near", threshold=0.9)
    assert done.parts["train"]["text"] == [SENTENCES[i] for i in (0, 2, 3)]
    assert rows(done, "near duplicate") == {2: 1, 5: 3, 6: 1}
    assert len(prepare({"train": train}).parts["train"]["text"]) == 6


def test_near_duplicates_in_two_parts() -> None:
    done = prepare(
        {
            "train": {"text": SENTENCES[:4], "label": [*"xxyx"]},
            "validation": {"text": SENTENCES[4:], "label": [*"yx"]},
        },
        label=None,
        duplicates="near",
        threshold=0.9,
    )
    assert done.parts["validation"]["text"] == SENTENCES[4:]
    assert done.parts["train"]["text"] == [SENTENCES[3]]
    assert {it.reason for it in done.report.dropped} == {
        "near duplicate of another part"
    }
    assert done.report.dropped[0].other == Place("validation", 2)


def test_near_in_each_column() -> None:
    first, second, third = SENTENCES[0], SENTENCES[2], SENTENCES[3]
    train = {
        "a": [first, second, SENTENCES[1], first, first],
        "b": [second, first, SENTENCES[4], third, second + "?"],
    }
    done = prepare(
        {"train": train},
        text=["a", "b"],
        label=None,
        duplicates="near",
        threshold=0.9,
    )
    # The second has them exchanged, the fourth has another.
    assert rows(done, "near duplicate") == {3: 1, 5: 1}


def test_equal_texts_of_a_column_without_tokens_are_near() -> None:
    train = {"a": ["", "", "x"], "b": [SENTENCES[2], SENTENCES[4], SENTENCES[2]]}
    done = prepare(
        {"train": train}, text=["a", "b"], label=None, duplicates="near", threshold=0.9
    )
    assert rows(done, "near duplicate") == {2: 1}


WORDS = st.sampled_from(
    ["ship", "it", "now", "today", "tax", "taxes", "due", "red", "apples"]
)


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=1),
    st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=1),
    st.sampled_from([0.6, 0.8, 0.95]),
)
@settings(max_examples=60, deadline=None)
def test_no_two_rows_that_are_left_are_near(
    train: list[str], test: list[str], threshold: float
) -> None:
    parts = {"train": {"text": train}, "test": {"text": test}}
    # What is of no word of the others, so that there is something left to train with.
    parts["train"]["text"].append("quantum chromodynamics")
    done = prepare(parts, label=None, duplicates="near", threshold=threshold)
    texts = [it for columns in done.parts.values() for it in columns["text"]]
    model = StaticEmbedding.from_pretrained()
    scores = model.similarity(texts)
    np.fill_diagonal(scores, 0)
    assert scores.max() < threshold + 1e-5
    # Those that went are near to one that stays.
    for it in done.report.dropped:
        assert it.other is not None
        other = parts[it.other.part]["text"][it.other.row - 1]
        assert float(model.similarity(it.text, other)[0, 0]) > threshold - 1e-5
        assert other in texts or not it.reason.startswith("near")


@pytest.mark.parametrize("duplicates", ["exact", "near", "keep"])
def test_lone_surrogates_that_are_left_alone(duplicates: str) -> None:
    train = {"text": ["a \ud800", "A \ud800", "b"], "label": [*"xxy"]}
    done = prepare({"train": train}, normalize_unicode=False, duplicates=duplicates)
    n_left = 3 if duplicates == "keep" else 2
    assert len(done.parts["train"]["text"]) == n_left
    assert all(it.isprintable() for it in done.report.dropped_columns()["text"])
