"""Tables that tests of the command write and read, and the command in a process."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of each class what reviews say, and how often.
WORDS = {
    "good": ["excellent", "lovely", "perfect", "reliable", "bright", "happy"],
    "bad": ["broken", "awful", "noisy", "useless", "slow", "refund"],
    "fair": ["average", "ordinary", "acceptable", "middling", "plain", "usual"],
}
THINGS = ["lamp", "phone", "kettle", "chair", "radio", "clock", "camera", "printer"]
COMMAND = (
    sys.executable,
    "-c",
    "import sys; from sk_m2v.cli import main; sys.exit(main())",
)
# What a model learns from them, and with a part to evaluate with.
LEARNT = ["--text", "review", "--label", "stars"]
HELD_OUT = [*LEARNT, "--test-size", "0.25"]
COLUMNS = ("number", "title", "review", "stars")

# A configuration with a key of every form.
TOML = """\
random_state = 3

[data]
train = "reviews.csv"  # raw
test = ["a.csv", "b.csv"]
text = ["title", "body"]
label = "stars"

[prepare]
duplicates = "near"
validation_size = 0.1

[train]
estimator = "FT"
lr = 1e-3
ngram_range = [1, 2]
patience = "none"
callbacks = [{ name = "EarlyStopping", patience = 3 }]
class_weight = { x = 2, y = 0.5 }

[search.parameters]
lr = [1e-2, 1e-3]

[output]
folder = "runs/ft"
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def reviews(n: int = 60, seed: int = 0) -> list[dict[str, Any]]:
    """Rows without duplicates. No column has a default name."""
    draw = random.Random(seed)
    rows = []
    for number in range(1, n + 1):
        stars = [*WORDS][number % len(WORDS)]
        thing, other = draw.sample(THINGS, 2)
        first, second = draw.sample(WORDS[stars], 2)
        title = f"{first} {thing}, {number}"
        review = f"The {thing} was {second}, the {other} {first}: number {number}."
        rows.append(dict(zip(COLUMNS, (number, title, review, stars), strict=True)))
    return rows


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    """Write a table with the module of Python, and no other."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)
    return path


def read_csv(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def process(*arguments: object, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    given = [str(it) for it in arguments]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how
    return subprocess.run([*COMMAND, *given], check=False, **how)


def contents(folder: Path) -> dict[str, Any]:
    """Files of the model, and predictions."""
    return {
        name: it
        for name, it in all_of(folder).items()
        if name == "predictions.csv" or name.startswith("model/")
    }


def all_of(folder: Path) -> dict[str, Any]:
    """All files, without the time that something took and where they are."""
    found: dict[str, Any] = {}
    for it in folder.rglob("*"):
        if it.is_file():
            name = str(it.relative_to(folder))
            found[name] = it.read_bytes()
            if it.name == "README.md":
                found[name] = it.read_text().replace(str(folder), "FOLDER")
            elif it.suffix == ".json":
                found[name] = json.loads(it.read_text(), object_hook=without_times)
            elif it.name == "report.txt":
                found[name] = re.sub(r"\n\w+_(seconds|second) .*", "", it.read_text())
    return found


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    times = ("dur", "predict_seconds", "texts_per_second")
    return {name: it for name, it in values.items() if name not in times}
