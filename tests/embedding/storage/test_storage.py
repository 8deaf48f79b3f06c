"""Folders: layouts, exchange with the peers, damage."""

from __future__ import annotations

import json
import mmap
import shutil
import struct

import numpy as np
import pytest
from conftest import tiny_tokenizer
from model2vec import StaticModel
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file, save_file

from sk_m2v import StaticEmbedding
from sk_m2v.embedding.storage._folder import LAYOUTS
from sk_m2v.embedding.storage._replace import write_files

TEXTS = ["red cats", "blue dog.", "", "house"]


@pytest.fixture
def folder(tiny_model, tmp_path):
    tiny_model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def compact_model(tiny_model):
    """Int8 with scales and clusters: every tensor there is."""
    return tiny_model.quantize("int8", vocabulary_quantization=6)


class TestRoundTrip:
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("quantize_to", ["float32", "float16", "int8"])
    @pytest.mark.parametrize("clusters", [None, 6])
    def test_every_layout(self, tiny_model, tmp_path, layout, quantize_to, clusters):
        model = tiny_model.quantize(quantize_to, vocabulary_quantization=clusters)
        model.save_pretrained(tmp_path, layout=layout)
        again = StaticEmbedding.from_pretrained(tmp_path)
        assert (again.normalize, again.max_length) == (True, 8)
        assert_allclose(again.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
        peer = StaticModel.from_pretrained(tmp_path)
        assert (peer.normalize, peer.max_length) == (True, 8)
        # model2vec gives back half precision for stored half precision.
        atol = 1e-3 if peer.embedding.dtype == np.float16 else 1e-6
        assert_allclose(peer.encode(TEXTS), model.encode(TEXTS), atol=atol)

    def test_model2vec_layout_keeps_everything(self, compact_model, tmp_path):
        compact_model.save_pretrained(tmp_path)
        again = StaticEmbedding.from_pretrained(tmp_path)
        for name in ("vectors", "weights", "token_mapping"):
            assert_array_equal(getattr(again, name), getattr(compact_model, name))
            assert getattr(again, name).dtype == getattr(compact_model, name).dtype
        assert again.tokenizer_json == compact_model.tokenizer_json

    @pytest.mark.parametrize("quantize_to", [None, "float16"])
    def test_saved_by_model2vec(self, tiny_vectors, tmp_path, quantize_to):
        peer = StaticModel(tiny_vectors, tiny_tokenizer(), normalize=True, max_length=3)
        peer.save_pretrained(tmp_path)
        model = StaticEmbedding.from_pretrained(tmp_path)
        assert_array_equal(model.encode(TEXTS), peer.encode(TEXTS))
        # Its own words for the configuration come back.
        model.save_pretrained(tmp_path / "again")
        config = json.loads((tmp_path / "again/config.json").read_text())
        assert config["normalize"] is True
        assert config["max_length"] == 3

    @pytest.mark.parametrize("normalize", [True, False])
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_sentence_transformers_loads_it(
        self, tiny_model, tmp_path, normalize, layout
    ):
        from sentence_transformers import SentenceTransformer

        kind = {"model_type": "model2vec", "architectures": ["StaticModel"]}
        model = tiny_model.replace(normalize=normalize, **kind)
        model.save_pretrained(tmp_path, layout=layout)
        vectors = SentenceTransformer(str(tmp_path), device="cpu").encode(TEXTS[:2])
        assert_allclose(vectors, model.encode(TEXTS[:2]), atol=1e-6)

    @pytest.mark.parametrize("normalize", [True, False])
    def test_saved_by_sentence_transformers(self, tiny_vectors, tmp_path, normalize):
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import modules as kinds

        modules = [kinds.StaticEmbedding(tiny_tokenizer(), tiny_vectors)]
        if normalize:
            modules.append(kinds.Normalize())
        theirs = SentenceTransformer(modules=modules, device="cpu")
        theirs.save(str(tmp_path))
        model = StaticEmbedding.from_pretrained(tmp_path)
        assert model.normalize is normalize
        assert_allclose(model.encode(TEXTS[:2]), theirs.encode(TEXTS[:2]), atol=1e-6)

    @pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
    def test_other_types(self, folder, tiny_vectors, dtype):
        if dtype == "bfloat16":
            bits = (tiny_vectors.view(np.uint32) >> 16).astype(np.uint16)
            expected = (bits.astype(np.uint32) << 16).view(np.float32)
            _write_raw(folder, bits.tobytes(), "BF16", bits.shape)
        else:
            expected = tiny_vectors.astype(dtype)
            save_file({"embeddings": expected}, folder / "model.safetensors")
        model = StaticEmbedding.from_pretrained(folder)
        assert_array_equal(model.vectors, expected)

    def test_vectors_are_memory_mapped(self, folder):
        model = StaticEmbedding.from_pretrained(folder)
        base = model.vectors
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base, memoryview)
        assert isinstance(base.obj, mmap.mmap)
        assert not model.vectors.flags.writeable

    def test_subfolder(self, tiny_model, tmp_path):
        tiny_model.save_pretrained(tmp_path / "a" / "b")
        model = StaticEmbedding.from_pretrained(tmp_path, subfolder="a/b")
        assert_array_equal(model.encode(TEXTS), tiny_model.encode(TEXTS))

    def test_read_once_until_changed(self, folder, tiny_vectors):
        first = StaticEmbedding.from_pretrained(folder)
        assert StaticEmbedding.from_pretrained(str(folder)) is first
        StaticEmbedding(tiny_vectors * 2, tiny_tokenizer()).save_pretrained(folder)
        second = StaticEmbedding.from_pretrained(folder)
        assert_array_equal(second.vectors, tiny_vectors * 2)
        # The file that the first one maps was replaced, not changed.
        assert_array_equal(first.vectors, tiny_vectors)

    def test_saving_into_its_own_folder(self, folder):
        model = StaticEmbedding.from_pretrained(folder)
        expected = model.encode(TEXTS)
        model.save_pretrained(folder)
        assert_array_equal(
            StaticEmbedding.from_pretrained(folder).encode(TEXTS), expected
        )

    def test_unknown_layout(self, tiny_model, tmp_path):
        with pytest.raises(ValueError, match=r"'model2vec', 'sentence-trans.*'onnx'"):
            tiny_model.save_pretrained(tmp_path, layout="onnx")
        assert not list(tmp_path.iterdir())


def _write_raw(folder, data: bytes, dtype: str, shape, end: int | None = None) -> None:
    offsets = [0, len(data) if end is None else end]
    header = {"embeddings": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + data
    (folder / "model.safetensors").write_bytes(content)


def _cut(folder, keep: float) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def _tensors(folder, **changes) -> None:
    path = folder / "model.safetensors"
    tensors = {**load_file(path), **changes}
    save_file({k: v for k, v in tensors.items() if v is not None}, path)


DAMAGES = {
    "cut in the data": (lambda f: _cut(f, 0.9), "model.safetensors is damaged or cut"),
    "cut in the header": (
        lambda f: _cut(f, 0.1),
        "model.safetensors is damaged or cut",
    ),
    "empty": (lambda f: _cut(f, 0), "model.safetensors is damaged or cut"),
    "a text file": (
        lambda f: (f / "model.safetensors").write_text("version https://git-lfs"),
        "model.safetensors is damaged or cut",
    ),
    "shape too large": (
        lambda f: _write_raw(f, bytes(40), "F32", [10, 4]),
        r"shape \(10, 4\) does not fit 40 bytes",
    ),
    "offsets beyond the file": (
        lambda f: _write_raw(f, bytes(40), "F32", [10, 4], end=160),
        "bytes, .* are expected",
    ),
    "negative shape": (
        lambda f: _write_raw(f, bytes(160), "F32", [-10, -4]),
        "does not fit",
    ),
    "unknown type": (
        lambda f: _write_raw(f, bytes(40), "F8_E4M3", [10, 4]),
        "type F8_E4M3 cannot be read",
    ),
    "NaN": (
        lambda f: _tensors(f, embeddings=np.full((10, 4), np.nan, np.float32)),
        "vectors hold NaN or infinity, first for row 0",
    ),
    "one dimension": (
        lambda f: _tensors(f, embeddings=np.ones(10, np.float32)),
        "two dimensions",
    ),
    "too few vectors": (
        lambda f: _tensors(f, embeddings=np.ones((9, 4), np.float32)),
        "10 tokens, and there are 9 vectors",
    ),
    "weights too short": (
        lambda f: _tensors(f, weights=np.ones(9, np.float32)),
        "weights have shape",
    ),
    "mapping leads outside": (
        lambda f: _tensors(f, mapping=np.full(10, 99)),
        "leads outside 10 vectors",
    ),
    "other tensors": (
        lambda f: _tensors(f, embeddings=None, pooler=np.ones(3)),
        "no tensor 'embeddings', only 'pooler'",
    ),
    "tokenizer": (
        lambda f: (f / "tokenizer.json").write_text("{}"),
        "not a readable tokenizer.json",
    ),
    "config": (
        lambda f: (f / "config.json").write_text("{"),
        "config.json is damaged",
    ),
    "config of another kind": (
        lambda f: (f / "config.json").write_text("[1]"),
        "config.json is damaged",
    ),
    "config value": (
        lambda f: (f / "config.json").write_text('{"max_length": "all"}'),
        "max_length",
    ),
}


class TestDamage:
    @pytest.mark.parametrize("name", DAMAGES)
    def test_one_clear_error(self, folder, name):
        damage, message = DAMAGES[name]
        damage(folder)
        with pytest.raises(ValueError, match=message) as caught:
            StaticEmbedding.from_pretrained(folder)
        assert str(folder) in str(caught.value)

    @pytest.mark.parametrize(
        "missing", ["config.json", "model.safetensors", "tokenizer.json"]
    )
    def test_missing_file(self, folder, missing):
        (folder / missing).unlink()
        with pytest.raises(FileNotFoundError, match=missing):
            StaticEmbedding.from_pretrained(folder)

    def test_no_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no folder"):
            StaticEmbedding.from_pretrained(tmp_path / "nothing")
        with pytest.raises(FileNotFoundError, match="owner/name"):
            StaticEmbedding.from_pretrained("nothing")
        with pytest.raises(FileNotFoundError, match="no folder 'b'"):
            StaticEmbedding.from_pretrained(tmp_path, subfolder="b")

    def test_a_file_instead_of_a_folder(self, folder):
        with pytest.raises(NotADirectoryError, match="give the folder"):
            StaticEmbedding.from_pretrained(folder / "config.json")

    @pytest.mark.parametrize("path", [3, b"model", ["model"]])
    def test_no_path(self, path):
        with pytest.raises(TypeError, match="a model is a folder"):
            StaticEmbedding.from_pretrained(path)


class TestWriting:
    def test_failure_leaves_files_as_they_were(self, tmp_path):
        old = tmp_path / "a"
        old.write_bytes(b"old")
        with pytest.raises(FileNotFoundError):
            write_files({old: b"new", tmp_path / "no folder" / "b": b"new"})
        assert old.read_bytes() == b"old"
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_no_place(self, tiny_model, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="file"):
            tiny_model.save_pretrained(tmp_path / "file" / "model")

    def test_card(self, tiny_model, tmp_path):
        tiny_model.save_pretrained(tmp_path)
        card = (tmp_path / "README.md").read_text()
        assert card.startswith("---\nlibrary_name: sk-m2v\n")
        assert "one vector of 4 numbers (float32) for each of 10 tokens" in card
        tiny_model.save_pretrained(tmp_path, card="mine")
        assert (tmp_path / "README.md").read_text() == "mine"

    def test_moved_folder(self, folder, tiny_model, tmp_path):
        shutil.move(folder, tmp_path / "elsewhere")
        again = StaticEmbedding.from_pretrained(tmp_path / "elsewhere")
        assert_array_equal(again.encode(TEXTS), tiny_model.encode(TEXTS))
