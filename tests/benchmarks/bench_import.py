"""Time to import, and from there to the first vector.

    python tests/benchmarks/bench_import.py [--runs 15]

Each run is a fresh interpreter that times one statement after the other. The table
shows medians; the programs take turns.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from _common import in_fresh_process, print_table

HEAVY = ("torch", "transformers", "huggingface_hub")

TIMER = """
import json, sys, time
seconds = []
for statement in json.loads(sys.argv[1]):
    code = compile(statement, "<benchmark>", "exec")
    start = time.perf_counter()
    exec(code)
    seconds.append(time.perf_counter() - start)
print(json.dumps([seconds, sorted(sys.modules)]))
"""

FIRST_VECTOR = "StaticEmbedding.from_pretrained().encode(['a first text'])"
PROGRAMS = {
    "sk_m2v": (
        "import sklearn.base",
        "import sk_m2v",
        "from sk_m2v import StaticEmbedding",
        FIRST_VECTOR,
    ),
    "sk_m2v, transformer": (
        "import sklearn.base",
        "import sk_m2v",
        "from sk_m2v import StaticEmbeddingTransformer",
        "StaticEmbeddingTransformer().fit_transform(['a first text'])",
    ),
    "sk_m2v alone": ("from sk_m2v import StaticEmbedding", FIRST_VECTOR),
    "model2vec alone": (
        "from model2vec import StaticModel",
        "StaticModel.from_pretrained({folder!r}).encode(['a first text'])",
    ),
}


def run(statements: Sequence[str]) -> tuple[list[float], list[str]]:
    """Seconds of each statement in a fresh interpreter, and heavy modules it loaded."""
    command = [sys.executable, "-c", TIMER, json.dumps(statements)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    seconds, modules = json.loads(done.stdout)
    return seconds, [name for name in HEAVY if name in modules]


def save_model(folder: str) -> None:
    from sk_m2v import StaticEmbedding

    StaticEmbedding.from_pretrained().save_pretrained(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args(arguments)

    with TemporaryDirectory() as temporary:
        folder = str(Path(temporary) / "model")
        in_fresh_process(save_model, folder)
        programs = {
            name: [statement.format(folder=folder) for statement in statements]
            for name, statements in PROGRAMS.items()
        }
        # The first run of each may compile modules or read them from disk: not counted.
        loaded = {name: run(program)[1] for name, program in programs.items()}
        times: dict[str, list[list[float]]] = {name: [] for name in programs}
        for _ in range(options.runs):
            for name, program in programs.items():
                times[name].append(run(program)[0])

    medians = {
        name: [median(many) for many in zip(*times[name], strict=True)]
        for name in programs
    }
    rows = [
        (f"{name}: {statement.format(folder='folder')}", f"{1000 * seconds:.1f}")
        for name, statements in PROGRAMS.items()
        for statement, seconds in zip(statements, medians[name], strict=True)
    ]
    print_table(f"Median of {options.runs} fresh interpreters", ("", "ms"), rows)

    print()
    for name, modules in loaded.items():
        print(f"{name}: {', '.join(modules) or 'none'} of {', '.join(HEAVY)} loaded")
    for name in ("sk_m2v", "sk_m2v, transformer"):
        seconds = sum(medians[name][2:])
        print(
            f"{name}: {seconds:.3f} s after import to the first vector (wanted < 0.3)"
        )
    if any(modules for name, modules in loaded.items() if name.startswith("sk_m2v")):
        raise SystemExit("encoding loaded a module it does not need")


if __name__ == "__main__":
    main()
