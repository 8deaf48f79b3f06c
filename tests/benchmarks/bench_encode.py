"""Texts a second of `StaticEmbedding.encode` and of its peers, measured in turns.

    python tests/benchmarks/bench_encode.py [--quick] [--only agnews ...]

A full run takes about half an hour on two cores.

Every measurement has a process of its own, pinned to as many cores as it has threads
(Linux). That process encodes a few other texts, then the texts of the case several
times: the first pass is "cold", the tokenizer has never seen these texts; the later
ones are "warm". Contenders take turns, round after round, so that a drift of the
machine hits all of them; of all rounds the best pass counts, for everyone.

model2vec gets its fastest form: plain float32 vectors, with weights multiplied in and
its mapping of tokens resolved. What counts is the best of its settings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple
from unittest.mock import patch

from _common import in_fresh_process, print_table, read_texts, say, shared

Encode = Callable[[list[str]], Any]

N_PASSES = 4  # of each process: one cold, three warm


class Case(NamedTuple):
    title: str
    data_set: str
    split: str
    n_texts: int | None = None
    model: str = "bundled"


CASES = {
    "agnews": Case("AG News test", "ag_news", "test"),
    "imdb": Case("IMDB test", "imdb", "test"),
    # The first of 43,410 comments. None repeats, or the cold pass would be half warm.
    "short": Case("short comments (go_emotions train)", "go_emotions", "train", 20_000),
    "agnews256": Case(
        "AG News test, 256 dimensions", "ag_news", "test", model="bundled-256"
    ),
    "agnews64": Case(
        "AG News test, 64 dimensions", "ag_news", "test", model="bundled-64"
    ),
    "unigram": Case("AG News test, Unigram", "ag_news", "test", model="unigram"),
    "bpe": Case("AG News test, byte-level BPE", "ag_news", "test", model="bpe"),
}


# --- Models -------------------------------------------------------------------------


def save_models(name: str, folder: Path) -> None:
    """Write a model to ``folder/own``, and in its fastest form to ``folder/peer``."""
    import numpy as np

    from sk_m2v import StaticEmbedding

    if name.startswith("bundled"):
        dim = name.partition("-")[2]
        model = StaticEmbedding.from_pretrained(
            dimensionality=int(dim) if dim else None
        )
    elif name == "unigram":
        model = StaticEmbedding.from_pretrained(
            shared("models/m2vrs-fixture-vocab-quantized")
        )
    else:
        from tokenizers import Tokenizer

        file = shared("tokenizers/gpt2-bytelevel-bpe/tokenizer.json")
        tokenizer = Tokenizer.from_file(str(file))
        shape = (tokenizer.get_vocab_size(), 256)
        vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        model = StaticEmbedding(vectors, tokenizer, config={"normalize": True})
    model.save_pretrained(folder / "own")
    # This layout has no place for weights and mapping: they end up in the vectors.
    model.save_pretrained(folder / "peer", layout="sentence-transformers")


# --- Contenders: from (folder of models, texts, threads) to what is timed -----------


def own(folder: Path, texts: list[str], n_jobs: int) -> Encode:
    from sk_m2v import StaticEmbedding

    return partial(
        StaticEmbedding.from_pretrained(folder / "own").encode, n_jobs=n_jobs
    )


def own_without_tokenizing(folder: Path, texts: list[str], n_jobs: int) -> Encode:
    """Everything in `encode` but tokenizing, which the first pass remembers."""
    from sk_m2v.embedding import _model

    tokenize, remembered = _model.token_ids, {}

    def token_ids(backend: Any, batch: list[str], max_length: int | None) -> Any:
        key = tuple(batch)
        if key not in remembered:
            remembered[key] = tokenize(backend, batch, max_length)
        return remembered[key]

    patch.object(_model, "token_ids", token_ids).start()
    return own(folder, texts, n_jobs)


def model2vec(
    folder: Path, texts: list[str], n_jobs: int, *, use_threads: bool, batch_size: int
) -> Encode:
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder / "peer")
    return partial(
        model.encode,
        batch_size=batch_size,
        use_multiprocessing=use_threads,
        multiprocessing_threshold=0,
    )


def tfidf(folder: Path, texts: list[str], n_jobs: int) -> Encode:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer().fit(texts).transform


def hashing(folder: Path, texts: list[str], n_jobs: int) -> Encode:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer().transform


class Contender(NamedTuple):
    make: Callable[..., Encode]
    without: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None  # None: it has something to say of all


OWN, POOLING = "sk_m2v", "sk_m2v but for tokenizing"
BARE = "sk_m2v without the extra 'fast'"
TFIDF, HASHING, PEER = "TfidfVectorizer", "HashingVectorizer", "model2vec"

CONTENDERS = {
    OWN: Contender(own),
    BARE: Contender(own, ("nanotoken", "gigatoken"), models=("bundled", "bpe")),
    POOLING: Contender(own_without_tokenizing),
    **{
        f"{PEER}, batches of {size}{', threads' * use_threads}": Contender(
            partial(model2vec, use_threads=use_threads, batch_size=size)
        )
        for use_threads in (True, False)
        for size in (256, 1024)
    },
    TFIDF: Contender(tfidf, models=("bundled",)),
    HASHING: Contender(hashing, models=("bundled",)),
}


# --- Measurements, each in a fresh process ------------------------------------------


def time_passes(
    make: Callable[..., Encode],
    folder: Path,
    case: Case,
    n_texts: int | None,
    n_jobs: int,
) -> list[float]:
    """Texts a second of each pass over the texts."""
    texts = read_texts(case.data_set, case.split, n_texts)
    encode = make(folder, texts, n_jobs)
    # What is made on first use (imports, the working copy of the vectors) is not the
    # matter here; bench_import.py has it.
    encode(["Ein paar andere Wörter", "um alles einmal zu benutzen"])
    rates = []
    for _ in range(N_PASSES):
        start = perf_counter()
        encode(texts)
        rates.append(len(texts) / (perf_counter() - start))
    return rates


def compare_results(folder: Path, case: Case, n_texts: int | None) -> str:
    """Largest difference to model2vec, over the texts it does not cut by characters."""
    import numpy as np
    from model2vec import StaticModel

    from sk_m2v import StaticEmbedding

    peer = StaticModel.from_pretrained(folder / "peer")
    texts = read_texts(case.data_set, case.split, n_texts)
    longest = peer.max_length * peer.median_token_length
    whole = [text for text in texts if len(text) <= longest]
    ours = StaticEmbedding.from_pretrained(folder / "own").encode(whole)
    difference = np.abs(ours - peer.encode(whole)).max()
    return (
        f"{case.title}: largest difference to model2vec {difference:.1e} over "
        f"{len(whole):,} texts ({len(texts) - len(whole):,} longer than its cut of "
        f"{longest:,} characters left out)"
    )


class Speed(NamedTuple):
    cold: float
    warm: float


def measure(
    folder: Path, case: Case, n_texts: int | None, n_threads: int, n_rounds: int
) -> dict[str, Speed]:
    """Best texts a second of each contender."""
    contenders = {
        name: contender
        for name, contender in CONTENDERS.items()
        if contender.models is None or case.model in contender.models
    }
    rounds: dict[str, list[list[float]]] = {name: [] for name in contenders}
    for number in range(n_rounds):
        for name, contender in contenders.items():
            say(f"{case.title}, {threads(n_threads)}, round {number + 1}: {name}")
            passes = in_fresh_process(
                time_passes,
                *(contender.make, folder, case, n_texts, n_threads),
                n_cores=n_threads,
                without=contender.without,
            )
            rounds[name].append(passes)
    return {
        name: Speed(
            cold=max(passes[0] for passes in many),
            warm=max(max(passes[1:]) for passes in many),
        )
        for name, many in rounds.items()
    }


# --- Results ------------------------------------------------------------------------


def threads(number: int) -> str:
    return f"{number} thread{'s' * (number > 1)}"


def best_of_peer(speeds: dict[str, Speed]) -> Speed:
    settings = [speed for name, speed in speeds.items() if name.startswith(PEER)]
    return Speed(max(s.cold for s in settings), max(s.warm for s in settings))


def ratio(speeds: dict[str, Speed], name: str) -> Speed:
    """Speed of a contender as a multiple of model2vec's."""
    speed, peer = speeds[name], best_of_peer(speeds)
    return Speed(speed.cold / peer.cold, speed.warm / peer.warm)


def print_speeds(title: str, speeds: dict[str, Speed]) -> None:
    rows = []
    for name, speed in speeds.items():
        times = ratio(speeds, name)
        # Without tokenizing there is no cold pass: the first is the one that tokenizes.
        cold = (
            ("", "") if name == POOLING else (f"{speed.cold:,.0f}", f"{times.cold:.2f}")
        )
        rows.append((name, *cold, f"{speed.warm:,.0f}", f"{times.warm:.2f}"))
    header = ("", "cold, texts/s", "x model2vec", "warm, texts/s", "x model2vec")
    print_table(title, header, rows)
    share = speeds[OWN].warm / speeds[POOLING].warm
    print(f"pooling (all of encode but tokenizing) takes {share:.0%} of the warm time")


def print_summary(results: dict[tuple[str, int], dict[str, Speed]]) -> None:
    """One line for each wanted figure that was measured."""
    print("\nSummary (multiples: warm, in brackets cold)")
    for n_threads, wanted in ((2, 25), (1, 10)):
        if ("agnews", n_threads) in results:
            times = ratio(results["agnews", n_threads], OWN)
            print(
                f"AG News, {threads(n_threads)}: {times.warm:.1f} ({times.cold:.1f}) "
                f"times model2vec (wanted {wanted})"
            )
    slowest, where = min(
        (getattr(ratio(speeds, name), kind), f"{name}, {case}, {threads(n)}, {kind}")
        for (case, n), speeds in results.items()
        for name in (OWN, BARE)
        if name in speeds
        for kind in Speed._fields
    )
    print(
        "slowest ratio to model2vec over all tokenizers, and without 'fast': "
        f"{slowest:.2f} (wanted 1; {where})"
    )
    for (case, n_threads), speeds in results.items():
        if n_threads == 1 and TFIDF in speeds:
            warm, cold = (
                getattr(speeds[OWN], kind) / speeds[TFIDF].warm
                for kind in ("warm", "cold")
            )
            print(
                f"1 thread vs TfidfVectorizer, {case}: {warm:.1f} ({cold:.1f}) times "
                "(wanted 4)"
            )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="500 texts, one round")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    n_rounds = 1 if options.quick else options.rounds

    results = {}
    with TemporaryDirectory() as temporary:
        for name in options.only:
            case, folder = CASES[name], Path(temporary) / CASES[name].model
            if not folder.exists():
                in_fresh_process(save_models, case.model, folder)
            n_texts = 500 if options.quick else case.n_texts
            texts = read_texts(case.data_set, case.split, n_texts)
            length = sum(map(len, texts)) / len(texts)
            agreement = in_fresh_process(compare_results, folder, case, n_texts)
            for n_threads in options.threads:
                speeds = measure(folder, case, n_texts, n_threads, n_rounds)
                results[name, n_threads] = speeds
                print_speeds(
                    f"{case.title}: {len(texts):,} texts of {length:.0f} characters, "
                    f"{threads(n_threads)}",
                    speeds,
                )
            print(agreement)
    print_summary(results)


if __name__ == "__main__":
    main()
