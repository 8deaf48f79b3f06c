"""Training on a stream, beside training on everything at once.

    python tests/benchmarks/bench_stream_training.py [--rounds 200]

News of four classes come from Parquet, a thousand at a time. Printed are accuracies on
the test texts, seconds, and how memory grows over very many calls of `partial_fit`.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from _common import print_table, say, shared

DATA_SET, BATCH, EPOCHS = "ag_news", 1000, 5


def read(split: str) -> tuple[list[str], list[int]]:
    path = shared(f"datasets/{DATA_SET}/{split}.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [it["text"] for it in rows], [it["label"] for it in rows]


def stream(path: Path) -> Iterator[tuple[list[str], list[int]]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(BATCH):
        yield batch.column("text").to_pylist(), batch.column("label").to_pylist()


def with_partial_fit(path: Path, n_epochs: int) -> Any:
    from sk_m2v import StaticClassifier

    classifier = StaticClassifier(random_state=0)
    for _ in range(n_epochs):
        for texts, labels in stream(path):
            classifier.partial_fit(texts, labels, classes=[0, 1, 2, 3])
    return classifier


def with_vectors(path: Path, folder: Path) -> Any:
    """Vectors on disk, and a linear model that learns from them by parts."""
    import numpy as np
    import pyarrow.parquet as pq
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    from sk_m2v import StaticEmbeddingTransformer, streaming

    streaming.encode(path, folder / "vectors.npy", column="text")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    labels = pq.read_table(path, columns=["label"]).column("label").to_numpy()
    head = SGDClassifier(loss="log_loss", average=True, random_state=0)
    order = np.random.default_rng(0)
    for _ in range(EPOCHS):
        for start in order.permutation(np.arange(0, len(labels), BATCH)):
            rows = slice(start, start + BATCH)
            head.partial_fit(vectors[rows], labels[rows], classes=[0, 1, 2, 3])
    return make_pipeline(StaticEmbeddingTransformer(), head)


def with_hashes(path: Path) -> Any:
    """Features that need no fit, made anew in each round."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline, make_union

    from sk_m2v import StaticEmbeddingTransformer

    hashes = HashingVectorizer(ngram_range=(1, 2), alternate_sign=False)
    features = make_union(StaticEmbeddingTransformer(), hashes)
    head = SGDClassifier(loss="log_loss", average=True, random_state=0)
    for _ in range(EPOCHS):
        for texts, labels in stream(path):
            head.partial_fit(features.transform(texts), labels, classes=[0, 1, 2, 3])
    return make_pipeline(features, head)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200, help="calls to watch memory")
    options = parser.parse_args(arguments)

    import numpy as np
    import psutil
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sk_m2v import FeatureExtractionClassifier, StaticClassifier

    texts, labels = read("train")
    test_texts, test_labels = read("test")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "train.parquet"
        pq.write_table(pa.table({"text": texts, "label": labels}), path)
        ways = {
            "StaticClassifier.fit, all at once": lambda: StaticClassifier(
                random_state=0
            ).fit(texts, labels),
            "StaticClassifier.fit, the first 1,000": lambda: StaticClassifier(
                random_state=0
            ).fit(texts[:BATCH], labels[:BATCH]),
            "partial_fit, once through": lambda: with_partial_fit(path, 1),
            "partial_fit, five times": lambda: with_partial_fit(path, 5),
            "FeatureExtractionClassifier.fit": lambda: FeatureExtractionClassifier(
                random_state=0
            ).fit(texts, labels),
            "encode, SGDClassifier.partial_fit": lambda: with_vectors(path, folder),
            "and hashed n-grams": lambda: with_hashes(path),
        }
        rows, fitted = [], {}
        for name, way in ways.items():
            say(name)
            start = perf_counter()
            fitted[name] = way()
            seconds = perf_counter() - start
            found = np.mean(fitted[name].predict(test_texts) == np.array(test_labels))
            rows.append((name, f"{found:.4f}", f"{seconds:.1f}"))
        print_table(
            f"{DATA_SET}: {len(texts):,} texts, {len(test_texts):,} to test with",
            ("", "accuracy", "seconds"),
            rows,
        )
        say("again, with the same seed")
        again = with_partial_fit(path, 1).predict_proba(test_texts)
        before = fitted["partial_fit, once through"].predict_proba(test_texts)
        print(
            f"\nthe same seed, the same probabilities: {np.array_equal(again, before)}"
        )
        say("very many calls")
        classifier, memory = with_partial_fit(path, 1), psutil.Process()
        sizes = []
        for i in range(options.rounds):
            k = i * BATCH % (len(texts) - BATCH)
            more = [f"{i} {text}" for text in texts[k : k + BATCH]]
            classifier.partial_fit(more, labels[k : k + BATCH])
            sizes.append(memory.memory_info().rss / 1e6)
        shown = [sizes[int(q * (len(sizes) - 1))] for q in (0, 0.25, 0.5, 0.75, 1)]
        print(
            f"resident MB over {options.rounds} more calls of {BATCH:,} texts: ", end=""
        )
        print(", ".join(f"{it:.0f}" for it in shown))


if __name__ == "__main__":
    main()
