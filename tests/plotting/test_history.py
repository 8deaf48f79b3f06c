"""Losses and scores by epoch."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from sk_m2v import (
    ContrastiveTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticRegressor,
)
from sk_m2v.plotting import TrainingHistoryDisplay

TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"] * 4
LABELS = [1, 1, 2, 2, 1, 2] * 4
HISTORY = [
    {"epoch": 1, "dur": 0.1, "train_loss": 0.9, "train_loss_best": True},
    {"epoch": 2, "dur": 0.1, "train_loss": 0.5, "train_loss_best": True},
]


def validated(*rows: tuple[float, float, float]) -> list[dict[str, object]]:
    return [
        {"epoch": i, "train_loss": a, "valid_loss": b, "valid_accuracy": c}
        for i, (a, b, c) in enumerate(rows, 1)
    ]


def test_classifier(tiny_model: StaticEmbedding) -> None:
    classifier = StaticClassifier(
        tiny_model, validation_fraction=0.25, max_epochs=4, random_state=0
    ).fit(TEXTS, LABELS)
    display = TrainingHistoryDisplay.from_estimator(classifier)
    assert set(display.lines_) == {"train_loss", "valid_loss", "valid_acc"}
    for name, line in display.lines_.items():
        values = [row[name] for row in classifier.history_]
        np.testing.assert_allclose(line.get_ydata(), values)
        assert line.get_xdata().tolist() == list(range(1, len(values) + 1))
    losses, scores = display.axes_
    assert display.ax_ is losses
    assert display.figure_ is losses.figure
    assert display.lines_["valid_loss"].axes is losses
    assert display.lines_["valid_acc"].axes is scores
    assert [it.axes for it in display.best_lines_] == [losses, scores]
    best = display.best_lines_[0].get_xdata()
    assert list(best) == [classifier.best_epoch_] * 2


@pytest.mark.parametrize("kind", ["regressor", "pairs", "from scratch"])
def test_all_that_is_trained(kind: str, tiny_model: StaticEmbedding) -> None:
    if kind == "regressor":
        fitted = StaticRegressor(tiny_model).fit(TEXTS, LABELS)
    elif kind == "pairs":
        fitted = ContrastiveTransformer(tiny_model).fit(TEXTS[:3], TEXTS[3:6])
    else:
        fitted = FromScratchClassifier(dim=4, vocab_size=40, max_epochs=2)
        fitted.fit(TEXTS, LABELS)
    display = TrainingHistoryDisplay.from_estimator(fitted)
    assert list(display.lines_) == ["train_loss"]
    assert len(display.axes_) == 1
    # The last weights are kept without validation: nothing was best.
    assert display.best_lines_ == []


def test_metrics_of_a_history() -> None:
    display = TrainingHistoryDisplay.from_history(HISTORY)
    assert display.curves["train_loss"].tolist() == [0.9, 0.5]
    assert list(display.curves) == ["train_loss"]
    display = TrainingHistoryDisplay.from_history(HISTORY, metrics=["dur"])
    assert display.ax_.get_ylabel() == "score"
    assert list(display.lines_) == ["dur"]


def test_the_start_was_best() -> None:
    display = TrainingHistoryDisplay.from_history(
        validated((0.9, 1, 0.5), (0.5, 2, 0.4)), best_epoch=0
    )
    assert list(display.best_lines_[0].get_xdata()) == [0, 0]
    assert display.best_lines_[0].get_label() == "best: start"
    left, right = display.ax_.get_xlim()
    assert left < 0 < 2 < right


def test_equal_curves_are_one() -> None:
    history = [{"train_loss": 1.0, "valid_acc": 0.5, "valid_accuracy": 0.5}]
    display = TrainingHistoryDisplay.from_history(history)
    assert list(display.lines_) == ["train_loss", "valid_accuracy"]
    # Unless both were asked for.
    names = ["valid_acc", "valid_accuracy"]
    display = TrainingHistoryDisplay.from_history(history, metrics=names)
    assert list(display.lines_) == names


def test_epochs_without_a_value() -> None:
    history = [
        {"train_loss": 1.0, "valid_loss": None, "event_lr": 0.1, "note": "a"},
        {"train_loss": 0.5, "valid_loss": 0.7, "event_lr": 0.1},
    ]
    display = TrainingHistoryDisplay.from_history(history)
    np.testing.assert_array_equal(display.curves["valid_loss"], [np.nan, 0.7])
    assert list(display.curves) == ["train_loss", "valid_loss"]


def test_ax_is_divided() -> None:
    figure, ax = plt.subplots()
    display = TrainingHistoryDisplay.from_history(
        validated((0.9, 1, 0.5), (0.5, 2, 0.4)), ax=ax
    )
    assert display.ax_ is ax
    assert figure.axes == display.axes_
    figure.draw_without_rendering()
    above, below = (it.get_window_extent() for it in display.axes_)
    assert below.y1 < above.y0
    # Another training, in the same panels.
    other = TrainingHistoryDisplay.from_history(
        validated((0.8, 1, 0.5), (0.4, 2, 0.4)), ax=display.axes_
    )
    assert figure.axes == other.axes_
    assert len(ax.lines) == 4


def test_options_are_those_of_plot() -> None:
    display = TrainingHistoryDisplay.from_history(HISTORY, color="red", linewidth=3)
    line = display.lines_["train_loss"]
    assert (line.get_color(), line.get_linewidth()) == ("red", 3)


def test_names_are_no_formulas() -> None:
    display = TrainingHistoryDisplay.from_history([{"$a_$loss": 1.0}])
    (text,) = display.ax_.get_legend().get_texts()
    assert not text.get_parse_math()
    display.figure_.canvas.draw()


def test_errors(tiny_model: StaticEmbedding) -> None:
    draw = TrainingHistoryDisplay.from_estimator
    with pytest.raises(NotFittedError):
        draw(StaticClassifier())
    with pytest.raises(TypeError, match=r"'LogisticRegression' has no history_: pass"):
        draw(LogisticRegression().fit([[0], [1]], [0, 1]))
    frozen = FeatureExtractionClassifier(tiny_model).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="was not trained in epochs"):
        draw(frozen)
    with pytest.raises(ValueError, match="was not trained in epochs"):
        draw(StaticClassifier(tiny_model, max_epochs=0).fit(TEXTS, LABELS))


@pytest.mark.parametrize(
    ("history", "options", "message"),
    [
        ([], {}, "history has no metrics"),
        ([{"note": "a"}], {}, "history has no metrics"),
        (HISTORY, {"metrics": ["f1"]}, "no numbers for 'f1' in metrics, only for 'ep"),
        (HISTORY, {"metrics": []}, "no numbers for nothing in metrics"),
        (HISTORY, {"best_epoch": 3}, "number of epochs, 2, got 3"),
        (HISTORY, {"best_epoch": -1}, "got -1"),
    ],
)
def test_wrong_values(history: object, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingHistoryDisplay.from_history(history, **options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("history", [{"train_loss": [1.0]}, "history", [1.0]])
def test_no_history(history: object) -> None:
    with pytest.raises(TypeError, match="must be a list of a dict an epoch"):
        TrainingHistoryDisplay.from_history(history)
