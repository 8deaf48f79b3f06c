"""Vectors on disk are those in memory, for all sources, targets and models."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from streaming_helpers import (
    IDS,
    N_TEXTS,
    PART,
    SOURCES,
    SUFFIXES,
    TEXTS,
    names,
    table,
    vectors,
)

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    streaming,
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", SOURCES)
def test_sources_and_targets(
    tiny_model: StaticEmbedding, tmp_path: Path, kind: str, suffix: str
) -> None:
    source, target = SOURCES[kind](tmp_path, TEXTS), tmp_path / f"out.{suffix}"
    before = names(tmp_path)
    assert streaming.encode(source, target, tiny_model, part_size=PART) == N_TEXTS
    np.testing.assert_array_equal(vectors(target), tiny_model.encode(TEXTS))
    assert vectors(target).dtype == np.float32
    assert names(tmp_path) == sorted([*before, target.name])


@pytest.mark.parametrize("part_size", [25, 33, N_TEXTS, 10_000])
def test_part_sizes(
    tiny_model: StaticEmbedding, tmp_path: Path, part_size: int
) -> None:
    source = SOURCES["folder"](tmp_path, TEXTS)
    target = tmp_path / "out.parquet"
    streaming.encode(source, target, tiny_model, part_size=part_size)
    np.testing.assert_array_equal(vectors(target), tiny_model.encode(TEXTS))
    assert len(names(target)) == -(-N_TEXTS // part_size)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "folder", "arrow"])
def test_columns_beside_the_vectors(
    tiny_model: StaticEmbedding, tmp_path: Path, kind: str
) -> None:
    source, target = SOURCES[kind](tmp_path, TEXTS), tmp_path / "out.parquet"
    how = {"columns": ["id", "text"], "name": "vector", "part_size": PART}
    streaming.encode(source, target, tiny_model, **how)
    found = pd.read_parquet(target)
    assert found.columns.tolist() == ["id", "text", "vector"]
    assert found["id"].astype(int).tolist() == IDS
    assert found["text"].tolist() == TEXTS
    np.testing.assert_array_equal(np.stack(found["vector"]), tiny_model.encode(TEXTS))


def test_types_of_columns_are_those_of_the_source(
    tiny_model: StaticEmbedding, tmp_path: Path
) -> None:
    when = pa.array(IDS, pa.timestamp("us"))
    label = pa.array(["a", None] * (N_TEXTS // 2), pa.string()).dictionary_encode()
    rows = table(TEXTS).append_column("when", when).append_column("of", label)
    pq.write_table(rows, tmp_path / "in.parquet")
    target, columns = tmp_path / "out.parquet", ["of", "when"]
    how = {"columns": columns, "part_size": PART}
    streaming.encode(tmp_path / "in.parquet", target, tiny_model, **how)
    found = pq.read_table(target).select(columns)
    assert found.to_pylist() == rows.select(columns).to_pylist()
    assert found.schema.field("when").type == when.type


def test_columns_in_the_paths_of_a_data_set(
    tiny_model: StaticEmbedding, tmp_path: Path
) -> None:
    rows = table(TEXTS).append_column("year", pa.array([2000 + i % 2 for i in IDS]))
    partitioning = ds.partitioning(pa.schema({"year": pa.int64()}), flavor="hive")
    how = {"format": "parquet", "partitioning": partitioning}
    ds.write_dataset(rows, tmp_path / "in", **how)
    source = ds.dataset(tmp_path / "in", **how)
    target = tmp_path / "out.parquet"
    columns = ["id", "year"]
    streaming.encode(source, target, tiny_model, columns=columns, part_size=PART)
    found = pd.read_parquet(target)
    assert (found["year"] == 2000 + found["id"] % 2).all()
    expected = tiny_model.encode([TEXTS[i] for i in found["id"]])
    np.testing.assert_array_equal(np.stack(found["embedding"]), expected)


def test_a_column_that_is_empty_at_first(
    tiny_model: StaticEmbedding, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.parquet"
    rows = pd.DataFrame({"text": TEXTS, "of": [None] * 300 + ["it"] * 50})
    rows.to_json(source, orient="records", lines=True)
    how = {"column": "text", "columns": ["of"], "part_size": PART}
    streaming.encode(source, target, tiny_model, **how)
    assert pd.read_parquet(target)["of"].dropna().tolist() == ["it"] * 50


def test_a_column_of_several_types(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.parquet"
    lines = [f'{{"text": "cat", "of": {1 if i < 300 else "[2]"}}}\n' for i in IDS]
    source.write_text("".join(lines))
    how = {"column": "text", "columns": ["of"], "part_size": PART}
    with pytest.raises(ValueError, match=r"column 'of', 'int64' before, .* row 301"):
        streaming.encode(source, target, tiny_model, **how)


# --- Models ---------------------------------------------------------------------------


def test_the_model_that_comes_with_the_package(tmp_path: Path) -> None:
    streaming.encode(TEXTS, tmp_path / "out.npy")
    expected = StaticEmbedding.from_pretrained().encode(TEXTS)
    np.testing.assert_array_equal(vectors(tmp_path / "out.npy"), expected)


def test_models_of_a_folder(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path / "model")
    streaming.encode(TEXTS, tmp_path / "out.npy", tmp_path / "model")
    np.testing.assert_array_equal(
        vectors(tmp_path / "out.npy"), tiny_model.encode(TEXTS)
    )


def test_transformers(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    models = [
        StaticEmbeddingTransformer(tiny_model, dimensionality=2).fit(TEXTS),
        make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(TEXTS),
    ]
    for i, model in enumerate(models):
        streaming.encode(TEXTS, tmp_path / f"{i}.npy", model)
        found = vectors(tmp_path / f"{i}.npy")
        np.testing.assert_array_equal(found, model.transform(TEXTS))
        assert found.dtype == model.transform(TEXTS).dtype


def test_probabilities(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    labels = ["cat" if "cat" in it else "none" for it in TEXTS]
    model = FeatureExtractionClassifier(tiny_model).fit(TEXTS, labels)
    model.save_pretrained(tmp_path / "model")
    source = SOURCES["parquet"](tmp_path, TEXTS)
    target = tmp_path / "out.parquet"
    streaming.encode(source, target, tmp_path / "model", columns=["id"])
    np.testing.assert_array_equal(vectors(target), model.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("model", "method", "message"),
    [
        (TfidfVectorizer().fit(TEXTS), None, "gives a sparse matrix"),
        (object(), None, "a object has no method encode or transform or predict_proba"),
        (StaticEmbeddingTransformer(), "predict", "has no method predict"),
        (StaticEmbeddingTransformer(), "get_params", "get_params"),
        (make_pipeline(TfidfVectorizer(tokenizer=lambda it: it)), None, "pickled"),
    ],
)
def test_models_that_are_none(
    tmp_path: Path, model: object, method: str | None, message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        streaming.encode(TEXTS, tmp_path / "out.npy", model, method=method)
    assert names(tmp_path) == []


def test_a_model_that_is_not_fitted(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), TruncatedSVD(2))
    with pytest.raises(ValueError, match="not fitted"):
        streaming.encode(TEXTS, tmp_path / "out.npy", model)
    assert names(tmp_path) == []


def test_threads_of_joblib(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    with joblib.parallel_config("threading", n_jobs=2):
        streaming.encode(iter(TEXTS), tmp_path / "out.npy", tiny_model, part_size=PART)
    np.testing.assert_array_equal(
        vectors(tmp_path / "out.npy"), tiny_model.encode(TEXTS)
    )


# --- What is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"target": "out.csv"}, "suffix of '.*out.csv' is none of '.npy', '.parquet'"),
        ({"target": "no folder/out.npy"}, "there is no folder"),
        ({"part_size": 0}, "part_size must be a number of rows, 1 or more, got 0"),
        ({"columns": ["id"]}, "room for vectors alone: write Parquet"),
        ({"column": "txt"}, "there is no column 'txt'. .* nearest first, are 'text'"),
        ({"columns": "id", "target": "out.parquet"}, "list of names, got 'id'"),
        ({"columns": ["no"], "target": "out.parquet"}, "there is no column 'no'"),
        ({"columns": ["id"] * 2, "target": "out.parquet"}, "names some twice, 'id'"),
        (
            {"columns": ["id"], "name": "id", "target": "out.parquet"},
            "a column 'id' already: choose another",
        ),
        ({"missing": "no"}, "missing must be one of"),
        ({"source": "in.csv.docx"}, "names no format"),
        ({"source": "in.npy"}, "texts cannot be read from"),
        ({"source": "it is no file.csv"}, "there is no file it is no file.csv"),
        ({"source": "no.parquet"}, "there is no file no.parquet"),
        ({"source": 3}, "must be a container of texts, got 3"),
        ({"source": iter(TEXTS), "column": "text"}, "column and columns are for"),
        ({"source": ds.dataset(table(TEXTS))}, "has no files"),
    ],
)
def test_settings(
    tiny_model: StaticEmbedding, tmp_path: Path, how: dict, message: str
) -> None:
    source = SOURCES["csv"](tmp_path, TEXTS)
    (tmp_path / "in.npy").write_bytes(b"")
    before = names(tmp_path)
    given = {"source": source, "model": tiny_model, **how}
    given["target"] = tmp_path / how.get("target", "out.npy")
    with pytest.raises((OSError, TypeError, ValueError), match=message):
        streaming.encode(**given)
    assert names(tmp_path) == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_target_that_is_there(
    tiny_model: StaticEmbedding, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"out.{suffix}"
    target.write_text("it is mine")
    with pytest.raises(FileExistsError, match=r"out\..* is there already"):
        streaming.encode(TEXTS, target, tiny_model)
    assert target.read_text() == "it is mine"
    assert names(tmp_path) == [target.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["iterator", "list", "parquet", "folder", "arrow"])
def test_no_texts(
    tiny_model: StaticEmbedding, tmp_path: Path, kind: str, suffix: str
) -> None:
    source = SOURCES[kind](tmp_path, [])
    if kind == "folder":
        pq.write_table(table(TEXTS).slice(0, 0), source / "0.parquet")
    before = names(tmp_path)
    with pytest.raises(ValueError, match="has no texts: nothing is written"):
        streaming.encode(source, tmp_path / f"out.{suffix}", tiny_model, column=None)
    assert names(tmp_path) == before


def test_files_without_rows(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("text\n")
    (tmp_path / "nothing.jsonl").write_text("")
    (tmp_path / "in").mkdir()
    for name, message in {
        "empty.csv": "has no rows",
        "nothing.jsonl": "it is empty",
        "in": "has no Parquet files",
    }.items():
        with pytest.raises(ValueError, match=message):
            streaming.encode(tmp_path / name, tmp_path / "out.npy", tiny_model)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "folder", "arrow"])
def test_a_row_without_text(
    tiny_model: StaticEmbedding, tmp_path: Path, kind: str
) -> None:
    texts = [*TEXTS]
    texts[249] = None
    target = tmp_path / "out.npy"
    with pytest.raises(ValueError, match="row 250: the text is None") as caught:
        streaming.encode(
            SOURCES[kind](tmp_path, texts), target, tiny_model, part_size=PART
        )
    # What was done before it is not lost: the row may be mended or read as empty.
    assert caught.value.__notes__ == [
        f"200 rows of {target} are done and kept for the next run."
    ]
    source = SOURCES[kind](tmp_path, texts)
    how = {"missing": "empty", "part_size": PART, "resume": False}
    assert streaming.encode(source, target, tiny_model, **how) == N_TEXTS
    texts[249] = ""
    np.testing.assert_array_equal(vectors(target), tiny_model.encode(texts))


def test_a_row_of_an_iterator_without_text(
    tiny_model: StaticEmbedding, tmp_path: Path
) -> None:
    texts = [*TEXTS[:250], None]
    with pytest.raises(ValueError, match="Row 250 of X"):
        streaming.encode(iter(texts), tmp_path / "out.npy", tiny_model, part_size=PART)


def test_a_damaged_file(tiny_model: StaticEmbedding, tmp_path: Path) -> None:
    source = SOURCES["parquet"](tmp_path, TEXTS)
    content = bytearray(source.read_bytes())
    content[200:1500] = bytes(1300)
    source.write_bytes(content)
    with pytest.raises(ValueError, match=r"in.parquet cannot be read after row 0"):
        streaming.encode(source, tmp_path / "out.npy", tiny_model, part_size=PART)
    source.write_bytes(b"PAR1 it is none")
    with pytest.raises(ValueError, match=r"is no Parquet file or folder of such"):
        streaming.encode(source, tmp_path / "out.npy", tiny_model, part_size=PART)


class Growing:
    """Gives wider vectors each time."""

    n_calls = 0

    def transform(self, texts: list[str]) -> np.ndarray:
        self.n_calls += 1
        return np.zeros((len(texts), self.n_calls))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_vectors_of_another_width(tmp_path: Path, suffix: str) -> None:
    message = "from row 101 on are 'float64' of 2 dimensions, and before 'float64' of 1"
    with pytest.raises(ValueError, match=message):
        streaming.encode(TEXTS, tmp_path / f"out.{suffix}", Growing(), part_size=PART)
