"""The report of a benchmark."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from sk_m2v._messages import LIMIT
from sk_m2v.benchmark import BenchmarkReport, run_benchmark

NAN = float("nan")
SUMMARY = "Classes: means over data sets, ± standard error over seeds"
EVIL = "a|b <script>alert('&')</script>\n_c_ *d*"


def row(estimator: str, data_set: str, seed: int, **scores: Any) -> dict[str, Any]:
    return {
        "estimator": estimator,
        "data_set": data_set,
        "seed": seed,
        "n_train": 10,
        "n_test": 100,
        "n_classes": 2,
        **dict.fromkeys(["accuracy", "balanced_accuracy", "macro_f1"], NAN),
        **dict.fromkeys(["micro_f1", "log_loss", "r2", "mae"], NAN),
        "fit_seconds": 1.5,
        "predict_seconds": 0.25,
        "texts_per_second": 400.0,
        "model_bytes": 2e6,
        "error": "",
        **scores,
    }


def results() -> pd.DataFrame:
    rows = []
    for seed, change in enumerate([-0.01, 0.0, 0.01]):
        for data_set, level in (("x", 0.0), ("y", 0.1)):
            scores = {"accuracy": 0.7 + level + change, "log_loss": 0.9 - level}
            rows.append(row("poor", data_set, seed, **scores))
            scores = {"accuracy": 0.8 + level, "log_loss": 1.0}
            rows.append(row("good", data_set, seed, **scores))
        rows.append(row("half", "x", seed, accuracy=0.99, log_loss=0.1))
        rows.append(row("half", "y", seed, error="ValueError: no luck"))
    return pd.DataFrame(rows)


def table(text: str, title: str) -> list[list[str]]:
    """Cells of a table of Markdown, without the line below its head."""
    (block,) = re.findall(rf"^## {re.escape(title)}\n\n((?:\|.*\n)+)", text, re.M)
    lines = [it[2:-2] for it in block.splitlines()]
    del lines[1]
    return [[cell.strip() for cell in re.split(r" \| ", line)] for line in lines]


def test_summary() -> None:
    """The best first, with standard errors over seeds; those with failures last."""
    text = BenchmarkReport(results()).to_markdown()
    error = np.std([-0.01, 0, 0.01], ddof=1) / np.sqrt(3)
    assert table(text, SUMMARY) == [
        ["estimator", "accuracy", "log loss"],
        ["good", "**0.8500 ± 0.0000**", "1.0000 ± 0.0000"],
        ["poor", f"0.7500 ± {error:.4f}", "**0.8500 ± 0.0000**"],
        ["half", "0.9900 ± 0.0000", "0.1000 ± 0.0000"],
    ]


def test_by_data_set() -> None:
    text = BenchmarkReport(results()).to_markdown()
    assert table(text, "Classes: accuracy by data set") == [
        ["data set", "good", "poor", "half"],
        ["x", "0.8000", "0.7000", "**0.9900**"],
        ["y", "**0.9000**", "0.8000", ""],
    ]
    assert table(text, "Classes: log loss by data set") == [
        ["data set", "good", "poor", "half"],
        ["x", "1.0000", "0.9000", "**0.1000**"],
        ["y", "1.0000", "**0.8000**", ""],
    ]


def test_costs_and_failures() -> None:
    frame = results()
    frame.loc[frame["error"] != "", ["fit_seconds", "predict_seconds"]] = NAN
    frame.loc[0, "predict_seconds"] = 1.25
    text = BenchmarkReport(frame).to_markdown()
    assert table(text, "Speed and size")[1:] == [
        ["poor", "1.500", "0.250", "240", "2.00", "6", "0"],
        ["good", "1.500", "0.250", "400", "2.00", "6", "0"],
        ["half", "1.500", "0.250", "400", "2.00", "6", "3"],
    ]
    assert table(text, "Runs that failed")[1:] == [
        ["half", "y", str(seed), "ValueError: no luck"] for seed in range(3)
    ]
    assert "failed" not in BenchmarkReport(
        frame[frame["error"] == ""]
    ).to_markdown().replace("| failed |", "")


def test_equal_values_are_all_best_and_one_alone_is_not() -> None:
    frame = results().query("estimator != 'half'")
    frame["accuracy"] = 0.5
    text = BenchmarkReport(frame).to_markdown()
    assert text.count("**0.5000**") == 2 * 2
    assert text.count("**0.5000 ± 0.0000**") == 2
    text = BenchmarkReport(frame.query("estimator == 'good'")).to_markdown()
    assert "**" not in text


def test_one_seed() -> None:
    text = BenchmarkReport(results().query("seed == 0")).to_markdown()
    assert table(text, SUMMARY)[1] == ["good", "**0.8500**", "1.0000"]


def test_all_failed() -> None:
    frame = results().query("error != ''")
    text = BenchmarkReport(frame).to_markdown()
    assert "Classes" not in text
    assert len(table(text, "Runs that failed")) == 4
    assert BenchmarkReport(frame).to_html()


def test_kinds_have_tables_of_their_own() -> None:
    texts = [f"{it} {i}" for i in range(8) for it in ("good", "bad")]
    classes = run_benchmark(
        {"it": DummyClassifier()},
        {
            "set": (texts, [1, 0] * 8),
            "matrix": (texts, np.eye(2, dtype=int)[[0, 1] * 8]),
        },
        scoring="jaccard_macro",
    )
    numbers = run_benchmark(
        {"mean": DummyRegressor()}, {"numbers": (texts, np.arange(16) / 3)}
    )
    text = BenchmarkReport(pd.concat([classes, numbers])).to_markdown()
    assert re.findall(r"^## (.*)", text, re.M) == [
        SUMMARY,
        "Classes: accuracy by data set",
        "Classes: log loss by data set",
        SUMMARY.replace("Classes", "Lists of labels"),
        "Lists of labels: micro f1 by data set",
        SUMMARY.replace("Classes", "Numbers"),
        "Numbers: r2 by data set",
        "Speed and size",
    ]
    assert table(text, SUMMARY)[0][-1] == "jaccard macro"
    assert "jaccard" not in "".join(
        table(text, SUMMARY.replace("Classes", "Numbers"))[0]
    )


class Reader(HTMLParser):
    """Tags, and texts of cells; fails where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def evil() -> pd.DataFrame:
    frame = results().replace({"good": EVIL, "y": EVIL})
    frame.loc[frame["error"] != "", "error"] = EVIL
    return frame


def test_html() -> None:
    report = BenchmarkReport(evil())
    page = read(report.to_html())
    assert EVIL in page.cells
    assert page.cells.count(EVIL) == 1 + 2 + 2 + 1 + 3 * 2
    assert "0.8500 ± 0.0000" in page.cells
    assert "script" not in page.tags
    assert {"html", "style", "table", "b"} <= page.tags
    assert not re.search(r"""(src|href)=["'](?!data:)""", report.to_html())
    part = read(report._repr_html_())
    assert part.cells == page.cells
    assert "html" not in part.tags


def test_markdown_of_odd_names() -> None:
    text = BenchmarkReport(evil()).to_markdown()
    name = r"a\|b \<script\>alert('&')\</script\> \_c\_ \*d\*"
    assert table(text, SUMMARY)[1][0] == name
    n_cells = {
        len(re.findall(r"(?<!\\)\|", line))
        for line in text.splitlines()
        if line.startswith("|")
    }
    assert n_cells == {3 + 1, 4 + 1, 7 + 1}


@pytest.mark.skipif(
    find_spec("sk_m2v.plotting") is None or find_spec("matplotlib") is None,
    reason="needs sk_m2v.plotting and matplotlib",
)
def test_plot() -> None:
    """Of those that have all runs; in the page, and without pyplot."""
    import base64

    (image,) = re.findall(
        r'src="data:image/svg\+xml;base64,([^"]+)"',
        BenchmarkReport(results()).to_html(),
    )
    picture = base64.b64decode(image).decode()
    assert "<svg" in picture
    assert "<!-- good -->" in picture
    assert "<!-- half -->" not in picture
    failed = results().query("error != ''")
    assert "<img" not in BenchmarkReport(failed).to_html()


@pytest.mark.parametrize("frame", [results(), results().query("error == ''")])
def test_save(tmp_path: Path, frame: pd.DataFrame) -> None:
    folder = tmp_path / "new" / "report"
    report = BenchmarkReport(frame)
    for _ in range(2):
        report.save(folder)
    assert {it.name for it in folder.iterdir()} == {
        "report.md",
        "report.html",
        "results.csv",
    }
    assert (folder / "report.md").read_text("utf-8") == report.to_markdown()
    read((folder / "report.html").read_text("utf-8"))
    # What was read from a file can be reported as well.
    stored = pd.read_csv(folder / "results.csv")
    assert BenchmarkReport(stored).to_markdown() == report.to_markdown()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "results must be a pandas.DataFrame"),
        (results().to_dict(), "results must be a pandas.DataFrame"),
        (results()[:0], "has no rows"),
        (results().drop(columns=["seed", "error"]), "the columns 'seed', 'error'"),
        (pd.DataFrame({"long " * 999: [1]}), "lacks the columns"),
    ],
)
def test_bad_input(value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as raised:
        BenchmarkReport(value)
    assert len(str(raised.value)) <= LIMIT
