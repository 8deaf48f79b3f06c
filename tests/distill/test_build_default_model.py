"""The bundled model can be built again, on texts that the builder may choose."""

from __future__ import annotations

import gzip
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_teachers
from conftest import ROOT

from sk_m2v import StaticEmbedding

SCRIPT = ROOT / "examples" / "build_default_model.py"
SENTENCES = [
    f"{who} {did} {what}."
    for who in ("A man", "The girl", "Our teacher")
    for did in ("reads", "has found", "will sell")
    for what in ("a book", "two old cars", "the letter")
]
README = """\
| source | tier | sentences | characters | genre | repository | licence | x | y |
|---|---|---|---|---|---|---|---|---|
| made | A | 27 | 700 | general | somebody/made @ 12ab : a.txt | CC0 1.0 | - | - |
"""


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A corpus and data sets of the form that the script reads."""
    corpus, datasets = tmp_path / "corpus", tmp_path / "datasets"
    corpus.mkdir()
    (corpus / "README.md").write_text(README)
    with gzip.open(corpus / "made.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(SENTENCES))
    for name in ("massive_scenario", "banking77", "go_emotions"):
        rows = [{"text": f"{name} is a text", "label": 0}]
        write_rows(datasets / name / "train.jsonl.gz", rows)
    # In capitals, and with other spaces: to be recognised all the same.
    tested = [{"text": "  " + SENTENCES[0].upper(), "label": 1}]
    write_rows(datasets / "banking77" / "test.jsonl.gz", tested)
    for part in ("train", "validation", "test"):
        pairs = [
            {"text1": SENTENCES[1], "text2": other, "score": score}
            for score, other in enumerate(("a man reads", "the car", "a song"))
        ]
        write_rows(datasets / "stsb" / f"{part}.jsonl.gz", pairs)
    return corpus, datasets


@pytest.mark.slow
def test_bundled_model_can_be_built(
    folders: tuple[Path, Path],
    default_model: StaticEmbedding,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus, datasets = folders
    output, second = tmp_path / "model", tmp_path / "second"
    tiny_teachers.bert().save_pretrained(second)
    tiny_teachers.tokenizer().save_pretrained(second)
    arguments = {
        "--corpus": corpus,
        "--datasets": datasets,
        "--output": output,
        "--second-teacher": second,
        "--dtype": "float32",
        "--dimensions": default_model.dim,
    }
    flat = [str(it) for pair in arguments.items() for it in pair]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *flat])
    runpy.run_path(str(SCRIPT), run_name="__main__")

    built = StaticEmbedding.from_pretrained(output)
    assert built.tokenizer_json == default_model.tokenizer_json
    assert built.vectors.shape == default_model.vectors.shape
    assert built.vectors.dtype == np.int8
    ours, theirs = dict(built.config), dict(default_model.config)
    # Of 27 sentences and three texts, two are evaluated.
    assert ours.pop("corpus")["n_sentences"] == 28
    assert theirs.pop("corpus")["n_sentences"] == 60_000
    assert ours == theirs
    card = (output / "README.md").read_text()
    assert "license: apache-2.0" in card
    assert "| made | 25 | somebody/made @ 12ab | CC0 1.0 |" in card
    assert "| go_emotions | 1 |" in card
    assert (output / "LICENSE").read_text().strip().startswith("Apache License")


def test_every_source_is_credited(folders: tuple[Path, Path]) -> None:
    corpus, datasets = folders
    module = runpy.run_path(str(SCRIPT))
    texts = module["read_texts"](corpus, datasets)
    assert len(texts["made"]) == 25
    texts["unknown"] = ["a text"]
    with pytest.raises(SystemExit, match=r"no credit for \['unknown'\]"):
        module["credit"](corpus, texts)
