"""`BenchmarkReport`: the results of a benchmark as pages to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sk_m2v._messages import listed, quoted
from sk_m2v._optional import require
from sk_m2v._parameters import public
from sk_m2v.benchmark._measure import COLUMNS
from sk_m2v.benchmark._page import html_page, html_part, markdown
from sk_m2v.benchmark._tables import tables
from sk_m2v.embedding.storage._replace import write_files


@public("sk_m2v.benchmark")
class BenchmarkReport:
    """Results of a benchmark as tables to read, best first; notebooks show them.

    For each kind of data, classes, lists of labels or numbers, there is a summary, the
    mean over data sets and seeds, and a table by data set; then speeds and sizes, and
    the runs that failed.

    Parameters
    ----------
    results : pandas.DataFrame
        From `run_benchmark`; several of them can be concatenated.

    Raises
    ------
    TypeError
        If `results` is no frame.
    ValueError
        If it has no rows, or lacks a column.

    Notes
    -----
    A standard error says what the seeds make of a mean over data sets: it is the
    standard deviation of that mean between seeds, divided by the root of their number.
    It does not say how much other data sets would differ. The best value of a column or
    data set is bold. An estimator without a run that others have, as where it failed,
    comes last and is never the best: its means are those of other data.

    Seconds and bytes are medians of all runs, texts per second those of all test texts
    together.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.benchmark import BenchmarkReport, run_benchmark
    >>> texts = ["a great film", "a lovely one", "a dull film", "a boring one"] * 5
    >>> results = run_benchmark(
    ...     {"most frequent": DummyClassifier(), "FE": FeatureExtractionClassifier()},
    ...     {"films": (texts, ["+", "+", "-", "-"] * 5)},
    ... )
    >>> for line in BenchmarkReport(results).to_markdown().splitlines()[4:8]:
    ...     print(line[:39])
    | estimator     |            accuracy |
    | ------------- | ------------------: |
    | FE            | **1.0000 ± 0.0000** |
    | most frequent |     0.4000 ± 0.0000 |
    """

    def __init__(self, results: Any) -> None:
        pandas = require("pandas", extra="benchmark")
        if not isinstance(results, pandas.DataFrame):
            raise TypeError(
                "results must be a pandas.DataFrame, as run_benchmark returns it, got "
                f"{quoted(results)} of type {type(results).__qualname__!r}."
            )
        missing = [name for name in COLUMNS if name not in results.columns]
        if missing:
            raise ValueError(
                f"results lacks the columns {listed(missing)}: pass what run_benchmark "
                "returned, with all of its columns."
            )
        if not len(results):
            raise ValueError("results has no rows: there is nothing to report.")
        self.results = results

    def to_markdown(self) -> str:
        """Tables in Markdown.

        Returns
        -------
        str
            The text.
        """
        parts = [markdown(it) for it in tables(self.results)]
        return "\n\n".join(["# Benchmark", *parts]) + "\n"

    def to_html(self) -> str:
        """A page that needs nothing from elsewhere.

        Returns
        -------
        str
            The page. Where matplotlib is installed, it has a plot of accuracy against
            speed.
        """
        return html_page(tables(self.results), self.results)

    def save(self, folder: str | Path) -> None:
        """Write ``report.md``, ``report.html`` and ``results.csv``.

        Parameters
        ----------
        folder : str or Path
            Where to; made if it does not exist. Existing files are replaced once all
            new ones are written.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        contents = {
            "report.md": self.to_markdown(),
            "report.html": self.to_html(),
            "results.csv": self.results.to_csv(index=False),
        }
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_files(
            {
                folder / name: it.encode("utf-8", "replace")
                for name, it in contents.items()
            }
        )

    def _repr_html_(self) -> str:
        return html_part(tables(self.results), self.results)
