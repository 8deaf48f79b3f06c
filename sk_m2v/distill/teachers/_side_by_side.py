"""The vectors of several teachers side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sk_m2v.distill.teachers._cache import VectorCache
from sk_m2v.distill.teachers._callable import SentenceTeacher

FloatArray = npt.NDArray[np.float32]


def side_by_side(
    texts: list[str],
    teachers: Sequence[SentenceTeacher],
    caches: Sequence[VectorCache],
    *,
    verbose: bool,
) -> tuple[FloatArray, list[slice]]:
    """Have one teacher after the other read texts: one at a time takes a device.

    Parameters
    ----------
    texts : list of str
        The texts, one at least.
    teachers : sequence of SentenceTeacher
        The teachers.
    caches : sequence of VectorCache
        The cache of each.
    verbose : bool
        Whether to show a progress bar for each.

    Returns
    -------
    vectors : ndarray of shape (n_texts, sum of dims), dtype float32
        Vectors of the texts.
    columns : list of slice
        Which of them are those of each teacher.

    Raises
    ------
    OSError, ValueError
        As in `VectorCache.vectors`.

    Examples
    --------
    >>> from sk_m2v.distill.teachers._cache import VectorCache
    >>> from sk_m2v.distill.teachers._callable import CallableTeacher
    >>> def lengths(texts):
    ...     return [[len(text)] for text in texts]
    >>> def vowels(texts):
    ...     return [[text.count(vowel) for vowel in "ae"] for text in texts]
    >>> teachers = [CallableTeacher(lengths), CallableTeacher(vowels)]
    >>> caches = [VectorCache(None, it) for it in teachers]
    >>> side_by_side(["a", "tea"], teachers, caches, verbose=False)
    (array([[1., 1., 0.],
           [3., 1., 1.]], dtype=float32), [slice(0, 1, None), slice(1, 3, None)])
    """
    if len(teachers) == 1:
        vectors = _read(texts, teachers[0], caches[0], verbose)
        return vectors, [slice(0, vectors.shape[1])]
    pairs = list(zip(teachers, caches, strict=True))
    # The first text tells how much room they need, without a second copy of it all; and
    # what is wrong with one of them, before others have read for hours.
    widths = [_read(texts[:1], *pair, verbose=False).shape[1] for pair in pairs]
    stops = np.cumsum(widths).tolist()
    columns = [
        slice(stop - width, stop) for stop, width in zip(stops, widths, strict=True)
    ]
    vectors = np.empty((len(texts), stops[-1]), np.float32)
    for some, pair in zip(columns, pairs, strict=True):
        vectors[:, some] = _read(texts, *pair, verbose=verbose)
    return vectors, columns


def _read(
    texts: list[str], teacher: SentenceTeacher, cache: VectorCache, verbose: bool
) -> FloatArray:
    with teacher.ready():
        return cache.vectors(texts, teacher.encode, verbose=verbose)
