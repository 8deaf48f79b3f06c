"""Which n-grams to keep, as scikit-learn's vectorizers decide it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v._messages import quoted


def kept_columns(
    counts: csr_array,
    times: npt.NDArray[np.float64],
    min_df: int | float,
    max_df: int | float,
    max_features: int | None,
) -> npt.NDArray[np.bool_]:
    """Choose columns by the texts that they are in, and by their occurrences.

    Parameters
    ----------
    counts : csr_array of shape (n_texts, n_ngrams)
        Occurrences of n-grams.
    times : ndarray of shape (n_texts,), dtype float64
        How often each text counts.
    min_df, max_df : int or float
        In how many texts an n-gram must be at least and may be at most: a number, or a
        float from 0 to 1 for a share.
    max_features : int or None
        How many to keep at most, those that occur most often. Of equals, the first.

    Returns
    -------
    ndarray of shape (n_ngrams,), dtype bool
        Which are kept.

    Raises
    ------
    ValueError
        If no n-gram can be in few and many enough texts.
    """
    n_texts, n_columns = int(times.sum()), counts.shape[1]
    kept = np.ones(n_columns, dtype=bool)
    least, most = (
        it * n_texts if isinstance(it, float) else it for it in (min_df, max_df)
    )
    if least <= 1 and most >= n_texts and max_features is None:
        return kept
    if most < min(least, n_texts):
        raise ValueError(
            f"max_df={quoted(max_df)} are at most {quoted(most)} texts of {n_texts}, "
            f"and min_df={quoted(min_df)} at least {quoted(least)}: nothing can be both"
        )
    entry_times = np.repeat(times, np.diff(counts.indptr))
    in_texts = np.bincount(counts.indices, entry_times, n_columns)
    kept = (in_texts >= least) & (in_texts <= most)
    if max_features is not None and kept.sum() > max_features:
        totals = np.bincount(counts.indices, counts.data * entry_times, n_columns)
        order = np.argsort(-np.where(kept, totals, -1), kind="stable")
        kept[order[max_features:]] = False
    return kept


def check_lengths(ngram_range: tuple[int, int], n_tokens: int) -> None:
    """Refuse n-grams that are too long to be one integer.

    Parameters
    ----------
    ngram_range : tuple of (int, int)
        Shortest and longest n-gram.
    n_tokens : int
        The base.

    Raises
    ------
    ValueError
        If one can be 2 ** 63 or more.
    """
    # Not by the power itself: that of an absurd length takes for ever.
    largest = max(n for n in range(1, 64) if n_tokens**n <= 2**63)
    if ngram_range[1] > largest:
        raise ValueError(
            f"ngram_range={quoted(ngram_range)} is too long: with {n_tokens} tokens, "
            f"n-grams can have at most {largest}"
        )
