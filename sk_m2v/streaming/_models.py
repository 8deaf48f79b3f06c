"""Whatever makes vectors of texts, as a function and what tells it from others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import numpy.typing as npt

from sk_m2v._load import load, model_sha256
from sk_m2v._messages import quoted, shortened
from sk_m2v._version import package_version
from sk_m2v.embedding.storage._source import DEFAULT_MODEL

# Tried in this order.
_METHODS = ("encode", "transform", "predict_proba")


class Encoder(NamedTuple):  # numpydoc ignore=PR02
    """What makes vectors.

    Parameters
    ----------
    apply : callable
        From a list of texts to a matrix of numbers, a row each.
    fingerprint : dict
        What its results depend on.
    """

    apply: Callable[[list[str]], npt.NDArray[Any]]
    fingerprint: dict[str, Any]


def encoder(model: Any, method: str | None = None, **how: Any) -> Encoder:
    """Find what makes vectors in a model.

    Parameters
    ----------
    model : str, Path, StaticEmbedding, estimator or None
        As in `sk_m2v.streaming.encode`.
    method : str or None, default=None
        As there.
    **how
        Options of the method.

    Returns
    -------
    Encoder
        The function, and what tells the model from others.

    Raises
    ------
    TypeError
        If there is no such method, or the model cannot be pickled.
    """
    if model is None:
        model = DEFAULT_MODEL
    if isinstance(model, str | Path):
        content = model_sha256(model)
        model = load(model, expected_sha256=content)
    else:
        content = _content(model)
    names = _METHODS if method is None else (method,)
    name = next((it for it in names if callable(getattr(model, it, None))), None)
    if name is None:
        raise TypeError(
            f"a {type(model).__name__} has no method "
            f"{shortened(' or '.join(names))}: give a path, a StaticEmbedding or a "
            "fitted estimator, and the name of its method"
        )
    function = getattr(model, name)

    def apply(texts: list[str]) -> npt.NDArray[Any]:
        rows = function(texts, **how)
        return _matrix(rows, len(texts), f"{type(model).__name__}.{name}")

    fingerprint = {
        "model": content,
        "method": name,
        # In how many threads changes nothing.
        "options": sorted(str(it) for it in how.items() if it[0] != "n_jobs"),
        "sk_m2v": package_version(),
        "numpy": np.__version__,
    }
    return Encoder(apply, fingerprint)


def _content(model: Any) -> str:
    """Hash of a model in memory, the same in any process and for arrays on disk."""
    try:
        return str(joblib.hash(model, coerce_mmap=True))
    except Exception as error:  # of any library
        raise TypeError(
            f"the model cannot be pickled, so that unfinished work would not be "
            f"recognised: {shortened(error)}. Give names to functions in it, at the "
            "top of a module"
        ) from error


def _matrix(rows: Any, n_texts: int, source: str) -> npt.NDArray[Any]:
    if hasattr(rows, "toarray"):
        raise TypeError(
            f"{shortened(source)} gives a sparse matrix, and vectors that are stored "
            "are dense: put a TruncatedSVD behind it"
        )
    array = np.asarray(rows)
    if array.dtype.kind not in "biuf" or array.ndim != 2 or len(array) != n_texts:
        raise TypeError(
            f"{shortened(source)} must give a matrix of numbers with a row for each "
            f"of {n_texts} texts, got {quoted(array.dtype.name)} of shape "
            f"{quoted(array.shape)}: choose another method"
        )
    return np.ascontiguousarray(array)
