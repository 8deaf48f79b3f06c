"""Raw tables of texts and labels, made ready for training.

In come columns, out come cleaned columns without duplicates, split into parts, and a
report of every row that was dropped (`_report`). A `_part` holds the rows that are
still in; `_cleaning`, `_unfit`, `_duplicates` and `_splitting` say which ones go.
Read `_prepare` first.
"""

from sk_m2v.cli.preparing._prepare import Prepared, prepare
from sk_m2v.cli.preparing._report import Dropped, PartReport, Place, Report
from sk_m2v.tables import Columns

__all__ = [
    "Columns",
    "Dropped",
    "PartReport",
    "Place",
    "Prepared",
    "Report",
    "prepare",
]
