"""Heads as JSON and named arrays, and back with every check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, quoted
from sk_m2v.persistence._arrays import Arrays, checked_array
from sk_m2v.train.heads._head import LAYERS, Head, LayerNorm, Linear


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
            f"a folder holds arrays, and this head is {listed(foreign)}, which is "
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
                f"layer {i} is a {quoted(layer['kind'])}, known are {[*LAYERS]}: a "
                "newer sk_m2v may have written it"
            )
        kind = LAYERS[layer["kind"]]
        values: dict[str, Any] = {}
        if kind is Linear:
            outputs = checked_array(arrays, f"layers.{i}.bias", (None,)).shape[0]
            shapes: dict[str, tuple[int, ...]] = {
                "weight": (size, outputs),
                "bias": (outputs,),
            }
            size = outputs
        elif kind is LayerNorm:
            shapes = {"weight": (size,), "bias": (size,)}
            values["eps"] = float(layer["eps"])
            if not 0 <= values["eps"] < np.inf:
                raise ValueError(f"eps of layer {i} is {quoted(values['eps'])}")
        else:
            shapes = {}
        for name, shape in shapes.items():
            # Training goes on with these, and needs to write to them.
            values[name] = checked_array(arrays, f"layers.{i}.{name}", shape).copy()
        made.append(kind(**values))
    return Head(tuple(made), checked_array(arrays, "lexical", (n_lexical, size)))
