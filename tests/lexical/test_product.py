"""Features times weights, without the features: the same numbers on every path."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical import _word_scores
from sk_m2v.lexical._deferred import Deferred
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.lexical._word_scores import WordScores, _Known
from sk_m2v.lexical._words import LONGEST_WORD, Occurrences

# Beginnings, ends and insides of words, boundaries in the middle, and nothing.
SPELLED = [" a", "b", "ab", "c ", " d ", " ", "", "a b"]
N = len(SPELLED)
ids = st.integers(0, N - 1)
# Insides of words follow each other, so that some words are too long to be looked for.
long = st.integers(1, 3 * LONGEST_WORD).map(lambda n: [0, *[1, 2] * n][:n])
rows = st.one_of(st.lists(ids, max_size=40), long)
corpora = st.lists(rows, min_size=1, max_size=8)
norms = st.sampled_from([None, "l1", "l2"])


def tokens(rows: list[list[int]]) -> TokenIds:
    flat = np.array([it for row in rows for it in row], dtype=np.int32)
    return TokenIds(flat, np.cumsum([0, *map(len, rows)]))


def vectorizers(norm, sublinear_tf, use_idf):
    options = {"norm": norm, "sublinear_tf": sublinear_tf, "use_idf": use_idf}
    return [
        NgramTfidf((1, 2), **options),
        LetterTfidf(SPELLED, (1, 3), **options),
    ]


def weights(vectorizer, n_outputs=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(vectorizer.n_features, n_outputs)).astype(np.float32)


@given(corpora, corpora, norms, st.booleans(), st.booleans(), st.integers(1, 4))
@settings(deadline=None)
def test_equals_the_features_times_weights(fitted, new, norm, tf, idf, n_outputs):
    for vectorizer in vectorizers(norm, tf, idf):
        vectorizer.fit(tokens(fitted), N)
        given = weights(vectorizer, n_outputs)
        expected = vectorizer.transform(tokens(new)) @ given.astype(np.float64)
        found = Deferred(vectorizer, tokens(new)) @ given
        assert found.dtype == np.float32
        assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


@given(corpora, st.lists(corpora, min_size=1, max_size=4), norms, st.integers(1, 3))
@settings(deadline=None)
def test_a_text_has_the_same_bits_wherever_it_stands(fitted, calls, norm, n_outputs):
    for vectorizer in vectorizers(norm, True, True):
        vectorizer.fit(tokens(fitted), N)
        given = weights(vectorizer, n_outputs)
        alone = {}
        # Words become known in another order than in a fresh vectorizer.
        for row in [row for call in calls for row in call]:
            alone[tuple(row)] = vectorizer.product(tokens([row]), given)
            # Single texts are remembered in a way of their own.
            again = vectorizer.product(tokens([row]), given)
            assert_array_equal(again, alone[tuple(row)])
        fresh = pickle.loads(pickle.dumps(vectorizer))
        everything = [row for call in reversed(calls) for row in call]
        # Many texts, which take the other path.
        many = everything * (1 + 40 // len(everything))
        found = fresh.product(tokens(many), given)
        for row, product in zip(many, found, strict=True):
            assert_array_equal(product, alone[tuple(row)][0])


def test_other_weights_are_other_scores():
    letters = LetterTfidf(SPELLED, (1, 3)).fit(tokens([[0, 1, 3], [4, 0, 2]]), N)
    some = tokens([[0, 1], [4]])
    for seed in range(3):
        given = weights(letters, seed=seed)
        expected = letters.transform(some) @ given
        assert_allclose(letters.product(some, given), expected, rtol=1e-5)
        del given  # its memory may be the next one's


def test_words_are_forgotten(monkeypatch):
    monkeypatch.setattr(_word_scores, "_MOST_WORDS", 4)
    letters = LetterTfidf(SPELLED, (1, 3)).fit(tokens([[0, 1, 3], [4, 0, 2]]), N)
    given = weights(letters)
    rng = np.random.default_rng(0)
    for _ in range(20):
        some = tokens([rng.integers(0, N, 6).tolist()])
        expected = letters.transform(some) @ given
        assert_allclose(letters.product(some, given), expected, rtol=1e-4, atol=1e-6)
    assert letters._last[1]._known.size < 12


def test_threads_learn_the_same():
    letters = LetterTfidf(SPELLED, (1, 3)).fit(tokens([[0, 1, 3], [4, 0, 2]]), N)
    given = weights(letters)
    rng = np.random.default_rng(0)
    batches = [
        tokens([rng.integers(0, N, 9).tolist() for _ in range(50)]) for _ in range(40)
    ]
    expected = [
        LetterTfidf.product(pickle.loads(pickle.dumps(letters)), it, given)
        for it in batches
    ]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda it: letters.product(it, given), batches * 4))
    for product, other in zip(found, expected * 4, strict=True):
        assert_array_equal(product, other)


@pytest.mark.parametrize("n_tokens", [N, 300_000])
def test_words_of_all_lengths_are_told_apart(n_tokens):
    words = [[0], [1], [0, 0], [0, 1], [1, 0], *([1] * n for n in range(3, 9))]
    flat = tokens(words)
    lengths = np.diff(flat.offsets)
    found = Occurrences(flat.offsets[:-1], lengths, np.arange(len(words)))

    def score(some):
        return WordScores(np.zeros((some.offsets.size - 1, 1)), np.diff(some.offsets))

    known = _Known(n_tokens, 1)
    # A few at a time, so that tables have to grow.
    for n in range(1, len(words) + 1):
        known.learn(flat.ids, found.some(np.arange(n)), score)
    numbers = known.find(flat.ids, found)
    assert sorted(numbers.tolist()) == list(range(len(words)))
    assert_array_equal(known.scores.squares[numbers], lengths)
