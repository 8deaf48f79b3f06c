"""Tokens of one tokenizer, read by a teacher that has another."""

from __future__ import annotations

import tiny_teachers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from sk_m2v.distill.vocabulary._cut import cut_tokenizer
from sk_m2v.distill.vocabulary._foreign import read_tokens


def word_piece(tokens: list[str]) -> Tokenizer:
    vocab = {token: i for i, token in enumerate(["[UNK]", *tokens, "[CLS]", "[SEP]"])}
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    first, last = vocab["[CLS]"], vocab["[SEP]"]
    made.post_processor = processors.BertProcessing(("[SEP]", last), ("[CLS]", first))
    return made


def byte_level(words: list[str]) -> Tokenizer:
    """BPE whose tokens are letters, and words with the space before them."""
    letters = sorted({*"".join(words), "Ġ"})
    vocab = {token: i for i, token in enumerate(letters)}
    merges = []
    for word in words:
        left = "Ġ"
        for letter in word:
            if (left, letter) not in merges:
                merges.append((left, letter))
            left += letter
            vocab.setdefault(left, len(vocab))
    made = Tokenizer(models.BPE(vocab, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    return made


def read(ours: Tokenizer, other: Tokenizer) -> list[list[int]]:
    return read_tokens(ours.to_str(), other.to_str(), lambda it: other.encode(it).ids)


def test_own_tokens_are_read_as_by_the_teacher_itself() -> None:
    tokenizer = tiny_teachers.tokenizer().backend_tokenizer
    cut = cut_tokenizer(
        tokenizer.to_str(), unk_token="[UNK]", pad_token="[PAD]", remove=None
    )
    found = read_tokens(
        cut.tokenizer, tokenizer.to_str(), lambda text: tokenizer.encode(text).ids
    )
    assert found == cut.sequences


@given(st.permutations(["tea", "pot", "##pot", "##s", "[UNK]"]))
def test_the_same_token_in_another_place(tokens: list[str]) -> None:
    ours = word_piece(["tea", "##pot", "##s"])
    other = word_piece([it for it in tokens if it != "[UNK]"])
    first, last = (other.token_to_id(it) for it in ("[CLS]", "[SEP]"))
    names = sorted(ours.get_vocab(), key=ours.get_vocab().__getitem__)
    for token, ids in zip(names, read(ours, other), strict=True):
        assert ids == [first, other.token_to_id(token), last]


def test_tokens_that_the_teacher_has_not_are_read_as_texts() -> None:
    ours = word_piece(["teapot", "##pot", "new"])
    other = word_piece(["tea", "##pot", "pot"])
    ids = read(ours, other)
    first, last = (other.token_to_id(it) for it in ("[CLS]", "[SEP]"))
    assert ids[1] == other.encode("teapot").ids == [first, 1, 2, last]
    assert ids[2] == [first, 2, last]
    assert ids[3] == other.encode("new").ids
    assert len(ids) == ours.get_vocab_size()


def test_strings_of_another_kind_of_tokenizer_are_not_the_same() -> None:
    ours, other = word_piece(["tea", "##pot", "t"]), byte_level(["tea", "pot"])
    ids = read(ours, other)
    # "t" begins a word here, and goes on with one there.
    assert [other.id_to_token(it) for it in ids[3]] == ["Ġt"]
    assert [other.id_to_token(it) for it in ids[1]] == ["Ġtea"]
    assert [other.id_to_token(it) for it in ids[2]] == ["Ġpot"]
    back = read(other, ours)
    tea = other.token_to_id("Ġtea")
    assert back[tea] == ours.encode("tea").ids
