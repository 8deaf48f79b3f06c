"""The parts of a model, and whether they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Parts:
    """What makes a model: the arguments of `StaticEmbedding`."""

    vectors: Array
    tokenizer: str
    config: Mapping[str, Any]
    weights: Array | None = None
    token_mapping: Array | None = None


def read_only(array: Array | None, dtype: Any = None) -> Any:
    """View of an array that cannot be written through; None stays None.

    Parameters
    ----------
    array : ndarray or None
        The array, converted only where `dtype` asks for it.
    dtype : dtype, optional
        Type of the result.

    Returns
    -------
    ndarray or None
        The view.
    """
    if array is None:
        return None
    view = np.asarray(array, dtype=dtype).view(np.ndarray)
    view.flags.writeable = False
    return view


def check_parts(parts: Parts, n_tokens: int) -> None:
    """Refuse parts that are damaged or do not belong together.

    Parameters
    ----------
    parts : Parts
        The parts.
    n_tokens : int
        Number of tokens of the tokenizer.

    Raises
    ------
    TypeError, ValueError
        For the first fault found.
    """
    vectors, mapping, weights = parts.vectors, parts.token_mapping, parts.weights
    if vectors.dtype != np.int8 and not np.issubdtype(vectors.dtype, np.floating):
        raise TypeError(
            f"vectors must be floats or int8, got {shortened(vectors.dtype)}"
        )
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ValueError(f"vectors must have two dimensions, got shape {vectors.shape}")
    _check_finite("vectors", vectors)
    if mapping is None and len(vectors) != n_tokens:
        raise ValueError(
            f"the tokenizer has {n_tokens} tokens, and there are {len(vectors)} "
            "vectors: they do not belong together (or a token mapping is missing)"
        )
    if mapping is not None:
        _check_length("token mapping", mapping, n_tokens)
        if n_tokens and not 0 <= mapping.min() <= mapping.max() < len(vectors):
            raise ValueError(f"the token mapping leads outside {len(vectors)} vectors")
    if weights is not None:
        _check_length("weights", weights, n_tokens)
        _check_finite("weights", weights)
    check_config(parts.config)


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse a configuration that says what cannot be.

    Parameters
    ----------
    config : mapping
        The configuration.

    Raises
    ------
    ValueError
        For the first fault found.
    """
    length = config.get("max_length")
    if length is not None and (type(length) is not int or length < 1):
        raise ValueError(
            "max_length of the configuration must be None or at least 1, got "
            f"{length!r}"
        )
    if not isinstance(config.get("normalize", False), (bool, type(None))):
        raise ValueError(
            "normalize of the configuration must be true or false, got "
            f"{quoted(config['normalize'])}"
        )


def _check_finite(name: str, array: Array) -> None:
    if array.dtype == np.int8 or np.isfinite(array).all():
        return
    row = int(
        np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0]
    )
    raise ValueError(f"{name} hold NaN or infinity, first for row {row}")


def _check_length(name: str, array: Array, n_tokens: int) -> None:
    if array.shape != (n_tokens,):
        raise ValueError(
            f"the tokenizer has {n_tokens} tokens, and the {name} have shape "
            f"{array.shape}"
        )
