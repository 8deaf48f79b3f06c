"""Bars of the nearest texts."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
)
from sk_m2v.embedding import Neighbours
from sk_m2v.plotting import NearestTextsDisplay

TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"]


def test_bars(tiny_model: StaticEmbedding) -> None:
    queries = ["blue dogs", "green"]
    display = NearestTextsDisplay.from_estimator(tiny_model, queries, TEXTS, k=3)
    found = tiny_model.nearest(queries, TEXTS, n=3)
    for i, (ax, bars) in enumerate(zip(display.axes_, display.bars_, strict=True)):
        widths = [bar.get_width() for bar in bars]
        np.testing.assert_allclose(widths, found.scores[i], atol=1e-6)
        names = [it.get_text() for it in ax.get_yticklabels()]
        assert names == [TEXTS[j] for j in found.indices[i]] == display.texts[i]
        assert ax.get_title("left") == queries[i]
        # The nearest is on top.
        assert ax.transData.transform((0, 0))[1] > ax.transData.transform((0, 1))[1]
        left, right = ax.get_xlim()
        assert left <= min(*widths, 0) <= max(widths) < right
        assert [it.get_text() for it in ax.texts] == [f"{it:.2f}" for it in widths]
    assert display.axes_[0] is display.ax_


def test_one_query_and_all_texts(tiny_model: StaticEmbedding) -> None:
    display = NearestTextsDisplay.from_estimator(tiny_model, "dog", iter(TEXTS), k=99)
    assert display.scores.shape == (1, 6)
    assert display.texts[0][0] == "dog"


def test_estimators(tiny_model: StaticEmbedding) -> None:
    # Which reads only the first token, as the model itself does not.
    short = StaticEmbeddingTransformer(tiny_model, max_length=1)
    short.set_output(transform="pandas").fit()
    display = NearestTextsDisplay.from_estimator(short, "red", TEXTS, k=2)
    assert display.texts == [["red cat.", "red, red dogs."]]
    np.testing.assert_allclose(display.scores, 1, atol=1e-6)
    classifier = FeatureExtractionClassifier(tiny_model).fit(TEXTS, [0, 1] * 3)
    display = NearestTextsDisplay.from_estimator(classifier, "dog", TEXTS, k=1)
    assert display.texts == [["dog"]]


def test_hard_texts(tiny_model: StaticEmbedding) -> None:
    hard = ["$x_1", "", "red\n\n\tcat\x00", "cat " * 10_000, "\ud800", "مرحبا", "a_{$"]
    display = NearestTextsDisplay.from_estimator(tiny_model, "$\n$", hard)
    labels = display.ax_.get_yticklabels()
    names = [it.get_text() for it in labels]
    assert sorted(names) == sorted(
        ["$x_1", "", "red cat", ("cat " * 13)[:49] + "…", "�", "مرحبا", "a_{$"]
    )
    assert not any(it.get_parse_math() for it in labels)
    assert display.ax_.get_title("left") == "$ $"
    display.figure_.canvas.draw()


def test_ax(tiny_model: StaticEmbedding) -> None:
    _, axes = plt.subplots(1, 2)
    display = NearestTextsDisplay.from_estimator(
        tiny_model, ["cat", "dog"], TEXTS, k=2, ax=axes, color="C3"
    )
    assert display.axes_ == list(axes)
    assert display.bars_[0][0].get_facecolor()[:3] == pytest.approx(
        (0.84, 0.15, 0.16), abs=0.01
    )
    with pytest.raises(ValueError, match="ax must be 1 Axes here, got 2"):
        NearestTextsDisplay.from_estimator(tiny_model, "cat", TEXTS, ax=axes)


def test_errors(tiny_model: StaticEmbedding) -> None:
    draw = NearestTextsDisplay.from_estimator
    with pytest.raises(TypeError, match="has no embedding to search with: pass"):
        draw(LogisticRegression(), "cat", TEXTS)
    with pytest.raises(ValueError, match="queries must be one text or more"):
        draw(tiny_model, [], TEXTS)
    with pytest.raises(ValueError, match="at least one text to search"):
        draw(tiny_model, "cat", [])
    with pytest.raises(ValueError, match="n must be a number of texts"):
        draw(tiny_model, "cat", TEXTS, k=0)
    with pytest.raises(TypeError):
        draw(tiny_model, ["cat", 1], TEXTS)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("indices", "scores", "message"),
    [
        ([[0]], [[1.0, 2.0]], r"got indices of shape \(1, 1\) and scores of shape"),
        ([[0], [1]], [[1.0], [1.0]], "a row for each of 1 queries"),
        ([[6]], [[1.0]], "has index 6, and there are 6 texts"),
        ([[-1]], [[1.0]], "there are 6 texts: pass the texts that were searched"),
    ],
)
def test_neighbours_of_others(indices: list, scores: list, message: str) -> None:
    found = Neighbours(np.array(indices), np.array(scores))
    with pytest.raises(ValueError, match=message):
        NearestTextsDisplay.from_neighbours(found, "cat", TEXTS)
