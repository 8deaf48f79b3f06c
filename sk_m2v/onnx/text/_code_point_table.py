"""A number for every character of Unicode, in a small table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph

N_CODE_POINTS = 0x110000
_PAGE = 256


class PageTable:
    """Looks up a number for code points; equal pages of 256 are stored once.

    Parameters
    ----------
    values : ndarray of shape (0x110000,)
        The numbers, of 32 bits.
    """

    def __init__(self, values: npt.NDArray[np.integer]) -> None:
        pages = values.astype(np.int32).reshape(-1, _PAGE)
        self._pages, numbers = np.unique(pages, axis=0, return_inverse=True)
        self._starts = numbers.ravel().astype(np.int64) * _PAGE

    def find(self, graph: Graph, code_points: str) -> str:
        """Add the nodes that look numbers up.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        code_points : str
            The characters, int64.

        Returns
        -------
        str
            Their numbers, int64 of the same shape.
        """
        page = graph.op("Gather", self._starts, graph.op("Div", code_points, _PAGE))
        place = graph.op("Add", page, graph.op("Mod", code_points, _PAGE))
        found = graph.op("Gather", self._pages.ravel(), place)
        return graph.op("Cast", found, to=TensorProto.INT64)
