"""What the estimators over texts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Literal

from sk_m2v._messages import quoted
from sk_m2v._parameters import parameters
from sk_m2v._sklearn import Interval, StrOptions
from sk_m2v._text import MISSING
from sk_m2v.embedding import StaticEmbedding


@parameters
class ReadingParameters:  # numpydoc ignore=PR02
    """How texts are taken out of their container.

    Parameters
    ----------
    missing : {"error", "empty"}
        What to do with None, NaN and the like: refuse them, or read them as "".
    n_jobs : int or None
        Number of threads. None is 1 unless in a joblib context, -1 is all.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "missing": [StrOptions(set(MISSING))],
        "n_jobs": [Integral, None],
    }

    missing: str = "error"
    n_jobs: int | None = None


@parameters
class TextParameters(ReadingParameters):  # numpydoc ignore=PR02
    """How texts are read with a model.

    Parameters
    ----------
    max_length : int, "auto" or None
        Tokens of each text to read. "auto" does what the model says (mostly 512), None
        reads all.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_length": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
    }

    max_length: int | Literal["auto"] | None = "auto"


@parameters
class ModelParameter:  # numpydoc ignore=PR02
    """Where the embedding of an estimator comes from.

    Parameters
    ----------
    model : str, Path, StaticEmbedding or None
        A folder, the id of a model on the Hugging Face Hub (``"owner/name"``), or a
        model. None is the model that comes with this package.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [str, Path, StaticEmbedding, None]
    }

    model: str | Path | StaticEmbedding | None = field(default=None, kw_only=False)


def as_embedding(model: str | Path | StaticEmbedding | None) -> StaticEmbedding:
    """Model that a parameter `model` stands for.

    Parameters
    ----------
    model : str, Path, StaticEmbedding or None
        A model, or what `StaticEmbedding.from_pretrained` takes.

    Returns
    -------
    StaticEmbedding
        The model.
    """
    if isinstance(model, StaticEmbedding):
        return model
    return StaticEmbedding.from_pretrained(model)


class TextTagsMixin:
    """Tags of a transformer whose input is texts, not a matrix."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []  # always float32
        return tags


def checked_range(
    name: str, value: Sequence[Any], longest: int | None = None
) -> tuple[int, int]:
    """Shortest and longest n-gram, from what the user says.

    Parameters
    ----------
    name : str
        The parameter.
    value : tuple or list of (int, int)
        What the user says.
    longest : int or None, default=None
        How long they may be. None for any length.

    Returns
    -------
    tuple of (int, int)
        The lengths.

    Raises
    ------
    ValueError
        If these are no such lengths.
    """
    if (
        len(value) != 2
        or not all(isinstance(n, Integral) for n in value)
        or not 1 <= value[0] <= value[1]
        or (longest is not None and value[1] > longest)
    ):
        end = "" if longest is None else f" <= {longest}"
        raise ValueError(
            f"{name} must be two integers, 1 <= shortest <= longest{end}, got "
            f"{quoted(value)}"
        )
    return int(value[0]), int(value[1])
