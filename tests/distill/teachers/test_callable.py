"""Teachers that are functions, or fitted transformers of scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from conftest import ROOT
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from sk_m2v.distill.teachers._callable import CallableTeacher


def lengths(texts: list[str]) -> list[list[float]]:
    return [[len(text), 1] for text in texts]


class Upper:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def transform(self, texts: list[str]) -> np.ndarray:
        return self.factor * np.array(lengths(texts))


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        torch.tensor,
        lambda rows: torch.tensor(rows, dtype=torch.bfloat16, requires_grad=True),
        lambda rows: [torch.tensor(row) for row in rows],
        lambda rows: np.array(rows, dtype=int),
        pd.DataFrame,
        pl.DataFrame,
    ],
)
def test_functions(convert: Any) -> None:
    kwargs = {"orient": "row"} if convert is pl.DataFrame else {}
    teacher = CallableTeacher(lambda texts: convert(lengths(texts), **kwargs))
    vectors = teacher.encode(["a", "", "abc"])
    assert vectors.dtype == np.float32
    assert_array_equal(vectors, [[1, 1], [0, 1], [3, 1]])
    assert teacher.encode([]).shape == (0, 2)
    assert not hasattr(teacher, "tokenizer_json")


def test_transformers() -> None:
    texts = ["red cat", "blue cat", "green dog"]
    pipeline = make_pipeline(CountVectorizer(), TruncatedSVD(2)).fit(texts)
    teacher = CallableTeacher(pipeline)
    assert_allclose(teacher.encode(texts), pipeline.transform(texts), atol=1e-6)
    assert teacher.name == "Pipeline"
    sparse = CountVectorizer().fit(texts)
    with pytest.raises(ValueError, match=r"CountVectorizer.*a sparse one.*TruncatedSV"):
        CallableTeacher(sparse).encode(texts)
    with pytest.raises(NotFittedError):
        CallableTeacher(CountVectorizer()).encode(texts)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([[1.0]], "a row for each text, and returns 1 for 2 texts"),
        ([1.0, 2.0], r"returns one of shape \(2,\)"),
        (np.zeros((2, 0)), r"returns one of shape \(2, 0\)"),
        ([[1.0], [1.0, 2.0]], "all of the same length"),
        ([["a"], ["b"]], r"returns \[\['a'\], \['b'\]\]"),
        (None, "returns None"),
        ([[1.0], [np.nan]], r"1 of 2 texts, the first of them 'text text"),
        ([[1.0], [1e300]], "too large for float32"),
    ],
    ids=str,
)
def test_functions_that_return_nonsense(result: Any, message: str) -> None:
    def odd(texts: list[str]) -> Any:
        return result

    with pytest.raises(ValueError, match=message) as error:
        CallableTeacher(odd).encode(["a", "text " * 100])
    assert "odd" in str(error.value)
    assert len(str(error.value)) < 500


def test_width_that_changes() -> None:
    teacher = CallableTeacher(lambda texts: np.ones((len(texts), len(texts))))
    teacher.encode(["a", "b"])
    with pytest.raises(ValueError, match="vectors of 1 numbers, and gave 2 before"):
        teacher.encode(["a"])


def test_errors_of_functions_come_through() -> None:
    error = KeyError("own")

    def fails(texts: list[str]) -> Any:
        raise error

    with pytest.raises(KeyError) as caught:
        CallableTeacher(fails).encode(["a"])
    assert caught.value is error


def test_keys_of_functions() -> None:
    keys = {
        CallableTeacher(it).key
        for it in (lengths, Upper(1), Upper(2), Upper(1).transform, Upper(2).transform)
    }
    assert len(keys) == 5
    assert CallableTeacher(lengths).key in keys
    assert CallableTeacher(Upper(2)).key in keys
    with pytest.raises(ValueError, match=r"<lambda> cannot be pickled.*cache_dir=None"):
        _ = CallableTeacher(lambda texts: texts).key


def test_prompt_of_a_function() -> None:
    teacher = CallableTeacher(lengths, "to ")
    assert_array_equal(teacher.encode(["a"]), CallableTeacher(lengths).encode(["to a"]))
    keys = {CallableTeacher(lengths, it).key for it in ("", "to ", "to")}
    assert len(keys) == 3
    assert CallableTeacher(lengths).key in keys


def test_functions_need_no_torch() -> None:
    code = """
import sys
from sk_m2v.distill.teachers._callable import CallableTeacher, is_callable_teacher
from sk_m2v.distill.teachers._cache import VectorCache
assert is_callable_teacher(len)
assert not {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
