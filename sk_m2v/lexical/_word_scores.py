"""What the letters of each word add to scores, computed once.

The n-grams of letters of a text are those of its words, so that their weights, summed
for each word, are all that is needed to score it. Words come again: their sums are
remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from itertools import repeat
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._counting import Rows, first_occurrences
from sk_m2v.lexical._words import LONGEST_WORD, Occurrences

Array = npt.NDArray[np.floating]

# Of words that are remembered together.
_MOST_WORDS = 200_000
_MOST_BYTES = 64 << 20


class WordScores(NamedTuple):
    """What words add to a text.

    Attributes
    ----------
    scores : ndarray of shape (n_words, n_outputs)
        To its scores.
    squares : ndarray of shape (n_words,)
        To the sum of which its norm is the root.
    """

    scores: Array
    squares: Array


Score = Callable[[TokenIds], WordScores]


class WordMemory:
    """Remembers what words add to scores.

    Parameters
    ----------
    n_outputs : int
        Number of scores.
    n_tokens : int
        Number of tokens of the tokenizer.
    """

    def __init__(self, n_outputs: int, n_tokens: int) -> None:
        self._shape = n_tokens, n_outputs
        self._most = min(_MOST_WORDS, _MOST_BYTES // (4 * n_outputs))
        self._learning = Lock()
        self._known = _Known(*self._shape)

    def rows(
        self, tokens: TokenIds, found: Occurrences, score: Score
    ) -> tuple[Rows, WordScores]:
        """Words of texts, and what they add.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.
        found : Occurrences
            Their words; longer ones than `LONGEST_WORD` are passed over.
        score : callable
            From words to `WordScores`, the same in each call.

        Returns
        -------
        rows : Rows of shape (n_texts, n_known_words)
            How often each word occurs in each text, in the order in which they do.
        scores : WordScores
            What each adds.
        """
        known, ids = self._known, tokens.ids
        words, texts = known.find(ids, found), found.texts
        new = np.flatnonzero(words == _UNKNOWN)
        if new.size:
            # One thread at a time learns. Another remembers nothing, rather than wait
            # for a lock that, in a forked process, nobody would release.
            is_alone = self._learning.acquire(blocking=False)
            try:
                if not is_alone or known.size >= self._most:
                    known, new = _Known(*self._shape), np.arange(words.size)
                words[new] = known.learn(ids, found.some(new), score)
                if is_alone:
                    self._known = known
            finally:
                if is_alone:
                    self._learning.release()
        if (words == _TOO_LONG).any():
            kept = words != _TOO_LONG
            words, texts = words[kept], texts[kept]
        scores = known.scores
        shape = tokens.offsets.size - 1, len(scores.squares)
        return first_occurrences(texts, words, shape), scores


# In place of the number of a word: it is new, or too long to be looked for.
_UNKNOWN = -1
_TOO_LONG = -2


class _Known:
    """Words with numbers, which are rows of scores.

    One thread may learn while others find: a row is written before its number is.
    """

    def __init__(self, n_tokens: int, n_outputs: int) -> None:
        self._base = n_tokens + 1
        # Words of so many tokens have a number of 63 bits.
        self._n_digits = max(n for n in range(1, 64) if self._base**n < 2**63)
        self._single = np.full(n_tokens, _UNKNOWN, np.int32)
        self._longer: dict[int | bytes, int] = {}
        self.scores = WordScores(
            np.zeros((0, n_outputs), np.float32), np.zeros(0, np.float32)
        )
        self.size = 0

    def find(
        self, ids: npt.NDArray[np.int32], found: Occurrences
    ) -> npt.NDArray[np.int32]:
        """Numbers of words.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), dtype int32
            Ids of all texts.
        found : Occurrences
            The words.

        Returns
        -------
        ndarray of shape (n_words,), dtype int32
            Rows of `scores`, `_UNKNOWN` or `_TOO_LONG`.
        """
        numbers = self._single[ids[found.starts]]
        longer = np.flatnonzero(found.lengths > 1)
        if longer.size:
            keys = self._keys(ids, found, longer)
            get = self._longer.get
            numbers[longer] = np.fromiter(
                map(get, keys, repeat(_UNKNOWN)), np.int32, longer.size
            )
            numbers[found.lengths > LONGEST_WORD] = _TOO_LONG
        return numbers

    def learn(
        self,
        ids: npt.NDArray[np.int32],
        found: Occurrences,
        score: Score,
    ) -> npt.NDArray[np.int32]:
        """Numbers of words, of which some are new.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), dtype int32
            Ids of all texts.
        found : Occurrences
            The words.
        score : callable
            As of `WordMemory.rows`.

        Returns
        -------
        ndarray of shape (n_words,), dtype int32
            Rows of `scores`, or `_TOO_LONG`.
        """
        numbers = self.find(ids, found)
        unknown = np.flatnonzero(numbers == _UNKNOWN)
        is_single = found.lengths[unknown] == 1
        single, longer = unknown[is_single], unknown[~is_single]
        tokens, first = np.unique(ids[found.starts[single]], return_index=True)
        keys = self._keys(ids, found, longer)
        places = dict(zip(keys, longer.tolist(), strict=True))
        words = np.array([*single[first], *places.values()], dtype=np.int64)
        start, end = self.size, self.size + words.size
        if end > len(self.scores.squares):
            room = max(end, 2 * start)
            self.scores = WordScores(*(_longer(it, room) for it in self.scores))
        new = score(found.some(words).tokens(ids))
        for old, added in zip(self.scores, new, strict=True):
            old[start:end] = added
        self.size = end
        self._single[tokens] = np.arange(start, start + tokens.size)
        self._longer.update(zip(places, range(start + tokens.size, end), strict=True))
        numbers[single] = self._single[ids[found.starts[single]]]
        numbers[longer] = [self._longer[it] for it in keys]
        return numbers

    def _keys(
        self,
        ids: npt.NDArray[np.int32],
        found: Occurrences,
        words: npt.NDArray[np.int64],
    ) -> list[Any]:
        """Of words of several tokens, what tells them apart: a number, or a digest."""
        starts, lengths = found.starts[words], found.lengths[words]
        codes = ids[starts] + np.int64(1)
        for i in range(1, min(self._n_digits, int(lengths.max(initial=0)))):
            has_more = np.flatnonzero(lengths > i)
            codes[has_more] *= self._base
            codes[has_more] += ids[starts[has_more] + i] + np.int64(1)
        keys: list[Any] = codes.tolist()
        for i in np.flatnonzero(lengths > self._n_digits).tolist():
            word = ids[starts[i] : starts[i] + min(lengths[i], LONGEST_WORD + 1)]
            keys[i] = blake2b(word.tobytes(), digest_size=16).digest()
        return keys


def _longer(array: Array, n_rows: int) -> Array:
    """Copy of an array, with more rows of zeros."""
    longer = np.zeros((n_rows, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
