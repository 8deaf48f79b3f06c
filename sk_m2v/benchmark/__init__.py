"""Many estimators on many data sets, with many seeds: one table, one report.

In come estimators of texts, and texts with labels (`_data`); out comes a frame with a
row for each run (`_measure`, `_scores`). Finished runs are kept in a folder
(`_finished`), so that a benchmark that was stopped goes on. `_report` writes the frame
as tables (`_tables`) on pages (`_page`). Read `_run` first.
"""

from sk_m2v.benchmark._report import BenchmarkReport
from sk_m2v.benchmark._run import run_benchmark

__all__ = ["BenchmarkReport", "run_benchmark"]
