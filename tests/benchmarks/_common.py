"""What the benchmarks share: data, fresh processes, tables.

Only the standard library is imported here, as in the head of each benchmark: a process
that measures sets its cores before any library looks at them.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SHARED = Path(__file__).parents[3] / "shared"


def shared(name: str) -> Path:
    """Path of a file or folder beside the repository, or the end of the program."""
    path = SHARED / name
    if not path.exists():
        raise SystemExit(
            f"This benchmark reads {name} in a folder 'shared' beside the repository, "
            f"and {path} does not exist."
        )
    return path


def read_texts(data_set: str, split: str, limit: int | None = None) -> list[str]:
    """Texts of a data set, from the first."""
    path = shared(f"datasets/{data_set}/{split}.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in islice(file, limit)]


def in_fresh_process(
    function: Callable[..., T],
    *args: Any,
    n_cores: int | None = None,
    without: Iterable[str] = (),
) -> T:
    """Result of a function in a new interpreter.

    Nothing a library keeps (caches of tokenizers, thread pools, environment variables)
    gets from one measurement to the next. On `n_cores` processor cores, every library
    finds as many: thread pools of BLAS and of tokenizers cannot help out. The modules
    named in `without` cannot be imported.
    """
    cores = None if n_cores is None else sorted(os.sched_getaffinity(0))[:n_cores]
    if cores is not None and len(cores) < n_cores:
        raise SystemExit(f"{n_cores} cores are needed, {len(cores)} are available")
    with ProcessPoolExecutor(
        max_workers=1,
        mp_context=get_context("spawn"),
        initializer=_restrict,
        initargs=(cores, tuple(without)),
    ) as pool:
        return pool.submit(function, *args).result()


def _restrict(cores: Sequence[int] | None, without: tuple[str, ...]) -> None:
    if cores is not None:
        os.sched_setaffinity(0, cores)
    for name in without:
        sys.modules[name] = None  # type: ignore[assignment]


def say(message: str) -> None:
    """Tell how far the benchmark is, apart from its tables."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def silence() -> Iterator[None]:
    """Hide what others print, such as their progress."""
    with (
        open(os.devnull, "w") as nothing,
        redirect_stdout(nothing),
        redirect_stderr(nothing),
    ):
        yield


def print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print cells in aligned columns: the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in (header, *rows)
    ]
    rule = "-" * max(map(len, lines))
    print("", title, rule, lines[0], rule, *lines[1:], sep="\n", flush=True)


def print_markdown(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print cells as a table in Markdown, aligned as in `print_table`."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
        for row in (header, *rows)
    ]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    table = [f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:])]
    print("", f"### {title}", "", *table, sep="\n", flush=True)
