"""Labels beside points, placed so that they hide neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sk_m2v.plotting._drawing import GREY, PLAIN, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

FloatArray = npt.NDArray[np.float64]

# Where a label may be, best first: degrees, on circles about its point.
_ANGLES = (0, 180, 90, 270, 45, 315, 135, 225)
_RADII = (8, 13, 20, 34, 50, 68, 88)  # points of print
# From which circle on a line leads from the label to its point.
_WITH_LINE = 2
# What a place costs, in squared pixels hidden: each further circle, and what is cut.
_FURTHER, _OUTSIDE = 15.0, 20.0
# Sides of the square that a point takes, and what a line is wide.
_POINT, _LINE = 12.0, 8.0


def label_points(
    ax: Axes,
    x: FloatArray,
    y: FloatArray,
    labels: Sequence[str],
    lines: FloatArray,
    **options: Any,
) -> list[Annotation]:
    """Write a label beside each point.

    Parameters
    ----------
    ax : Axes
        Where the points are, with the limits that it will have.
    x : ndarray of shape (n,), dtype float64
        Where they are from left to right.
    y : ndarray of shape (n,), dtype float64
        Where they are from bottom to top.
    labels : sequence of str
        What to write.
    lines : ndarray of shape (n_lines, 2, 2), dtype float64
        Both ends of lines, level or upright, that should be seen, too.
    **options
        Those of `matplotlib.text.Text`.

    Returns
    -------
    list of Annotation
        The labels, those that are not beside their point with a line to it.
    """
    from matplotlib.text import Text

    figure = figure_of(ax)
    figure.draw_without_rendering()  # the layout, so that sizes are final
    scale = figure.dpi / 72
    points = ax.transData.transform(np.column_stack([x, y]))
    taken = [_box(px, py, _POINT * scale, _POINT * scale) for px, py in points]
    for ends in lines:
        (x1, y1), (x2, y2) = ax.transData.transform(ends)
        width, height = abs(x2 - x1) + _LINE, abs(y2 - y1) + _LINE
        taken.append(_box((x1 + x2) / 2, (y1 + y2) / 2, width, height))
    frame = np.array(ax.get_window_extent().extents)
    placed = []
    # From top to bottom, so that the order of a crowd is that of its labels.
    for i in np.argsort(-points[:, 1], kind="stable"):
        label = ax.annotate(
            labels[i],
            (x[i], y[i]),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.6, "shrinkB": 3},
            **{"fontsize": 9, **PLAIN, **options},
        )
        px, py = points[i]
        size = Text.get_window_extent(label)  # without the line
        best = (np.inf, 0.0, 0.0, 0)
        for ring, radius in enumerate(_RADII):
            for angle in _ANGLES:
                dx, dy = cos(angle * pi / 180), sin(angle * pi / 180)
                # The label touches the circle with the side that is next to the point.
                dx = dx * (radius * scale + size.width / 2)
                dy = dy * (radius * scale + size.height / 2)
                box = _box(px + dx, py + dy, size.width, size.height)
                hidden = sum(_overlap(box, it) for it in taken)
                outside = size.width * size.height - _overlap(box, frame)
                cost = hidden + _OUTSIDE * max(outside, 0) + _FURTHER * ring
                if cost < best[0] - 1e-6:
                    best = (cost, dx, dy, ring)
        _, dx, dy, ring = best
        label.set_position((dx / scale, dy / scale))
        assert label.arrow_patch is not None, "made with arrowprops"
        label.arrow_patch.set_visible(ring >= _WITH_LINE)
        taken.append(_box(px + dx, py + dy, size.width, size.height))
        placed.append((i, label))
    return [label for _, label in sorted(placed, key=lambda it: int(it[0]))]


def _box(x: float, y: float, width: float, height: float) -> FloatArray:
    """Left, bottom, right and top of what has its middle there."""
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def _overlap(a: FloatArray, b: FloatArray) -> float:
    """Squared pixels that two boxes share."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.maximum(sides, 0)))
