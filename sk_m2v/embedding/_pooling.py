"""Token ids and vectors to one vector a text.

A mean of token vectors is a product of the sparse texts x tokens matrix with the
vectors. SciPy does it row by row, in the order of the tokens and without the GIL, so
the sums are those of model2vec to the last bit and several batches run side by side.

Of few texts, such as the one of a request, making that matrix takes longer than the
sums. Their vectors are gathered and added up in the same order.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v.embedding.tokens._backends import TokenIds

FloatArray = npt.NDArray[np.float32]

# A sparse matrix costs as much as the sums of about so many texts, and what is gathered
# has to fit in the cache.
_FEW_TEXTS = 32
_FEW_ROWS = 1024


def count_matrix(
    tokens: TokenIds,
    n_rows: int,
    weights: npt.NDArray[np.floating] | None = None,
    token_mapping: npt.NDArray[np.int32] | None = None,
) -> csr_array:
    """Sparse matrix that sums vectors over the tokens of each text.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    n_rows : int
        Number of vectors, the columns of the result.
    weights : ndarray of shape (n_tokens,), optional
        Factor of each token. None counts every occurrence as 1.
    token_mapping : ndarray of shape (n_tokens,), dtype int32, optional
        Row of the vectors that each token uses. None where token `i` uses row `i`.

    Returns
    -------
    csr_array of shape (n_texts, n_rows), dtype float32 or that of `weights`
        One entry an occurrence, in the order of the text: duplicates are not summed.
    """
    ids, offsets = tokens
    data = np.ones(ids.size, dtype=np.float32) if weights is None else weights[ids]
    columns = ids if token_mapping is None else token_mapping[ids]
    return csr_array((data, columns, offsets), shape=(offsets.size - 1, n_rows))


def mean_vectors(
    tokens: TokenIds,
    vectors: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating] | None,
    token_mapping: npt.NDArray[np.int32] | None,
) -> FloatArray:
    """Mean of the (weighted) vectors of each text; zeros for a text without tokens.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    vectors : ndarray of shape (n_rows, dim), dtype float32 or float64
        The vectors, C-contiguous and of the type in which to sum.
    weights, token_mapping : ndarray or None
        As in `count_matrix`.

    Returns
    -------
    ndarray of shape (n_texts, dim), dtype float32
        The means, not normalised.
    """
    means: npt.NDArray[np.floating]
    ids, offsets = tokens
    if is_few(offsets):
        rows = vectors[ids if token_mapping is None else token_mapping[ids]]
        if weights is not None:
            rows = rows * weights[ids][:, None]
        means = sums_of_rows(rows, offsets)
    else:
        means = count_matrix(tokens, len(vectors), weights, token_mapping) @ vectors
    lengths = np.diff(tokens.offsets).astype(means.dtype)
    np.maximum(lengths, 1, out=lengths)
    means /= lengths[:, None]
    return means.astype(np.float32, copy=False)


def is_few(starts: npt.NDArray[np.integer]) -> bool:
    """Tell whether rows are summed faster without a sparse matrix.

    Parameters
    ----------
    starts : ndarray of shape (n_texts + 1,), dtype int
        Where the rows of each text start, and where those of the last end.

    Returns
    -------
    bool
        True for few texts of few rows.
    """
    return starts.size <= _FEW_TEXTS + 1 and starts[-1] <= _FEW_ROWS


def sums_of_rows(
    rows: npt.NDArray[np.floating], starts: npt.NDArray[np.integer]
) -> npt.NDArray[np.floating]:
    """Sum the rows of each text, one after the other, as a sparse matrix does.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        Rows of all texts.
    starts : ndarray of shape (n_texts + 1,), dtype int
        Where those of each text start, and where those of the last end.

    Returns
    -------
    ndarray of shape (n_texts, n_columns)
        The sums, in the type of `rows`; zeros for a text without rows.
    """
    sums = np.zeros((starts.size - 1, rows.shape[1]), rows.dtype)
    for total, (start, end) in zip(sums, pairwise(starts.tolist()), strict=True):
        if rows.shape[1] > 1:
            np.add.reduce(rows[start:end], axis=0, out=total)
        elif end > start:
            # A single column would be summed pairwise, in another order.
            total[:] = np.add.accumulate(rows[start:end])[-1]
    return sums


def normalize_rows(rows: FloatArray) -> None:
    """Divide each row by its Euclidean norm, in place; rows of zeros stay.

    Parameters
    ----------
    rows : ndarray of shape (n_texts, dim), dtype float32
        The rows.
    """
    # Operations and constant are those of model2vec 0.10, for equal bits; `linalg.norm`
    # would copy the rows once more.
    norms = np.sqrt(np.add.reduce(rows * rows, axis=1, keepdims=True))
    rows /= norms + np.float32(1e-32)
