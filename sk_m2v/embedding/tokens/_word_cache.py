"""Tokenize word by word from a cache, where that provably gives the same ids.

Natural text repeats its words, so looking up the ids of a word beats tokenizing it by
an order of magnitude. Whether words can be taken one at a time depends on the parts of
a tokenizer. `word_rule` knows those for which a space is a hard boundary:

* The pre-tokenizer drops whitespace (BERT's, ``WhitespaceSplit``) and every normaliser
  works on characters, or on combining sequences, which never cross a space.
* The pre-tokenizer is GPT-2's regular expression. A single space between two other
  characters begins a new match there, since a space stands only at the beginning of a
  match, or in a run of whitespace.

All other tokenizers see whole texts. So do texts in which a space is not such a
boundary, such as two spaces in a row under GPT-2's expression.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import chain, islice, pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np

from sk_m2v.embedding.tokens._backends import (
    IntArray,
    Json,
    TokenIds,
    TokenizersBackend,
    parts_of,
    vocabulary_of,
)

# Longer ones are no words, and will not come again (text without spaces, say).
LONGEST_WORD = 64
# A character for private use that ends a word where several are tokenized at once.
_MARK = "\U0010fffd"
_JOINED = 256
# Tokenizing a word on its own takes two to three times as long as in a text, so it is
# done where words repeat so often. What is not paid back at once is by the next texts.
_COST = 2
# Of each kind; about 200 bytes a word.
MOST_WORDS = 200_000


class WordRule(NamedTuple):
    """How the words of a text are tokenized.

    Attributes
    ----------
    keep_space : bool
        Whether a word takes the space before it along. Then whitespace counts, and only
        a single space between two other characters is a boundary.
    ascii_ends : bool
        Whether words must begin and end in ASCII: normalisation works on graphemes, and
        other characters may form one with the space.
    """

    keep_space: bool
    ascii_ends: bool

    def is_word(self, word: str) -> bool:
        """Tell whether a part of a text between spaces can be tokenized on its own.

        Parameters
        ----------
        word : str
            The part, without the spaces.

        Returns
        -------
        bool
            False sends the whole text to the tokenizer.
        """
        if len(word) > LONGEST_WORD:
            return False
        if self.keep_space and (not word or word[0].isspace() or word[-1].isspace()):
            return False
        return not (self.ascii_ends and word) or (word[0] + word[-1]).isascii()


def word_rule(tokenizer: Json) -> WordRule | None:
    """Rule by which a tokenizer can work word by word.

    Parameters
    ----------
    tokenizer : dict
        A parsed ``tokenizer.json``.

    Returns
    -------
    WordRule or None
        None where a space is not known to be a hard boundary.
    """
    if tokenizer["model"].get("dropout") or not all(
        map(_leaves_spaces, tokenizer.get("added_tokens", []))
    ):
        return None
    normalizers = parts_of(tokenizer.get("normalizer"), "normalizers")
    first, *_ = parts_of(tokenizer.get("pre_tokenizer"), "pretokenizers") or [{}]
    kinds = {it["type"] for it in normalizers}
    ascii_ends = "Precompiled" in kinds
    if not kinds <= _LOCAL_NORMALIZERS:
        return None
    if first.get("type") in ("BertPreTokenizer", "WhitespaceSplit"):
        return WordRule(keep_space=False, ascii_ends=ascii_ends)
    if first.get("type") == "ByteLevel" and first.get("use_regex", True):
        return WordRule(keep_space=True, ascii_ends=ascii_ends)
    return None


_LOCAL_NORMALIZERS = {
    "BertNormalizer",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Lowercase",
    "StripAccents",
    "Precompiled",
}


def _leaves_spaces(token: Json) -> bool:
    """Whether no match of an added token can take a space between two words."""
    content = token["content"]
    # Of two or more spaces, none stands between two words.
    return not (token["rstrip"] or token["single_word"]) and (
        " " not in content or (content.isspace() and len(content) > 1)
    )


class WordCacheBackend:
    """A `Backend` over `TokenizersBackend` that remembers words.

    Parameters
    ----------
    tokenizer : dict
        A parsed ``tokenizer.json``.
    rule : WordRule
        What is a word to it.
    """

    def __init__(self, tokenizer: Json, rule: WordRule) -> None:
        self._tokenizer = tokenizer
        self._rule = rule
        marked, self._mark_id = _with_mark(tokenizer)
        self._backend = TokenizersBackend(marked)
        self.unk_id = self._backend.unk_id
        self._learning = Lock()
        self._forget()

    def vocabulary(self) -> dict[str, int]:
        vocabulary = self._backend.vocabulary()
        return {token: i for token, i in vocabulary.items() if token != _MARK}

    def _forget(self) -> None:
        # Ids as bytes: joining these makes no Python object a token. The first word of
        # a text has no space before it, which matters to some tokenizers. New ones, not
        # emptied ones: threads may be reading the old ones.
        self._first: dict[str, bytes] = {}
        self._other = {} if self._rule.keep_space else self._first

    @cached_property
    def _unmarked(self) -> TokenizersBackend:
        """For the rare texts that hold the mark."""
        return TokenizersBackend(self._tokenizer)

    def encode(self, texts: list[str]) -> TokenIds:
        if any(_MARK in text for text in texts):
            return self._unmarked.encode(texts)
        if max(len(self._first), len(self._other)) >= MOST_WORDS:
            self._forget()
        first, other = self._first, self._other
        rows: list[bytes] = [b""] * len(texts)
        whole = _look_up(texts, range(len(texts)), rows, first, other)
        # One thread learns at a time, or all would learn the same words. The others do
        # not wait, so that no lock can block them, in a forked process for instance.
        if whole and self._learning.acquire(blocking=False):
            try:
                self._learn([texts[index].split(" ") for index in whole], first, other)
            finally:
                self._learning.release()
            whole = _look_up(texts, whole, rows, first, other)
        if whole:
            encoded = _split(*self._backend.encode([texts[index] for index in whole]))
            for index, row in zip(whole, encoded, strict=True):
                rows[index] = row
        lengths = np.fromiter(map(len, rows), np.int64, len(rows)) // 4
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return TokenIds(np.frombuffer(b"".join(rows), np.int32), offsets)

    def _learn(
        self,
        texts: list[list[str]],
        first: dict[str, bytes],
        other: dict[str, bytes],
    ) -> None:
        """Tokenize the new words of texts, if they are few enough to pay off."""
        heads = {words[0] for words in texts}.difference(first)
        tails = set(chain.from_iterable(words[1:] for words in texts)).difference(other)
        if _COST * (len(heads) + len(tails)) > sum(map(len, texts)):
            return
        space = " " if self._rule.keep_space else ""
        for cache, before, new in ((first, "", heads), (other, space, tails)):
            room = MOST_WORDS - len(cache)
            words = list(islice(filter(self._rule.is_word, new), max(room, 0)))
            rows = self._encode_words([before + word for word in words])
            cache.update(zip(words, rows, strict=True))

    def _encode_words(self, words: list[str]) -> list[bytes]:
        """Ids of words: many in one text, which costs less than a text for each."""
        starts = range(0, len(words), _JOINED)
        texts = [_MARK.join([*words[i : i + _JOINED], ""]) for i in starts]
        ids = self._backend.encode(texts).ids
        is_mark = ids == self._mark_id
        ends = np.flatnonzero(is_mark)
        # Without the marks: the n-th end moves n places to the front.
        offsets = np.concatenate([[0], ends - np.arange(ends.size)])
        return _split(ids[~is_mark], offsets)


def _with_mark(tokenizer: Json) -> tuple[Json, int]:
    """Tokenizer with one more token, found wherever it stands in a text, and its id."""
    index = max(vocabulary_of(tokenizer).values()) + 1
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    token = {"id": index, "content": _MARK, **flags, "special": True}
    added = [*(tokenizer.get("added_tokens") or []), token]
    return {**tokenizer, "added_tokens": added}, index


def _split(ids: IntArray, offsets: IntArray) -> list[bytes]:
    data, ends = ids.tobytes(), (4 * offsets).tolist()
    return [data[a:b] for a, b in pairwise(ends)]


def _look_up(
    texts: list[str],
    indices: Iterable[int],
    rows: list[bytes],
    first: dict[str, bytes],
    other: dict[str, bytes],
) -> list[int]:
    """Fill rows from the caches; the indices of texts with words that are not there."""
    unseen = []
    get = other.__getitem__
    for index in indices:
        head, *tail = texts[index].split(" ")
        try:
            rows[index] = first[head] + b"".join(map(get, tail))
        except KeyError:
            unseen.append(index)
    return unseen
