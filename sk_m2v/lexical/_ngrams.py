"""Token ids to sparse TF-IDF features of their n-grams.

An n-gram is one integer, its ids being the digits, so that everything here is
arithmetic on arrays. The large steps release the GIL: several batches can run side by
side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v._parameters import public
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._counting import Rows, count, count_one, distinct
from sk_m2v.lexical._limits import check_lengths, kept_columns
from sk_m2v.lexical._tables import (
    DirectTable,
    HashTable,
    Int32Array,
    Int64Array,
    Table,
)


@public("sk_m2v")
class NgramTfidf:
    """TF-IDF of the n-grams of token ids.

    Columns are the n-grams that occur in the texts of `fit`, the shorter ones first,
    and those of one length in the order of their ids. No n-gram reaches from one text
    into the next.

    Parameters
    ----------
    ngram_range : tuple of (int, int), default=(1, 1)
        Shortest and longest n-gram.
    norm : {"l1", "l2"} or None, default="l2"
        How to scale each row.
    use_idf : bool, default=True
        Whether to weight n-grams by their inverse document frequency.
    smooth_idf : bool, default=True
        Whether to count one more document that has every n-gram.
    sublinear_tf : bool, default=False
        Whether to replace a count `c` by ``1 + log(c)``.
    min_df, max_df : int or float, default=1 and 1.0
        In how many texts an n-gram must be at least and may be at most: a number, or a
        float from 0 to 1 for a share.
    max_features : int or None, default=None
        How many n-grams to keep at most, those that occur most often.
    stop_ids : ndarray of shape (n_stop_ids,), dtype int32, or None, default=None
        Tokens to leave out before anything is counted: what stood on both sides of one
        are neighbours then.

    Attributes
    ----------
    n_tokens : int
        Number of tokens of the tokenizer, the base of the keys.
    keys : list of ndarray of shape (n_ngrams,), dtype int64
        The n-grams of each length, ascending: the ids are the digits of a key.
    idf : ndarray of shape (n_features,), dtype float32, or None
        Inverse document frequencies. None without `use_idf`.
    """

    def __init__(
        self,
        ngram_range: tuple[int, int] = (1, 1),
        *,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = None,
        stop_ids: Int32Array | None = None,
    ) -> None:
        self.ngram_range = ngram_range
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.stop_ids = stop_ids
        self.n_tokens = 0
        self.keys: list[Int64Array] = []
        self.idf: npt.NDArray[np.float32] | None = None

    # What follows from the keys, and is larger.
    _DERIVED: ClassVar[tuple[str, ...]] = ("_tables",)

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).items()
        return {name: it for name, it in state if name not in self._DERIVED}

    def _forget(self) -> None:
        for name in self._DERIVED:
            vars(self).pop(name, None)

    @property
    def n_features(self) -> int:
        """Number of n-grams, the columns of the features."""
        return sum(map(len, self.keys))

    def fit(
        self,
        tokens: TokenIds,
        n_tokens: int,
        sample_weight: npt.NDArray[np.floating] | None = None,
    ) -> Self:
        """Learn which n-grams occur, and in how many texts.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.
        n_tokens : int
            Number of tokens of the tokenizer.
        sample_weight : ndarray of shape (n_texts,), optional
            How often each text counts, at least 0. A text of weight 0 is as good as
            left out.

        Returns
        -------
        NgramTfidf
            This object.

        Raises
        ------
        ValueError
            If n-grams are too long for a key of 64 bits.
        """
        self._fit(tokens, n_tokens, sample_weight)
        return self

    def fit_transform(
        self,
        tokens: TokenIds,
        n_tokens: int,
        sample_weight: npt.NDArray[np.floating] | None = None,
    ) -> csr_array:
        """Fit to texts and return their features, counting once.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.
        n_tokens : int
            Number of tokens of the tokenizer.
        sample_weight : ndarray of shape (n_texts,), optional
            As in `fit`.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features, as `transform` returns them.
        """
        return self._of_fit(tokens, self._fit(tokens, n_tokens, sample_weight))

    def transform(self, tokens: TokenIds) -> csr_array:
        """Features of texts.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features, in canonical form; n-grams that did not occur in `fit` are
            left out.
        """
        return self._rows(tokens).canonical_matrix()

    def product(
        self, tokens: TokenIds, weights: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.floating]:
        """Features of texts, times weights.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.
        weights : ndarray of shape (n_features, n_outputs)
            Of each feature. What was computed with them is remembered: they must not
            change.

        Returns
        -------
        ndarray of shape (n_texts, n_outputs)
            The sums. Those of a text do not depend on the other texts.
        """
        return self._rows(tokens) @ weights

    def _rows(self, tokens: TokenIds) -> Rows:
        return self._weighted(self._tally(self._without_stop_ids(tokens)))

    def _of_fit(self, tokens: TokenIds, counts: csr_array) -> csr_array:
        """Features of the texts of `fit`, whose counts are known."""
        rows = Rows(counts.data, counts.indices, counts.indptr, counts.shape[1])
        return self._weighted(rows).canonical_matrix()

    def names(self, vocabulary: Sequence[str]) -> npt.NDArray[Any]:
        """The n-grams, in the order of the columns.

        Parameters
        ----------
        vocabulary : sequence of str
            Tokens in the order of their ids.

        Returns
        -------
        ndarray of shape (n_features,), dtype object
            The tokens of each n-gram, with a space between them.
        """
        return self._joined(np.array(vocabulary, dtype=object), " ")

    def _joined(self, spelled: npt.NDArray[Any], between: str) -> npt.NDArray[Any]:
        """Names of the n-grams, from those of their parts."""
        blocks = [np.empty(0, dtype=object)]
        for n, keys in zip(self.lengths, self.keys, strict=True):
            keys, ids = np.divmod(keys, self.n_tokens)
            names = spelled[ids]
            for _ in range(n - 1):
                keys, ids = np.divmod(keys, self.n_tokens)
                names = spelled[ids] + between + names
            blocks.append(names)
        return np.concatenate(blocks)

    def occurrences(self, tokens: TokenIds) -> Iterator[tuple[Int64Array, Int32Array]]:
        """Where the known n-grams of each length are.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts; for n-grams of letters, the letters.

        Yields
        ------
        starts : ndarray of shape (n_occurrences,), dtype int64
            Place of the first id.
        columns : ndarray of shape (n_occurrences,), dtype int32
            Column of the n-gram.
        """
        first = 0
        for grams, keys, table in zip(
            self._grams(tokens), self.keys, self._tables, strict=True
        ):
            columns = table.find(grams.keys)
            # Positions, not masks: a processor cannot guess which n-grams are known.
            known = (columns >= 0).nonzero()[0]
            yield grams.starts[known], columns[known] + np.int32(first)
            first += len(keys)

    @property
    def lengths(self) -> range:
        """Numbers of tokens of an n-gram."""
        return range(self.ngram_range[0], self.ngram_range[1] + 1)

    # Two threads may both make them, which does no harm.
    @cached_property
    def _tables(self) -> list[Table]:
        return [
            DirectTable(keys, self.n_tokens) if n == 1 else HashTable(keys)
            for n, keys in zip(self.lengths, self.keys, strict=True)
        ]

    def _fit(
        self,
        tokens: TokenIds,
        n_tokens: int,
        sample_weight: npt.NDArray[np.floating] | None,
    ) -> csr_array:
        """Fit, and return the counts."""
        weights = np.ones(tokens.offsets.size - 1)
        if sample_weight is not None:
            weights = np.asarray(sample_weight, dtype=np.float64)
        self.n_tokens = n_tokens
        tokens = self._without_stop_ids(tokens)
        self._learn_keys(tokens, n_tokens, weights)
        self._forget()
        counts = self._limited(self._counts(tokens), weights)
        if self.use_idf:
            row_weights = np.repeat(weights, np.diff(counts.indptr))
            frequencies = np.bincount(counts.indices, row_weights, self.n_features)
            smooth = int(self.smooth_idf)
            idf = np.log((weights.sum() + smooth) / (frequencies + smooth)) + 1
            self.idf = idf.astype(np.float32)
        return counts

    def _learn_keys(
        self, tokens: TokenIds, n_tokens: int, weights: npt.NDArray[np.float64]
    ) -> None:
        """Learn which n-grams there are."""
        check_lengths(self.ngram_range, n_tokens)
        counting = tokens.keep(np.repeat(weights > 0, np.diff(tokens.offsets)))
        self.keys = [distinct(keys) for _, keys in self._grams(counting)]

    @property
    def n_ids(self) -> int:
        """Number of tokens of the tokenizer."""
        return self.n_tokens

    def _without_stop_ids(self, tokens: TokenIds) -> TokenIds:
        if self.stop_ids is None:
            return tokens
        table = np.ones(self.n_ids, dtype=bool)
        table[self.stop_ids] = False
        return tokens.keep(table[tokens.ids])

    def _limited(
        self, counts: csr_array, weights: npt.NDArray[np.float64]
    ) -> csr_array:
        """Forget n-grams that are too rare, too frequent or too many."""
        limits = self.min_df, self.max_df, self.max_features
        # A text of weight 2 is two, and one of weight 0.5 is one.
        kept = kept_columns(counts, np.ceil(weights), *limits)
        if kept.all():
            return counts
        ends = np.cumsum([len(keys) for keys in self.keys])
        masks = np.split(kept, ends[:-1])
        self.keys = [keys[it] for keys, it in zip(self.keys, masks, strict=True)]
        self._forget()
        return counts[:, np.flatnonzero(kept)]

    def _counts(self, tokens: TokenIds) -> csr_array:
        return self._tally(tokens).canonical_matrix()

    def _tally(self, tokens: TokenIds) -> Rows:
        """How often each known n-gram occurs in each text."""
        n_texts = tokens.offsets.size - 1
        if n_texts == 1:
            columns = [self._columns(tokens.ids, i) for i in range(len(self.keys))]
            return count_one(
                columns[0] if len(columns) == 1 else np.concatenate(columns),
                self.n_features,
            )
        texts = tokens.texts
        found = [(texts[starts], it) for starts, it in self.occurrences(tokens)]
        return count(found, (n_texts, self.n_features))

    def _columns(self, ids: npt.NDArray[np.int32], which: int) -> Int32Array:
        """Columns of the n-grams of one length in one text."""
        n = self.lengths[which]
        columns = self._tables[which].find(self._keys_of(ids, n))
        found: Int32Array = columns[columns >= 0]
        if which:
            found += np.int32(sum(map(len, self.keys[:which])))
        return found

    def _keys_of(self, ids: npt.NDArray[np.int32], n: int) -> Int64Array:
        """All n-grams of one length, also those from one text into the next."""
        size = max(ids.size - n + 1, 0)
        keys = ids[:size].astype(np.int64)
        for i in range(1, n):
            keys *= self.n_tokens
            keys += ids[i : i + size]
        return keys

    def _grams(self, tokens: TokenIds) -> Iterator[_Grams]:
        """All n-grams, for each length."""
        ids, rows = tokens.ids, tokens.texts
        for n in self.lengths:
            keys = self._keys_of(ids, n)
            size = keys.size
            if n == 1:
                yield _Grams(np.arange(size), keys)
            else:
                inside = rows[:size] == rows[n - 1 : n - 1 + size]
                starts = inside.nonzero()[0]
                yield _Grams(starts, keys[starts])

    def _weighted(self, counts: Rows) -> Rows:
        """Turn counts into features, in place."""
        values, columns = counts.values, counts.columns
        if self.sublinear_tf:
            np.log(values, out=values)
            values += 1
        if self.idf is not None:
            values *= self.idf[columns]
        if self.norm is not None:
            counts.normalize(self.norm)
        return counts


class _Grams(NamedTuple):
    """The n-grams of one length: the place of the first id, and the key, of each."""

    starts: Int64Array
    keys: Int64Array
