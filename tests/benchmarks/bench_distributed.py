"""Texts encoded and classified by two workers of Dask, beside one process.

    python tests/benchmarks/bench_distributed.py [--texts 400_000]

The texts are those of AG News, numbered, in Parquet files of 20,000; vectors and
classes are written to Parquet again, by Dask and by a loop over the same files. All
have loaded the model before, and have one thread a process, pyarrow's included. Printed
are texts a second, how many times faster, whether what was written is equal, and the
memory of each worker.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from _common import print_table, read_texts, say

PART = 20_000
# Dask has the C library give memory back at once, and fetch it again.
KEEP = {"MALLOC_TRIM_THRESHOLD_": 1 << 28, "MALLOC_MMAP_THRESHOLD_": 1 << 25}


def write_texts(folder: Path, n_texts: int) -> None:
    import pandas as pd

    texts = read_texts("ag_news", "train")
    folder.mkdir()
    for start in range(0, n_texts, PART):
        rows = [f"{i}: {texts[i % len(texts)]}" for i in range(start, start + PART)]
        table = pd.DataFrame({"text": rows}, index=range(start, start + PART))
        table.to_parquet(folder / f"{start:09d}.parquet")


class Job(NamedTuple):
    alone: Callable[[Any], Any]
    shared_out: Callable[[Any], Any]
    is_array: bool = False  # written as NumPy's arrays, not as tables


def by_one(source: Path, target: Path, job: Job) -> float:
    """Seconds of a loop over files."""
    import numpy as np
    import pandas as pd

    start = perf_counter()
    target.mkdir()
    for number, file in enumerate(sorted(source.glob("*.parquet"))):
        texts = pd.read_parquet(file)["text"]
        result = job.alone(texts)
        if job.is_array:
            np.save(target / f"{number}.npy", result)
            continue
        table = pd.DataFrame(result, texts.index)
        table.columns = [str(it) for it in table.columns]
        table.to_parquet(target / file.name)
    return perf_counter() - start


def by_workers(source: Path, target: Path, job: Job) -> float:
    """Seconds of the same by Dask."""
    import dask.array as da
    import dask.dataframe as dd

    start = perf_counter()
    texts = dd.read_parquet(source, columns=["text"])["text"]
    if job.is_array:
        lengths = [PART] * texts.npartitions
        result = job.shared_out(texts.to_dask_array(lengths=lengths))
        da.to_npy_stack(target, result)
        return perf_counter() - start
    result = job.shared_out(texts)
    result = result.to_frame() if result.ndim == 1 else result
    result.rename(columns=str).to_parquet(target)
    return perf_counter() - start


def equal(one: Path, other: Path) -> bool:
    return all(
        (left == right).all()
        for left, right in zip(*map(read, (one, other)), strict=True)
    )


def read(folder: Path) -> list[Any]:
    """What was written, part by part."""
    import numpy as np
    import pandas as pd

    arrays = sorted(folder.glob("*.npy"), key=lambda it: int(it.stem))
    if arrays:
        return [np.load(it) for it in arrays]
    files = sorted(folder.glob("*.parquet"))
    table = pd.concat([pd.read_parquet(it) for it in files]).sort_index()
    return [table.index.to_numpy(), table.to_numpy()]


def one_thread() -> None:
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


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

    import dask
    from _quality import read_rows
    from distributed import Client, LocalCluster

    from sk_m2v import FeatureExtractionClassifier, StaticEmbedding
    from sk_m2v.distributed import encode, predict

    train = read_rows("ag_news", "train")[:1_000]
    labelled = [row["text"] for row in train], [row["label"] for row in train]
    rows, memory = [], []
    # As the guide says.
    dask.config.set(
        {f"distributed.nanny.pre-spawn-environ.{name}": it for name, it in KEEP.items()}
    )
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_texts(folder / "texts", n_texts)
        write_texts(folder / "few", 4 * PART)
        embedding = StaticEmbedding.from_pretrained()
        classifier = FeatureExtractionClassifier().fit(*labelled)
        classifier.save_pretrained(folder / "model")
        jobs = {
            "encode, to .npy": Job(embedding.encode, encode, is_array=True),
            "encode, to Parquet": Job(embedding.encode, encode),
            "predict, to Parquet": Job(
                classifier.predict, lambda texts: predict(texts, folder / "model")
            ),
        }
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            one_thread()
            client.run(one_thread)
            for i, (name, job) in enumerate(jobs.items()):
                by_one(folder / "few", folder / f"{i}-few-one", job)
                by_workers(folder / "few", folder / f"{i}-few-two", job)
                say(f"{name}: one process")
                one = by_one(folder / "texts", folder / f"{i}-one", job)
                say(f"{name}: two workers")
                two = by_workers(folder / "texts", folder / f"{i}-two", job)
                same = equal(folder / f"{i}-one", folder / f"{i}-two")
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
