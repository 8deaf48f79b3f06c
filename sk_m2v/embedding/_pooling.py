"""Token ids and vectors to one vector a text.

A mean of token vectors is a product of the sparse texts x tokens matrix with the
vectors. SciPy does it row by row, in the order of the tokens and without the GIL, so
the sums are those of model2vec to the last bit and several batches run side by side.

Of few texts, such as the one of a request, making that matrix takes longer than the
sums. Their vectors are gathered and added up in the same order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v.embedding.tokens._backends import TokenIds

FloatArray = npt.NDArray[np.float32]

# A sparse matrix costs as much as the sums of about so many texts, and what is gathered
# has to fit in the cache.
_FEW_TEXTS = 32
_FEW_ROWS = 1024
_TINY = np.float32(1e-32)


class TokenVectors(NamedTuple):
    """Vectors of the tokens of a model, in the form in which they are summed.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, dim), dtype float32 or float64
        The vectors, C-contiguous.
    weights : ndarray of shape (n_tokens,) or None
        Factor of each token. None where they are in the rows.
    mapping : ndarray of shape (n_tokens,), dtype int32, or None
        Row of each token. None where token `i` has row `i`.
    """

    rows: npt.NDArray[np.floating]
    weights: npt.NDArray[np.floating] | None
    mapping: npt.NDArray[np.int32] | None

    @classmethod
    def of(
        cls,
        vectors: npt.NDArray[Any],
        weights: npt.NDArray[np.floating] | None,
        mapping: npt.NDArray[np.int32] | None,
    ) -> TokenVectors:
        """Choose the form.

        Parameters
        ----------
        vectors : ndarray of shape (n_rows, dim)
            As stored. Those of float32 are used where they lie.
        weights, mapping : ndarray or None
            As stored.

        Returns
        -------
        TokenVectors
            The same vectors.
        """
        # model2vec multiplies and sums in float64 where its weights are, so do we.
        double = weights is not None and weights.dtype == np.float64
        dtype = np.dtype(np.float64 if double else np.float32)
        rows = np.ascontiguousarray(vectors, dtype=dtype)
        if weights is not None and mapping is None and vectors.dtype != dtype:
            rows *= weights[:, None]
            weights = None
        return cls(rows, weights, mapping)

    def take(self, ids: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        """Vectors of tokens.

        Parameters
        ----------
        ids : ndarray of shape (n,), dtype int
            The tokens.

        Returns
        -------
        ndarray of shape (n, dim), dtype of `rows`
            A new array.
        """
        places = ids if self.mapping is None else self.mapping[ids]
        taken: npt.NDArray[np.floating] = self.rows.take(places, axis=0)
        if self.weights is not None:
            taken *= self.weights[ids, None]
        return taken

    def means(self, tokens: TokenIds) -> FloatArray:
        """Mean of the vectors of each text; zeros for a text without tokens.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            The means, not normalised.
        """
        means: npt.NDArray[np.floating]
        ids, offsets = tokens
        if is_few(offsets):
            means = sums_of_rows(self.take(ids), offsets)
        else:
            columns = ids if self.mapping is None else self.mapping[ids]
            weights = None if self.weights is None else self.weights[ids]
            means = count_matrix(columns, offsets, len(self.rows), weights) @ self.rows
        lengths = tokens.lengths.astype(means.dtype)
        np.maximum(lengths, 1, out=lengths)
        means /= lengths[:, None]
        return means.astype(np.float32, copy=False)


def count_matrix(
    columns: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    n_columns: int,
    weights: npt.NDArray[np.floating] | None = None,
) -> csr_array:
    """Sparse matrix that sums rows over the tokens of each text.

    Parameters
    ----------
    columns : ndarray of shape (n_tokens,), dtype int32
        Row of each token.
    offsets : ndarray of shape (n_texts + 1,), dtype int64
        Where the tokens of each text begin, and where those of the last end.
    n_columns : int
        Number of rows that there are.
    weights : ndarray of shape (n_tokens,), optional
        Factor of each token. None counts every one as 1.

    Returns
    -------
    csr_array of shape (n_texts, n_columns), dtype float32 or that of `weights`
        One entry an occurrence, in the order of the text: duplicates are not summed.
    """
    data = np.ones(columns.size, dtype=np.float32) if weights is None else weights
    return csr_array((data, columns, offsets), shape=(offsets.size - 1, n_columns))


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
    if starts.size == 2 and rows.shape[1] > 1:
        total: npt.NDArray[np.floating] = np.add.reduce(rows, axis=0, keepdims=True)
        return total
    sums = np.zeros((starts.size - 1, rows.shape[1]), rows.dtype)
    for row, (start, end) in zip(sums, pairwise(starts.tolist()), strict=True):
        if rows.shape[1] > 1:
            np.add.reduce(rows[start:end], axis=0, out=row)
        elif end > start:
            # A single column would be summed pairwise, in another order.
            row[:] = np.add.accumulate(rows[start:end])[-1]
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
    rows /= norms + _TINY
