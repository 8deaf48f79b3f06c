"""What all displays share: axes to draw in, vectors of texts, and safe text."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted
from sk_m2v._text import replace_surrogates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Texts of users are no formulas, whatever dollars they have.
PLAIN: dict[str, Any] = {"parse_math": False}
# Texts, lines and frames that are not what is to be seen.
GREY, LIGHT_GREY = "#5b6775", "#c3cad3"


def checked_axes(ax: Any, count: int = 1) -> list[Axes] | None:
    """Look at what was passed as `ax`, before anything is computed.

    Parameters
    ----------
    ax : Axes, sequence of Axes, or None
        What was passed.
    count : int, default=1
        How many are needed.

    Returns
    -------
    list of Axes or None
        None if a new figure is to be made.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If there are more or less.
    """
    from matplotlib.axes import Axes

    if ax is None:
        return None
    found = [ax] if isinstance(ax, Axes) else ax
    if not isinstance(found, list | tuple | np.ndarray) or not all(
        isinstance(it, Axes) for it in np.ravel(found)
    ):
        raise TypeError(
            f"ax must be Axes of matplotlib or None, got {quoted(ax)}: pass what "
            "plt.subplots() gives beside the figure"
        )
    if np.size(found) != count:
        raise ValueError(f"ax must be {count} Axes here, got {np.size(found)}")
    return list(np.ravel(found))


def new_axes(n_rows: int = 1, **options: Any) -> list[Axes]:
    """Make a figure, one that a notebook shows.

    Parameters
    ----------
    n_rows : int, default=1
        How many axes, one above the other.
    **options
        Those of `matplotlib.pyplot.subplots`.

    Returns
    -------
    list of Axes
        Its axes.
    """
    import matplotlib.pyplot as plt

    options = {"layout": "constrained", **options}
    _, axes = plt.subplots(n_rows, squeeze=False, **options)
    return list(axes[:, 0])


def figure_of(ax: Axes) -> Figure:
    """Figure that axes are in.

    Parameters
    ----------
    ax : Axes
        Axes, of a sub-figure or not.

    Returns
    -------
    Figure
        The whole figure.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes that were removed"
    return figure


def one_line(text: Any, limit: int) -> str:
    r"""A text as a label: one line, without what no font can show, not too long.

    Parameters
    ----------
    text : object
        A text, or a label of any type.
    limit : int
        The most characters.

    Returns
    -------
    str
        The text, or its beginning with dots.

    Examples
    --------
    >>> from sk_m2v.plotting._drawing import one_line
    >>> one_line("two\n lines\x00", 20), one_line("a long text", 7)
    ('two lines', 'a long…')
    """
    # Only as much as can be seen: a text may have millions of characters.
    shown = replace_surrogates(str(text)[: 4 * limit + 100])
    shown = "".join(
        " " if unicodedata.category(it) in ("Cc", "Cs", "Zl", "Zp") else it
        for it in shown
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def text_vectors(estimator: Any, texts: list[str]) -> npt.NDArray[Any]:
    """Vectors of texts, by whatever makes them.

    Parameters
    ----------
    estimator : StaticEmbedding, transformer, or estimator with `embedding_`
        What makes vectors.
    texts : list of str
        The texts.

    Returns
    -------
    ndarray or sparse matrix of shape (n_texts, dim)
        Their vectors.

    Raises
    ------
    TypeError
        If it makes none.
    """
    if hasattr(estimator, "transform"):
        vectors = estimator.transform(texts)
    elif hasattr(estimator, "encode"):
        vectors = estimator.encode(texts)
    elif hasattr(estimator, "embedding_"):
        vectors = estimator.embedding_.encode(texts)
    else:
        raise TypeError(
            f"{quoted(estimator)} makes no vectors: pass a StaticEmbedding, a fitted "
            "transformer of texts, or a fitted estimator that has embedding_"
        )
    # Frames, as set_output makes them, are arrays; sparse matrices stay.
    result: npt.NDArray[Any] = (
        vectors if hasattr(vectors, "tocsr") else np.asarray(vectors)
    )
    return result
