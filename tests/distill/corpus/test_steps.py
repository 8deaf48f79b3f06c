"""The steps of fitting to a corpus, each on its own, against plain computations."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from conftest import WORDS, tiny_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from sk_m2v.distill.corpus import _neighbours, _ridge, _sample
from sk_m2v.distill.corpus._fit import read_corpus
from sk_m2v.distill.corpus._neighbours import fit_neighbours
from sk_m2v.distill.corpus._reduce import (
    corpus_weights,
    rotation,
    sentence_axes,
    zipf_weights,
)
from sk_m2v.distill.corpus._ridge import (
    align_prior,
    choose_alpha,
    explained_variance,
    solve_ridge,
    token_shares,
)
from sk_m2v.distill.corpus._sample import sample_sentences, split_sentences
from sk_m2v.embedding.tokens._backends import TokenIds


def random_shares(
    n_sentences: int, n_tokens: int, seed: int = 0, n_used: int | None = None
) -> csr_array:
    """Shares of tokens in sentences of one to five of them."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, n_sentences)
    ids = rng.integers(0, n_used or n_tokens, lengths.sum()).astype(np.int32)
    offsets = np.concatenate([[0], lengths.cumsum()])
    return token_shares(TokenIds(ids, offsets), n_tokens)


def normal(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# --- shares of tokens


def test_shares() -> None:
    tokens = TokenIds(np.array([1, 1, 0, 2]), np.array([0, 3, 3, 4]))
    shares = token_shares(tokens, 4)
    assert shares.dtype == np.float32
    expected = [[1 / 3, 2 / 3, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert_allclose(shares.toarray(), expected, rtol=1e-6)


def test_corpus_holds_texts_with_known_tokens() -> None:
    texts = ["red red cat", "", "xyz", "dogs", "red xyz"]
    corpus = read_corpus(texts, tiny_tokenizer().to_str(), None)
    assert corpus.texts == ["red red cat", "dogs", "red xyz"]
    counts = dict(zip(WORDS, corpus.counts.tolist(), strict=True))
    assert {it: n for it, n in counts.items() if n} == {
        "red": 3,
        "cat": 1,
        "dog": 1,
        "##s": 1,
    }
    assert corpus.shares.shape == (3, len(WORDS))
    assert_allclose(corpus.shares.sum(axis=1), 1, rtol=1e-6)


def test_corpus_is_cut_where_the_teacher_stops() -> None:
    texts = ["red cat dog", "blue cat dog"]
    corpus = read_corpus(texts, tiny_tokenizer().to_str(), 2)
    assert corpus.counts.sum() == 4
    assert corpus.counts[WORDS.index("dog")] == 0


# --- regression


def closed_form(shares: Any, targets: Any, prior: Any, alpha: float) -> np.ndarray:
    dense, prior = shares.toarray().astype(np.float64), prior.astype(np.float64)
    matrix = dense.T @ dense + alpha * np.eye(dense.shape[1])
    return np.linalg.solve(matrix, dense.T @ targets + alpha * prior)


@given(
    n_sentences=st.integers(1, 30),
    n_tokens=st.integers(1, 12),
    dim=st.sampled_from([1, 3, 64, 65, 130]),
    alpha=st.floats(0.03, 10),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=60)
def test_regression_is_the_closed_form(
    n_sentences: int, n_tokens: int, dim: int, alpha: float, seed: int
) -> None:
    shares = random_shares(n_sentences, n_tokens, seed)
    targets, prior = normal(n_sentences, dim, seed=seed), normal(n_tokens, dim, seed=7)
    expected = closed_form(shares, targets, prior, alpha)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ridge, "_TOLERANCE", 1e-6)
        exact = solve_ridge(shares, targets, prior, alpha, n_jobs=None)
    assert exact.vectors.dtype == np.float32
    assert_allclose(exact.vectors, expected, atol=2e-4)
    assert 0 <= exact.n_iter <= 100
    # Stopped early, it is near enough.
    early = solve_ridge(shares, targets, prior, alpha, n_jobs=None)
    error = np.linalg.norm(early.vectors - expected)
    assert error <= 0.1 * np.linalg.norm(expected - prior) + 1e-3
    assert early.n_iter <= exact.n_iter


def test_threads_change_no_bit() -> None:
    shares, targets, prior = random_shares(200, 30), normal(200, 150), normal(30, 150)
    first, *others = (
        solve_ridge(shares, targets, prior, 0.3, n_jobs=n) for n in (None, 1, 2, 3, -1)
    )
    for other in others:
        assert_array_equal(other.vectors, first.vectors)
        assert other.n_iter == first.n_iter


def test_tokens_outside_the_corpus_keep_their_prior() -> None:
    shares, prior = random_shares(50, 30, n_used=20), normal(30, 4)
    vectors = solve_ridge(shares, normal(50, 4), prior, 0.3, n_jobs=None).vectors
    assert_array_equal(vectors[20:], prior[20:])
    assert (vectors[:20] != prior[:20]).any(axis=1).all()


def test_prior_that_is_the_solution() -> None:
    shares, prior = random_shares(50, 20), normal(20, 4)
    fit = solve_ridge(shares, shares @ prior, prior, 0.3, n_jobs=None)
    assert_allclose(fit.vectors, prior, atol=1e-6)


@pytest.mark.parametrize(("noise", "best"), [(0, 0.03), (30, 10)])
def test_choice_of_alpha(noise: float, best: float) -> None:
    """Exact sentences outweigh a prior, and a prior those that say nothing."""
    shares, vectors = random_shares(600, 30), normal(30, 6)
    targets = shares @ vectors + noise * normal(600, 6, seed=2)
    options: Any = {"n_jobs": None, "random_state": np.random.RandomState(0)}
    assert choose_alpha(shares, targets, np.zeros_like(vectors), **options) == best


def test_choice_of_alpha_is_seeded() -> None:
    shares, targets, prior = random_shares(40, 30), normal(40, 2), normal(30, 2)
    chosen = [
        [
            choose_alpha(
                shares,
                targets,
                prior,
                random_state=np.random.RandomState(seed),
                n_jobs=None,
            )
            for seed in range(5)
        ]
        for _ in range(2)
    ]
    assert chosen[0] == chosen[1]
    assert set(chosen[0]) <= {0.03, 0.1, 0.3, 1, 3, 10}


@pytest.mark.parametrize("dim", [8, 1, 5, 13])
def test_prior_is_mapped_linearly(dim: int) -> None:
    shares, prior, linear = random_shares(500, 40), normal(40, 8), normal(8, dim)
    targets = shares @ prior @ linear
    aligned = align_prior(prior, shares, targets)
    assert aligned.dtype == np.float32
    assert_allclose(aligned, prior @ linear, atol=0.02)


def test_prior_of_the_same_space_keeps_its_rare_tokens() -> None:
    # Two sentences say nothing of eight dimensions, but how long vectors are.
    shares, prior = random_shares(2, 40), normal(40, 8)
    aligned = align_prior(prior, shares, 3 * (shares @ prior))
    assert_allclose(aligned, 3 * prior, rtol=0.1, atol=0.1)


def test_prior_of_many_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ridge, "_MOST_FOR_MAP", 100)
    shares, prior, linear = random_shares(250, 40), normal(40, 8), normal(8, 8)
    aligned = align_prior(prior, shares, shares @ prior @ linear)
    assert_allclose(aligned, prior @ linear, atol=0.1)


def test_prior_that_says_nothing() -> None:
    shares, targets = random_shares(9, 5), normal(9, 3)
    zeros = np.zeros((5, 1), np.float32)
    assert_array_equal(align_prior(zeros, shares, targets), np.zeros((5, 3)))


def test_explained_variance() -> None:
    shares, vectors = random_shares(60, 20), normal(20, 4)
    targets = shares @ vectors
    assert explained_variance(shares, targets, vectors) == 1
    assert explained_variance(shares, targets, 0 * vectors) == 0
    assert_allclose(explained_variance(shares, targets, vectors / 2), 0.75, rtol=1e-5)
    assert explained_variance(shares, 0 * targets, vectors) == 0


# --- neighbours


def divergence(shares: Any, targets: np.ndarray, vectors: np.ndarray) -> float:
    """Mean of the Kullback-Leibler divergences, written out."""

    def neighbours(rows: np.ndarray) -> np.ndarray:
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        weights = np.exp((rows @ rows.T - 1) / _neighbours._TEMPERATURE)
        np.fill_diagonal(weights, 0)
        return weights / weights.sum(axis=1, keepdims=True)

    theirs, ours = neighbours(targets), neighbours(shares @ vectors)
    others = ~np.eye(len(targets), dtype=bool)
    terms = theirs[others] * np.log(theirs[others] / ours[others])
    return float(terms.sum()) / len(targets)


def test_gradient() -> None:
    shares = random_shares(12, 7).astype(np.float64)
    targets, vectors = normal(12, 5).astype(float), normal(7, 3).astype(float)
    gradient = _neighbours._gradient(shares, targets, vectors)
    for index in np.ndindex(vectors.shape):
        step = np.zeros_like(vectors)
        step[index] = 1e-6
        slope = (
            divergence(shares, targets, vectors + step)
            - divergence(shares, targets, vectors - step)
        ) / 2e-6
        assert_allclose(gradient[index], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_neighbours_come_nearer(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_neighbours, "_BATCH_SIZE", 64)
    monkeypatch.setattr(_neighbours, "_EPOCHS", 100)
    shares, best = random_shares(300, 60, n_used=50), normal(60, 6)
    targets = shares @ best
    vectors = np.float32(scale) * (best + normal(60, 6, seed=3) / 4)
    before = vectors.copy()
    options: Any = {"random_state": np.random.RandomState(0), "verbose": False}
    moved = fit_neighbours(shares, targets, vectors, n_steps=200, **options)
    assert moved.dtype == np.float32
    assert_array_equal(vectors, before)
    assert_array_equal(moved[50:], before[50:])
    first, second = (divergence(shares, targets, it) for it in (before, moved))
    assert second < 0.5 * first
    # What counts are directions.
    assert_allclose(np.linalg.norm(moved), np.linalg.norm(before), rtol=0.2)


def test_no_steps_and_no_neighbours() -> None:
    vectors = normal(5, 3)
    options: Any = {"random_state": np.random.RandomState(0), "verbose": False}
    shares = random_shares(9, 5)
    assert_allclose(
        fit_neighbours(shares, normal(9, 3), vectors, n_steps=0, **options),
        vectors,
        rtol=1e-6,
    )
    empty = csr_array((4, 5), dtype=np.float32)
    result = fit_neighbours(empty, normal(4, 3), vectors, n_steps=3, **options)
    assert_array_equal(result, vectors)
    zeros = fit_neighbours(shares, normal(9, 3), 0 * vectors, n_steps=3, **options)
    assert np.isfinite(zeros).all()


def test_every_sentence_has_its_turn() -> None:
    rows = np.arange(2_600)
    batches = _neighbours._batches(rows, np.random.RandomState(0))
    sizes = set()
    for _ in range(2):
        epoch = [next(batches) for _ in range(3)]
        assert_array_equal(np.sort(np.concatenate(epoch)), rows)
        sizes |= {*map(len, epoch)}
    assert sizes == {866, 867}


def test_progress_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    given = (random_shares(9, 5), normal(9, 3), normal(5, 3))
    for verbose in (False, True):
        random_state = np.random.RandomState(0)
        fit_neighbours(*given, n_steps=1, random_state=random_state, verbose=verbose)
        assert ("1/1" in capsys.readouterr().err) is verbose


def test_few_texts_have_few_steps(capsys: pytest.CaptureFixture[str]) -> None:
    given = (random_shares(500, 5), normal(500, 3), normal(5, 3))
    random_state = np.random.RandomState(0)
    fit_neighbours(*given, n_steps=99, random_state=random_state, verbose=True)
    assert "6/6" in capsys.readouterr().err  # 12 times 500, by 1,024


# --- axes


def sentences_of(variances: list[float], n: int = 5_000) -> np.ndarray:
    rotated, _ = np.linalg.qr(normal(len(variances), len(variances), seed=5))
    rows = normal(n, len(variances)) * np.sqrt(variances)
    return ((rows - rows.mean(axis=0)) @ rotated).astype(np.float32)


def test_axes_of_sentences() -> None:
    axes, n_components = sentence_axes(sentences_of([100, 25, 4, 1]), 3)
    assert axes.dtype == np.float32
    assert axes.shape == (4, 4)
    assert n_components == 3
    rows = sentences_of([100, 25, 4, 1]) @ axes
    # Standard deviations 10, 5, 2, 1 become their roots, times one factor.
    assert_allclose(rows.std(axis=0) ** 2 / 10, [10, 5, 2, 1], rtol=0.1)
    assert_allclose(np.corrcoef(rows.T), np.eye(4), atol=0.02)


@pytest.mark.parametrize(
    ("components", "expected"),
    [(0.5, 1), (0.9, 2), (0.97, 3), (0.9999, 4), ("auto", 4)],
)
def test_number_of_axes(components: Any, expected: int) -> None:
    _, n_components = sentence_axes(sentences_of([100, 25, 4, 1]), components)
    assert n_components == expected


def test_more_axes_than_there_are() -> None:
    sentences = sentences_of([9, 4, 1])
    with pytest.warns(UserWarning, match="pca_dims=7 is more than the 3 dimensions"):
        axes, n_components = sentence_axes(sentences, 7)
    assert n_components == 3
    assert_array_equal(axes, sentence_axes(sentences, "auto")[0])


@pytest.mark.parametrize("n", [2, 3])
def test_axes_of_few_sentences(n: int) -> None:
    rows = normal(n, 6)
    axes, n_components = sentence_axes(rows - rows.mean(axis=0), "auto")
    assert np.isfinite(axes).all()
    assert n_components == 6


@given(n=st.integers(1, 40), dim=st.integers(1, 9), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=50)
def test_rotation(n: int, dim: int, seed: int) -> None:
    sentences = normal(n, dim, seed=seed) + 2
    axes = rotation(sentences)
    assert axes.dtype == np.float32
    assert_allclose(axes.T @ axes, np.eye(dim), atol=1e-5)
    rows = sentences @ axes
    assert_allclose(rows @ rows.T, sentences @ sentences.T, rtol=1e-3, atol=1e-3)
    assert (np.diff(rows.var(axis=0)) <= 1e-4).all()
    largest = np.abs(axes).argmax(axis=0)
    assert (axes[largest, range(dim)] > 0).all()


# --- weights


@given(n=st.integers(1, 500), a=st.floats(1e-6, 0.999))
@settings(deadline=None)
def test_weights_without_counts_are_those_of_ranks(n: int, a: float) -> None:
    assert_allclose(corpus_weights(np.zeros(n, np.int64), a), zipf_weights(n, a))


def test_weights_of_large_corpora_are_those_of_counts() -> None:
    counts = np.array([10**9, 4 * 10**9, 0, 5 * 10**9])
    probability = counts / counts.sum()
    expected = 1e-3 / (1e-3 + probability)
    assert_allclose(corpus_weights(counts, 1e-3), expected, rtol=0.01)


def test_more_frequent_tokens_weigh_less() -> None:
    weights = corpus_weights(np.array([10**5, 10**6, 10**7, 10**8]), 1e-3)
    assert ((weights > 0) & (weights < 1)).all()
    assert (np.diff(weights) < 0).all()


# --- samples

NUMBERS = [str(number) for number in range(20)]


def sample(X: Any, n: int | None, seed: int = 0, **options: Any) -> list[str]:
    random_state = np.random.RandomState(seed)
    options = {"split": False, "missing": "error"} | options
    return sample_sentences(X, n, random_state=random_state, **options)


@pytest.fixture
def batches_of_six(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sample, "_BATCH_SIZE", 6)


@pytest.mark.usefixtures("batches_of_six")
def test_sample_is_uniform() -> None:
    counts = Counter(text for seed in range(2_000) for text in sample(NUMBERS, 5, seed))
    # 500 each expected, with a standard deviation of 19.
    assert set(counts) == set(NUMBERS)
    assert all(420 < count < 580 for count in counts.values())


@pytest.mark.usefixtures("batches_of_six")
def test_sample() -> None:
    for n in (1, 5, 6, 7, 19):
        drawn = sample(NUMBERS, n)
        assert len(set(drawn)) == n
        assert drawn == sorted(drawn, key=int)
        assert sample(iter(NUMBERS), n) == drawn
        assert sample(np.array(NUMBERS), n) == drawn
    assert sample(NUMBERS, 5) != sample(NUMBERS, 5, seed=1)
    for n in (20, 21, None):
        assert sample(NUMBERS, n) == NUMBERS
        assert sample(iter(NUMBERS), n) == NUMBERS


def test_sample_of_what_are_no_texts() -> None:
    with pytest.raises(ValueError, match="Row 1"):
        sample(["a", None], None)
    assert sample(["a", None], None, missing="empty") == ["a", ""]
    with pytest.raises(TypeError, match="pass \\[text\\]"):
        sample("text", 3)


def test_long_texts_are_cut_into_sentences() -> None:
    parts = [f"This is sentence number {i} of all." for i in range(30)]
    whole = " ".join(parts)
    assert split_sentences([whole, "Short. Kept."]) == [*parts, "Short. Kept."]
    assert sample([whole], None, split=True) == parts
    assert sample([whole], None) == [whole]
    assert len(sample([whole], 4, split=True)) == 4
