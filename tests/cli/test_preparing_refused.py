"""What `prepare` refuses, before it begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sk_m2v.cli.preparing import Columns, prepare

LONG = "long " * 10_000


def table(**columns: Any) -> Columns:
    return {"text": [*"abcd"], "label": [*"xyxy"], **columns}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *[(it, "yes", "True or False") for it in ("stratify", "strip_html")],
        *[(it, 1, "True or False") for it in ("normalize_unicode",)],
        ("collapse_whitespace", None, "True or False"),
        ("min_characters", 0, "1 or more"),
        ("min_characters", True, "1 or more"),
        ("min_characters", 1.5, "1 or more"),
        ("max_characters", 0, "1 or more"),
        ("max_characters", "9", "1 or more"),
        ("min_per_class", 0, "1 or more"),
        ("duplicates", "fuzzy", "'exact', 'near', 'keep'"),
        ("duplicates", None, "'exact', 'near', 'keep'"),
        ("duplicates", LONG, "'exact', 'near', 'keep'"),
        ("conflicts", ["drop"], "'drop', 'first', 'majority'"),
        ("threshold", 0, "above 0 and at most 1"),
        ("threshold", 1.01, "above 0 and at most 1"),
        ("threshold", float("nan"), "above 0 and at most 1"),
        ("threshold", True, "above 0 and at most 1"),
        ("threshold", "0.9", "above 0 and at most 1"),
        ("random_state", -1, "from 0 to 4294967295"),
        ("random_state", 2**32, "from 0 to 4294967295"),
        ("random_state", 0.5, "from 0 to 4294967295"),
        ("random_state", True, "from 0 to 4294967295"),
        ("random_state", np.random.default_rng(0), "from 0 to 4294967295"),
        *[
            (name, value, "above 0 and below 1, a number of rows, 1 or more, or None")
            for name in ("test_size", "validation_size")
            for value in (0, -1, 0.0, 1.0, 1.5, float("nan"), True, "0.1", [0.1])
        ],
        ("text", 3, "name of a column"),
        ("text", ["text", 3], "list of names"),
        ("text", [], "several, got none"),
        ("label", 3, "name of a column"),
        ("label", {"a"}, "list of names"),
        ("group", 3, "name of a column or None"),
    ],
)
def test_values(name: str, value: object, allowed: str) -> None:
    parameters: dict[str, Any] = {name: value}
    with pytest.raises(ValueError) as caught:
        prepare({"train": table()}, **parameters)
    message = str(caught.value)
    assert message.startswith(f"{name} must be")
    assert allowed in message
    assert len(message) <= 600


def test_most_characters_below_fewest() -> None:
    with pytest.raises(ValueError, match=r"max_characters must .* 5 or more, got 4"):
        prepare({"train": table()}, min_characters=5, max_characters=4)


def test_a_part_that_is_there_is_not_split_off() -> None:
    parts = {"train": table(), "test": table(), "validation": table()}
    expected = r"test_size=1 would split off a 'test' part, but there is one already"
    with pytest.raises(ValueError, match=expected):
        prepare(parts, test_size=1)
    with pytest.raises(ValueError, match="leave validation_size out"):
        prepare(parts, validation_size=0.5)


def test_shares_of_everything() -> None:
    expected = r"validation_size=0.5 and test_size=0.5 leave nothing"
    with pytest.raises(ValueError, match=expected):
        prepare({"train": table()}, validation_size=0.5, test_size=0.5)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "must have 'train', .* got nothing"),
        ({"test": table()}, "must have 'train', .* got 'test'"),
        ({"train": table(), "dev": table()}, "got 'train', 'dev'"),
        ({"train": {"text": [], "label": []}}, "'train' part has no rows"),
        ({"train": table(), "test": {"text": [], "label": []}}, "'test' part has no"),
        ({"train": table(more=[1])}, "of one length, got {'label': 4, 'more': 1"),
        ({"train": table(), "test": {"text": ["a"]}}, "'label' in the 'test' part"),
        (
            {"train": table(text=[*"abc", 5])},
            "Row 4 of the 'train' .* got 5 of type int",
        ),
        ({"train": table(text=["a", b"b", "c", "d"])}, "Row 2 .*must have texts"),
        ({"train": table(label=["x", b"y", "x", "y"])}, "Row 2 .* got b'y'"),
        ({"train": table(label=["x", {"a": 1}, "x", "y"])}, "Row 2 .* got {'a': 1}"),
        ({"train": table(label=["x", [["a"]], "x", "y"])}, r"Row 2 .* got \[\['a'\]\]"),
    ],
)
def test_tables(parts: dict[str, Columns], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(parts)


def test_a_column_that_is_not_there() -> None:
    train = {"id": [1], "Texts": ["a"], "topic": ["x"], "labels": ["y"]}
    with pytest.raises(ValueError, match="are 'Texts', 'topic', 'labels', 'id'"):
        prepare({"train": train})
    with pytest.raises(ValueError, match=r"column 'label' .* columns are 'labels'"):
        prepare({"train": train}, text="Texts")
    with pytest.raises(ValueError, match="no column 'author'"):
        prepare({"train": table()}, group="author")


def test_columns_named_twice() -> None:
    with pytest.raises(ValueError, match="but 'text' is there twice"):
        prepare({"train": table()}, label="text")
    with pytest.raises(ValueError, match="but 'text' is there twice"):
        prepare({"train": table()}, text=["text", "text"])


def test_values_that_are_no_group() -> None:
    train = table(author=["a", ["b"], "c", "d"])
    with pytest.raises(ValueError, match=r"Row 2 of .* 'author' .* got \['b'\]"):
        prepare({"train": train}, group="author", test_size=1)


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ([0.5, 0.1, 0.2, 0.3], "has numbers"),
        (["0.5", "1", "2", "3"], "has numbers"),
        ([["x"], ["y"], [], ["x"]], "has lists of labels"),
    ],
)
def test_rare_classes_of_what_has_none(labels: list[Any], what: str) -> None:
    with pytest.raises(ValueError, match=f"min_per_class=2 needs classes, .*{what}"):
        prepare({"train": table(label=labels)}, min_per_class=2)
    with pytest.raises(ValueError, match="label=None has no column"):
        prepare({"train": table()}, label=None, min_per_class=2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": LONG},
        {"label": [f"{i}{LONG}" for i in range(101)]},
        {"group": LONG},
        {"text": [LONG, LONG]},
        {"validation_size": LONG},
        {"conflicts": LONG},
    ],
)
def test_messages_are_short(parameters: dict[str, Any]) -> None:
    many = {f"{i}{LONG}": [*"abcd"] for i in range(100)}
    with pytest.raises(ValueError) as caught:
        prepare({"train": {**table(), **many}}, **parameters)
    assert 0 < len(str(caught.value)) <= 600


@pytest.mark.parametrize(
    "train",
    [
        table(text=[*"abc", [LONG] * 99]),
        table(label=[*"xyx", {LONG: LONG}]),
        {**table(), **{f"{i}{LONG}": [1] for i in range(100)}},
        table(text=["a", "b", "c", "c"], label=[LONG, LONG, "y", "z"]),
    ],
    ids=["text", "label", "lengths", "one class"],
)
def test_messages_about_tables_are_short(train: Columns) -> None:
    with pytest.raises(ValueError) as caught:
        prepare({"train": train})
    assert 0 < len(str(caught.value)) <= 600
