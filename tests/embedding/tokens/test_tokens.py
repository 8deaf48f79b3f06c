"""Token ids: both backends, on real tokenizers and on any text."""

from __future__ import annotations

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
from conftest import shared_folders, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from sk_m2v.embedding.tokens import _gigatoken, _word_cache
from sk_m2v.embedding.tokens._backends import NanotokenBackend, TokenizersBackend
from sk_m2v.embedding.tokens._gigatoken import _UNEVEN, GigatokenBackend
from sk_m2v.embedding.tokens._normalized_cache import (
    NormalizedBackend,
    normalizes_words,
)
from sk_m2v.embedding.tokens._tokens import (
    _tokenizers_backend,
    load_backend,
    token_ids,
)
from sk_m2v.embedding.tokens._word_cache import WordCacheBackend, WordRule, word_rule

FOLDERS = shared_folders("tokenizers", "tokenizer.json")


def rows(ids: np.ndarray, offsets: np.ndarray) -> list[list[int]]:
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


def expected_ids(tokenizer_json: str, texts: list[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [
        encoding.ids
        for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)
    ]


@pytest.fixture(autouse=True, scope="module")
def _always_learn():
    """Few texts do not repeat their words, which would leave the cache out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_word_cache, "_COST", 0)
        yield


def cached(tokenizer_json: str) -> WordCacheBackend | NormalizedBackend:
    backend = _tokenizers_backend(json.loads(tokenizer_json))
    if isinstance(backend, TokenizersBackend):
        pytest.skip("works on whole texts")
    return backend


def plain(tokenizer_json: str) -> TokenizersBackend:
    return TokenizersBackend(json.loads(tokenizer_json))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", [load_backend, plain, cached])
def test_ids_equal_tokenizers(folder, kind, parity_strings):
    tokenizer_json = (folder / "tokenizer.json").read_text(encoding="utf-8")
    backend = kind(tokenizer_json)
    ids, offsets = backend.encode(parity_strings)
    assert ids.dtype == np.int32
    assert offsets.dtype == np.int64
    assert rows(ids, offsets) == expected_ids(tokenizer_json, parity_strings)


def test_nanotoken_is_used_for_wordpiece_only(default_model):
    assert isinstance(load_backend(default_model.tokenizer_json), NanotokenBackend)
    bpe = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    assert isinstance(load_backend(bpe.to_str()), TokenizersBackend)


# Of Llama 3.
LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split_by(expression: str) -> dict:
    """Pre-tokenizer of byte-level BPE with an expression of its own."""
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(Regex(expression), "isolated")
    return json.loads(pre_tokenizers.Sequence([split, bytes_]).__getstate__())


class TestGigatoken:
    """BPE: the same ids, or it is not used."""

    def fast(self, **parts) -> GigatokenBackend:
        backend = load_backend(json.dumps({**json.loads(gpt2_like()), **parts}))
        assert isinstance(backend, GigatokenBackend)
        return backend

    def test_is_used_where_it_is_installed(self, monkeypatch):
        self.fast()
        load_backend.cache_clear()
        monkeypatch.setitem(sys.modules, "gigatoken.gigatoken_rs", None)
        assert isinstance(load_backend(gpt2_like()), WordCacheBackend)
        load_backend.cache_clear()

    @pytest.mark.parametrize(
        "parts",
        [
            {"pre_tokenizer": None},
            {"pre_tokenizer": {"type": "ByteLevel", "use_regex": False}},
            {"pre_tokenizer": {"type": "Whitespace"}},
            {"normalizer": {"type": "NFC"}},
            {"model": {"dropout": 0.5}},
            {"model": {"continuing_subword_prefix": "##"}},
            {"model": {"type": "WordPiece"}},
            {"added_tokens": [{"single_word": True, "content": "x", "id": 300}]},
            {"added_tokens": [{"content": "a", "id": 300}]},
            {"added_tokens": [{"lstrip": True, "content": "x y", "id": 300}]},
        ],
    )
    def test_is_not_used_where_it_might_differ(self, parts):
        tokenizer = json.loads(gpt2_like())
        parts["model"] = tokenizer["model"] | parts.get("model", {})
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        parts["added_tokens"] = [flags | it for it in parts.get("added_tokens", [])]
        with pytest.raises(ValueError, match="might give other ids"):
            GigatokenBackend(json.dumps({**tokenizer, **parts}))

    @pytest.mark.slow
    @pytest.mark.parametrize("expression", [None, LLAMA])
    def test_every_character(self, expression):
        """The libraries are not of the same age, and neither are their letters."""
        parts = {} if expression is None else {"pre_tokenizer": split_by(expression)}
        tokenizer_json = json.dumps({**json.loads(gpt2_like()), **parts})
        characters = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]
        uneven = 0
        for some in np.array_split(characters, 500):
            groups = np.array_split(some, 50)
            texts = [" ".join(f"a{it} {it}1{it}" for it in group) for group in groups]
            uneven += any(map(_UNEVEN.search, texts))
            expected = plain(tokenizer_json).encode(texts)
            assert_array_equal(self.fast(**parts).encode(texts).ids, expected.ids)
        assert 0 < uneven < 50

    def test_long_texts_are_read_a_few_at_a_time(self, monkeypatch):
        texts = ["ab " * 50, "", "a", "b" * 70, "'s"]
        expected = plain(gpt2_like()).encode(texts)
        monkeypatch.setattr(_gigatoken, "_ROOM", 100)
        result = self.fast().encode(texts)
        assert_array_equal(result.ids, expected.ids)
        assert_array_equal(result.offsets, expected.offsets)


def test_without_nanotoken(default_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "nanotoken", None)
    load_backend.cache_clear()
    backend = load_backend(default_model.tokenizer_json)
    load_backend.cache_clear()
    assert isinstance(backend, WordCacheBackend)


# Spaces and what can go wrong beside them, more often than chance would bring them.
TRICKY = st.text(
    st.one_of(
        st.sampled_from(
            " a b's\U0010fffd \t\n\x1c\x85\xa0\u0300\u200d\u0600\uff9e\ufffd"
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


@pytest.fixture(scope="module")
def every_backend(default_model):
    kinds = (plain, NanotokenBackend, cached)
    return [kind(default_model.tokenizer_json) for kind in kinds]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TRICKY, max_size=8))
def test_backends_agree_on_any_text(every_backend, texts):
    expected, *others = (token_ids(it, texts, None) for it in every_backend)
    for other in others:
        assert_array_equal(other.ids, expected.ids)
        assert_array_equal(other.offsets, expected.offsets)


def gpt2_like(
    *, add_prefix_space: bool = False, normalizer=None, added=("<x>", "<mask>")
) -> str:
    """Byte-level BPE that knows some pairs of letters and a run of spaces."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    space = "\u0120"  # as byte-level models spell it
    merges = [("a", "b"), (space, "a"), (space, space), ("ab", "a"), ("'", "s")]
    words = [*alphabet, *("".join(pair) for pair in merges)]
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens([it for it in added if it != "<mask>"])
    if "<mask>" in added:
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    return tokenizer.to_str()


@pytest.fixture(scope="module", params=[True, False])
def gpt2_backends(request):
    space = {"add_prefix_space": request.param}
    added = ["<x>", "   ", "<mask>"]
    composed = gpt2_like(**space, normalizer=normalizers.NFC(), added=added)
    exact = [gpt2_like(**space), gpt2_like(**space, added=["<x>", "   "])]
    return [
        (plain(composed), cached(composed)),
        *((plain(it), GigatokenBackend(it)) for it in exact),
    ]


SPACED = st.lists(st.sampled_from(["a", "aba", " ", "<x>", "<mask>", "'s"]))


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TRICKY | SPACED.map(" ".join), max_size=8))
def test_backends_agree_where_spaces_count(gpt2_backends, texts):
    for pair in gpt2_backends:
        expected, result = (backend.encode(texts) for backend in pair)
        assert_array_equal(result.ids, expected.ids)
        assert_array_equal(result.offsets, expected.offsets)


def unigram_like(*, added: str | None = None) -> str:
    """Unigram over sentences, with the normaliser that model2vec gives such models."""
    vocabulary = [("[UNK]", -9.0), ("\u2581", -3.0), ("\u2581a", -2.0), ("b", -2.0)]
    tokenizer = Tokenizer(models.Unigram([*vocabulary, (".", -2.0), ("'", -2.0)], 0))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.BertNormalizer(lowercase=True),
            normalizers.Replace(".", " . "),
            normalizers.Replace("'", " ' "),
            normalizers.Replace(Regex("\\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    tokenizer.add_special_tokens(["[UNK]"])
    if added is not None:
        tokenizer.add_tokens([added])
    return tokenizer.to_str()


@pytest.fixture(scope="module")
def unigram_backends():
    return plain(unigram_like()), cached(unigram_like())


WORDS_AND_MARKS = st.lists(st.sampled_from(["a", "Ab.", "'", "", "[UNK]", "\x1c"]))


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TRICKY | WORDS_AND_MARKS.map(" ".join), max_size=8))
def test_normalizing_word_by_word_agrees(unigram_backends, texts):
    expected, result = (backend.encode(texts) for backend in unigram_backends)
    assert isinstance(unigram_backends[1], NormalizedBackend)
    assert_array_equal(result.ids, expected.ids)
    assert_array_equal(result.offsets, expected.offsets)


@pytest.mark.parametrize("last", [None, {"type": "Replace"}, {"type": "NFC"}])
def test_normalizers_that_do_not_work_on_words(last):
    tokenizer = json.loads(unigram_like())
    assert normalizes_words(tokenizer)
    if last is None:
        tokenizer["normalizer"]["normalizers"].pop()
    else:
        tokenizer["normalizer"]["normalizers"].append(last)
    assert not normalizes_words(tokenizer)
    assert not normalizes_words(json.loads(unigram_like(added="x")))


class TestWordRule:
    def change(self, **parts) -> dict:
        return {**json.loads(gpt2_like(add_prefix_space=False)), **parts}

    def test_gpt2(self):
        assert word_rule(self.change()) == WordRule(keep_space=True, ascii_ends=False)

    def test_bert(self):
        rule = word_rule(json.loads(tiny_tokenizer().to_str()))
        assert rule == WordRule(keep_space=False, ascii_ends=False)

    @pytest.mark.parametrize(
        "parts",
        [
            {"pre_tokenizer": None},
            {"pre_tokenizer": {"type": "Metaspace"}},
            {"pre_tokenizer": {"type": "ByteLevel", "use_regex": False}},
            {"normalizer": {"type": "Strip"}},
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [{"type": "NFC"}, {"type": "Replace"}],
                }
            },
            {"model": {"type": "BPE", "dropout": 0.1, "vocab": {}, "merges": []}},
        ],
    )
    def test_parts_that_are_not_known_to_be_local(self, parts):
        assert word_rule(self.change(**parts)) is None

    @pytest.mark.parametrize(
        "token",
        [
            {"content": "new york"},
            {"content": " "},
            {"content": " x"},
            {"content": "x", "rstrip": True},
            {"content": "x", "single_word": True},
        ],
    )
    def test_added_tokens_that_reach_over_a_space(self, token):
        full = {"rstrip": False, "lstrip": False, "single_word": False, **token}
        assert word_rule(self.change(added_tokens=[full])) is None

    def test_memory_is_bounded(self, monkeypatch):
        monkeypatch.setattr(_word_cache, "MOST_WORDS", 5)
        tokenizer_json = gpt2_like(add_prefix_space=False)
        backend = cached(tokenizer_json)
        for start in range(0, 100, 10):
            texts = [f"a{i} ab{i}" for i in range(start, start + 10)]
            expected = plain(tokenizer_json).encode(texts)
            assert_array_equal(backend.encode(texts).ids, expected.ids)
            assert len(backend._first) <= 10
        backend.encode(["x" * 1000 + " y"])
        assert not any(len(word) > 100 for word in backend._first)


class TestLearning:
    TEXTS = ("aba b aba", "b aba b", "a b")

    def encode(self, backend: WordCacheBackend) -> int:
        """Check ids of the texts, and count the words that are known afterwards."""
        expected = plain(gpt2_like(add_prefix_space=False)).encode(list(self.TEXTS))
        assert_array_equal(backend.encode(list(self.TEXTS)).ids, expected.ids)
        return len(backend._first) + len(backend._other)

    def test_words_that_repeat(self, monkeypatch):
        backend = cached(gpt2_like(add_prefix_space=False))
        monkeypatch.setattr(_word_cache, "_COST", 2)  # 5 new words among 8
        assert self.encode(backend) == 0
        monkeypatch.setattr(_word_cache, "_COST", 1)
        assert self.encode(backend) == 5

    def test_nobody_waits_for_a_thread_that_learns(self):
        backend = cached(gpt2_like(add_prefix_space=False))
        with backend._learning:
            assert self.encode(backend) == 0
        assert self.encode(backend) == 5


@pytest.mark.parametrize("kind", [NanotokenBackend, plain])
class TestRules:
    def test_unknown_tokens_are_dropped(self, kind):
        backend = kind(tiny_tokenizer().to_str())
        ids, offsets = token_ids(backend, ["red house cats", "house", ""], None)
        assert rows(ids, offsets) == [[2, 5, 7], [], []]

    @pytest.mark.parametrize(
        ("max_length", "expected"),
        [
            (1, [2]),
            (2, [2]),
            (3, [2, 5]),
            (4, [2, 5, 7]),
            (9, [2, 5, 7]),
            (None, [2, 5, 7]),
        ],
    )
    def test_truncation_counts_tokens_before_unknown_ones_go(
        self, kind, max_length, expected
    ):
        backend = kind(tiny_tokenizer().to_str())
        ids, offsets = token_ids(backend, ["", "red house cats"], max_length)
        assert rows(ids, offsets) == [[], expected]

    def test_stored_truncation_and_padding_are_not_used(self, kind):
        tokenizer = tiny_tokenizer()
        tokenizer.enable_truncation(2)
        tokenizer.enable_padding(length=5, pad_id=1, pad_token="[PAD]")
        ids, _ = token_ids(kind(tokenizer.to_str()), ["red red red"], None)
        assert ids.tolist() == [2, 2, 2]

    def test_surrogates(self, kind):
        backend = kind(tiny_tokenizer().to_str())
        texts = ["red \ud800 cat", "green", "\ud83d\ude00 dog"]
        ids, offsets = token_ids(backend, texts, None)
        # U+FFFD, which a lone surrogate becomes, is removed by the BERT normaliser.
        assert rows(ids, offsets) == [[2, 5], [3], [6]]

    def test_no_texts(self, kind):
        ids, offsets = token_ids(kind(tiny_tokenizer().to_str()), [], 5)
        assert ids.size == 0
        assert offsets.tolist() == [0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["red", "cat", "house", "dogs"]), max_size=9)),
    st.integers(1, 6),
)
def test_truncation_equals_slicing(word_lists, max_length):
    backend = load_backend(tiny_tokenizer().to_str())
    texts = [" ".join(words) for words in word_lists]
    full = rows(*backend.encode(texts))
    expected = [[i for i in ids[:max_length] if i != backend.unk_id] for ids in full]
    assert rows(*token_ids(backend, texts, max_length)) == expected


def test_unknown_token_of_unigram_and_of_models_without():
    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0))
    unigram.pre_tokenizer = pre_tokenizers.Whitespace()
    backend = load_backend(unigram.to_str())
    assert backend.unk_id == 0
    assert token_ids(backend, ["a z a"], None).ids.tolist() == [1, 1]
    none = Tokenizer(models.BPE({"None": 0, "null": 1, "": 2}, []))
    assert load_backend(none.to_str()).unk_id is None


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"model": 3}'])
def test_damaged_tokenizer(text):
    with pytest.raises(ValueError, match="not a readable tokenizer"):
        load_backend(text)
