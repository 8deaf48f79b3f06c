"""Exported models beside Python and model2vec: speed, latency, sizes, conversion.

    python tests/benchmarks/bench_onnx.py [--quick] [--sets ag_news ...] [--data FOLDER]

Texts are those of some sets of ../shared/datasets, or of any folder of sets
(<name>/train.jsonl.gz and test.jsonl.gz, rows with "text" and "label"), or made up
where there is none. A full run takes about ten minutes.

Every measurement has a process of its own, pinned to one processor core (Linux): no
library finds a second one, whatever its threads. Contenders take turns, round after
round, and the best counts, for everyone. The first pass over the texts is "cold": what
keeps words it has seen has seen none of these. model2vec has plain float32 vectors,
with weights multiplied in, and the better of two batch sizes.

A single text is encoded in a call of its own, with all that a caller has to do for it;
the figure is the median over many different texts.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import _common
from _common import in_fresh_process, print_table, say

Run = Callable[[list[str]], Any]

N_PASSES = 3  # of each process over all texts: one cold, the others warm
N_SINGLE = 2_000  # texts that are encoded one by one
N_TRAIN = 1_000  # texts that classifiers learn from

PYTHON, PEER = "sk_m2v in Python", "model2vec"
FLOAT, INT = "ONNX, float32", "ONNX, int8"
CLASSIFIERS = ("FeatureExtractionClassifier", "StaticClassifier")


# --- Texts ----------------------------------------------------------------------------


def read(data: Path | None, name: str, split: str) -> list[dict[str, Any]]:
    """Rows of a set."""
    import gzip
    import json

    if data is None:
        return made_up(split)
    path = data / name / f"{split}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def made_up(split: str) -> list[dict[str, Any]]:
    """Rows of words that are as frequent as in natural text, and some that are rare."""
    from sk_m2v import StaticEmbedding

    random_ = random.Random(split)
    words = [it for it in StaticEmbedding.from_pretrained().vocabulary if it.isalpha()]
    frequencies = [1 / (i + 10) for i in range(len(words))]
    rows = []
    for _ in range(7_600):
        chosen = random_.choices(words, frequencies, k=random_.randint(3, 70))
        chosen = [
            it + random_.choice("zqxj") * (random_.random() < 0.1) for it in chosen
        ]
        rows.append({"text": " ".join(chosen) + ".", "label": random_.randrange(4)})
    return rows


# --- Models ---------------------------------------------------------------------------


def save_models(folder: Path, data: Path | None, name: str) -> None:
    """Write all that contenders read."""
    import joblib

    from sk_m2v import (
        FeatureExtractionClassifier,
        StaticClassifier,
        StaticEmbedding,
        StaticEmbeddingTransformer,
    )
    from sk_m2v.onnx import save, to_onnx

    model = StaticEmbedding.from_pretrained()
    model.save_pretrained(folder / "own")
    # This layout has no place for weights: they end up in the vectors.
    model.save_pretrained(folder / "peer", layout="sentence-transformers")
    for precision in ("float32", "int8"):
        onnx = to_onnx(StaticEmbeddingTransformer(model), precision=precision)
        save(onnx, folder / f"{precision}.onnx")
    rows = random.Random(0).sample(read(data, name, "train"), N_TRAIN)
    texts, labels = ([it[key] for it in rows] for key in ("text", "label"))
    for classifier in (
        FeatureExtractionClassifier(),
        StaticClassifier(max_epochs=2, random_state=0),
    ):
        kind = type(classifier).__name__
        classifier.fit(texts, labels)
        joblib.dump(classifier, folder / f"{kind}.joblib")
        for precision in ("float32", "int8"):
            onnx = to_onnx(classifier, precision=precision)
            save(onnx, folder / f"{kind}-{precision}.onnx")


# --- Contenders: from a folder of models to what is timed -----------------------------


def exported(folder: Path, *, file: str) -> Run:
    """A file in onnxruntime alone, as a program without this package has it."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(folder / file, options).run

    def encode(texts: list[str]) -> Any:
        parts = [
            run(None, {"text": np.array(texts[i : i + 1024], dtype=object)})[-1]
            for i in range(0, len(texts), 1024)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return encode


def own(folder: Path) -> Run:
    from sk_m2v import StaticEmbedding

    return partial(StaticEmbedding.from_pretrained(folder / "own").encode, n_jobs=1)


def model2vec(folder: Path, *, batch_size: int) -> Run:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder / "peer")
    return partial(model.encode, batch_size=batch_size, use_multiprocessing=False)


def pickled(folder: Path, *, kind: str) -> Run:
    import joblib

    run: Run = joblib.load(folder / f"{kind}.joblib").predict_proba
    return run


ENCODERS: dict[str, Callable[[Path], Run]] = {
    FLOAT: partial(exported, file="float32.onnx"),
    INT: partial(exported, file="int8.onnx"),
    PYTHON: own,
    **{
        f"{PEER}, batches of {size}": partial(model2vec, batch_size=size)
        for size in (256, 1024)
    },
}


def classifiers(kind: str) -> dict[str, Callable[[Path], Run]]:
    return {
        FLOAT: partial(exported, file=f"{kind}-float32.onnx"),
        INT: partial(exported, file=f"{kind}-int8.onnx"),
        PYTHON: partial(pickled, kind=kind),
    }


# --- Measurements, each in a fresh process --------------------------------------------


def measure(
    make: Callable[[Path], Run], folder: Path, texts: list[str]
) -> tuple[float, float, float]:
    """Texts a second, cold and warm, and median microseconds of a single text."""
    encode = make(folder)
    # What is made on first use is not the matter here.
    encode(["Ein paar andere Wörter", "um alles einmal zu benutzen"])
    rates = []
    for _ in range(N_PASSES):
        start = perf_counter()
        encode(texts)
        rates.append(len(texts) / (perf_counter() - start))
    times = []
    for text in texts[:N_SINGLE]:
        start = perf_counter()
        encode([text])
        times.append(perf_counter() - start)
    return rates[0], max(rates[1:]), 1e6 * sorted(times)[len(times) // 2]


def load_seconds(path: Path) -> float:
    """Seconds of the second time: the first one loads libraries, too."""
    from sk_m2v.onnx import load

    for _ in range(2):
        start = perf_counter()
        load(path, n_threads=1)
        seconds = perf_counter() - start
    return seconds


def conversion_seconds(folder: Path, kind: str) -> list[float]:
    """Seconds of importing, of the first conversion and of one more."""
    import joblib

    start = perf_counter()
    from sk_m2v.onnx import to_onnx

    times = [perf_counter() - start]
    if kind == "StaticEmbeddingTransformer":
        from sk_m2v import StaticEmbeddingTransformer

        estimator: Any = StaticEmbeddingTransformer(folder / "own").fit()
    else:
        estimator = joblib.load(folder / f"{kind}.joblib")
    for _ in range(2):
        start = perf_counter()
        to_onnx(estimator)
        times.append(perf_counter() - start)
    return times


def largest_difference(folder: Path, texts: list[str]) -> tuple[float, float]:
    """To Python, of the float32 and the int8 file."""
    import numpy as np

    expected = own(folder)(texts)
    return tuple(  # type: ignore[return-value]
        float(np.abs(make(folder)(texts) - expected).max())
        for make in (ENCODERS[FLOAT], ENCODERS[INT])
    )


# --- Results --------------------------------------------------------------------------


Speeds = dict[str, tuple[float, float, float]]


def best_of(
    title: str,
    contenders: dict[str, Callable[[Path], Run]],
    folder: Path,
    texts: list[str],
    n_rounds: int,
) -> Speeds:
    """Best figures of all rounds, for each contender."""
    rounds: dict[str, list[tuple[float, float, float]]] = {it: [] for it in contenders}
    for number in range(n_rounds):
        for name, make in contenders.items():
            say(f"{title}, round {number + 1}: {name}")
            figures = in_fresh_process(measure, make, folder, texts, n_cores=1)
            rounds[name].append(figures)
    return {
        name: (max(cold), max(warm), min(single))
        for name, many in rounds.items()
        for cold, warm, single in [tuple(zip(*many, strict=True))]
    }


def print_speeds(title: str, speeds: Speeds, base: str) -> None:
    """Print figures, and multiples of the best whose name begins with `base`."""
    peers = [it for name, it in speeds.items() if name.startswith(base)]
    cold, warm = (max(it[i] for it in peers) for i in (0, 1))
    single = min(it[2] for it in peers)
    rows = [
        (
            name,
            f"{it[0]:,.0f}",
            f"{it[0] / cold:.2f}",
            f"{it[1]:,.0f}",
            f"{it[1] / warm:.2f}",
            f"{it[2]:.1f}",
            f"{it[2] / single:.2f}",
        )
        for name, it in speeds.items()
    ]
    times = f"x {base}"
    header = ("", "cold, texts/s", times, "warm", times, "one text, us", times)
    print_table(title, header, rows)


def print_files(folder: Path) -> None:
    rows = [
        (
            path.stem,
            f"{path.stat().st_size / 1e6:.2f}",
            f"{in_fresh_process(load_seconds, path, n_cores=1):.3f}",
        )
        for path in sorted(folder.glob("*.onnx"))
    ]
    print_table("Files", ("", "MB", "load, s"), rows)


def print_conversions(folder: Path) -> list[list[float]]:
    kinds = ("StaticEmbeddingTransformer", *CLASSIFIERS)
    times = [
        in_fresh_process(conversion_seconds, folder, it, n_cores=1) for it in kinds
    ]
    rows = [
        (kind, *(f"{it:.2f}" for it in seconds))
        for kind, seconds in zip(kinds, times, strict=True)
    ]
    header = ("", "import, s", "cold, s", "cached, s")
    print_table("Conversion to the text variant, verified", header, rows)
    return times


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="1,000 texts, one round")
    parser.add_argument("--sets", nargs="+", default=["ag_news", "imdb", "banking77"])
    parser.add_argument("--data", type=Path, help="folder of sets (shared/datasets)")
    parser.add_argument("--n-texts", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    n_rounds = 1 if options.quick else options.rounds
    n_texts = 1_000 if options.quick else options.n_texts
    data = options.data or _common.SHARED / "datasets"
    sets = [it for it in options.sets if (data / it).is_dir()]
    if not sets:
        say("There are no data sets: the texts are made up.")
        data, sets = None, ["made-up texts"]

    ratios, latencies = [], []
    for name in sets:
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            in_fresh_process(save_models, folder, data, name)
            rows = read(data, name, "test")
            texts = [it["text"] for it in random.Random(0).sample(rows, len(rows))]
            # A text that comes twice would be warm at once.
            texts = list(dict.fromkeys(texts))[:n_texts]
            length = sum(map(len, texts)) / len(texts)
            title = f"{name}: {len(texts):,} texts of {length:.0f} characters, one core"
            speeds = best_of(name, ENCODERS, folder, texts, n_rounds)
            print_speeds(f"Embeddings of {title}", speeds, PEER)
            differences = in_fresh_process(largest_difference, folder, texts)
            print(
                "largest difference to Python: float32 {:.1e}, int8 {:.1e}".format(
                    *differences
                )
            )
            peers = [it for key, it in speeds.items() if key.startswith(PEER)]
            for precision in (FLOAT, INT):
                speed = speeds[precision]
                ratios += [speed[i] / max(it[i] for it in peers) for i in (0, 1)]
                latencies.append((speed[2], f"embedding, {name}"))
            for kind in CLASSIFIERS:
                speeds = best_of(
                    f"{name}, {kind}", classifiers(kind), folder, texts, n_rounds
                )
                print_speeds(f"{kind} on {title}", speeds, PYTHON)
                latencies += [(speeds[it][2], f"{kind}, {name}") for it in (FLOAT, INT)]
            if name == sets[-1]:
                print_files(folder)
                times = print_conversions(folder)
    print("\nSummary")
    print(f"text variant, slowest ratio to model2vec: {min(ratios):.2f} (wanted 1)")
    for microseconds, where in (min(latencies), max(latencies)):
        print(f"single text: {microseconds:.0f} us (wanted 100; {where})")
    print(
        f"conversion: {max(it[1] for it in times):.1f} s cold (wanted 15), "
        f"{max(it[2] for it in times):.1f} s cached (wanted 5)"
    )


if __name__ == "__main__":
    main()
