"""Estimators by how good they are and what they cost."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from sk_m2v.plotting import BenchmarkDisplay


def results(*rows: tuple[str, str, int, float, float], **columns: object):
    names = ["estimator", "data_set", "seed", "accuracy", "texts_per_second"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


# Name, data set, seed, accuracy, texts a second.
FRAME = results(
    ("slow", "a", 0, 0.8, 100),
    ("slow", "a", 1, 0.9, 100),
    ("slow", "b", 0, 0.7, 10_000),
    ("slow", "b", 1, 0.8, 10_000),
    ("fast", "a", 0, 0.7, 1e6),
    ("fast", "b", 0, 0.7, 1e4),
    ("poor", "a", 0, 0.6, 1e4),
    ("poor", "b", 0, 0.6, 1e4),
)


def test_means_and_deviations() -> None:
    display = BenchmarkDisplay.from_results(FRAME)
    assert display.names == ["slow", "fast", "poor"]
    # Geometric on the logarithmic axis.
    np.testing.assert_allclose(display.means, [[1e3, 0.8], [1e5, 0.7], [1e4, 0.6]])
    np.testing.assert_allclose(display.points_.get_offsets(), display.means)
    deviation = np.std([0.75, 0.85], ddof=1)
    np.testing.assert_allclose(
        display.deviations[0], [[0, 0], [deviation] * 2], atol=1e-9
    )
    assert np.isnan(display.deviations[1:]).all()
    (bars,) = display.errorbars_
    (_, upright) = (it.get_segments()[0] for it in bars[2])
    np.testing.assert_allclose(upright[:, 1], [0.8 - deviation, 0.8 + deviation])
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_yscale() == "linear"
    assert display.ax_.get_xlabel() == "texts per second"


def test_deviations_of_speeds_are_factors() -> None:
    frame = results(("a", "d", 0, 0.5, 100), ("a", "d", 1, 0.5, 400))
    display = BenchmarkDisplay.from_results(frame)
    assert display.means[0, 0] == pytest.approx(200)
    below, above = display.deviations[0, 0]
    assert (200 - below) * (200 + above) == pytest.approx(200**2)


def test_front() -> None:
    display = BenchmarkDisplay.from_results(FRAME)
    assert [display.names[i] for i in display.front] == ["slow", "fast"]
    x, y = display.front_line_.get_data()
    assert list(x) == pytest.approx([1e3, 1e5])
    assert list(y) == pytest.approx([0.8, 0.7])
    colors = [tuple(it) for it in display.points_.get_facecolors()]
    assert colors[0] == colors[1] == to_rgba("C0")
    assert colors[2] != colors[0]


def test_less_is_better() -> None:
    frame = results(
        ("good", "d", 0, 0.9, 1),
        ("cheap", "d", 0, 0.7, 1),
        ("poor", "d", 0, 0.6, 1),
        fit_seconds=[10.0, 1.0, 5.0],
        log_loss=[0.3, 0.5, 0.9],
    )
    for y in ("accuracy", "log_loss"):
        display = BenchmarkDisplay.from_results(frame, x="fit_seconds", y=y)
        assert [display.names[i] for i in display.front] == ["cheap", "good"]
        assert display.ax_.get_xlabel() == "fit seconds (less is better)"
    assert display.ax_.get_ylabel() == "log loss (less is better)"
    # The stair does not pass a point that is better than it.
    assert display.front_line_.get_drawstyle() == "steps-post"


def test_equal_points_are_both_on_the_front() -> None:
    frame = results(("a", "d", 0, 0.9, 1), ("b", "d", 0, 0.9, 1))
    assert BenchmarkDisplay.from_results(frame).front == [0, 1]


def test_rows_that_are_left_out() -> None:
    frame = results(
        ("a", "d", 0, 0.9, 100),
        ("a", "d", 1, 0.1, 100),
        ("b", "d", 0, np.nan, 100),
        ("c", "d", 0, 0.1, 100),
        error=[None, "ValueError: no", None, "TimeoutError"],
    )
    display = BenchmarkDisplay.from_results(frame)
    assert display.names == ["a"]
    np.testing.assert_allclose(display.means, [[100, 0.9]])


def test_data_sets_that_are_missing() -> None:
    with pytest.warns(UserWarning, match="'poor' has no results for 'b'"):
        BenchmarkDisplay.from_results(FRAME[:-1])


def boxes(display: BenchmarkDisplay) -> list:
    display.figure_.draw_without_rendering()
    return [Text.get_window_extent(it) for it in display.labels_]


def test_labels_do_not_hide_each_other() -> None:
    rng = np.random.default_rng(0)
    names = [f"estimator number {i}" for i in range(12)]
    rows = [
        (name, "d", seed, 0.8 + rng.normal() / 100, np.exp(10 + rng.normal() / 5))
        for name in names
        for seed in range(3)
    ]
    display = BenchmarkDisplay.from_results(results(*rows))
    assert [it.get_text() for it in display.labels_] == names
    found = boxes(display)
    assert not any(a.overlaps(b) for a, b in combinations(found, 2))
    frame = display.ax_.get_window_extent()
    for box in found:
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
    points = display.ax_.transData.transform(display.means)
    assert not any(box.contains(*point) for box in found for point in points)


def test_labels_of_one_point() -> None:
    rows = [(f"estimator {i}", "d", 0, 0.9, 1e4) for i in range(6)]
    display = BenchmarkDisplay.from_results(results(*rows))
    assert not any(a.overlaps(b) for a, b in combinations(boxes(display), 2))


def test_hard_names() -> None:
    frame = results(("$x_{", "d", 0, 0.9, 10), ("long\n" * 99, "d", 0, 0.8, 90))
    display = BenchmarkDisplay.from_results(frame)
    assert display.labels_[0].get_text() == "$x_{"
    assert len(display.labels_[1].get_text()) == 40
    assert not any(it.get_parse_math() for it in display.labels_)
    display.figure_.canvas.draw()


def test_ax() -> None:
    _, (ax, _) = plt.subplots(1, 2, layout="constrained")
    display = BenchmarkDisplay.from_results(FRAME, ax=ax, s=99)
    assert display.ax_ is ax
    assert display.points_.get_sizes().tolist() == [99]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda it: it.drop(columns="seed"), {}, "frame has no column 'seed', only"),
        (lambda it: it, {"y": "f1"}, "frame has no column 'f1', only ."),
        (lambda it: it, {"y": "data_set"}, "column 'data_set' must hold numbers"),
        (lambda it: it[:0], {}, "frame has no row with numbers in"),
        (lambda it: it.assign(error="no"), {}, "and without an error"),
        (lambda it: it.assign(texts_per_second=0), {}, "must be above 0, got 0.0"),
    ],
)
def test_wrong_values(change, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BenchmarkDisplay.from_results(change(FRAME), **options)
    assert plt.get_fignums() == []


def test_no_frame() -> None:
    with pytest.raises(TypeError, match="frame must be a DataFrame of pandas"):
        BenchmarkDisplay.from_results([{"estimator": "a"}])
