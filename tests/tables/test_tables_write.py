"""Writing tables: what stands in files, and that they are there whole or not at all."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sk_m2v._messages import LIMIT
from sk_m2v.tables import TableError, Writer, batches, check_target, read

SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
# Those that formats and readers could stumble over are drawn more often.
TEXTS = st.text(CHARACTERS | st.sampled_from('",;\t|\n\r\ufeff\u2028\x0b \\'))
NAMES = st.lists(TEXTS.filter(bool), min_size=1, max_size=4, unique=True)
ENDINGS = ["csv", "tsv", "jsonl", "parquet", "csv.gz", "tsv.gz", "jsonl.gz"]


def tables(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, list[Any]]]:
    def of(names: list[str], n: int) -> st.SearchStrategy[dict[str, list[Any]]]:
        column = st.lists(values, min_size=n, max_size=n)
        return st.fixed_dictionaries(dict.fromkeys(names, column))

    return st.tuples(NAMES, st.integers(1, 6)).flatmap(lambda it: of(*it))


def write(path: Path | str, *parts: Any, **options: Any) -> None:
    with Writer(path, **options) as writer:
        for part in parts:
            writer.write(part)


def in_parts(table: dict[str, list[Any]]) -> list[dict[str, list[Any]]]:
    """The first row, and the others."""
    parts = [{k: v[it] for k, v in table.items()} for it in (slice(1), slice(1, None))]
    return [it for it in parts if next(iter(it.values()))]


def refused(path: Path | str, *parts: Any, **options: Any) -> str:
    with pytest.raises(TableError) as caught:
        write(path, *parts, **options)
    text = str(caught.value)
    assert len(text) <= LIMIT
    assert os.path.basename(path) in text
    assert not os.path.exists(path)
    return text


def names_in(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


# --- What is written is read again ----------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
@SAME_FOLDER
@given(table=tables(TEXTS), size=st.integers(1, 4))
def test_texts_come_back(
    tmp_path: Path, ending: str, table: dict[str, list[str]], size: int
) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, *in_parts(table))
    assert read(path) == table
    assert list(read(path)) == list(table)
    parts = list(batches(path, size=size))
    assert all(len(it) <= size for part in parts for it in part.values())
    assert table == {
        name: [it for part in parts for it in part[name]] for name in table
    }
    last = list(table)[-1]
    assert read(path, columns=[last]) == {last: table[last]}
    assert names_in(tmp_path) == [path.name]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(TEXTS, it, max_size=3),
    max_leaves=5,
)


@SAME_FOLDER
@given(table=tables(JSON))
def test_any_json_comes_back(tmp_path: Path, table: dict[str, list[Any]]) -> None:
    path = tmp_path / "a.jsonl"
    write(path, *in_parts(table))
    assert read(path) == table


INT64 = st.integers(-(2**63), 2**63 - 1)


@SAME_FOLDER
@given(data=st.data())
def test_types_of_parquet_come_back(tmp_path: Path, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 5))
    table = {
        name: data.draw(st.lists(values, min_size=n, max_size=n))
        for name, values in {
            "text": st.none() | TEXTS,
            "int": INT64,
            "float": st.floats(allow_nan=False),
            "bool": st.booleans(),
            "labels": st.lists(TEXTS, min_size=1),
            "nothing": st.none(),
        }.items()
    }
    path = tmp_path / "a.parquet"
    write(path, table, table)
    assert read(path) == {name: values * 2 for name, values in table.items()}


@SAME_FOLDER
@example(table={"0": [" ", "", "\t"]})
@given(table=tables(TEXTS))
def test_pandas_reads_the_same(tmp_path: Path, table: dict[str, list[str]]) -> None:
    # It takes a quoted mark for one of the file, and tells empty rows from others not.
    table = {name.replace("\ufeff", "_"): it for name, it in table.items()}
    path = tmp_path / "a.csv"
    write(path, table)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert dict(zip(table, frame.to_numpy().T.tolist(), strict=True)) == table
    path = tmp_path / "a.jsonl"
    write(path, table)
    frame = pd.read_json(path, lines=True, dtype=False, convert_axes=False)
    assert frame.to_dict("list") == table


# --- Values ---------------------------------------------------------------------------


def test_csv_of_all_kinds(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(
        path,
        {
            "text": np.array(["a", "b"]),
            "v": np.array([[0.1, 2], [1e-30, -3]], np.float32),
            "label": [["x", "ü"], []],
            "score": np.array([0.7, 1 / 3], np.float32),
            "n": [np.int64(3), None],
            "is": np.array([True, False]),
            "at": [datetime.date(2024, 1, 2), Decimal("1.50")],
            "more": [{"a": np.float32(0.1)}, np.array([1, 2])],
        },
    )
    assert path.read_text().splitlines() == [
        "text,v_0,v_1,label,score,n,is,at,more",
        'a,0.1,2.0,"[""x"", ""ü""]",0.7,3,True,2024-01-02,"{""a"": 0.1}"',
        'b,1e-30,-3.0,[],0.33333334,,False,1.50,"[1, 2]"',
    ]


def test_json_lines_of_all_kinds(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(
        path,
        {
            "v": np.array([[0.1, 2]], np.float32),
            "w": [np.array([0.5, nan])],
            "label": [("x", np.str_("ü"))],
            "n": [np.int64(3)],
            "is": np.array([True]),
            "at": [datetime.datetime(2024, 1, 2, 3)],
            "cost": [Decimal("1.50")],
            "nan": [[nan, {"a": -inf}, np.float32(inf)]],
        },
    )
    assert path.read_text() == (
        '{"v": [0.1, 2.0], "w": [0.5, null], "label": ["x", "ü"], "n": 3, "is": true, '
        '"at": "2024-01-02T03:00:00", "cost": "1.50", '
        '"nan": [null, {"a": null}, null]}\n'
    )


def test_vectors_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    write(
        path, {"text": list("abcde"), "v": vectors}, {"text": ["f"], "v": vectors[:1]}
    )
    table = pq.read_table(path)
    assert table.schema.field("v").type == pa.list_(pa.float32(), 3)
    assert pq.ParquetFile(path).num_row_groups == 2
    found = np.stack(table["v"].to_numpy(zero_copy_only=False))
    np.testing.assert_array_equal(found[:5], vectors.astype(np.float32))
    assert read(path)["v"][5] == vectors[0].astype(np.float32).tolist()


@SAME_FOLDER
@given(
    vectors=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=4),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_float32_comes_back_from_text(tmp_path: Path, vectors: np.ndarray) -> None:
    for ending in ("jsonl", "csv"):
        path = tmp_path / f"a.{ending}"
        write(path, {"v": vectors})
        table = read(path)
        found = (
            table["v"] if ending == "jsonl" else list(zip(*table.values(), strict=True))
        )
        np.testing.assert_array_equal(np.array(found, float).astype("f4"), vectors)


def test_digits_are_few(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    values = np.array([0.1, 0.9312, 1 / 3, 0, -0.0, 1e10, 16777216, 3.4e38], np.float32)
    write(path, {"x": values})
    lines = [it.split(": ")[1].strip("}\n") for it in path.read_text().splitlines()]
    assert lines == [
        *("0.1", "0.9312", "0.33333334", "0.0", "-0.0"),
        *("10000000000.0", "16777216.0", "3.4e+38"),
    ]


# --- NumPy ----------------------------------------------------------------------------


@SAME_FOLDER
@given(
    array=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.float16, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=5),
    )
)
def test_arrays_come_back(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "a.npy"
    with np.errstate(over="ignore"):
        expected = array.astype(np.float32) if array.dtype.kind == "f" else array
        write(path, {"v": array[:1]}, {"v": array[1:]}, {"v": np.asfortranarray(array)})
    found = np.load(path)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, np.concatenate([expected, expected]))
    mapped = np.load(path, mmap_mode="r")
    np.testing.assert_array_equal(mapped, found)
    del mapped


def test_rows_of_arrays_are_written_from_where_they_are(tmp_path: Path) -> None:
    n, dim, n_batches = 50_000, 256, 4
    block = np.ones((n, dim), np.float32)
    start = time.perf_counter()
    with Writer(tmp_path / "a.npy") as writer:
        for _ in range(n_batches):
            writer.write({"v": block})
    seconds = time.perf_counter() - start
    found = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert found.shape == (n * n_batches, dim)
    assert found[-1, -1] == 1
    assert seconds < 5  # a fifth of a gigabyte takes a fifth of a second


def test_arrays_that_are_not_right(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    ones = np.ones((2, 3), np.float32)
    assert "holds one array, got columns 'a', 'b'" in refused(
        path, {"a": ones, "b": ones}
    )
    for wrong in (["a", "b"], [[1, 2], [3]], np.ones((2, 2, 2)), [None, 1]):
        assert "holds vectors or numbers, got" in refused(path, {"a": wrong})
    said = refused(path, {"a": ones}, {"a": ones[:, :2]})
    assert "from row 3 on is 'float32' of rows of shape (2,)" in said
    assert "from row 3 on is 'int64'" in refused(path, {"a": ones}, {"a": [[1, 2, 3]]})


# --- What is not right ----------------------------------------------------------------


def test_columns_that_do_not_fit(tmp_path: Path) -> None:
    for ending in ENDINGS:
        path = tmp_path / f"a.{ending}"
        said = refused(path, {"a": ["x", "y"], "b": ["z"]})
        assert "of the same number of rows, got ('a', 2), ('b', 1)" in said
        assert "columns must be some" in refused(path, {})
        assert "there are no rows to write" in refused(path)
        if "jsonl" not in ending:
            said = refused(path, {"a": ["x"]}, {"b": ["y"]})
            assert "the columns of row 2 are 'b'" in said
    path = tmp_path / "a.csv"
    for names in (["a", "v_0"], ["", "b"], ["a\0", "b"]):
        table = dict(zip(names, [["x"], ["y"]], strict=True))
        said = refused(path, {**table, "v": np.ones((1, 2))})
        assert "columns need names of their own" in said
    assert not names_in(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "csv.gz"])
def test_texts_that_no_file_holds(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    said = refused(path, {"a": ["x", "y"]}, {"a": ["x", "y \ud83d z"]})
    assert "row 4 holds half of a surrogate pair" in said
    assert "'\\ud83d'" in said
    if "jsonl" in ending:
        write(path, {"a": ["x\0"]})
        assert read(path) == {"a": ["x\0"]}
    else:
        assert "row 2 has a NUL" in refused(path, {"a": ["x", "\0"]})
    assert "surrogate" in refused(tmp_path / "b.csv", {"\ud83d": ["x"]})


def test_values_that_no_file_holds(tmp_path: Path) -> None:
    for ending in ("csv", "jsonl"):
        path = tmp_path / f"a.{ending}"
        said = refused(path, {"a": ["x", b"y"]})
        assert "row 2 cannot be written: " in said
        assert "bytes" in said
        circle: list[Any] = []
        circle.append(circle)
        assert "row 1 cannot be written" in refused(path, {"a": [circle]})
        assert "row 1 cannot" in refused(path, {"a": [{"b": [object()]}]})


def test_values_that_parquet_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for values in ([1, "a"], [object()], ["\ud83d"], [2**64], [[1], ["a"]]):
        said = refused(path, {"b": values})
        assert "column 'b' cannot be written from row 1 on" in said
    said = refused(path, {"b": [1]}, {"b": ["x"]})
    assert "column 'b', 'int64' before, cannot be written from row 2 on" in said
    said = refused(path, {"v": np.ones((1, 3))}, {"v": np.ones((1, 2))})
    assert "column 'v', 'fixed_size_list<" in said
    # Nothing is known of the first, so that texts may follow.
    write(path, {"b": [None]}, {"b": ["x"]})
    assert read(path) == {"b": [None, "x"]}


# --- Places ---------------------------------------------------------------------------


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, said in {
        "a": "names no format",
        "a.txt": "cannot be of the format 'text' here. Give one of 'csv'",
        "a.parquet.gz": "'parquet' are not compressed with gzip. Leave out .gz",
        "a.npy.gz": "are not compressed",
        "folder.csv": "folder.csv: it is a folder: give a file in it",
        "none/a.csv": "there is no folder",
        "folder.csv/b/a.csv": "make it, or give another",
        "a" * 300 + ".csv": "cannot be written: File name too long",
        "a\0.csv": "cannot be written: embedded null",
    }.items():
        path = tmp_path / name
        for refuse in (check_target, Writer):
            with pytest.raises(TableError) as caught:
                refuse(path)  # type: ignore[operator]
            assert said in str(caught.value)
            assert len(str(caught.value)) <= LIMIT
    with pytest.raises(TableError, match="format 'xml' here"):
        check_target("a.csv", "xml")
    check_target(tmp_path / "a.csv")
    check_target(tmp_path / "a", "csv")
    check_target("-")
    check_target("-", "npy")
    assert names_in(tmp_path) == ["folder.csv"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may write anywhere")
def test_places_where_one_may_not_write(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n")
    path.chmod(0o400)
    with pytest.raises(TableError, match="may not be written: change its perm"):
        check_target(path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(TableError, match="nothing may be written in the folder"):
            check_target(tmp_path / "b.csv")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
@pytest.mark.parametrize("ending", [*ENDINGS, "npy"])
def test_an_error_leaves_what_there_was(
    tmp_path: Path, ending: str, error: type[BaseException]
) -> None:
    path = tmp_path / f"a.{ending}"

    def write_and_fail() -> None:
        with Writer(path) as writer:
            writer.write({"v": np.ones((3, 2), np.float32)})
            assert len(names_in(tmp_path)) == 1 + path.exists()
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert not names_in(tmp_path)
    path.write_bytes(b"old")
    with pytest.raises(error):
        write_and_fail()
    assert names_in(tmp_path) == [path.name]
    assert path.read_bytes() == b"old"
    write(path, {"v": np.ones((3, 2), np.float32)})
    assert path.read_bytes() != b"old"
    assert names_in(tmp_path) == [path.name]


def test_an_older_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "a.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write(link, {"a": ["x"]})
    assert link.is_symlink()
    assert path.read_text() == "a\nx\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120 + ".csv")
    write(path, {"a": ["x"]})
    assert names_in(tmp_path) == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no such device")
def test_a_device_stays_one() -> None:
    write("/dev/null", {"a": ["x"]}, format="csv")
    assert not os.path.isfile("/dev/null")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "npy"])
def test_a_full_disk(format: str) -> None:
    with pytest.raises(OSError, match="No space left"):
        write("/dev/full", {"a": [1]}, {"a": [2] * 9999}, format=format)


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"]
    for path in paths:
        write(path, {"a": ["x"]})
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert gzip.decompress(paths[0].read_bytes()) == b"a\nx\n"


# --- Standard output ------------------------------------------------------------------


def test_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for format in (None, "tsv", "jsonl", "parquet", "npy"):
        stream = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stream))
        write("-", {"v": [1, 2]}, {"v": [3]}, format=format)
        data = stream.getvalue()
        monkeypatch.undo()
        if format == "npy":
            assert np.load(io.BytesIO(data)).tolist() == [1, 2, 3]
        elif format == "parquet":
            assert pq.read_table(io.BytesIO(data)).to_pydict() == {"v": [1, 2, 3]}
        elif format == "jsonl":
            assert [json.loads(it)["v"] for it in data.splitlines()] == [1, 2, 3]
        else:
            assert data == b"v\n1\n2\n3\n"


@pytest.mark.parametrize("format", ["csv", "parquet", "npy"])
def test_standard_output_of_a_process(tmp_path: Path, format: str) -> None:
    code = (
        "import sys; from sk_m2v.tables import Writer\n"
        f"with Writer('-', format={format!r}) as writer:\n"
        "    writer.write({'v': [1, 2]})\n"
        "assert not sys.stdout.buffer.closed"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert not piped.stderr
    with open(tmp_path / "a", "wb") as file:
        subprocess.run(command, stdout=file, check=True)
    assert (tmp_path / "a").read_bytes() == piped.stdout
    assert len(piped.stdout) > 5


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_pipe_that_nobody_reads(format: str) -> None:
    code = (
        "from sk_m2v.tables import Writer\n"
        "try:\n"
        f"    with Writer('-', format={format!r}) as writer:\n"
        "        for i in range(100): writer.write({'v': list(range(i, i + 9999))})\n"
        "except BrokenPipeError: import os; os._exit(41)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 41


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("format", ["csv", "parquet", "npy"])
def test_a_named_pipe_as_target(tmp_path: Path, format: str) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    code = f"import sys; sys.stdout.buffer.write(open({str(path)!r}, 'rb').read())"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        write(path, {"v": [1, 2]}, format=format)
        found = process.communicate()[0]
    write(tmp_path / "file", {"v": [1, 2]}, format=format)
    assert found == (tmp_path / "file").read_bytes()
    assert path.is_fifo()


def test_rows_of_csv_are_those_of_python(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    write(path, {"a": ["x\ty", 'q"'], "b": [None, "\r"]})
    with open(path, newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert rows == [["a", "b"], ["x\ty", ""], ['q"', "\r"]]
