"""One process for a long time: memory is bounded, and threads do not disturb it.

`tests/benchmarks/bench_long_life.py` does the same for hours.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import tiny_tokenizer
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from sk_m2v import FeatureExtractionClassifier, StaticClassifier, StaticEmbedding
from sk_m2v.embedding.tokens import _normalized_cache, _word_cache
from sk_m2v.embedding.tokens._backends import TokenizersBackend
from sk_m2v.embedding.tokens._normalized_cache import NormalizedBackend
from sk_m2v.embedding.tokens._tokens import load_backend
from sk_m2v.embedding.tokens._word_cache import WordCacheBackend
from sk_m2v.train.features import _token_cache
from sk_m2v.train.features._token_cache import TokenMemory

FILMS = ["a great film", "a lovely film", "a dull film", "a boring film"] * 5
Y = ["+", "+", "-", "-"] * 5


def texts(n_words: int, at_once: int) -> Iterator[list[str]]:
    """Different words, each often enough to be learnt."""
    for start in range(0, n_words, at_once):
        words = " ".join(f"w{i}" for i in range(start, start + at_once))
        yield [f"a {words}"] * 4


def word_caches(monkeypatch) -> list[WordCacheBackend]:
    """One that learns words alone, and one that learns them with the space before."""
    for name in ("nanotoken", "gigatoken.gigatoken_rs"):
        monkeypatch.setitem(sys.modules, name, None)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    gpt2 = Tokenizer(models.BPE({it: i for i, it in enumerate(letters)}, []))
    gpt2.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    load = load_backend.__wrapped__
    found = [load(it.to_str()) for it in (tiny_tokenizer(), gpt2)]
    assert all(isinstance(it, WordCacheBackend) for it in found)
    return found


def check_word_caches(backends, n_words: int, at_once: int, most: int) -> None:
    for backend in backends:
        plain = TokenizersBackend(backend._tokenizer)
        largest = 0
        for i, batch in enumerate(texts(n_words, at_once)):
            ids = backend.encode(batch)
            largest = max(largest, len(backend._first), len(backend._other))
            assert largest <= most
            if i % 20 == 0:
                np.testing.assert_array_equal(ids.ids, plain.encode(batch).ids)
        assert largest == most


def test_word_caches_are_bounded(monkeypatch):
    """Also where one batch has more words than there is room for."""
    monkeypatch.setattr(_word_cache, "MOST_WORDS", 1_000)
    check_word_caches(word_caches(monkeypatch), 20_000, 300, 1_000)
    check_word_caches(word_caches(monkeypatch), 20_000, 5_000, 1_000)


@pytest.mark.slow
def test_millions_of_words(monkeypatch):
    check_word_caches(
        word_caches(monkeypatch), 2_000_000, 50_000, _word_cache.MOST_WORDS
    )


@pytest.mark.parametrize("at_once", [300, 5_000])
def test_normalized_words_are_bounded(monkeypatch, at_once):
    monkeypatch.setattr(_normalized_cache, "MOST_WORDS", 1_000)
    pieces = [("<unk>", 0.0), ("▁", -1.0), ("w", -2.0), *((d, -3.0) for d in "0123456")]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("1", " 1 "),
            normalizers.Replace(Regex("\\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    backend = load_backend(tokenizer.to_str())
    assert isinstance(backend, NormalizedBackend)
    plain = TokenizersBackend(json.loads(tokenizer.to_str()))
    largest = 0
    for batch in texts(20_000, at_once):
        ids = backend.encode(batch)
        largest = max(largest, len(backend._words))
        np.testing.assert_array_equal(ids.ids, plain.encode(batch).ids)
    assert largest == 1_000


def test_remembered_texts_are_bounded(tiny_model, monkeypatch):
    """By the texts, too: of those that are cut there are hardly any ids."""
    monkeypatch.setattr(_token_cache, "_MAX_BYTES", 100_000)
    memory = TokenMemory(max_length=4)
    for i in range(100):
        new = [f"{i} red {'cat ' * 1_000}", f"{i} blue"]
        ids = memory.token_ids(tiny_model, new, None)
        np.testing.assert_array_equal(
            ids.ids, tiny_model.token_ids(new, max_length=4).ids
        )
        kept = sum(len(text) + row.nbytes for text, row in memory._ids.items())
        assert kept == memory._n_bytes <= 100_000
    assert len(memory._ids) > 40


@pytest.mark.parametrize(
    ("kind", "options", "n"),
    [
        (FeatureExtractionClassifier, {}, 20),
        (StaticClassifier, {"max_epochs": 1, "random_state": 0}, 10),
    ],
)
def test_no_growth(tiny_model, kind, options, n):
    def once() -> None:
        fitted = kind(tiny_model, **options).fit(FILMS, Y)
        for _ in range(5):
            fitted.predict(FILMS)
            fitted.embedding_.encode(FILMS)

    for _ in range(5):
        once()
    tracemalloc.start()
    try:
        once()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(n):
            once()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Some lists of free objects still fill up. A fitted estimator takes more.
    assert (after - before) / n < 4_000


def test_eight_threads_on_one_classifier():
    """Each word is new to the caches, again and again."""
    model = StaticEmbedding.from_pretrained()
    fitted = FeatureExtractionClassifier(model).fit(FILMS, Y)
    batches = [[f"a film of {i} words and {j}" for j in range(50)] for i in range(8)]
    expected = [fitted.predict_proba(it) for it in batches]

    def work(i: int) -> bool:
        found = fitted.predict_proba(batches[i % 8])
        return np.array_equal(found, expected[i % 8])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(160)))
