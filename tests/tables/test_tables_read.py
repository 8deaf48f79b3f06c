"""Reading tables: what comes out, and what is said of files that are not right."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sk_m2v._messages import LIMIT
from sk_m2v.tables import FORMATS, TableError, batches, format_of, read

SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
# What a file of text can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def written(folder: Path, data: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def message(*args: Any, **options: Any) -> str:
    with pytest.raises((TableError, FileNotFoundError)) as caught:
        read(*args, **options)
    text = str(caught.value)
    assert len(text) <= LIMIT
    assert Path(str(args[0])).name in text or args[0] == "-"
    return text


def as_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> io.BytesIO:
    stream = io.BytesIO(data)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    return stream


# --- Formats --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"),
        ("a.tsv", "tsv"),
        ("a.tab", "tsv"),
        ("a.b.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.json-lines", "jsonl"),
        ("a.PARQUET", "parquet"),
        ("a.txt", "text"),
        ("-", "csv"),
    ],
)
def test_format_of_a_suffix(name: str, format: str) -> None:
    assert format_of(name) == format
    assert format in FORMATS
    if name != "-":
        assert format_of(Path("x.csv") / name) == format
        assert format_of(f"{name}.gz") == format


@pytest.mark.parametrize("name", ["a", "a.json", ".csv", "a.gz", "a.xlsx", ""])
def test_suffixes_that_say_nothing(name: str) -> None:
    with pytest.raises(
        TableError,
        match=r"Give --format, --to for what is written, or one of .*'\.csv', '\.tsv",
    ):
        format_of(name)


def test_a_format_that_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a\nb\n", "a.npy")
    assert "'csv', 'tsv', 'jsonl', 'parquet', 'text'" in message(path)
    assert "cannot be of the format 'xml'" in message(path, format="xml")
    assert read(path, format="csv") == {"a": ["b"]}
    assert "--delimiter is for CSV" in message(path, format="text", delimiter=";")


def test_options_are_checked_before_a_batch_is_taken() -> None:
    for options in [
        {"delimiter": ""},
        {"delimiter": "ab"},
        {"delimiter": '"'},
        {"columns": []},
        {"columns": "text"},
        {"size": 0},
        {"encoding": "utf-9"},
        {"fallback_encoding": "cp9999"},
        {"encoding": "cp1252", "fallback_encoding": "latin-1"},
        {"format": "xml"},
    ]:
        with pytest.raises(ValueError):
            batches("no-such-file.csv", **options)  # type: ignore[arg-type]


# --- CSV ------------------------------------------------------------------------------


def test_cells_stay_texts(tmp_path: Path) -> None:
    path = written(tmp_path, 'text,n\n"a, ""b""\nc",007\n,\r\n\nNA,1e3')
    assert read(path) == {
        "text": ['a, "b"\nc', "", "NA"],
        "n": ["007", "", "1e3"],
    }
    assert read(path, columns=["n", "n"]) == {"n": ["007", "", "1e3"]}


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,b", ["a", "b"]),
        ("a;b", ["a", "b"]),
        ("a\tb", ["a", "b"]),
        ("a|b", ["a", "b"]),
        ("a", ["a"]),
        ('"a;b;c",d', ["a;b;c", "d"]),
        ('"a,b,c";"d,e"', ["a,b,c", "d,e"]),
        ('"a\n;;b";c', ["a\n;;b", "c"]),
        ("a, b;c;d", ["a, b", "c", "d"]),
    ],
)
def test_the_delimiter_is_that_of_the_header(
    tmp_path: Path, header: str, names: list[str]
) -> None:
    mark = next((it for it in ";\t|," if read_names(header, it) == names), ",")
    path = written(tmp_path, header + "\n" + mark.join("x" for _ in names))
    assert list(read(path)) == names


def read_names(header: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter))


def test_a_delimiter_that_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b~c\n1,2~3\n")
    assert read(path, delimiter="~") == {"a,b": ["1,2"], "c": ["3"]}
    path = written(tmp_path, "a,b;c,d\te\n1\t2\n", "a.tsv")
    assert read(path) == {"a,b;c,d": ["1"], "e": ["2"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines_in_csv(tmp_path: Path, end: str) -> None:
    text = f'a,b{end}1,"x{end}y"{end}\u2028,\x0b\x85{end}'
    expected = {"a": ["1", "\u2028"], "b": [f"x{end}y", "\x0b\x85"]}
    assert read(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a,b\n1,2\n\n3\n", "row 2 (line 4) has 1 cells, where the header has 2"),
        ('a,b\n"1\n1",2\n3,4,5\n', "row 2 (line 4) has 3 cells"),
        ('a,b\n1,2\n3,"x\ny\n\nz\n', "row 2 (it begins on line 3) cannot be read: a q"),
        ('a,b\n1,"2"x\n', "row 1 (it begins on line 2) cannot be read: something"),
        ('a,"b\n1,2', "the header (it begins on line 1) cannot be read: a quote is"),
        ("a,b,a\n1,2,3\n", "columns of the same name, 'a'"),
        ("a,,b\n1,2,3\n", "column 2 of 3 has an empty name"),
        ("a,b\n1,2\n3,\0\n", "line 3 has a NUL character"),
        ("a,b\n", "has no rows"),
        ("\n\n", "has no header and no rows"),
        ("", "is empty"),
    ],
)
def test_csv_that_is_not_right(tmp_path: Path, data: str, said: str) -> None:
    assert said in message(written(tmp_path, data))


def test_long_cells_leave_the_limit_of_python_as_it_is(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    long = "word " * 100_000
    path = written(tmp_path, f"a,b\n{long},1\nx,2\n")
    table = batches(path, size=1)
    assert next(table)["a"] == [long]
    assert csv.field_size_limit() == before
    assert next(table)["a"] == ["x"]
    written(tmp_path, f'a,b\n1,2\n"{"x" * (1 << 24)}y",1\n')
    assert "row 2 (it begins on line 3)" in (said := message(path))
    assert "is a quote not closed?" in said
    assert csv.field_size_limit() == before


def test_missing_columns_name_those_there_are(tmp_path: Path) -> None:
    rows = written(tmp_path, "id,label,text\n1,2,3\n")
    lines = written(tmp_path, '{"id": 1, "label": 2, "text": 3}\n', "a.jsonl")
    table = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1], "label": [2], "text": [3]}), table)
    for path in (rows, lines, table):
        said = message(path, columns=["label", "txt"])
        assert "there is no column 'txt'" in said
        assert "nearest first, are 'text'" in said
        assert "'id'" in said
    text = written(tmp_path, "line\n", "a.txt")
    assert "nearest first, are 'text'" in message(text, columns=["label"])


# --- JSON lines -----------------------------------------------------------------------


def test_json_lines(tmp_path: Path) -> None:
    text = '{"a": 1, "b": [1, null]}\r\n\n  \n{"c": "\u2028", "a": null}\n{}'
    path = written(tmp_path, text, "a.jsonl")
    assert read(path) == {
        "a": [1, None, None],
        "b": [[1, None], None, None],
        "c": [None, "\u2028", None],
    }
    assert read(path, columns=["c"]) == {"c": [None, "\u2028", None]}
    assert list(batches(path, size=2, columns=["c"])) == [
        {"c": [None, "\u2028"]},
        {"c": [None]},
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('{"a": 1}\n\n{"a": \n', "line 3 is no JSON (Expecting value"),
        ('{"a": 1} {"a": 2}\n', "line 1 is no JSON (Extra data"),
        ('{"a": 1}\n[1, 2]\n', "line 2 is no JSON object: '[1, 2]'"),
        ("[" * 100_000, "line 1 is no JSON"),
        ('{"a": ' + "1" * 10_000 + "}", "line 1 is no JSON"),
        ("\n\n", "has no rows"),
        ('{"a": "\0"}', "line 1 has a NUL character"),
    ],
)
def test_json_lines_that_are_not_right(tmp_path: Path, data: str, said: str) -> None:
    assert said in message(written(tmp_path, data, "a.jsonl"))


def test_keys_that_come_late(tmp_path: Path) -> None:
    n = 70_000
    lines = ['{"a": 1}\n'] * n + ['{"b": 2}\n']
    path = written(tmp_path, "".join(lines), "a.jsonl")
    assert read(path)["b"] == [None] * n + [2]
    first, *_ = batches(path, columns=["a"])
    assert first == {"a": [1] * 65_536}
    with pytest.raises(TableError, match=r"line 70001 has keys .* 'b'\. Name the col"):
        list(batches(path))
    # With names of columns, keys may come and go.
    path.write_text('{"a": 1, "b": 3}\n' + path.read_text())
    *_, last = batches(path, columns=["b"])
    assert last["b"][-1] == 2


# --- Lines of text --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb", ["a", "b"]),
        ("\n\na", ["", "", "a"]),
        ("\n", [""]),
        ("a\rb\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029c\n", None),
        ("a\r", ["a\r"]),
    ],
)
def test_lines(tmp_path: Path, data: str, texts: list[str] | None) -> None:
    path = written(tmp_path, data, "a.txt")
    assert read(path) == {"text": [data[:-1]] if texts is None else texts}


@SAME_FOLDER
@given(
    st.lists(TEXTS.map(lambda it: it.replace("\n", "").rstrip("\r")), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 5),
)
def test_any_lines(tmp_path: Path, texts: list[str], end: str, size: int) -> None:
    texts[0] = texts[0].lstrip("\ufeff")
    path = written(tmp_path, "".join(it + end for it in texts), "a.txt")
    assert read(path)["text"] == texts
    assert [it for b in batches(path, size=size) for it in b["text"]] == texts


def test_a_million_lines_take_no_time(tmp_path: Path) -> None:
    path = written(tmp_path, "a short line of text\n" * 1_000_000, "a.txt")
    start = time.perf_counter()
    n = len(read(path)["text"])
    seconds = time.perf_counter() - start
    assert n == 1_000_000
    assert seconds < 2  # an eighth of a second, on an idle machine


def test_batches_are_of_the_size_asked_for(tmp_path: Path) -> None:
    n = 200_003
    path = written(tmp_path, "".join(f"line {i}\n" for i in range(n)), "a.txt")
    sizes = [len(it["text"]) for it in batches(path, size=50_000)]
    assert sizes == [50_000] * 4 + [3]
    rows = written(tmp_path, "a,b\n" + "1,2\n" * 10_001)
    assert [len(it["a"]) for it in batches(rows, size=5000)] == [5000, 5000, 1]


def test_batches_take_little_memory(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    row = "x" * 200
    path = written(tmp_path, "a,b\n" + f"{row},{row}\n" * 300_000)
    process = psutil.Process()
    table = batches(path, size=1000)
    next(table)
    before = process.memory_info().rss
    peak = max(process.memory_info().rss for _ in table)
    assert peak - before < 20 << 20


# --- Encodings ------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csv", "jsonl", "text"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_marks_at_the_begin(
    tmp_path: Path, mark: bytes, encoding: str, format: str
) -> None:
    # Code points with the byte of an end of a line in them.
    texts = ["Ċ one 🎈", "ഊ\u0a0a two", "three" * 100_000]
    text = {
        "csv": "text\n" + "\n".join(texts),
        "jsonl": "\n".join(json.dumps({"text": it}) for it in texts),
        "text": "\n".join(texts),
    }[format]
    path = written(tmp_path, mark + text.encode(encoding), "a.dat")
    assert read(path, format=format) == {"text": texts}
    assert read(path, format=format, encoding=encoding) == {"text": texts}
    if encoding != "utf-8":
        assert read(path, format=format, encoding=encoding[:6]) == {"text": texts}
    with gzip.open(path, "wb") as file:
        file.write(mark + text.encode(encoding))
    assert read(path, format=format) == {"text": texts}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "shift_jis", "gb18030"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    word = {"shift_jis": "表示ソ", "gb18030": "表示ソ"}.get(encoding, "Käse")
    texts = [f"{word} {i}" for i in range(200_000)]
    path = written(tmp_path, "\n".join(texts).encode(encoding), "a.txt")
    assert read(path, encoding=encoding)["text"] == texts


def test_bytes_of_another_encoding(tmp_path: Path) -> None:
    n = 300_000
    good = "grün\n" * n
    path = written(tmp_path, good.encode() + "Käse\n".encode("cp1252"), "a.txt")
    said = message(path)
    assert f"line {n + 1}: the bytes b'\\xe4' in b'" in said
    assert "K\\xe4se" in said
    assert "--encoding cp1252; or --fallback-encoding cp1252" in said
    # Batches before it are given.
    assert len(next(batches(path, size=10))["text"]) == 10
    assert read(path, fallback_encoding="cp1252")["text"] == ["grün"] * n + ["Käse"]
    path.write_bytes(b"text\n" + "表\n".encode("shift_jis") * 9 + b"\x81\x20\n")
    said = message(path, encoding="shift_jis")
    assert "line 11: the bytes b'\\x81' in" in said
    assert "Give another --encoding" in said


def test_bytes_of_no_encoding(tmp_path: Path) -> None:
    path = written(tmp_path, b"a\nK\xc3\xa4se\nK\xe4se\n\x81\n", "a.txt")
    said = message(path, fallback_encoding="cp1252")
    assert "line 4: the bytes b'\\x81'" in said
    assert "are not utf-8, nor cp1252" in said
    assert read(path, fallback_encoding="latin-1")["text"][1:3] == ["Käse", "Käse"]
    path.write_bytes(b"a\n\xc3")
    assert "line 2: the bytes b'\\xc3'" in message(path)


def test_utf16_without_a_mark(tmp_path: Path) -> None:
    path = written(tmp_path, "a\nb\n".encode("utf-16-le"))
    assert "line 1 has a NUL character" in (said := message(path))
    assert "--encoding utf-16-le" in said
    assert read(path, encoding="utf-16-le") == {"a": ["b"]}
    odd = written(tmp_path, "a\nö, and é\n".encode("utf-16-le"))
    assert "--encoding utf-16-le or utf-16-be: every" in message(odd)
    assert "'utf-16': UTF-16 stream does not" in message(path, encoding="utf-16")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("utf9", "utf"), ("windows-1252x", "windows_1252"), ("latin99", "latin")],
)
def test_names_of_no_encoding(tmp_path: Path, name: str, nearest: str) -> None:
    path = written(tmp_path, "a\nb\n")
    said = message(path, encoding=name)
    assert f"there is no encoding '{name}'. The nearest are '{nearest}" in said
    for no_text in ("base64", "rot13", "a\0b", ""):
        assert "there is no encoding" in message(path, fallback_encoding=no_text)


@SAME_FOLDER
@given(st.lists(st.binary().map(lambda it: it.replace(b"\0", b"")), min_size=1))
def test_any_bytes_with_a_fallback(tmp_path: Path, lines: list[bytes]) -> None:
    lines = [it.replace(b"\n", b"").replace(b"\r", b"") for it in lines]
    path = written(tmp_path, b"x" + b"\n".join(lines) + b"\n", "a.txt")

    def text(line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            return line.decode("latin-1")

    found = read(path, fallback_encoding="latin-1")["text"]
    assert found == [text(b"x" + lines[0]), *map(text, lines[1:])]


# --- Files ----------------------------------------------------------------------------


def test_files_that_are_not_there(tmp_path: Path) -> None:
    written(tmp_path, "a\nb\n", "reviews.csv")
    path = tmp_path / "review.csv"
    with pytest.raises(
        FileNotFoundError, match=r"no file .* Near it are 'reviews.csv'"
    ):
        read(path)
    with pytest.raises(FileNotFoundError, match="Nor is there a folder"):
        read(tmp_path / "folder" / "a.csv")
    with pytest.raises(FileNotFoundError, match="Check the path"):
        next(batches(tmp_path / "z.csv"))
    (tmp_path / "folder.csv").mkdir()
    assert "a folder: give a file in it" in message(tmp_path / "folder.csv")
    for name in ("a" * 5000 + ".csv", "a\0.csv"):
        with pytest.raises(
            TableError, match=r"cannot be opened: (File name too|embedd)"
        ):
            read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    code = f"open({str(path)!r}, 'w').write('a,b\\n1,2\\n')"
    with subprocess.Popen([sys.executable, "-c", code]):
        assert read(path) == {"a": ["1"], "b": ["2"]}


def test_gzip_by_what_a_file_holds(tmp_path: Path) -> None:
    data = "a,b\n1,2\n"
    expected = {"a": ["1"], "b": ["2"]}
    packed = gzip.compress(data.encode())
    assert read(written(tmp_path, packed, "a.csv.gz")) == expected
    assert read(written(tmp_path, packed, "a.csv")) == expected
    assert read(written(tmp_path, data, "b.csv.gz")) == expected
    pq.write_table(pa.table({"a": ["1"]}), tmp_path / "a.parquet")
    packed = gzip.compress((tmp_path / "a.parquet").read_bytes())
    assert read(written(tmp_path, packed, "a.parquet.gz")) == {"a": ["1"]}


@pytest.mark.parametrize("cut", [3, 30, -5])
def test_damaged_gzip(tmp_path: Path, cut: int) -> None:
    lines = "".join(f"line {i}\n" for i in range(1000))
    packed = gzip.compress(lines.encode())
    path = written(tmp_path, packed[:cut], "a.txt.gz")
    assert "is a damaged gzip file" in message(path)
    changed = bytearray(packed)
    changed[len(packed) // 2] ^= 255
    path.write_bytes(changed)
    assert "is a damaged gzip file" in message(path)
    path.write_bytes(gzip.compress(b""))
    assert "has no rows" in message(path)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns: dict[str, list[Any]] = {
        "text": ["a", None, "ü"] * 50,
        "n": list(range(150)),
        "labels": [["x", "y"], [], None] * 50,
        "n.of": [0.5] * 150,
    }
    pq.write_table(pa.table(columns), path, row_group_size=40)
    assert read(path) == columns
    assert read(path, columns=["n"]) == {"n": columns["n"]}
    parts = list(batches(path, size=33, columns=["n.of", "text"]))
    assert max(len(it["text"]) for it in parts) == 33
    assert [it for part in parts for it in part["text"]] == columns["text"]
    data = path.read_bytes()
    for damaged in (
        data[:-1],
        data[:100],
        b"x" * 99,
        data[:4] + bytes(200) + data[204:],
    ):
        path.write_bytes(damaged)
        assert "is no Parquet file, or a damaged one" in message(path)
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    assert "columns of the same name, 'a'" in message(path)
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    assert "has no rows" in message(path)


# --- Standard input -------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    table = io.BytesIO()
    pq.write_table(pa.table({"text": ["b"]}), table)
    for format, data in {
        None: b"text\nb\n",
        "tsv": b"text\nb\n",
        "text": b"b\n",
        "jsonl": b'{"text": "b"}',
        "parquet": table.getvalue(),
    }.items():
        stream = as_stdin(monkeypatch, gzip.compress(data) if packed else data)
        assert read("-", format=format) == {"text": ["b"]}
        assert not stream.closed
    as_stdin(monkeypatch, b"")
    assert message("-") == "standard input: it is empty: give a file with rows"
    as_stdin(monkeypatch, b"a\n")
    assert message("-") == "standard input has no rows: give a file with rows"


@pytest.mark.parametrize("way", ["pipe", "file"])
def test_standard_input_of_a_process(tmp_path: Path, way: str) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "b"]}), path)
    code = (
        "import sys; from sk_m2v.tables import read\n"
        "print(read('-', format='parquet'), sys.stdin.buffer.closed)"
    )
    with open(path, "rb") as file:
        given: dict[str, Any] = (
            {"stdin": file} if way == "file" else {"input": file.read()}
        )
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            capture_output=True,
            check=True,
            **given,
        )
    assert result.stdout.decode().strip() == "{'text': ['a', 'b']} False"
    assert not result.stderr


def test_a_reader_that_stops_early_leaves_nothing_open(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"a\n1\n2\n3\n"))
    table = batches(path, size=1)
    assert next(table) == {"a": ["1"]}
    table.close()  # type: ignore[attr-defined]
    path.unlink()
