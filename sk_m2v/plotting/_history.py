"""`TrainingHistoryDisplay`: losses and scores by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from sk_m2v._messages import listed, quoted
from sk_m2v._parameters import public
from sk_m2v.plotting._drawing import GREY, PLAIN, checked_axes, figure_of, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


@public("sk_m2v.plotting")
class TrainingHistoryDisplay:
    """Losses and scores of a training, by epoch.

    Make it with `from_estimator` or `from_history`. Losses are in one panel, and
    scores, where there are any, in a second one below it.

    Parameters
    ----------
    curves : dict of str to ndarray of shape (n_epochs,)
        Values of each metric, NaN where an epoch has none.
    best_epoch : int, default=None
        The epoch to mark, counted from 1; 0 is the start. None marks none.

    Attributes
    ----------
    figure_ : Figure
        The figure.
    ax_ : Axes
        Panel of the losses; of the scores, if there is no loss.
    axes_ : list of Axes
        All panels.
    lines_ : dict of str to Line2D
        The curves.
    best_lines_ : list of Line2D
        The mark of the best epoch in each panel.

    See Also
    --------
    sk_m2v.StaticClassifier : Has a history, as all that is trained in epochs.

    Examples
    --------
    >>> from sk_m2v.plotting import TrainingHistoryDisplay
    >>> history = [
    ...     {"train_loss": 0.9, "valid_loss": 1.0, "valid_accuracy": 0.5},
    ...     {"train_loss": 0.5, "valid_loss": 0.7, "valid_accuracy": 0.8},
    ... ]
    >>> display = TrainingHistoryDisplay.from_history(history, best_epoch=2)
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['loss', 'score']
    """

    def __init__(
        self,
        curves: Mapping[str, npt.NDArray[np.float64]],
        best_epoch: int | None = None,
    ) -> None:
        self.curves = dict(curves)
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        metrics: Sequence[str] | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the training of an estimator.

        Parameters
        ----------
        estimator : fitted estimator
            One that was trained in epochs: `StaticClassifier`, `FromScratchClassifier`,
            `StaticRegressor` or `ContrastiveTransformer`.
        metrics : sequence of str, default=None
            Names in ``history_``. None is every loss and every score.
        ax : Axes or pair of Axes, default=None
            See `plot`.
        **kwargs
            See `plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display. The epoch whose weights were kept is marked if there was
            validation; else it is just the last.

        Raises
        ------
        TypeError
            If the estimator has no history.
        ValueError
            If it has no epochs, or there is no such metric.

        Examples
        --------
        >>> from sk_m2v import StaticClassifier
        >>> from sk_m2v.plotting import TrainingHistoryDisplay
        >>> texts = ["a great film", "a lovely movie", "a dull film", "a boring movie"]
        >>> fitted = StaticClassifier(max_epochs=3, random_state=0)
        >>> fitted.fit(texts, ["+", "+", "-", "-"])
        StaticClassifier(max_epochs=3, random_state=0)
        >>> display = TrainingHistoryDisplay.from_estimator(fitted)
        >>> display.lines_["train_loss"].get_xdata().tolist()
        [1, 2, 3]
        """
        check_is_fitted(estimator)
        history = getattr(estimator, "history_", None)
        name = type(estimator).__name__
        if history is None:
            raise TypeError(
                f"{quoted(name)} has no history_: pass an estimator that was trained "
                "in epochs, such as StaticClassifier; of a pipeline its last step, of "
                "a search its best_estimator_"
            )
        if not any("epoch" in row for row in history):
            raise ValueError(
                f"{quoted(name)} was not trained in epochs, there is nothing to draw"
            )
        validated = any(key.startswith("valid_") for row in history for key in row)
        best_epoch = getattr(estimator, "best_epoch_", None) if validated else None
        return cls.from_history(
            history, metrics=metrics, best_epoch=best_epoch, ax=ax, **kwargs
        )

    @classmethod
    def from_history(
        cls,
        history: Sequence[Mapping[str, Any]],
        *,
        metrics: Sequence[str] | None = None,
        best_epoch: int | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a history.

        Parameters
        ----------
        history : list of dict
            One entry an epoch, from names to values.
        metrics : sequence of str, default=None
            Which of the names to draw. None is all that are numbers, without
            ``"epoch"``, ``"dur"``, and those of events; of equal ones the last.
        best_epoch : int, default=None
            The epoch to mark, counted from 1; 0 is the start. None marks none.
        ax : Axes or pair of Axes, default=None
            See `plot`.
        **kwargs
            See `plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display.

        Raises
        ------
        TypeError
            If the history is no list of dicts.
        ValueError
            If it is empty, there is no such metric or epoch, or a metric has no number.

        Examples
        --------
        >>> from sk_m2v.plotting import TrainingHistoryDisplay
        >>> history = [{"train_loss": 0.9}, {"train_loss": 0.5}]
        >>> display = TrainingHistoryDisplay.from_history(history)
        >>> display.curves
        {'train_loss': array([0.9, 0.5])}
        """
        if isinstance(history, Mapping | str) or not all(
            isinstance(it, Mapping) for it in history
        ):
            raise TypeError(
                f"history must be a list of a dict an epoch, got {quoted(history)}"
            )
        curves = _curves(history)
        if metrics is not None:
            names = [metrics] if isinstance(metrics, str) else list(metrics)
            unknown = [it for it in names if it not in curves]
            if unknown or not names:
                raise ValueError(
                    f"there are no numbers for {listed(unknown)} in metrics, only for "
                    f"{listed(curves, 8)}"
                )
            curves = {it: curves[it] for it in names}
        else:
            curves = _distinct({it: curves[it] for it in curves if _is_metric(it)})
        if not curves:
            raise ValueError(
                f"history has no metrics, got {quoted(list(history))}: it must have an "
                "entry an epoch, from names such as 'train_loss' to numbers"
            )
        n_epochs = len(history)
        if best_epoch is not None and not 0 <= best_epoch <= n_epochs:
            raise ValueError(
                f"best_epoch must be from 0, the start, to the number of epochs, "
                f"{len(history)}, got {quoted(best_epoch)}"
            )
        return cls(curves, best_epoch).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or pair of Axes, default=None
            Where. One of these is divided where there are both losses and scores; of a
            pair, such as ``axes_`` of another display, the second gets the scores. None
            makes a figure.
        **kwargs
            Those of `matplotlib.axes.Axes.plot`, for all curves.

        Returns
        -------
        TrainingHistoryDisplay
            The display itself.
        """
        losses = [it for it in self.curves if it.endswith("loss")]
        scores = [it for it in self.curves if it not in losses]
        panels = {
            label: names
            for label, names in (("loss", losses), ("score", scores))
            if names
        }
        self.axes_ = _panels(ax, len(panels))
        self.ax_ = self.axes_[0]
        self.figure_ = figure_of(self.ax_)
        self.lines_: dict[str, Line2D] = {}
        self.best_lines_: list[Line2D] = []
        colors = {name: f"C{i}" for i, name in enumerate([*losses, *scores])}
        for panel, (label, names) in zip(self.axes_, panels.items(), strict=True):
            self._plot_panel(panel, label, {it: colors[it] for it in names}, kwargs)
        self.axes_[-1].set_xlabel("epoch")
        return self

    def _plot_panel(
        self, ax: Axes, label: str, colors: dict[str, str], options: dict[str, Any]
    ) -> None:
        from matplotlib.ticker import MaxNLocator

        for name, color in colors.items():
            values = self.curves[name]
            # One epoch is no line.
            style: dict[str, Any] = {
                "color": color,
                "marker": "o" if len(values) < 40 else "",
            }
            style |= {"markersize": 4, **options}
            epochs = np.arange(1, len(values) + 1)
            (self.lines_[name],) = ax.plot(epochs, values, label=name, **style)
        if self.best_epoch is not None:
            name = "start" if self.best_epoch == 0 else f"epoch {self.best_epoch}"
            self.best_lines_.append(
                ax.axvline(
                    self.best_epoch,
                    color=GREY,
                    linestyle="--",
                    linewidth=1,
                    zorder=1,
                    label=f"best: {name}",
                )
            )
        ax.set_ylabel(label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.spines[["top", "right"]].set_visible(False)
        for text in ax.legend(frameon=False).get_texts():
            text.set(**PLAIN)


def _curves(history: Sequence[Mapping[str, Any]]) -> dict[str, npt.NDArray[np.float64]]:
    """Numbers of each name, in the order of their first epochs."""
    curves: dict[str, npt.NDArray[np.float64]] = {}
    for i, row in enumerate(history):
        for name, value in row.items():
            is_number = isinstance(value, int | float | np.integer | np.floating)
            if is_number and not isinstance(value, bool):
                curve = curves.setdefault(name, np.full(len(history), np.nan))
                curve[i] = value
    return curves


def _is_metric(name: str) -> bool:
    """Whether to draw it unasked: seconds and step sizes have other units."""
    return name not in ("epoch", "dur") and not name.startswith(("event_", "lr"))


def _distinct(
    curves: dict[str, npt.NDArray[np.float64]],
) -> dict[str, npt.NDArray[np.float64]]:
    """One of those that are equal, such as "valid_acc" and "valid_accuracy": the last.

    The one drawn first would not be seen.
    """
    last = {values.tobytes(): name for name, values in curves.items()}
    return {it: curves[it] for it in curves if it in last.values()}


def _panels(ax: Any, n: int) -> list[Axes]:
    """Axes for each panel, the second below the first."""
    if ax is None:
        size = (6.4, 2.2 + 2 * n)
        return new_axes(n, sharex=True, figsize=size)
    found = checked_axes(ax, 1 if np.size(ax) == 1 else n)
    assert found is not None, "not None above"
    if len(found) < n:
        from mpl_toolkits.axes_grid1 import make_axes_locatable

        divider = make_axes_locatable(found[0])
        below = divider.append_axes("bottom", "100%", pad=0.1, sharex=found[0])
        found[0].tick_params(labelbottom=False)
        found.append(below)
    return found
