"""`NearestTextsDisplay`: what is nearest to a text, and how near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sk_m2v._messages import quoted
from sk_m2v._parameters import public
from sk_m2v._text import as_texts
from sk_m2v.embedding import Neighbours
from sk_m2v.plotting._drawing import (
    GREY,
    PLAIN,
    checked_axes,
    figure_of,
    new_axes,
    one_line,
    text_vectors,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

# Characters of a text, and of a query above its bars.
_TEXT, _QUERY = 50, 70


@public("sk_m2v.plotting")
class NearestTextsDisplay:
    """The texts that are nearest to a query, with their similarities as bars.

    Make it with `from_estimator` or `from_neighbours`. Several queries have a panel
    each.

    Parameters
    ----------
    queries : list of str
        The queries.
    texts : list of list of str
        The nearest texts of each query, the nearest first.
    scores : ndarray of shape (n_queries, k)
        Their cosines.

    Attributes
    ----------
    figure_ : Figure
        The figure.
    ax_ : Axes
        The panel of the first query.
    axes_ : list of Axes
        The panels of all queries.
    bars_ : list of BarContainer
        The bars of each query.

    See Also
    --------
    sk_m2v.StaticEmbedding.nearest : The same as numbers.

    Examples
    --------
    >>> from sk_m2v import StaticEmbedding
    >>> from sk_m2v.plotting import NearestTextsDisplay
    >>> display = NearestTextsDisplay.from_estimator(
    ...     StaticEmbedding.from_pretrained(),
    ...     "fruit",
    ...     ["red apples", "tax law", "a green apple"],
    ...     k=2,
    ... )
    >>> display.texts
    [['red apples', 'a green apple']]
    """

    def __init__(
        self, queries: Sequence[str], texts: Sequence[Sequence[str]], scores: Any
    ) -> None:
        self.queries = list(queries)
        self.texts = [list(it) for it in texts]
        self.scores = np.asarray(scores)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        queries: Any,
        texts: Any,
        *,
        k: int = 10,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Search texts, and draw what is found.

        Parameters
        ----------
        estimator : StaticEmbedding, or fitted estimator with ``embedding_``
            What makes vectors. A transformer makes them with its own settings.
        queries : str or iterable of str
            One query, or several.
        texts : iterable of str
            What to search.
        k : int, default=10
            How many texts to find for each query, at most all.
        ax : Axes or sequence of Axes, default=None
            See `plot`.
        **kwargs
            See `plot`.

        Returns
        -------
        NearestTextsDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator has no embedding, or texts are none.
        ValueError
            If there are no queries or no texts, or `k` is no number of texts.

        Examples
        --------
        >>> from sk_m2v import StaticEmbeddingTransformer
        >>> from sk_m2v.plotting import NearestTextsDisplay
        >>> transformer = StaticEmbeddingTransformer().fit()
        >>> display = NearestTextsDisplay.from_estimator(
        ...     transformer, ["fruit", "judge"], ["an apple", "a court"], k=1
        ... )
        >>> display.texts
        [['an apple'], ['a court']]
        """
        asked, searched = _queries(queries), as_texts(texts)
        checked_axes(ax, len(asked))
        if not searched:
            raise ValueError("texts must be at least one text to search, got none")
        embedding = getattr(estimator, "embedding_", estimator)
        if not hasattr(embedding, "nearest"):
            raise TypeError(
                f"{quoted(estimator)} has no embedding to search with: pass a "
                "StaticEmbedding, or a fitted estimator that has embedding_"
            )
        found = embedding.nearest(
            text_vectors(estimator, asked), text_vectors(estimator, searched), n=k
        )
        return cls.from_neighbours(found, asked, searched, ax=ax, **kwargs)

    @classmethod
    def from_neighbours(
        cls,
        neighbours: Neighbours,
        queries: Any,
        texts: Any,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what was found.

        Parameters
        ----------
        neighbours : Neighbours
            What `StaticEmbedding.nearest` gave, or any such pair of indices and scores.
        queries : str or iterable of str
            The queries, as they were given.
        texts : iterable of str
            The texts that were searched.
        ax : Axes or sequence of Axes, default=None
            See `plot`.
        **kwargs
            See `plot`.

        Returns
        -------
        NearestTextsDisplay
            The display.

        Raises
        ------
        ValueError
            If neighbours, queries and texts do not belong together.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> from sk_m2v.plotting import NearestTextsDisplay
        >>> texts = ["red apples", "tax law"]
        >>> found = StaticEmbedding.from_pretrained().nearest("fruit", texts, n=1)
        >>> NearestTextsDisplay.from_neighbours(found, "fruit", texts).texts
        [['red apples']]
        """
        asked, searched = _queries(queries), as_texts(texts)
        indices, scores = map(np.asarray, neighbours)
        if indices.shape != scores.shape or indices.shape[:-1] != (len(asked),):
            raise ValueError(
                f"neighbours must have a row for each of {len(asked)} queries, got "
                f"indices of shape {indices.shape} and scores of shape {scores.shape}"
            )
        if indices.size and not 0 <= indices.min() <= indices.max() < len(searched):
            raise ValueError(
                f"neighbours has index {quoted(int(indices.max()))}, and there are "
                f"{len(searched)} texts: pass the texts that were searched"
            )
        found = [[searched[i] for i in row] for row in indices.tolist()]
        return cls(asked, found, scores).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : Axes or sequence of Axes, default=None
            Where to draw, one for each query. None makes a figure.
        **kwargs
            Those of `matplotlib.axes.Axes.barh`.

        Returns
        -------
        NearestTextsDisplay
            The display itself.
        """
        n, k = self.scores.shape
        given = checked_axes(ax, n)
        size = (7.5, n * (0.7 + 0.27 * k) + 0.3)
        self.axes_ = given or new_axes(n, sharex=True, figsize=size)
        self.ax_ = self.axes_[0]
        self.figure_ = figure_of(self.ax_)
        self.bars_ = [
            self._plot_query(panel, i, kwargs) for i, panel in enumerate(self.axes_)
        ]
        self.axes_[-1].set_xlabel("cosine similarity")
        return self

    def _plot_query(self, ax: Axes, i: int, options: dict[str, Any]) -> BarContainer:
        scores = self.scores[i]
        places = np.arange(len(scores))
        bars = ax.barh(places, scores, **{"height": 0.7, "color": "C0", **options})
        ax.bar_label(bars, fmt="%.2f", padding=3, fontsize="small", color=GREY)
        names = [one_line(it, _TEXT) for it in self.texts[i]]
        ax.set_yticks(places, names, fontsize="small", **PLAIN)
        ax.invert_yaxis()  # the nearest is on top
        # Room for the numbers; cosines below 0 are rare among the nearest.
        least = min(float(scores.min(initial=0)), 0.0)
        ax.set_xlim(least and least - 0.1, max(1.0, float(scores.max(initial=0)) + 0.1))
        title = one_line(self.queries[i], _QUERY)
        ax.set_title(title, loc="left", fontsize="medium", **PLAIN)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.axvline(0, color=GREY, linewidth=0.8)
        return bars


def _queries(queries: Any) -> list[str]:
    found = [queries] if isinstance(queries, str) else as_texts(queries)
    if not found:
        raise ValueError("queries must be one text or more, got none")
    return found
