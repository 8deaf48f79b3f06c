"""`BenchmarkDisplay`: how good estimators are, against what they cost."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, quoted
from sk_m2v._parameters import public
from sk_m2v.plotting._drawing import (
    GREY,
    PLAIN,
    checked_axes,
    figure_of,
    new_axes,
    one_line,
)
from sk_m2v.plotting._labels import label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

# Columns of which less is better, and those that grow by factors.
_LESS_IS_BETTER = {"log_loss", "fit_seconds", "predict_seconds", "model_bytes"}
_LOGARITHMIC = {"texts_per_second", "fit_seconds", "predict_seconds", "model_bytes"}
_NAME_LENGTH = 40


@public("sk_m2v.plotting")
class BenchmarkDisplay:
    """Estimators by how good they are and what they cost, and which of them are best.

    Make it with `from_results`. An estimator is a point: its mean over data sets, with
    bars for the standard deviation over seeds. A line, the Pareto front, joins those to
    which no other is better in both directions.

    Parameters
    ----------
    names : list of str
        Names of the estimators.
    means : ndarray of shape (n_estimators, 2)
        Where they are in `x` and `y`.
    deviations : ndarray of shape (n_estimators, 2, 2), default=None
        How far bars reach below and above in `x`, and in `y`; NaN for no bars. None is
        no bars at all.
    x : str, default="texts_per_second"
        What goes from left to right.
    y : str, default="accuracy"
        What goes from bottom to top.

    Attributes
    ----------
    figure_ : Figure
        The figure.
    ax_ : Axes
        Where the points are.
    points_ : PathCollection
        The points, in the order of `names`.
    labels_ : list of Annotation
        The names beside them.
    errorbars_ : list of ErrorbarContainer
        Bars of the estimators that have several seeds.
    front_line_ : Line2D
        The Pareto front.

    Notes
    -----
    Time and size grow by factors: such axes are logarithmic, and means on them
    geometric. A mean over seeds is taken first, then that over data sets. Bars show how
    the mean over data sets varies with the seed.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_m2v.plotting import BenchmarkDisplay
    >>> results = pd.DataFrame(
    ...     {
    ...         "estimator": ["small", "large", "poor"],
    ...         "data_set": "news",
    ...         "seed": 0,
    ...         "accuracy": [0.85, 0.9, 0.8],
    ...         "texts_per_second": [20_000, 500, 1000],
    ...     }
    ... )
    >>> display = BenchmarkDisplay.from_results(results)
    >>> [display.names[i] for i in display.front]
    ['large', 'small']
    """

    def __init__(
        self,
        names: Sequence[str],
        means: FloatArray,
        deviations: FloatArray | None = None,
        x: str = "texts_per_second",
        y: str = "accuracy",
    ) -> None:
        self.names = list(names)
        self.means = means
        self.deviations = deviations
        self.x = x
        self.y = y

    @property
    def front(self) -> list[int]:
        """Which estimators are on the Pareto front, from left to right."""
        better = self.means * [
            -1 if name in _LESS_IS_BETTER else 1 for name in (self.x, self.y)
        ]
        on_front = [
            i
            for i, one in enumerate(better)
            if not any((other >= one).all() and (other > one).any() for other in better)
        ]
        return sorted(on_front, key=lambda i: tuple(self.means[i]))

    @classmethod
    def from_results(
        cls,
        frame: Any,
        *,
        x: str = "texts_per_second",
        y: str = "accuracy",
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the results of a benchmark.

        Parameters
        ----------
        frame : pandas.DataFrame
            A row for each run, with columns ``"estimator"``, ``"data_set"``,
            ``"seed"``, and those of `x` and `y`. Rows with an ``"error"``, or without a
            number in `x` or `y`, are left out.
        x : str, default="texts_per_second"
            Column that goes from left to right.
        y : str, default="accuracy"
            Column that goes from bottom to top.
        ax : Axes, default=None
            Where to draw. None makes a figure.
        **kwargs
            See `plot`.

        Returns
        -------
        BenchmarkDisplay
            The display.

        Raises
        ------
        TypeError
            If `frame` is no frame.
        ValueError
            If a column is missing or holds no numbers, no row is left, or a time, speed
            or size is not above 0.

        Warns
        -----
        UserWarning
            If an estimator has no results for a data set that others have results for:
            their means cannot be compared.

        Examples
        --------
        >>> import pandas as pd
        >>> from sk_m2v.plotting import BenchmarkDisplay
        >>> results = pd.DataFrame(
        ...     {
        ...         "estimator": ["one", "one", "other"],
        ...         "data_set": "news",
        ...         "seed": [0, 1, 0],
        ...         "macro_f1": [0.75, 0.85, 0.9],
        ...         "model_bytes": [1e6, 1e6, 1e8],
        ...     }
        ... )
        >>> display = BenchmarkDisplay.from_results(
        ...     results, x="model_bytes", y="macro_f1"
        ... )
        >>> display.means[:, 1]
        array([0.8, 0.9])
        """
        checked_axes(ax)
        rows = _rows(frame, x, y)
        names = list(dict.fromkeys(rows["estimator"]))
        data_sets = set(rows["data_set"])
        means, deviations = [], []
        for name in names:
            own = rows[rows["estimator"] == name]
            missing = data_sets - set(own["data_set"])
            if missing:
                warnings.warn(
                    f"{quoted(name)} has no results for {listed(sorted(missing))}: its "
                    "mean is that of other data sets, and cannot be compared",
                    stacklevel=2,
                )
            columns = [_summary(own, column) for column in (x, y)]
            means.append([mean for mean, _ in columns])
            deviations.append([deviation for _, deviation in columns])
        names = [str(it) for it in names]
        return cls(names, np.array(means), np.array(deviations), x, y).plot(
            ax, **kwargs
        )

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw points, bars, front and names.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a figure.
        **kwargs
            Those of `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        BenchmarkDisplay
            The display itself.
        """
        given = checked_axes(ax)
        (self.ax_,) = given or new_axes(figsize=(7, 4.6))
        self.figure_ = figure_of(self.ax_)
        self._scale(self.ax_)
        x, y = self.means.T
        front = self.front
        colors = np.full(len(x), GREY, object)
        colors[front] = "C0"
        style = {"c": colors.tolist(), "s": 36, "zorder": 3, **kwargs}
        self.points_ = self.ax_.scatter(x, y, **style)
        self.errorbars_ = []
        if self.deviations is not None:
            for i in np.flatnonzero(np.isfinite(self.deviations).all(axis=(1, 2))):
                bars = self.ax_.errorbar(
                    x[i],
                    y[i],
                    xerr=self.deviations[i, 0][:, None],
                    yerr=self.deviations[i, 1][:, None],
                    color=colors[i],
                    linewidth=1,
                    capsize=2,
                    fmt="none",
                )
                self.errorbars_.append(bars)
        # What is reached with at least such an x: a stair, down on the worse side.
        steps = "steps-post" if self.x in _LESS_IS_BETTER else "steps-pre"
        (self.front_line_,) = self.ax_.plot(
            x[front],
            y[front],
            drawstyle=steps,
            color="C0",
            alpha=0.5,
            linewidth=1,
            linestyle="--",
            zorder=1,
            label="Pareto front",
        )
        self.ax_.margins(0.15, 0.15)
        self.ax_.spines[["top", "right"]].set_visible(False)
        self.ax_.legend(frameon=False, fontsize="small", loc="best")
        self.ax_.autoscale_view()
        shown = [one_line(it, _NAME_LENGTH) for it in self.names]
        self.labels_ = label_points(self.ax_, x, y, shown, self._lines())
        return self

    def _lines(self) -> FloatArray:
        """Both ends of each bar, and of each part of the front."""
        lines = []
        if self.deviations is not None:
            for mean, reach in zip(self.means, self.deviations, strict=True):
                if np.isfinite(reach).all():
                    for axis in (0, 1):
                        ends = np.stack([mean, mean])
                        ends[:, axis] += [-reach[axis, 0], reach[axis, 1]]
                        lines.append(ends)
        for one, next_one in pairwise(self.means[self.front]):
            # The corner of a stair.
            corner = np.array([one[0], next_one[1]])
            if self.x in _LESS_IS_BETTER:
                corner = np.array([next_one[0], one[1]])
            lines += [np.stack([one, corner]), np.stack([corner, next_one])]
        return np.array(lines).reshape(-1, 2, 2)

    def _scale(self, ax: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        for i, (letter, name) in enumerate({"x": self.x, "y": self.y}.items()):
            if name in _LOGARITHMIC:
                axis = (ax.xaxis, ax.yaxis)[i]
                ax.set(**{f"{letter}scale": "log"})
                least, most = self.means[:, i].min(), self.means[:, i].max()
                if most < 1.01 * least:  # a range that matplotlib does not widen
                    ax.set(**{f"{letter}lim": (least / 2, most * 2)})
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter(FuncFormatter(_number))
                axis.set_minor_formatter(NullFormatter())
        ax.set_xlabel(_axis_name(self.x), **PLAIN)
        ax.set_ylabel(_axis_name(self.y), **PLAIN)
        ax.grid(color="#eceff3", linewidth=0.8)
        ax.set_axisbelow(True)


def _number(value: float, position: int | None = None) -> str:
    return f"{value:,.10g}"


def _axis_name(column: str) -> str:
    name = column.replace("_", " ")
    return f"{name} (less is better)" if column in _LESS_IS_BETTER else name


def _rows(frame: Any, x: str, y: str) -> Any:
    """Rows that have numbers, checked."""
    if not hasattr(frame, "columns") or not hasattr(frame, "groupby"):
        raise TypeError(
            f"frame must be a DataFrame of pandas with a row for each run, got "
            f"{quoted(frame)}"
        )
    missing = [
        it for it in ("estimator", "data_set", "seed", x, y) if it not in frame.columns
    ]
    if missing:
        raise ValueError(
            f"frame has no column {listed(missing)}, only "
            f"{quoted(list(frame.columns), 300)}"
        )
    for column in (x, y):
        if frame[column].dtype.kind not in "fiu":
            raise ValueError(
                f"column {quoted(column)} must hold numbers, got dtype "
                f"{quoted(frame[column].dtype)}: pass another as x or y"
            )
    has_numbers = frame[x].notna() & frame[y].notna()
    if "error" in frame.columns:
        has_numbers &= frame["error"].isna() | (frame["error"] == "")
    rows = frame[has_numbers]
    if not len(rows):
        raise ValueError(
            f"frame has no row with numbers in {quoted(x)} and {quoted(y)} and without "
            "an error"
        )
    for column in {x, y} & _LOGARITHMIC:
        if (rows[column] <= 0).any():
            raise ValueError(
                f"column {quoted(column)} must be above 0, got "
                f"{quoted(float(rows[column].min()))}"
            )
    return rows


def _summary(rows: Any, column: str) -> tuple[float, FloatArray]:
    """Mean over data sets, and how far the deviation over seeds reaches."""
    logarithmic = column in _LOGARITHMIC
    values = rows[column].astype(float)
    if logarithmic:
        values = np.log(values)
    mean = float(values.groupby(rows["data_set"]).mean().mean())
    of_seeds = values.groupby(rows["seed"]).mean()
    if len(of_seeds) < 2:
        spread = np.array([np.nan, np.nan])
    else:
        spread = np.full(2, float(of_seeds.std()))
    if not logarithmic:
        return mean, spread
    centre = float(np.exp(mean))
    below, above = spread
    return centre, np.array(
        [centre - np.exp(mean - below), np.exp(mean + above) - centre]
    )
