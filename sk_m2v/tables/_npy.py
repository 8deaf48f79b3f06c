"""An array of NumPy in a file, written batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0

from sk_m2v._messages import listed, quoted
from sk_m2v.tables._errors import TableError


class Npy:
    """One array, of vectors or of numbers; floats become float32.

    Parameters
    ----------
    stream : binary file
        What to write to. It must have a way back to its begin.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._n_rows = 0
        # What the first rows say of later ones: type and width.
        self._like: npt.NDArray[Any] | None = None

    def write(self, columns: Mapping[str, Any], first: int) -> None:
        """Write rows.

        Parameters
        ----------
        columns : mapping of str to ndarray
            A name to an array.
        first : int
            Number of the first row.

        Raises
        ------
        TableError
            If there are several columns, or values are no rows of the same numbers.
        """
        if len(columns) != 1:
            raise TableError(
                f"a .npy file holds one array, got columns {listed(columns)}. Write "
                "one of them, or Parquet"
            )
        [values] = columns.values()
        array = _numbers(values)
        if self._like is None:
            self._like = array[:0]
            self._write_header()
        like = self._like
        if array.dtype != like.dtype or array.shape[1:] != like.shape[1:]:
            raise TableError(
                f"the array from row {first} on is {quoted(array.dtype.name)} of rows "
                f"of shape {array.shape[1:]}, and before it {quoted(like.dtype.name)} "
                f"of shape {like.shape[1:]}. Write batches of one kind"
            )
        # From the memory where they are.
        self._stream.write(array.data)
        self._n_rows += len(array)

    def finish(self) -> None:
        """Write the number of rows at the begin."""
        self._stream.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        assert self._like is not None
        header = header_data_from_array_1_0(self._like)
        # NumPy leaves room for any number of rows: the length is always the same.
        header["shape"] = (self._n_rows, *self._like.shape[1:])
        write_array_header_1_0(self._stream, header)


def _numbers(values: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2):
        raise TableError(
            "a .npy file holds vectors or numbers, got "
            f"{quoted(values, 200)}. Write JSON lines or Parquet"
        )
    floats = array.dtype.kind == "f"
    return np.ascontiguousarray(array, np.float32 if floats else array.dtype)
