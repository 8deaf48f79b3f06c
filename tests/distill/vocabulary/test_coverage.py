"""Coverage: against whole texts through real tokenizers, and case by case."""

from __future__ import annotations

from collections import Counter
from time import perf_counter

import numpy as np
import pytest
from conftest import WORDS, shared, tiny_tokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sk_m2v import StaticEmbedding
from sk_m2v.distill.vocabulary import _coverage
from sk_m2v.distill.vocabulary._coverage import Coverage
from sk_m2v.distill.vocabulary._terms import add_terms

NOTHING = Coverage(0, 0.0, 0.0, [], [])


def coverage(model: StaticEmbedding, texts: list[str], **options: int) -> Coverage:
    return _coverage.coverage(model.tokenizer_json, texts, **options)


def model_of(tokenizer: Tokenizer | str) -> StaticEmbedding:
    """Model with any vectors."""
    if isinstance(tokenizer, str):
        tokenizer = Tokenizer.from_str(tokenizer)
    n_tokens = max(tokenizer.get_vocab().values()) + 1
    return StaticEmbedding(np.zeros((n_tokens, 1), np.float16), tokenizer)


def real_tokenizer(name: str) -> Tokenizer:
    return Tokenizer.from_file(str(shared(f"tokenizers/{name}/tokenizer.json")))


# --- ten tokens


def test_shares_and_words(tiny_model: StaticEmbedding) -> None:
    found = coverage(tiny_model, ["Red cats, green (DOGS)!!", "", "red Cats 🦤 zebra"])
    assert found == Coverage(
        n_words=8,
        unknown=2 / 8,
        split=3 / 8,
        most_unknown=[("zebra", 1), ("🦤", 1)],
        most_split=[("cats", 2), ("dogs", 1)],
    )


@pytest.mark.parametrize("texts", [[], [""], [" \n", ""], ["... -- !?", "¿ «»"]])
def test_no_words(tiny_model: StaticEmbedding, texts: list[str]) -> None:
    assert coverage(tiny_model, texts) == NOTHING


def test_only_unknown_words(tiny_model: StaticEmbedding) -> None:
    found = coverage(tiny_model, ["zebra", "Zebra yak."])
    assert found == Coverage(3, 1.0, 0.0, [("zebra", 2), ("yak", 1)], [])


def test_order_and_number_of_words(tiny_model: StaticEmbedding) -> None:
    texts = ["cats dogs dogs reds blues", "y x z z"]
    found = coverage(tiny_model, texts, n_most=3)
    assert found.most_split == [("dogs", 2), ("blues", 1), ("cats", 1)]
    assert found.most_unknown == [("z", 2), ("x", 1), ("y", 1)]
    assert found.split == 5 / 9
    assert coverage(tiny_model, texts, n_most=0)[3:] == ([], [])


def test_whole_texts_count(tiny_model: StaticEmbedding) -> None:
    assert tiny_model.max_length == 8
    tokenizer = tiny_tokenizer()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=20, pad_id=1, pad_token="[PAD]")
    for model in (tiny_model, model_of(tokenizer)):
        assert coverage(model, ["red " * 20]) == Coverage(20, 0.0, 0.0, [], [])


def test_characters_that_normalisation_removes(tiny_model: StaticEmbedding) -> None:
    found = coverage(tiny_model, ["red \x00\x01 \u200b ca\u200bts", "\ufffd"])
    assert found == Coverage(2, 0.0, 0.5, [], [("cats", 1)])


def test_lone_surrogates(tiny_model: StaticEmbedding) -> None:
    found = coverage(tiny_model, ["red \ud83d\udda4 \ud83d red"])
    assert (found.n_words, found.most_unknown) == (3, [("🖤", 1)])


def test_words_without_any_token() -> None:
    """A BPE model without an unknown token leaves out what it does not know."""
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    found = coverage(model_of(tokenizer), ["ab, Zz ba", "zz"])
    assert found == Coverage(4, 2 / 4, 1 / 4, [("zz", 2)], [("ba", 1)])


def test_neither_normaliser_nor_pre_tokenizer() -> None:
    words = ["[UNK]", "red", "Cat"]
    tokenizer = Tokenizer(
        models.WordLevel({it: i for i, it in enumerate(words)}, unk_token="[UNK]")
    )
    found = coverage(model_of(tokenizer), ["red", "Cat", "cat"])
    assert found == Coverage(3, 1 / 3, 0.0, [("cat", 1)], [])


def test_time_grows_with_length_alone(tiny_model: StaticEmbedding) -> None:
    start = perf_counter()
    found = coverage(tiny_model, ["cats." * 100_000])
    assert found == Coverage(100_000, 0.0, 1.0, [], [("cats", 100_000)])
    assert perf_counter() - start < 20


def test_model_stays_as_it_is(tiny_model: StaticEmbedding) -> None:
    before = tiny_model.tokenizer_json
    coverage(tiny_model, ["red cats"])
    assert tiny_model.tokenizer_json == before
    assert tiny_model.vocabulary == tuple(WORDS)


# --- real tokenizers

WORDPIECE = ["bert-base-cased", "bert-base-chinese", "bert-uncased-minilm"]


@pytest.mark.parametrize("name", WORDPIECE)
def test_wordpiece(name: str, parity_strings: list[str]) -> None:
    """Words are the pieces that the tokenizer itself makes of whole texts."""
    tokenizer = real_tokenizer(name)
    # Its own pieces are no words where a text spells a special token.
    texts = [it for it in parity_strings[::5] if "[" not in it and "\0" not in it]
    expected: dict[str, Counter[str]] = {"whole": Counter(), "split": Counter()}
    expected["unknown"] = Counter()
    unk_id = tokenizer.token_to_id("[UNK]")
    splits = tokenizer.pre_tokenizer.pre_tokenize_str
    punctuation = pre_tokenizers.Punctuation().pre_tokenize_str
    for text in texts:
        for piece, _ in splits(tokenizer.normalizer.normalize_str(text)):
            if len(punctuation(f"a{piece}")) > 1:
                continue
            ids = [token.id for token in tokenizer.model.tokenize(piece)]
            kind = "unknown" if unk_id in ids else "split" if ids[1:] else "whole"
            expected[kind][piece] += 1
    found = coverage(model_of(tokenizer), texts, n_most=10**9)
    assert dict(found.most_unknown) == expected["unknown"]
    assert dict(found.most_split) == expected["split"]
    n_words = sum(it.total() for it in expected.values())
    assert n_words == found.n_words > 10_000
    assert found.unknown == expected["unknown"].total() / n_words


OTHERS = [
    "gpt2-bytelevel-bpe",
    "roberta-bytelevel-bpe",
    "clip-bpe",
    "phi3mini-metaspace-bpe",
    "t5small-unigram",
    "m2v-vocabquant-unigram",
]


@pytest.mark.parametrize("name", OTHERS)
def test_other_tokenizers_give_readable_words(name: str) -> None:
    texts = ["The first xenolith (xenolith), of the world", "xenolith... the world."]
    found = coverage(model_of(real_tokenizer(name)), texts)
    assert found == Coverage(10, 0.0, 3 / 10, [], [("xenolith", 3)])


@pytest.mark.parametrize("name", ["bert-uncased-minilm", *OTHERS])
def test_added_words_are_known(name: str) -> None:
    texts = ["A xenolith, (xenolith) covid-19", "xenolith covid-19"]
    # The second is one word to none of them.
    terms = ["xenolith", "covid-19"]
    tokenizer, added = add_terms(real_tokenizer(name).to_str(), terms)
    assert len(added) == 2
    found = coverage(model_of(tokenizer), texts)
    assert (found.n_words, found.unknown, found.split) == (8, 0.0, 0.0)


def test_unknown_to_unigram() -> None:
    found = coverage(model_of(real_tokenizer("t5small-unigram")), ["the 🦤, the ǀǀ"])
    assert (found.n_words, found.unknown, found.split) == (4, 0.5, 0.0)
    assert found.most_unknown == [("ǀǀ", 1), ("🦤", 1)]


def test_bundled_model(default_model: StaticEmbedding) -> None:
    found = coverage(default_model, ["Embeddings of texts", "no embeddings"])
    assert found == Coverage(5, 0.0, 0.4, [], [("embeddings", 2)])
