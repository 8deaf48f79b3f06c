"""`search`, `convert`, `export`, `inspect` and `push`: what is done with a model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_tables import process, read_csv, reviews, write_csv
from model2vec import StaticModel
from model2vec.inference import StaticModelPipeline
from sentence_transformers import SentenceTransformer

from sk_m2v import StaticEmbedding, load
from sk_m2v.onnx import load as load_graph

ROWS = reviews(20, seed=5)
TEXTS = [row["review"] for row in ROWS]
Command = Callable[..., Any]


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "new.csv", ROWS)


# Search


def test_search_by_one_query(command: Command, new: Path) -> None:
    ran = command("search", "an excellent lamp", new, "--text", "review", "-n", 3)
    assert (ran.code, ran.err) == (0, "")
    model = StaticEmbedding.from_pretrained()
    found = model.nearest(["an excellent lamp"], TEXTS, n=3)
    rows = read_csv(ran.out)
    assert [int(row["row"]) - 1 for row in rows] == found.indices[0].tolist()
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {row["query"] for row in rows} == {"an excellent lamp"}
    scores = [float(row["score"]) for row in rows]
    np.testing.assert_allclose(scores, found.scores[0], atol=5e-5)
    for row in rows:
        near = ROWS[int(row["row"]) - 1]
        assert {name: row[name] for name in near} == {
            name: str(it) for name, it in near.items()
        }


def test_search_by_a_file_of_queries(
    command: Command, new: Path, tmp_path: Path, trained: Path
) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("a broken phone\na plain chair\n")
    out = tmp_path / "found.jsonl"
    how = ["--queries", queries, "--model", trained, "-n", 99, "--out", out]
    assert command("search", new, *how).code == 0
    rows = [json.loads(it) for it in out.read_text().splitlines()]
    model = load(trained / "model").embedding_
    found = model.nearest(["a broken phone", "a plain chair"], TEXTS, n=len(TEXTS))
    assert [row["row"] - 1 for row in rows] == found.indices.ravel().tolist()
    assert [row["rank"] for row in rows] == [*range(1, 21)] * 2


def test_search_with_columns_of_the_queries(
    command: Command, new: Path, tmp_path: Path
) -> None:
    queries = write_csv(tmp_path / "queries.csv", [{"review": "slow", "other": "x"}])
    how = ["--queries", queries, "--text", "review", "-n", 1]
    (row,) = read_csv(command("search", new, *how).out)
    assert row["query"] == "slow"


def test_search_without_a_query(refused: Callable[..., str], new: Path) -> None:
    assert "give a query and a file to search, or --queries" in refused("search", new)
    message = refused("search", "a query", new, "--queries", new)
    assert "give a query and a file to search, or --queries" in message


@pytest.mark.parametrize("n", [0, -1])
def test_search_for_nothing(refused: Callable[..., str], new: Path, n: int) -> None:
    message = refused("search", "lamp", new, "--text", "review", "-n", n)
    assert f"1 or more, got {n}" in message


# Convert


@pytest.mark.parametrize("layout", [[], ["--layout", "model2vec"]])
def test_convert_to_model2vec(
    command: Command, trained: Path, tmp_path: Path, layout: list[str]
) -> None:
    ran = command("convert", trained, tmp_path / "it", *layout)
    assert (ran.code, ran.out) == (0, "")
    expected = load(trained / "model").embedding_.encode(TEXTS)
    found = StaticEmbedding.from_pretrained(tmp_path / "it").encode(TEXTS)
    np.testing.assert_array_equal(found, expected)
    theirs = StaticModel.from_pretrained(tmp_path / "it").encode(TEXTS)
    np.testing.assert_allclose(theirs, expected, atol=1e-5)


def test_convert_to_sentence_transformers(
    command: Command, embedding_folder: Path, tmp_path: Path
) -> None:
    layout = ["--layout", "sentence-transformers"]
    assert command("convert", embedding_folder, tmp_path / "it", *layout).code == 0
    expected = StaticEmbedding.from_pretrained(embedding_folder).encode(TEXTS)
    theirs = SentenceTransformer(str(tmp_path / "it"), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(theirs, expected, atol=1e-5)


def test_convert_to_a_pipeline(command: Command, trained: Path, tmp_path: Path) -> None:
    """The lexical features of a classifier have no place in a pipeline."""
    raw = write_csv(tmp_path / "raw.csv", reviews())
    how = ["--text", "review", "--label", "stars", "--set", "train.lexical=false"]
    run, out = tmp_path / "run", tmp_path / "it"
    assert command("train", raw, *how, "--out", run).code == 0
    assert command("convert", run, out, "--layout", "pipeline").code == 0
    expected = load(run / "model").predict(TEXTS).tolist()
    assert load(out).predict(TEXTS).tolist() == expected
    theirs = StaticModelPipeline.from_pretrained(out)
    assert theirs.predict(TEXTS).tolist() == expected


def test_convert_to_a_smaller_one(
    command: Command, embedding_folder: Path, tmp_path: Path
) -> None:
    how = ["--dimensionality", 8, "--quantize-to", "int8"]
    assert command("convert", embedding_folder, tmp_path / "it", *how).code == 0
    expected = StaticEmbedding.from_pretrained(
        embedding_folder, dimensionality=8, quantize_to="int8"
    )
    found = StaticEmbedding.from_pretrained(tmp_path / "it")
    np.testing.assert_array_equal(found.encode(TEXTS), expected.encode(TEXTS))
    assert found.dim == 8


def test_convert_refuses(
    refused: Callable[..., str], embedding_folder: Path, trained: Path, tmp_path: Path
) -> None:
    out, pipeline = tmp_path / "it", ["--layout", "pipeline"]
    message = refused("convert", embedding_folder, out, *pipeline)
    assert "holds a StaticEmbedding, which does not predict" in message
    message = refused("convert", trained, out, *pipeline, "--dimensionality", 8)
    assert "a pipeline is written as it is: leave out the options 'dimens" in message
    file = tmp_path / "file"
    file.write_text("mine")
    assert "file" in refused("convert", embedding_folder, file)
    assert file.read_text() == "mine"
    assert [it.name for it in tmp_path.iterdir()] == ["file"]


# Export


def test_export(command: Command, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "it.onnx"
    ran = command("export", trained, out)
    assert (ran.code, ran.out) == (0, "")
    estimator = load(trained / "model")
    graph = load_graph(out)
    assert graph.predict(TEXTS).tolist() == estimator.predict(TEXTS).tolist()


def test_export_of_an_embedding(
    command: Command, embedding_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "it.onnx"
    assert command("export", embedding_folder, out, "--precision", "float16").code == 0
    expected = StaticEmbedding.from_pretrained(embedding_folder).encode(TEXTS)
    np.testing.assert_allclose(load_graph(out).transform(TEXTS), expected, atol=2e-3)


def test_export_refuses(
    refused: Callable[..., str], embedding_folder: Path, tmp_path: Path
) -> None:
    message = refused("export", embedding_folder, tmp_path / "it.bin")
    assert "what is written is a file, whose name ends with .onnx" in message
    message = refused("export", embedding_folder, tmp_path / "no" / "it.onnx")
    assert f"there is no folder {tmp_path / 'no'}" in message
    (tmp_path / "it.onnx").mkdir()
    assert "it.onnx" in refused("export", embedding_folder, tmp_path / "it.onnx")
    assert [it.name for it in tmp_path.iterdir()] == ["it.onnx"]


# Inspect


def test_inspect(command: Command, trained: Path) -> None:
    ran = command("inspect", trained, "--json")
    found = json.loads(ran.out)
    estimator = load(trained / "model")
    assert found["kind"] == "FeatureExtractionClassifier"
    assert found["dimensions"] == estimator.embedding_.dim
    assert found["tokens"] == estimator.embedding_.n_tokens
    assert [*found["classes"]] == estimator.classes_.tolist()
    expected = [term for term, _ in estimator.top_terms(5)["good"]]
    assert found["classes"]["good"] == expected
    assert found["parameters"]["C"] == "auto"
    text = command("inspect", trained, "--terms", 2).out
    assert text.startswith("kind        FeatureExtractionClassifier\n")
    assert f"\n  good: {', '.join(expected[:2])}\n" in text


def test_inspect_an_embedding(command: Command, embedding_folder: Path) -> None:
    found = json.loads(command("inspect", embedding_folder, "--json").out)
    assert found["kind"] == "StaticEmbedding"
    assert found["dimensions"] == 16
    assert found["path"] == str(embedding_folder)
    files = [it for it in embedding_folder.rglob("*") if it.is_file()]
    size = sum(it.stat().st_size for it in files)
    assert found["megabytes"] == round(size / 1e6, 2)
    text = command("inspect").out
    assert "\ndimensions  384\n" in text


# Push


@pytest.mark.parametrize("hub_id", ["no-owner", "me/my/it"])
def test_push_to_what_is_no_id(
    refused: Callable[..., str], embedding_folder: Path, hub_id: str
) -> None:
    message = refused("push", embedding_folder, hub_id)
    assert f"must have the form 'owner/name', got {hub_id!r}" in message


def test_push_without_a_hub(embedding_folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    environment.pop("HF_TOKEN", None)
    ran = process("push", embedding_folder, "me/reviews", env=environment)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("sk-m2v push: ")
    assert "offline mode is enabled" in ran.stderr
    assert "Traceback" not in ran.stderr
