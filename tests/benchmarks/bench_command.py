"""The command: a file of a million short lines to `.npy`, and how fast `--help` is.

    python tests/benchmarks/bench_command.py [--texts 1_000_000] [--rounds 3] [--peer]

Each run has a process of its own. `sk-m2v encode` is timed from its start to its end:
reading, encoding and writing are in it. It stands beside `StaticEmbedding.encode` of
the same texts in memory, into a new array, and is wanted to have 60 % of its texts a
second. The peer has no command: it reads the lines, encodes and saves in a script.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from _common import in_fresh_process, print_table, say
from bench_memory import generate_texts, save_for_peer

LENGTH = 45  # characters of a text
COMMANDS = ("", "train", "encode", "predict", "distill", "benchmark")


def read_lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split("\n")[:-1]


def encode_in_memory(file: Path, n_jobs: int) -> float:
    from sk_m2v import StaticEmbedding

    texts, model = read_lines(file), StaticEmbedding.from_pretrained()
    model.encode(["loads the tokenizer"])
    start = perf_counter()
    vectors = model.encode(texts, n_jobs=n_jobs)
    seconds = perf_counter() - start
    assert len(vectors) == len(texts)
    return seconds


def peer_to_file(file: Path, model: Path, target: Path) -> float:
    start = perf_counter()
    import numpy as np
    from model2vec import StaticModel

    np.save(target, StaticModel.from_pretrained(model).encode(read_lines(file)))
    return perf_counter() - start


def run_command(*arguments: str) -> float:
    command = [
        sys.executable,
        "-c",
        "import sys; from sk_m2v.cli import main; sys.exit(main())",
    ]
    start = perf_counter()
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    return perf_counter() - start


def command_to_file(file: Path, n_jobs: int, target: Path) -> float:
    seconds = run_command(
        "encode", str(file), "--out", str(target), "--n-jobs", str(n_jobs)
    )
    target.unlink()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="also time model2vec")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        compare(Path(folder), options.texts, options.rounds, options.peer)
    rows = []
    for command in COMMANDS:
        given = [it for it in (command, "--help") if it]
        seconds = [run_command(*given) for _ in range(10)]
        rows.append([" ".join(["sk-m2v", *given]), f"{median(seconds):.3f}"])
    print_table("Start-up", ["", "median s"], rows)


def compare(folder: Path, n_texts: int, rounds: int, peer: bool) -> None:
    file, target = folder / "lines.txt", folder / "vectors.npy"
    with file.open("w", encoding="utf-8") as lines:
        for text in generate_texts(n_texts, LENGTH):
            lines.write(f"{text}\n")
    runs: dict[str, Callable[[], float]] = {}
    for n_jobs in (1, 2):
        threads = f"{n_jobs} thread{'s' * (n_jobs > 1)}"
        runs[f"StaticEmbedding.encode, {threads}"] = lambda n=n_jobs: in_fresh_process(
            encode_in_memory, file, n
        )
        runs[f"sk-m2v encode, {threads}"] = lambda n=n_jobs: command_to_file(
            file, n, target
        )
    if peer:
        save_for_peer(folder)
        runs["model2vec, a script"] = lambda: in_fresh_process(
            peer_to_file, file, folder / "model", target
        )
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(run())
            say(f"{name}: {seconds[name][-1]:.2f} s")
    speeds = {name: n_texts / median(it) for name, it in seconds.items()}
    rows = []
    for name, speed in speeds.items():
        threads = name.rpartition(", ")[2]
        beside = speeds.get(f"StaticEmbedding.encode, {threads}")
        share = f"{speed / beside:.0%}" if beside else ""
        rows.append([name, f"{n_texts / speed:.2f}", f"{speed:,.0f}", share])
    title = f"{n_texts:,} lines of {LENGTH} characters"
    print_table(title, ["", "median s", "texts/s", "of encode"], rows)


if __name__ == "__main__":
    main()
