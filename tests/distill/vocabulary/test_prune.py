"""Tokens removed: texts made of the others must not notice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import shared_folders, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from sk_m2v.distill.vocabulary._cut import cut_tokenizer
from sk_m2v.distill.vocabulary._prune import prune_tokens
from sk_m2v.distill.vocabulary._terms import add_terms
from sk_m2v.embedding.tokens._tokens import load_backend

# --- real tokenizers

# One of each kind, since all others are read alike.
KINDS = ("potion", "bert-base-cased", "gpt2", "clip", "phi3", "t5small", "m2v")
FOLDERS = [
    it
    for it in shared_folders("tokenizers", "tokenizer.json")
    if it.name.startswith(KINDS)
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda it: it.name)
def test_real_tokenizers(folder: Path, parity_strings: list[str]) -> None:
    source = (folder / "tokenizer.json").read_text(encoding="utf-8")
    text = cut_tokenizer(source, unk_token=None, pad_token=None, remove=None).tokenizer
    text, _ = add_terms(text, ["xenolith", "new york", "new york city", "not goodish"])
    old = Tokenizer.from_str(text)
    seen = [*parity_strings[::17], "a xenolith in new york."]
    used = np.zeros(old.get_vocab_size(), bool)
    used[[i for it in old.encode_batch(seen) for i in it.ids]] = True

    smaller, old_ids = prune_tokens(text, used)
    new = Tokenizer.from_str(smaller)
    assert np.all(np.diff(old_ids) > 0)
    assert new.get_vocab_size() == len(old_ids) < 0.8 * len(used)
    assert [new.id_to_token(i) for i in range(len(old_ids))] == [
        old.id_to_token(i) for i in old_ids.tolist()
    ]
    assert np.isin(np.flatnonzero(used), old_ids).all()
    unseen = parity_strings[5::171]
    ids, offsets = load_backend(smaller).encode(seen + unseen)
    rows = np.split(ids, offsets[1:-1])
    assert [it.tolist() for it in rows] == [
        it.ids for it in new.encode_batch(seen + unseen)
    ]
    for row, before in zip(rows, old.encode_batch(seen), strict=False):
        assert old_ids[row].tolist() == before.ids
    # Nothing else became unknown.
    unk_id, new_unk_id = load_backend(text).unk_id, load_backend(smaller).unk_id
    for row, before in zip(rows[len(seen) :], old.encode_batch(unseen), strict=True):
        assert (row == new_unk_id).sum() <= before.ids.count(unk_id)
    # Nothing more can go.
    again, all_ids = prune_tokens(smaller, np.isin(old_ids, np.flatnonzero(used)))
    assert json.loads(again) == json.loads(smaller)
    assert all_ids.tolist() == list(range(len(old_ids)))


# --- any text, any subset of tokens

ALPHABET = "abcd"
TERMS = ["ab", "ab cd", "cd a", "b cda", "d ab cd", "c"]


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>"],
        show_progress=False,
    )
    return trained(tokenizer, trainer)


def metaspace(*, ignore_merges: bool = False) -> Tokenizer:
    """As Llama: all merges by which a token can be made, whole texts as one word."""
    vocab = ["<unk>", *(f"<0x{i:02X}>" for i in range(256)), *"▁abc"]
    words = ["▁a", "ab", "bc", "▁ab", "abc", "▁abc", "▁c", "cab", "▁cab", "bca", "ca"]
    merges = [
        (word[:cut], word[cut:])
        for word in words
        for cut in range(1, len(word))
        if {word[:cut], word[cut:]} <= {*vocab, *words}
    ]
    tokenizer = Tokenizer(
        models.BPE(
            {it: i for i, it in enumerate([*vocab, *words, "abcab"])},
            merges,
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
            ignore_merges=ignore_merges,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return tokenizer


def clip() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<u>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=60,
        end_of_word_suffix="</w>",
        special_tokens=["<u>"],
        show_progress=False,
    )
    return trained(tokenizer, trainer)


def word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=60, special_tokens=["[UNK]"], show_progress=False
    )
    return trained(tokenizer, trainer)


def unigram() -> Tokenizer:
    """Scores by length alone, so that many paths are equally good."""
    words = ["ab", "ba", "bc", "abc", "bca", "cab", "▁a", "▁ab", "▁abc", "xy", "bad"]
    vocab = [("<unk>", 0.0), *((it, -3.0) for it in "▁abc")]
    vocab += [(it, {2: -5.0, 3: -6.0, 4: -8.0}[len(it)]) for it in words]
    tokenizer = Tokenizer(models.Unigram([*vocab, ("bb", -9.0)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    return tokenizer


def word_level() -> Tokenizer:
    words = ["<unk>", "a", "ab", "cd", "abc"]
    vocab = {it: i for i, it in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def trained(tokenizer: Tokenizer, trainer: trainers.Trainer) -> Tokenizer:
    rng = np.random.default_rng(0)
    letters = rng.choice(list("aaabbcd  "), (200, 30))
    tokenizer.train_from_iterator(map("".join, letters), trainer)
    return tokenizer


ALL = {
    "byte-level": byte_level,
    "metaspace": metaspace,
    "ignore-merges": lambda: metaspace(ignore_merges=True),
    "clip": clip,
    "word-piece": word_piece,
    "unigram": unigram,
    "word-level": word_level,
}


@pytest.fixture(scope="module", params=ALL)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return ALL[request.param]()


def assert_unnoticed(tokenizer: Tokenizer, used: list[bool], texts: list[str]) -> None:
    smaller, old_ids = prune_tokens(tokenizer.to_str(), np.array(used))
    new = Tokenizer.from_str(smaller)
    has_parts = not isinstance(tokenizer.model, models.WordLevel)
    for text in texts:
        before, after = tokenizer.encode(text), new.encode(text)
        if all(used[i] for i in before.ids):
            assert old_ids[after.ids].tolist() == before.ids, text
        elif has_parts:
            for unknown in ("[UNK]", "<unk>", "<u>"):
                n_before = before.tokens.count(unknown)
                assert after.tokens.count(unknown) <= n_before, text


some_texts = st.lists(st.text(ALPHABET + "  (x", max_size=14), min_size=1, max_size=4)


@given(data=st.data(), seen=some_texts, others=some_texts)
@settings(max_examples=60, deadline=None)
def test_any_texts(
    tokenizer: Tokenizer, data: st.DataObject, seen: list[str], others: list[str]
) -> None:
    used = [False] * tokenizer.get_vocab_size()
    for text in seen:
        for index in tokenizer.encode(text).ids:
            used[index] = True
    for index in data.draw(st.sets(st.integers(0, len(used) - 1), max_size=9)):
        used[index] = True
    assert_unnoticed(tokenizer, used, seen + others)


@given(seen=some_texts, more=st.lists(st.sampled_from(TERMS), max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_texts_with_terms(
    tokenizer: Tokenizer, seen: list[str], more: list[str]
) -> None:
    text, _ = add_terms(tokenizer.to_str(), TERMS)
    tokenizer = Tokenizer.from_str(text)
    seen = [*seen, " ".join(more), "".join(more)]
    used = [False] * tokenizer.get_vocab_size()
    for text in seen:
        for index in tokenizer.encode(text).ids:
            used[index] = True
    assert_unnoticed(tokenizer, used, seen)


# --- piece by piece


def kept(tokenizer: Tokenizer, *used: str) -> list[str]:
    mask = np.zeros(tokenizer.get_vocab_size(), bool)
    mask[[tokenizer.token_to_id(it) for it in used]] = True
    _, old_ids = prune_tokens(tokenizer.to_str(), mask)
    return [tokenizer.id_to_token(it) for it in old_ids.tolist()]


def test_word_piece_keeps_characters() -> None:
    tokenizer = tiny_tokenizer()
    # Those without characters to spell them stay.
    assert "red" in kept(tokenizer)
    words = ["[UNK]", "r", "##e", "##d", "##s", "red", "reds", "##ds", "xs"]
    vocab = {it: i for i, it in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    assert kept(tokenizer) == ["[UNK]", "r", "##e", "##d", "##s", "xs"]
    assert kept(tokenizer, "##ds") == ["[UNK]", *words[1:5], "##ds", "xs"]


def test_special_tokens_stay_and_other_added_tokens_go() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens(["[PAD]"])
    text, added = add_terms(tokenizer.to_str(), ["red cat", "blue dog"])
    tokens = kept(Tokenizer.from_str(text), "red cat")
    assert "[PAD]" in tokens
    assert set(tokens) & set(added) == {"red cat"}


def test_merges_keep_what_is_on_the_way() -> None:
    vocab = {it: i for i, it in enumerate(["a", "b", "c", "ab", "bc", "abc", "abcab"])}
    merges = [("a", "b"), ("b", "c"), ("ab", "c"), ("abc", "ab")]
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    assert kept(tokenizer) == ["a", "b", "c"]
    assert kept(tokenizer, "abc") == ["a", "b", "c", "ab", "abc"]
    assert "bc" not in kept(tokenizer, "abcab")


def test_unigram_keeps_the_lowest_score() -> None:
    vocab = [("<u>", 0.0), ("a", -1.0), ("ab", -15.0), ("xyz", -20.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0))
    assert tokenizer.encode("ab").tokens == ["ab"]
    assert kept(tokenizer, "ab") == ["<u>", "a", "ab", "xyz"]
    # "a" and an unknown character would have a better score than "ab" without "xyz".
    shorter = Tokenizer(models.Unigram([*vocab[:2], ("ab", -20.0), ("c", -1.0)], 0))
    assert shorter.encode("ab").tokens == ["ab"]


def test_terms_that_hide_others_stay() -> None:
    text, _ = add_terms(
        tiny_tokenizer().to_str(), ["red cat", "red cat dog", "dog red"]
    )
    tokenizer = Tokenizer.from_str(text)
    assert tokenizer.encode("red cat dogs").tokens == ["red", "cat", "dog", "##s"]
    assert set(kept(tokenizer, "red cat")) >= {"red cat", "red cat dog", "dog red"}
    assert "red cat dog" not in kept(tokenizer, "dog")


def test_post_processors_and_padding_go() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.enable_padding(pad_id=1, pad_token="[PAD]")
    text, _ = prune_tokens(tokenizer.to_str(), np.ones(10, bool))
    data = json.loads(text)
    assert data["padding"] is data["post_processor"] is None
    assert data["model"] == json.loads(tokenizer.to_str())["model"]


@pytest.mark.parametrize(
    ("used", "message"),
    [
        (np.ones(3, bool), r"shape \(3,\) and dtype bool: .* of shape \(10,\)"),
        (np.ones(10, int), "dtype int64"),
        (np.ones((10, 1), bool), r"shape \(10, 1\)"),
        ([True, False], r"shape \(2,\)"),
    ],
)
def test_other_shapes_and_types(used: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prune_tokens(tiny_tokenizer().to_str(), used)
