"""What the letters of each word add to scores, computed once.

The n-grams of letters of a text are those of its words, so that their weights, summed
for each word, are all that is needed to score it. Words come again: their sums are
remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._counting import Rows, first_occurrences, first_of_equals
from sk_m2v.lexical._tables import HashTable, Int64Array
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
        is_one = tokens.offsets.size == 2
        # For the few words of one text, a dictionary is faster than arrays.
        words = known.recall(ids, found) if is_one else known.find(ids, found)
        texts = found.texts
        new = (words == _UNKNOWN).nonzero()[0]
        if new.size:
            # One thread at a time learns. Another remembers nothing, rather than wait
            # for a lock that, in a forked process, nobody would release.
            is_alone = self._learning.acquire(blocking=False)
            try:
                if not is_alone or known.size >= self._most:
                    known, new = _Known(*self._shape), np.arange(words.size)
                words[new] = known.learn(ids, found.some(new), score)
                if is_one:
                    known.keep(ids, found.some(new), words[new])
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
        self._base = np.int64(n_tokens + 1)
        self._single = np.full(n_tokens, _UNKNOWN, np.int32)
        self._longer = HashTable(np.empty(0, np.int64))
        # Numbers of the keys of the table.
        self._numbers = np.empty(0, np.int32)
        self.scores = WordScores(
            np.zeros((0, n_outputs), np.float32), np.zeros(0, np.float32)
        )
        self.size = 0
        # Those of single texts.
        self._by_tokens: dict[tuple[int, ...], int] = {}

    def recall(
        self, ids: npt.NDArray[np.int32], found: Occurrences
    ) -> npt.NDArray[np.int32]:
        """Numbers of the words of one text, if they were in single texts before.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), dtype int32
            Its ids.
        found : Occurrences
            Its words.

        Returns
        -------
        ndarray of shape (n_words,), dtype int32
            As of `find`; `_UNKNOWN` also for words that only many texts had.
        """
        known = self._by_tokens
        numbers = [
            known.get(word, _UNKNOWN) if len(word) <= LONGEST_WORD else _TOO_LONG
            for word in _tuples(ids, found)
        ]
        return np.array(numbers, np.int32)

    def keep(
        self,
        ids: npt.NDArray[np.int32],
        found: Occurrences,
        words: npt.NDArray[np.int32],
    ) -> None:
        """Remember the words of one text for `recall`.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), dtype int32
            Its ids.
        found : Occurrences
            Its words.
        words : ndarray of shape (n_words,), dtype int32
            Their numbers. Those that are too long are passed over.
        """
        pairs = zip(_tuples(ids, found), words.tolist(), strict=True)
        self._by_tokens.update((word, it) for word, it in pairs if it != _TOO_LONG)

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
        longer = (found.lengths > 1).nonzero()[0]
        if longer.size:
            # The table first: its numbers may be more by now, but never less.
            places = self._longer.find(self._keys(ids, found.some(longer)))
            numbers[longer] = _UNKNOWN
            known = (places >= 0).nonzero()[0]
            numbers[longer[known]] = self._numbers[places[known]]
            numbers[found.lengths > LONGEST_WORD] = _TOO_LONG
        return numbers

    def learn(
        self, ids: npt.NDArray[np.int32], found: Occurrences, score: Score
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
        unknown = np.flatnonzero(self.find(ids, found) == _UNKNOWN)
        is_single = found.lengths[unknown] == 1
        single, longer = unknown[is_single], unknown[~is_single]
        tokens, of_tokens = _distinct(ids[found.starts[single]])
        keys, of_keys = _distinct(self._keys(ids, found.some(longer)))
        words = np.concatenate([single[of_tokens], longer[of_keys]])
        start, end = self.size, self.size + words.size
        if end > len(self.scores.squares):
            room = max(end, 2 * start)
            self.scores = WordScores(*(_longer(it, room) for it in self.scores))
        new = score(found.some(words).tokens(ids))
        for old, added in zip(self.scores, new, strict=True):
            old[start:end] = added
        self.size = end
        self._single[tokens] = np.arange(start, start + tokens.size)
        self._add(keys, np.arange(start + tokens.size, end, dtype=np.int32))
        return self.find(ids, found)

    def _add(self, keys: Int64Array, numbers: npt.NDArray[np.int32]) -> None:
        n = len(self._longer)
        room = self._longer.room
        if n + keys.size > room:
            room = max(n + keys.size, 2 * room)
        if room > len(self._numbers):
            self._numbers = _longer(self._numbers, room)
        self._numbers[n : n + keys.size] = numbers
        if room > self._longer.room:
            self._longer = HashTable(np.append(self._longer.keys, keys), room)
        else:
            self._longer.add(keys)

    def _keys(self, ids: npt.NDArray[np.int32], words: Occurrences) -> Int64Array:
        """What tells words of several tokens apart.

        The ids are the digits of a number of 64 bits. Of words of five tokens and more
        it is a remainder: that one of 200,000 is taken for another has a probability
        of 1e-9.
        """
        starts, lengths = words.starts, words.lengths
        keys = ids[starts] + np.int64(1)
        more = np.arange(starts.size)
        for i in range(1, LONGEST_WORD):
            more = more[lengths[more] > i]
            if not more.size:
                break
            # It may overflow, as it is meant to.
            keys[more] = keys[more] * self._base + (ids[starts[more] + i] + np.int64(1))
        return keys


def _tuples(
    ids: npt.NDArray[np.int32], found: Occurrences
) -> Iterator[tuple[int, ...]]:
    """The tokens of each word."""
    tokens = tuple(ids.tolist())
    starts = found.starts.tolist()
    for start, length in zip(starts, found.lengths.tolist(), strict=True):
        yield tokens[start : start + length]


def _distinct(
    keys: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Distinct keys, and where one of each is."""
    order = np.argsort(keys)
    ordered = keys[order]
    firsts = first_of_equals(ordered)
    return ordered[firsts], order[firsts]


def _longer(array: npt.NDArray[Any], n_rows: int) -> npt.NDArray[Any]:
    """Copy of an array, with more rows of zeros."""
    longer = np.zeros((n_rows, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
