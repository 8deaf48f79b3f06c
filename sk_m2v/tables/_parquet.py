"""Parquet, through pyarrow, read and written: a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v._optional import require
from sk_m2v.tables._errors import TableError, chosen
from sk_m2v.tables._options import Columns, Options

# Bytes of a column that are read at a time.
_BUFFER = 1 << 20


def read_parquet(stream: BinaryIO, options: Options) -> Iterator[Columns]:
    """Rows of a Parquet file, as Python's values.

    Parameters
    ----------
    stream : binary file
        The file. One that cannot be read in any order is held in memory.
    options : Options
        How to read it.

    Yields
    ------
    dict of str to list
        Rows.

    Raises
    ------
    TableError
        If the file is damaged or has not the columns.
    """
    pa = require("pyarrow", extra="parquet")
    parquet = require("pyarrow.parquet", extra="parquet")
    in_any_order = isinstance(stream, io.BufferedReader) and stream.seekable()
    try:
        file = parquet.ParquetFile(
            stream if in_any_order else pa.BufferReader(stream.read()),
            # Not a whole column of a row group at once, which may be a whole file.
            pre_buffer=False,
            buffer_size=_BUFFER,
        )
        names = chosen(file.schema_arrow.names, options.columns)
        for batch in file.iter_batches(batch_size=options.size, columns=names):
            if batch.num_rows:
                yield {name: batch.column(name).to_pylist() for name in names}
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(
            f"it is no Parquet file, or a damaged one ({shortened(error)}). Fetch or "
            "write it again"
        ) from error


class Parquet:
    """Columns of the types that their first values have; vectors are of float32.

    Parameters
    ----------
    stream : binary file
        What to write to.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._pa = require("pyarrow", extra="parquet")
        self._stream = stream
        # What was begun is finished even after an error, when pyarrow lets go of it.
        # Then it is no more in the stream.
        self._group = io.BytesIO()
        self._writer: Any = None

    def write(self, columns: Mapping[str, Any], first: int) -> None:
        """Write rows.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Names to values.
        first : int
            Number of the first row.

        Raises
        ------
        TableError
            If a column has values of several types, or not those of the first rows.
        """
        if self._writer is None:
            arrays = {
                name: self._array(name, values, None, first)
                for name, values in columns.items()
            }
            table = self._pa.table(arrays)
            parquet = require("pyarrow.parquet", extra="parquet")
            self._writer = parquet.ParquetWriter(self._group, table.schema)
        else:
            schema = self._writer.schema
            if list(columns) != schema.names:
                raise TableError(
                    f"the columns of row {first} are {listed(columns)}, and those "
                    f"before it {listed(schema.names)}. Write batches of the same "
                    "columns"
                )
            arrays = {
                name: self._array(name, columns[name], schema.field(name).type, first)
                for name in schema.names
            }
            table = self._pa.table(arrays, schema=schema)
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._pass_on()

    def finish(self) -> None:
        """Write what stands at the end of a file."""
        self._writer.close()
        self._pass_on()

    def _pass_on(self) -> None:
        self._stream.write(self._group.getvalue())
        self._group.seek(0)
        self._group.truncate()

    def _array(self, name: str, values: Any, type: Any, first: int) -> Any:
        pa = self._pa
        try:
            if isinstance(values, np.ndarray) and values.ndim == 2:
                flat = np.ascontiguousarray(values, np.float32).ravel()
                array = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
                return array if type is None else array.cast(type)
            if isinstance(values, np.ndarray) and values.dtype == object:
                values = values.tolist()
            array = pa.array(values, type=type)
            # Nothing is known of a column without a value: texts may follow.
            return array.cast(pa.string()) if pa.types.is_null(array.type) else array
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            before = "" if type is None else f", {quoted(str(type))} before,"
            raise TableError(
                f"column {quoted(name)}{shortened(before)} cannot be written from row "
                f"{first} on: {shortened(error, 120)}. Give it values of one "
                "type, or write JSON lines"
            ) from error
