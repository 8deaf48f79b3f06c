"""Token ids to sparse TF-IDF features of n-grams of letters inside words.

They know words by their parts: misspelt, inflected or compounded ones, too. The letters
come from the tokens, so that there is nothing to read but ids, and n-grams of letters
are what `NgramTfidf` counts. A row is a sum of words, so that these are looked up once,
however often they occur, and that weights of n-grams are first summed for each word.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack

from sk_m2v._parameters import public
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._counting import Rows, distinct
from sk_m2v.lexical._letters import BOUNDARY, N_MARKS, OTHER, Letters, code_points
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.lexical._tables import Int64Array
from sk_m2v.lexical._word_scores import WordMemory, WordScores
from sk_m2v.lexical._words import LONGEST_WORD, Words, distinct_words, occurrences

# Of longer ones, a key of 64 bits has no room for an alphabet.
LONGEST = 8


@public("sk_m2v")
class LetterTfidf(NgramTfidf):
    """TF-IDF of the n-grams of letters inside words.

    The boundary of a word is a letter, but never inside an n-gram, nor alone: as of
    scikit-learn's ``analyzer="char_wb"``. A row is the sum of the rows of its words:
    `sublinear_tf` applies to the counts of words, and `norm` is what it would be if no
    n-gram occurred twice.

    Parameters
    ----------
    spelled : sequence of str
        Letters of the tokens, as `spelled_tokens` gives them.
    ngram_range : tuple of (int, int), default=(3, 4)
        Shortest and longest n-gram, at most `LONGEST`.
    **options
        As of `NgramTfidf`.

    Attributes
    ----------
    alphabet : str
        The letters of the texts of `fit`, or the most frequent, if a key has no room
        for more. All others are one, which is in no n-gram.
    n_tokens : int
        Number of letters, the base of the keys.
    """

    _DERIVED = (*NgramTfidf._DERIVED, "_of_tokens", "_of_sums", "_last")

    def __init__(
        self,
        spelled: Sequence[str],
        ngram_range: tuple[int, int] = (3, 4),
        **options: Any,
    ) -> None:
        super().__init__(ngram_range, **options)
        self._spelled = "\n".join(spelled)  # none has a line break
        self.alphabet = ""

    # Letters follow from the alphabet, and not from the keys.
    def __getstate__(self) -> dict[str, Any]:
        return {
            name: it for name, it in super().__getstate__().items() if name != "letters"
        }

    @cached_property
    def letters(self) -> Letters:
        """The letters of each token."""
        return Letters(self._spelled.split("\n"), self.alphabet)

    def set_alphabet(self, alphabet: str) -> None:
        """Set the letters that are told apart.

        Parameters
        ----------
        alphabet : str
            The letters.
        """
        self.alphabet = alphabet
        self.n_tokens = len(alphabet) + N_MARKS
        vars(self).pop("letters", None)
        self._forget()

    def names(self, vocabulary: Sequence[str]) -> npt.NDArray[Any]:
        """The n-grams, in the order of the columns.

        Parameters
        ----------
        vocabulary : sequence of str
            Not used: letters have names of their own.

        Returns
        -------
        ndarray of shape (n_features,), dtype object
            The letters of each n-gram, with a space where a word begins or ends.
        """
        symbols = np.array([" ", "", *self.alphabet], dtype=object)
        return self._joined(symbols, "")

    @property
    def n_ids(self) -> int:
        """Number of tokens of the tokenizer."""
        return len(self.letters.begins)

    def _learn_keys(
        self, tokens: TokenIds, n_tokens: int, weights: npt.NDArray[np.float64]
    ) -> None:
        counting = np.repeat(weights > 0, np.diff(tokens.offsets))
        tokens = tokens.keep(counting)
        self.set_alphabet(self._used_letters(tokens))
        words = distinct_words(tokens, self.letters.begins, self.letters.ends).distinct
        stream = self.letters.stream(words).letters
        self.keys = [
            self._existing(distinct(grams.keys), n)
            for n, grams in zip(self.lengths, self._grams(stream), strict=True)
        ]

    def _used_letters(self, tokens: TokenIds) -> str:
        """Letters of texts, or the most frequent."""
        spelled = self._spelled.split("\n")
        times = np.bincount(tokens.ids, minlength=len(spelled))
        points = code_points("".join(spelled))
        lengths = np.array([*map(len, spelled)], dtype=np.int64)
        found = np.bincount(points, np.repeat(times, lengths))
        found[ord(" ") : ord(" ") + 1] = 0
        room = int((2**63) ** (1 / self.ngram_range[1])) - N_MARKS
        used = np.argsort(-found, kind="stable")[: min(room, np.count_nonzero(found))]
        return "".join(map(chr, np.sort(used).tolist()))

    def _existing(self, keys: Int64Array, n: int) -> Int64Array:
        """Those of all n-grams that are inside words."""
        rest, last = np.divmod(keys, self.n_tokens)
        exists = last != OTHER
        has_letter = last >= N_MARKS
        for i in range(1, n):
            rest, digit = np.divmod(rest, self.n_tokens)
            exists &= digit != OTHER
            exists &= (digit != BOUNDARY) | (i == n - 1)
            has_letter |= digit >= N_MARKS
        existing: Int64Array = keys[exists & has_letter]
        return existing

    # --- Features: sums of words ------------------------------------------------------

    def _of_fit(self, tokens: TokenIds, counts: csr_array) -> csr_array:
        return self.transform(tokens)  # counts do not tell words apart

    def transform(self, tokens: TokenIds) -> csr_array:
        """Features of texts: words in texts times n-grams in words.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features, in canonical form.
        """
        words, of_texts = self._words(self._without_stop_ids(tokens))
        rows = self._rows_of_words(words)
        if self.sublinear_tf:
            of_texts.data = np.log(of_texts.data) + 1
        if self.norm is not None:
            sums = of_texts.power(self._power) @ self._sums(rows)
            norms = np.where(sums > 0, sums, 1) ** (1 / self._power)
            of_texts.data /= np.repeat(norms, np.diff(of_texts.indptr))
        matrix = of_texts @ rows
        matrix.sort_indices()
        return matrix

    def product(
        self, tokens: TokenIds, weights: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.floating]:
        """Features of texts, times weights, without the features.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.
        weights : ndarray of shape (n_features, n_outputs)
            As in `NgramTfidf.product`.

        Returns
        -------
        ndarray of shape (n_texts, n_outputs)
            The sums. Those of a text do not depend on the other texts.
        """
        tokens = self._without_stop_ids(tokens)
        score = partial(self._score, weights=weights)
        found = occurrences(tokens, self.letters.begins, self.letters.ends)
        rows, known = self._remembered(weights).rows(tokens, found, score)
        values = rows.values
        if self.sublinear_tf:
            np.log(values, out=values)
            values += 1
        sums = rows @ known.scores
        texts = rows.texts
        squares = values**self._power * known.squares[rows.columns]
        # Of nothing, `bincount` makes whole numbers.
        squares = np.bincount(texts, squares, len(sums)).astype(np.float64)
        # Words that are too long to be remembered: each occurrence for itself.
        long = (found.lengths > LONGEST_WORD).nonzero()[0]
        if long.size:
            others = found.some(long)
            more = score(others.tokens(tokens.ids))
            np.add.at(sums, others.texts, more.scores)
            np.add.at(squares, others.texts, more.squares)
        if self.norm is not None:
            norms = np.where(squares > 0, squares, 1) ** (1 / self._power)
            sums /= norms.astype(sums.dtype)[:, None]
        return sums

    def _remembered(self, weights: npt.NDArray[np.floating]) -> WordMemory:
        """What is known of words, if the weights are those of last time."""
        last: tuple[Any, ...] | None = vars(self).get("_last")
        place = _place(weights)
        if last is None or last[0] != place:
            # The place is nobody else's while the weights are held here.
            last = place, WordMemory(weights.shape[1], self.n_ids), weights
            self._last = last
        memory: WordMemory = last[1]
        return memory

    def _score(self, words: TokenIds, weights: npt.NDArray[np.floating]) -> WordScores:
        rows = self._entries(words)
        return WordScores(rows @ weights, (rows @ self._of_sums[:, None])[:, 0])

    def _sums(self, rows: csr_array) -> npt.NDArray[np.floating]:
        sums: npt.NDArray[np.floating] = rows @ self._of_sums
        return sums

    @cached_property
    def _of_sums(self) -> npt.NDArray[np.float32]:
        """What entries are multiplied with, so that their sum is what norms need."""
        if self.idf is None:
            return np.ones(self.n_features, np.float32)
        powers: npt.NDArray[np.float32] = self.idf ** (self._power - 1)
        return powers

    @property
    def _power(self) -> int:
        return 1 if self.norm == "l1" else 2

    def _counts(self, tokens: TokenIds) -> csr_array:
        words, of_texts = self._words(tokens)
        return of_texts @ super()._counts(self.letters.stream(words).letters)

    def _words(self, tokens: TokenIds) -> Words:
        return distinct_words(tokens, self.letters.begins, self.letters.ends)

    def _rows_of_words(self, words: TokenIds) -> csr_array:
        """N-grams of words, each as often as it occurs, times its idf."""
        # Words of one token come first.
        n_single = int(np.count_nonzero(np.diff(words.offsets) == 1))
        others = TokenIds(words.ids[n_single:], words.offsets[n_single:] - n_single)
        rows = [self._rows_of_tokens(words.ids[:n_single]), self._new_rows(others)]
        return vstack(rows, format="csr")

    def _new_rows(self, words: TokenIds) -> csr_array:
        return self._entries(words).canonical_matrix()

    def _entries(self, words: TokenIds) -> Rows:
        rows = self._tally(self.letters.stream(words).letters)
        if self.idf is not None:
            np.multiply(rows.values, self.idf[rows.columns], out=rows.values)
        return rows

    def _rows_of_tokens(self, ids: npt.NDArray[np.int32]) -> csr_array:
        """Rows of words that are one token, remembered."""
        # Whole objects are replaced: what other threads do may be lost, and no more.
        known, places = self._of_tokens
        new = ids[places[ids] < 0]
        if new.size:
            more = self._new_rows(TokenIds(new, np.arange(new.size + 1)))
            places = places.copy()
            places[new] = known.shape[0] + np.arange(new.size)
            known = vstack([known, more], format="csr")
            self._of_tokens = known, places
        return known[places[ids]]

    @cached_property
    def _of_tokens(self) -> tuple[csr_array, npt.NDArray[np.int32]]:
        nothing = csr_array((0, self.n_features), dtype=np.float32)
        return nothing, np.full(self.n_ids, -1, dtype=np.int32)


def _place(array: npt.NDArray[Any]) -> tuple[Any, ...]:
    """Where in memory an array is, and how it lies there."""
    about = array.__array_interface__
    return about["data"], array.shape, about["typestr"], about["strides"]
