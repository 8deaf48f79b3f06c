"""How much of texts a vocabulary knows, and which words it does not.

Texts repeat their words, so they are cut at spaces, and each piece is tokenized once.
The offsets of its tokens then say which of them belong to which word. That works for
every tokenizer, whatever its tokens write for a space.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator
from itertools import chain, groupby
from typing import Any, NamedTuple
from unicodedata import category

from tokenizers import pre_tokenizers

from sk_m2v._parameters import public
from sk_m2v._text import replace_surrogates
from sk_m2v.embedding.tokens._backends import tokenizer_from_json
from sk_m2v.embedding.tokens._tokens import load_backend

# Many tokenizers write the space before a word into its token. The characters after \S
# are whitespace to Python alone.
_PIECE = re.compile(r" ?[\S\x1c-\x1f]+")
# Stands before a piece with a space: some normalisers, as that of Llama 2, put a space
# of their own at the beginning of a text.
_BEFORE = "a"
# Encodings that are in memory at once, one or two kilobytes each.
_BATCH_SIZE = 8_192
# Cuts at whitespace, and on both sides of each punctuation character.
_SPLIT = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


@public("sk_m2v.distill")
class Coverage(NamedTuple):
    """What a vocabulary knows of the words of texts.

    Attributes
    ----------
    n_words : int
        Occurrences of words.
    unknown : float
        Share of them, 0 to 1, of which a part or all is unknown: the unknown token, or
        no token at all.
    split : float
        Share of them that is known, but only as several tokens.
    most_unknown : list of (str, int)
        The unknown words that occur most, with their occurrences, the most frequent
        first. They are normalised as the tokenizer does.
    most_split : list of (str, int)
        The same of the words that are split.
    """

    n_words: int
    unknown: float
    split: float
    most_unknown: list[tuple[str, int]]
    most_split: list[tuple[str, int]]


def coverage(tokenizer_json: str, texts: list[str], *, n_most: int = 20) -> Coverage:
    """Find the words of texts that have no token of their own.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.
    texts : list of str
        The texts, which are read in full length.
    n_most : int, default=20
        Words of each kind to list at most.

    Returns
    -------
    Coverage
        Shares of words, 0 where there are none, and the most frequent of them.

    Notes
    -----
    A word is what stands between whitespace and punctuation, cut further where the
    tokenizer does so. Words are looked at one at a time: that a phrase is a token does
    not show. Some ten seconds for a million sentences.

    Examples
    --------
    >>> from sk_m2v import StaticEmbedding
    >>> from sk_m2v.distill.vocabulary._coverage import coverage
    >>> texts = ["Xenoliths: rare rocks.", "Rare xenoliths 🦤", "Some other rocks"]
    >>> model = StaticEmbedding.from_pretrained()
    >>> found = coverage(model.tokenizer_json, texts)
    >>> found.n_words, found.unknown, found.split
    (9, 0.1111111111111111, 0.2222222222222222)
    >>> found.most_unknown, found.most_split
    ([('🦤', 1)], [('xenoliths', 2)])
    """
    tokenizer = tokenizer_from_json(tokenizer_json)
    unk_id = load_backend(tokenizer_json).unk_id
    n_words = 0
    unknown: Counter[str] = Counter()
    split: Counter[str] = Counter()
    pieces = Counter(chain.from_iterable(map(_PIECE.findall, texts)))
    for word, ids, count in _words(tokenizer, pieces):
        is_known = bool(ids) and unk_id not in ids
        if not is_known or len(ids) > 1:
            word = _normalize(tokenizer, word)
            if not word:  # normalisers remove control characters
                continue
            (split if is_known else unknown)[word] += count
        n_words += count
    return Coverage(
        n_words,
        unknown.total() / max(n_words, 1),
        split.total() / max(n_words, 1),
        _most(unknown, n_most),
        _most(split, n_most),
    )


def _most(counts: Counter[str], n_most: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda it: (-it[1], it[0]))[:n_most]


def _normalize(tokenizer: Any, word: str) -> str:
    if tokenizer.normalizer is None:
        return word
    normal: str = tokenizer.normalizer.normalize_str(word).strip()
    # Some normalisers put what they write for a space before each text.
    return normal if word.startswith("▁") else normal.removeprefix("▁")


def _words(
    tokenizer: Any, pieces: Counter[str]
) -> Iterator[tuple[str, list[int], int]]:
    """Words of pieces of text, the ids of their tokens, and how often they occur."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    todo = list(pieces.items())
    for start in range(0, len(todo), _BATCH_SIZE):
        batch = todo[start : start + _BATCH_SIZE]
        begins = [len(_BEFORE) * piece.startswith(" ") for piece, _ in batch]
        texts = [
            _BEFORE[:begin] + replace_surrogates(piece)
            for begin, (piece, _) in zip(begins, batch, strict=True)
        ]
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        for (_, count), *piece in zip(batch, texts, begins, encodings, strict=True):
            for word, ids in _words_of(*piece):
                yield word, ids, count


def _words_of(text: str, begin: int, encoding: Any) -> Iterator[tuple[str, list[int]]]:
    """Words of a text from `begin` on, and ids of the tokens that hold a part of them.

    A token can be in several words: "U.S." may be one.
    """
    places, parts, ids = encoding.offsets, encoding.word_ids, encoding.ids
    first = 0
    for word, (start, end) in _SPLIT(text):
        if start < begin or _is_punctuation(word):
            continue
        # Offsets never go back.
        while first < len(ids) and places[first][1] <= start:
            first += 1
        after = first
        while after < len(ids) and places[after][0] < end:
            after += 1
        tokens = range(first, after)
        if len({parts[token] for token in tokens}) < 2:
            yield word, ids[first:after]
            continue
        # The tokenizer cuts further: BERT's at Chinese characters, GPT-2's at digits.
        for _, part in groupby(tokens, key=parts.__getitem__):
            own = list(part)
            a, b = max(places[own[0]][0], start), min(places[own[-1]][1], end)
            yield text[a:b], [ids[token] for token in own]


def _is_punctuation(piece: str) -> bool:
    # The library cuts out each such character on its own.
    return len(piece) == 1 and (
        piece in string.punctuation or category(piece)[0] == "P"
    )
