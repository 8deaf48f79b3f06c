"""What the estimators over texts share."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Any

from sk_m2v._sklearn import Interval, StrOptions
from sk_m2v._text import MISSING
from sk_m2v.embedding import StaticEmbedding

# Of the parameters that every estimator has which reads texts with a model.
TEXT_CONSTRAINTS: dict[str, list[Any]] = {
    "model": [str, Path, StaticEmbedding, None],
    "max_length": [
        Interval(Integral, 1, None, closed="left"),
        StrOptions({"auto"}),
        None,
    ],
    "missing": [StrOptions(set(MISSING))],
    "n_jobs": [Integral, None],
}


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
