"""Limits of the lexical features, as those of scikit-learn's vectorizers."""

from __future__ import annotations

import gzip
import json
from itertools import islice

import numpy as np
import pytest
from conftest import ROOT
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from tokenizers import Tokenizer, models, pre_tokenizers

import sk_m2v
from sk_m2v import StaticEmbedding, TokenTfidfVectorizer

TEXTS = [
    "The cat sleeps on the mat.",
    "A dog barks, and the dog runs",
    "wild horses run far away from the dog",
    "bread and cheese and wine",
    "a hot soup with bread and rice",
    "",
    "the train leaves at noon, from the station",
]
LIMITS = [
    {"min_df": 2},
    {"min_df": 0.3},
    {"min_df": 1.0},
    {"max_df": 3},
    {"max_df": 0.4},
    {"min_df": 2, "max_df": 0.5},
    {"max_features": 1},
    {"max_features": 1000},
    {"stop_words": "english"},
    {"stop_words": ["dog", "bread", "the"]},
    {"stop_words": ["dog"], "min_df": 2, "ngram_range": (1, 3)},
    {"stop_words": [], "max_df": 2},
]


def theirs(model, texts, stop_words=None, **options):
    words = stop_words or []
    if words == "english":
        words = [*ENGLISH_STOP_WORDS, *map(str.capitalize, ENGLISH_STOP_WORDS)]
    vectorizer = TfidfVectorizer(
        tokenizer=lambda text: model.tokens([text], max_length=None)[0],
        token_pattern=None,
        lowercase=False,
        stop_words=[*words] or None,
        **options,
    )
    return vectorizer.fit(texts)


@pytest.mark.filterwarnings("ignore:Your stop_words may be inconsistent")
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_equal_scikit_learn(default_model, limits, ngram_range, tmp_path):
    options = {"ngram_range": ngram_range} | limits
    ours = TokenTfidfVectorizer(**options)
    try:
        other = theirs(default_model, TEXTS, **options)
    except ValueError:
        with pytest.raises(ValueError, match=r"min_df"):
            ours.fit(TEXTS)
        return
    matrix = ours.fit_transform(TEXTS)
    names = ours.get_feature_names_out().tolist()
    if "max_features" in options:
        # Among n-grams that are equally frequent, the choice is free.
        assert len(names) == len(other.get_feature_names_out())
        counts = TokenTfidfVectorizer(
            ngram_range=ngram_range, use_idf=False, norm=None
        ).fit(TEXTS)
        totals = np.asarray(counts.transform(TEXTS).sum(axis=0)).ravel()
        kept = np.isin(counts.get_feature_names_out(), names)
        assert totals[kept].min() >= totals[~kept].max(initial=0)
        return
    assert sorted(names) == sorted(other.get_feature_names_out())
    columns = [other.vocabulary_[name] for name in names]
    new = [*TEXTS, "The dog eats bread at the station of the cat", "unheard of"]
    for texts in (TEXTS, new):
        expected = other.transform(texts)[:, columns].toarray()
        assert_allclose(ours.transform(texts).toarray(), expected, atol=1e-6)
    assert_allclose(matrix.toarray(), ours.transform(TEXTS).toarray())
    ours.save_pretrained(tmp_path)
    loaded = sk_m2v.load(tmp_path)
    assert_allclose(loaded.transform(new).toarray(), ours.transform(new).toarray())


@pytest.mark.parametrize("limits", LIMITS[:2] + LIMITS[8:], ids=str)
def test_exported(limits):
    pytest.importorskip("onnx")
    from sk_m2v.onnx import OnnxModel, to_onnx

    fitted = TokenTfidfVectorizer(**{"ngram_range": (1, 2)} | limits).fit(TEXTS)
    new = [*TEXTS, "The dog eats bread", "the the", ""]
    exported = OnnxModel(to_onnx(fitted, TEXTS))
    assert_allclose(exported.transform(new), fitted.transform(new).toarray(), atol=1e-6)


def test_words_of_several_tokens_stay():
    words = ["xenoliths", "the", "🦤"]
    with pytest.warns(UserWarning, match=r"2 of 3 stop words .* such as 'xenoliths'"):
        fitted = TokenTfidfVectorizer(stop_words=words).fit(["the xenoliths"])
    assert "the" not in fitted.get_feature_names_out()
    assert fitted.transform(["xenoliths"]).nnz


def test_words_behind_a_space():
    """Where a token holds the space before it, a word has two tokens."""
    merges = [("r", "e"), ("re", "d"), ("Ġ", "red"), ("c", "a"), ("ca", "t")]
    merges.append(("Ġ", "cat"))
    tokens = [*"redctaĠ", *map("".join, merges)]
    tokenizer = Tokenizer(models.BPE({it: i for i, it in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model = StaticEmbedding(np.ones((len(tokens), 2), np.float32), tokenizer)
    texts = ["red cat", "a red cat"]
    assert model.tokens(texts) == [["red", "Ġcat"], ["a", "Ġred", "Ġcat"]]
    fitted = TokenTfidfVectorizer(model, stop_words=["red"]).fit(texts)
    assert not any("red" in name for name in fitted.get_feature_names_out())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_df": 5, "max_df": 2}, r"max_df=2 .*min_df=5 .* nothing can be both"),
        ({"min_df": 7}, "min_df"),
        ({"min_df": 0}, "'min_df' parameter"),
        ({"max_df": 1.5}, "'max_df' parameter"),
        ({"max_features": 0}, "'max_features' parameter"),
        ({"stop_words": "french"}, "'stop_words' parameter"),
        ({"stop_words": ["the", 3]}, "stop_words must hold words, got 3"),
    ],
)
def test_impossible_limits(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        TokenTfidfVectorizer(**options).fit(TEXTS)


def test_fit_again_forgets():
    vectorizer = TokenTfidfVectorizer(max_features=3).fit(TEXTS)
    assert len(vectorizer.get_feature_names_out()) == 3
    vectorizer.set_params(max_features=None).fit(TEXTS)
    everything = clone(vectorizer).fit(TEXTS).get_feature_names_out().tolist()
    assert vectorizer.get_feature_names_out().tolist() == everything


def test_real_texts():
    file = ROOT.parent / "shared" / "datasets" / "ag_news" / "train.jsonl.gz"
    if not file.exists():
        pytest.skip("needs the data sets")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, 2000)]
    options = {"ngram_range": (1, 2), "min_df": 3, "max_df": 0.2}
    ours = TokenTfidfVectorizer(**options).fit(texts)
    other = theirs(ours.embedding_, texts, **options)
    names = ours.get_feature_names_out().tolist()
    assert sorted(names) == sorted(other.get_feature_names_out())
    columns = [other.vocabulary_[name] for name in names]
    difference = ours.transform(texts) - other.transform(texts)[:, columns]
    assert abs(difference).max() < 1e-6


def test_verbose(capsys):
    TokenTfidfVectorizer(verbose=True).fit(TEXTS).transform(TEXTS)
    printed = capsys.readouterr()
    assert "[TokenTfidfVectorizer] tokenizing" in printed.out
    assert "7.00/7.00" in printed.err
