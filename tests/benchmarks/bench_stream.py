"""A million documents from Parquet to Parquet, killed twice on the way.

    python tests/benchmarks/bench_stream.py [--texts 1_000_000] [--peer-texts 100_000]

Texts of news, tweets and film reviews are repeated and numbered. One run goes straight
through; another is ended by SIGKILL twice and called again. Each has a process of its
own, whose resident memory is read every 10 ms from outside. Wanted: the same bytes, and
less than 700 MB. Beside it stands a plain loop with model2vec over the same batches.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from _common import in_fresh_process, print_table, read_texts, say
from bench_memory import save_for_peer

DATA_SETS = ("ag_news", "hate_speech_offensive", "imdb")
BATCH = 32_768
KILLED_AT = (0.3, 0.7)


class Usage(NamedTuple):
    seconds: float
    peak: float  # resident megabytes
    n_texts: int
    is_killed: bool


def make_documents(path: Path, n_texts: int) -> float:
    """Write the documents; return their mean length."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = cycle(
        chain.from_iterable(
            zip(*(read_texts(it, "train", 4000) for it in DATA_SETS), strict=True)
        )
    )
    schema = pa.schema({"id": pa.int64(), "text": pa.string()})
    n_characters = 0
    # As pyarrow writes a table: a million rows in one group.
    with pq.ParquetWriter(path, schema) as writer:
        ids = range(n_texts)
        rows = [f"{i}: {text}" for i, text in enumerate(islice(texts, n_texts))]
        n_characters = sum(map(len, rows))
        writer.write_table(pa.table({"id": ids, "text": rows}, schema=schema))
    return n_characters / n_texts


def encode(source: Path, target: Path) -> None:
    from sk_m2v import streaming

    streaming.encode(source, target, columns=["id"])


def encode_with_peer(source: Path, model: Path, target: Path, n_texts: int) -> None:
    """What one would write by hand."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from model2vec import StaticModel

    peer, writer, n_done = StaticModel.from_pretrained(model), None, 0
    for batch in pq.ParquetFile(source).iter_batches(batch_size=BATCH):
        vectors = peer.encode(batch.column("text").to_pylist())
        rows = pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1])
        table = pa.table({"id": batch.column("id"), "embedding": rows})
        if writer is None:
            writer = pq.ParquetWriter(target, table.schema)
        writer.write_table(table)
        n_done += len(vectors)
        if n_done >= n_texts:
            break
    assert writer is not None
    writer.close()


def watch(
    function: Callable[..., Any], *args: Any, until: Callable[[], bool] | None = None
) -> Usage:
    """Run in a process of its own, which is killed when `until` says so."""
    import psutil

    process = multiprocessing.get_context("spawn").Process(target=function, args=args)
    start = perf_counter()
    process.start()
    assert process.pid is not None
    peak, memory = 0, psutil.Process(process.pid)
    is_killed = False
    while process.is_alive():
        try:
            peak = max(peak, memory.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        if until is not None and not is_killed and until():
            memory.send_signal(signal.SIGKILL)
            is_killed = True
        time.sleep(0.01)
    process.join()
    if not is_killed and process.exitcode:
        raise SystemExit(f"the process has ended with {process.exitcode}")
    return Usage(perf_counter() - start, peak / 1e6, 0, is_killed)


def rows_on_record(target: Path) -> int:
    try:
        record = target.with_name(f"{target.name}.unfinished") / "record.json"
        return int(json.loads(record.read_text())["rows"])
    except (FileNotFoundError, ValueError):
        return 0


def killed_runs(source: Path, target: Path, n_texts: int) -> Iterator[Usage]:
    n_before = 0
    for share in KILLED_AT:
        wanted = int(share * n_texts)
        usage = watch(
            encode,
            source,
            target,
            until=lambda wanted=wanted: rows_on_record(target) >= wanted,
        )
        n_done = rows_on_record(target)
        yield usage._replace(n_texts=n_done - n_before)
        n_before = n_done
    yield watch(encode, source, target)._replace(n_texts=n_texts - n_before)


def are_equal(one: Path, other: Path) -> bool:
    names = sorted(it.name for it in one.iterdir())
    if names != sorted(it.name for it in other.iterdir()):
        return False
    _, different, errors = filecmp.cmpfiles(one, other, names, shallow=False)
    return not different and not errors


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--peer-texts", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="for 3 GB of files")
    options = parser.parse_args(arguments)
    n_texts = options.texts

    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        source = folder / "documents.parquet"
        say("making documents")
        length = in_fresh_process(make_documents, source, n_texts)
        runs: dict[str, Usage] = {}
        say("straight through")
        straight = folder / "straight.parquet"
        runs["straight through"] = watch(encode, source, straight)._replace(
            n_texts=n_texts
        )
        again = folder / "again.parquet"
        for i, usage in enumerate(killed_runs(source, again, n_texts), 1):
            how = "killed" if usage.is_killed else "to the end"
            runs[f"call {i}, {how}"] = usage
            say(f"call {i}: {how}")
        equal = are_equal(straight, again)
        rmtree(again)
        say("model2vec")
        in_fresh_process(save_for_peer, folder)
        peer = watch(
            *(encode_with_peer, source, folder / "model"),
            *(folder / "peer.parquet", options.peer_texts),
        )
        n_peer = min(-(-options.peer_texts // BATCH) * BATCH, n_texts)
        runs["model2vec, a plain loop"] = peer._replace(n_texts=n_peer)

    print_table(
        f"{n_texts:,} documents of {length:.0f} characters, Parquet to Parquet",
        ("", "texts", "seconds", "texts/s", "peak, MB"),
        [
            (
                name,
                f"{it.n_texts:,}",
                f"{it.seconds:.1f}",
                f"{it.n_texts / it.seconds:,.0f}",
                f"{it.peak:.0f}",
            )
            for name, it in runs.items()
        ],
    )
    own = [it for name, it in runs.items() if not name.startswith("model2vec")]
    print(f"\nkilled: {sum(it.is_killed for it in own)} times")
    print(f"the same bytes: {'yes' if equal else 'NO'}")
    print(f"peak: {max(it.peak for it in own):.0f} MB (wanted < 700)")


if __name__ == "__main__":
    main()
