"""Terms as tokens: on real tokenizers of all kinds, and terms found in texts."""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import shared, shared_folders, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from sk_m2v.distill.vocabulary._cut import cut_tokenizer
from sk_m2v.distill.vocabulary._terms import add_terms, frequent_terms
from sk_m2v.embedding.tokens._backends import NanotokenBackend
from sk_m2v.embedding.tokens._tokens import load_backend

# One of each kind, since all others are read alike.
KINDS = ("potion", "bert-base-cased", "gpt2", "clip", "phi3", "t5small", "m2v")
FOLDERS = [
    it
    for it in shared_folders("tokenizers", "tokenizer.json")
    if it.name.startswith(KINDS)
]
TERMS = ["xenolith", "new york", "New York City", "not goodish", "c++", ".nett"]
OVERLAPPING = ["two threes", "threes four five", "two threes four"]
real = pytest.mark.parametrize("folder", FOLDERS, ids=lambda it: it.name)


@cache
def cut(folder: Path) -> str:
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    return cut_tokenizer(text, unk_token=None, pad_token=None, remove=None).tokenizer


@cache
def with_terms(folder: Path) -> tuple[str, list[str]]:
    return add_terms(cut(folder), TERMS + OVERLAPPING)


@cache
def library(tokenizer: str) -> Tokenizer:
    return Tokenizer.from_str(tokenizer)


def tokens(tokenizer: str, text: str) -> list[str]:
    tokenizer = library(tokenizer)
    return [tokenizer.id_to_token(it) for it in tokenizer.encode(text).ids]


def assert_as_tokenizers(tokenizer: str, texts: list[str]) -> None:
    """Ids of the backend that would be used are those of the library."""
    ids, offsets = load_backend(tokenizer).encode(texts)
    expected = [it.ids for it in library(tokenizer).encode_batch(texts)]
    assert [it.tolist() for it in np.split(ids, offsets[1:-1])] == expected


# --- real tokenizers


@real
def test_terms_follow_the_old_tokens(folder: Path) -> None:
    text, added = with_terms(folder)
    old, new = library(cut(folder)), library(text)
    n_tokens = old.get_vocab_size()
    expected = {it: n_tokens + i for i, it in enumerate(added)}
    assert new.get_vocab() == old.get_vocab() | expected
    assert len(added) == len(TERMS + OVERLAPPING)


@real
def test_whole_words_are_one_token_and_leave_their_neighbours(folder: Path) -> None:
    text, added = with_terms(folder)
    before = tokens(cut(folder), "I like")
    after = tokens(cut(folder), "I like very much")[2:]
    for term, token in zip(TERMS, added, strict=False):
        assert tokens(text, f"I like {term} very much") == [*before, token, *after]
        for pattern in ("{}", "({})", "x, {}!", "\u201c{}\u201d", "x\n{}\n\nx"):
            assert token in tokens(text, pattern.format(term))


@real
def test_not_inside_words(folder: Path) -> None:
    text, old = with_terms(folder)[0], cut(folder)
    sentence = "renew yorkers, axenolith."
    assert tokens(text, sentence) == tokens(old, sentence)


@real
def test_longest_from_the_left(folder: Path) -> None:
    old = cut(folder)
    assert tokens(with_terms(folder)[0], "one two threes four five six") == [
        *tokens(old, "one"),
        "two threes four",
        *tokens(old, "one five six")[1:],
    ]


@real
def test_backends_give_the_same_ids(folder: Path, parity_strings: list[str]) -> None:
    text, _ = with_terms(folder)
    strings = parity_strings[::53]
    mixed = [f"{it[:9]} {t}{it[9:30]}" for t in TERMS for it in strings[::9]]
    assert_as_tokenizers(text, strings + mixed)


@real
def test_adding_twice_adds_nothing(folder: Path) -> None:
    text, _ = with_terms(folder)
    again, added = add_terms(text, TERMS)
    assert added == []
    assert json.loads(again) == json.loads(text)


pieces = st.one_of(
    st.sampled_from([*TERMS, "new", "york", "xenoliths", "New York", "a", "_"]),
    st.sampled_from(
        ["\n", "\t", "  ", "(", ")", ",", "'s", "-", "é", "\u0301", "东京", "\0"]
    ),
    st.text(max_size=3),
)
texts = st.lists(st.tuples(pieces, st.sampled_from([" ", ""])), max_size=9).map(
    lambda parts: "".join(piece + space for piece, space in parts)
)


@real
@given(texts=st.lists(texts, max_size=8))
@settings(max_examples=20, deadline=None)
def test_any_text_has_the_same_ids(folder: Path, texts: list[str]) -> None:
    assert_as_tokenizers(with_terms(folder)[0], ["tea", *texts, "tea"])


def test_as_model2vec(parity_strings: list[str]) -> None:
    from model2vec.tokenizer import clean_and_create_vocabulary
    from skeletoken import TokenizerModel

    folder = shared("tokenizers") / "bert-base-cased"
    logging.disable(logging.CRITICAL)
    terms = ["Xenolith", "quokkas", "teapots", "New York", "not goodish", "tea"]
    model = TokenizerModel.from_tokenizer(Tokenizer.from_str(cut(folder)))
    theirs = clean_and_create_vocabulary(model, terms, None).to_tokenizer()
    logging.disable(logging.NOTSET)
    text, added = add_terms(cut(folder), terms)
    ours = Tokenizer.from_str(text)
    assert added == terms[:-1]
    texts = [f"{a[:20]} {b} {a[20:40]}" for a in parity_strings[::99] for b in terms]
    for mine, other in zip(
        ours.encode_batch(texts),
        theirs.encode_batch(texts, add_special_tokens=False),
        strict=True,
    ):
        if "[PAD]" not in mine.tokens and "[UNK]" not in mine.tokens:
            for a, b in zip(mine.tokens, other.tokens, strict=True):
                assert a.strip() == b.strip()
    # They find a phrase inside words.
    assert " New York" in theirs.encode("a New Yorker").tokens
    assert "New York" not in tokens(text, "a New Yorker")


# --- how terms are stored


def test_word_piece_takes_words_into_its_vocabulary() -> None:
    text, added = add_terms(tiny_tokenizer().to_str(), ["Tea", "red cat", "cups"])
    assert added == ["tea", "red cat", "cups"]
    assert [it["content"] for it in json.loads(text)["added_tokens"]] == ["red cat"]
    assert tokens(text, "Teas, RED CAT cups reds") == [
        *("tea", "##s", ",", "red cat", "cups", "red", "##s")
    ]
    assert isinstance(load_backend(text), NanotokenBackend)
    text, [added] = add_terms(tiny_tokenizer().to_str(), ["x" * 101])  # too long
    assert tokens(text, f"red {added} cat") == ["red", added, "cat"]


def test_word_level() -> None:
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text, added = add_terms(tokenizer.to_str(), ["tea", "red tea", "red", "<unk>"])
    assert added == ["tea", "red tea"]
    assert tokens(text, "red, red tea teas tea") == [
        *("red", "<unk>", "red tea", "<unk>", "tea")
    ]
    assert len(json.loads(text)["added_tokens"]) == 1


def test_no_pre_tokenizer() -> None:
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1}, unk_token="<unk>"))
    text, added = add_terms(tokenizer.to_str(), ["tea", "red"])
    assert added == ["tea"]
    assert tokens(text, "my tea") == ["<unk>", "tea"]


def test_characters_that_the_normaliser_puts_spaces_around() -> None:
    text, added = add_terms(tiny_tokenizer().to_str(), ["东京", "iPhone手机", "京"])
    assert added == ["东京", "iPhone手机", "京"]
    ids = library(text).encode("red东京 iphone手机, 京x").ids
    assert ids == [2, 10, 11, 9, 12, 0]
    assert_as_tokenizers(text, ["red东京 iphone手机, 京x", "东京", "x手机东 京"])


def test_terms_left_out() -> None:
    terms = ["red", " Red ", "", " \t", "\x00", "##s", "##ed", "cat dog"]
    text, added = add_terms(tiny_tokenizer().to_str(), [*terms, "CAT DOG"])
    assert added == ["cat dog"]
    text, _ = add_terms(tiny_tokenizer().to_str(), [])
    assert json.loads(text) == json.loads(tiny_tokenizer().to_str())
    short = tiny_tokenizer()
    short.enable_truncation(2)
    assert add_terms(short.to_str(), ["red cat", "dog"])[1] == ["red cat"]


def test_lone_surrogates() -> None:
    _, added = add_terms(tiny_tokenizer().to_str(), ["a\ud800b"])
    assert added == ["ab"]  # BERT's normaliser removes U+FFFD


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("new york", r"one str, 'new york': pass a list of str"),
        (["tea", 3], r"vocabulary\[1\] is 3, of type int"),
        ([None], r"vocabulary\[0\] is None"),
        (b"tea", r"vocabulary\[0\] is 116"),
        (None, "not NoneType"),
        ({"tea"}, "not set: pass a list"),
    ],
)
def test_terms_that_are_none(terms: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        add_terms(tiny_tokenizer().to_str(), terms)


# --- terms of texts


def frequent(texts: object, **options: object) -> list[str]:
    options = {"min_df": 1, "max_terms": 99} | options
    return frequent_terms(texts, tiny_tokenizer().to_str(), **options)


def test_most_texts_first_then_the_alphabet() -> None:
    texts = ["tea Tea tea", "cup red", "a cup", "bee", "bee, cup"]
    assert frequent(texts, ngram_range=(1, 1)) == ["cup", "bee", "a", "tea"]
    assert frequent(iter(texts), min_df=2) == ["cup", "bee"]
    assert frequent(texts, min_df=0.5) == ["cup"]
    assert frequent(texts, min_df=2, max_terms=1) == ["cup"]


def test_phrases_are_more_than_chance() -> None:
    texts = ["the red cat in new york", "in the cat", "new york", "the cat the"] * 3
    texts += ["the in the cat red in the red in cat"]
    assert frequent(texts, ngram_range=(2, 2), min_df=2) == ["new york"]


def test_longer_phrases() -> None:
    texts = ["tea for two", "red cat", "dog", "green", "blue tea for two"]
    assert frequent(texts, ngram_range=(3, 3), min_df=2) == ["tea for two"]


def test_no_phrase_over_punctuation() -> None:
    texts = ["new, york", "new york", "new. york", "cats dogs"]
    assert frequent(texts, ngram_range=(2, 2), min_df=2) == []


def test_words_of_scripts_with_combining_marks() -> None:
    assert frequent(["हिन्दी भाषा", "हिन्दी"], min_df=2) != ["ह"]
    tokenizer = tiny_tokenizer()
    tokenizer.normalizer = None
    found = frequent_terms(["हिन्दी"], tokenizer.to_str(), min_df=1, max_terms=3)
    assert found == ["हिन्दी"]


@pytest.mark.parametrize(
    ("texts", "min_df"),
    [([], 1), ([], 0.5), (["tea"], 2), (["tea", "cup"], 2), (["", " ", "!"], 1)],
)
def test_nothing_is_frequent(texts: list[str], min_df: float) -> None:
    assert frequent(texts, min_df=min_df) == []


def test_texts_that_are_none() -> None:
    with pytest.raises(TypeError, match="texts is one str, 'tea'"):
        frequent("tea")
    with pytest.raises(TypeError, match=r"texts\[1\] is None"):
        frequent(["tea", None])


@pytest.mark.parametrize("folder", FOLDERS[::3], ids=lambda it: it.name)
def test_what_is_found_can_be_added(folder: Path, parity_strings: list[str]) -> None:
    texts = parity_strings[::29]
    terms = frequent_terms(texts, cut(folder), min_df=2, max_terms=200)
    text, added = add_terms(cut(folder), terms)
    assert added == terms
    assert_as_tokenizers(text, texts)


# --- tokens to which no text leads


@pytest.mark.parametrize("kind", ["bert-base-cased", "bert-uncased-minilm"])
def test_a_token_that_texts_are_cut_through(kind: str) -> None:
    """Its own id, as an added token: "..." is in the vocabulary, and never found."""
    folder = shared("tokenizers") / kind
    if not folder.exists():
        pytest.skip("needs the tokenizers")
    before = cut(folder)
    data = json.loads(before)
    data["model"]["vocab"]["..."] = len(data["model"]["vocab"])
    before = json.dumps(data)
    assert tokens(before, "wait... what") == ["wait", ".", ".", ".", "what"]
    text, added = add_terms(before, ["..."])
    assert added == []
    assert library(text).get_vocab() == library(before).get_vocab()
    assert tokens(text, "wait... what") == ["wait", "...", "what"]
    assert tokens(text, "... what ...") == ["...", "what", "..."]
    assert_as_tokenizers(text, ["wait... what", "a ... b", "....", "x. y.. z..."])


def test_special_tokens_are_no_terms() -> None:
    before = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1}, unk_token="<unk>"))
    before.pre_tokenizer = pre_tokenizers.Whitespace()
    text, added = add_terms(before.to_str(), ["<unk>", "red"])
    assert added == []
    assert json.loads(text)["added_tokens"] == []


def test_terms_that_are_to_be_removed() -> None:
    before = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1}, unk_token="<unk>"))
    before.pre_tokenizer = pre_tokenizers.Whitespace()
    terms = ["xenolith", "a xenolith", "new york"]
    _, added = add_terms(before.to_str(), terms, re.compile("xeno|new"))
    assert added == ["a xenolith"]
