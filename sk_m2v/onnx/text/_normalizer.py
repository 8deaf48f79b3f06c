"""Texts to normalised characters and added tokens, in a graph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import filled
from sk_m2v.onnx.models._word_model import GAP
from sk_m2v.onnx.text._added_tokens import AddedTokens
from sk_m2v.onnx.text._character_table import CharacterTable
from sk_m2v.onnx.text._code_point_table import PageTable
from sk_m2v.onnx.text._code_points import code_points
from sk_m2v.onnx.text._probe import SPACE
from sk_m2v.onnx.text._split import characters


class Entries:
    """Reads texts as entries of a table of characters.

    Parameters
    ----------
    table : CharacterTable
        What becomes of characters.
    raw : AddedTokens or None
        Tokens to look for among rows, before normalisation.
    normal : AddedTokens or None
        Tokens to look for among entries, after it.
    """

    def __init__(
        self,
        table: CharacterTable,
        raw: AddedTokens | None,
        normal: AddedTokens | None,
    ) -> None:
        self._table = table
        self._row_of = PageTable(table.row_of)
        self._raw = raw
        self._normal = normal

    def numbers(self, unknown_symbol: int) -> npt.NDArray[np.int64]:
        """Symbol of each entry.

        Parameters
        ----------
        unknown_symbol : int
            That of entries that the model does not know.

        Returns
        -------
        ndarray of shape (n_entries,), dtype int64
            The symbols; GAP for spaces.
        """
        table = self._table
        unknown = (table.numbers == GAP) & (table.kinds != SPACE)
        return np.where(unknown, unknown_symbol, table.numbers)

    def read(self, graph: Graph, strings: str) -> tuple[str, str, str]:
        """Add the nodes that normalise strings and look for added tokens.

        Parameters
        ----------
        graph : Graph
            Where to add them.
        strings : str
            Strings of shape (n_strings,), none of them empty.

        Returns
        -------
        entries : str
            The entries, int64 of shape (n_entries,).
        kinds : str
            Their classes, int64 of the same shape.
        sources : str
            Index of the string that each is from, int64 of the same shape, ascending.
        """
        parts = characters(graph, strings)
        sources = parts.sources
        rows = self._row_of.find(graph, code_points(graph, parts.strings))
        if self._raw is not None:
            rows = self._raw.replace(graph, rows, sources)
        table = graph.op("Gather", self._table.rows, rows)
        entries, places = filled(graph, table, table)
        sources = graph.op("Gather", sources, graph.op("Gather", places, 0, axis=0))
        if self._normal is not None:
            is_word = ""
            if self._normal.single.any():
                is_word = graph.op("Gather", self._table.is_word, entries)
            entries = self._normal.replace(graph, entries, sources, is_word)
            entries, sources = graph.compress(
                graph.op("Cast", entries, to=TensorProto.BOOL), entries, sources
            )
        return entries, graph.op("Gather", self._table.kinds, entries), sources
