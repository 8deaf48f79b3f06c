"""Parquet, through pyarrow: reading row group by row group."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from sk_m2v._messages import listed, shortened
from sk_m2v._optional import require
from sk_m2v.cli.tables._errors import TableError, chosen
from sk_m2v.cli.tables._options import Columns, Options


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
        # `with` closes what pyarrow made; the stream is closed by whom it belongs to.
        file = parquet.ParquetFile(
            stream if in_any_order else pa.BufferReader(stream.read())
        )
        names = file.schema_arrow.names
        if repeated := [name for name, n in Counter(names).items() if n > 1]:
            raise TableError(
                f"has columns of the same name, {listed(repeated)}. Give each its own"
            )
        names = chosen(names, options.columns)
        for batch in file.iter_batches(batch_size=options.size, columns=names):
            if batch.num_rows:
                yield {name: batch.column(name).to_pylist() for name in names}
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(
            f"is no Parquet file, or a damaged one ({shortened(error)}). Fetch or "
            "write it again"
        ) from error
