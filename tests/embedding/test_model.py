"""`StaticEmbedding`: parity with model2vec, and its own rules."""

from __future__ import annotations

import copy
import json
import pickle

import joblib
import numpy as np
import pytest
from conftest import WORDS, shared, shared_folders, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from model2vec import StaticModel
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sk_m2v import StaticEmbedding
from sk_m2v.embedding.storage._source import DEFAULT_MODEL


def peer_of(model: StaticEmbedding) -> StaticModel:
    """The same model in model2vec."""
    vectors = model.vectors
    if vectors.dtype == np.float16:  # model2vec would round the result, too
        vectors = vectors.astype(np.float32)
    return StaticModel(
        np.array(vectors),
        model.tokenizer,
        weights=model.weights,
        token_mapping=model.token_mapping,
        normalize=model.normalize,
        max_length=model.max_length,
    )


class TestParity:
    @pytest.mark.parametrize(
        "folder", shared_folders("models", "config.json"), ids=lambda path: path.name
    )
    def test_real_models(self, folder, parity_strings):
        model = StaticEmbedding.from_pretrained(folder)
        peer = StaticModel.from_pretrained(folder)
        if peer.embedding.dtype == np.float16:
            peer = StaticModel.from_pretrained(folder, quantize_to="float32")
        limit = 512 * peer.median_token_length  # where model2vec cuts characters
        texts = [text for text in parity_strings if len(text) <= limit]
        assert_array_equal(model.encode(texts), peer.encode(texts))

    def test_published_references(self):
        folder = shared("models/_fixtures")
        cases = {
            "embeddings_short": ("m2vrs-fixture-2d-f32", "hello world"),
            "embeddings_long": ("m2vrs-fixture-2d-f32", " ".join(["hello"] * 1000)),
            "embeddings_vocab_quantized": (
                "m2vrs-fixture-vocab-quantized",
                " ".join(["hello"] * 1000),
            ),
        }
        for name, (model_name, text) in cases.items():
            expected = np.array(json.loads((folder / f"{name}.json").read_text()))
            model = StaticEmbedding.from_pretrained(shared(f"models/{model_name}"))
            assert_allclose(model.encode([text]), expected, atol=1e-6)

    @pytest.mark.parametrize("quantize_to", ["float32", "int8"])
    @pytest.mark.parametrize("clusters", [None, 50])
    def test_bundled_model(self, default_model, parity_strings, quantize_to, clusters):
        model = default_model.quantize(quantize_to, vocabulary_quantization=clusters)
        texts = [text for text in parity_strings if len(text) < 1000]
        assert_array_equal(model.encode(texts), peer_of(model).encode(texts))

    @pytest.mark.parametrize("normalize", [True, False])
    @pytest.mark.parametrize("max_length", [1, 7, None])
    def test_options(self, default_model, normalize, max_length):
        texts = ["one two three four five six seven eight", "", "a", "\u4e2d\u6587 x"]
        model = default_model.quantize("float32", dimensionality=32)
        ours = model.encode(texts, normalize=normalize, max_length=max_length)
        theirs = peer_of(model).encode(
            texts, normalize=normalize, max_length=max_length
        )
        if max_length is None:
            assert_array_equal(ours, theirs)
        else:  # model2vec also cuts characters: compare what tokens alone decide
            ids, offsets = model.token_ids(texts, max_length=max_length)
            assert np.diff(offsets).max() <= max_length
            assert ids.size == offsets[-1]

    def test_characters_do_not_count(self, default_model):
        """Twenty long words are 20 tokens; model2vec cuts them by characters."""
        text = " ".join(["wonderful"] * 30)
        (tokens,) = default_model.tokens([text], max_length=20)
        assert tokens == ["wonderful"] * 20


class TestEncode:
    def test_is_the_mean_of_token_vectors(self, tiny_model, tiny_vectors):
        (vector,) = tiny_model.encode(["red cats"], normalize=False)
        assert_allclose(vector, tiny_vectors[[2, 5, 7]].mean(axis=0), rtol=1e-6)
        (unit,) = tiny_model.encode(["red cats"])
        assert_allclose(unit, vector / np.linalg.norm(vector), rtol=1e-6)

    def test_nothing_known_gives_zeros(self, tiny_model):
        assert_array_equal(tiny_model.encode(["", "house", "   "]), np.zeros((3, 4)))

    @pytest.mark.parametrize("empty", [[], np.array([], object), iter([])])
    def test_no_texts(self, tiny_model, empty):
        vectors = tiny_model.encode(empty)
        assert vectors.shape == (0, 4)
        assert vectors.dtype == np.float32

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.text(max_size=40), max_size=20))
    def test_a_text_does_not_depend_on_its_neighbours(self, texts):
        model = StaticEmbedding.from_pretrained()
        together = model.encode(texts)
        for text, vector in zip(texts, together, strict=True):
            assert_array_equal(model.encode([text])[0], vector)

    @pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
    def test_threads_and_generators(self, default_model, n_jobs):
        texts = [f"text number {i} of many" for i in range(5000)]
        expected = default_model.encode(texts)
        assert_array_equal(default_model.encode(texts, n_jobs=n_jobs), expected)
        stream = (text for text in texts)
        assert_array_equal(default_model.encode(stream, n_jobs=n_jobs), expected)

    def test_weights_and_mapping(self, tiny_vectors):
        mapping = np.array([0, 0, 1, 1, 2, 3, 3, 0, 0, 0])
        weights = np.linspace(0.5, 2, len(WORDS), dtype=np.float32)
        model = StaticEmbedding(
            tiny_vectors[:4], tiny_tokenizer(), weights=weights, token_mapping=mapping
        )
        ids = [2, 4]
        expected = (tiny_vectors[mapping[ids]] * weights[ids, None]).mean(axis=0)
        assert_allclose(model.encode(["red blue"])[0], expected, rtol=1e-6)
        (tokens,) = model.encode_tokens(["red blue"])
        assert_allclose(tokens.mean(axis=0), expected, rtol=1e-6)

    def test_tokens_align_with_their_vectors(self, default_model):
        texts = ["some words here", "", "unbelievably long", "\u1f9d\u2014"]
        tokens = default_model.tokens(texts)
        arrays = default_model.encode_tokens(texts)
        assert [len(it) for it in tokens] == [len(it) for it in arrays]
        means = np.stack([a.mean(axis=0) if len(a) else np.zeros(384) for a in arrays])
        assert_allclose(means, default_model.encode(texts, normalize=False), atol=1e-6)

    @pytest.mark.parametrize("max_length", [0, -1, True, 2.0, "all"])
    def test_bad_max_length(self, tiny_model, max_length):
        with pytest.raises(ValueError, match="max_length"):
            tiny_model.encode(["red"], max_length=max_length)

    def test_progress_bar(self, tiny_model, capsys):
        tiny_model.encode(["red"] * 3)
        assert capsys.readouterr().err == ""
        tiny_model.encode(["red"] * 3, show_progress=True)
        assert "3.00/3.00" in capsys.readouterr().err


class TestOut:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_memmap(self, default_model, tmp_path, monkeypatch, stream, dtype):
        # Release pages after every batch, not only after 64 MB.
        monkeypatch.setattr("sk_m2v.embedding._batches._RELEASE_BYTES", 1)
        texts = [f"text {i}" for i in range(3000)]
        out = np.memmap(tmp_path / "out", dtype, "w+", shape=(3000, 384))
        given = (text for text in texts) if stream else texts
        result = default_model.encode(given, out=out)
        expected = default_model.encode(texts).astype(dtype)
        assert np.shares_memory(result, out)
        assert_array_equal(result, expected)
        out.flush()
        written = np.memmap(tmp_path / "out", dtype, "r", shape=(3000, 384))
        assert_array_equal(written, expected)

    def test_copy_on_write_map_keeps_its_pages(self, tiny_model, tmp_path, monkeypatch):
        monkeypatch.setattr("sk_m2v.embedding._batches._RELEASE_BYTES", 1)
        np.zeros((2, 4), np.float32).tofile(tmp_path / "out")
        out = np.memmap(tmp_path / "out", np.float32, "c", shape=(2, 4))
        tiny_model.encode(["red", "blue"], out=out)
        assert_array_equal(out, tiny_model.encode(["red", "blue"]))

    def test_a_stream_may_end_early(self, tiny_model):
        out = np.full((5, 4), 7, np.float32)
        result = tiny_model.encode(iter(["red", "blue"]), out=out)
        assert result.shape == (2, 4)
        assert (out[2:] == 7).all()

    def test_a_stream_may_not_be_longer(self, tiny_model):
        with pytest.raises(ValueError, match="out has 1 rows"):
            tiny_model.encode(iter(["red", "blue"]), out=np.empty((1, 4)))

    @pytest.mark.parametrize(
        ("out", "error"),
        [
            (np.empty((3, 4)), ValueError),
            (np.empty((2, 5)), ValueError),
            (np.empty(4), ValueError),
            (np.empty((2, 4), int), TypeError),
            ([[0.0] * 4] * 2, TypeError),
        ],
    )
    def test_refusals(self, tiny_model, out, error):
        with pytest.raises(error, match="out "):
            tiny_model.encode(["red", "blue"], out=out)

    def test_read_only(self, tiny_model):
        out = np.empty((1, 4))
        out.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            tiny_model.encode(["red"], out=out)


class TestValue:
    def test_cannot_be_written(self, tiny_model):
        with pytest.raises(ValueError, match="read-only"):
            tiny_model.vectors[0] = 0
        with pytest.raises(TypeError):
            tiny_model.config["normalize"] = False

    def test_caller_keeps_a_writeable_array(self, tiny_vectors):
        StaticEmbedding(tiny_vectors, tiny_tokenizer())
        assert tiny_vectors.flags.writeable

    def test_is_shared_not_copied(self, tiny_model):
        assert clone(tiny_model, safe=False) is tiny_model
        assert copy.copy(tiny_model) is tiny_model
        assert copy.deepcopy({"model": tiny_model})["model"] is tiny_model

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_pickle(self, tiny_model, protocol):
        tiny_model.encode(["red"])
        again = pickle.loads(pickle.dumps(tiny_model, protocol))
        assert_array_equal(again.encode(["red cats"]), tiny_model.encode(["red cats"]))
        assert again.config == tiny_model.config

    @pytest.mark.parametrize("mmap_mode", [None, "r", "c"])
    def test_joblib(self, default_model, tmp_path, mmap_mode):
        joblib.dump(default_model, tmp_path / "model.joblib")
        again = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
        texts = ["red cats", ""]
        assert_array_equal(again.encode(texts), default_model.encode(texts))
        assert _is_memory_mapped(again.vectors) == (mmap_mode is not None)

    def test_tokenizer_is_a_copy(self, tiny_model):
        tiny_model.tokenizer.enable_truncation(1)
        assert tiny_model.tokens(["red cat"]) == [["red", "cat"]]
        assert tiny_model.tokenizer.truncation is None

    def test_replace(self, tiny_model):
        other = tiny_model.replace(normalize=False, max_length=None)
        assert (other.normalize, other.max_length) == (False, None)
        assert (tiny_model.normalize, tiny_model.max_length) == (True, 8)
        assert np.shares_memory(other.vectors, tiny_model.vectors)

    def test_defaults_are_those_of_model2vec(self, tiny_vectors):
        model = StaticEmbedding(tiny_vectors, tiny_tokenizer())
        peer = StaticModel(tiny_vectors, tiny_tokenizer())
        assert (model.normalize, model.max_length) == (peer.normalize, peer.max_length)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.ones((9, 4))}, "10 tokens, and there are 9 vectors"),
        ({"vectors": np.ones(10)}, "two dimensions"),
        ({"vectors": np.ones((10, 0))}, "two dimensions"),
        ({"vectors": np.ones((10, 4), complex)}, "floats or int8"),
        ({"vectors": np.ones((10, 4), np.int64)}, "floats or int8"),
        ({"vectors": np.array([[1.0]] * 9 + [[np.nan]])}, "NaN or infinity.*row 9"),
        ({"vectors": np.full((10, 2), np.inf, np.float16)}, "NaN or infinity"),
        ({"weights": np.ones(9)}, r"weights have shape \(9,\)"),
        ({"weights": np.full(10, np.nan)}, "weights hold NaN"),
        ({"token_mapping": np.zeros(9, int)}, "token mapping have shape"),
        ({"token_mapping": np.full(10, 10)}, "leads outside 10 vectors"),
        ({"token_mapping": np.full(10, -1)}, "leads outside 10 vectors"),
        ({"config": {"max_length": 0}}, "max_length"),
        ({"config": {"max_length": "512"}}, "max_length"),
        ({"config": {"normalize": "yes"}}, "normalize"),
        ({"tokenizer": "{}"}, "not a readable tokenizer"),
    ],
)
def test_parts_that_do_not_fit(tiny_vectors, change, message):
    parts = {"vectors": tiny_vectors, "tokenizer": tiny_tokenizer(), **change}
    with pytest.raises((TypeError, ValueError), match=message):
        StaticEmbedding(**parts)


class TestQuantize:
    def test_int8_error_is_at_most_half_a_step_of_each_row(self, tiny_model):
        small = tiny_model.quantize("int8")
        assert small.vectors.dtype == np.int8
        step = small.weights[:, None]
        error = np.abs(small.vectors * step - tiny_model.vectors)
        assert (error <= step / 2 * 1.0001).all()
        assert (np.abs(small.vectors.astype(int)).max(axis=1) == 127).all()

    def test_int8_of_a_row_of_zeros(self, tiny_vectors):
        vectors = tiny_vectors.copy()
        vectors[2] = 0
        model = StaticEmbedding(vectors, tiny_tokenizer()).quantize("int8")
        assert_array_equal(model.encode(["red"]), np.zeros((1, 4)))

    def test_int8_survives_twice_and_cutting(self, default_model):
        assert default_model.vectors.dtype == np.int8
        again = default_model.quantize("int8", dimensionality=100)
        assert_array_equal(again.vectors, default_model.vectors[:, :100])
        assert_array_equal(again.weights, default_model.weights)

    @pytest.mark.parametrize("quantize_to", ["float32", "float16"])
    def test_floats(self, tiny_model, quantize_to):
        model = tiny_model.quantize("int8").quantize(quantize_to)
        assert model.vectors.dtype == quantize_to
        texts = ["red cats", "blue dog."]
        assert_allclose(
            model.encode(texts), tiny_model.quantize("int8").encode(texts), atol=1e-6
        )

    def test_dimensions_are_cut_before_rounding(self, tiny_vectors):
        vectors = tiny_vectors.copy()
        vectors[:, 3] = 1000  # would swallow the scale of every row
        model = StaticEmbedding(vectors, tiny_tokenizer())
        small = model.quantize("int8", dimensionality=3)
        assert_allclose(
            small.encode(["red cats"]), model.encode(["red cats"])[:, :3], atol=0.02
        )

    def test_float16_overflow(self, tiny_vectors):
        model = StaticEmbedding(tiny_vectors * 1e6, tiny_tokenizer())
        with pytest.raises(ValueError, match="65504"):
            model.quantize("float16")
        assert np.isfinite(model.quantize("int8").encode(["red"])).all()

    def test_vocabulary_equals_model2vec(self, default_model):
        model = default_model.quantize("float32")
        folded = StaticEmbedding(
            model.vectors[:2000] * model.weights[:2000, None],
            _first_tokens(model, 2000),
        )
        from model2vec.model import quantize_model

        peer = quantize_model(peer_of(folded), vocabulary_quantization=20)
        ours = folded.quantize(vocabulary_quantization=20)
        assert_array_equal(ours.token_mapping, peer.token_mapping)
        assert_allclose(ours.vectors, peer.embedding, atol=1e-6)
        texts = ["the cat sat", "on 12 mats"]
        assert_allclose(ours.encode(texts), peer.encode(texts), atol=1e-6)

    def test_all_at_once(self, tiny_model):
        model = tiny_model.quantize("int8", dimensionality=3, vocabulary_quantization=5)
        assert model.vectors.shape == (5, 3)
        assert model.vectors.dtype == np.int8
        assert model.weights.shape == model.token_mapping.shape == (10,)
        two_steps = tiny_model.quantize(
            dimensionality=3, vocabulary_quantization=5
        ).encode(["red cats"])
        assert_allclose(model.encode(["red cats"]), two_steps, atol=0.02)

    def test_same_arguments_give_the_same_object(self, tiny_model):
        assert tiny_model.quantize() is tiny_model
        assert tiny_model.quantize("int8") is tiny_model.quantize("int8")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"quantize_to": "int4"}, "'float32', 'float16', 'int8'.*'int4'"),
            ({"dimensionality": 5}, "from 1 to 4, the dimensions of the model, got 5"),
            ({"dimensionality": 0}, "got 0"),
            ({"dimensionality": 1.5}, "got 1.5"),
            ({"vocabulary_quantization": 11}, "from 1 to 10"),
        ],
    )
    def test_refusals(self, tiny_model, arguments, message):
        with pytest.raises(ValueError, match=message):
            tiny_model.quantize(**arguments)

    def test_clusters_only_once(self, tiny_model):
        model = tiny_model.quantize(vocabulary_quantization=5)
        with pytest.raises(ValueError, match="already quantized, to 5 vectors"):
            model.quantize(vocabulary_quantization=3)


def _is_memory_mapped(array: np.ndarray) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def _first_tokens(model: StaticEmbedding, count: int) -> str:
    tokenizer = json.loads(model.tokenizer_json)
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {
        token: index for token, index in vocabulary.items() if index < count
    }
    return json.dumps(tokenizer)


def test_bundled_model_is_small_and_described():
    size = sum(path.stat().st_size for path in DEFAULT_MODEL.iterdir())
    assert size <= 12e6
    card = (DEFAULT_MODEL / "README.md").read_text(encoding="utf-8")
    assert "all-MiniLM-L6-v2" in card
    assert "apache-2.0" in card.lower()
