"""Parameters as the steps of distilling read them, and as a model remembers them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sk_m2v._messages import quoted, shortened

# Tokens of a text that a distilled model reads, as in model2vec.
MAX_LENGTH = 512


def plain(value: Any) -> Any:
    """Python's own type for a number of NumPy: the configuration is written as JSON.

    Parameters
    ----------
    value : object
        Value of a parameter.

    Returns
    -------
    object
        The value, or the number.
    """
    return value.item() if isinstance(value, np.generic) else value


def is_auto(value: Any) -> bool:
    """Tell whether a parameter, which may be an array, is "auto".

    Parameters
    ----------
    value : object
        Value of a parameter.

    Returns
    -------
    bool
        Whether it is.
    """
    return isinstance(value, str) and value == "auto"


def model_config(dim: int, pca_dims: Any, sif_coefficient: Any) -> dict[str, Any]:
    """Metadata as in a ``config.json`` of model2vec.

    Parameters
    ----------
    dim : int
        Number of dimensions.
    pca_dims, sif_coefficient : object
        Parameters of the estimator.

    Returns
    -------
    dict
        For `StaticEmbedding`.
    """
    return {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "apply_pca": pca_dims,
        "sif_coefficient": sif_coefficient,
        "hidden_dim": dim,
        "seq_length": 1_000_000,
        "normalize": True,
        "max_length": MAX_LENGTH,
    }


def compiled(pattern: str | None) -> re.Pattern[str] | None:
    """Compile a regular expression.

    Parameters
    ----------
    pattern : str or None
        The parameter `token_remove_pattern`.

    Returns
    -------
    re.Pattern or None
        The expression.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"token_remove_pattern={quoted(pattern)} is no regular expression: "
            f"{shortened(error)}"
        ) from error
