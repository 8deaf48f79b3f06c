"""Texts encoded and classified by two workers of Dask, beside one process.

    python tests/benchmarks/bench_distributed.py [--texts 400_000]

The texts are those of AG News, numbered, in Parquet files of 20,000; vectors and
classes are written to Parquet again, by Dask and by a loop over the same files. Each
has the same texts and one thread a process. Printed are texts a second, how many times
faster, whether what was written is equal, and the memory of each worker.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from _common import print_table, read_texts, say

PART = 20_000


def write_texts(folder: Path, n_texts: int) -> None:
    import pandas as pd

    texts = read_texts("ag_news", "train")
    folder.mkdir()
    for start in range(0, n_texts, PART):
        rows = [f"{i}: {texts[i % len(texts)]}" for i in range(start, start + PART)]
        table = pd.DataFrame({"text": rows}, index=range(start, start + PART))
        table.to_parquet(folder / f"{start:09d}.parquet")


def plain(source: Path, target: Path, function: Callable[[Any], Any]) -> float:
    """Seconds of a loop over files."""
    import pandas as pd

    start = perf_counter()
    target.mkdir()
    for file in sorted(source.glob("*.parquet")):
        texts = pd.read_parquet(file)["text"]
        result = pd.DataFrame(function(texts), texts.index)
        result.columns = [str(it) for it in result.columns]
        result.to_parquet(target / file.name)
    return perf_counter() - start


def by_workers(source: Path, target: Path, function: Callable[[Any], Any]) -> float:
    """Seconds of the same by Dask."""
    import dask.dataframe as dd

    start = perf_counter()
    texts = dd.read_parquet(source, columns=["text"])["text"]
    result = function(texts)
    result = result.to_frame() if result.ndim == 1 else result
    result.rename(columns=str).to_parquet(target)
    return perf_counter() - start


def equal(one: Path, other: Path) -> bool:
    import numpy as np
    import pandas as pd

    tables = [
        pd.concat([pd.read_parquet(it) for it in sorted(folder.glob("*.parquet"))])
        for folder in (one, other)
    ]
    left, right = (it.sort_index() for it in tables)
    same = left.index.equals(right.index)
    return same and bool(np.array_equal(left.to_numpy(), right.to_numpy()))


def worker_memory() -> tuple[float, float]:
    """Megabytes of this process: now, and those that are its own."""
    import psutil

    about = psutil.Process().memory_full_info()
    return about.rss / 1e6, about.uss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=400_000)
    arguments = parser.parse_args()
    n_texts = arguments.texts // PART * PART

    from _quality import read_rows
    from distributed import Client, LocalCluster

    from sk_m2v import FeatureExtractionClassifier, StaticEmbedding
    from sk_m2v.distributed import encode, predict

    train = read_rows("ag_news", "train")[:1_000]
    rows, memory = [], []
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_texts(folder / "texts", n_texts)
        embedding = StaticEmbedding.from_pretrained()
        classifier = FeatureExtractionClassifier().fit(*zip(*train, strict=True))
        classifier.save_pretrained(folder / "model")
        jobs: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
            "encode": (embedding.encode, encode),
            "predict": (
                classifier.predict,
                lambda texts: predict(texts, folder / "model"),
            ),
        }
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            for name, (alone, shared_out) in jobs.items():
                say(f"{name}: one process")
                one = plain(folder / "texts", folder / f"{name}-one", alone)
                say(f"{name}: two workers")
                two = by_workers(folder / "texts", folder / f"{name}-two", shared_out)
                same = equal(folder / f"{name}-one", folder / f"{name}-two")
                rows.append(
                    (
                        name,
                        f"{n_texts / one:,.0f}",
                        f"{n_texts / two:,.0f}",
                        f"{one / two:.2f}",
                        "yes" if same else "NO",
                    )
                )
            memory = list(client.run(worker_memory).values())
    header = ("", "one process, texts/s", "two workers", "ratio", "equal")
    print_table(f"{n_texts:,} texts", header, rows)
    print_table(
        "Memory",
        ("worker", "resident MB", "of its own"),
        [(str(i), f"{rss:.0f}", f"{uss:.0f}") for i, (rss, uss) in enumerate(memory)],
    )


if __name__ == "__main__":
    main()
