"""Folders of sentence-transformers: applied exactly, or refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

import sk_m2v
from sk_m2v import StaticEmbedding, StaticEmbeddingTransformer
from sk_m2v.embedding.storage._folder import read_folder
from sk_m2v.embedding.storage._snapshot import snapshot

TEXTS = ["red cat", "the dogs", "house", "red red xyz cat qqq", "xyz", "", "DOGS!"]
KNOWN = ["red cat", "dogs", "blue dog.", "red red cat"]


def theirs(*after: Any, tiny_model: StaticEmbedding, **options: Any) -> Any:
    first = modules.StaticEmbedding(
        tiny_model.tokenizer, embedding_weights=np.array(tiny_model.vectors)
    )
    return SentenceTransformer(modules=[first, *after], device="cpu", **options)


@pytest.fixture
def save(tiny_model: StaticEmbedding, tmp_path: Path) -> Any:
    def save(*after: Any, **options: Any) -> Any:
        model = theirs(*after, tiny_model=tiny_model, **options)
        model.save_pretrained(str(tmp_path))
        return model

    return save


# --- ours, there ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout", ["sentence-transformers", "sentence-transformers-nested"]
)
@pytest.mark.parametrize("quantize_to", ["float32", "float16", "int8"])
@pytest.mark.parametrize("normalize", [True, False])
def test_unknown_tokens_count_for_nothing(
    tiny_model: StaticEmbedding,
    tmp_path: Path,
    layout: str,
    quantize_to: str,
    normalize: bool,
) -> None:
    ours = tiny_model.quantize(quantize_to).replace(normalize=normalize)
    ours.save_pretrained(tmp_path, layout=layout)
    [file] = tmp_path.rglob("model.safetensors")
    assert load_file(file)["embedding.weight"].dtype == np.float32
    there = SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS)
    here = ours.encode(TEXTS)
    assert np.isfinite(there).all()
    if normalize:
        assert_allclose(there, here, atol=1e-6)
    else:
        # The mean is one over all tokens there, and over the known ones here.
        n_known = np.array([len(it) for it in ours.tokens(TEXTS)])
        n_all = np.array([len(tiny_model.tokenizer.encode(it)) for it in TEXTS])
        assert_allclose(
            there, here * (n_known / np.maximum(n_all, 1))[:, None], atol=1e-6
        )
    loaded = StaticEmbedding.from_pretrained(tmp_path)
    assert_allclose(loaded.encode(TEXTS), here, atol=1e-6)


def test_the_bundled_model_there(
    default_model: StaticEmbedding, tmp_path: Path
) -> None:
    texts = ["a great film", "the 🦤 is extinct", "\u0b95\u0bcd", "good 🦤🦤 bad"]
    default_model.save_pretrained(tmp_path, layout="sentence-transformers")
    there = SentenceTransformer(str(tmp_path), device="cpu").encode(texts)
    assert_allclose(there, default_model.encode(texts), atol=1e-6)


# --- theirs, here ---------------------------------------------------------------------


def dense(out: int, *, bias: bool, activation: Any) -> Any:
    torch.manual_seed(0)
    return modules.Dense(4, out, bias=bias, activation_function=activation)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("normalize", [True, False])
def test_linear_layers_are_applied(
    save: Any, tmp_path: Path, bias: bool, normalize: bool
) -> None:
    after = [dense(3, bias=bias, activation=torch.nn.Identity())]
    there = save(*after, *([modules.Normalize()] if normalize else []))
    ours = StaticEmbedding.from_pretrained(tmp_path)
    assert ours.dim == 3
    assert ours.normalize is normalize
    assert_allclose(ours.encode(KNOWN), there.encode(KNOWN), atol=1e-6)


def test_modules_without_effect(save: Any, tmp_path: Path) -> None:
    there = save(modules.Dropout(0.5), modules.Normalize())
    ours = StaticEmbedding.from_pretrained(tmp_path)
    assert_allclose(ours.encode(KNOWN), there.encode(KNOWN), atol=1e-6)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (
            [dense(3, bias=False, activation=torch.nn.Tanh())],
            "1_Dense is a layer with Tanh",
        ),
        (
            [modules.Normalize(), dense(3, bias=False, activation=torch.nn.Identity())],
            "modules.json has a module 2_Dense of type Dense after .*Normalize",
        ),
        (
            [modules.LayerNorm(4)],
            "modules.json has a module 1_LayerNorm of type LayerNorm",
        ),
    ],
)
def test_other_modules_are_refused(
    save: Any, tmp_path: Path, after: list[Any], message: str
) -> None:
    save(*after)
    with pytest.raises(ValueError, match=message) as error:
        StaticEmbedding.from_pretrained(tmp_path)
    assert "DistillTransformer" in str(error.value)


def test_prompts(save: Any, tmp_path: Path) -> None:
    there = save(prompts={"query": "red "}, default_prompt_name="query")
    with pytest.raises(ValueError, match=r"puts the prompt 'red ' before .*null"):
        StaticEmbedding.from_pretrained(tmp_path)
    file = tmp_path / "config_sentence_transformers.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"default_prompt_name": None}))
    ours = StaticEmbedding.from_pretrained(tmp_path)
    expected = there.encode(KNOWN)
    assert_allclose(ours.encode([f"red {it}" for it in KNOWN]), expected, atol=1e-6)


# --- teachers -------------------------------------------------------------------------

ADVICE = (
    r"'(.*)' is a transformer: a teacher, .*DistillTransformer\('\1'\)\.fit\(texts\)"
)


@pytest.mark.parametrize(
    "load",
    [
        StaticEmbedding.from_pretrained,
        sk_m2v.load,
        lambda path: StaticEmbeddingTransformer(str(path)).fit(),
        lambda path: sk_m2v.FeatureExtractionClassifier(path).fit(["a", "b"], [0, 1]),
        sk_m2v.StaticClassifier.from_pretrained,
    ],
)
def test_a_sentence_transformer_is_a_teacher(load: Any, teacher_folder: Path) -> None:
    if load == sk_m2v.StaticClassifier.from_pretrained:
        with pytest.raises(FileNotFoundError, match=r"estimator\.json is missing"):
            load(teacher_folder)
        return
    with pytest.raises((ValueError, OSError), match=ADVICE) as error:
        load(teacher_folder)
    assert len(str(error.value)) <= 600


def test_a_teacher_in_other_files(teacher_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((teacher_folder / name).read_bytes())
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(FileNotFoundError, match=ADVICE):
        StaticEmbedding.from_pretrained(tmp_path)


def test_a_teacher_of_the_hub_is_called_by_its_id(
    teacher_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "models--owner--name" / "snapshots" / "0123"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(teacher_folder, target_is_directory=True)
    message = re.escape("DistillTransformer('owner/name')")
    with snapshot(folder) as files, pytest.raises(ValueError, match=message):
        read_folder(files)


def test_no_such_folder() -> None:
    for name in ("models/mine", "./models/mine"):
        with pytest.raises(OSError, match=rf"^there is no folder '{re.escape(name)}'"):
            StaticEmbeddingTransformer(name).fit()
