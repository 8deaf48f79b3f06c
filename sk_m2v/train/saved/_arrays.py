"""Heads and lexical features as JSON and named arrays, and back with every check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._ngrams import NgramTfidf
from sk_m2v.train.heads._head import LAYERS, Head, LayerNorm, Linear

Arrays = Mapping[str, npt.NDArray[Any]]

_NGRAM_SETTINGS = ("norm", "use_idf", "smooth_idf", "sublinear_tf")


def pack_head(head: Any) -> tuple[list[dict[str, Any]], dict[str, npt.NDArray[Any]]]:
    """Describe a head.

    Parameters
    ----------
    head : Head
        The head.

    Returns
    -------
    layers : list of dict
        Kinds of the layers, and what they hold that is no array.
    arrays : dict of str to ndarray
        Their arrays, and the lexical weights.

    Raises
    ------
    TypeError
        If the head is more than arrays.
    """
    parts = head.layers if isinstance(head, Head) else [head]
    foreign = [type(it).__name__ for it in parts if type(it) not in LAYERS.values()]
    if foreign:
        raise TypeError(
            f"a folder holds arrays, and this head is {', '.join(foreign)}, which is "
            "more than that: use joblib.dump or skops.io.dump"
        )
    layers, arrays = [], {"lexical": head.lexical}
    for i, layer in enumerate(head.layers):
        layers.append({"kind": type(layer).__name__})
        for field in fields(layer):
            value = getattr(layer, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"layers.{i}.{field.name}"] = value
            else:
                layers[-1][field.name] = value
    return layers, arrays


def unpack_head(
    layers: Sequence[Mapping[str, Any]], arrays: Arrays, dim: int, n_lexical: int
) -> Head:
    """Make a head again.

    Parameters
    ----------
    layers : sequence of mapping
        From `pack_head`.
    arrays : mapping of str to ndarray
        From `pack_head`.
    dim : int
        Number of dimensions of the embedding.
    n_lexical : int
        Number of lexical features.

    Returns
    -------
    Head
        The head.

    Raises
    ------
    ValueError
        If something is missing, of another shape, or not finite.
    """
    made: list[Any] = []
    size = dim
    for i, layer in enumerate(layers):
        if layer["kind"] not in LAYERS:
            raise ValueError(
                f"layer {i} is a {layer['kind']!r}, known are {[*LAYERS]}: a newer "
                "sk_m2v may have written it"
            )
        kind = LAYERS[layer["kind"]]
        values: dict[str, Any] = {}
        if kind is Linear:
            outputs = _array(arrays, f"layers.{i}.bias", (None,)).shape[0]
            shapes: dict[str, tuple[int, ...]] = {
                "weight": (size, outputs),
                "bias": (outputs,),
            }
            size = outputs
        elif kind is LayerNorm:
            shapes = {"weight": (size,), "bias": (size,)}
            values["eps"] = float(layer["eps"])
            if not 0 <= values["eps"] < np.inf:
                raise ValueError(f"eps of layer {i} is {values['eps']}")
        else:
            shapes = {}
        for name, shape in shapes.items():
            # Training goes on with these, and needs to write to them.
            values[name] = _array(arrays, f"layers.{i}.{name}", shape).copy()
        made.append(kind(**values))
    return Head(tuple(made), _array(arrays, "lexical", (n_lexical, size)))


def pack_ngrams(
    vectorizers: Sequence[NgramTfidf],
) -> tuple[list[dict[str, Any]], dict[str, npt.NDArray[Any]]]:
    """Describe lexical features.

    Parameters
    ----------
    vectorizers : sequence of NgramTfidf
        Each of one length of n-gram.

    Returns
    -------
    settings : list of dict
        Their parameters.
    arrays : dict of str to ndarray
        Their n-grams, and how much these count.
    """
    settings = []
    arrays: dict[str, npt.NDArray[Any]] = {}
    for i, it in enumerate(vectorizers):
        n, _ = it.ngram_range
        settings.append(
            {"n": n, **{name: getattr(it, name) for name in _NGRAM_SETTINGS}}
        )
        (arrays[f"ngrams.{i}.keys"],) = it.keys
        if it.idf is not None:
            arrays[f"ngrams.{i}.idf"] = it.idf
    return settings, arrays


def unpack_ngrams(
    settings: Sequence[Mapping[str, Any]], arrays: Arrays, n_tokens: int
) -> list[NgramTfidf]:
    """Make lexical features again.

    Parameters
    ----------
    settings : sequence of mapping
        From `pack_ngrams`.
    arrays : mapping of str to ndarray
        From `pack_ngrams`.
    n_tokens : int
        Number of tokens of the tokenizer.

    Returns
    -------
    list of NgramTfidf
        The features.

    Raises
    ------
    ValueError
        If something is missing, of another shape, or impossible.
    """
    vectorizers = []
    for i, it in enumerate(settings):
        n = it["n"]
        if type(n) is not int or n < 1 or n_tokens**n > 2**63:
            raise ValueError(f"there are no n-grams of {n!r} tokens")
        if it["norm"] not in ("l1", "l2", None):
            raise ValueError(f"there is no norm {it['norm']!r}")
        ngrams = NgramTfidf((n, n), **{name: it[name] for name in _NGRAM_SETTINGS})
        keys = _array(arrays, f"ngrams.{i}.keys", (None,), (np.int64,))
        if (
            not (keys.size and keys[0] >= 0 and keys[-1] < n_tokens**n)
            or not (keys[1:] > keys[:-1]).all()
        ):
            raise ValueError(
                f"'ngrams.{i}.keys' are not ascending n-grams of {n_tokens} tokens"
            )
        ngrams.n_tokens, ngrams.keys = n_tokens, [keys]
        if ngrams.use_idf:
            ngrams.idf = _array(arrays, f"ngrams.{i}.idf", keys.shape, (np.float32,))
        vectorizers.append(ngrams)
    return vectorizers


def _array(
    arrays: Arrays,
    name: str,
    shape: tuple[int | None, ...],
    dtypes: tuple[type, ...] = (np.float32, np.float64),
) -> npt.NDArray[Any]:
    """Array of a name, checked; None in `shape` is any length."""
    if name not in arrays:
        raise ValueError(f"there is no {name!r}, only {sorted(arrays)}")
    array = arrays[name]
    if array.dtype not in dtypes:
        names = " or ".join(it.__name__ for it in dtypes)
        raise ValueError(f"{name!r} is {array.dtype}, not {names}")
    if array.ndim != len(shape) or any(
        expected not in (None, found)
        for expected, found in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(f"{name!r} has shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name!r} holds NaN or infinity")
    return array
