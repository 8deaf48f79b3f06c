"""Writers that are killed, and readers beside writers: a few in tests, many by hand.

    python tests/fault_loops.py kill 500
    python tests/fault_loops.py read 10000
    python tests/fault_loops.py write 2000

Four models take turns in one folder: embeddings in two layouts and two estimators, of
64 and 128 dimensions. Printed is what was seen, and every load that was not exactly one
of them, of which there must be none.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from conftest import tiny_tokenizer

import sk_m2v
from sk_m2v import FeatureExtractionClassifier, StaticEmbedding

TEXTS = ["red cat", "dog", "green", "blue"]
OURS = ".sk-m2v-"


def models() -> list[tuple[Any, dict[str, str]]]:
    """Models and how each is saved; nothing of one fits another."""
    found: list[tuple[Any, dict[str, str]]] = []
    for seed, dim in enumerate([64, 128]):
        vectors = np.random.default_rng(seed).normal(size=(10, dim))
        embedding = StaticEmbedding(vectors.astype(np.float32), tiny_tokenizer())
        layout = ["model2vec", "sentence-transformers"][seed]
        classifier = FeatureExtractionClassifier(embedding, C=1.0, embedding_weight=1.0)
        labels = np.array([0, 1, 0, 1]) + 2 * seed
        found.append((embedding.replace(normalize=True), {"layout": layout}))
        found.append((classifier.fit(TEXTS, labels), {}))
    return found


def form(model: Any) -> tuple[Any, ...]:
    """What a model is and gives, to be compared."""
    embedding = getattr(model, "embedding_", model)
    vectors = np.round(embedding.encode(TEXTS), 5) + 0.0
    head = model.predict_proba(TEXTS).tobytes() if model is not embedding else b""
    classes = tuple(getattr(model, "classes_", ()))
    return type(model).__name__, classes, vectors.tobytes(), head


def names(folder: Path) -> set[str]:
    """Hidden files that belong to the way of writing."""
    return {it.name for it in folder.iterdir() if it.name.startswith(OURS)}


@contextmanager
def process(work: Callable[[], None]) -> Iterator[int]:
    """Process that works on and on, and is killed at the end."""
    child = os.fork()
    if child == 0:
        try:
            while True:
                work()
        finally:
            os._exit(1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the process has failed before"


def saving(folder: Path, ours: list[tuple[Any, dict[str, str]]]) -> Callable[[], None]:
    """Function that saves any of the models."""

    def save() -> None:
        # Not from a seed: processes that were forked would all choose the same.
        model, options = SystemRandom().choice(ours)
        model.save_pretrained(folder, **options)

    return save


def kill(folder: Path, n_times: int) -> Counter[str]:
    """Kill a process that saves, again and again, at random moments."""
    ours = models()
    whole = {form(it): f"model {i}" for i, (it, _) in enumerate(ours)}
    save = saving(folder, ours)
    started = time.monotonic()
    for _ in range(5):
        save()
    seconds = (time.monotonic() - started) / 5
    seen: Counter[str] = Counter()
    for _ in range(n_times):
        with process(save):
            time.sleep(SystemRandom().uniform(0, 3 * seconds))
        seen.update(f"left {it}" for it in names(folder))
        seen[whole.get(form(sk_m2v.load(folder)), "mixed")] += 1
    save()
    seen["left at the end"] = len(names(folder))
    return seen


def read(folder: Path, n_times: int, n_writers: int = 1) -> Counter[str]:
    """Load while processes save one model after the other."""
    ours = models()
    whole = {form(it): f"model {i}" for i, (it, _) in enumerate(ours)}
    save = saving(folder, ours)
    save()
    seen: Counter[str] = Counter()
    kept: list[tuple[Any, tuple[Any, ...]]] = []
    last = None
    with ExitStack() as stack:
        for _ in range(n_writers):
            stack.enter_context(process(save))
        for i in range(n_times):
            loaded = sk_m2v.load(folder)
            found = form(loaded)
            seen[whole.get(found, "mixed")] += 1
            seen["changes"] += found != last
            last = found
            if i % 50 == 0:
                kept.append((loaded, found))
    # What was loaded stays what it was, whatever is in the folder now.
    seen["changed after loading"] = sum(form(it) != found for it, found in kept)
    save()
    seen["left at the end"] = len(names(folder))
    return seen


def main() -> None:
    what, n_times = sys.argv[1], int(sys.argv[2])
    started = time.monotonic()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as folder:
        path = Path(folder) / "model"
        if what == "kill":
            seen = kill(path, n_times)
        else:
            seen = read(path, n_times, 2 if what == "write" else 1)
    print(dict(sorted(seen.items())), f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
