"""Labels of every type and form come back as they were, and errors say what to do."""

from __future__ import annotations

import copy
import json
import pickle
import re
import warnings
from enum import IntEnum, StrEnum

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_class_weight

from sk_m2v.train.labels._class_weights import target_weights
from sk_m2v.train.labels._labels import Labels

Color = StrEnum("Color", ["RED", "BLUE"])
Level = IntEnum("Level", ["LOW", "HIGH"])

KINDS = [
    st.text(max_size=4),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(-1000, 1000).map(float),
]
LABELS = st.one_of(st.lists(kind, min_size=1, max_size=20) for kind in KINDS)
ROWS = st.one_of(
    st.lists(st.lists(kind, unique=True, max_size=5), min_size=1, max_size=8)
    for kind in KINDS
)
MATRICES = st.tuples(st.integers(1, 8), st.integers(2, 6)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 1), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def saved(labels: Labels) -> Labels:
    return Labels.from_dict(json.loads(json.dumps(labels.to_dict())))


# --- Round trips --------------------------------------------------------------------


@given(LABELS)
def test_single_round_trip(y):
    labels = Labels.fit(y)
    assert not labels.multilabel
    assert labels.classes_.tolist() == sorted(set(y))
    Y = labels.encode(y)
    assert Y.dtype == np.int64
    for it in (labels, saved(labels), pickle.loads(pickle.dumps(labels))):
        decoded = it.decode(Y)
        assert decoded.dtype == labels.classes_.dtype
        assert decoded.tolist() == y
        assert set(map(type, decoded.tolist())) == set(map(type, y))
        assert_array_equal(it.encode(decoded), Y)


@given(ROWS)
def test_lists_round_trip(rows):
    y = [set(row) for row in rows]  # never ambiguous
    if not any(y):
        with pytest.raises(ValueError, match="No row of y has a label"):
            Labels.fit(y)
        return
    labels = Labels.fit(y)
    assert labels.multilabel
    assert labels.form == "lists"
    assert labels.classes_.tolist() == sorted(set().union(*y))
    Y = labels.encode(rows)
    assert Y.dtype == np.float32
    assert_array_equal(Y.sum(axis=1), [len(row) for row in y])
    assert labels.decode(Y) == saved(labels).decode(Y > 0) == [sorted(row) for row in y]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float32, object])
@pytest.mark.parametrize(
    "container",
    [
        np.array,
        pd.DataFrame,
        pl.DataFrame,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
    ],
)
@settings(max_examples=20)
@given(y=MATRICES)
def test_matrix_round_trip(y, container, dtype):
    array = np.array(y, dtype=dtype)
    if dtype is object and container not in (np.array, pd.DataFrame):
        container = np.array
    labels = Labels.fit(container(array))
    named = getattr(container(array), "columns", None)
    if container is pl.DataFrame:  # which gives every column a name
        assert labels.classes_.tolist() == named
    else:
        assert_array_equal(labels.classes_, np.arange(len(y[0])))
    Y = labels.encode(container(array))
    assert type(Y) is np.ndarray
    assert Y.dtype == np.float32
    assert_array_equal(Y, y)
    decoded = saved(labels).decode(Y)
    assert decoded.dtype == (bool if dtype is bool else np.int64)
    if sparse.issparse(container(array)):
        assert labels.form == "sparse"
        matrix = container is sparse.csc_matrix
        assert type(decoded) is (sparse.csr_matrix if matrix else sparse.csr_array)
        decoded = decoded.toarray()
    else:
        assert labels.form == "indicator"
        assert type(decoded) is np.ndarray
    assert_array_equal(decoded, y)
    assert_array_equal(labels.encode(sparse.csr_array(array.astype(int))), y)
    assert_array_equal(labels.encode(y), y)  # the form is known: not ambiguous


# --- Containers and dtypes ----------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (["b", "a"], "<U1"),
        (("b", "a"), "<U1"),
        (np.array(["b", "a"]), "<U1"),
        (np.array(["b", "a"], dtype=object), "<U1"),
        (np.array(["b", "a"], dtype=np.dtypes.StringDType()), "<U1"),
        ([np.str_("b"), "a"], "<U1"),
        ([Color.RED, Color.BLUE], "<U4"),
        (["b\0", "b"], object),
        (pd.Series(["b", "a"], index=[5, 5]), "<U1"),
        (pd.Series(["b", "a"], dtype="category"), "<U1"),
        (pd.Series(["b", "a"], dtype="string[pyarrow]"), "<U1"),
        (pd.Categorical([7, 5]), np.int64),
        (pd.Series([2, 1], dtype="Int8"), np.int8),
        (pd.Series([2, 1], dtype="uint16[pyarrow]"), np.uint16),
        (pd.Series([True, False], dtype="boolean"), bool),
        (pl.Series(["b", "a"]), "<U1"),
        (pl.Series(["b", "a"], dtype=pl.Categorical), "<U1"),
        (pl.Series([2, 1], dtype=pl.UInt8), np.uint8),
        (pa.chunked_array([["b"], ["a"]]), "<U1"),
        (pa.array([2, 1], type=pa.int16()), np.int16),
        ([True, False], bool),
        ([np.True_, False], bool),
        (np.array([True, False], dtype=object), bool),
        ([2, 1], np.int64),
        ([np.int8(2), np.int8(1)], np.int8),
        ([np.array(2), np.array(1)], np.int64),
        ([Level.HIGH, Level.LOW], np.int64),
        (np.array([2, 1], dtype=">i2"), np.int16),
        (np.array([2, 1], dtype=object), np.int64),
        ([2**63, 1], np.uint64),
        ([2.0, 1], np.float64),
        (np.array([2.0, 1.0], dtype=object), np.float64),
        (np.array([2, 1], dtype=np.float16), np.float16),
        (np.array([2, 1], dtype=np.longdouble), np.float64),
        (["only"], "<U4"),
    ],
)
def test_types(y, dtype):
    labels = Labels.fit(y)
    assert labels.form == "single"
    assert labels.classes_.dtype == dtype
    assert labels.classes_.dtype.isnative
    plain = [it.item() if hasattr(it, "item") else it for it in y]
    plain = [it.as_py() if hasattr(it, "as_py") else it for it in plain]
    assert labels.classes_.tolist() == sorted(set(plain))
    assert labels.decode(labels.encode(y)).tolist() == plain


@pytest.mark.parametrize(
    "y",
    [
        [["b", "a"], [], ["b"]],
        [("b", "a"), (), ("b",)],
        [{"b", "a"}, frozenset(), {"b": 1}.keys()],
        [np.array(["b", "a"]), np.array([]), np.array(["b"])],
        np.array([["b", "a"], [], ["b"]], dtype=object),
        pd.Series([["b", "a"], [], ["b"]]),
        pl.Series([["b", "a"], [], ["b"]]),
        pa.array([["b", "a"], [], ["b"]]),
    ],
)
def test_containers_of_lists(y):
    labels = Labels.fit(y)
    assert labels.form == "lists"
    assert_array_equal(labels.encode(y), [[1, 1], [0, 0], [0, 1]])
    assert labels.decode(labels.encode(y)) == [["a", "b"], [], ["b"]]


def test_dtype_of_labels_in_lists():
    y = [np.array([3, 4], dtype=np.int8), np.array([3], dtype=np.int8)]
    assert Labels.fit(y).classes_.dtype == np.int8


@pytest.mark.parametrize(
    "column",
    [
        np.array([["b"], ["a"]]),
        pd.DataFrame({"y": ["b", "a"]}),
        pd.DataFrame({"y": pd.Categorical(["b", "a"])}),
        pl.DataFrame({"y": ["b", "a"]}),
        pa.table({"y": ["b", "a"]}),
    ],
)
def test_one_column_of_an_array_warns_once(column):
    """That of a frame is what it seems to be."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        labels = Labels.fit(column)
    expected = [DataConversionWarning] if isinstance(column, np.ndarray) else []
    assert [it.category for it in record] == expected
    assert labels.form == "single"
    assert labels.encode(column).tolist() == [1, 0]


def test_copies():
    labels = Labels.fit([True, False])
    for other in (copy.deepcopy(labels), saved(labels)):
        assert other.__dict__.keys() == labels.__dict__.keys()
        assert_array_equal(other.classes_, labels.classes_)
        assert other.classes_.dtype == bool


def test_unknown_form():
    state = Labels.fit(["a"]).to_dict() | {"form": "tree"}
    with pytest.raises(ValueError, match=r"form must be one of .*'lists'.*got 'tree'"):
        Labels.from_dict(state)


# --- Nested lists that could be a matrix --------------------------------------------


@pytest.mark.parametrize(
    "y", [[[0, 1], [1, 1]], [[0, 0, 1]], [(0.0, 1.0), (0.0, 0.0)], [[True, True]]]
)
def test_nested_matrix(y):
    labels = Labels.fit(y)
    assert labels.form == "indicator"
    assert_array_equal(labels.decode(labels.encode(y)), y)


@pytest.mark.parametrize("y", [[[0, 1], [1, 0]], [[True, False]], [(1.0, 0.0)]])
def test_ambiguous(y):
    with pytest.raises(ValueError, match=r"y is ambiguous.*np\.array\(y\).*set\(row\)"):
        Labels.fit(y)
    assert Labels.fit(np.array(y)).form == "indicator"
    assert Labels.fit([set(row) for row in y]).form == "lists"


@pytest.mark.parametrize("y", [[[0], [1]], [[0, 1], [1]], [["0", "1"]], [[0, 2]]])
def test_not_ambiguous(y):
    assert Labels.fit(y).form == "lists"


def test_known_lists_are_not_a_matrix():
    labels = Labels.fit([[0, 1], [2]])
    assert_array_equal(labels.encode([[0, 1], [1, 0]]), [[1, 1, 0]] * 2)


# --- Given classes ------------------------------------------------------------------


def test_classes():
    labels = Labels.fit(["b"], classes=["c", "a", "b", "a"])
    assert labels.classes_.tolist() == ["a", "b", "c"]
    labels = Labels.fit([1.0], classes=np.array([2, 1], dtype=np.int8))
    assert labels.classes_.dtype == np.int8
    labels = Labels.fit([["b"], []], classes=["a", "b"])
    assert labels.encode([[], ["a"]]).tolist() == [[0, 0], [1, 0]]
    assert Labels.fit([[], []], classes=["a"]).form == "lists"
    assert Labels.fit(np.eye(2), classes=[0, 1]).form == "indicator"
    with pytest.raises(ValueError, match=r"Row 1 of y .* label 'd', .*'a', 'b'"):
        Labels.fit(["a", "d"], classes=["a", "b"])
    with pytest.raises(ValueError, match=r"classes must be .*numbers.*\[0, 1\], got"):
        Labels.fit(np.eye(2), classes=["a", "b"])
    with pytest.raises(ValueError, match=r"Row 1 of classes .* is missing"):
        Labels.fit(["a"], classes=["a", None])
    with pytest.raises(ValueError, match="classes is empty"):
        Labels.fit(["a"], classes=[])
    with pytest.raises(ValueError, match="classes must list the labels"):
        Labels.fit(["a"], classes=[["a"], ["b"]])


# --- Errors -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 0.5], "Unknown label type: continuous. Row 1 of y .*0.5.*StaticRegressor"),
        (np.linspace(0, 1, 9), "Unknown label type: continuous. Row 1"),
        ([1.0, np.inf], "Unknown label type: continuous. Row 1 of y .* inf"),
        ([1.0, np.nan], r"Row 1 of y \(counted from 0\) is missing \(nan\)"),
        (["a", None], r"Row 1 of y .* is missing \(None\)"),
        (pd.Series(["a", None]), "Row 1 of y .* is missing"),
        (pd.Series([1, None], dtype="Int64"), "Row 1 of y .* is missing"),
        (pl.Series([1, None]), "Row 1 of y .* is missing"),
        (np.ma.array([1, 2], mask=[0, 1]), "Row 1 of y .* is missing"),
        ([["a"], None], "Row 1 of y .* is missing"),
        ([["a"], ["b", None]], "Row 1 of y .* is missing"),
        (["a", "b", 1], "row 2 of y .* has a number, 1, and others a str, 'a'"),
        ([True, 2], "row 1 of y .* has a number, 2, and others a bool, True"),
        ([["a"], [], [1]], "row 2 of y .* has a number, 1"),
        ([["a"], "b"], "Row 1 of y .* is one label, 'b', where others are lists"),
        ([["a"], ["b", "c", "b"]], "Row 1 of y .* has the label 'b' twice"),
        ([[0, 2], [1, 1]], "Row 1 of y .* has the label 1 twice"),
        ([], "y is empty"),
        (np.empty((0, 3)), "y is empty"),
        (np.empty((3, 0)), r"shape \(3, 0\)"),
        (np.zeros((2, 2, 2)), r"two or more labels, got a ndarray of shape \(2, 2, 2"),
        (np.array(3), r"one column, .* shape \(\)"),
        (sparse.csr_array([[0], [1]]), r"two or more labels, .* shape \(2, 1\)"),
        (np.array([[0, 1], [1, 2]]), r"Row 1 of y .* has .*2.* in column 1.*0 and 1"),
        (np.array([[0, np.nan]]), "Row 0 of y .* has .*nan.* in column 1"),
        (np.array([["0", "1"]]), "Row 0 of y .* has .*'0'.* in column 0"),
        (np.ma.array([[0, 1]], mask=[[0, 1]]), "Row 0 of y .* masked in column 1"),
        (sparse.csr_array([[0, 3]]), "Row 0 of y .* has .*3.* in column 1"),
        (pd.DataFrame({"a": [1, None], "b": [0, 1]}), "Row 1 of y .* in column 0"),
        (
            pd.DataFrame({"a": [0, 1], "b": [True, None]}, dtype=object),
            "Row 1 of y .* None in column 1",
        ),
        ([b"a"], "Unknown label type: bytes. Row 0 of y"),
        (np.array([b"a"]), "Unknown label type: bytes"),
        ([1j], "Unknown label type: complex"),
        ([{"a": 1}], "Unknown label type: dict"),
        ([[["a"]]], "Unknown label type: list"),
        (np.array(["2020"], dtype="M8[ns]"), "Unknown label type: datetime64"),
        ([np.datetime64("2020", "ns")], "Unknown label type: datetime64"),
        ([np.timedelta64(3, "s")], "Unknown label type: timedelta64"),
        (np.array([(1, 2)], dtype="i4,i4"), "Unknown label type: void"),
        ([2**70, 1], "do not fit 64 bits, e.g. 1180591620717411303424"),
        ([2**63, -1], "do not fit 64 bits"),
        ([2**53 + 1, 1.0], "do not fit 64 bits"),
    ],
)
def test_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Labels.fit(y)


@pytest.mark.parametrize("y", ["ab", b"a", 3, None, {"a": 1}, {"a"}, iter(["a"])])
def test_no_container(y):
    with pytest.raises(TypeError, match=r"y must hold one label a row.*pass a list"):
        Labels.fit(y)


@pytest.mark.parametrize(
    ("y", "new", "message"),
    [
        (["a", "b"], ["b", "c"], r"Row 1 of y_val .* label 'c', .*\['a', 'b'\]"),
        ([1, 2], ["1"], r"Row 0 of y_val .* label '1', .*\[1, 2\]"),
        (range(99), [-1], r"Row 0 .* label -1, .*\[0, 1, 2, 3, 4, 5, \.\.\.\]"),
        ([["a"], ["b"]], [[], ["a", "c"]], "Row 1 of y_val .* label 'c'"),
        (["a"], ["a", None], "Row 1 of y_val .* is missing"),
        (["a"], [], "y_val is empty"),
        (["a"], [["a"]], "y_val is a list of labels a row, .* from one label a row"),
        (["a"], np.eye(2), "y_val is a matrix of 0 and 1, .* from one label a row"),
        ([["a"]], ["a"], "y_val is one label a row, .* from a list of labels"),
        ([["a"]], np.eye(2), "y_val is a matrix .* from a list of labels"),
        (np.eye(2), [0, 1], "y_val is one label a row, .* from a matrix of 0 and 1"),
        (np.eye(2), [[0], [0, 1]], "y_val is a list of labels a row"),
        (np.eye(2), np.eye(3), "y_val has 3 columns, but there are 2 classes"),
        (np.eye(2), 2 * np.eye(2), "Row 0 of y_val .* in column 0"),
    ],
)
def test_encode_refuses(y, new, message):
    labels = Labels.fit(y)
    with pytest.raises(ValueError, match=message):
        labels.encode(new, "y_val")


def test_equal_numbers_are_one_label():
    assert Labels.fit([1, 2]).encode([2.0, np.int8(1)]).tolist() == [1, 0]


# --- Weights ------------------------------------------------------------------------

AB = np.array(["a", "b"])


def test_no_weights():
    Y = np.array([0, 1, 1])
    weights = target_weights(Y, False, 2, None, AB)
    assert weights.dtype == np.float64
    assert weights.tolist() == [1, 1, 1]
    rows = np.array([1, 2, 3], dtype=np.float32)
    assert target_weights(Y, False, 2, None, AB, rows).tolist() == [1, 2, 3]
    weights = target_weights(np.eye(3, 2), True, 2, None, AB, rows)
    assert weights.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_named_weights():
    rows = np.array([1.0, 2, 3])
    weights = target_weights(np.array([0, 1, 1]), False, 2, {"b": 5}, AB, rows)
    assert weights.tolist() == [1, 10, 15]
    weights = target_weights(np.eye(3, 2), True, 2, {"b": 5}, AB, rows)
    assert weights.tolist() == [[1, 1], [2, 10], [3, 3]]
    numbers = np.array([3, 7])
    weights = target_weights(np.array([0, 1]), False, 2, {np.int64(7): 0}, numbers)
    assert weights.tolist() == [1, 0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), min_size=1))
def test_balanced_is_that_of_sklearn(pairs):
    Y, counts = np.array(pairs).T
    present = np.unique(Y)
    expected = np.ones(4)
    expected[present] = compute_class_weight(
        "balanced", classes=present, y=Y, sample_weight=counts
    )
    args = False, 4, "balanced", np.arange(4)
    weights = target_weights(Y, *args, counts)
    assert_allclose(weights, expected[Y] * counts)
    repeated = target_weights(np.repeat(Y, counts), *args)
    assert_allclose(np.repeat(weights / counts, counts), repeated)


def test_balanced_ignores_rows_without_weight():
    Y, rows = np.array([0, 1, 1, 2]), np.array([1.0, 1, 1, 0])
    weights = target_weights(Y, False, 3, "balanced", np.arange(3), rows)
    assert_allclose(weights, [1.5, 0.75, 0.75, 0])
    assert target_weights(Y, False, 3, "balanced", AB, 0 * rows).tolist() == [0] * 4


def test_balanced_labels():
    Y = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]], dtype=np.float32)
    weights = target_weights(Y, True, 3, "balanced", np.arange(3))
    assert_allclose(weights[:, 0], [2, 2 / 3, 2 / 3, 2 / 3])
    assert_allclose(weights[:, 1:], 1)  # never, always
    rows = np.array([3.0, 1, 1, 1])
    weights = target_weights(Y, True, 3, "balanced", np.arange(3), rows)
    assert_allclose(weights[:, 0], [3, 1, 1, 1])
    assert_allclose(weights[:, 1:], rows[:, None] * np.ones(2))


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"c": 1}, "class_weight names 'c', .* classes: ['a', 'b']"),
        ({"a": -1}, "class_weight['a'] must be a finite number of at least 0, got -1"),
        ({"a": np.nan}, "class_weight['a'] must be"),
        ({"a": "2"}, "class_weight['a'] must be"),
        ("even", "class_weight must be a dict, 'balanced' or None, got 'even'"),
    ],
)
def test_weights_refused(class_weight, message):
    message = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(ValueError, match=message):
        target_weights(np.array([0]), False, 2, class_weight, AB)
