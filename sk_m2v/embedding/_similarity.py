"""What is near to what, among texts: by the cosine of their vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import check_count, quoted
from sk_m2v._parameters import public
from sk_m2v._text import as_texts
from sk_m2v.embedding._pooling import normalize_rows

Float32Array = npt.NDArray[np.float32]

# Rows and columns that are compared at once: 8 MB of similarities.
_ROWS, _COLUMNS = 512, 4096
# By how much float32 can miss a similarity of 1.
_ROUNDING = 2e-6


@public("sk_m2v.embedding")
class Neighbours(NamedTuple):
    """The nearest texts of each query.

    Attributes
    ----------
    indices : ndarray of shape (n_queries, n), dtype int64
        Which texts, the nearest first.
    scores : ndarray of shape (n_queries, n), dtype float32
        Their cosines.
    """

    indices: npt.NDArray[np.int64]
    scores: Float32Array


@public("sk_m2v.embedding")
class Duplicates(NamedTuple):
    """Pairs of texts that are nearly the same.

    Attributes
    ----------
    pairs : ndarray of shape (n_pairs, 2), dtype int64
        Which texts, the smaller index first; ordered by it.
    scores : ndarray of shape (n_pairs,), dtype float32
        Their cosines.
    """

    pairs: npt.NDArray[np.int64]
    scores: Float32Array


class SimilarityMixin(ABC):
    """Comparing texts."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Number of dimensions of a vector."""

    @abstractmethod
    def encode(
        self, texts: Iterable[str], *, normalize: bool | None = None
    ) -> npt.NDArray[Any]:
        """See `StaticEmbedding`."""  # numpydoc ignore=PR01

    def similarity(self, a: Any, b: Any = None) -> Float32Array:
        """Cosines of texts.

        Parameters
        ----------
        a : str, iterable of str, or ndarray of shape (n_a, dim)
            One text, texts, or vectors that `encode` gave.
        b : str, iterable of str, or ndarray of shape (n_b, dim), default=None
            What to compare with. None is `a`.

        Returns
        -------
        ndarray of shape (n_a, n_b), dtype float32
            From -1 to 1. A text without known tokens has 0 with every other.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> model = StaticEmbedding.from_pretrained()
        >>> scores = model.similarity("a red apple", ["green apples", "tax law"])
        >>> scores.shape, bool(scores[0, 0] > scores[0, 1])
        ((1, 2), True)
        """
        first = self._unit_vectors(a, "a")
        second = first if b is None else self._unit_vectors(b, "b")
        scores: Float32Array = first @ second.T
        return scores

    def nearest(
        self, queries: Any, texts: Any, n: int = 10, *, show_progress: bool = False
    ) -> Neighbours:
        """Texts that are nearest to queries, in bounded memory.

        Parameters
        ----------
        queries : str, iterable of str, or ndarray of shape (n_queries, dim)
            Texts, or vectors that `encode` gave.
        texts : iterable of str, or ndarray of shape (n_texts, dim)
            What to search, likewise.
        n : int, default=10
            How many texts to return for each query, at most all.
        show_progress : bool, default=False
            Whether to show a progress bar.

        Returns
        -------
        Neighbours
            `indices` and `scores`, of shape (n_queries, n).

        Notes
        -----
        Every query is compared with every text, in blocks: exact, and fast enough for
        some hundred thousand texts. For millions, use an index of nearest neighbours.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> model = StaticEmbedding.from_pretrained()
        >>> texts = ["red apples", "tax law", "a green apple", "court ruling"]
        >>> model.nearest(["fruit", "judge"], texts, n=2).indices.tolist()
        [[0, 2], [3, 1]]
        """
        check_count(n, "texts")
        first = self._unit_vectors(queries, "queries")
        second = self._unit_vectors(texts, "texts")
        n = min(int(n), len(second))
        indices = np.empty((len(first), n), np.int64)
        scores = np.empty((len(first), n), np.float32)
        for rows in _progress(len(first), "queries", show_progress):
            found = np.empty((rows.stop - rows.start, 0), np.float32)
            places = np.empty((rows.stop - rows.start, 0), np.int64)
            for columns in _blocks(len(second), _COLUMNS):
                block = first[rows] @ second[columns].T
                numbers = np.arange(columns.start, columns.stop)
                found = np.hstack([found, block])
                places = np.hstack([places, np.broadcast_to(numbers, block.shape)])
                found, places = _largest(found, places, n)
            scores[rows], indices[rows] = found, places
        return Neighbours(indices, scores)

    def near_duplicates(
        self,
        texts: Any,
        threshold: float = 0.95,
        *,
        max_pairs: int = 10_000_000,
        show_progress: bool = False,
    ) -> Duplicates:
        """Pairs of texts that are nearly the same, in bounded memory.

        Parameters
        ----------
        texts : iterable of str, or ndarray of shape (n_texts, dim)
            Texts, or vectors that `encode` gave.
        threshold : float, default=0.95
            Smallest cosine of a pair. 1 finds texts of the same tokens in any order.
        max_pairs : int, default=10_000_000
            At how many pairs to give up, as memory would.
        show_progress : bool, default=False
            Whether to show a progress bar.

        Returns
        -------
        Duplicates
            `pairs` of shape (n_pairs, 2) and `scores` of shape (n_pairs,).

        Raises
        ------
        ValueError
            If there are more pairs than `max_pairs`, or `threshold` is no cosine above
            0.

        Notes
        -----
        Every text is compared with every other, in blocks. Texts without known tokens
        are like no other.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> model = StaticEmbedding.from_pretrained()
        >>> texts = ["Ship it today.", "Taxes are due.", "ship it today!", "Hello"]
        >>> model.near_duplicates(texts, 0.8).pairs.tolist()
        [[0, 2]]
        """
        if not (isinstance(threshold, float | int | np.number) and 0 < threshold <= 1):
            raise ValueError(
                f"threshold must be above 0 and at most 1, got {quoted(threshold)}"
            )
        vectors = self._unit_vectors(texts, "texts")
        pairs, scores, n_pairs = [], [], 0
        for rows in _progress(len(vectors), "texts", show_progress):
            for columns in _blocks(len(vectors), _COLUMNS, rows.start):
                block = vectors[rows] @ vectors[columns].T
                a, b = np.nonzero(block >= threshold - _ROUNDING)
                later = b + columns.start > a + rows.start
                a, b = a[later], b[later]
                n_pairs += len(a)
                if n_pairs > max_pairs:
                    raise ValueError(
                        f"there are more than max_pairs={quoted(max_pairs)} pairs "
                        f"among {len(vectors)} texts: pass a higher threshold than "
                        f"{quoted(threshold)}, or leave out texts that are equal first"
                    )
                pairs.append(np.stack([a + rows.start, b + columns.start], axis=1))
                scores.append(block[a, b])
        found = np.concatenate([np.empty((0, 2), np.int64), *pairs])
        order = np.lexsort((found[:, 1], found[:, 0]))
        all_scores = np.concatenate([np.empty(0, np.float32), *scores])
        return Duplicates(found[order], all_scores[order])

    def _unit_vectors(self, X: Any, name: str) -> Float32Array:
        """Vectors of length 1 of texts, or of vectors."""
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiu":
            dim = self.dim
            if X.ndim != 2 or X.shape[1] != dim:
                raise ValueError(
                    f"{name} must be texts or vectors of shape (n, {dim}), got an "
                    f"array of shape {X.shape}"
                )
            bad = ~np.isfinite(X).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"Row {int(bad.argmax())} of {name} (counted from 0) has NaN or "
                    "infinity: leave out vectors that are no vectors of texts"
                )
            return unit_vectors(X)
        texts = [X] if isinstance(X, str) else as_texts(X)
        return unit_vectors(self.encode(texts, normalize=True))


def unit_vectors(vectors: npt.NDArray[Any]) -> Float32Array:
    """Scale vectors to length 1.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim)
        The vectors.

    Returns
    -------
    ndarray of shape (n, dim), dtype float32
        A copy, in which zeros stay.
    """
    scaled = np.array(vectors, dtype=np.float32, order="C")
    normalize_rows(scaled)
    return scaled


def _blocks(n: int, size: int, first: int = 0) -> Iterator[slice]:
    for start in range(first, n, size):
        yield slice(start, min(start + size, n))


def _progress(n: int, unit: str, show: bool) -> Iterator[slice]:
    """Blocks of rows, with a progress bar."""
    from tqdm.auto import tqdm

    with tqdm(total=n, unit=f" {unit}", unit_scale=True, disable=not show) as bar:
        for rows in _blocks(n, _ROWS):
            yield rows
            bar.update(rows.stop - rows.start)


def _largest(
    scores: Float32Array, places: npt.NDArray[np.int64], n: int
) -> tuple[Float32Array, npt.NDArray[np.int64]]:
    """The `n` largest of each row, in order; of equals those with the first places."""
    if scores.shape[1] > n:
        # All that reach the n-th largest value: the sort below takes the first of them.
        least = np.partition(scores, -n, axis=1)[:, -n]
        width = int((scores >= least[:, None]).sum(axis=1).max())
        kept = np.argsort(scores < least[:, None], axis=1, kind="stable")[:, :width]
        scores = np.take_along_axis(scores, kept, axis=1)
        places = np.take_along_axis(places, kept, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(places, order, 1)
