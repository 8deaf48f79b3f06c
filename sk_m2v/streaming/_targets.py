"""Where vectors go: each kind can be cut to the rows that are on record, and go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v._optional import require
from sk_m2v.streaming._disk import sync
from sk_m2v.streaming._work import remove

Matrix = npt.NDArray[Any]

# Bytes of vectors in a row group of Parquet.
_ROW_GROUP = 16 << 20


class Target(Protocol):
    """What is written part by part. Each is on the disk when `write` returns."""

    def write(self, columns: Mapping[str, Any], rows: Matrix, n_before: int) -> None:
        """Write a part.

        Parameters
        ----------
        columns : mapping of str to sequence
            Columns beside the vectors.
        rows : ndarray of shape (n_rows, dim)
            The vectors.
        n_before : int
            Rows before them. Whatever stands after these is replaced.
        """

    def finish(self, n_rows: int) -> None:
        """Make the whole of it.

        Parameters
        ----------
        n_rows : int
            Rows that are on record.
        """


class Npy:
    """One array in a file, for `numpy.load` with ``mmap_mode="r"``.

    Parameters
    ----------
    path : Path
        The file.
    part_size : int
        Rows of a part.
    name : str
        Of the column of vectors.
    """

    def __init__(self, path: Path, part_size: int, name: str) -> None:
        self._path = path

    def write(self, columns: Mapping[str, Any], rows: Matrix, n_before: int) -> None:
        """Write a part.

        Parameters
        ----------
        columns : mapping
            None at all.
        rows : ndarray of shape (n_rows, dim)
            The vectors.
        n_before : int
            Rows before them.
        """
        with open(self._path, "r+b" if n_before else "wb") as file:
            if n_before:
                begin, dim, dtype = _header(file)
                _check_same(rows, dtype, dim, n_before)
                file.truncate(begin + n_before * dim * dtype.itemsize)
                file.seek(0, os.SEEK_END)
            else:
                _write_header(file, 0, rows.shape[1], rows.dtype)
            file.write(rows.data)
            file.flush()
            os.fsync(file.fileno())

    def finish(self, n_rows: int) -> None:
        """Write how many rows there are.

        Parameters
        ----------
        n_rows : int
            How many.
        """
        with open(self._path, "r+b") as file:
            begin, dim, dtype = _header(file)
            # NumPy leaves room for any number of rows: the length is the same.
            _write_header(file, n_rows, dim, dtype)
            file.truncate(begin + n_rows * dim * dtype.itemsize)
            file.flush()
            os.fsync(file.fileno())


class Parquet:
    """A folder of Parquet files, one a part.

    A file of Parquet is whole with its footer, and cannot be gone on with; a folder of
    files can, and what reads one reads the other.

    Parameters
    ----------
    path : Path
        The folder.
    part_size : int
        Rows of a file.
    name : str
        Of the column of vectors.
    """

    def __init__(self, path: Path, part_size: int, name: str) -> None:
        self._pa = require("pyarrow", extra="parquet")
        self._parquet = require("pyarrow.parquet", extra="parquet")
        self._path, self._part_size, self._name = path, part_size, name

    def write(self, columns: Mapping[str, Any], rows: Matrix, n_before: int) -> None:
        """Write a part.

        Parameters
        ----------
        columns : mapping of str to sequence
            Columns beside the vectors.
        rows : ndarray of shape (n_rows, dim)
            The vectors.
        n_before : int
            Rows before them.

        Raises
        ------
        ValueError
            If a column has not the type that it has in the first part.
        """
        self._path.mkdir(exist_ok=True)
        schema = None
        if n_before:
            schema = self._parquet.read_schema(self._file(0))
            vectors = schema.field(self._name).type
            dtype = np.dtype(vectors.value_type.to_pandas_dtype())
            _check_same(rows, dtype, vectors.list_size, n_before)
        arrays = {
            name: self._column(name, values, schema, n_before)
            for name, values in columns.items()
        }
        flat = self._pa.array(rows.ravel())
        arrays[self._name] = self._pa.FixedSizeListArray.from_arrays(
            flat, rows.shape[1]
        )
        path = self._file(n_before)
        self._parquet.write_table(
            self._pa.table(arrays, schema=schema),
            path,
            # A row group is in memory once more while it is written.
            row_group_size=max(_ROW_GROUP // rows[:1].nbytes, 1),
            # Of vectors, nothing would become smaller for the time it takes.
            use_dictionary=list(columns),
            compression={
                self._name + ".list.element": "NONE",
                **dict.fromkeys(columns, "SNAPPY"),
            },
            write_statistics=list(columns),
        )
        sync(path)
        sync(self._path)

    def finish(self, n_rows: int) -> None:
        """Remove files that are not on record.

        Parameters
        ----------
        n_rows : int
            Rows that are.
        """
        known = {self._file(i) for i in range(0, n_rows, self._part_size)}
        for path in set(self._path.iterdir()) - known:
            remove(path)

    def _file(self, n_before: int) -> Path:
        return self._path / f"part-{n_before // self._part_size:06d}.parquet"

    def _column(self, name: str, values: Any, schema: Any, n_before: int) -> Any:
        pa = self._pa
        type = None if schema is None else schema.field(name).type
        try:
            if hasattr(values, "cast"):
                return values if type is None else values.cast(type)
            array = pa.array(values, type=type)
            # Nothing is known of a column without a value: texts may follow.
            return array.cast(pa.string()) if pa.types.is_null(array.type) else array
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            before = "" if type is None else f", {quoted(str(type))} before,"
            raise ValueError(
                f"column {quoted(name)}{shortened(before)} cannot be written from row "
                f"{quoted(n_before + 1)} on: {shortened(error, 120)}. Give it values "
                "of one type, or leave it out of columns"
            ) from error


class Zarr:
    """One array of Zarr, with a chunk a part.

    Parameters
    ----------
    path : Path
        Folder of the array.
    part_size : int
        Rows of a chunk.
    name : str
        Of the column of vectors.
    """

    def __init__(self, path: Path, part_size: int, name: str) -> None:
        self._zarr = require("zarr", extra="zarr")
        self._path, self._part_size = path, part_size

    def write(self, columns: Mapping[str, Any], rows: Matrix, n_before: int) -> None:
        """Write a part.

        Parameters
        ----------
        columns : mapping
            None at all.
        rows : ndarray of shape (n_rows, dim)
            The vectors.
        n_before : int
            Rows before them.
        """
        n_rows, dim = n_before + len(rows), rows.shape[1]
        if n_before:
            array = self._zarr.open_array(self._path, mode="r+")
            _check_same(rows, array.dtype, array.shape[1], n_before)
            array.resize((n_rows, dim))
        else:
            remove(self._path)
            array = self._zarr.create_array(
                self._path,
                shape=(n_rows, dim),
                chunks=(self._part_size, dim),
                dtype=rows.dtype,
                compressors=None,  # vectors would not become smaller
                # Zeros, too, so that there is a file to be waited for.
                config={"write_empty_chunks": True},
            )
        array[n_before:n_rows] = rows
        chunk = self._path / "c" / f"{n_before // self._part_size}" / "0"
        for path in (chunk, chunk.parent, self._path / "zarr.json", self._path):
            sync(path)

    def finish(self, n_rows: int) -> None:
        """Remove what is not on record.

        Parameters
        ----------
        n_rows : int
            Rows that are.
        """
        array = self._zarr.open_array(self._path, mode="r+")
        array.resize((n_rows, array.shape[1]))
        for path in self._path.rglob("*.partial"):  # of writes that were killed
            path.unlink()


#: Kinds by the suffix of the target.
TARGETS: dict[str, Callable[[Path, int, str], Target]] = {
    ".npy": Npy,
    ".parquet": Parquet,
    ".zarr": Zarr,
}


def target_kind(
    target: Path, names: list[str], name: str
) -> Callable[[Path, int, str], Target]:
    """Kind of a target, by its suffix.

    Parameters
    ----------
    target : Path
        Where the result goes.
    names : list of str
        Columns to keep.
    name : str
        Of the column of vectors.

    Returns
    -------
    callable
        Makes one.

    Raises
    ------
    ValueError
        If there is none, or it cannot have columns.
    ImportError
        If the library is missing that writes it.
    """
    kind = TARGETS.get(target.suffix.lower())
    if kind is None:
        raise ValueError(
            f"the suffix of {quoted(str(target), 200)} is none of {listed(TARGETS)}: "
            "choose one of them"
        )
    if names and kind is not Parquet:
        raise ValueError(
            f"{shortened(target)} has room for vectors alone: write Parquet to keep "
            f"columns, got columns {listed(names)}"
        )
    if name in names:
        raise ValueError(
            f"the table has a column {quoted(name)} already: choose another name for "
            "the vectors with name"
        )
    # Whether its library is there is known before any work.
    kind(target, 1, name)
    return kind


def _header(file: Any) -> tuple[int, int, np.dtype[Any]]:
    """Where rows begin, their dimensions, and their type."""
    file.seek(0)
    npy.read_magic(file)
    (_, dim), _, dtype = npy.read_array_header_1_0(file)
    return file.tell(), dim, dtype


def _write_header(file: Any, n_rows: int, dim: int, dtype: np.dtype[Any]) -> None:
    file.seek(0)
    header = npy.header_data_from_array_1_0(np.empty((0, dim), dtype))
    header["shape"] = (n_rows, dim)
    npy.write_array_header_1_0(file, header)


def _check_same(rows: Matrix, dtype: np.dtype[Any], dim: int, n_before: int) -> None:
    if rows.dtype != dtype or rows.shape[1] != dim:
        raise ValueError(
            f"vectors from row {quoted(n_before + 1)} on are {quoted(rows.dtype.name)} "
            f"of {quoted(rows.shape[1])} dimensions, and before {quoted(dtype.name)} "
            f"of {quoted(dim)}: "
            "use a model that gives all texts the same"
        )
