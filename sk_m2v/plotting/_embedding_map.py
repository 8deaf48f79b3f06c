"""`EmbeddingMapDisplay`: texts as points of a plane."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import check_array, check_random_state

from sk_m2v._messages import quoted
from sk_m2v._parameters import public
from sk_m2v._text import as_texts
from sk_m2v.plotting._drawing import (
    GREY,
    LIGHT_GREY,
    PLAIN,
    checked_axes,
    figure_of,
    new_axes,
    one_line,
    text_vectors,
)
from sk_m2v.plotting._map_points import (
    checked_labels,
    is_number,
    principal_components,
    sample,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.legend import Legend

# Ten colours can be told apart; with a second marker, twenty classes.
_COLORS, _MARKERS = [f"C{i}" for i in range(10)], ["o", "^"]
_MAX_CLASSES = len(_COLORS) * len(_MARKERS)
_OTHER = "other"
_LABEL_LENGTH = 30


@public("sk_m2v.plotting")
class EmbeddingMapDisplay:
    """Texts as points of a plane, near to each other where their vectors are.

    Make it with `from_estimator` or `from_vectors`.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Where the texts are.
    y : ndarray of shape (n_points,), default=None
        A label of each, or numbers (a float dtype) for a scale of colours.
    indices : ndarray of shape (n_points,), default=None
        Which of the texts they are. None is all.
    axis_names : pair of str, default=("", "")
        What the two directions are.

    Attributes
    ----------
    figure_ : Figure
        The figure.
    ax_ : Axes
        Where the points are.
    scatters_ : dict of object to PathCollection
        The points of each label, "other" being those beyond `max_classes`; under
        None all of them, where there are no labels.
    legend_ : Legend or None
        The labels.
    colorbar_ : Colorbar or None
        The scale of numbers.

    See Also
    --------
    NearestTextsDisplay : What is near to a text, exactly.

    Notes
    -----
    Two directions of hundreds are little: the first two of a PCA are what varies most,
    and points that are far from each other are different; those near to each other need
    not be the same. Their part of the variance is written at the axes. With a
    `sklearn.manifold.TSNE`, neighbours are near, and distances between groups say
    nothing.

    Examples
    --------
    >>> from sk_m2v import StaticEmbedding
    >>> from sk_m2v.plotting import EmbeddingMapDisplay
    >>> texts = ["red apples", "a ripe pear", "tax law", "a court ruling"]
    >>> display = EmbeddingMapDisplay.from_estimator(
    ...     StaticEmbedding.from_pretrained(), texts, ["fruit", "fruit", "law", "law"]
    ... )
    >>> display.points.shape, list(display.scatters_)
    ((4, 2), ['fruit', 'law'])
    """

    def __init__(
        self,
        points: npt.NDArray[Any],
        y: npt.NDArray[Any] | None = None,
        indices: npt.NDArray[np.int64] | None = None,
        axis_names: tuple[str, str] = ("", ""),
    ) -> None:
        self.points = points
        self.y = y
        self.indices = np.arange(len(points)) if indices is None else indices
        self.axis_names = axis_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        reducer: Any = None,
        max_texts: int = 2000,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw texts by the vectors that an estimator makes of them.

        Parameters
        ----------
        estimator : StaticEmbedding, transformer, or estimator with ``embedding_``
            What makes vectors. Pipelines that end in a transformer are transformers.
        X : iterable of str
            Any container of texts.
        y : array-like of shape (n_texts,), default=None
            A label of each text, or numbers (a float dtype) for a scale of colours.
        reducer : object with ``fit_transform``, default=None
            From vectors to two columns, such as `sklearn.manifold.TSNE`; a copy is
            fitted. None is a PCA.
        max_texts : int, default=2000
            How many to draw. Of more, these are taken at random before anything is
            computed.
        random_state : int, RandomState or None, default=None
            Seed of which texts are drawn, and of the PCA.
        ax : Axes, default=None
            Where to draw. None makes a figure.
        **kwargs
            See `plot`.

        Returns
        -------
        EmbeddingMapDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator makes no vectors, or `reducer` has no ``fit_transform``.
        ValueError
            If there are fewer than two texts, or not as many labels as texts.

        Examples
        --------
        >>> from sk_m2v import StaticEmbeddingTransformer
        >>> from sk_m2v.plotting import EmbeddingMapDisplay
        >>> texts = ["red apples", "a ripe pear", "tax law", "a court ruling"]
        >>> transformer = StaticEmbeddingTransformer()
        >>> EmbeddingMapDisplay.from_estimator(
        ...     transformer, texts, max_texts=3, random_state=0
        ... ).indices.tolist()
        [1, 2, 3]
        """
        checked_axes(ax)
        texts = as_texts(X)
        _check_reducer(reducer)
        random_state = check_random_state(random_state)
        labels = checked_labels(y, len(texts))
        indices = sample(len(texts), max_texts, random_state)
        vectors = text_vectors(estimator, [texts[i] for i in indices])
        return cls._from(vectors, labels, indices, reducer, random_state, ax, kwargs)

    @classmethod
    def from_vectors(
        cls,
        vectors: Any,
        y: Any = None,
        *,
        reducer: Any = None,
        max_texts: int = 2000,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw texts by their vectors.

        Parameters
        ----------
        vectors : array-like or sparse matrix of shape (n_texts, dim)
            Vectors, as `StaticEmbedding.encode` gives them.
        y : array-like of shape (n_texts,), default=None
            As in `from_estimator`.
        reducer : object with ``fit_transform``, default=None
            As in `from_estimator`.
        max_texts : int, default=2000
            As in `from_estimator`.
        random_state : int, RandomState or None, default=None
            As in `from_estimator`.
        ax : Axes, default=None
            Where to draw. None makes a figure.
        **kwargs
            See `plot`.

        Returns
        -------
        EmbeddingMapDisplay
            The display.

        Raises
        ------
        TypeError
            If `reducer` has no ``fit_transform``.
        ValueError
            If the vectors are none, there are fewer than two, or not as many labels.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_m2v.plotting import EmbeddingMapDisplay
        >>> vectors = np.random.default_rng(0).normal(size=(10, 5))
        >>> y = np.linspace(0, 1, 10)
        >>> EmbeddingMapDisplay.from_vectors(vectors, y).points.shape
        (10, 2)
        """
        checked_axes(ax)
        _check_reducer(reducer)
        vectors = check_array(vectors, accept_sparse="csr", ensure_min_samples=2)
        random_state = check_random_state(random_state)
        labels = checked_labels(y, vectors.shape[0])
        indices = sample(vectors.shape[0], max_texts, random_state)
        return cls._from(
            vectors[indices], labels, indices, reducer, random_state, ax, kwargs
        )

    @classmethod
    def _from(
        cls,
        vectors: Any,
        labels: npt.NDArray[Any] | None,
        indices: npt.NDArray[np.int64],
        reducer: Any,
        random_state: np.random.RandomState,
        ax: Any,
        options: dict[str, Any],
    ) -> Self:
        names = ("", "")
        if reducer is None:
            points, names = principal_components(vectors, random_state)
        else:
            copy = clone(reducer, safe=False)
            points = np.asarray(copy.fit_transform(vectors))
            if points.shape != (len(indices), 2):
                raise ValueError(
                    f"reducer must give 2 columns, of shape ({len(indices)}, 2), got "
                    f"{points.shape} of {quoted(reducer)}"
                )
            kind = type(reducer).__name__
            names = (f"{kind} 1", f"{kind} 2")
        y = None if labels is None else labels[indices]
        return cls(points, y, indices, names).plot(ax, **options)

    def plot(
        self,
        ax: Any = None,
        *,
        max_classes: int = _MAX_CLASSES,
        cmap: Any = "viridis",
        **kwargs: Any,
    ) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a figure.
        max_classes : int, default=20
            How many labels to tell apart, at most 20. Of more, the rarest are one grey
            group, "other".
        cmap : str or Colormap, default="viridis"
            Colours of numbers.
        **kwargs
            Those of `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        EmbeddingMapDisplay
            The display itself.
        """
        if not is_number(max_classes) or not 1 <= max_classes <= _MAX_CLASSES:
            raise ValueError(
                f"max_classes must be a number from 1 to {_MAX_CLASSES}, got "
                f"{quoted(max_classes)}"
            )
        given = checked_axes(ax)
        # With room for names beside the map.
        (self.ax_,) = given or new_axes(figsize=(6 if self.y is None else 7.6, 4.8))
        self.figure_ = figure_of(self.ax_)
        self.scatters_: dict[Any, PathCollection] = {}
        self.legend_: Legend | None = None
        self.colorbar_: Colorbar | None = None
        # Many points are small and let others through.
        size = float(np.clip(15_000 / len(self.points), 8, 36))
        style = {"s": size, "alpha": 0.75, "linewidths": 0, **kwargs}
        x, y = self.points[:, 0], self.points[:, 1]
        if self.y is None:
            self.scatters_[None] = self.ax_.scatter(x, y, **style)
        elif self.y.dtype.kind == "f":
            shown = self.ax_.scatter(x, y, c=self.y, cmap=cmap, **style)
            self.scatters_[None] = shown
            # The scale is that of the colours as they are, not as they shine through.
            shown.set_alpha(None)
            self.colorbar_ = self.figure_.colorbar(shown, ax=self.ax_)
            shown.set_alpha(style["alpha"])
        else:
            self._plot_classes(self.ax_, self.y.tolist(), int(max_classes), style)
        across, up = self.axis_names
        self.ax_.set_xlabel(across, color=GREY, **PLAIN)
        self.ax_.set_ylabel(up, color=GREY, **PLAIN)
        # Distances count, and no number of an axis means anything.
        self.ax_.set(xticks=[], yticks=[])
        self.ax_.set_aspect("equal", adjustable="datalim")
        return self

    def _plot_classes(
        self, ax: Axes, labels: list[Any], max_classes: int, style: dict[str, Any]
    ) -> None:
        counts = Counter(labels)
        kept = [label for label, _ in counts.most_common(max_classes)]
        # Labels of several types have no order: the most frequent first.
        with suppress(TypeError):
            kept.sort()
        looks: list[dict[str, Any]] = [
            {"color": _COLORS[i % len(_COLORS)], "marker": _MARKERS[i // len(_COLORS)]}
            for i in range(len(kept))
        ]
        place = {label: i for i, label in enumerate(kept)}
        places = np.array([place.get(it, len(kept)) for it in labels])
        names = [one_line(it, _LABEL_LENGTH) for it in kept]
        n_rest = len(counts) - len(kept)
        if n_rest:
            kept.append(_OTHER if _OTHER not in place else f"{_OTHER} classes")
            names.append(f"{_OTHER} ({n_rest} class{'es' * (n_rest > 1)})")
            # Below the others.
            looks.append({"color": LIGHT_GREY, "marker": "o", "zorder": 0.9})
        for i, (label, look) in enumerate(zip(kept, looks, strict=True)):
            x, y = self.points[places == i].T
            self.scatters_[label] = ax.scatter(x, y, **(look | style))
        legend = ax.legend(
            list(self.scatters_.values()),
            [str(i) for i in range(len(names))],
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            borderaxespad=0,
            frameon=False,
            fontsize="small",
        )
        # Set afterwards: matplotlib leaves out labels that begin with "_".
        for text, name in zip(legend.get_texts(), names, strict=True):
            text.set(text=name, **PLAIN)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set(sizes=[30], alpha=1)
        self.legend_ = legend


def _check_reducer(reducer: Any) -> None:
    if reducer is not None and not hasattr(reducer, "fit_transform"):
        raise TypeError(
            f"reducer must have fit_transform, as sklearn.manifold.TSNE has, or be "
            f"None, got {quoted(reducer)}"
        )
