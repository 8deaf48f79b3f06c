"""Strings of symbols as integers: what stands for a hash map in a graph.

onnxruntime's LabelEncoder looks up an integer in a few nanoseconds, but has no keys of
several symbols. Such a key becomes one integer: each symbol has a random number of 64
bits, and the j-th is multiplied by the j-th power of an odd number, modulo 2**64. The
keys of a table are checked to be distinct. A string that is no key is taken for one
with a probability of about n_keys / 2**63.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from sk_m2v.onnx.graph._builder import Graph

Int64Array = npt.NDArray[np.int64]

# Length and id of what is found are one integer: the longest is the largest. The id is
# one more, so that 0 is left for nothing.
_ID = 2**32
# Odd numbers whose powers differ in all bits.
BASES = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_SEED = 20240


def powers(base: int, n: int) -> Int64Array:
    """Powers of a number modulo 2**64, from the first.

    Parameters
    ----------
    base : int
        The number.
    n : int
        How many.

    Returns
    -------
    ndarray of shape (n,), dtype int64
        The powers.
    """
    return np.array([pow(base, i + 1, 2**64) for i in range(n)], np.uint64).view(
        np.int64
    )


class SymbolTable:
    """Finds the longest key that begins at given positions of a text of symbols.

    Parameters
    ----------
    n_symbols : int
        Symbols are numbers from 0, and below this.
    *keys : iterable of (sequence of int, int)
        Sets of keys with their ids. A position is looked up in one of the sets.
    """

    def __init__(
        self, n_symbols: int, *keys: Iterable[tuple[Sequence[int], int]]
    ) -> None:
        random = np.random.default_rng(_SEED)
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        self.codes: Int64Array = random.integers(low, high, n_symbols, endpoint=True)
        sets = [list(it) for it in keys]
        self.longest = max((len(key) for it in sets for key, _ in it), default=1)
        self.powers = [powers(base, self.longest) for base in BASES[: len(sets)]]
        self._entries: dict[int, int] = {}
        for entries, factors in zip(sets, self.powers, strict=True):
            for key, index in entries:
                with np.errstate(over="ignore"):
                    hashed = (self.codes[list(key)] * factors[: len(key)]).sum()
                if self._entries.setdefault(int(hashed), -1) != -1:
                    raise AssertionError(f"two keys have the hash {hashed}")
                self._entries[int(hashed)] = len(key) * _ID + index + 1

    def padded(self, graph: Graph, symbols: str) -> str:
        """Codes of symbols, followed by as many as the longest key has.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        symbols : str
            The symbols, int64 of shape (n,).

        Returns
        -------
        str
            The codes.
        """
        end = np.zeros(self.longest, np.int64)
        return graph.op("Gather", self.codes, graph.op("Concat", symbols, end, axis=0))

    def find(
        self, graph: Graph, codes: str, first: str, which: int = 0, ends: str = ""
    ) -> str:
        """Longest keys from some positions on.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        codes : str
            Of `padded`.
        first : str
            Where to begin, int64 of shape (n,).
        which : int, default=0
            Number of the set of keys.
        ends : str, default=""
            Where a key must have ended, int64 of shape (n,). Not needed where a symbol
            that no key has stands there.

        Returns
        -------
        str
            What was found, for `lengths` and `ids`, int64 of shape (n,). Where there
            is no key, it has length 1 and id -1.
        """
        at = graph.op("Unsqueeze", first, [1])
        at = graph.op("Add", at, np.arange(self.longest))
        window = graph.op("Mul", graph.op("Gather", codes, at), self.powers[which])
        found = graph.lookup(graph.op("CumSum", window, 1), self._entries, _ID)
        if ends:
            inside = graph.op("Less", at, graph.op("Unsqueeze", ends, [1]))
            found = graph.op("Where", inside, found, _ID)
        return graph.op("ReduceMax", found, [1], keepdims=0)

    @staticmethod
    def lengths(graph: Graph, found: str) -> str:
        """Length of each key that was found; 1 for none.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        found : str
            Of `find`.

        Returns
        -------
        str
            The lengths.
        """
        return graph.op("Div", found, _ID)

    @staticmethod
    def ids(graph: Graph, found: str) -> str:
        """Id of each key that was found; -1 for none.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        found : str
            Of `find`.

        Returns
        -------
        str
            The ids.
        """
        return graph.op("Sub", graph.op("Mod", found, _ID), 1)
