"""One process for a long time: memory of fits and transforms, and threads under load.

    python tests/benchmarks/bench_long_life.py --fits 500 --transforms 5000
    python tests/benchmarks/bench_long_life.py --fits 0 --transforms 0 --seconds 300

Texts are new each time, so that every cache fills up and is emptied.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import psutil

from sk_m2v import FeatureExtractionClassifier, StaticClassifier

WORDS = ["a", "great", "lovely", "dull", "boring", "film", "cast", "story", "of"]


def texts(seed: int, n: int = 200) -> list[str]:
    """Words, some of which never came before."""
    rng = random.Random(seed)
    return [
        " ".join([*rng.choices(WORDS, k=12), f"n{seed}x{i}", f"q{rng.random()}"])
        for i in range(n)
    ]


def resident() -> float:
    """Megabytes of memory that this process has."""
    return psutil.Process().memory_info().rss / 2**20


def watch(name: str, times: int, once: object) -> None:
    """Do a thing again and again, and say what memory it takes."""
    began = time.perf_counter()
    for i in range(times):
        once(i)  # type: ignore[operator]
        if i + 1 in (times // 10, times // 2, times):
            print(f"{name:<12}{i + 1:>7,} {resident():>8.1f} MB", flush=True)
    print(f"{name:<12}{time.perf_counter() - began:>7.0f} s", flush=True)


def threads(seconds: float, n_threads: int) -> None:
    """One classifier in several threads."""
    y = ["+", "-"] * 100
    fitted = FeatureExtractionClassifier().fit(texts(0), y)
    batches = [texts(i, 100) for i in range(50)]
    expected = [fitted.predict_proba(it) for it in batches]
    stop = time.monotonic() + seconds
    before = resident()

    def work(start: int) -> tuple[int, int]:
        wrong = 0
        for n in count():
            if time.monotonic() > stop:
                return n, wrong
            i = (start + n) % len(batches)
            wrong += not np.array_equal(fitted.predict_proba(batches[i]), expected[i])
        raise AssertionError

    with ThreadPoolExecutor(n_threads) as pool:
        found = list(pool.map(work, range(n_threads)))
    calls, wrong = (sum(it) for it in zip(*found, strict=True))
    print(
        f"{n_threads} threads, {seconds:.0f} s: {calls:,} calls, {wrong} wrong, "
        f"{before:.1f} MB before, {resident():.1f} MB after"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--transforms", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    y = ["+", "-"] * 100
    if options.fits:
        kinds = [FeatureExtractionClassifier(), StaticClassifier(max_epochs=1)]
        watch(
            "fits",
            options.fits,
            lambda i: kinds[i % 2].set_params(random_state=i).fit(texts(i), y),
        )
    if options.transforms:
        fitted = FeatureExtractionClassifier().fit(texts(0), y)
        watch("predictions", options.transforms, lambda i: fitted.predict(texts(i)))
    if options.seconds:
        threads(options.seconds, options.threads)


if __name__ == "__main__":
    main()
