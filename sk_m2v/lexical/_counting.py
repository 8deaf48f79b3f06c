"""Occurrences counted by sorting whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v.lexical._tables import Int32Array, Int64Array


def count(
    found: Sequence[tuple[Int64Array, Int32Array]], shape: tuple[int, int]
) -> csr_array:
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
    csr_array of that shape, dtype float32
        The counts.
    """
    n_rows, n_columns = shape
    bits = n_columns.bit_length()
    # Batches have small integers, which sort faster.
    dtype = np.dtype(np.int32 if (n_rows + 1) << bits < 2**31 else np.int64)
    row_cells: npt.NDArray[Any] = np.arange(n_rows + 1, dtype=dtype) << bits
    cells = np.concatenate([row_cells[rows] | columns for rows, columns in found])
    cells.sort()
    firsts = _first_of_equals(cells)
    counts = np.diff(firsts, append=cells.size)
    cells = cells[firsts]
    index_type = np.int32 if max(cells.size, n_columns) < 2**31 else np.int64
    row_starts = np.searchsorted(cells, row_cells)
    columns = (cells & ((1 << bits) - 1)).astype(index_type)
    matrix = csr_array(
        (counts.astype(np.float32), columns, row_starts.astype(index_type)), shape=shape
    )
    matrix.has_canonical_format = True
    return matrix


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
    return keys[_first_of_equals(keys)]


def _first_of_equals(ordered: npt.NDArray[Any]) -> Int64Array:
    """Where in an ordered array each value occurs first."""
    is_first = np.ones(ordered.size, dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return np.flatnonzero(is_first)
