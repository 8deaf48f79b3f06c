"""The two transformers: scikit-learn's rules, and what their parameters do."""

from __future__ import annotations

import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import EXTRA_CHECKS, WORDS, NumbersAsTexts, tiny_tokenizer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as checks
from sklearn.utils.validation import _check_feature_names_in

from sk_m2v import (
    StaticEmbedding,
    StaticEmbeddingTransformer,
    TokenTfidfVectorizer,
)

TEXTS = ["red cats", "blue dog.", "green, green dogs", "a house"]


class CheckedEmbedding(NumbersAsTexts, StaticEmbeddingTransformer):
    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)


class CheckedTfidf(NumbersAsTexts, TokenTfidfVectorizer, auto_wrap_output_keys=None):
    def get_feature_names_out(self, input_features=None):
        names = super().get_feature_names_out()
        _check_feature_names_in(self, input_features)
        return names


ESTIMATORS = [CheckedEmbedding(), CheckedTfidf()]


@pytest.mark.filterwarnings("ignore")
@checks.parametrize_with_checks(ESTIMATORS)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda it: type(it).__name__)
@pytest.mark.parametrize("name", EXTRA_CHECKS)
def test_extra_checks(estimator, name):
    if "_output_" in name and not hasattr(estimator, "set_output"):
        assert not hasattr(TfidfVectorizer(), "set_output")
        pytest.skip("sparse features have no frames, as those of scikit-learn")
    getattr(checks, name)(type(estimator).__name__, estimator)


@pytest.mark.parametrize("kind", [StaticEmbeddingTransformer, TokenTfidfVectorizer])
class TestBoth:
    def test_plain_checks(self, kind):
        checks.check_no_attributes_set_in_init(kind.__name__, kind())
        checks.check_get_params_invariance(kind.__name__, kind())
        checks.check_set_params(kind.__name__, kind())
        checks.check_estimator_repr(kind.__name__, kind())

    def test_tags(self, kind):
        tags = kind().__sklearn_tags__()
        assert tags.input_tags.string
        assert not tags.input_tags.two_d_array

    @pytest.mark.parametrize(
        "container",
        [
            np.array,
            pd.Series,
            pl.Series,
            pa.array,
            tuple,
            lambda texts: pd.DataFrame({"text": texts}),
            lambda texts: np.array(texts, object).reshape(-1, 1),
            lambda texts: (text for text in texts),
        ],
    )
    def test_containers(self, kind, container):
        expected = kind().fit_transform(TEXTS)
        result = kind().fit(container(TEXTS)).transform(container(TEXTS))
        assert_array_equal(_dense(result), _dense(expected))

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            ("one text", "str"),
            ([b"bytes"], "bytes"),
            ([1, 2], "Row 0"),
            (["a", None], "Row 1"),
            (pd.DataFrame({"a": ["x"], "b": ["y"]}), "2 columns"),
        ],
    )
    def test_refusals(self, kind, X, message):
        transformer = kind().fit(TEXTS)
        with pytest.raises((TypeError, ValueError), match=message):
            transformer.transform(X)

    def test_missing(self, kind):
        given = kind(missing="empty").fit(TEXTS).transform(["red", None, float("nan")])
        assert_array_equal(
            _dense(given), _dense(kind().fit(TEXTS).transform(["red", "", ""]))
        )

    def test_clone_shares_the_model(self, kind, tiny_model):
        transformer = kind(tiny_model)
        assert clone(transformer).model is tiny_model
        assert clone(transformer.fit(TEXTS)).fit(TEXTS).embedding_ is tiny_model

    def test_pickle_and_joblib(self, kind, tmp_path):
        transformer = kind().fit(TEXTS)
        expected = _dense(transformer.transform(TEXTS))
        joblib.dump(transformer, tmp_path / "it.joblib")
        for again in (
            pickle.loads(pickle.dumps(transformer)),
            joblib.load(tmp_path / "it.joblib", mmap_mode="r"),
        ):
            assert_array_equal(_dense(again.transform(TEXTS)), expected)

    def test_failed_fit_keeps_the_fitted_state(self, kind, tiny_model):
        transformer = kind(tiny_model).fit(TEXTS)
        before = dict(vars(transformer))
        transformer.set_params(model="/no/such/folder")
        with pytest.raises(FileNotFoundError):
            transformer.fit(TEXTS)
        assert {**vars(transformer), "model": tiny_model} == before

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [("model", 3), ("max_length", 0), ("missing", "drop"), ("n_jobs", 1.5)],
    )
    def test_bad_parameters(self, kind, parameter, value):
        with pytest.raises(
            ValueError, match=f"'{parameter}' parameter of {kind.__name__}"
        ):
            kind(**{parameter: value}).fit(TEXTS)

    def test_skops(self, kind, tmp_path):
        import skops.io

        transformer = kind().fit(TEXTS)
        skops.io.dump(transformer, tmp_path / "it.skops")
        untrusted = skops.io.get_untrusted_types(file=tmp_path / "it.skops")
        assert all(name.startswith("sk_m2v.") for name in untrusted), untrusted
        again = skops.io.load(tmp_path / "it.skops", trusted=untrusted)
        assert_array_equal(
            _dense(again.transform(TEXTS)), _dense(transformer.transform(TEXTS))
        )


def _dense(matrix) -> np.ndarray:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


class TestStaticEmbeddingTransformer:
    def test_needs_no_fit(self, tiny_model):
        transformer = StaticEmbeddingTransformer(tiny_model)
        assert_array_equal(transformer.transform(TEXTS), tiny_model.encode(TEXTS))
        assert not hasattr(transformer, "embedding_")
        with pytest.raises(ValueError, match="'max_length' parameter"):
            StaticEmbeddingTransformer(max_length=0).transform(TEXTS)

    def test_fit_needs_no_texts(self, tiny_model):
        transformer = StaticEmbeddingTransformer(tiny_model).fit()
        assert transformer.embedding_ is tiny_model

    def test_parameters_reach_the_model(self, tiny_model):
        transformer = StaticEmbeddingTransformer(
            tiny_model,
            dimensionality=3,
            quantize_to="int8",
            vocabulary_quantization=6,
            normalize=False,
            max_length=1,
            n_jobs=2,
        ).fit()
        assert transformer.embedding_.vectors.shape == (6, 3)
        assert transformer.embedding_.vectors.dtype == np.int8
        expected = transformer.embedding_.encode(TEXTS, normalize=False, max_length=1)
        assert_array_equal(transformer.transform(TEXTS), expected)

    def test_verbose(self, tiny_model, capsys):
        StaticEmbeddingTransformer(tiny_model, verbose=True).transform(TEXTS)
        assert "4.00/4.00" in capsys.readouterr().err

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_frames(self, tiny_model, library):
        transformer = StaticEmbeddingTransformer(tiny_model).set_output(
            transform=library
        )
        frame = transformer.fit_transform(pd.Series(TEXTS, index=list("wxyz")))
        assert type(frame).__module__.startswith(library)
        assert list(frame.columns) == list(transformer.get_feature_names_out())
        assert next(iter(frame.columns)) == "staticembeddingtransformer0"

    def test_names_need_fit(self):
        with pytest.raises(NotFittedError):
            StaticEmbeddingTransformer().get_feature_names_out()

    def test_a_search_reads_the_model_once(self, tiny_model, tmp_path, monkeypatch):
        from sk_m2v.embedding import _variants
        from sk_m2v.embedding.storage import _folder

        folders = [str(tmp_path / name) for name in "ab"]
        for folder in folders:
            tiny_model.save_pretrained(folder)
        read: list[Path] = []
        shrunk: list[object] = []
        real_read, real_shrink = _folder.read_folder, _variants.shrink
        monkeypatch.setattr(
            _folder, "read_folder", lambda path: read.append(path) or real_read(path)
        )
        monkeypatch.setattr(
            _variants,
            "shrink",
            lambda *given: shrunk.append(given) or real_shrink(*given),
        )
        search = GridSearchCV(
            make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
            {
                "staticembeddingtransformer__model": folders,
                "staticembeddingtransformer__dimensionality": [2, None],
                "staticembeddingtransformer__quantize_to": ["int8", None],
            },
            cv=3,
            error_score="raise",
        )
        search.fit(TEXTS * 6, [0, 1, 1, 0] * 6)
        assert len(read) == 2
        # Two models times three ways to change them, and once more for the refit.
        assert 6 <= len(shrunk) <= 7

    def test_search_over_models_as_values(self, tiny_model):
        models = [tiny_model, tiny_model.quantize("int8")]
        search = GridSearchCV(
            make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
            {"staticembeddingtransformer__model": models},
            cv=2,
            n_jobs=2,
        )
        search.fit(TEXTS * 4, [0, 1, 1, 0] * 4)
        assert set(
            search.cv_results_["param_staticembeddingtransformer__model"]
        ) == set(models)

    def test_column_transformer(self, tiny_model):
        frame = pd.DataFrame({"text": TEXTS, "size": [1.0, 2, 3, 4]})
        both = make_column_transformer(
            (StaticEmbeddingTransformer(tiny_model), "text"),
            (StandardScaler(), ["size"]),
        )
        assert both.fit_transform(frame).shape == (4, 5)
        assert both.get_feature_names_out()[0].endswith("staticembeddingtransformer0")

    def test_saving_keeps_the_settings(self, tiny_model, tmp_path):
        transformer = StaticEmbeddingTransformer(
            tiny_model, normalize=False, max_length=None, quantize_to="int8"
        ).fit()
        transformer.save_pretrained(tmp_path)
        again = StaticEmbeddingTransformer.from_pretrained(tmp_path, dimensionality=2)
        assert (again.embedding_.normalize, again.embedding_.max_length) == (
            False,
            None,
        )
        assert_allclose(again.transform(TEXTS), transformer.transform(TEXTS)[:, :2])

    def test_saving_needs_fit(self, tmp_path):
        with pytest.raises(NotFittedError):
            StaticEmbeddingTransformer().save_pretrained(tmp_path)


class TestTokenTfidfVectorizer:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"norm": "l1"},
            {"norm": None},
            {"use_idf": False},
            {"smooth_idf": False},
            {"sublinear_tf": True},
        ],
    )
    def test_equals_scikit_learn_on_the_same_tokens(self, default_model, options):
        texts = [
            "The cat sat on the mat, the mat.",
            "Unbelievably long dogs",
            "",
            "the",
        ]
        ours = TokenTfidfVectorizer(**options).fit(texts)
        theirs = TfidfVectorizer(
            analyzer=lambda text: default_model.tokens([text], max_length=None)[0],
            **options,
        ).fit(texts)
        names = theirs.get_feature_names_out().tolist()
        order = [names.index(name) for name in ours.get_feature_names_out()]
        other = ["the cat", "a new word", ""]
        for given in (texts, other):
            assert_allclose(
                ours.transform(given).toarray(),
                theirs.transform(given).toarray()[:, order],
                atol=1e-6,
            )
        assert_allclose(
            ours.fit_transform(texts).toarray(), ours.transform(texts).toarray()
        )

    def test_columns_are_the_tokens_that_occur(self, tiny_model):
        vectorizer = TokenTfidfVectorizer(tiny_model).fit(["dogs red red", "house"])
        assert vectorizer.get_feature_names_out().tolist() == ["red", "dog", "##s"]
        assert vectorizer.token_ids_.tolist() == [
            WORDS.index(w) for w in ("red", "dog", "##s")
        ]
        assert vectorizer.idf_.shape == (3,)
        assert vectorizer.transform(["blue cat"]).nnz == 0

    def test_type_is_float32(self):
        matrix = TokenTfidfVectorizer().fit_transform(TEXTS)
        assert matrix.dtype == np.float32
        assert matrix.has_canonical_format

    @pytest.mark.parametrize("texts", [[], [""], ["house", "  "]])
    def test_nothing_to_count(self, tiny_model, texts):
        with pytest.raises(ValueError, match=f"no known token in {len(texts)} texts"):
            TokenTfidfVectorizer(tiny_model).fit(texts)

    def test_not_fitted(self):
        with pytest.raises(NotFittedError):
            TokenTfidfVectorizer().transform(TEXTS)
        with pytest.raises(NotFittedError):
            TokenTfidfVectorizer().get_feature_names_out()

    def test_max_length(self, tiny_vectors):
        model = StaticEmbedding(
            tiny_vectors, tiny_tokenizer(), config={"max_length": 1}
        )
        texts = ["red cats dogs"]
        assert TokenTfidfVectorizer(model).fit(texts).token_ids_.size == 4
        by_model = TokenTfidfVectorizer(model, max_length="auto").fit(texts)
        assert by_model.token_ids_.tolist() == [2]

    def test_hybrid_scores(self):
        rng = np.random.default_rng(0)
        topics = [["cat", "dog", "horse", "cow"], ["tax", "law", "court", "judge"]]
        y = rng.integers(0, 2, 60)
        texts = [" ".join(rng.choice(topics[label], 3)) for label in y]
        hybrid = make_pipeline(
            make_union(TokenTfidfVectorizer(), StaticEmbeddingTransformer()),
            LogisticRegression(C=10),
        )
        assert cross_val_score(hybrid, texts, y, cv=3, n_jobs=2).mean() > 0.9
