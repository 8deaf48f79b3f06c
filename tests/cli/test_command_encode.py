"""`sk-m2v encode`: the vectors are those of the Python API, from and to all formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_tables import process, read_csv, reviews, write_csv

from sk_m2v import StaticEmbedding, load

ROWS = reviews(12)
TEXTS = [row["review"] for row in ROWS]
TITLES = [row["title"] for row in ROWS]
Command = Callable[..., Any]


def as_csv(path: Path) -> None:
    write_csv(path, ROWS)


def as_tsv(path: Path) -> None:
    write_csv(path, ROWS, "\t")


def as_json_lines(path: Path) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))


def as_parquet(path: Path) -> None:
    pd.DataFrame(ROWS).to_parquet(path)


def as_lines(path: Path) -> None:
    path.write_text("".join(f"{text}\n" for text in TEXTS))


READ = {
    "csv": as_csv,
    "tsv": as_tsv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
    "txt": as_lines,
}


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return StaticEmbedding.from_pretrained().encode(TEXTS)


def column(suffix: str) -> list[str]:
    return [] if suffix == "txt" else ["--text", "review"]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("suffix", READ)
def test_formats_that_are_read(
    command: Command, tmp_path: Path, expected: np.ndarray, suffix: str, zipped: bool
) -> None:
    source = tmp_path / f"it.{suffix}"
    READ[suffix](source)
    if zipped:
        content = gzip.compress(source.read_bytes())
        source.unlink()
        source = source.with_name(f"{source.name}.gz")
        source.write_bytes(content)
    ran = command("encode", source, *column(suffix), "--out", tmp_path / "it.npy")
    assert (ran.code, ran.out) == (0, "")
    np.testing.assert_array_equal(np.load(tmp_path / "it.npy"), expected, strict=True)


@pytest.mark.parametrize("suffix", READ)
def test_standard_input(
    command: Command,
    standard_input: Callable[[bytes], None],
    tmp_path: Path,
    expected: np.ndarray,
    suffix: str,
) -> None:
    source = tmp_path / "it"
    READ[suffix](source)
    standard_input(source.read_bytes())
    how = ["--format", "text" if suffix == "txt" else suffix, *column(suffix)]
    assert command("encode", *how, "--out", tmp_path / "it.npy").code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "it.npy"), expected)


def vectors(rows: list[dict[str, str]]) -> np.ndarray:
    names = [it for it in rows[0] if it.startswith("embedding_")]
    return np.array([[row[it] for it in names] for row in rows], np.float32)


def texts_of(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Columns that were read, as texts."""
    return [{name: str(row[name]) for name in ROWS[0]} for row in rows]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz"])
def test_to_csv(
    command: Command, raw: Path, tmp_path: Path, expected: np.ndarray, suffix: str
) -> None:
    out = tmp_path / f"out.{suffix}"
    as_csv(tmp_path / "in.csv")
    ran = command("encode", tmp_path / "in.csv", "--text", "review", "--out", out)
    assert ran.code == 0
    content = out.read_bytes()
    content = gzip.decompress(content) if suffix.endswith("gz") else content
    rows = read_csv(content.decode(), "\t" if suffix == "tsv" else ",")
    np.testing.assert_array_equal(vectors(rows), expected)
    assert texts_of(rows) == texts_of(ROWS)


def test_to_parquet(command: Command, tmp_path: Path, expected: np.ndarray) -> None:
    as_json_lines(tmp_path / "in.jsonl")
    out = tmp_path / "out.parquet"
    how = ["--text", "review", "--out", out]
    assert command("encode", tmp_path / "in.jsonl", *how).code == 0
    table = pd.read_parquet(out)
    np.testing.assert_array_equal(np.stack(table.pop("embedding")), expected)
    assert table.to_dict("records") == ROWS


@pytest.mark.parametrize("to", [[], ["--to", "jsonl"]])
def test_to_standard_output(
    command: Command, tmp_path: Path, expected: np.ndarray, to: list[str]
) -> None:
    as_json_lines(tmp_path / "in.jsonl")
    ran = command("encode", tmp_path / "in.jsonl", "--text", "review", *to)
    rows = [json.loads(it) for it in ran.out.splitlines()]
    found = np.array([row.pop("embedding") for row in rows], np.float32)
    np.testing.assert_array_equal(found, expected)
    assert rows == ROWS
    assert ran.err == ""


def test_npy_to_standard_output(tmp_path: Path, expected: np.ndarray) -> None:
    as_lines(tmp_path / "in.txt")
    with (tmp_path / "out").open("wb") as out:
        process("encode", tmp_path / "in.txt", "--to", "npy", stdout=out)
    np.testing.assert_array_equal(np.load(tmp_path / "out"), expected)


def test_several_columns(command: Command, tmp_path: Path) -> None:
    as_csv(tmp_path / "in.csv")
    out = tmp_path / "out.npy"
    how = ["--text", "title", "--text", "review", "--text-separator", ": "]
    assert command("encode", tmp_path / "in.csv", *how, "--out", out).code == 0
    joined = [f"{a}: {b}" for a, b in zip(TITLES, TEXTS, strict=True)]
    expected = StaticEmbedding.from_pretrained().encode(joined)
    np.testing.assert_array_equal(np.load(out), expected)


@pytest.mark.parametrize(
    ("options", "loading", "encoding"),
    [
        (["--dimensionality", "8"], {"dimensionality": 8}, {}),
        (["--quantize-to", "int8"], {"quantize_to": "int8"}, {}),
        (["--normalize", "false"], {}, {"normalize": False}),
        (["--max-length", "3"], {}, {"max_length": 3}),
        (["--max-length", "none", "--n-jobs", "2"], {}, {"max_length": None}),
    ],
)
def test_options(
    command: Command,
    tmp_path: Path,
    options: list[str],
    loading: dict[str, Any],
    encoding: dict[str, Any],
) -> None:
    as_lines(tmp_path / "in.txt")
    out = tmp_path / "out.npy"
    assert command("encode", tmp_path / "in.txt", *options, "--out", out).code == 0
    expected = StaticEmbedding.from_pretrained(**loading).encode(TEXTS, **encoding)
    np.testing.assert_array_equal(np.load(out), expected, strict=True)


def test_the_model_of_a_training(
    command: Command, raw: Path, trained: Path, tmp_path: Path
) -> None:
    """The column is that of the training, and the model its embedding."""
    out = tmp_path / "out.npy"
    assert command("encode", raw, "--model", trained, "--out", out).code == 0
    texts = [row["review"] for row in reviews()]
    expected = load(trained / "model").embedding_.encode(texts)
    np.testing.assert_array_equal(np.load(out), expected)


def test_a_folder_of_a_model(
    command: Command, embedding_folder: Path, tmp_path: Path
) -> None:
    as_lines(tmp_path / "in.txt")
    out = tmp_path / "out.npy"
    how = ["--model", embedding_folder, "--out", out]
    assert command("encode", tmp_path / "in.txt", *how).code == 0
    expected = StaticEmbedding.from_pretrained(embedding_folder).encode(TEXTS)
    np.testing.assert_array_equal(np.load(out), expected)
    assert np.load(out).shape == (12, 16)


def test_missing_texts(
    command: Command, refused: Callable[..., str], tmp_path: Path
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.npy"
    source.write_text('{"text": "a"}\n{"text": null}\n{"text": "b"}\n')
    message = refused("encode", source, "--out", out)
    assert f"{source}, row 2: the text is None" in message
    assert not out.exists()
    assert command("encode", source, "--missing", "empty", "--out", out).code == 0
    expected = StaticEmbedding.from_pretrained().encode(["a", "", "b"])
    np.testing.assert_array_equal(np.load(out), expected)


def test_rows_are_counted_over_the_whole_file(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}\n' * 65_536 + '{"text": ["b"]}\n')
    message = refused("encode", source, "--out", tmp_path / "out.npy")
    assert f"{source}, row 65537: the text is ['b']" in message
    assert [it.name for it in tmp_path.iterdir()] == ["in.jsonl"]


# --- Going on -------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["npy", "parquet", "zarr"])
def test_going_on(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    embedding_folder: Path,
    tmp_path: Path,
    suffix: str,
) -> None:
    """The same command again does only what was not done."""
    as_csv(tmp_path / "in.csv")
    monkeypatch.setattr("sk_m2v.streaming._encode.PART_SIZE", 5)
    how = ["--text", "review", "--model", embedding_folder, "--resume"]
    straight, out = tmp_path / f"straight.{suffix}", tmp_path / f"out.{suffix}"
    assert command("encode", tmp_path / "in.csv", *how, "--out", straight).code == 0

    encode, n_calls = StaticEmbedding.encode, 0

    def interrupted(*arguments: Any, **more: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt
        return encode(*arguments, **more)

    monkeypatch.setattr(StaticEmbedding, "encode", interrupted)
    ran = command("encode", tmp_path / "in.csv", *how, "--out", out)
    assert (ran.code, ran.out) == (130, "")
    assert not out.exists()
    ran = command("encode", tmp_path / "in.csv", *how, "--out", out)
    assert (ran.code, ran.out, ran.err) == (0, "", f"written: {out}\n")
    assert n_calls == 4
    assert files(out) == files(straight)
    if suffix == "parquet":
        table = pd.read_parquet(out)
        assert texts_of(table.to_dict("records")) == texts_of(ROWS)


def files(path: Path) -> dict[str, bytes]:
    found = [path] if path.is_file() else [it for it in path.rglob("*") if it.is_file()]
    return {str(it.relative_to(path)): it.read_bytes() for it in found}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "out.csv"], "suffix of 'out.csv' is none of"),
        ([], "--resume is for files: give --out"),
        (["--out", "out.npy", "--to", "csv"], "leave out --to"),
        (["--out", "in.csv.npy"], "in.csv.npy is there already"),
        (["--out", "out.parquet", "--name", "title"], "a column 'title' already"),
    ],
)
def test_going_on_that_makes_no_sense(
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    more: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    as_csv(tmp_path / "in.csv")
    (tmp_path / "in.csv.npy").write_text("")
    how = ["--text", "review", "--resume"]
    assert message in refused("encode", "in.csv", *how, *more)
    assert sorted(it.name for it in tmp_path.iterdir()) == ["in.csv", "in.csv.npy"]


def test_going_on_with_other_options(
    command: Command,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}\n' * 5 + '{"text": null}\n')
    monkeypatch.setattr("sk_m2v.streaming._encode.PART_SIZE", 5)
    how = ["--resume", "--out", tmp_path / "out.npy"]
    message = refused("encode", source, *how)
    assert f"{source}, row 6: the text is None" in message
    assert "5 rows of" in message
    message = refused("encode", source, *how, "--dimensionality", "8")
    assert "it differs in model." in message
    message = refused("encode", source, *how, "--missing", "empty")
    assert "missing ('error' then, 'empty' now)" in message
