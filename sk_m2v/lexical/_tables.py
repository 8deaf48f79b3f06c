"""Tables that find the columns of n-grams, for whole arrays at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


class Table(Protocol):
    """Finds the columns of keys; -1 stands for a key that has none."""

    def find(self, keys: Int64Array) -> Int32Array: ...


class DirectTable:
    """A column for every key there can be.

    Parameters
    ----------
    keys : ndarray of shape (n_ngrams,), dtype int64
        N-grams, in the order of their columns.
    n_possible : int
        Number of keys there can be.
    """

    def __init__(self, keys: Int64Array, n_possible: int) -> None:
        self._columns = np.full(n_possible, -1, dtype=np.int32)
        self._columns[keys] = np.arange(len(keys), dtype=np.int32)

    def find(self, keys: Int64Array) -> Int32Array:
        """Columns of keys.

        Parameters
        ----------
        keys : ndarray, dtype int64
            N-grams.

        Returns
        -------
        ndarray, dtype int32
            The columns, -1 where there is none.
        """
        return self._columns[keys]


class HashTable:
    """Open addressing with linear probing, for whole arrays at a time.

    Parameters
    ----------
    keys : ndarray of shape (n_ngrams,), dtype int64
        N-grams, in the order of their columns.
    room : int, default=0
        For how many keys there is to be room, if that is more.
    """

    # Slots for each key, at least: with this many, most searches end at the first.
    _SPACE = 4
    # 2**64 divided by the golden ratio spreads consecutive keys evenly.
    _FACTOR = np.uint64(0x9E3779B97F4A7C15)

    def __init__(self, keys: Int64Array, room: int = 0) -> None:
        self.room = max(len(keys), room)
        bits = max((self._SPACE * self.room - 1).bit_length(), 1)
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        self._keys = np.asarray(keys)  # indexing a memmap is slow
        if self.room > len(keys):
            self._keys = np.zeros(self.room, np.int64)
            self._keys[: len(keys)] = keys
        self._columns = np.full(1 << bits, -1, dtype=np.int32)
        self._size = 0
        self._insert(len(keys))

    def __len__(self) -> int:
        """Number of keys."""
        return self._size

    @property
    def keys(self) -> Int64Array:
        """The keys, in the order of their columns."""
        return self._keys[: self._size]

    def add(self, keys: Int64Array) -> None:
        """Give columns to new keys, those after the last.

        Others may search meanwhile, and find what was there before.

        Parameters
        ----------
        keys : ndarray of shape (n,), dtype int64
            Keys that are not there yet, each once. There must be room for them.
        """
        end = self._size + len(keys)
        self._keys[self._size : end] = keys
        self._insert(end)

    def _insert(self, end: int) -> None:
        """Put the columns of all keys up to one into their slots."""
        columns = np.arange(self._size, end, dtype=np.int32)
        slots = self._slots(self._keys[self._size : end])
        while columns.size:
            free = self._columns[slots] < 0
            self._columns[slots[free]] = columns[free]
            # Of several that wanted a slot, one has it now.
            again = self._columns[slots] != columns
            columns, slots = columns[again], self._next(slots[again])
        self._size = end

    def find(self, keys: Int64Array) -> Int32Array:
        """Columns of keys.

        Parameters
        ----------
        keys : ndarray, dtype int64
            N-grams.

        Returns
        -------
        ndarray, dtype int32
            The columns, -1 where there is none.
        """
        if not self.room:
            return np.full(keys.size, -1, dtype=np.int32)
        slots = self._slots(keys)
        found = self._columns[slots]
        # Column -1 reads the last key; whether it is equal does not matter.
        again = ((self._keys[found] != keys) & (found >= 0)).nonzero()[0]
        slots, keys = slots[again], keys[again]
        while again.size:
            slots = self._next(slots)
            columns = self._columns[slots]
            found[again] = columns
            left = ((self._keys[columns] != keys) & (columns >= 0)).nonzero()[0]
            again, slots, keys = again[left], slots[left], keys[left]
        return found

    def _slots(self, keys: Int64Array) -> Int64Array:
        hashes = keys.view(np.uint64) * self._FACTOR
        hashes >>= self._shift
        return hashes.view(np.int64)

    def _next(self, slots: Int64Array) -> Int64Array:
        return (slots + 1) & self._mask
