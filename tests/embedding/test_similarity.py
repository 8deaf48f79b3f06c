"""Tokens as keys, and texts that are near: against plain arithmetic."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sk_m2v import FeatureExtractionClassifier, StaticEmbedding
from sk_m2v.embedding import _similarity

TEXTS = [
    "red cat",
    "a green dog",
    "xyz",
    "",
    "blue cats.",
    "cat red",
    "red red cat cat",
]


@pytest.fixture(params=["plain", "int8", "clusters"])
def model(request, tiny_model):
    if request.param == "int8":
        return tiny_model.quantize("int8")
    if request.param == "clusters":
        return tiny_model.quantize(vocabulary_quantization=4)
    return tiny_model


def cosines(a, b):
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    return np.divide(a @ b.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)


class TestTokens:
    def test_as_a_dict(self, model):
        assert len(model) == model.n_tokens == 10
        assert model
        assert "cat" in model
        assert "zebra" not in model
        assert 3 not in model
        for token in ("cat", "##s", "."):
            assert model[token].shape == (4,)
            assert model[token].dtype == np.float32
        assert_allclose(model["red"], model.encode(["red"], normalize=False)[0])

    @pytest.mark.parametrize("bad", ["catt", 0, None, ("cat",), slice(2)])
    def test_no_tokens(self, model, bad):
        with pytest.raises(KeyError, match="is no token of this model") as error:
            model[bad]
        assert ("The nearest are 'cat'" in str(error.value)) == (bad == "catt")

    def test_one_object_for_numpy(self, model, tiny_model):
        other = tiny_model.quantize("float16")
        for models in ([model, other], [model, None], [None, model, model]):
            array = np.array(models)
            assert array.shape == (len(models),)
            assert array.dtype == object
            assert all(a is b for a, b in zip(array, models, strict=True))
        assert np.asarray(model).shape == ()
        frame = pd.DataFrame({"model": [model, other]})
        assert frame["model"][0] is model

    def test_in_a_search(self, model, tiny_model):
        grid = {"model": [model, tiny_model.quantize(dimensionality=2)]}
        search = GridSearchCV(FeatureExtractionClassifier(), grid, cv=2)
        search.fit(["red cat", "blue dog"] * 4, [0, 1] * 4)
        assert search.cv_results_["param_model"].tolist() == grid["model"]
        assert clone(search).param_grid["model"][0] is model

    def test_most_similar(self, model):
        vectors = np.array([model[it] for it in model.vocabulary])
        for query, vector in (
            ("cat", model["cat"]),
            ("red dogs", model.encode(["red dogs"])[0]),
        ):
            scores = cosines(vector[None], vectors)[0]
            left_out = (
                [0] if query == "red dogs" else [0, model.vocabulary.index(query)]
            )
            scores[left_out] = 0
            order = [i for i in np.argsort(-scores, kind="stable") if scores[i]]
            found = model.most_similar(query, 100)
            assert_allclose([it for _, it in found], scores[order], atol=1e-6)
            names = [token for token, _ in found]
            assert sorted(names) == sorted(model.vocabulary[i] for i in order)
            assert model.most_similar(query, 2) == found[:2]
        assert "[UNK]" not in names

    def test_most_similar_of_unknown_text(self, model):
        assert model.most_similar("xyz") == []
        with pytest.raises(TypeError, match="takes one token or text"):
            model.most_similar(["cat"])

    def test_special_tokens_are_near_to_nothing(self, default_model):
        assert "[PAD]" in default_model
        found = default_model.most_similar("guitar", 30_000)
        assert not {"[PAD]", "[UNK]", "[CLS]"} & {token for token, _ in found}
        assert found[0][0] == "guitars"

    def test_html(self, model):
        harmful = model.replace(tokenizer_name="<script>alert(1)</script>")
        html = harmful._repr_html_()
        assert "<script>" not in html
        assert "&lt;script&gt;" in html
        for shown in ("10", "dimensions", str(model.vectors.dtype)):
            assert shown in html


class TestTexts:
    def test_similarity(self, model):
        vectors = model.encode(TEXTS, normalize=False)
        expected = cosines(vectors, vectors)
        assert_allclose(model.similarity(TEXTS), expected, atol=1e-6)
        assert_allclose(model.similarity(vectors, TEXTS), expected, atol=1e-6)
        assert_allclose(
            model.similarity(pd.Series(TEXTS), vectors[:2] * 7),
            expected[:, :2],
            atol=1e-6,
        )
        assert model.similarity("red cat", "cat red").shape == (1, 1)
        assert model.similarity([], TEXTS).shape == (0, len(TEXTS))

    @pytest.mark.parametrize("rows", [1, 3, 1000])
    @pytest.mark.parametrize("columns", [1, 2, 1000])
    def test_nearest(self, model, monkeypatch, rows, columns):
        monkeypatch.setattr(_similarity, "_ROWS", rows)
        monkeypatch.setattr(_similarity, "_COLUMNS", columns)
        scores = model.similarity(TEXTS)
        for n in (1, 3, 100):
            found = model.nearest(TEXTS, TEXTS, n)
            width = min(n, len(TEXTS))
            assert found.indices.shape == found.scores.shape == (len(TEXTS), width)
            assert_allclose(
                found.scores, -np.sort(-scores, axis=1)[:, :width], atol=1e-6
            )
            taken = np.take_along_axis(scores, found.indices, axis=1)
            assert_allclose(taken, found.scores, atol=1e-6)
            assert all(len(set(row)) == width for row in found.indices.tolist())
        # Of equals, the first.
        assert model.nearest("red cat", TEXTS, 1).indices.tolist() == [[0]]
        assert model.nearest("xyz", TEXTS, 2).indices.tolist() == [[0, 1]]

    def test_nearest_of_nothing(self, model):
        assert model.nearest([], TEXTS).indices.shape == (0, 7)
        assert model.nearest(TEXTS, []).indices.shape == (7, 0)
        assert model.nearest(iter(TEXTS), iter(TEXTS), 2).indices.shape == (7, 2)

    @pytest.mark.parametrize("rows", [1, 2, 1000])
    @pytest.mark.parametrize("columns", [1, 3, 1000])
    @pytest.mark.parametrize("threshold", [0.1, 0.6, 1])
    def test_near_duplicates(self, model, monkeypatch, rows, columns, threshold):
        monkeypatch.setattr(_similarity, "_ROWS", rows)
        monkeypatch.setattr(_similarity, "_COLUMNS", columns)
        scores = model.similarity(TEXTS)
        expected = np.argwhere(np.triu(scores >= threshold - 1e-6, 1))
        found = model.near_duplicates(TEXTS, threshold)
        assert_array_equal(found.pairs, expected)
        assert_allclose(found.scores, scores[tuple(expected.T)], atol=1e-6)
        if threshold == 1:  # the same tokens, in any order
            assert [0, 5] in found.pairs.tolist()
            assert [0, 6] in found.pairs.tolist()
            assert not {2, 3} & {*found.pairs.ravel()}

    def test_progress(self, model, capsys):
        model.nearest(TEXTS, TEXTS, show_progress=True)
        model.near_duplicates(TEXTS, show_progress=True)
        shown = capsys.readouterr().err
        assert "queries/s" in shown
        assert "texts/s" in shown
        model.near_duplicates(TEXTS)
        assert capsys.readouterr().err == ""

    def test_too_many_pairs(self, model):
        with pytest.raises(
            ValueError, match=r"more than max_pairs=100 pairs .* 50 texts"
        ):
            model.near_duplicates(["red"] * 50, max_pairs=100)
        assert len(model.near_duplicates(["red"] * 50).pairs) == 50 * 49 / 2
        assert model.near_duplicates([]).pairs.shape == (0, 2)

    @pytest.mark.parametrize("threshold", [0, -0.5, 1.5, np.nan])
    def test_no_threshold(self, model, threshold):
        with pytest.raises(ValueError, match="threshold must be above 0"):
            model.near_duplicates(TEXTS, threshold)

    @pytest.mark.parametrize("n", [0, -1, 1.5, True, None])
    def test_no_number(self, model, n):
        with pytest.raises(ValueError, match="n must be a number of texts"):
            model.nearest(TEXTS, TEXTS, n)

    def test_vectors_of_another_model(self, model):
        with pytest.raises(ValueError, match=r"b must be texts or vectors .*\(n, 4\)"):
            model.similarity(TEXTS, np.ones((2, 3)))
        with pytest.raises(ValueError, match="Row 1"):
            model.nearest(["a", None], TEXTS)


class TestForeignNames:
    @pytest.mark.parametrize(
        ("name", "ours"),
        [
            ("normalize_embeddings", "normalize=True"),
            ("show_progress_bar", "show_progress=True"),
            ("batch_size", "leave it out"),
            ("convert_to_tensor", "torch.from_numpy"),
            ("use_multiprocessing", "n_jobs=-1"),
        ],
    )
    def test_the_error_names_ours(self, model, name, ours):
        with pytest.raises(TypeError, match=f"encode has no {name}: .*{ours}"):
            model.encode(TEXTS, **{name: True})

    def test_of_both_peers(self, model):
        """Each argument that theirs has is one of ours, or has an answer."""
        from model2vec import StaticModel
        from sentence_transformers import SentenceTransformer

        for theirs in (StaticModel.encode, SentenceTransformer.encode):
            ours = inspect.signature(StaticEmbedding.encode).parameters
            for parameter in inspect.signature(theirs).parameters.values():
                if parameter.name in ours or parameter.kind is parameter.VAR_KEYWORD:
                    continue
                with pytest.raises(
                    TypeError, match=f"encode has no {parameter.name}: "
                ):
                    model.encode(TEXTS, **{parameter.name: None})

    def test_other_names_are_as_wrong_as_ever(self, model):
        with pytest.raises(TypeError, match="unexpected keyword argument 'nrmalize'"):
            model.encode(TEXTS, nrmalize=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused(bad: float) -> None:
    model = StaticEmbedding.from_pretrained()
    vectors = np.ones((3, model.dim), np.float32)
    vectors[1, 5] = bad
    for call in (
        lambda: model.similarity("text", vectors),
        lambda: model.nearest(vectors, ["text"]),
        lambda: model.nearest("text", vectors),
        lambda: model.near_duplicates(vectors),
    ):
        with pytest.raises(ValueError, match=r"Row 1 of .* has NaN or infinity"):
            call()


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
def test_numbers_of_tokens_are_checked(n: object) -> None:
    with pytest.raises(ValueError, match="n must be a number of tokens"):
        StaticEmbedding.from_pretrained().most_similar("guitar", n)


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold must be above 0"):
        StaticEmbedding.from_pretrained().near_duplicates(["a"], "0.9")
