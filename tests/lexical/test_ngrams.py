"""TF-IDF of n-grams of token ids: scikit-learn's numbers, by arithmetic on keys."""

from __future__ import annotations

import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer

from sk_m2v import TokenTfidfVectorizer
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.lexical._tables import HashTable

TEXTS = [
    "The cat sat on the mat, and the cat did not like the mat.",
    "Not good, not good at all: unbelievably long queues!",
    "",
    "the",
    "The dogs did not like the cat on the mat",
    "Oil prices rose to a record; oil prices fell again.",
    "   ",
    "It was good. It was not good. It was a record.",
]
UNSEEN = ["the cat was not a dog", "zebras", "", "good", "oil prices rose", "mat the"]
RANGES = [(1, 1), (1, 2), (2, 2), (2, 3), (1, 4)]
N_TOKENS = 4

Corpus = list[list[int]]
# Few tokens, so that n-grams come back; empty texts and texts of one token too.
corpora = st.lists(st.lists(st.integers(0, N_TOKENS - 1), max_size=8), max_size=8)
ranges = st.sampled_from(RANGES)
options = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
    }
)


def as_tokens(corpus: Corpus) -> TokenIds:
    offsets = np.cumsum([0, *map(len, corpus)], dtype=np.int64)
    return TokenIds(np.array([*chain(*corpus)], dtype=np.int32), offsets)


def assert_same(left, right) -> None:
    assert left.shape == right.shape
    assert_array_equal(left.indptr, right.indptr)
    assert_array_equal(left.indices, right.indices)
    assert_allclose(left.data, right.data, rtol=1e-6)


def grams_of(text: list[int], n: int) -> list[tuple[int, ...]]:
    return list(zip(*(text[i:] for i in range(n)), strict=False))


def reference(
    fitted: Corpus, given: Corpus, ngram_range: tuple[int, int], how: dict
) -> np.ndarray:
    """The same with dictionaries, one text after the other."""
    columns: list[tuple[int, ...]] = []
    for n in range(ngram_range[0], ngram_range[1] + 1):
        columns += sorted({gram for text in fitted for gram in grams_of(text, n)})
    smooth = int(how["smooth_idf"])
    rows = np.zeros((len(given), len(columns)))
    for row, text in zip(rows, given, strict=True):
        counts: Counter[tuple[int, ...]] = Counter()
        for n in range(ngram_range[0], ngram_range[1] + 1):
            counts.update(grams_of(text, n))
        for j, gram in enumerate(columns):
            if not counts[gram]:
                continue
            row[j] = 1 + np.log(counts[gram]) if how["sublinear_tf"] else counts[gram]
            if how["use_idf"]:
                df = sum(gram in grams_of(text, len(gram)) for text in fitted)
                row[j] *= np.log((len(fitted) + smooth) / (df + smooth)) + 1
        norm = {"l1": row.sum(), "l2": np.sqrt((row**2).sum()), None: 1}[how["norm"]]
        row /= norm or 1
    return rows


class TestProperties:
    @given(corpora, corpora, ranges, options)
    @settings(max_examples=200, deadline=None)
    def test_transform_equals_dictionaries(self, fitted, given, ngram_range, how):
        ngrams = NgramTfidf(ngram_range, **how).fit(as_tokens(fitted), N_TOKENS)
        features = ngrams.transform(as_tokens(given))
        assert features.dtype == np.float32
        assert features.indices.dtype == features.indptr.dtype == np.int32
        features.check_format()
        del features._has_canonical_format
        assert features.has_canonical_format
        expected = reference(fitted, given, ngram_range, how)
        assert_allclose(features.toarray(), expected, rtol=1e-5, atol=1e-7)

    @given(corpora, ranges, options)
    @settings(deadline=None)
    def test_fit_transform(self, corpus, ngram_range, how):
        tokens = as_tokens(corpus)
        both = NgramTfidf(ngram_range, **how).fit_transform(tokens, N_TOKENS)
        fitted = NgramTfidf(ngram_range, **how).fit(tokens, N_TOKENS)
        assert_same(both, fitted.transform(tokens))

    @given(st.data(), corpora, ranges, options)
    @settings(deadline=None)
    def test_weights_are_repetition(self, data, corpus, ngram_range, how):
        counts = st.lists(st.integers(0, 3), min_size=len(corpus), max_size=len(corpus))
        weights = np.array(data.draw(counts), dtype=int)
        repeated = [
            text
            for text, n in zip(corpus, weights.tolist(), strict=True)
            for _ in range(n)
        ]
        tokens = as_tokens(corpus)
        weighted = NgramTfidf(ngram_range, **how)
        features = weighted.fit_transform(tokens, N_TOKENS, weights)
        expected = NgramTfidf(ngram_range, **how).fit(as_tokens(repeated), N_TOKENS)
        assert len(weighted.keys) == len(expected.keys)
        for ours, theirs in zip(weighted.keys, expected.keys, strict=True):
            assert_array_equal(ours, theirs)
        if how["use_idf"]:
            assert_array_equal(weighted.idf, expected.idf)
        assert_same(features, expected.transform(tokens))
        assert_same(weighted.transform(tokens), features)

    @given(st.lists(st.integers(0, 2**63 - 1), unique=True), st.randoms())
    @settings(deadline=None)
    def test_hash_table(self, keys, random):
        known = np.array(sorted(keys), dtype=np.int64)
        table = HashTable(known)
        order = random.sample(range(len(keys)), len(keys))
        assert_array_equal(table.find(known[order]), order)
        others = np.setdiff1d(np.arange(100), known)
        assert (table.find(others) == -1).all()


def test_hash_table_with_full_neighbourhoods():
    """Many keys in one slot: found all the same, and others not."""
    inverse = pow(int(HashTable._FACTOR), -1, 2**64)
    # Multiplied by the factor, these are 0, 1, 2, ...: the high bits are all the same.
    crowd = [i * inverse % 2**64 for i in range(400)]
    crowd = np.sort(np.array([key for key in crowd if key < 2**63], dtype=np.int64))
    known, others = crowd[::2], crowd[1::2]
    table = HashTable(known)
    assert len(known) > 50
    assert_array_equal(table.find(known), np.arange(len(known)))
    assert (table.find(others) == -1).all()


class TestNgramTfidf:
    def test_names_and_keys(self):
        ngrams = NgramTfidf((1, 2)).fit(as_tokens([[0, 3, 3], [1], []]), N_TOKENS)
        assert [keys.tolist() for keys in ngrams.keys] == [[0, 1, 3], [3, 15]]
        assert all(keys.dtype == np.int64 for keys in ngrams.keys)
        assert ngrams.n_features == 5
        assert ngrams.names([*"abcd"]).tolist() == ["a", "b", "d", "a d", "d d"]

    @pytest.mark.parametrize("corpus", [[], [[]], [[], []], [[1], [2]]])
    def test_nothing_occurs(self, corpus):
        tokens = as_tokens(corpus)
        ngrams = NgramTfidf((2, 2))
        assert ngrams.fit_transform(tokens, N_TOKENS).shape == (len(corpus), 0)
        assert ngrams.n_features == 0
        assert ngrams.names([*"abcd"]).tolist() == []
        assert ngrams.transform(as_tokens([[1, 1]])).shape == (1, 0)

    def test_only_texts_of_weight_0(self):
        ngrams = NgramTfidf().fit(as_tokens([[1], [2]]), N_TOKENS, np.zeros(2))
        assert ngrams.n_features == 0

    def test_too_long(self):
        tokens = as_tokens([[0, 1, 2, 3, 2**15]])
        NgramTfidf((4, 4)).fit(tokens, 2**15 + 1)
        with pytest.raises(ValueError, match=r"32769 tokens.* at most 4"):
            NgramTfidf((1, 5)).fit(tokens, 2**15 + 1)

    def test_largest_key(self):
        last = 2**21 - 1
        tokens = as_tokens([[last, last, last], [last, last, 0]])
        ngrams = NgramTfidf((3, 3)).fit(tokens, 2**21)
        assert ngrams.keys[0].tolist() == [2**63 - 2**21, 2**63 - 1]
        assert_array_equal(ngrams.transform(tokens).toarray(), [[0, 1], [1, 0]])

    def test_cells_beyond_32_bits(self):
        """Many rows times many columns: the sums are the same as for few."""
        rng = np.random.default_rng(0)
        corpus = [[int(i)] for i in rng.integers(0, 2**16, 2**16)]
        features = NgramTfidf(norm=None, use_idf=False).fit_transform(
            as_tokens(corpus), 2**16
        )
        assert features.shape[0] * features.shape[1] > 2**31
        assert features.indices.dtype == np.int32
        names = np.unique(corpus)
        assert_array_equal(names[features.indices], np.ravel(corpus))

    def test_pickle_leaves_out_tables(self):
        tokens = as_tokens([[0, 1, 2], [1, 2]])
        ngrams = NgramTfidf((1, 2)).fit(tokens, N_TOKENS)
        expected = ngrams.transform(tokens)
        again = pickle.loads(pickle.dumps(ngrams))
        assert "_tables" in vars(ngrams)
        assert "_tables" not in vars(again)
        assert_same(again.transform(tokens), expected)

    def test_fit_again_forgets(self):
        ngrams = NgramTfidf((1, 2)).fit(as_tokens([[0, 1, 2], [1, 2]]), N_TOKENS)
        tokens = as_tokens([[3, 2, 3]])
        ngrams.fit(tokens, 5)
        fresh = NgramTfidf((1, 2)).fit(tokens, 5)
        assert_same(ngrams.transform(tokens), fresh.transform(tokens))

    def test_threads(self):
        rng = np.random.default_rng(0)
        corpus = [rng.integers(0, 50, rng.integers(0, 30)).tolist() for _ in range(500)]
        tokens = as_tokens(corpus)
        fitted = NgramTfidf((1, 3)).fit(tokens, 50)
        expected = fitted.transform(tokens)
        fitted = pickle.loads(pickle.dumps(fitted))  # tables made by several at once
        with ThreadPoolExecutor(8) as pool:
            for features in pool.map(fitted.transform, [tokens] * 32):
                assert_same(features, expected)


class TestVectorizer:
    @pytest.mark.parametrize("ngram_range", RANGES)
    @pytest.mark.parametrize(
        "how",
        [
            {},
            {"norm": "l1"},
            {"norm": None, "sublinear_tf": True},
            {"use_idf": False},
            {"smooth_idf": False},
        ],
    )
    def test_equals_scikit_learn(self, default_model, ngram_range, how):
        ours = TokenTfidfVectorizer(ngram_range=ngram_range, **how).fit(TEXTS)
        theirs = TfidfVectorizer(
            ngram_range=ngram_range,
            tokenizer=lambda text: default_model.tokens([text], max_length=None)[0],
            lowercase=False,
            token_pattern=None,
            **how,
        ).fit(TEXTS)
        names = theirs.get_feature_names_out().tolist()
        assert sorted(ours.get_feature_names_out()) == names
        order = [names.index(name) for name in ours.get_feature_names_out()]
        if ours.use_idf:
            assert_allclose(ours.idf_, theirs.idf_[order], rtol=1e-6)
        for texts in (TEXTS, UNSEEN):
            expected = theirs.transform(texts).toarray()[:, order]
            assert_allclose(ours.transform(texts).toarray(), expected, atol=1e-6)
        assert_same(ours.fit_transform(TEXTS), ours.transform(TEXTS))

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_batches(self, n_jobs):
        texts = [f"{TEXTS[i % 8]} {i % 7} {i % 11}" for i in range(2500)]
        vectorizer = TokenTfidfVectorizer(ngram_range=(1, 2), n_jobs=n_jobs)
        expected = vectorizer.fit_transform(texts)
        features = vectorizer.transform(iter(texts))
        assert_same(features, expected)
        assert features.has_canonical_format
        assert features.indices.dtype == np.int32

    def test_no_texts(self):
        features = TokenTfidfVectorizer().fit(TEXTS).transform([])
        assert features.shape == (0, TokenTfidfVectorizer().fit(TEXTS).idf_.size)
        assert features.dtype == np.float32

    def test_attributes_that_do_not_always_exist(self):
        vectorizer = TokenTfidfVectorizer(ngram_range=(1, 2), use_idf=False).fit(TEXTS)
        assert not hasattr(vectorizer, "token_ids_")
        assert not hasattr(vectorizer, "idf_")
        vectorizer.set_params(ngram_range=(1, 1), use_idf=True)
        assert not hasattr(vectorizer, "token_ids_")
        vectorizer.fit(TEXTS)
        assert vectorizer.token_ids_.dtype == np.int32
        assert vectorizer.token_ids_.shape == vectorizer.idf_.shape

    @pytest.mark.parametrize(
        "ngram_range", [(2, 1), (0, 1), (1,), (1, 2, 3), (1.0, 2), ("a", "b")]
    )
    def test_impossible_ranges(self, ngram_range):
        with pytest.raises(ValueError, match="1 <= shortest <= longest"):
            TokenTfidfVectorizer(ngram_range=ngram_range).fit(TEXTS)

    def test_not_a_range(self):
        with pytest.raises(ValueError, match="'ngram_range' parameter"):
            TokenTfidfVectorizer(ngram_range="1-2").fit(TEXTS)

    def test_too_long_for_the_model(self):
        with pytest.raises(ValueError, match="at most 4"):
            TokenTfidfVectorizer(ngram_range=(1, 5)).fit(TEXTS)

    def test_nothing_to_count(self):
        with pytest.raises(ValueError, match="no 2 known tokens in a row in 3 texts"):
            TokenTfidfVectorizer(ngram_range=(2, 2)).fit(["the", "", "cat"])

    def test_skops(self, tmp_path):
        import skops.io

        vectorizer = TokenTfidfVectorizer(ngram_range=(1, 2)).fit(TEXTS)
        skops.io.dump(vectorizer, tmp_path / "it.skops")
        untrusted = skops.io.get_untrusted_types(file=tmp_path / "it.skops")
        again = skops.io.load(tmp_path / "it.skops", trusted=untrusted)
        assert_same(again.transform(UNSEEN), vectorizer.transform(UNSEEN))
