"""Loading teachers and running them, on tiny models with random weights."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    PreTrainedTokenizerFast,
)

from sk_m2v.distill._poolings import POOLINGS
from sk_m2v.distill._teacher import Teacher, embed, find_device, load_teacher

CPU = torch.device("cpu")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "cat", "##s"]
SEQUENCES = [[2, 4, 3], [2, 5, 6, 7, 3], [4], [2, 7, 8, 3], [2, 3]]


def tokenizer() -> PreTrainedTokenizerFast:
    vocab = {word: i for i, word in enumerate(WORDS)}
    words = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def bert(**kwargs: Any) -> BertModel:
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertModel(config, **kwargs)


def gpt2() -> GPT2Model:
    config = GPT2Config(
        vocab_size=len(WORDS),
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=32,
        bos_token_id=2,
        eos_token_id=3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GPT2Model(config)


@pytest.fixture
def teacher() -> Teacher:
    return load_teacher((bert(), tokenizer()))


def run(
    teacher: Teacher, sequences: list[list[int]] = SEQUENCES, **kwargs: Any
) -> np.ndarray:
    options = {"pooling": "mean", "device": CPU, "verbose": False} | kwargs
    return embed(teacher, sequences, **options)


@torch.inference_mode()
def one_by_one(model: Any, pooling: str) -> np.ndarray:
    """Plain computation of each pooling, without batches and masks."""
    outputs = [model.eval()(torch.tensor([it])) for it in SEQUENCES]
    rows = {
        "mean": lambda output: output.last_hidden_state[0].mean(dim=0),
        "first": lambda output: output.last_hidden_state[0, 0],
        "last": lambda output: output.last_hidden_state[0, -1],
        "pooler": lambda output: output.pooler_output[0],
    }
    return torch.stack([rows[pooling](output) for output in outputs]).numpy()


# --- vectors


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings(teacher: Teacher, pooling: str) -> None:
    vectors = run(teacher, pooling=pooling)
    assert vectors.dtype == np.float32
    assert_allclose(vectors, one_by_one(teacher.model, pooling), atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_decoders(pooling: str) -> None:
    teacher = load_teacher((gpt2(), tokenizer()))
    expected = one_by_one(teacher.model, pooling)
    assert_allclose(run(teacher, pooling=pooling), expected, atol=1e-6)


def test_more_sequences_than_a_batch(
    teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(teacher)
    monkeypatch.setattr("sk_m2v.distill._teacher._BATCH_SIZE", 2)
    assert_allclose(run(teacher), expected, atol=1e-6)


def test_half_precision_gives_float32(teacher: Teacher) -> None:
    expected = run(teacher)
    teacher.model.bfloat16()
    vectors = run(teacher)
    assert vectors.dtype == np.float32
    assert_allclose(vectors, expected, atol=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda(teacher: Teacher) -> None:
    expected = run(teacher)
    assert_allclose(run(teacher, device=torch.device("cuda")), expected, atol=1e-4)
    assert teacher.model.device == CPU


# --- the teacher is a guest


def test_model_is_given_back_as_it_was(teacher: Teacher) -> None:
    teacher.model.train()
    teacher.model.encoder.eval()
    before = [module.training for module in teacher.model.modules()]
    first = run(teacher)
    assert [module.training for module in teacher.model.modules()] == before
    # Dropout, which training has, would give other vectors each time.
    assert_array_equal(run(teacher), first)
    assert all(it.requires_grad for it in teacher.model.parameters())


def test_model_is_given_back_after_an_error(teacher: Teacher) -> None:
    teacher.model.train().pooler = None
    with pytest.raises(ValueError, match="trained pooler"):
        run(teacher, pooling="pooler")
    assert teacher.model.training


def test_no_global_state(teacher: Teacher, tmp_path: Path) -> None:
    teacher.model.save_pretrained(tmp_path)
    teacher.tokenizer.save_pretrained(tmp_path)
    environment, torch_state = dict(os.environ), torch.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    run(load_teacher(tmp_path))
    assert dict(os.environ) == environment
    assert torch.equal(torch.get_rng_state(), torch_state)
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert_array_equal(after["state"]["key"], numpy_state["state"]["key"])


def test_progress_only_on_request(
    teacher: Teacher, capsys: pytest.CaptureFixture[str]
) -> None:
    run(teacher)
    assert capsys.readouterr() == ("", "")
    run(teacher, verbose=True)
    assert "5/5" in capsys.readouterr().err


# --- what a teacher cannot do


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_refused(teacher: Teacher, value: float) -> None:
    with torch.no_grad():
        teacher.model.embeddings.word_embeddings.weight[8] = value
    with pytest.raises(ValueError, match="NaN or infinity for 1 of 5") as error:
        run(teacher)
    assert "['[CLS]', 'cat', '##s', '[SEP]']" in str(error.value)


def test_tokens_that_the_model_does_not_have(teacher: Teacher) -> None:
    teacher.tokenizer.add_tokens("novel")
    with pytest.raises(ValueError, match=r"vectors for 9 tokens.*'novel'"):
        run(teacher, [[2, 4, 3], [2, 9, 3]])


def test_pooler_that_a_decoder_does_not_have() -> None:
    with pytest.raises(ValueError, match="use pooling='mean' or 'first'"):
        run(load_teacher((gpt2(), tokenizer())), pooling="pooler")


# --- where it comes from


@pytest.fixture
def folder(tmp_path: Path, teacher: Teacher) -> Path:
    path = tmp_path / "my-teacher"
    teacher.model.save_pretrained(path)
    teacher.tokenizer.save_pretrained(path)
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_folder_without_network(
    folder: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    loaded = load_teacher(kind(folder))
    assert loaded.name == "my-teacher"
    assert loaded.tokenizer.unk_token == "[UNK]"
    assert_array_equal(run(loaded), run(teacher))


def test_names(folder: Path, teacher: Teacher) -> None:
    assert teacher.name == ""
    # transformers records where a model came from: a path of one machine, at times.
    loaded = load_teacher(folder)
    assert loaded.model.name_or_path == str(folder)
    assert load_teacher((loaded.model, loaded.tokenizer)).name == "my-teacher"
    teacher.model.name_or_path = "owner/name"
    assert load_teacher((teacher.model, teacher.tokenizer)).name == "owner/name"


def test_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load_teacher("~/my-teacher").name == "my-teacher"


@pytest.mark.parametrize(
    "name", ["missing", "./missing", "a/b/missing", "../missing", Path("owner/name")]
)
def test_folder_that_does_not_exist(name: Any) -> None:
    with pytest.raises(FileNotFoundError) as error:
        load_teacher(name)
    assert f"there is no folder teacher={str(name)!r}" in str(error.value)


def test_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"without a config\.json"):
        load_teacher(tmp_path)


def test_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="teacher='sk-m2v/no-such-teacher'"):
        load_teacher("sk-m2v/no-such-teacher")


def test_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_teacher(folder)


def test_folder_that_lacks_some_weights(folder: Path, teacher: Teacher) -> None:
    weights = teacher.model.state_dict()
    del weights["encoder.layer.1.output.dense.weight"]
    teacher.model.save_pretrained(folder, state_dict=weights)
    with pytest.raises(ValueError, match="lacks weights of its model"):
        load_teacher(folder)


def test_pooler_that_was_not_saved(folder: Path) -> None:
    bert(add_pooling_layer=False).save_pretrained(folder)
    loaded = load_teacher(folder)
    run(loaded)
    with pytest.raises(ValueError, match="needs a teacher with a trained pooler"):
        run(loaded, pooling="pooler")


@pytest.mark.parametrize("pair", [(), ("model", "tokenizer"), (bert(),)])
def test_tuples_that_are_no_pair(pair: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"or \(model, tokenizer\), got a tuple"):
        load_teacher(pair)


def test_tokenizer_of_another_library(teacher: Teacher) -> None:
    with pytest.raises(TypeError, match=r"type Tokenizer.*AutoTokenizer"):
        load_teacher((teacher.model, teacher.tokenizer.backend_tokenizer))


# --- device


def test_devices() -> None:
    assert find_device("cpu") == CPU
    assert find_device(None).type in ("cpu", "cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", ""])
def test_unknown_device(device: str) -> None:
    with pytest.raises(ValueError, match="cannot be used here") as error:
        find_device(device)
    assert f"device={device!r}" in str(error.value)
