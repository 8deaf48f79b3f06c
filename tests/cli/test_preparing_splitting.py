"""Parts that are split off."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_m2v.cli.preparing import Columns, Prepared, prepare


def table(labels: list[Any], **more: list[Any]) -> Columns:
    texts = [f"text {i}" for i in range(len(labels))]
    return {"text": texts, "label": labels, **more}


def counts(done: Prepared) -> dict[str, Counter[Any]]:
    return {part: Counter(it["label"]) for part, it in done.parts.items()}


def n_rows(done: Prepared) -> dict[str, int]:
    return {part: len(it["text"]) for part, it in done.parts.items()}


def test_classes_have_equal_shares() -> None:
    labels = ["x"] * 600 + ["y"] * 300 + ["z"] * 100
    done = prepare({"train": table(labels)}, validation_size=0.1, test_size=0.2)
    assert counts(done) == {
        "train": {"x": 420, "y": 210, "z": 70},
        "validation": {"x": 60, "y": 30, "z": 10},
        "test": {"x": 120, "y": 60, "z": 20},
    }


def test_sizes_are_shares_or_numbers_of_the_rows_that_are_left() -> None:
    labels = [*"xy"] * 50 + [""] * 100
    done = prepare({"train": table(labels)}, validation_size=7, test_size=0.25)
    assert n_rows(done) == {"train": 68, "validation": 7, "test": 25}
    done = prepare({"train": table(labels)}, test_size=np.float32(0.25))
    assert n_rows(done) == {"train": 75, "test": 25}
    done = prepare({"train": table(labels)}, validation_size=np.int64(1))
    assert n_rows(done) == {"train": 99, "validation": 1}
    assert n_rows(prepare({"train": table(labels)}, test_size=0.001))["test"] == 1


def test_a_part_is_split_off_beside_one_that_is_there() -> None:
    parts = {"train": table([*"xy"] * 20), "test": table([*"xy"])}
    parts["test"]["text"] = ["first", "second"]
    done = prepare(parts, validation_size=0.25)
    assert n_rows(done) == {"train": 30, "validation": 10, "test": 2}
    assert done.report.parts["validation"].rows_in == 0


def test_rare_classes_stay_to_be_learnt() -> None:
    labels = [*"xy"] * 100 + ["once", "twice", "twice"]
    for seed in range(10):
        done = prepare(
            {"train": table(labels)},
            validation_size=0.2,
            test_size=0.2,
            random_state=seed,
        )
        assert counts(done)["train"]["once"] == 1
        assert counts(done)["train"]["twice"] == 2
        assert n_rows(done) == {"train": 121, "validation": 41, "test": 41}


def test_many_classes_and_few_rows() -> None:
    """More classes than rows of the test: none of them is lost."""
    labels = [f"class {i % 60}" for i in range(240)]
    done = prepare({"train": table(labels)}, validation_size=20, test_size=20)
    assert n_rows(done) == {"train": 200, "validation": 20, "test": 20}
    assert len(counts(done)["train"]) == 60


def test_labels_that_are_as_good_as_unique_are_split_at_random() -> None:
    labels = [f"{1900 + i}" for i in range(100)]
    done = prepare({"train": table(labels)}, test_size=0.3)
    assert n_rows(done) == {"train": 70, "test": 30}
    assert "not stratified" in done.report.notes[0]


@pytest.mark.parametrize(
    "labels",
    [
        [i / 7 for i in range(100)],
        [f"{i / 7}" for i in range(100)],
        [["p"] if i % 2 else ["p", "q"] for i in range(100)],
        [[] for _ in range(100)],
        [[i / 2, 1.0] for i in range(100)],
    ],
    ids=["numbers", "numbers as texts", "lists of labels", "empty", "vectors"],
)
def test_targets_that_are_no_classes_are_split_at_random(labels: list[Any]) -> None:
    done = prepare({"train": table(labels)}, validation_size=0.1, test_size=0.2)
    assert n_rows(done) == {"train": 70, "validation": 10, "test": 20}
    assert done.report.notes == []


def test_without_labels_or_strata() -> None:
    train = table([*"xy"] * 50)
    done = prepare({"train": train}, label=None, test_size=30)
    assert n_rows(done) == {"train": 70, "test": 30}
    shares = {
        counts(prepare({"train": train}, test_size=30, stratify=False, random_state=i))[
            "test"
        ]["x"]
        for i in range(20)
    }
    assert len(shares) > 3


def test_seeds() -> None:
    train = table([*"xy"] * 50)
    again = [prepare({"train": train}, test_size=9, random_state=5) for _ in range(2)]
    assert again[0] == again[1]
    drawn = {
        tuple(
            prepare({"train": train}, test_size=9, random_state=it).parts["test"][
                "text"
            ]
        )
        for it in (None, None, 1, 2)
    }
    assert len(drawn) == 4


def test_the_global_state_is_left_alone() -> None:
    train = table([*"xy"] * 50, author=list(range(100)))
    state = str(np.random.get_state())  # noqa: NPY002
    mine = random.getstate()
    prepare({"train": train}, test_size=9, random_state=None)
    prepare({"train": train}, test_size=9, random_state=None, group="author")
    assert str(np.random.get_state()) == state  # noqa: NPY002
    assert random.getstate() == mine


# --- Groups ---------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([*"abcdefgh", None, ""]), min_size=12, max_size=60),
    st.sampled_from([0.1, 0.3, 3]),
    st.sampled_from([None, 0.2]),
    st.booleans(),
    st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_groups_stay_together(
    authors: list[str | None],
    test_size: float,
    validation_size: float | None,
    stratify: bool,
    seed: int,
) -> None:
    train = table([*"xyz"] * 20, author=authors)
    train["label"] = train["label"][: len(authors)]
    train["text"] = train["text"][: len(authors)]
    try:
        done = prepare(
            {"train": train},
            group="author",
            test_size=test_size,
            validation_size=validation_size,
            stratify=stratify,
            random_state=seed,
        )
    except ValueError as error:
        message = str(error)
        assert message.startswith(("group must have", "Only the class")), message
        return
    where: dict[str, set[str]] = {}
    for part, columns in done.parts.items():
        assert columns["text"]
        for author in columns["author"]:
            if author:
                where.setdefault(author, set()).add(part)
    assert all(len(it) == 1 for it in where.values())
    assert sum(n_rows(done).values()) == len(authors)


def test_groups_of_unequal_sizes() -> None:
    """Rows count, not groups: one author has half of them."""
    authors = ["most"] * 500 + [f"author {i % 50}" for i in range(500)]
    labels = ["x" if i % 3 else "y" for i in range(1000)]
    for seed in range(5):
        done = prepare(
            {"train": table(labels, author=authors)},
            group="author",
            validation_size=0.1,
            test_size=0.2,
            random_state=seed,
        )
        assert abs(n_rows(done)["test"] - 200) <= 10
        assert abs(n_rows(done)["validation"] - 100) <= 10
        for part in ("train", "validation", "test"):
            share = counts(done)[part]["y"] / n_rows(done)[part]
            assert share == pytest.approx(1 / 3, abs=0.05)


def test_a_class_is_not_all_set_aside_with_its_groups() -> None:
    authors = [f"author {i // 10}" for i in range(200)]
    labels = ["rare" if i // 10 in (3, 7) else "x" for i in range(200)]
    for seed in range(20):
        done = prepare(
            {"train": table(labels, author=authors)},
            group="author",
            test_size=0.5,
            random_state=seed,
        )
        assert counts(done)["train"]["rare"] >= 10


def test_groups_without_labels() -> None:
    train = table([*"xy"] * 50, author=[i // 4 for i in range(100)])
    done = prepare({"train": train}, label=None, group="author", test_size=0.2)
    assert n_rows(done) == {"train": 80, "test": 20}


def test_too_few_groups() -> None:
    train = table([*"xyxyxy"], author=[*"aaabbb"])
    with pytest.raises(ValueError, match=r"group must .* got 2 values for 3 parts"):
        prepare({"train": train}, group="author", validation_size=1, test_size=1)


def test_groups_are_of_the_training_part_only() -> None:
    test = {"text": ["other", "another"], "label": [*"xy"]}
    parts = {"train": table([*"xy"] * 10, author=[*"abcd"] * 5), "test": test}
    assert prepare(parts, group="author", validation_size=5).parts["test"] == test


# --- What is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"test_size": 4}, r"\{'test_size': 4\} leaves nothing .* 4 rows of 'train'"),
        ({"test_size": 2, "validation_size": 2}, "leaves nothing to train with"),
        ({"test_size": 3, "validation_size": 0.1}, "leaves nothing to train with"),
    ],
)
def test_sizes_that_leave_nothing(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare({"train": table([*"xyxy"])}, **sizes)


@pytest.mark.timeout(60)
def test_many_rows_take_seconds() -> None:
    n = 100_000
    draw = random.Random(0)
    train = table(
        [draw.choice("abcde") for _ in range(n)],
        author=[draw.randrange(n // 5) for _ in range(n)],
    )
    train["text"] = [f"text {draw.randrange(n)}" for _ in range(n)]
    begin = time.process_time()
    prepare({"train": train}, group="author", test_size=0.1, conflicts="first")
    prepare({"train": train}, test_size=0.1, validation_size=0.1, conflicts="majority")
    assert time.process_time() - begin < 20
