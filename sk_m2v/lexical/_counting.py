"""Occurrences counted by sorting whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v.embedding._pooling import is_few, sums_of_rows
from sk_m2v.lexical._tables import Int32Array, Int64Array


class Rows(NamedTuple):
    """Rows of a sparse matrix, which is made only where there are many.

    Attributes
    ----------
    values : ndarray of shape (n_entries,), dtype float32
        The entries, one row after the other.
    columns : ndarray of shape (n_entries,), dtype int32 or int64
        Their columns, each once a row.
    starts : ndarray of shape (n_rows + 1,), dtype int32 or int64
        Where each row starts, and where the last ends.
    n_columns : int
        Number of columns.
    """

    values: npt.NDArray[np.float32]
    columns: npt.NDArray[np.integer]
    starts: npt.NDArray[np.integer]
    n_columns: int

    @property
    def texts(self) -> Int64Array:
        """Row of each entry."""
        if self.starts.size == 2:
            return np.zeros(self.columns.size, np.int64)
        lengths = self.starts[1:] - self.starts[:-1]
        return np.repeat(np.arange(lengths.size), lengths)

    def normalize(self, norm: str) -> None:
        """Divide each row by its norm, in place.

        Parameters
        ----------
        norm : {"l1", "l2"}
            Which.
        """
        values, starts = self.values, self.starts
        if not values.size:
            return
        lengths = starts[1:] - starts[:-1]
        filled = lengths > 0  # `reduceat` cannot sum nothing
        first = starts[:-1][filled]
        if norm == "l1":
            norms = np.add.reduceat(values, first)
        else:
            norms = np.sqrt(np.add.reduceat(values * values, first))
        values /= norms if starts.size == 2 else np.repeat(norms, lengths[filled])

    def matrix(self) -> csr_array:
        """The rows as a matrix.

        Returns
        -------
        csr_array of shape (n_rows, n_columns), dtype float32
            It shares the memory of the rows.
        """
        shape = self.starts.size - 1, self.n_columns
        return csr_array((self.values, self.columns, self.starts), shape=shape)

    def canonical_matrix(self) -> csr_array:
        """The rows as a matrix, if their columns are in order.

        Returns
        -------
        csr_array of shape (n_rows, n_columns), dtype float32
            In canonical form, which SciPy is told.
        """
        matrix = self.matrix()
        matrix.has_canonical_format = True
        return matrix

    def __matmul__(self, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Multiply by a matrix of `n_columns` rows."""
        if is_few(self.starts):
            terms = weights[self.columns] * self.values[:, None]
            return sums_of_rows(terms, self.starts)
        product: npt.NDArray[Any] = self.matrix() @ weights
        return product


def count(
    found: Sequence[tuple[Int64Array, Int32Array]], shape: tuple[int, int]
) -> Rows:
    """Count rows and columns of occurrences, in canonical form.

    A cell is one integer, so that sorting brings together what is equal, and puts rows
    and columns in order as well: less work than `csr_array.sum_duplicates`.

    Parameters
    ----------
    found : sequence of tuple of (ndarray, ndarray)
        Rows, dtype int64, and columns, dtype int32, of occurrences.
    shape : tuple of (int, int)
        Numbers of rows and columns.

    Returns
    -------
    Rows of that shape
        The counts; columns are in order.
    """
    n_rows, n_columns = shape
    bits = n_columns.bit_length()
    # Batches have small integers, which sort faster.
    dtype = np.dtype(np.int32 if (n_rows + 1) << bits < 2**31 else np.int64)
    row_cells: npt.NDArray[Any] = np.arange(n_rows + 1, dtype=dtype) << bits
    cells = np.concatenate([row_cells[rows] | columns for rows, columns in found])
    cells.sort()
    firsts = first_of_equals(cells)
    counts = run_lengths(firsts, cells.size)
    cells = cells[firsts]
    index_type = np.int32 if max(cells.size, n_columns) < 2**31 else np.int64
    row_starts = np.searchsorted(cells, row_cells)
    columns: npt.NDArray[np.integer] = (cells & ((1 << bits) - 1)).astype(index_type)
    return Rows(
        counts.astype(np.float32), columns, row_starts.astype(index_type), n_columns
    )


def count_one(columns: Int32Array, n_columns: int) -> Rows:
    """Count the columns of one row, in canonical form.

    Parameters
    ----------
    columns : ndarray of shape (n,), dtype int32
        Column of each occurrence. It is sorted in place.
    n_columns : int
        Number of columns.

    Returns
    -------
    Rows of shape (1, n_columns)
        As of `count`, with a third of its steps.
    """
    columns.sort()
    firsts = first_of_equals(columns)
    counts = run_lengths(firsts, columns.size).astype(np.float32)
    return Rows(counts, columns[firsts], _ends_of_one(firsts.size), n_columns)


def _ends_of_one(n_entries: int) -> npt.NDArray[np.int32]:
    return np.array((0, n_entries), np.int32)


def first_occurrences(
    rows: Int64Array, columns: Int32Array, shape: tuple[int, int]
) -> Rows:
    """Count columns of occurrences, in the order in which they first occur.

    Parameters
    ----------
    rows : ndarray of shape (n,), dtype int64
        Ascending.
    columns : ndarray of shape (n,), dtype int32
        Column of each occurrence.
    shape : tuple of (int, int)
        Numbers of rows and columns.

    Returns
    -------
    Rows of that shape
        The counts. The order does not depend on the numbers of the columns.
    """
    n_rows, n_columns = shape
    cells = rows << n_columns.bit_length() | columns
    # Rows are in order already, of which a stable sort makes use.
    order = np.argsort(cells, kind="stable")
    firsts = first_of_equals(cells[order])
    counts = np.zeros(rows.size, np.float32)
    counts[order[firsts]] = run_lengths(firsts, rows.size)
    kept = counts.nonzero()[0]
    if n_rows == 1:
        return Rows(counts[kept], columns[kept], _ends_of_one(kept.size), n_columns)
    starts = np.searchsorted(rows[kept], np.arange(n_rows + 1)).astype(np.int32)
    return Rows(counts[kept], columns[kept], starts, n_columns)


def distinct(keys: Int64Array) -> Int64Array:
    """Distinct keys; `numpy.unique` hashes, and takes four times as long.

    Parameters
    ----------
    keys : ndarray of shape (n_keys,), dtype int64
        The keys.

    Returns
    -------
    ndarray of shape (n_distinct,), dtype int64
        Each once, ascending.
    """
    keys = np.sort(keys)
    return keys[first_of_equals(keys)]


def first_of_equals(ordered: npt.NDArray[Any]) -> Int64Array:
    """Where in an ordered array each value occurs first.

    Parameters
    ----------
    ordered : ndarray of shape (n,)
        Ascending.

    Returns
    -------
    ndarray of shape (n_distinct,), dtype int64
        Places.
    """
    is_first = np.empty(ordered.size, dtype=bool)
    is_first[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return is_first.nonzero()[0]


def run_lengths(starts: Int64Array, end: int) -> Int64Array:
    """Lengths of runs.

    Parameters
    ----------
    starts : ndarray of shape (n,), dtype int64
        Where each begins.
    end : int
        Where the last ends.

    Returns
    -------
    ndarray of shape (n,), dtype int64
        Lengths. `numpy.diff` takes ten times as long for few.
    """
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:]
    ends[-1:] = end
    return ends - starts
