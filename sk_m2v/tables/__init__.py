"""Tables of texts in files: CSV, TSV, JSON lines, Parquet, lines of text, NumPy arrays.

A file becomes columns, whole (`read`) or piece by piece (`batches`); `Writer` takes
columns and puts a file in place when all of it is written. `_formats` knows suffixes,
`_encoding` turns bytes into text. Read `_read` first, then `_write`.
"""

from sk_m2v.tables._errors import TableError, checked_texts
from sk_m2v.tables._formats import format_of
from sk_m2v.tables._options import Columns
from sk_m2v.tables._read import FORMATS, batches, read
from sk_m2v.tables._write import Writer, check_target

__all__ = [
    "FORMATS",
    "Columns",
    "TableError",
    "Writer",
    "batches",
    "check_target",
    "checked_texts",
    "format_of",
    "read",
]
