"""How long one text takes, as where a classifier is served.

    python tests/benchmarks/bench_latency.py [--calls 3000] [--rounds 3]

Texts of AG News, cut to 40 and to 240 characters, are given one at a time; none comes
twice. Each contender has a process of its own, on two cores (Linux), and they take
turns, round after round. Printed are the median and the 99th percentile of the best
round, in microseconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any, NamedTuple

from _common import in_fresh_process, print_table, read_texts, say

Call = Callable[[list[str]], Any]

LENGTHS = (40, 240)
N_TRAIN = 1_000


class Latency(NamedTuple):
    median: float
    percentile: float


def own(folder: Path) -> Call:
    from sk_m2v import StaticEmbeddingTransformer

    return StaticEmbeddingTransformer().fit().transform


def own_classifier(folder: Path, name: str, method: str) -> Call:
    import sk_m2v

    call: Call = getattr(sk_m2v.load(folder / name), method)
    return call


def peer(folder: Path) -> Call:
    from model2vec import StaticModel

    call: Call = StaticModel.from_pretrained(folder / "peer").encode
    return call


def tfidf(folder: Path) -> Call:
    import joblib

    call: Call = joblib.load(folder / "tfidf.joblib").predict
    return call


TRANSFORM, PEER, FE, TFIDF = (
    "transform",
    "model2vec, encode",
    "FeatureExtractionClassifier, predict",
    "TfidfVectorizer, LogisticRegression",
)
CONTENDERS: dict[str, Callable[[Path], Call]] = {
    PEER: peer,
    TRANSFORM: own,
    TFIDF: tfidf,
    FE: partial(own_classifier, name="FeatureExtractionClassifier", method="predict"),
    "StaticClassifier, predict_proba": partial(
        own_classifier, name="StaticClassifier", method="predict_proba"
    ),
}
# What is a multiple of what.
BESIDE = {TRANSFORM: PEER, FE: TFIDF}


def save_models(folder: Path) -> None:
    """Fit each to the same texts, and keep it."""
    import joblib
    from _quality import read_rows
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from sk_m2v import FeatureExtractionClassifier, StaticClassifier, StaticEmbedding

    rows = read_rows("ag_news", "train")[:N_TRAIN]
    texts, labels = [it["text"] for it in rows], [it["label"] for it in rows]
    StaticEmbedding.from_pretrained().save_pretrained(
        folder / "peer", layout="sentence-transformers"
    )
    for kind in (FeatureExtractionClassifier, StaticClassifier):
        fitted = kind(random_state=0).fit(texts, labels)
        fitted.save_pretrained(folder / kind.__name__)
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1_000))
    joblib.dump(pipeline.fit(texts, labels), folder / "tfidf.joblib")


def time_calls(
    make: Callable[[Path], Call], folder: Path, length: int, n_calls: int
) -> Latency:
    """Microseconds of one call."""
    import numpy as np

    texts = read_texts("ag_news", "test")
    cut = [it[:length] for it in texts if len(it) >= length]
    call = make(folder)
    for text in cut[:200]:
        call([text])
    times = []
    for text in cut[200 : 200 + n_calls]:
        start = perf_counter_ns()
        call([text])
        times.append(perf_counter_ns() - start)
    return Latency(*(float(np.percentile(times, it)) / 1e3 for it in (50, 99)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, int], list[Latency]] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_fresh_process(save_models, folder)
        for number in range(options.rounds):
            for name, make in CONTENDERS.items():
                for length in LENGTHS:
                    say(f"round {number + 1}: {name}, {length} characters")
                    latency = in_fresh_process(
                        time_calls, make, folder, length, options.calls, n_cores=2
                    )
                    found.setdefault((name, length), []).append(latency)
    best = {key: min(rounds) for key, rounds in found.items()}
    header = ["microseconds"]
    header += [f"{length}: {it}" for length in LENGTHS for it in ("median", "99 %")]
    print_table(
        f"One text of {' or '.join(map(str, LENGTHS))} characters",
        tuple(header),
        [
            (name, *(f"{it:,.0f}" for n in LENGTHS for it in best[name, n]))
            for name in CONTENDERS
        ],
    )
    for name, other in BESIDE.items():
        times = [best[other, n].median / best[name, n].median for n in LENGTHS]
        wanted = {TRANSFORM: 5, FE: 8}[name]
        print(
            f"{name}: {times[0]:.1f} and {times[1]:.1f} times as fast as {other} "
            f"(wanted {wanted})"
        )


if __name__ == "__main__":
    main()
