"""What holds for every display."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sk_m2v import plotting
from sk_m2v.embedding import Neighbours
from sk_m2v.train import Explanation

VECTORS = np.random.default_rng(0).normal(size=(8, 5))
HISTORY = [
    {"train_loss": 0.9, "valid_loss": 1.0, "valid_acc": 0.5},
    {"train_loss": 0.5, "valid_loss": 0.7, "valid_acc": 0.8},
]
RESULTS = pd.DataFrame(
    {
        "estimator": ["a", "b"],
        "data_set": "d",
        "seed": 0,
        "accuracy": [0.8, 0.9],
        "texts_per_second": [20_000, 500],
    }
)
EXPLANATION = Explanation(["red", "cat"], np.array([[1.0], [-1.0]]), np.zeros(1), True)
DISPLAYS: dict[str, Callable[..., Any]] = {
    "TrainingHistoryDisplay": lambda **options: (
        plotting.TrainingHistoryDisplay.from_history(HISTORY, best_epoch=2, **options)
    ),
    "EmbeddingMapDisplay": lambda **options: plotting.EmbeddingMapDisplay.from_vectors(
        VECTORS, [1, 2] * 4, **options
    ),
    "NearestTextsDisplay": lambda **options: (
        plotting.NearestTextsDisplay.from_neighbours(
            Neighbours(np.array([[0]]), np.array([[0.5]])), "cat", ["dog"], **options
        )
    ),
    "ExplanationDisplay": lambda **options: (
        plotting.ExplanationDisplay.from_explanation(EXPLANATION, **options)
    ),
    "BenchmarkDisplay": lambda **options: plotting.BenchmarkDisplay.from_results(
        RESULTS, **options
    ),
}


def pixels(display: Any) -> np.ndarray:
    canvas = FigureCanvasAgg(display.figure_)
    canvas.draw()  # the layout, which settles with the second
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def test_all_are_here() -> None:
    assert sorted(DISPLAYS) == plotting.__all__


@pytest.mark.parametrize("name", DISPLAYS)
def test_pickles(name: str) -> None:
    display = DISPLAYS[name]()
    data = pickle.dumps(display)
    assert f"sk_m2v.plotting\n{name}".encode() in pickle.dumps(display, 0)
    again = pickle.loads(data)
    assert type(again) is type(display)
    np.testing.assert_array_equal(pixels(again), pixels(display))
    # And can be drawn again, from its data.
    np.testing.assert_array_equal(pixels(again.plot()), pixels(display))


@pytest.mark.parametrize("name", DISPLAYS)
def test_figures_without_pyplot(name: str) -> None:
    ax = Figure().subplots()
    display = DISPLAYS[name](ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert plt.get_fignums() == []
    pixels(display)


@pytest.mark.parametrize("name", DISPLAYS)
def test_subfigures(name: str) -> None:
    figure = Figure(layout="constrained")
    left, _ = figure.subfigures(1, 2)
    display = DISPLAYS[name](ax=left.subplots())
    assert display.figure_ is figure
    pixels(display)


@pytest.mark.parametrize("name", DISPLAYS)
def test_nothing_global_changes(name: str) -> None:
    before, backend = dict(mpl.rcParams), mpl.get_backend()
    random = np.random.get_state()[1].tolist()  # noqa: NPY002
    pixels(DISPLAYS[name]())
    assert dict(mpl.rcParams) == before
    assert mpl.get_backend() == backend
    assert np.random.get_state()[1].tolist() == random  # noqa: NPY002


@pytest.mark.parametrize("name", DISPLAYS)
def test_wrong_ax(name: str) -> None:
    with pytest.raises(TypeError, match="ax must be Axes of matplotlib or None, got 3"):
        DISPLAYS[name](ax=3)


def test_missing_glyphs_do_not_stop_a_picture() -> None:
    history = [{"loss": 0.5, "🦄 score": 0.5, "שלום": 1.0}]
    display = plotting.TrainingHistoryDisplay.from_history(history)
    with pytest.warns(UserWarning, match="missing from font"):
        display.figure_.canvas.draw()


WITHOUT = """
import sys
sys.modules["matplotlib"] = None
import sk_m2v
try:
    import sk_m2v.plotting
except ImportError as error:
    print(error)
"""


def test_what_installs_matplotlib_is_said() -> None:
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 'pip install "sk-m2v[plot]"' in done.stdout


def test_importing_does_not_load_pyplot() -> None:
    code = "import sys, sk_m2v.plotting; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
