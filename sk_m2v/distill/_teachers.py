"""The parameter `teacher`, which may be several, and those that go with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_m2v._messages import listed, quoted
from sk_m2v._optional import require
from sk_m2v.distill.teachers._callable import CallableTeacher, is_callable_teacher


def as_teachers(teacher: Any) -> list[Any]:
    """Teachers that a user gave.

    Parameters
    ----------
    teacher : object
        One, or a list of some. A tuple is one: a model and its tokenizer.

    Returns
    -------
    list
        The teachers.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not isinstance(teacher, list):
        return [teacher]
    if not teacher:
        raise ValueError(
            "teacher=[] has no teacher to learn from: put one or more into the list"
        )
    return teacher


def as_prompts(prompt: Any, n_teachers: int) -> list[str | None]:
    """Prompt of each teacher.

    Parameters
    ----------
    prompt : str, sequence of str or None
        The parameter.
    n_teachers : int
        Number of teachers.

    Returns
    -------
    list of str or None
        The prompts. None is that which comes with the teacher.

    Raises
    ------
    ValueError
        If there is not one for each teacher.
    """
    if prompt is None or isinstance(prompt, str):
        return [prompt] * n_teachers
    prompts = list(prompt)
    if len(prompts) != n_teachers or not all(isinstance(it, str) for it in prompts):
        raise ValueError(
            f"prompt has {len(prompts)} values ({listed(prompts)}), and must be a text "
            f"for each of the teachers, of which there are {n_teachers}, or one for "
            "all: '' puts nothing before the texts of a teacher"
        )
    return prompts


def as_weights(teacher_weights: Any, n_teachers: int) -> list[float]:
    """Weight of each teacher.

    Parameters
    ----------
    teacher_weights : sequence of float or None
        The parameter.
    n_teachers : int
        Number of teachers.

    Returns
    -------
    list of float
        The weights; 1 for all where there are none.

    Raises
    ------
    ValueError
        If there is not one positive number for each teacher.
    """
    if teacher_weights is None:
        return [1.0] * n_teachers
    try:
        weights = np.asarray(teacher_weights, float)
        good = weights.shape == (n_teachers,) and bool(
            np.all((weights > 0) & np.isfinite(weights))
        )
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(
            f"teacher_weights={quoted(teacher_weights)} must be a positive number for "
            f"each of the teachers, of which there are {n_teachers}: leave a teacher "
            "out that is to have no weight"
        )
    return [float(weight) for weight in weights]


def load_teacher(
    teacher: Any, prompt: str | None, *, pooling: str, device: str | None, dtype: str
) -> Any:
    """Load a teacher, with torch only where it needs that.

    Parameters
    ----------
    teacher : object
        One teacher.
    prompt : str or None
        What to put before each text.
    pooling, device, dtype : object
        As in `sk_m2v.distill.teachers._load.load_teacher`.

    Returns
    -------
    TransformerTeacher or CallableTeacher
        The teacher.

    Raises
    ------
    ImportError
        If it needs torch or transformers, and they are not installed.
    OSError, TypeError, ValueError
        If it cannot be loaded.
    """
    if is_callable_teacher(teacher):
        return CallableTeacher(teacher, prompt or "")
    for module in ("torch", "transformers"):
        require(module, extra="distill")
    from sk_m2v.distill.teachers import _load

    return _load.load_teacher(
        teacher, pooling=pooling, device=device, dtype=dtype, prompt=prompt
    )
