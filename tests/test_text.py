"""Every container of texts gives the same list of str, and every refusal says why."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections import UserString, deque
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from enum import Enum
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from sk_m2v._text import MISSING, as_texts, replace_surrogates, text_batches

with warnings.catch_warnings():
    # Its dependencies may warn on import, which is not what is tested here.
    warnings.simplefilter("ignore")
    import datasets

TEXTS = ["one", "", "drei drei", "😀 日本", "tail\n"]


class Rows(Sequence):
    """A sequence that can be indexed with integers only."""

    def __init__(self, texts):
        self.texts = texts

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        if not isinstance(index, int):
            raise TypeError(index)
        return self.texts[index]


class Indexable:
    """The protocol that came before iterators."""

    def __init__(self, texts):
        self.texts = texts

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        return self.texts[index]


class Corpus:
    """An iterable without a length."""

    def __init__(self, texts):
        self.texts = texts

    def __iter__(self):
        return iter(self.texts)


class ListSubclass(list):
    pass


def objects(texts):
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def masked(texts):
    mask = [text is None for text in texts]
    return np.ma.MaskedArray(objects(texts), mask=mask)


FEATURES = datasets.Features({"text": datasets.Value("string")})


def data_set(texts, layout=None):
    return datasets.Dataset.from_dict({"text": texts}, FEATURES).with_format(layout)


def data_stream(texts):
    def rows():
        return ({"text": text} for text in texts)

    return datasets.IterableDataset.from_generator(rows, features=FEATURES)


def arrow(texts, type_=None):
    return pa.array(texts, type_ or pa.string())


def series(dtype):
    return lambda texts: pd.Series(texts, dtype=dtype)


ARROW = pd.ArrowDtype(pa.string())

# From a list of texts, None where one is missing, to a container of them: those with a
# number of rows that hold missing values, those that do not, and streams.
NULLABLE: dict[str, Callable[[list], Any]] = {
    "list": list,
    "list subclass": ListSubclass,
    "tuple": tuple,
    "deque": deque,
    "sequence": Rows,
    "indexable": Indexable,
    "numpy object": objects,
    "numpy object column": lambda texts: objects(texts).reshape(-1, 1),
    "numpy strided": lambda texts: np.repeat(objects(texts), 2)[::2],
    "numpy masked": masked,
    "numpy masked column": lambda texts: masked(texts).reshape(-1, 1),
    "pandas object": series(object),
    "pandas": series(None),
    "pandas string": series("string"),
    "pandas python string": series(pd.StringDtype("python")),
    "pandas arrow": series(ARROW),
    "pandas large arrow": series(pd.ArrowDtype(pa.large_string())),
    "pandas category": series("category"),
    "pandas reindexed": lambda texts: pd.Series(texts, range(len(texts), 0, -1)),
    "pandas index": lambda texts: pd.Index(texts),
    "pandas array": lambda texts: pd.array(texts, dtype="string"),
    "pandas frame": lambda texts: pd.DataFrame({"text": texts}),
    "pandas arrow frame": lambda texts: pd.DataFrame({"text": texts}, dtype=ARROW),
    "pandas multi-index frame": lambda texts: pd.DataFrame({("text", "raw"): texts}),
    "polars": lambda texts: pl.Series(texts, dtype=pl.String),
    "polars categorical": lambda texts: pl.Series(texts, dtype=pl.Categorical),
    "polars frame": lambda texts: pl.DataFrame({"text": texts}, {"text": pl.String}),
    "arrow": arrow,
    "arrow large": lambda texts: arrow(texts, pa.large_string()),
    "arrow view": lambda texts: arrow(texts, pa.string_view()),
    "arrow dictionary": lambda texts: arrow(texts).dictionary_encode(),
    "arrow chunked": lambda texts: pa.chunked_array(
        [arrow(texts[:1]), arrow(texts[1:])]
    ),
    "arrow table": lambda texts: pa.table({"text": arrow(texts)}),
    "arrow batch": lambda texts: pa.record_batch({"text": arrow(texts)}),
    "datasets": data_set,
    "datasets column": lambda texts: data_set(texts)["text"],
    "datasets numpy": lambda texts: data_set(texts, "numpy")["text"],
    "datasets pandas": lambda texts: data_set(texts, "pandas"),
    "datasets polars": lambda texts: data_set(texts, "polars"),
    "datasets arrow": lambda texts: data_set(texts, "arrow"),
}
FULL: dict[str, Callable[[list], Any]] = {
    "numpy U": lambda texts: np.array(texts, dtype=np.str_),
    "numpy U column": lambda texts: np.array(texts, dtype=np.str_).reshape(-1, 1),
    "numpy StringDType": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
}
STREAMS: dict[str, Callable[[list], Any]] = {
    "iterator": iter,
    "generator": lambda texts: (text for text in texts),
    "map": lambda texts: map(copy, texts),
    "iterable": Corpus,
    "dict values": lambda texts: dict(enumerate(texts)).values(),
    "datasets stream": data_stream,
    "datasets stream column": lambda texts: data_stream(texts)["text"],
}
SIZED = NULLABLE | FULL
CONTAINERS = SIZED | STREAMS
WITH_MISSING = NULLABLE | STREAMS


@pytest.mark.parametrize("texts", [TEXTS, ["one"], []], ids=len)
@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_its_texts(name, texts):
    result = as_texts(CONTAINERS[name](texts))
    assert type(result) is list
    assert result == texts
    assert set(map(type, result)) <= {str}


def test_no_library_of_containers_is_imported():
    libraries = {"pandas", "polars", "pyarrow", "datasets", "scipy"}
    code = f"import sys, sk_m2v._text; print({libraries} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("set()", "")


def test_list_of_str_is_not_copied():
    assert as_texts(TEXTS) is TEXTS


@pytest.mark.parametrize("empty", [np.array([]), pd.Series([], dtype=float), range(0)])
def test_no_rows_of_any_type_are_no_texts(empty):
    assert as_texts(empty) == []


class Loud(str):
    __slots__ = ()

    def __str__(self):
        return "loud"


class Color(str, Enum):  # noqa: UP042 (StrEnum would print its value)
    RED = "red"


@pytest.mark.parametrize(
    ("row", "text"), [(np.str_("a"), "a"), (Loud("a"), "a"), (Color.RED, "red")]
)
@pytest.mark.parametrize("name", ["list", "numpy object", "pandas object", "generator"])
def test_subclasses_become_exact_str(name, row, text):
    X = ["x", row]
    result = as_texts(CONTAINERS[name](X))
    assert result == ["x", text]
    assert type(result[1]) is str
    assert type(X[1]) is type(row)  # the input is left as it was


@pytest.mark.parametrize("name", WITH_MISSING)
def test_missing_row_is_named(name):
    with pytest.raises(ValueError, match=r"Row 2 of X .* missing .* missing='empty'"):
        as_texts(WITH_MISSING[name](["a", "b", None, "d", None]))


@pytest.mark.parametrize("name", WITH_MISSING)
def test_missing_row_as_empty(name):
    X = WITH_MISSING[name](["a", "b", None, "d", None])
    assert as_texts(X, missing="empty") == ["a", "b", "", "d", ""]


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        np.float32("nan"),
        np.datetime64("NaT"),
        pd.NA,
        pd.NaT,
        np.ma.masked,
    ],
    ids=repr,
)
def test_every_missing_value(value):
    assert as_texts(["a", value], missing="empty") == ["a", ""]
    with pytest.raises(ValueError, match="Row 1 of X"):
        as_texts(["a", value])


@pytest.mark.parametrize("na_object", [None, float("nan"), pd.NA], ids=repr)
def test_missing_in_numpy_strings(na_object):
    X = np.array(["a", na_object], dtype=np.dtypes.StringDType(na_object=na_object))
    assert as_texts(X, missing="empty") == ["a", ""]
    with pytest.raises(ValueError, match="Row 1 of X"):
        as_texts(X)


def test_masked_fixed_width_array():
    X = np.ma.MaskedArray(["a", "b"], mask=[True, False])
    assert as_texts(X, missing="empty") == ["", "b"]


def test_column_with_nothing_but_missing():
    # pandas reads an empty column of a CSV file as floats.
    assert as_texts(pd.Series([np.nan, np.nan]), missing="empty") == ["", ""]


@pytest.mark.parametrize("missing", ["drop", None, ["error"]])
def test_unknown_missing_lists_the_choices(missing):
    with pytest.raises(ValueError, match=r"missing must be .*'error', 'empty'") as info:
        as_texts(TEXTS, missing=missing)
    assert repr(missing) in str(info.value)
    with pytest.raises(ValueError, match="missing must be"):
        text_batches(iter(TEXTS), 2, missing=missing)
    assert list(MISSING) == ["error", "empty"]


WIDE = {"id": ["a"], "text": ["b"], "label": ["c"]}
MANY = {f"c{i}": ["a"] for i in range(7)}

# Name: what X is, the error, and what its message says.
REFUSED: dict[str, tuple[Any, type[Exception], list[str]]] = {
    "str": ("a text", TypeError, ["'a text'", "'str'", "[text]"]),
    "numpy str": (np.str_("a text"), TypeError, ["'str_'", "[text]"]),
    "long str": ("x" * 10_000, TypeError, ["xxx...xxx", "[text]"]),
    "bytes": (b"text", TypeError, ["b'text'", "'bytes'", "decode"]),
    "bytearray": (bytearray(b"text"), TypeError, ["'bytearray'", "decode"]),
    "memoryview": (memoryview(b"text"), TypeError, ["'memoryview'", "decode"]),
    "int": (3, TypeError, ["got 3", "'int'", "pass a list"]),
    "float": (np.float64(3), TypeError, ["'float64'", "pass a list"]),
    "None": (None, TypeError, ["None", "'NoneType'", "pass a list"]),
    "class": (list, TypeError, ["'type'", "pass a list"]),
    "user string": (UserString("ab"), TypeError, ["Row 0", "'UserString'"]),
    "dict": ({"text": TEXTS}, TypeError, ["'dict'", "X['text']"]),
    "empty dict": ({}, TypeError, ["'dict'", "X['...']"]),
    "data set dict": (
        datasets.DatasetDict(train=data_set(TEXTS)),
        TypeError,
        ["'DatasetDict'", "X['train']"],
    ),
    "set": ({"a"}, TypeError, ["'set'", "no order", "sorted(X)"]),
    "frozenset": (frozenset("a"), TypeError, ["'frozenset'", "no order"]),
    "sparse array": (sparse.csr_array(np.eye(2)), TypeError, ["sparse", "'csr_array'"]),
    "sparse matrix": (sparse.coo_matrix(np.eye(2)), TypeError, ["sparse"]),
    "lazy frame": (pl.LazyFrame(WIDE), TypeError, ["'LazyFrame'", "X.collect()"]),
    "polars expression": (pl.col("text"), TypeError, ["'Expr'", "pass a list"]),
    "numbers": (np.array([1.5, 2]), TypeError, ["Row 0", "1.5", "'float'", "with str"]),
    "integer column": (np.ones((2, 1), int), TypeError, ["Row 0", "'int'"]),
    "number series": (pd.Series([1, 2]), TypeError, ["Row 0", "'int'", "with str"]),
    "number polars": (pl.Series([1.5]), TypeError, ["Row 0", "1.5", "with str"]),
    "number arrow": (pa.array([1]), TypeError, ["Row 0", "'int'"]),
    "dates": (pd.Series([pd.Timestamp(0)]), TypeError, ["Row 0", "'Timestamp'"]),
    "bool": (["a", True], TypeError, ["Row 1", "True", "'bool'", "with str"]),
    "byte rows": (["a", b"b"], TypeError, ["Row 1", "b'b'", "decode('utf-8')"]),
    "byte array": (np.array([b"a"]), TypeError, ["Row 0", "b'a'", "decode"]),
    "binary arrow": (pa.array([b"a"]), TypeError, ["Row 0", "b'a'", "decode"]),
    "nested list": ([["a"], ["b"]], TypeError, ["Row 0", "['a']", "'list'", "join"]),
    "pairs": ({"a": "b"}.items(), TypeError, ["Row 0", "('a', 'b')", "'tuple'"]),
    "dict rows": (["a", {"t": "b"}], TypeError, ["Row 1", "'dict'", "select"]),
    "array rows": ([np.ones(3)], TypeError, ["Row 0", "'ndarray'", "select"]),
    "multi-index": (
        pd.MultiIndex.from_tuples([("a", "b")]),
        TypeError,
        ["Row 0", "('a', 'b')"],
    ),
    "0-d array": (np.array("a"), ValueError, ["shape ()", "[X.item()]"]),
    "2-d array": (np.ones((2, 3)), ValueError, ["(2, 3)", "float64", "X[:, 0]"]),
    "2-d texts": (objects(["a", "b"]).reshape(1, 2), ValueError, ["(1, 2)", "object"]),
    "3-d array": (np.ones((2, 1, 1)), ValueError, ["(2, 1, 1)", "X.ravel()"]),
    "no columns": (pd.DataFrame(index=[0]), ValueError, ["0 columns", "X['...']"]),
    "many columns": (pd.DataFrame(MANY), ValueError, ["7 columns", "'c4' and 2 more)"]),
    **{
        f"wide {type(frame).__name__} of {type(frame).__module__}": (
            frame,
            ValueError,
            [type(frame).__name__, "3 columns ('id', 'text', 'label')", "X['id']"],
        )
        for frame in [
            pd.DataFrame(WIDE),
            pl.DataFrame(WIDE),
            pa.table(WIDE),
            pa.record_batch(WIDE),
            datasets.Dataset.from_dict(WIDE),
            datasets.Dataset.from_dict(WIDE).to_iterable_dataset(),
        ]
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_says_what_is_wrong_and_what_to_do(name):
    X, error, parts = REFUSED[name]
    with pytest.raises(error) as info:
        as_texts(X, missing="empty")
    message = str(info.value)
    assert [part for part in parts if part not in message] == []
    assert len(message) < 350


@pytest.mark.parametrize(
    "name", [name for name, refusal in REFUSED.items() if "Row 0" not in refusal[2]]
)
def test_batches_refuse_on_the_call(name):
    X, error, _ = REFUSED[name]
    with pytest.raises(error):
        text_batches(X, 2)


def test_lazy_dask_collection_is_refused():
    class Bag:
        def __dask_graph__(self):
            raise AssertionError("not to be computed")

        __iter__ = __dask_graph__

    with pytest.raises(TypeError, match=r"'.*Bag': it is lazy, pass X\.compute\(\)"):
        as_texts(Bag())


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("name", CONTAINERS)
def test_batches_are_the_texts(name, batch_size):
    n, batches = text_batches(CONTAINERS[name](TEXTS), batch_size)
    batches = list(batches)
    assert n == (None if name in STREAMS else len(TEXTS))
    assert sum(batches, []) == TEXTS  # noqa: RUF017
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    assert 1 <= len(batches[-1]) <= batch_size


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_texts_give_no_batches(name):
    n, batches = text_batches(CONTAINERS[name]([]), 2)
    assert n == (None if name in STREAMS else 0)
    assert list(batches) == []


@pytest.mark.parametrize("batch_size", [0, -1])
@pytest.mark.parametrize("X", [TEXTS, iter(TEXTS)], ids=["list", "stream"])
def test_batch_size_is_positive(X, batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be .* got {batch_size}"):
        text_batches(X, batch_size)


@pytest.mark.parametrize("name", NULLABLE)
def test_sized_container_is_checked_before_the_first_batch(name):
    with pytest.raises(ValueError, match="Row 3 of X"):
        text_batches(NULLABLE[name](["a", "b", "c", None]), 2)


@pytest.mark.parametrize("name", STREAMS)
def test_stream_is_checked_batch_by_batch(name):
    X = ["a", "b", None, "d", None]
    _, batches = text_batches(STREAMS[name](X), 2)
    assert next(batches) == ["a", "b"]
    with pytest.raises(ValueError, match="Row 2 of X"):
        next(batches)
    _, batches = text_batches(STREAMS[name](X), 2, missing="empty")
    assert list(batches) == [["a", "b"], ["", "d"], [""]]


def test_stream_numbers_rows_from_its_start():
    _, batches = text_batches(iter(["a", "b", "c", "d", 5]), 2)
    assert [next(batches), next(batches)] == [["a", "b"], ["c", "d"]]
    with pytest.raises(TypeError, match="Row 4 of X"):
        next(batches)


def test_stream_is_drawn_one_batch_at_a_time():
    drawn = []

    def endless() -> Iterator[str]:
        for i in count():
            drawn.append(i)
            yield str(i)

    n, batches = text_batches(endless(), 10)
    assert n is None
    assert drawn == []
    for k in (1, 2, 3):
        assert len(next(batches)) == 10
        assert len(drawn) == 10 * k


def test_length_without_index_is_a_stream():
    class Progress(Corpus):
        def __len__(self):
            raise TypeError("unknown")

    n, batches = text_batches(Progress(TEXTS), 4)
    assert n is None
    assert list(batches) == [TEXTS[:4], TEXTS[4:]]


# Texts that UTF-8 cannot hold exist in Python objects only; `<U` arrays, which columns
# of `datasets` may be formatted as, strip trailing NULs, and nothing else does.
ANY = {"list", "tuple", "numpy object", "pandas object", "generator"}
ALPHABETS = {
    name: (
        st.text(st.characters())
        if name in ANY
        else st.text().map(lambda text: text.rstrip("\0"))
        if name.startswith("numpy U") or name == "datasets numpy"
        else st.text()
    )
    for name in CONTAINERS
}


@pytest.mark.parametrize("name", CONTAINERS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_text_survives(name, data):
    texts = data.draw(st.lists(ALPHABETS[name], max_size=6))
    expected = list(texts)
    assert as_texts(CONTAINERS[name](texts)) == expected
    size = data.draw(st.integers(1, 7))
    _, batches = text_batches(CONTAINERS[name](texts), size)
    assert [text for batch in batches for text in batch] == expected
    assert texts == expected  # never changed in place


SURROGATES = st.text(
    st.sampled_from("a\0é😀\ud800\ud83d\udbff\udc00\ude00\udfff\ufffd"), max_size=8
)


@given(st.text())
def test_texts_without_surrogates_are_unchanged(text):
    assert replace_surrogates(text) is text


@given(st.text(st.characters()) | SURROGATES)
def test_surrogates_are_joined_or_replaced(text):
    def join(pair: re.Match) -> str:
        high, low = map(ord, pair[0])
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    joined = re.sub("[\ud800-\udbff][\udc00-\udfff]", join, text)
    result = replace_surrogates(text)
    assert result == re.sub("[\ud800-\udfff]", "\ufffd", joined)
    assert result.encode().decode() == result
    assert replace_surrogates(result) is result
