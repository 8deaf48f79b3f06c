"""Tokenizer surgery: against model2vec on real tokenizers, and piece by piece."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import shared_folders
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from sk_m2v.distill.vocabulary._cut import Vocabulary, cut_tokenizer

UNUSED = re.compile(r"\[unused\d+\]")


def cut(
    tokenizer: Tokenizer | str,
    remove: str | None = None,
    *,
    unk_token: str | None = None,
    pad_token: str | None = None,
) -> Vocabulary:
    text = tokenizer if isinstance(tokenizer, str) else tokenizer.to_str()
    return cut_tokenizer(
        text,
        unk_token=unk_token,
        pad_token=pad_token,
        remove=None if remove is None else re.compile(remove),
    )


def ids(tokenizer: Tokenizer | str, text: str) -> list[int]:
    if isinstance(tokenizer, str):
        tokenizer = Tokenizer.from_str(tokenizer)
    return tokenizer.encode(text).ids


# --- as model2vec, on real tokenizers


@pytest.fixture
def quiet() -> Iterator[None]:
    """Model2vec and skeletoken warn about much of what they do."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def as_model2vec(tokenizer: object) -> tuple[Tokenizer, list[list[str]]]:
    """Tokenizer of model2vec, and the tokens that it shows the teacher for each."""
    from model2vec.tokenizer import clean_and_create_vocabulary, turn_tokens_into_ids
    from skeletoken import TokenizerModel

    teacher = TokenizerModel.from_transformers_tokenizer(tokenizer).prune_added_tokens()
    smaller = teacher.deep_copy()
    if smaller.adds_prefix_space is not None:
        smaller.adds_prefix_space = True
    smaller = clean_and_create_vocabulary(smaller, [], UNUSED)
    sequences = turn_tokens_into_ids(smaller.sorted_vocabulary, teacher)
    tokens = teacher.sorted_vocabulary
    return smaller.to_tokenizer(), [[tokens[i] for i in it] for it in sequences]


@pytest.mark.parametrize(
    "folder", shared_folders("tokenizers", "tokenizer.json"), ids=lambda it: it.name
)
@pytest.mark.usefixtures("quiet")
def test_real_tokenizers_as_in_model2vec(
    folder: Path, parity_strings: list[str]
) -> None:
    from transformers import PreTrainedTokenizerFast

    source = Tokenizer.from_file(str(folder / "tokenizer.json"))
    known = source.get_vocab()
    names = {
        "unk_token": ("[UNK]", "<unk>", "<|endoftext|>"),
        "pad_token": ("[PAD]", "<pad>"),
    }
    special = {
        kind: next((it for it in tokens if it in known), None)
        for kind, tokens in names.items()
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=source, **special)
    ours = cut_tokenizer(
        tokenizer.backend_tokenizer.to_str(),
        unk_token=tokenizer.unk_token,
        pad_token=tokenizer.pad_token,
        remove=UNUSED,
    )
    mine = Tokenizer.from_str(ours.tokenizer)
    assert [mine.id_to_token(i) for i in range(len(ours.tokens))] == ours.tokens
    if folder.name.startswith("whisper"):
        # Two tokens before each text: model2vec reads one, and refuses to go on.
        with pytest.raises(ValueError, match="referenced by the post-processor"):
            as_model2vec(tokenizer)
        shown = [source.id_to_token(i) for i in ours.sequences[0]]
        assert shown == [
            "<|startoftranscript|>",
            "<|notimestamps|>",
            "!",
            "<|endoftext|>",
        ]
        return

    theirs, sequences = as_model2vec(tokenizer)
    assert mine.get_vocab() == theirs.get_vocab()
    if folder.name != "potion-wordpiece":
        # That one is no teacher's: [CLS] and [SEP] have other ids around texts than in
        # its vocabulary.
        shown = [[source.id_to_token(i) for i in it] for it in ours.sequences]
        assert shown == sequences
    if folder.name == "clip-bpe":
        # model2vec puts a token that CLIP never saw before every word of a text.
        assert theirs.encode("two words").tokens == ["Ġ", "two</w>", "Ġ", "words</w>"]
        assert mine.encode("two words").tokens == ["two</w>", "words</w>"]
        return
    if folder.name == "t5small-unigram":
        # model2vec leaves the id of the unknown token at what is now another one.
        data = json.loads(theirs.to_str())
        assert theirs.id_to_token(data["model"]["unk_id"]) == "▁"
        data["model"]["unk_id"] = theirs.token_to_id("<unk>")
        theirs = Tokenizer.from_str(json.dumps(data))
    theirs.no_truncation()
    texts = parity_strings[::5]
    assert [it.ids for it in mine.encode_batch(texts)] == [
        it.ids for it in theirs.encode_batch(texts, add_special_tokens=False)
    ]


# --- each kind of model


def word_piece(step: int = 2) -> Tokenizer:
    """BERT in small, with gaps in its ids."""
    words = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "tea", "##pot", "[MASK]"]
    vocab = {word: step * i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 8), ("[CLS]", 6))
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]", length=9)
    tokenizer.enable_truncation(7)
    return tokenizer


def test_word_piece() -> None:
    vocabulary = cut(word_piece(), r"\[unused")
    assert vocabulary.tokens == ["[PAD]", "[UNK]", "tea", "##pot"]
    assert vocabulary.sequences == [[6, it, 8] for it in (0, 4, 10, 12)]
    data = json.loads(vocabulary.tokenizer)
    assert [data[it] for it in ("padding", "truncation", "post_processor")] == [
        None
    ] * 3
    assert [(it["content"], it["id"]) for it in data["added_tokens"]] == [
        ("[PAD]", 0),
        ("[UNK]", 1),
    ]
    assert ids(vocabulary.tokenizer, "teapot pot [PAD] tea") == [2, 3, 1, 0, 2]


def test_files_that_do_not_name_their_model() -> None:
    data = json.loads(word_piece().to_str())
    del data["model"]["type"]
    assert cut(json.dumps(data)) == cut(word_piece())


def test_the_unknown_token_stays_and_padding_may_go() -> None:
    assert cut(word_piece(), r"\[").tokens == ["[UNK]", "tea", "##pot"]


def test_pattern_matches_from_the_beginning_only() -> None:
    assert "##pot" in cut(word_piece(), "pot").tokens


def test_names_from_elsewhere_come_first() -> None:
    tokenizer = word_piece()
    tokenizer.no_padding()
    assert cut(tokenizer, unk_token="[MASK]").tokens == [
        "[unused0]",
        "tea",
        "##pot",
        "[MASK]",
    ]
    assert cut(tokenizer, pad_token="[CLS]").tokens[2] == "[CLS]"


def test_added_tokens_beyond_the_model() -> None:
    tokenizer = word_piece(step=1)
    tokenizer.add_special_tokens(["<pad>"])
    vocabulary = cut(tokenizer, r"\[unused", pad_token="<pad>")
    assert vocabulary.tokens == ["[UNK]", "tea", "##pot", "<pad>"]
    assert ids(vocabulary.tokenizer, "tea<pad>") == [1, 3]


def test_word_level() -> None:
    words = {"<unk>": 0, "<mask>": 1, "red": 2, "blue": 3}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<unk>", "<mask>"])
    vocabulary = cut(tokenizer, "red")
    assert vocabulary.tokens == ["<unk>", "blue"]
    assert ids(vocabulary.tokenizer, "red blue") == [0, 1]


def test_merges_need_their_parts_and_their_result() -> None:
    vocab = {token: i for i, token in enumerate(["a", "b", "c", "ab", "abc", "bc"])}
    merges = [("a", "b"), ("ab", "c"), ("b", "c")]
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    assert ids(tokenizer, "abc") == [4]
    vocabulary = cut(tokenizer, "ab$")
    assert vocabulary.tokens == ["a", "b", "c", "abc", "bc"]
    assert json.loads(vocabulary.tokenizer)["model"]["merges"] == [["b", "c"]]
    assert ids(vocabulary.tokenizer, "abc") == [0, 4]


def test_merges_with_a_continuing_prefix() -> None:
    vocab = {token: i for i, token in enumerate(["a", "##b", "##c", "ab", "##bc"])}
    merges = [("a", "##b"), ("##b", "##c")]
    tokenizer = Tokenizer(models.BPE(vocab, merges, continuing_subword_prefix="##"))
    vocabulary = cut(tokenizer, "##bc")
    assert json.loads(vocabulary.tokenizer)["model"]["merges"] == [["a", "##b"]]
    assert ids(vocabulary.tokenizer, "abc") == [3, 2]


@pytest.mark.parametrize("unk_token", [None, "<unk>"])
def test_unigram_keeps_its_unknown_token(unk_token: str | None) -> None:
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("a", -1.0), ("b", -2.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=2))
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>", "<extra>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    vocabulary = cut(tokenizer, unk_token=unk_token)
    assert vocabulary.tokens == ["<unk>", "a", "b"]
    assert vocabulary.sequences == [[2, 1], [3, 1], [4, 1]]
    assert ids(vocabulary.tokenizer, "a?b") == [1, 0, 2]
    # An added token that the model does not have needs a score there.
    padded = cut(tokenizer, pad_token="<extra>")
    assert padded.tokens == ["<unk>", "a", "b", "<extra>"]
    assert ids(padded.tokenizer, "ab<extra>") == [1, 2, 3]


def test_unigram_without_unknown_token() -> None:
    tokenizer = Tokenizer(models.Unigram([("a", -1.0), ("b", -2.0)]))
    vocabulary = cut(tokenizer, "a")
    assert vocabulary.tokens == ["b"]
    assert ids(vocabulary.tokenizer, "bb") == [0, 0]


# --- what stands around a text


@pytest.mark.parametrize(
    ("post_processor", "around"),
    [
        (None, [10]),
        (processors.ByteLevel(), [10]),
        (processors.BertProcessing(("[SEP]", 8), ("[CLS]", 6)), [6, 10, 8]),
        (processors.RobertaProcessing(("[SEP]", 8), ("[CLS]", 6)), [6, 10, 8]),
        (
            processors.TemplateProcessing(
                single="[CLS] [MASK] $A [SEP]",
                special_tokens=[("[CLS]", 6), ("[MASK]", 14), ("[SEP]", 8)],
            ),
            [6, 14, 10, 8],
        ),
        (
            processors.Sequence(
                [
                    processors.ByteLevel(),
                    processors.TemplateProcessing("[CLS] $A", None, [("[CLS]", 6)]),
                ]
            ),
            [6, 10],
        ),
    ],
    ids=["none", "byte-level", "bert", "roberta", "template", "sequence"],
)
def test_post_processors(post_processor: object, around: list[int]) -> None:
    data = json.loads(word_piece().to_str())
    if post_processor is None:
        data["post_processor"] = None
        tokenizer = Tokenizer.from_str(json.dumps(data))
    else:
        tokenizer = word_piece()
        tokenizer.post_processor = post_processor
    vocabulary = cut(tokenizer)
    assert vocabulary.sequences[vocabulary.tokens.index("tea")] == around


# --- the first word of a text


def byte_level(*before: pre_tokenizers.PreTokenizer) -> Tokenizer:
    vocab = {token: i for i, token in enumerate(["Ġ", "a", ",", "Ġa", "Ġ,"])}
    tokenizer = Tokenizer(models.BPE(vocab, [("Ġ", "a"), ("Ġ", ",")]))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not before)
    tokenizer.pre_tokenizer = (
        pre_tokenizers.Sequence([*before, byte_level]) if before else byte_level
    )
    return tokenizer


def test_byte_level_reads_the_first_word_like_any_other() -> None:
    assert ids(byte_level(), "a a,") == [1, 3, 2]
    assert ids(cut(byte_level()).tokenizer, "a a,") == [3, 3, 2]


def test_byte_level_first_in_a_sequence() -> None:
    tokenizer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits()]
    )
    assert ids(cut(tokenizer).tokenizer, "a a,") == [3, 3, 2]


def test_no_space_before_every_piece_of_a_split() -> None:
    split = pre_tokenizers.Split(Regex(" ?[a-z]+|,"), "isolated")
    tokenizer = byte_level(split)
    assert ids(cut(tokenizer).tokenizer, "a a,") == ids(tokenizer, "a a,") == [1, 3, 2]


def test_empty_sequence_of_pre_tokenizers() -> None:
    tokenizer = byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([])
    assert cut(tokenizer).tokens[:2] == ["Ġ", "a"]


# --- everything removed


@pytest.mark.parametrize("remove", ["", ".*", "[^P]"])
def test_pattern_that_removes_everything(remove: str) -> None:
    with pytest.raises(ValueError, match="removes every token") as error:
        cut(word_piece(), remove)
    assert repr(remove) in str(error.value)


# --- any removal


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    """Byte-level BPE with merges upon merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken("<s>", special=True)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(Path(__file__).read_text().splitlines(), trainer)
    return tokenizer


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_tokens_can_be_removed(trained: Tokenizer, data: st.DataObject) -> None:
    vocab = trained.get_vocab()
    removed = data.draw(st.sets(st.sampled_from(sorted(vocab)), max_size=100))
    pattern = "|".join(re.escape(it) + r"\Z" for it in sorted(removed)) or None
    vocabulary = cut(trained, pattern)
    by_id = sorted(vocab, key=vocab.__getitem__)
    assert vocabulary.tokens == [it for it in by_id if it not in removed | {"<s>"}]
    assert vocabulary.sequences == [[vocab[it]] for it in vocabulary.tokens]
    smaller = Tokenizer.from_str(vocabulary.tokenizer)
    assert smaller.get_vocab() == {it: i for i, it in enumerate(vocabulary.tokens)}
