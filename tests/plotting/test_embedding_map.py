"""Texts as points of a plane."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    TokenTfidfVectorizer,
)
from sk_m2v.plotting import EmbeddingMapDisplay

TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"]
LABELS = ["b", "b", "a", "a", "b", "a"]
VECTORS = np.random.default_rng(0).normal(size=(60, 5))


def test_default_is_a_pca(tiny_model: StaticEmbedding) -> None:
    display = EmbeddingMapDisplay.from_estimator(tiny_model, TEXTS, LABELS)
    pca = PCA(2)
    points = pca.fit_transform(tiny_model.encode(TEXTS))
    np.testing.assert_allclose(display.points, points, atol=1e-5)
    part = f"({pca.explained_variance_ratio_[0]:.0%} of variance)"
    assert display.ax_.get_xlabel() == f"component 1 {part}"
    assert list(display.scatters_) == ["a", "b"]
    rows = [2, 3, 5]
    np.testing.assert_allclose(
        display.scatters_["a"].get_offsets(), points[rows], atol=1e-5
    )
    names = [it.get_text() for it in display.legend_.get_texts()]
    assert names == ["a", "b"]
    first, second = (it.get_facecolor()[0] for it in display.scatters_.values())
    assert tuple(first) == to_rgba("C0", 0.75)
    assert tuple(second) == to_rgba("C1", 0.75)


def test_whatever_makes_vectors(tiny_model: StaticEmbedding) -> None:
    transformer = StaticEmbeddingTransformer(tiny_model).fit()
    pipeline = make_pipeline(transformer, StandardScaler()).fit(TEXTS)
    framed = StaticEmbeddingTransformer(tiny_model).set_output(transform="pandas")
    classifier = FeatureExtractionClassifier(tiny_model).fit(TEXTS, LABELS)
    wanted = EmbeddingMapDisplay.from_estimator(tiny_model, TEXTS).points
    for estimator in (transformer, framed.fit(), classifier):
        display = EmbeddingMapDisplay.from_estimator(estimator, iter(TEXTS))
        np.testing.assert_allclose(display.points, wanted, atol=1e-5)
    for estimator in (pipeline, TokenTfidfVectorizer(tiny_model).fit(TEXTS)):
        display = EmbeddingMapDisplay.from_estimator(estimator, TEXTS)
        assert display.points.shape == (6, 2)


@pytest.mark.parametrize(
    "reducer", [TSNE(perplexity=5, random_state=0), TruncatedSVD(random_state=0)]
)
def test_reducers(reducer: object) -> None:
    display = EmbeddingMapDisplay.from_vectors(VECTORS, reducer=reducer)
    np.testing.assert_allclose(
        display.points, reducer.fit_transform(VECTORS), rtol=1e-4
    )
    assert display.ax_.get_ylabel() == f"{type(reducer).__name__} 2"


def test_a_reducer_is_left_as_it_is() -> None:
    reducer = TruncatedSVD()
    EmbeddingMapDisplay.from_vectors(VECTORS, reducer=reducer)
    assert not hasattr(reducer, "components_")


def test_no_labels() -> None:
    display = EmbeddingMapDisplay.from_vectors(csr_matrix(VECTORS))
    assert display.legend_ is None
    assert display.colorbar_ is None
    assert list(display.scatters_) == [None]
    assert len(display.scatters_[None].get_offsets()) == 60


def test_numbers_are_a_scale() -> None:
    numbers = np.linspace(-1, 3, 60)
    for y in (numbers, numbers.tolist(), pd.Series(numbers), numbers.astype(object)):
        display = EmbeddingMapDisplay.from_vectors(VECTORS, y)
        np.testing.assert_allclose(display.scatters_[None].get_array(), numbers)
        assert (display.colorbar_.vmin, display.colorbar_.vmax) == (-1, 3)
        assert display.legend_ is None
    mixed = EmbeddingMapDisplay.from_vectors(VECTORS[:3], [1, 0.5, True])
    assert mixed.y.tolist() == [1, 0.5, 1]


def test_whole_numbers_are_labels() -> None:
    display = EmbeddingMapDisplay.from_vectors(VECTORS[:4], [10, 9, 10, True])
    assert list(display.scatters_) == [True, 9, 10]


def test_more_texts_than_are_drawn(tiny_model: StaticEmbedding) -> None:
    labels = [str(i) for i in range(6)]
    options = {"max_texts": 4, "random_state": 1}
    display = EmbeddingMapDisplay.from_estimator(tiny_model, TEXTS, labels, **options)
    again = EmbeddingMapDisplay.from_estimator(tiny_model, TEXTS, labels, **options)
    assert len(set(display.indices.tolist())) == 4
    assert display.indices.tolist() == again.indices.tolist()
    assert display.y.tolist() == [labels[i] for i in display.indices]
    only = EmbeddingMapDisplay.from_estimator(
        tiny_model, [TEXTS[i] for i in display.indices]
    )
    np.testing.assert_allclose(display.points, only.points, atol=1e-5)


def test_many_classes() -> None:
    # 30 classes, of which those of even numbers are more frequent.
    labels = [f"class {i:02}" for i in range(30)] + [
        f"class {i:02}" for i in range(0, 30, 2)
    ] * 2
    display = EmbeddingMapDisplay.from_vectors(VECTORS, labels)
    assert len(display.scatters_) == 21
    assert sum(len(it.get_offsets()) for it in display.scatters_.values()) == 60
    names = [it.get_text() for it in display.legend_.get_texts()]
    assert names[-1] == "other (10 classes)"
    assert names[:-1] == sorted(names[:-1])
    assert {f"class {i:02}" for i in range(0, 30, 2)} <= set(names)
    # Every class has a colour and marker of its own.
    looks = {
        (tuple(it.get_facecolor()[0]), len(it.get_paths()[0].vertices))
        for it in display.scatters_.values()
    }
    assert len(looks) == 21
    few = display.plot(max_classes=3)
    assert [len(it.get_offsets()) for it in few.scatters_.values()] == [3, 3, 3, 51]


def test_labels_of_every_kind() -> None:
    nan = float("nan")
    labels = [None, "other", 3, "_hidden", nan, "$x$", "two\nlines" * 50, "مرحبا"]
    display = EmbeddingMapDisplay.from_vectors(VECTORS[:16], labels * 2, max_classes=7)
    assert sum(len(it.get_offsets()) for it in display.scatters_.values()) == 16
    assert [len(it.get_offsets()) for it in display.scatters_.values()] == [2] * 8
    texts = display.legend_.get_texts()
    names = [it.get_text() for it in texts]
    assert names[:4] == ["None", "other", "3", "_hidden"]
    assert names[-1] == "other (1 class)"
    assert not any(it.get_parse_math() for it in texts)
    assert all(len(it) <= 30 and "\n" not in it for it in names)
    display.figure_.canvas.draw()


def test_equal_texts(tiny_model: StaticEmbedding) -> None:
    display = EmbeddingMapDisplay.from_estimator(tiny_model, ["cat"] * 5)
    np.testing.assert_allclose(display.points, 0, atol=1e-6)
    display.figure_.canvas.draw()
    display = EmbeddingMapDisplay.from_vectors(np.zeros((5, 3)))
    assert display.ax_.get_xlabel() == "component 1 (0% of variance)"


def test_ax() -> None:
    _, (ax, other) = plt.subplots(1, 2)
    display = EmbeddingMapDisplay.from_vectors(VECTORS, [1, 2] * 30, ax=ax, s=7)
    assert display.ax_ is ax
    assert display.scatters_[1].get_sizes().tolist() == [7]
    assert not other.collections
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (None, {"max_texts": 1}, "max_texts must be a number of texts, 2 or more"),
        (None, {"max_texts": 2.5}, "got 2.5"),
        ([1] * 59, {}, "there are 60 texts and 59 rows of y"),
        ([[1]] * 60, {}, "one label or number a text"),
        (np.zeros((60, 2)), {}, "of several labels a text, pass one"),
        ("a" * 60, {}, "one label or number a text"),
        ([0.5] * 59 + [np.nan], {}, "y has nan in row 59"),
        (None, {"reducer": PCA(3)}, r"2 columns, of shape \(60, 2\), got \(60, 3\)"),
    ],
)
def test_wrong_values(y: object, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingMapDisplay.from_vectors(VECTORS, y, **options)
    assert plt.get_fignums() == []


def test_errors(tiny_model: StaticEmbedding) -> None:
    draw = EmbeddingMapDisplay.from_estimator
    with pytest.raises(TypeError, match="makes no vectors: pass a StaticEmbedding"):
        draw(LogisticRegression(), TEXTS)
    with pytest.raises(TypeError, match="reducer must have fit_transform"):
        draw(tiny_model, TEXTS, reducer="pca")
    with pytest.raises(ValueError, match="needs 2 texts or more, got 1"):
        draw(tiny_model, ["cat"])
    with pytest.raises(TypeError, match="X"):
        draw(tiny_model, "cat")
    with pytest.raises(TypeError, match="ax must be Axes of matplotlib or None"):
        draw(tiny_model, TEXTS, ax="ax")
    with pytest.raises(ValueError, match="ax must be 1 Axes here, got 2"):
        draw(tiny_model, TEXTS, ax=plt.subplots(2)[1])
    with pytest.raises(ValueError, match="2 dimensions or more"):
        EmbeddingMapDisplay.from_vectors(VECTORS[:, :1])
    with pytest.raises(ValueError, match="max_classes must be a number from 1 to 20"):
        EmbeddingMapDisplay.from_vectors(VECTORS, max_classes=21)
