"""A text with its tokens coloured."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression

from sk_m2v import FeatureExtractionClassifier, StaticEmbedding, StaticRegressor
from sk_m2v.plotting import ExplanationDisplay
from sk_m2v.train import Explanation

TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"]
LABELS = ["x", "x", "$y_{", "$y_{", "z", "z"]
LONG = "a red cat, green dogs and blue cats. " * 6


@pytest.fixture
def classifier(tiny_model: StaticEmbedding) -> FeatureExtractionClassifier:
    return FeatureExtractionClassifier(tiny_model, max_length=None).fit(TEXTS, LABELS)


def fills(display: ExplanationDisplay) -> list[tuple[float, ...]]:
    return [it.get_bbox_patch().get_facecolor() for it in display.texts_]


def test_tokens_and_colours(classifier: FeatureExtractionClassifier) -> None:
    text = "red cats and a blue dog."
    display = ExplanationDisplay.from_estimator(classifier, text, "z")
    (explanation,) = classifier.explain([text])
    shares = explanation.shares[:, list(classifier.classes_).index("z")]
    np.testing.assert_allclose(display.shares, shares)
    assert [it.get_text() for it in display.texts_] == explanation.tokens
    largest = abs(shares).max()
    wanted = colormaps["PiYG"]((shares + largest) / (2 * largest))
    np.testing.assert_allclose(fills(display), wanted, atol=1e-6)
    assert display.colorbar_.vmin == -display.colorbar_.vmax
    assert display.colorbar_.vmax == pytest.approx(largest)
    score = classifier.decision_function([text])
    column = list(classifier.classes_).index("z")
    assert display.ax_.get_title("left") == f"'z': score {score[0, column]:+.2f}"


def test_letters_can_be_read(classifier: FeatureExtractionClassifier) -> None:
    for cmap in ("PiYG", "RdBu", "coolwarm", "binary"):
        display = ExplanationDisplay.from_estimator(classifier, LONG, cmap=cmap)
        for text, fill in zip(display.texts_, fills(display), strict=True):
            is_dark = np.dot(fill[:3], [0.299, 0.587, 0.114]) < 0.5
            assert text.get_color() == ("white" if is_dark else "black")


def test_lines_are_wrapped(classifier: FeatureExtractionClassifier) -> None:
    display = ExplanationDisplay.from_estimator(classifier, LONG)
    display.figure_.draw_without_rendering()
    frame = display.ax_.get_window_extent()
    boxes = [it.get_window_extent() for it in display.texts_]
    assert len(boxes) == len(display.explanation.tokens) > 40
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(frame.x0 - 1 <= box.x0 < box.x1 <= frame.x1 + 1 for box in boxes)
    assert all(frame.y0 - 1 <= box.y0 < box.y1 <= frame.y1 + 1 for box in boxes)
    heights = [round(it.get_position()[1], 6) for it in display.texts_]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) > 2
    # The scale is below the text.
    assert display.colorbar_.ax.get_window_extent().y1 < min(it.y0 for it in boxes)


@pytest.mark.parametrize("layout", ["none", "constrained"])
def test_text_that_does_not_fit(
    classifier: FeatureExtractionClassifier, layout: str
) -> None:
    figure, (ax, other) = plt.subplots(2, layout=layout, figsize=(5, 4))
    size = tuple(figure.get_size_inches())
    display = ExplanationDisplay.from_estimator(classifier, LONG * 20, ax=ax)
    figure.draw_without_rendering()
    assert tuple(figure.get_size_inches()) == size
    n_shown = len(display.texts_)
    n_tokens = len(display.explanation.tokens)
    assert 0 < n_shown < n_tokens
    last = ax.texts[-1]
    assert last.get_text() == f"and {n_tokens - n_shown} more tokens"
    assert len(ax.texts) == n_shown + 1
    frame = ax.get_window_extent()
    for text in display.texts_:
        assert text.get_window_extent().x1 <= frame.x1 + 1
        assert text.get_window_extent().y0 >= frame.y0 - 1
    assert not other.texts


def test_a_page_is_enough(classifier: FeatureExtractionClassifier) -> None:
    display = ExplanationDisplay.from_estimator(classifier, LONG * 100)
    assert display.figure_.get_figheight() < 10
    assert len(display.texts_) < len(display.explanation.tokens)


def test_html(classifier: FeatureExtractionClassifier) -> None:
    text = "a blue <dog>"
    (explanation,) = classifier.explain([text])
    display = ExplanationDisplay.from_explanation(explanation)
    assert display._repr_html_() == explanation._repr_html_()
    other = ExplanationDisplay.from_explanation(explanation, "x")
    assert "<b>&#x27;x&#x27;</b>" in other._repr_html_()
    assert "<dog>" not in other._repr_html_()


def test_regressor(tiny_model: StaticEmbedding) -> None:
    regressor = StaticRegressor(tiny_model, random_state=0).fit(
        TEXTS, [1, 1, 5, 3, 2, 4]
    )
    display = ExplanationDisplay.from_estimator(regressor, "blue dog")
    (value,) = regressor.predict(["blue dog"])
    assert display.ax_.get_title("left") == f"0: score {value:+.2f}"


def test_text_without_tokens(classifier: FeatureExtractionClassifier) -> None:
    display = ExplanationDisplay.from_estimator(classifier, "")
    assert display.texts_ == []
    assert display.shares.shape == (0,)
    display.figure_.canvas.draw()


def test_hard_tokens() -> None:
    tokens = ["$x_{", "long" * 99, "\n", "\ud800", "مرحبا", "$"]
    shares = np.arange(12.0).reshape(6, 2)
    explanation = Explanation(tokens, shares, np.zeros(2), True)
    display = ExplanationDisplay.from_explanation(explanation, 0)
    assert [len(it.get_text()) for it in display.texts_] == [4, 40, 0, 1, 5, 1]
    assert not any(it.get_parse_math() for it in display.texts_)
    display.figure_.canvas.draw()


def test_errors(classifier: FeatureExtractionClassifier) -> None:
    draw = ExplanationDisplay.from_estimator
    with pytest.raises(TypeError, match="'LogisticRegression' has no explain: pass"):
        draw(LogisticRegression(), "cat")
    with pytest.raises(TypeError, match="text must be one text, a str, got"):
        draw(classifier, ["cat"])
    with pytest.raises(ValueError, match="there is no class 'w', only"):
        draw(classifier, "cat", "w")
    with pytest.raises(TypeError, match="must be one that explain gave for a text"):
        ExplanationDisplay.from_explanation(classifier.explain(["cat"]))
    assert plt.get_fignums() == []
