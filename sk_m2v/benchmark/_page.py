"""Tables as Markdown and as HTML, with a plot where matplotlib is installed."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import Any

from sk_m2v.benchmark._tables import Cell, Table, incomplete

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2a37; margin: 2em auto;
  max-width: 70em; padding: 0 1em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .25em .8em; border-bottom: 1px solid #d9dee5; text-align: left; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; }
"""
# What would end a cell of Markdown or begin something else; "_" inside a word does not.
_SPECIAL = re.compile(r"[\\|`*<>\[\]]|(?<![^\W_])_|_(?![^\W_])")


def markdown(table: Table) -> str:
    """Table in Markdown, aligned so that it can be read as it is.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    str
        Its title and rows.
    """
    cells = [[_in_markdown(Cell(it)) for it in table.header]]
    cells += [[_in_markdown(it) for it in row] for row in table.rows]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    is_text = [i < table.n_texts for i in range(len(widths))]
    rule = [
        "-" * width if text else "-" * (width - 1) + ":"
        for width, text in zip(widths, is_text, strict=True)
    ]
    lines = [
        [
            it.ljust(width) if text else it.rjust(width)
            for it, width, text in zip(row, widths, is_text, strict=True)
        ]
        for row in cells
    ]
    lines.insert(1, rule)
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {table.title}\n\n{rows}"


def _in_markdown(cell: Cell) -> str:
    text = _SPECIAL.sub(r"\\\g<0>", " ".join(cell.text.split()))
    return f"**{text}**" if cell.is_best and text else text


def html_page(tables: Sequence[Table], results: Any) -> str:
    """Page that needs nothing from elsewhere.

    Parameters
    ----------
    tables : sequence of Table
        The tables.
    results : pandas.DataFrame
        Of which they are, for the plot.

    Returns
    -------
    str
        The page.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Benchmark</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Benchmark</h1>\n{html_part(tables, results)}\n</body>\n</html>\n"
    )


def html_part(tables: Sequence[Table], results: Any) -> str:
    """Plot and tables, without a page around them.

    Parameters
    ----------
    tables : sequence of Table
        The tables.
    results : pandas.DataFrame
        Of which they are, for the plot.

    Returns
    -------
    str
        Elements of HTML.
    """
    return "\n".join([*_plot(results), *map(_html_table, tables)])


def _html_table(table: Table) -> str:
    def row(cells: Sequence[Cell], tag: str) -> str:
        kinds = [
            "" if i < table.n_texts else " class='number'" for i in range(len(cells))
        ]
        return "".join(
            f"<{tag}{kind}>{_in_html(it)}</{tag}>"
            for it, kind in zip(cells, kinds, strict=True)
        )

    head = row([Cell(it) for it in table.header], "th")
    body = "\n".join(f"<tr>{row(it, 'td')}</tr>" for it in table.rows)
    return (
        f"<h2>{escape(table.title)}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def _in_html(cell: Cell) -> str:
    text = escape(cell.text)
    return f"<b>{text}</b>" if cell.is_best else text


def _plot(results: Any) -> list[str]:
    """Accuracy against speed, as an image inside the page; none without matplotlib."""
    shown = results[results["accuracy"].notna()]
    shown = shown[~shown["estimator"].isin(incomplete(results, "accuracy"))]
    if not len(shown):
        return []
    try:
        from matplotlib.figure import Figure

        from sk_m2v.plotting import BenchmarkDisplay
    except ImportError:
        return []
    # Not of pyplot, so that no notebook shows it a second time.
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    BenchmarkDisplay.from_results(shown, ax=figure.subplots())
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    data = base64.b64encode(file.getvalue()).decode()
    text = "Accuracy of each estimator against the texts that it predicts in a second"
    return [f'<p><img alt="{text}" src="data:image/svg+xml;base64,{data}"></p>']
