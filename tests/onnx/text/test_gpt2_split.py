"""Words of the ByteLevel pre-tokenizer, as a graph finds them."""

from __future__ import annotations

import unicodedata

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from onnx_graphs import as_model
from tokenizers import pre_tokenizers

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INTS, Value
from sk_m2v.onnx.text._gpt2_split import (
    CODES,
    LETTER,
    NUMBER,
    OTHER,
    WHITESPACE,
    Classes,
    word_starts,
)

BOOLS = Value(TensorProto.BOOL)
ALPHABET = " \n\t'''stremvld1½!é\u00a0\u0301"


@pytest.fixture(scope="module")
def session():
    graph = Graph()
    found = word_starts(graph, Classes(*Classes._fields))
    inputs = dict.fromkeys(Classes._fields, INTS) | {"spaces": BOOLS}
    proto = as_model(graph, inputs, {found: BOOLS})
    return onnxruntime.InferenceSession(proto.SerializeToString())


def class_of(character: str) -> int:
    if character.isspace():
        return WHITESPACE
    category = unicodedata.category(character)[0]
    return {"L": LETTER, "N": NUMBER}.get(category, OTHER)


def words(session, texts: list[str]) -> list[list[str]]:
    flat = "".join(texts)
    lengths = [len(it) for it in texts]
    rows = np.repeat(np.arange(len(texts)), lengths)
    feed = {
        "classes": np.array([class_of(it) for it in flat], np.int64),
        "spaces": np.array([it == " " for it in flat], bool),
        "codes": np.array([CODES.get(it, 0) for it in flat], np.int64),
        "rows": rows,
    }
    (mask,) = session.run(None, feed)
    found: list[list[str]] = [[] for _ in texts]
    for character, row, starts in zip(flat, rows, mask, strict=True):
        if starts:
            found[row].append("")
        found[row][-1] += character
    return found


def expected(text: str, add_prefix_space: bool) -> list[str]:
    level = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    return [word for word, _ in level.pre_tokenize_str(text)]


def in_bytes(word: str) -> str:
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return "".join(it for it, _ in level.pre_tokenize_str(word))


def check(session, texts: list[str]) -> None:
    for prefix in (False, True):
        given = [" " + it if prefix and it and it[0] != " " else it for it in texts]
        for text, found in zip(texts, words(session, given), strict=True):
            assert [*map(in_bytes, found)] == expected(text, prefix), text


@given(texts=st.lists(st.text(ALPHABET, max_size=15), max_size=5))
@settings(max_examples=1000, deadline=None)
def test_random_texts(session, texts):
    check(session, texts)


def test_real_texts(session, parity_strings):
    """Where Python knows the classes as the library does."""
    check(session, [it for it in parity_strings if it.isascii() and it.isprintable()])


def test_nothing(session):
    assert words(session, []) == []
    assert words(session, ["", ""]) == [[], []]
