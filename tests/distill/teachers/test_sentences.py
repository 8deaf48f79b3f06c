"""How transformers read sentences: as sentence-transformers does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tiny_teachers import bert, gpt2, llama, load, t5, tokenizer

from sk_m2v.distill.teachers._callable import CallableTeacher
from sk_m2v.distill.teachers._forward import embed
from sk_m2v.distill.teachers._sentences import (
    hub_reader,
    read_settings,
    settings_of_modules,
)

TEXTS = ["red cat", "blue cats green red", "", "red cat", "cat " * 10_000, " Red\ncat "]


@pytest.fixture(scope="module")
def real(teacher_folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(teacher_folder), device="cpu")


def as_theirs(model: SentenceTransformer, texts: list[str] = TEXTS) -> np.ndarray:
    return model.encode(texts, show_progress_bar=False)


@pytest.mark.slow
def test_sentences_of_a_real_teacher(
    real: SentenceTransformer, teacher_folder: Path, parity_strings: list[str]
) -> None:
    texts = TEXTS + [it for it in parity_strings[::400] if it.isprintable()][:12]
    expected = as_theirs(real, texts)
    loaded = load(teacher_folder)
    assert_allclose(loaded.encode(texts), expected, atol=1e-5)
    assert loaded.settings.max_length == 256
    given = load(real)
    assert_allclose(given.encode(texts), expected, atol=1e-5)
    assert given.name == loaded.name == "model"
    assert given.key == loaded.key
    half = load(real, dtype="bfloat16")
    assert (half.encode(texts) * expected).sum(axis=1).min() > 0.999
    assert half.key != given.key
    [whole, lone] = loaded.encode(["red \ufffd", "red \ud800"])
    assert_allclose(whole, lone, atol=1e-6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my-teacher"
    bert().save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


def pooled(
    folder: Path, mode: Any, *more: Any, max_seq_length: int = 8, **kwargs: Any
) -> SentenceTransformer:
    first = modules.Transformer(str(folder), max_seq_length=max_seq_length)
    parts = [first, modules.Pooling(16, mode), *more]
    return SentenceTransformer(modules=parts, device="cpu", **kwargs)


@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken"])
def test_what_sentence_transformers_saves(
    folder: Path, tmp_path: Path, mode: str
) -> None:
    theirs = pooled(
        folder,
        mode,
        modules.Normalize(),
        prompts={"task": "green "},
        default_prompt_name="task",
        truncate_dim=5,
    )
    theirs.save_pretrained(str(tmp_path / "saved"))
    expected = as_theirs(theirs)
    assert expected.shape == (len(TEXTS), 5)
    assert_allclose(load(theirs).encode(TEXTS), expected, atol=1e-5)
    loaded = load(tmp_path / "saved", pooling="pooler")
    assert loaded.settings.prompt == "green "
    assert_allclose(loaded.encode(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize(
    "mode", ["mean_tokens", "cls_token", "lasttoken", "max_tokens"]
)
def test_what_old_versions_saved(folder: Path, mode: str) -> None:
    kinds = ("Transformer", "Pooling")
    steps = [
        {"name": kind, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for path, kind in zip(["", "1_Pooling"], kinds, strict=True)
    ]
    settings = {"word_embedding_dimension": 16, f"pooling_mode_{mode}": True}
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps(settings))
    (folder / "modules.json").write_text(json.dumps(steps))
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 5, "do_lower_case": True})
    )
    loaded = load(folder)
    if mode == "max_tokens":
        with pytest.raises(ValueError, match="a module Pooling of mode 'max'"):
            loaded.encode(TEXTS)
        return
    expected = as_theirs(SentenceTransformer(str(folder), device="cpu"))
    assert_allclose(loaded.encode(TEXTS), expected, atol=1e-5)
    assert loaded.settings.max_length == 5
    assert loaded.settings.lowercase
    assert_array_equal(expected[0], expected[3])


def test_modules_that_are_not_known(folder: Path, tmp_path: Path) -> None:
    dense = modules.Dense(16, 6)
    theirs = pooled(folder, "mean", dense)
    saved = tmp_path / "saved"
    theirs.save_pretrained(str(saved))
    loaded = load(saved)
    ids = [[2, 4, 3], [2, 5, 6, 7, 3]]
    tokens = loaded.embed_tokens(ids)  # which need no modules
    with pytest.raises(ValueError, match="a module Dense") as error:
        loaded.encode(TEXTS)
    assert f"pass SentenceTransformer({str(saved)!r}) itself" in str(error.value)
    # The object can do it.
    theirs.train()
    given = load(theirs)
    vectors = given.encode(TEXTS)
    assert theirs.training
    assert_allclose(vectors, as_theirs(theirs), atol=1e-5)
    assert given.encode([]).shape == (0, 6)
    assert_array_equal(given.embed_tokens(ids), tokens)
    half = load(theirs, dtype="bfloat16")
    assert_allclose(half.encode(TEXTS), vectors, atol=0.05)
    before = given.key
    with torch.no_grad():
        dense.linear.weight += 1
    assert load(theirs).key != before


def test_object_without_a_transformer() -> None:
    words = tokenizer().backend_tokenizer
    static = modules.StaticEmbedding(words, embedding_dim=4)
    theirs = SentenceTransformer(modules=[static], device="cpu")
    teacher = load(theirs)
    assert isinstance(teacher, CallableTeacher)
    assert_allclose(teacher.encode(TEXTS), as_theirs(theirs))
    assert len(teacher.key) == 64
    asked = load(theirs, prompt="red ")
    expected = theirs.encode(["red " + text for text in TEXTS])
    assert_allclose(asked.encode(TEXTS), expected)
    assert asked.key != teacher.key
    assert asked.name == teacher.name == "SentenceTransformer.encode"


@pytest.mark.parametrize("make", [gpt2, llama, t5])
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_sentences_without_settings(make: Any, pooling: str) -> None:
    words = tokenizer()
    words.pad_token = None
    words.model_max_length = 10
    model = make()
    teacher = load((model, words), pooling=pooling)
    ids = words(TEXTS, truncation=True)["input_ids"]
    assert teacher.settings.max_length == max(map(len, ids)) == 10
    expected = embed(
        teacher, ids, pooling=pooling, device=teacher.device, dtype="float32"
    )
    assert_array_equal(teacher.encode(TEXTS), expected)


@pytest.mark.parametrize(
    ("ours", "positions", "expected"),
    [(10**30, 32, 32), (16, 32, 16), (4096, 2048, 512), (10**30, -1, 512)],
)
def test_longest_sentence(ours: int, positions: int, expected: int) -> None:
    words, model = tokenizer(), bert()
    words.model_max_length = ours
    model.config.max_position_embeddings = positions
    assert load((model, words)).settings.max_length == expected


def test_texts_without_tokens() -> None:
    words = tokenizer()
    words.backend_tokenizer.post_processor = None
    teacher = load((gpt2(), words), pooling="last")
    vectors = teacher.encode(["", "red", " "])
    assert vectors.any(axis=1).tolist() == [False, True, False]
    assert_array_equal(teacher.encode([""]), np.zeros((1, 16)))
    assert teacher.encode([]).shape == (0, 16)


# --- settings on the hub


def test_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    (tmp_path / "modules.json").write_text('[{"path": "1_Dense", "type": "x.Dense"}]')
    offline = False

    def download(repo_id: str, path: str, **options: bool) -> str:
        if offline:
            raise errors.LocalEntryNotFoundError("offline")
        if not (tmp_path / path).exists():
            raise errors.EntryNotFoundError(path)
        return str(tmp_path / path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    read = hub_reader("owner/name")
    assert read("modules.json") == [{"path": "1_Dense", "type": "x.Dense"}]
    assert read("absent.json") is None
    with pytest.raises(ValueError, match=r"x\.Dense in place of Transformer"):
        read_settings(read, name="owner/name", pooling="mean", limit=None, prompt=None)
    offline = True
    with pytest.raises(OSError, match=r"modules\.json of teacher='owner/name'"):
        read("modules.json")
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda *args: huggingface_hub._CACHED_NO_EXIST,
    )
    assert hub_reader("owner/name")("modules.json") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling_mode": ["mean", "max"]}, "mode 'mean and max'"),
        ({"pooling_mode": "weightedmean"}, "mode 'weightedmean'"),
        ({"modality_config": {"message": {}}}, "other things than plain texts"),
        ({"processing_kwargs": {"text": {}}}, "processing_kwargs"),
        ({"include_prompt": False}, "leaves out the prompt"),
    ],
    ids=str,
)
def test_settings_that_are_not_known(change: dict[str, Any], message: str) -> None:
    kinds = ("Transformer", "Pooling")
    parts = [(f"sentence_transformers.models.{kind}", change) for kind in kinds]
    prompt = {"prompts": {"a": "read: "}, "default_prompt_name": "a"}
    with pytest.raises(ValueError, match=message):
        settings_of_modules(parts, prompt, name="x", limit=None, prompt=None)
    with pytest.raises(ValueError, match="no module Pooling"):
        settings_of_modules(parts[:1], {}, name="x", limit=None, prompt=None)


@pytest.mark.parametrize("prompt", ["red ", ""])
def test_prompt_in_place_of_the_saved_one(
    folder: Path, tmp_path: Path, prompt: str
) -> None:
    prompts: Any = {"prompts": {"task": "green "}, "default_prompt_name": "task"}
    for more in ([], [modules.Dense(16, 6)]):  # the second reads texts itself
        theirs = pooled(folder, "mean", *more, max_seq_length=32, **prompts)
        expected = theirs.encode(TEXTS, prompt=prompt)
        found = load(theirs, prompt=prompt)
        assert_allclose(found.encode(TEXTS), expected, atol=1e-5)
        assert found.key != load(theirs).key
    whole = pooled(folder, "mean", max_seq_length=32, **prompts)
    whole.save_pretrained(str(tmp_path / "saved"))
    saved, asked = (load(tmp_path / "saved", prompt=it) for it in (None, prompt))
    texts = [prompt.strip() + " " + text for text in TEXTS]
    assert_allclose(asked.encode(TEXTS), load(folder).encode(texts), atol=1e-5)
    assert asked.key != saved.key
    # Tokens are read without.
    assert_allclose(asked.embed_tokens([[2, 4, 3]]), saved.embed_tokens([[2, 4, 3]]))


def test_prompt_that_the_pooling_leaves_out() -> None:
    kinds = ("Transformer", "Pooling")
    parts = [
        (f"sentence_transformers.models.{kind}", {"include_prompt": False})
        for kind in kinds
    ]
    how: dict[str, Any] = {"name": "x", "limit": None}
    assert settings_of_modules(parts, {}, prompt=None, **how).prompt == ""
    with pytest.raises(ValueError, match="leaves out the prompt"):
        settings_of_modules(parts, {}, prompt="read: ", **how)
