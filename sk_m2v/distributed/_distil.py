"""Distilling where workers read for the teacher, which takes nearly all the time."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted
from sk_m2v.distill import DistillTransformer
from sk_m2v.distill._teachers import as_prompts, as_teachers, load_teacher
from sk_m2v.distill.teachers._callable import is_callable_teacher
from sk_m2v.distributed._collections import as_partitions

FloatArray = npt.NDArray[np.float32]

# Texts of a task: some seconds of a transformer's time, so that workers share well.
_TASK = 256
_LOADING = Lock()


def distil(
    distiller: DistillTransformer, X: Any, *, column: str | None = None
) -> DistillTransformer:
    """Fit a `DistillTransformer`, and have the workers of Dask read for its teachers.

    All but the passes of the teachers happens here: sentences are drawn from `X`, of
    which a partition at a time is in memory, and `cache_dir` is a folder of this
    machine.

    Parameters
    ----------
    distiller : DistillTransformer
        What to fit. Each teacher is a folder that all workers can read, the id of a
        model of the Hugging Face Hub, or a function or fitted transformer, which is
        sent to them.
    X : dask Bag, Series, DataFrame or Array
        The corpus, a text each row.
    column : str or None, default=None
        Column of a frame that has the texts. None is for frames with one column.

    Returns
    -------
    DistillTransformer
        The `distiller`, fitted. Vectors differ by rounding from those of its own `fit`,
        as texts are read in other batches.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        As in `DistillTransformer.fit`. TypeError also if `X` is no collection of Dask,
        or a teacher a loaded model, which would be sent with every task.

    Examples
    --------
    >>> import dask.bag
    >>> from sk_m2v import DistillTransformer
    >>> from sk_m2v.distributed import distil
    >>> def vowels(texts):
    ...     return [[text.count(vowel) for vowel in "aeiou"] for text in texts]
    >>> texts = ["a cat", "the dog", "two red cats", "you see a moose", "odd birds"]
    >>> distiller = DistillTransformer(vowels, pca_dims=None, random_state=0)
    >>> X = dask.bag.from_sequence(texts, npartitions=2)
    >>> distil(distiller, X).transform(["a red moose"]).shape
    (1, 5)
    """
    partitions = as_partitions(X, column)
    for teacher in as_teachers(distiller.teacher):
        if not isinstance(teacher, str | Path) and not is_callable_teacher(teacher):
            raise TypeError(
                f"teacher={quoted(teacher)} would be sent with every task: save it to "
                "a folder that all workers can read, and pass the path"
            )
    fitted = _Distributed(**distiller.get_params(deep=False))
    fitted.fit(text for part in partitions.parts for text in part.compute())
    distiller.__dict__.update(vars(fitted))
    return distiller


class _Distributed(DistillTransformer):
    """Has the workers of Dask read for its teachers."""

    def _readers(self, teachers: list[Any]) -> list[Any]:
        given = as_teachers(self.teacher)
        prompts = as_prompts(self.prompt, len(given))
        how = {"pooling": self.pooling, "device": self.device, "dtype": self.dtype}
        return [
            _Reader(it, prompt, how) for it, prompt in zip(given, prompts, strict=True)
        ]


class _Reader:
    """Reads texts with a teacher that each worker loads once.

    Parameters
    ----------
    teacher : object
        What to load it from.
    prompt : str or None
        What to put before each text.
    how : dict
        The other arguments of `load_teacher`.
    """

    def __init__(self, teacher: Any, prompt: str | None, how: dict[str, Any]) -> None:
        from dask.delayed import delayed

        # Sent once, however many tasks there are; its name tells workers what they
        # have loaded already.
        self._arguments = delayed((uuid4().hex, teacher, prompt, how), traverse=False)

    def ready(self) -> AbstractContextManager[None]:
        """Nothing to get ready here.

        Returns
        -------
        context manager
            Does nothing.
        """
        return nullcontext()

    def encode(self, texts: list[str]) -> FloatArray:
        """Vectors of texts.

        Parameters
        ----------
        texts : list of str
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            The vectors.
        """
        from dask.base import compute
        from dask.delayed import delayed

        # By length, as padding is work.
        order = np.argsort([len(it) for it in texts], kind="stable")
        parts = np.array_split(order, -(-len(texts) // _TASK))
        read = delayed(_read)
        tasks = [read([texts[i] for i in part], self._arguments) for part in parts]
        blocks: tuple[FloatArray, ...] = compute(*tasks)  # type: ignore[no-untyped-call]
        vectors = np.empty((len(texts), blocks[0].shape[1]), np.float32)
        vectors[order] = np.concatenate(blocks)
        return vectors


# The teacher of the latest tasks, by its name. One, as several may not fit.
_LOADED: dict[str, Any] = {}


def _read(texts: list[str], arguments: tuple[str, Any, str | None, Any]) -> FloatArray:
    name, teacher, prompt, how = arguments
    with _LOADING:
        if name not in _LOADED:
            _LOADED.clear()
            _LOADED[name] = load_teacher(teacher, prompt, **how)
        loaded = _LOADED[name]
    with loaded.ready():
        vectors: FloatArray = loaded.encode(texts)
    return vectors
