"""`ExplanationDisplay`: a text, its tokens coloured by what they add to a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted
from sk_m2v._parameters import public
from sk_m2v.plotting._drawing import (
    GREY,
    PLAIN,
    checked_axes,
    figure_of,
    new_axes,
    one_line,
)
from sk_m2v.train import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.text import Text

# Inches of a new figure, and of its text at most. It is made as high as its text.
_WIDTH, _HEIGHT, _MAX_HEIGHT = 7.0, 2.0, 8.0
# Inches above the text, for the title, and below it, for the scale.
_ABOVE, _BELOW = 0.4, 0.75
# Part of the width that is left empty on each side.
_SIDE = 0.03
# Between tokens and between lines, in heights of letters.
_GAP, _LINE = 0.55, 2.0
_TOKEN_LENGTH = 40


@public("sk_m2v.plotting")
class ExplanationDisplay:
    """A text whose tokens are coloured by what they add to the score of a class.

    Make it with `from_estimator` or `from_explanation`. In a notebook, it is also shown
    as text, with tokens for the class in green and those against it in red.

    Parameters
    ----------
    explanation : Explanation
        What a fitted estimator says of a text.
    label : object, default=None
        The class; for numbers, which of them. None is that of the largest score.

    Attributes
    ----------
    figure_ : Figure
        The figure.
    ax_ : Axes
        Where the text is.
    texts_ : list of Text
        The tokens that there was room for.
    colorbar_ : Colorbar
        The scale.

    See Also
    --------
    sk_m2v.StaticClassifier.explain : The same as numbers.

    Examples
    --------
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.plotting import ExplanationDisplay
    >>> texts = ["a great film", "a lovely film", "a dull film", "a boring film"]
    >>> fitted = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
    >>> display = ExplanationDisplay.from_estimator(fitted, "a great film", "+")
    >>> [text.get_text() for text in display.texts_]
    ['a', 'great', 'film']
    >>> display.shares.argmax()
    np.int64(1)
    """

    def __init__(self, explanation: Explanation, label: Any = None) -> None:
        self.explanation = explanation
        self.label = label

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """What each token adds to the score; of two classes, to its lead."""
        return self.explanation._for(self.explanation._column(self.label))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        text: str,
        label: Any = None,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Explain a text, and draw it.

        Parameters
        ----------
        estimator : fitted estimator
            A classifier or regressor of this package: one that has ``explain``.
        text : str
            The text.
        label : object, default=None
            The class; for numbers, which of them. None is that of the largest score.
        ax : Axes, default=None
            Where to draw. None makes a figure.
        **kwargs
            See `plot`.

        Returns
        -------
        ExplanationDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator explains nothing, or `text` is no text.
        ValueError
            If there is no such class.

        Examples
        --------
        >>> from sk_m2v import StaticRegressor
        >>> from sk_m2v.plotting import ExplanationDisplay
        >>> texts = ["a great film", "a lovely film", "a dull film", "a boring film"]
        >>> fitted = StaticRegressor(random_state=0).fit(texts, [9, 8, 3, 2])
        >>> ExplanationDisplay.from_estimator(fitted, "a dull film").shares.argmin()
        np.int64(1)
        """
        if not hasattr(estimator, "explain"):
            raise TypeError(
                f"{quoted(type(estimator).__name__)} has no explain: pass a fitted "
                "classifier or regressor of this package; of a pipeline its last step"
            )
        if not isinstance(text, str):
            raise TypeError(f"text must be one text, a str, got {quoted(text)}")
        checked_axes(ax)
        (explanation,) = estimator.explain([text])
        return cls.from_explanation(explanation, label, ax=ax, **kwargs)

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        label: Any = None,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw an explanation.

        Parameters
        ----------
        explanation : Explanation
            What ``explain`` of a fitted estimator gave for a text.
        label : object, default=None
            The class; for numbers, which of them. None is that of the largest score.
        ax : Axes, default=None
            Where to draw. None makes a figure.
        **kwargs
            See `plot`.

        Returns
        -------
        ExplanationDisplay
            The display.

        Raises
        ------
        TypeError
            If it is no explanation.
        ValueError
            If there is no such class.

        Examples
        --------
        >>> from sk_m2v import FeatureExtractionClassifier
        >>> from sk_m2v.plotting import ExplanationDisplay
        >>> texts = ["a great film", "a lovely film", "a dull film", "a boring film"]
        >>> fitted = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
        >>> (explanation,) = fitted.explain(["a great film"])
        >>> ExplanationDisplay.from_explanation(explanation).ax_.get_title("left")
        "'+': score +2.40"
        """
        if not isinstance(explanation, Explanation):
            raise TypeError(
                f"explanation must be one that explain gave for a text, got "
                f"{quoted(explanation)}"
            )
        return cls(explanation, label).plot(ax, **kwargs)

    def plot(
        self, ax: Any = None, *, cmap: Any = "PiYG", fontsize: float = 11, **kwargs: Any
    ) -> Self:
        """Draw the text.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a figure that the text fits into, and a text that
            is longer than a page is cut, as one that does not fit is.
        cmap : str or Colormap, default="PiYG"
            Colours from the most against to the most for the class.
        fontsize : float, default=11
            Size of the letters in points.
        **kwargs
            Those of `matplotlib.text.Text`.

        Returns
        -------
        ExplanationDisplay
            The display itself.
        """
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import CenteredNorm
        from mpl_toolkits.axes_grid1 import make_axes_locatable

        found, column = self.explanation, self.explanation._column(self.label)
        given = checked_axes(ax)
        (self.ax_,) = given or new_axes(figsize=(_WIDTH, _HEIGHT), layout="none")
        self.figure_ = figure_of(self.ax_)
        if given is None:
            self.figure_.subplots_adjust(left=_SIDE, right=1 - _SIDE)
        self.ax_.set_axis_off()
        score = found._for(column, found.intercept[None] + found.shares.sum(axis=0))[0]
        how = "" if found.exact else " (each token left out alone)"
        title = f"{one_line(found._name(column), 60)}: score {score:+.2f}{how}"
        self.ax_.set_title(title, loc="left", fontsize=fontsize, **PLAIN)
        colors = ScalarMappable(
            CenteredNorm(halfrange=float(abs(self.shares).max(initial=0)) or 1.0), cmap
        )
        # Of a fixed height, however high the text is.
        below = make_axes_locatable(self.ax_).append_axes("bottom", 0.1, pad=0.1)
        self.colorbar_ = self.figure_.colorbar(
            colors, cax=below, orientation="horizontal"
        )
        self.colorbar_.set_label("share of the score", fontsize="small")
        self.colorbar_.ax.tick_params(labelsize="small")
        self.colorbar_.outline.set_visible(False)
        self._write(given is None, colors, {"fontsize": fontsize, **kwargs})
        return self

    def _repr_html_(self) -> str:
        """The text with its tokens coloured, for notebooks."""
        return self.explanation._html(self.label)

    def _write(
        self, is_new: bool, colors: ScalarMappable, options: dict[str, Any]
    ) -> None:
        """Write tokens from left to right, and from top to bottom."""
        ax, figure = self.ax_, self.figure_
        figure.draw_without_rendering()  # the layout, so that sizes are final
        frame = ax.get_window_extent()
        em = float(options["fontsize"]) * figure.dpi / 72
        height = _MAX_HEIGHT * figure.dpi if is_new else frame.height
        n_lines = max(int(height / (_LINE * em)), 1)
        self.texts_: list[Text] = []
        places: list[tuple[float, int]] = []
        x, line = 0.0, 0
        fills = colors.to_rgba(self.shares)
        for token, fill in zip(self.explanation.tokens, fills, strict=True):
            text = _token(ax, one_line(token, _TOKEN_LENGTH), fill, options)
            width = text.get_window_extent().width
            if x > 0 and x + width > frame.width:
                x, line = 0.0, line + 1
            if line == n_lines:
                text.remove()
                break
            self.texts_.append(text)
            places.append((x, line))
            x += width + _GAP * em
        if is_new:
            n_lines = 1 + max((it for _, it in places), default=0)
            inches = n_lines * _LINE * em / figure.dpi + _ABOVE + _BELOW
            figure.set_size_inches(_WIDTH, inches)
            below, above = 0.55 / inches, 1 - _ABOVE / inches
            figure.subplots_adjust(bottom=below, top=above)
            figure.draw_without_rendering()
            frame = ax.get_window_extent()
        for text, (x, line) in zip(self.texts_, places, strict=True):
            down = (line + 0.5) * _LINE * em
            text.set_position((x / frame.width, 1 - down / frame.height))
        n_more = len(self.explanation.tokens) - len(self.texts_)
        if n_more:
            ax.text(
                1,
                1 - (n_lines + 0.3) * _LINE * em / frame.height,
                f"and {n_more} more tokens",
                ha="right",
                va="center",
                transform=ax.transAxes,
                color=GREY,
                fontsize="small",
            )


def _token(ax: Axes, token: str, fill: Any, options: dict[str, Any]) -> Text:
    """A token on its colour, in black or white, whichever can be read there."""
    red, green, blue, _ = fill
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
    return ax.text(
        0,
        0,
        token,
        transform=ax.transAxes,
        va="center_baseline",
        bbox={"boxstyle": "round,pad=0.2", "facecolor": fill, "edgecolor": "none"},
        **{"color": "white" if is_dark else "black", **PLAIN, **options},
    )
