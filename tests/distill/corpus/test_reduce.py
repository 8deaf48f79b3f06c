"""Principal components and weights: against model2vec and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from sk_m2v.distill.corpus._reduce import pca, zipf_weights


def random_vectors(n: int, dim: int, seed: int, dtype: Any = np.float32) -> np.ndarray:
    """Vectors of as many lengths as there are dimensions, not around zero."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, dim)) * np.geomspace(1, 0.01, dim) + rng.normal(
        size=dim
    )
    return vectors.astype(dtype)


@given(n=st.integers(1, 5000), a=st.floats(1e-6, 0.999))
@settings(deadline=None)
def test_weights_as_in_model2vec(n: int, a: float) -> None:
    from model2vec.distill.inference import compute_weights

    weights = zipf_weights(n, a)
    assert_array_equal(weights, compute_weights(n, a))
    assert weights.shape == (n,)
    assert ((weights > 0) & (weights < 1)).all()
    assert (np.diff(weights) >= 0).all()


@given(
    n=st.integers(3, 60),
    dim=st.integers(2, 12),
    seed=st.integers(0, 1000),
    components=st.one_of(
        st.integers(1, 12), st.floats(0.01, 0.99), st.sampled_from(["auto", None])
    ),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:pca_dims")
def test_components_as_in_model2vec(
    n: int, dim: int, seed: int, components: Any, dtype: Any
) -> None:
    from model2vec.distill.inference import apply_pca

    vectors = random_vectors(n, dim, seed, dtype)
    ours, theirs = pca(vectors, components), apply_pca(vectors, components)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype == dtype
    assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 5, 20])
def test_components_as_in_sklearn(dim: int) -> None:
    vectors = random_vectors(200, 20, 0, np.float64)
    ours = pca(vectors, dim)
    theirs = PCA(dim, svd_solver="full").fit_transform(vectors)
    assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-9)
    assert_allclose(ours.mean(axis=0), 0, atol=1e-12)
    assert (np.diff(ours.var(axis=0)) <= 0).all()


def test_largest_coordinate_is_positive() -> None:
    rows = pca(random_vectors(50, 8, 1), 8)
    assert (rows.max(axis=0) == np.abs(rows).max(axis=0)).all()


def test_share_of_the_variance() -> None:
    vectors = random_vectors(500, 20, 2, np.float64)
    total = pca(vectors, "auto").var(axis=0).sum()
    for share in (0.3, 0.8, 0.99):
        kept = pca(vectors, share).var(axis=0)
        assert kept.sum() >= share * total
        assert kept[:-1].sum() < share * total


def test_all_components_rotate() -> None:
    vectors = random_vectors(30, 6, 3, np.float64)
    rows = pca(vectors, "auto")
    assert rows.shape == vectors.shape
    centred = vectors - vectors.mean(axis=0)
    assert_allclose(rows @ rows.T, centred @ centred.T, atol=1e-12)


def test_none_leaves_vectors_alone() -> None:
    vectors = random_vectors(5, 3, 0)
    assert pca(vectors, None) is vectors


def test_input_is_not_changed() -> None:
    vectors = random_vectors(9, 3, 0)
    before = vectors.copy()
    pca(vectors, 2)
    assert_array_equal(vectors, before)


def test_more_components_than_dimensions() -> None:
    vectors = random_vectors(30, 4, 0)
    with pytest.warns(UserWarning, match="pca_dims=5 is more than the 4 dimensions"):
        rows = pca(vectors, 5)
    assert_array_equal(rows, pca(vectors, "auto"))


@pytest.mark.parametrize("components", [6, 7, "auto"])
def test_too_few_tokens(components: Any) -> None:
    vectors = random_vectors(6, 8, 0)
    with pytest.warns(UserWarning, match="there are 6: the vectors keep their 8"):
        assert pca(vectors, components) is vectors
