"""N-grams of letters inside words: scikit-learn's `char_wb`, from token ids."""

from __future__ import annotations

import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain

import numpy as np
import pytest
from conftest import shared
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer

from sk_m2v import StaticEmbedding, TokenTfidfVectorizer
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.embedding.tokens._tokens import vocabulary_size
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._spelling import spelled_tokens

TOKENIZERS = [
    "potion-wordpiece",
    "phi2-bytelevel-bpe",
    "phi3mini-metaspace-bpe",
    "clip-bpe",
    "m2v-vocabquant-unigram",
]
# The same words for every tokenizer: lower case, and nothing but letters and spaces.
words = st.sampled_from(
    ["a", "ab", "aba", "run", "runs", "running", "unbelievable", "xqzv", "zzzz"]
)
texts = st.lists(st.lists(words, max_size=6).map(" ".join), min_size=1, max_size=6)
ranges = st.sampled_from([(1, 1), (2, 2), (1, 3), (3, 4), (2, 5)])


@cache
def model(name: str) -> StaticEmbedding:
    path = shared(f"tokenizers/{name}") / "tokenizer.json"
    tokenizer = path.read_text(encoding="utf-8")
    n_tokens = vocabulary_size(tokenizer)
    return StaticEmbedding(np.zeros((n_tokens, 1), np.float32), tokenizer)


def theirs(ngram_range, **options):
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=ngram_range, lowercase=False, **options
    )


@pytest.mark.parametrize("name", TOKENIZERS)
@given(texts, texts, ranges, st.booleans())
@settings(max_examples=40, deadline=None)
def test_equals_scikit_learn(name, fitted, given, ngram_range, use_idf):
    if not any(fitted):
        return
    options = {"ngram_range": ngram_range, "use_idf": use_idf, "norm": None}
    ours = TokenTfidfVectorizer(model(name), analyzer="letter", **options).fit(fitted)
    reference = theirs(**options).fit(fitted)
    # A space alone is an n-gram there.
    expected = [it for it in reference.get_feature_names_out() if it.strip()]
    names = ours.get_feature_names_out().tolist()
    assert sorted(names) == expected
    places = [reference.vocabulary_[it] for it in names]
    assert_allclose(
        ours.transform(given).toarray(),
        reference.transform(given).toarray()[:, places],
        rtol=1e-6,
    )


@given(texts, texts, ranges, st.booleans(), st.sampled_from([None, "l1", "l2"]))
@settings(deadline=None)
def test_rows_are_sums_of_words(fitted, given, ngram_range, sublinear_tf, norm):
    if not any(fitted):
        return
    ours = TokenTfidfVectorizer(
        model("potion-wordpiece"),
        analyzer="letter",
        ngram_range=ngram_range,
        sublinear_tf=sublinear_tf,
        norm=norm,
    ).fit(fitted)
    reference = theirs(ngram_range, norm=None).fit(fitted)
    idf = ours.idf_
    places = [reference.vocabulary_[it] for it in ours.get_feature_names_out()]
    expected = np.zeros((len(given), idf.size))
    for row, text in zip(expected, given, strict=True):
        size = 0
        for word, c in Counter(text.split()).items():
            weight = 1 + np.log(c) if sublinear_tf else c
            of_word = reference.transform([word]).toarray()[0, places]
            row += weight * of_word
            # As if no n-gram occurred twice.
            if norm == "l2":
                size += weight**2 * (of_word @ idf)
            else:
                size += weight * of_word.sum()
        if norm is not None:
            row /= (np.sqrt(size) if norm == "l2" else size) or 1
    assert_allclose(ours.transform(given).toarray(), expected, rtol=1e-5, atol=1e-6)


ids = st.integers(0, 7)
corpora = st.lists(st.lists(ids, max_size=30), min_size=1, max_size=6)
# Beginnings, ends and insides of words, boundaries in the middle, and nothing.
SPELLED = [" a", "b", "ab", "c ", " d ", " ", "", "a b"]


def as_tokens(corpus):
    offsets = np.cumsum([0, *map(len, corpus)], dtype=np.int64)
    return TokenIds(np.array([*chain(*corpus)], dtype=np.int32), offsets)


def spelled_texts(corpus):
    return ["".join(SPELLED[it] for it in text) for text in corpus]


@given(corpora, corpora, ranges)
@settings(max_examples=200, deadline=None)
def test_any_spelling(fitted, given, ngram_range):
    """Also of words of many tokens, and tokens of many words."""
    letters = LetterTfidf(SPELLED, ngram_range, use_idf=False, norm=None)
    letters.fit(as_tokens(fitted), len(SPELLED))
    reference = theirs(ngram_range, use_idf=False, norm=None)
    if not any(it.strip() for it in spelled_texts(fitted)):
        assert letters.n_features == 0
        return
    reference.fit(spelled_texts(fitted))
    names = letters.names([]).tolist()
    assert sorted(names) == [
        it for it in reference.get_feature_names_out() if it.strip()
    ]
    places = [reference.vocabulary_[it] for it in names]
    expected = reference.transform(spelled_texts(given)).toarray()[:, places]
    assert_array_equal(letters.transform(as_tokens(given)).toarray(), expected)


@given(corpora, corpora)
@settings(deadline=None)
def test_words_are_looked_up_as_the_stream_is(fitted, given):
    letters = LetterTfidf(SPELLED, (2, 4), use_idf=False, norm=None)
    letters.fit(as_tokens(fitted), len(SPELLED))
    tokens = as_tokens(given)
    stream, owners = letters.letters.stream(tokens)
    assert stream.ids.size == owners.size
    expected = np.zeros((len(given), letters.n_features))
    rows = np.repeat(np.arange(len(given)), np.diff(stream.offsets))
    for starts, columns in letters.occurrences(stream):
        np.add.at(expected, (rows[starts], columns), 1)
    assert_array_equal(letters.transform(tokens).toarray(), expected)


@given(st.data(), corpora)
@settings(deadline=None)
def test_weights_are_repetition(data, corpus):
    counts = st.lists(st.integers(0, 3), min_size=len(corpus), max_size=len(corpus))
    weights = np.array(data.draw(counts), dtype=int)
    repeated = [text for text, n in zip(corpus, weights, strict=True) for _ in range(n)]
    options = {"ngram_range": (2, 3), "min_df": 2}
    weighted = LetterTfidf(SPELLED, **options)
    weighted.fit(as_tokens(corpus), len(SPELLED), weights)
    plain = LetterTfidf(SPELLED, **options).fit(as_tokens(repeated), len(SPELLED))
    assert weighted.names([]).tolist() == plain.names([]).tolist()
    assert_allclose(weighted.idf, plain.idf, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("potion-wordpiece", "Unbelievably, xqz!", " unbelievably , xqz !"),
        ("phi2-bytelevel-bpe", "Unbelievably, xqz!", "Unbelievably, xqz!"),
        ("phi2-bytelevel-bpe", "a\n\tb   c", "a b c"),
        ("phi3mini-metaspace-bpe", "Unbelievably, xqz!", " Unbelievably, xqz!"),
        ("phi3mini-metaspace-bpe", "a\U0001f9a4 b", " a b"),
        ("clip-bpe", "Unbelievably, xqz!", "unbelievably , xqz ! "),
    ],
)
def test_spelling(name, text, expected):
    """Joined, the tokens are the text, normalised."""
    spelled = spelled_tokens(model(name))
    ids = model(name).token_ids([text]).ids.tolist()
    joined = "".join(spelled[it] for it in ids)
    assert " ".join(f"|{joined}|".split()) == " ".join(f"|{expected}|".split())


def test_special_tokens_have_no_letters(default_model):
    spelled = spelled_tokens(default_model)
    assert {spelled[it] for it in default_model._special_ids} == {" "}


def test_letters_of_a_large_alphabet():
    """The most frequent letters are told apart: as many as a key has room for."""
    letters = [chr(0x4E00 + i) for i in range(400)]
    spelled = [f" {it}" for it in letters]
    texts = [list(range(400)), [7] * 5, list(range(3))]
    tfidf = LetterTfidf(spelled, (2, 8)).fit(as_tokens(texts), 400)
    assert tfidf.n_tokens**8 <= 2**63
    assert {letters[7], *letters[:3]} < set(tfidf.alphabet)
    assert 200 < len(tfidf.alphabet) < 400
    assert f" {letters[7]}" in tfidf.names([])
    assert not any(letters[399] in it for it in tfidf.names([]))
    assert tfidf.transform(as_tokens([[399]])).nnz == 0


def test_a_word_of_very_many_tokens():
    corpus = [[0, *[1] * 10_000], [0, *[1] * 9_999]]
    tfidf = LetterTfidf(SPELLED, (2, 2), use_idf=False, norm=None)
    found = tfidf.fit_transform(as_tokens(corpus), len(SPELLED)).toarray()
    assert dict(zip(tfidf.names([]).tolist(), found[0], strict=True)) == {
        " a": 1,
        "ab": 1,
        "b ": 1,
        "bb": 9_999,
    }


def test_neighbours_change_nothing(default_model):
    """Bit for bit, whatever was seen before and beside."""
    train = ["some running words", "unrunnable words run", "wordless runs"] * 2
    many = ["the words of xqzzy", "runs", "unbelievably wordy running", ""] * 3
    options = {"analyzer": "letter", "ngram_range": (2, 4)}
    first = TokenTfidfVectorizer(default_model, **options).fit(train)
    again = TokenTfidfVectorizer(default_model, **options).fit(train)
    for text, row in zip(many, first.transform(many), strict=True):
        alone = again.transform([text])
        assert_array_equal(alone.indices, row.indices)
        assert_array_equal(alone.data, row.data)


def test_pickles_hold_what_was_learnt(default_model):
    fitted = TokenTfidfVectorizer(default_model, analyzer="letter", ngram_range=(2, 4))
    fitted.fit(["running words"])
    size = len(pickle.dumps(fitted._ngrams))
    expected = fitted.transform(["words run"]).toarray()
    assert len(pickle.dumps(fitted._ngrams)) == size  # no tables
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.transform(["words run"]).toarray(), expected)


def test_threads(default_model):
    fitted = TokenTfidfVectorizer(default_model, analyzer="letter", ngram_range=(2, 4))
    tokens = [f"{it} running wordy" for it in default_model.vocabulary[2000:4000]]
    fitted.fit(tokens[::7])
    expected = pickle.loads(pickle.dumps(fitted)).transform(tokens).toarray()
    with ThreadPoolExecutor(4) as pool:
        rows = pool.map(lambda i: fitted.transform(tokens[i::20]).toarray(), range(20))
        for i, found in enumerate(rows):
            assert_array_equal(found, expected[i::20])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ngram_range": (2, 9)}, "ngram_range must be .* <= 8, got"),
        ({"analyzer": "word"}, "'analyzer' parameter"),
        ({"min_df": 3}, "no n-gram of 2 texts is within min_df=3"),
        ({"ngram_range": (8, 8)}, "no word of known tokens with 8 letters in 2 texts"),
    ],
)
def test_impossible(options, message):
    vectorizer = TokenTfidfVectorizer(**{"analyzer": "letter", **options})
    with pytest.raises(ValueError, match=message):
        vectorizer.fit(["a cat", "a dog"])


def test_stop_words_have_no_letters():
    vectorizer = TokenTfidfVectorizer(
        analyzer="letter", ngram_range=(3, 3), stop_words=["the"]
    )
    assert " th" not in vectorizer.fit(["the cat"]).get_feature_names_out()
