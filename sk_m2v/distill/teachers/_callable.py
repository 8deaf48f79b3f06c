"""Teachers that are any function or fitted transformer from texts to vectors."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from typing import Any, Protocol

import joblib
import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened


class SentenceTeacher(Protocol):
    """What every teacher can do."""

    @property
    def name(self) -> str:
        """What to call it: an id on the hub, a folder, a function or a class."""

    @property
    def key(self) -> str:
        """Hexadecimal digest of all that determines its vectors."""

    @property
    def max_length(self) -> int | None:
        """Tokens of a text that it reads; None for all, or where it is not known."""

    def ready(self) -> AbstractContextManager[None]:
        """Context in which it is used: whatever takes time is done once."""

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Vectors of texts.

        Parameters
        ----------
        texts : list of str
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            One finite vector a text.
        """


class CallableTeacher:
    """A function from texts to vectors, or an object with such a method `transform`.

    Parameters
    ----------
    teacher : callable or object with a method `transform`
        Takes a list of str and returns a matrix with a row for each: an array, a
        tensor, a frame or a list of lists.
    prompt : str, default=""
        Put before each text.

    Attributes
    ----------
    name : str
        Name of the function, or of the object's class.

    Examples
    --------
    >>> from sk_m2v.distill.teachers._callable import CallableTeacher
    >>> teacher = CallableTeacher(lambda texts: [[len(text), 1.0] for text in texts])
    >>> teacher.encode(["a", "abc"])
    array([[1., 1.],
           [3., 1.]], dtype=float32)
    """

    max_length = None

    def __init__(self, teacher: Any, prompt: str = "") -> None:
        self._teacher = teacher
        self._prompt = prompt
        self._call: Callable[[list[str]], Any] = getattr(teacher, "transform", teacher)
        self._width: int | None = None
        named = teacher.func if isinstance(teacher, partial) else teacher
        self.name: str = getattr(named, "__qualname__", type(named).__qualname__)

    @cached_property
    def key(self) -> str:
        """Hexadecimal digest of the teacher as pickled, and of a function's source.

        What a function finds outside itself is not seen.

        Raises
        ------
        ValueError
            If the teacher cannot be pickled.
        """
        try:
            state = joblib.hash(self._teacher)
        except Exception as error:  # whatever the teacher's parts raise
            raise ValueError(
                f"the teacher {shortened(self.name)} cannot be pickled "
                f"({shortened(error)}), and so not be recognised again: set "
                "cache_dir=None, or make it a function of a module or an instance of a "
                "class of one"
            ) from error
        # A function is pickled as its name.
        source = ""
        if inspect.isfunction(self._teacher):
            try:
                source = inspect.getsource(self._teacher)
            except (OSError, TypeError):
                source = self._teacher.__code__.co_code.hex()
        parts = [getattr(self._teacher, "__module__", ""), self.name, state, source]
        if self._prompt:
            parts.append(self._prompt)
        return hashlib.blake2b(repr(parts).encode(), digest_size=32).hexdigest()

    def ready(self) -> AbstractContextManager[None]:
        """Context in which it is used."""
        return nullcontext()

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Vectors of texts.

        Parameters
        ----------
        texts : list of str
            The texts. The teacher is not called if there are none.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            The vectors.

        Raises
        ------
        ValueError
            If the teacher returns anything else than one finite vector a text, or not
            as many numbers as before. What the teacher raises comes through as it is.
        """
        if not texts:
            return np.empty((0, self._width or 0), dtype=np.float32)
        read = [self._prompt + text for text in texts]
        vectors = check_vectors(self._call(read), texts, name=self.name)
        if self._width not in (None, vectors.shape[1]):
            raise ValueError(
                f"the teacher {shortened(self.name)} gives vectors of "
                f"{vectors.shape[1]} numbers, and gave {self._width} before: texts "
                "must not change their number"
            )
        self._width = vectors.shape[1]
        return vectors


def is_callable_teacher(teacher: Any) -> bool:
    """Tell whether a teacher is a function or transformer of texts.

    Parameters
    ----------
    teacher : object
        What the user gave.

    Returns
    -------
    bool
        False for names, folders and pairs, for classes, and for modules of torch, which
        can be called, but not with texts.
    """
    if isinstance(teacher, str | os.PathLike | tuple | type):
        return False
    if has_base(teacher, "torch.nn", "Module"):
        return False
    return hasattr(teacher, "transform") or callable(teacher)


def has_base(value: Any, package: str, name: str) -> bool:
    """Tell whether a value is an instance of a class, without importing its package.

    Parameters
    ----------
    value : object
        Any value.
    package : str
        Package that the class is in, or below.
    name : str
        Name of the class.

    Returns
    -------
    bool
        Whether one of its classes has that name and place.

    Examples
    --------
    >>> from collections import Counter
    >>> has_base(Counter(), "collections", "Counter"), has_base({}, "torch", "Module")
    (True, False)
    """
    return any(
        base.__name__ == name and f"{base.__module__}.".startswith(f"{package}.")
        for base in type(value).__mro__
    )


def check_vectors(
    result: Any, texts: list[str], *, name: str
) -> npt.NDArray[np.float32]:
    """Turn what a teacher returns into a matrix, or say what is wrong with it.

    Parameters
    ----------
    result : array-like of shape (n_texts, dim)
        What the teacher has returned: an array, tensor, frame or list of lists.
    texts : list of str of length n_texts
        What it was given.
    name : str
        The teacher.

    Returns
    -------
    ndarray of shape (n_texts, dim), dtype float32
        Finite vectors.

    Raises
    ------
    ValueError
        If `result` is anything else.
    """
    must = (
        f"the teacher {name} must return a matrix of numbers with a row for each text"
    )
    if type(result).__module__.startswith("scipy.sparse"):
        raise ValueError(
            f"{must}, and returns a sparse one of shape {result.shape}: reduce it, for "
            "example with make_pipeline(teacher, TruncatedSVD(256))"
        )
    if isinstance(result, list | tuple):
        result = [_from_tensor(row) for row in result]
    try:
        matrix = np.asarray(_from_tensor(result))
    except ValueError as error:  # rows of several lengths
        raise ValueError(
            f"{must}, all of the same length: {shortened(error)}"
        ) from error
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"{must}, and returns {quoted(result)}")
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError(f"{must}, and returns one of shape {matrix.shape}")
    if len(matrix) != len(texts):
        raise ValueError(f"{must}, and returns {len(matrix)} for {len(texts)} texts")
    with np.errstate(over="ignore"):
        vectors = matrix.astype(np.float32)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        row = int(finite.argmin())
        raise ValueError(
            f"the teacher {name} gives NaN, infinity or a number too large for float32 "
            f"for {int((~finite).sum())} of {len(texts)} texts, the first of them "
            f"{shorten(texts[row])}: leave such texts out, or let the "
            "teacher return zeros for what it cannot read"
        )
    return vectors


def shorten(text: str) -> str:
    """Beginning of a text, for messages.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Its representation, 60 characters of it at most.

    Examples
    --------
    >>> shorten("short"), len(shorten("long " * 99))
    ("'short'", 65)
    """
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _from_tensor(value: Any) -> Any:
    """Array of a tensor of torch, wherever it is, and whatever its type."""
    return value.detach().cpu().float().numpy() if hasattr(value, "detach") else value
