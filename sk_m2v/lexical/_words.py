"""The distinct words of texts: what is known of one is known of all its occurrences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v.embedding.tokens._backends import TokenIds, token_runs
from sk_m2v.lexical._counting import count, run_lengths

# Of a word that comes again, in tokens. Longer ones are all taken for different.
LONGEST_WORD = 8


class Words(NamedTuple):
    """Words of texts.

    Attributes
    ----------
    distinct : TokenIds
        The tokens of each distinct word, in an order that does not depend on which
        others there are: by their number of tokens, and then by these.
    of_texts : csr_array of shape (n_texts, n_words), dtype float32
        How often each occurs in each text.
    """

    distinct: TokenIds
    of_texts: csr_array


def distinct_words(
    tokens: TokenIds, begins: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]
) -> Words:
    """Find the words that texts consist of.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    begins, ends : ndarray of shape (n_tokens,), dtype bool
        Whether each token of the tokenizer begins a word, or ends one.

    Returns
    -------
    Words
        The words.
    """
    found = occurrences(tokens, begins, ends)
    places, words = _distinct(tokens.ids, found.starts, found.lengths, begins.size)
    shape = tokens.offsets.size - 1, places.size
    of_texts = count([(found.texts, words)], shape).canonical_matrix()
    return Words(found.some(places).tokens(tokens.ids), of_texts)


class Occurrences(NamedTuple):
    """Where the words of texts are.

    Attributes
    ----------
    starts, lengths : ndarray of shape (n_words,), dtype int64
        Place of the first token of each, and its number of tokens.
    texts : ndarray of shape (n_words,), dtype int64
        The text that each is in.
    """

    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    texts: npt.NDArray[np.int64]

    def some(self, which: npt.NDArray[np.integer]) -> Occurrences:
        """Some of the words.

        Parameters
        ----------
        which : ndarray of shape (n,), dtype int
            Which ones.

        Returns
        -------
        Occurrences
            These.
        """
        return Occurrences(self.starts[which], self.lengths[which], self.texts[which])

    def tokens(self, ids: npt.NDArray[np.int32]) -> TokenIds:
        """The tokens of the words.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), dtype int32
            Ids of all texts.

        Returns
        -------
        TokenIds
            A text for each word.
        """
        return token_runs(ids, self.starts, self.lengths)


def occurrences(
    tokens: TokenIds, begins: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_]
) -> Occurrences:
    """Find where words are.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    begins, ends : ndarray of shape (n_tokens,), dtype bool
        Whether each token of the tokenizer begins a word, or ends one.

    Returns
    -------
    Occurrences
        The words, in the order of the texts.
    """
    ids, offsets = tokens
    is_first = begins[ids]
    is_first[1:] |= ends[ids[:-1]]
    is_first[offsets[:-1][offsets[:-1] < ids.size]] = True
    starts = is_first.nonzero()[0]
    lengths = run_lengths(starts, ids.size)
    if offsets.size == 2:
        texts = np.zeros(starts.size, np.int64)
    else:
        texts = TokenIds(ids, starts.searchsorted(offsets)).texts
    return Occurrences(starts, lengths, texts)


def _distinct(
    ids: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    n_tokens: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """An occurrence of each distinct word, and the distinct word of each occurrence."""
    # A number a word: the first token's and, token by token, one for each distinct
    # pair of the number so far with the next token.
    codes = ids[starts]
    n_codes = n_tokens
    open_ = np.flatnonzero(lengths > 1)
    for i in range(1, LONGEST_WORD):
        if not open_.size:
            break
        pairs = codes[open_].astype(np.int64) * n_tokens + ids[starts[open_] + i]
        distinct, inverse = np.unique(pairs, return_inverse=True)
        codes[open_] = n_codes + inverse
        n_codes += distinct.size
        open_ = open_[lengths[open_] > i + 1]
    codes[open_] = n_codes + np.arange(open_.size)
    # Numbers are small, and a table is faster than sorting.
    occurrence = np.full(n_codes + open_.size, -1, np.int32)
    occurrence[codes] = np.arange(codes.size, dtype=np.int32)
    distinct = np.flatnonzero(occurrence >= 0)
    number = np.empty(occurrence.size, np.int32)
    number[distinct] = np.arange(distinct.size, dtype=np.int32)
    return occurrence[distinct], number[codes]
