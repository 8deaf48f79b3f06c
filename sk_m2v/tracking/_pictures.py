"""Pictures of a run, where matplotlib is installed. No backend is chosen."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

# More classes than this have no room for names and numbers.
_READABLE = 30


def can_draw() -> bool:
    """Whether matplotlib is installed.

    Returns
    -------
    bool
        Whether it is.
    """
    return find_spec("matplotlib") is not None


def confusion_figure(confusion: npt.NDArray[np.int64], labels: list[Any]) -> Any:
    """Draw a confusion matrix.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes)
        Numbers of texts; rows are the truth.
    labels : list
        The classes.

    Returns
    -------
    matplotlib.figure.Figure
        The picture.
    """
    from matplotlib.figure import Figure

    from sk_m2v.plotting._drawing import PLAIN, one_line

    # Not through pyplot, which picks a backend and keeps every figure.
    side = min(3.5 + 0.5 * len(labels), 14)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    # Coloured by the fraction of a class, so that rare ones are seen.
    rows = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(confusion / rows, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.7, label="fraction of the true class")
    axes.set(xlabel="predicted", ylabel="true")
    if len(labels) <= _READABLE:
        names = [one_line(it, 24) for it in labels]
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", **PLAIN)
        axes.set_yticks(range(len(names)), names, **PLAIN)
        for (i, j), count in np.ndenumerate(confusion):
            ink = "white" if count > rows[i, 0] / 2 else "black"
            axes.text(j, i, f"{count}", ha="center", va="center", color=ink)
    return figure


def history_figure(estimator: Any) -> Any:
    """Draw losses and scores by epoch.

    Parameters
    ----------
    estimator : estimator
        One that has a `history_`.

    Returns
    -------
    matplotlib.figure.Figure or None
        The picture; None if it was not trained in epochs.
    """
    from matplotlib.figure import Figure

    from sk_m2v.plotting import TrainingHistoryDisplay

    figure = Figure(figsize=(7, 4), layout="constrained")
    try:
        TrainingHistoryDisplay.from_estimator(estimator, ax=figure.subplots())
    except ValueError:  # it has no epochs
        return None
    return figure
