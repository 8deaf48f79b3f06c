"""Peak memory of encoding a million texts from a generator into a memory map.

    python tests/benchmarks/bench_memory.py [--texts 1_000_000] [--peer]

Each run has a process of its own. Resident memory is sampled every 10 ms, and the
system's own record of the maximum stands beside it. Wanted: less than 600 MB.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter
from typing import Any, NamedTuple

from _common import in_fresh_process, print_table, say

LENGTH = 100  # characters of a text


class Usage(NamedTuple):
    seconds: float
    before: float  # resident megabytes: model open, nothing encoded
    sampled_peak: float
    system_peak: float


def generate_texts(n_texts: int, length: int = LENGTH) -> Iterator[str]:
    """Texts of random words, made on the fly.

    A text is a random cut out of ten million characters of random words, which costs a
    tenth of drawing its words one by one: it is the encoding that shall be measured.
    """
    spec = find_spec("sk_m2v")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "embedding" / "default_model" / "tokenizer.json"
    vocabulary = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    words = [token for token in vocabulary if token.isalpha() and len(token) > 2]
    random = Random(0)
    pool = " ".join(random.choices(words, k=1_300_000))
    starts = (int(random.random() * (len(pool) - length)) for _ in range(n_texts))
    return (pool[start : start + length] for start in starts)


def watch(function: Callable[[], Any]) -> Usage:
    """Call a function, and watch the memory of this process."""
    import resource

    import psutil

    process, done = psutil.Process(), Event()
    before = peak = process.memory_info().rss

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    sampler = Thread(target=sample)
    sampler.start()
    try:
        start = perf_counter()
        function()
        seconds = perf_counter() - start
    finally:
        done.set()
        sampler.join()
    # Linux hands the maximum of the parent on to its children. The parent has only
    # loaded the standard library, so that this does not show.
    system_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Usage(seconds, before / 1e6, peak / 1e6, system_peak / 1e6)


def generate_only(n_texts: int) -> Usage:
    texts = generate_texts(n_texts)
    return watch(lambda: sum(1 for _ in texts))


def encode_to_map(n_texts: int, n_jobs: int, folder: Path) -> Usage:
    import numpy as np

    from sk_m2v import StaticEmbedding

    model, texts = StaticEmbedding.from_pretrained(), generate_texts(n_texts)
    shape = (n_texts, model.dim)
    out = np.memmap(folder / "vectors", mode="w+", dtype=np.float32, shape=shape)

    def encode() -> None:
        filled = model.encode(texts, n_jobs=n_jobs, out=out)
        assert len(filled) == n_texts

    usage = watch(encode)
    # Pages were given back on the way: check that none of them was lost.
    for start in range(0, n_texts, max(1, n_texts // 10)):
        assert np.allclose(np.linalg.norm(out[start : start + 100], axis=1), 1)
    return usage


def encode_with_peer(n_texts: int, folder: Path) -> Usage:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder / "model")
    texts = generate_texts(n_texts)
    return watch(lambda: model.encode(list(texts)))


def save_for_peer(folder: Path) -> None:
    from sk_m2v import StaticEmbedding

    model = StaticEmbedding.from_pretrained()
    model.save_pretrained(folder / "model", layout="sentence-transformers")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--peer", action="store_true", help="also model2vec (slow)")
    parser.add_argument(
        "--folder", type=Path, help="where the memory map goes; 1 KB a text"
    )
    options = parser.parse_args(arguments)
    n_texts = options.texts

    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        runs = {
            "generator alone": (generate_only, n_texts),
            "sk_m2v to a memory map, n_jobs=1": (encode_to_map, n_texts, 1, folder),
            "sk_m2v to a memory map, n_jobs=2": (encode_to_map, n_texts, 2, folder),
        }
        if options.peer:
            in_fresh_process(save_for_peer, folder)
            runs["model2vec, from a list"] = (encode_with_peer, n_texts, folder)
        usages = {}
        for name, (function, *args) in runs.items():
            say(name)
            usages[name] = in_fresh_process(function, *args)

    rows = [
        (
            name,
            f"{usage.before:.0f}",
            f"{usage.sampled_peak:.0f}",
            f"{usage.system_peak:.0f}",
            f"{usage.seconds:.1f}",
            f"{n_texts / usage.seconds:,.0f}",
        )
        for name, usage in usages.items()
    ]
    header = ("", "before, MB", "peak, MB", "ru_maxrss, MB", "seconds", "texts/s")
    print_table(f"{n_texts:,} texts of {LENGTH} characters", header, rows)
    own = [usage for name, usage in usages.items() if name.startswith("sk_m2v")]
    peak = max(max(usage.sampled_peak, usage.system_peak) for usage in own)
    print(f"\npeak of sk_m2v: {peak:.0f} MB (wanted < 600)")


if __name__ == "__main__":
    main()
