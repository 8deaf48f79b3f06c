"""Texts of a command line, and values of a file, as what parameters want."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_m2v.cli.options._signatures import REQUIRED, Parameter, parameters_of
from sk_m2v.cli.options._values import (
    allowed,
    expected,
    from_text,
    from_value,
    literal,
)

NONE = st.sampled_from(["none", "None", "NONE", "null"])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WORDS = ("adam", "adamw", "sgd")


def parameter(annotation: str, kind: str = "") -> Parameter:
    return Parameter("it", annotation, REQUIRED, kind, "What it is.")


def same(found: Any, value: Any) -> bool:
    return type(found) is type(value) and found == value


def both(text: str, value: Any, annotation: str, kind: str = "") -> None:
    """A text, and the value that a file has, are the same value in the end."""
    it = parameter(annotation, kind)
    assert same(from_text(text, it), value)
    assert same(from_value(value, it), value)


@pytest.mark.parametrize("annotation", ["int", "int | None", "int | Literal['auto']"])
@settings(max_examples=50)
@given(value=st.integers(), plus=st.booleans())
def test_integers(annotation: str, value: int, plus: bool) -> None:
    both(f"+{value}" if plus and value >= 0 else str(value), value, annotation)


@pytest.mark.parametrize("annotation", ["float", "float | None", "str | float"])
@settings(max_examples=50)
@given(value=FINITE)
def test_floats(annotation: str, value: float) -> None:
    both(repr(value), value, annotation)


@settings(max_examples=50)
@given(value=st.integers(-(2**53), 2**53))
def test_integers_where_floats_are_wanted(value: int) -> None:
    it = parameter("float")
    for found in (from_text(str(value), it), from_value(value, it)):
        assert same(found, float(value))
    it = parameter("int | float")
    for found in (from_text(str(value), it), from_value(value, it)):
        assert same(found, value)


@settings(max_examples=50)
@given(value=st.booleans(), case=st.sampled_from([str.lower, str.upper, str.title]))
def test_truths(value: bool, case: Any) -> None:
    both(case(str(value)), value, "bool")
    both(case(str(value)), value, "bool | None")


@pytest.mark.parametrize(
    "annotation", ["int | None", "str | None", "Sequence[str] | None", "Any"]
)
@settings(max_examples=50)
@given(text=NONE)
def test_none(annotation: str, text: str) -> None:
    both(text, None, annotation)


@pytest.mark.parametrize("annotation", ["int | None", "Sequence[str] | None"])
@settings(max_examples=50)
@given(text=NONE)
def test_none_as_a_text_of_toml(annotation: str, text: str) -> None:
    assert from_value(text, parameter(annotation)) is None


@settings(max_examples=50)
@given(text=st.text())
def test_texts_are_as_they_were_typed(text: str) -> None:
    both(text, text, "str")


@pytest.mark.parametrize("annotation", ["str | Sequence[str]", "str | Path", "Path"])
@settings(max_examples=50)
@given(text=st.text() | st.sampled_from(["1", "true", "1e3", "none", "[1]", '"a"']))
def test_texts_that_look_like_something_else(annotation: str, text: str) -> None:
    """A column may be called 2020, true or [1]."""
    found = from_text(text, parameter(annotation))
    assert same(found, text) or isinstance(found, list)
    if isinstance(found, list):
        assert found == json.loads(text)
        assert all(isinstance(it, str) for it in found)


@settings(max_examples=50)
@given(values=st.lists(st.text()))
def test_lists_of_texts(values: list[str]) -> None:
    for annotation in ("str | Sequence[str]", "Sequence[str] | None", "Iterable[str]"):
        both(json.dumps(values), values, annotation)


@settings(max_examples=50)
@given(values=st.lists(st.integers(), min_size=1))
def test_lists_become_tuples(values: list[int]) -> None:
    it = parameter("tuple[int, int] | list[int]")
    for found in (from_text(json.dumps(values), it), from_value(values, it)):
        assert same(found, tuple(values))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=50)
@given(values=st.dictionaries(st.text(), JSON))
def test_mappings(values: dict[str, Any]) -> None:
    for annotation in ("dict[Any, float] | None", "Mapping[str, Any]", "Any"):
        both(json.dumps(values), values, annotation)


@settings(max_examples=50)
@given(value=JSON.filter(lambda it: not isinstance(it, str)))
def test_anything(value: Any) -> None:
    both(json.dumps(value), value, "Any")


@pytest.mark.parametrize("word", WORDS)
def test_words(word: str) -> None:
    both(word, word, "str | type", '{"adam", "adamw", "sgd"} or type')
    both(word, word, "Literal['adam', 'adamw', 'sgd']")


def test_words_beside_other_kinds() -> None:
    both("auto", "auto", "int | Literal['auto'] | None")
    both("7", 7, "int | Literal['auto'] | None")
    both("none", None, "str | None", '{"float32", "int8"} or None')


@pytest.mark.parametrize(
    ("value", "annotation", "kind", "message"),
    [
        ("adm", "str", '{"adam", "sgd"}', "got 'adm'. Do you mean 'adam'?"),
        ("adamww", "Literal['adam', 'adamw']", "", "Do you mean 'adamw'?"),
        ("autto", "int | Literal['auto']", 'int or "auto"', "Do you mean 'auto'?"),
        ("xyz", "str", '{"adam", "sgd"}', 'expected {"adam", "sgd"}, got \'xyz\''),
        (3, "str", '{"adam", "sgd"}', 'expected {"adam", "sgd"}, got 3'),
        ("a", "int", "int", "expected int, got 'a'"),
        ("1", "int", "int", "expected int, got '1'"),
        (1.5, "int", "int", "expected int, got 1.5"),
        (True, "int", "int", "expected int, got True"),
        (True, "float", "float", "expected float, got True"),
        (1, "bool", "bool", "expected bool, got 1"),
        (None, "int", "int", "expected int, got None"),
        ("none", "int", "int", "expected int, got 'none'"),
        ([1], "str | Sequence[str]", "str or list of str", "or list of str, got [1]"),
        (["a", None], "Sequence[str]", "", "expected Sequence[str], got ['a', None]"),
        ({"a": 1}, "list[int]", "list of int", "expected list of int, got {'a': 1}"),
        ("1, 3", "tuple[int, int]", "two numbers", "expected two numbers, got '1, 3'"),
        (10**400, "float", "float", "expected float, got 1000"),
    ],
)
def test_wrong_values(value: Any, annotation: str, kind: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        from_value(value, parameter(annotation, kind))
    assert message in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("text", "annotation", "message"),
    [
        ("x", "float", "expected float, got 'x'"),
        ("1.5", "int", "expected int, got '1.5'"),
        ("yes", "bool", "expected bool, got 'yes'"),
        ("[1", "Sequence[str] | None", "got '[1'"),
        ("[1]", "Sequence[str] | None", "got '[1]'"),
        ("1" + "0" * 400, "float", "expected float"),
        ("[" * 100_000, "list[int]", "expected list[int]"),
        ("long " * 1000, "int", "expected int"),
    ],
)
def test_wrong_texts(text: str, annotation: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        from_text(text, parameter(annotation))
    assert message in str(error.value)
    assert len(str(error.value)) < 400


@settings(max_examples=50)
@given(text=st.text())
def test_any_text_is_some_literal(text: str) -> None:
    literal(text)


@settings(max_examples=50)
@given(text=st.text(), annotation=st.sampled_from(["int", "float", "dict", "bool"]))
def test_a_value_or_a_message(text: str, annotation: str) -> None:
    error = None
    try:
        found = from_text(text, parameter(annotation))
    except ValueError as refused:
        error = str(refused)
    if error is None:
        assert type(found).__name__ == annotation
    else:
        assert error.startswith(f"expected {annotation}, got ")


def test_what_is_expected_is_what_is_documented() -> None:
    classifier = parameters_of("sk_m2v.StaticClassifier")
    assert expected(classifier["optimizer"]) == '{"adam", "adamw", "sgd"} or type'
    assert expected(parameter("int | None")) == "int | None"
    encode = parameters_of("sk_m2v.StaticEmbedding.encode")
    assert expected(encode["max_length"]) == 'int, "auto" or None'
    assert allowed(encode["max_length"]).words == ("auto",)


@pytest.mark.parametrize(
    "name", ["StaticClassifier", "StaticRegressor", "ContrastiveTransformer"]
)
def test_defaults_are_allowed(name: str) -> None:
    for it in parameters_of(f"sk_m2v.{name}").values():
        default = list(it.default) if isinstance(it.default, tuple) else it.default
        assert same(from_value(default, it), it.default)
