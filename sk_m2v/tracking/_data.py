"""Hashes that tell whether two runs saw the same data."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import joblib

from sk_m2v._text import as_texts


def digest(values: Any) -> str:
    """Hash of texts or labels.

    Parameters
    ----------
    values : array-like
        Texts or labels in any container.

    Returns
    -------
    str
        32 hexadecimal digits. Equal texts have equal hashes in a list, an array and a
        Series; so have lists and arrays of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_m2v.tracking._data import digest
    >>> digest(["a", "b"]) == digest(np.array(["a", "b"]))
    True
    >>> digest(["a", "b"]) == digest(["ab", ""])
    False
    """
    try:
        rows: Any = as_texts(values, missing="empty")
    except (TypeError, ValueError):
        rows = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(rows, list):
        try:
            text = json.dumps(rows)
        except (TypeError, ValueError):
            pass
        else:
            return sha256(text.encode()).hexdigest()[:32]
    return str(joblib.hash(values))


def n_rows(values: Any) -> int:
    """Number of rows of any container.

    Parameters
    ----------
    values : array-like
        The container.

    Returns
    -------
    int
        Its rows.
    """
    shape = getattr(values, "shape", None)
    return int(shape[0]) if shape else len(values)
