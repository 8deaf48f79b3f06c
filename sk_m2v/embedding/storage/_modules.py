"""Modules of sentence-transformers beside a static embedding.

What has no effect is passed over, what can be multiplied into the vectors is, and
everything else is refused by name: a model that would be another one must not load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.embedding.storage._names import MODULES, TENSORS

# Kinds of modules that change nothing when texts are encoded.
_IDLE = {"Dropout"}

Array = npt.NDArray[Any]
Reader = Callable[[str], Any]


def kinds_of(modules: Sequence[Any]) -> list[str]:
    """Names of the classes of modules.

    Parameters
    ----------
    modules : sequence of mapping
        Contents of ``modules.json``.

    Returns
    -------
    list of str
        The names without their packages.

    Raises
    ------
    ValueError
        If there is something else in it.
    """
    if not all(isinstance(it, Mapping) and "type" in it for it in modules):
        raise ValueError("not every entry says of which 'type' its module is")
    return [str(it["type"]).rpartition(".")[2] for it in modules]


def is_teacher(modules: Sequence[Any]) -> bool:
    """Tell whether modules are those of a transformer.

    Parameters
    ----------
    modules : sequence of mapping
        Contents of ``modules.json``.

    Returns
    -------
    bool
        Whether one is.
    """
    return bool({"Transformer", "CLIPModel"} & {*kinds_of(modules)})


def check_prompts(config: Mapping[str, Any], file: Path) -> None:
    """Refuse a model that puts a prompt before each text.

    Parameters
    ----------
    config : mapping
        Contents of ``config_sentence_transformers.json``.
    file : Path
        That file.

    Raises
    ------
    ValueError
        If there is such a prompt.
    """
    name = config.get("default_prompt_name")
    prompts = config.get("prompts") or {}
    if name is not None and prompts.get(name):
        raise ValueError(
            f"{shortened(file)} puts the prompt {quoted(prompts[name])} before each "
            "text, which a static embedding cannot: set default_prompt_name to null "
            "there, and put it before texts yourself"
        )


def apply_modules(
    vectors: Array,
    modules: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    read_json: Reader,
    read_tensors: Reader,
) -> tuple[Array, bool]:
    """Vectors and whether to scale texts, as all modules together have it.

    Parameters
    ----------
    vectors : ndarray of shape (n_tokens, dim)
        Those of the first module.
    modules : sequence of mapping
        Contents of ``modules.json``.
    folder : Path
        The folder of the model.
    read_json, read_tensors : callable
        Read files of it, by their names.

    Returns
    -------
    vectors : ndarray of shape (n_tokens, dim_out)
        The vectors, by which the mean is what the modules make of it.
    normalize : bool
        Whether texts are scaled to length 1.

    Raises
    ------
    ValueError
        If a module does something else; it is named.
    """
    normalize = False
    kinds = kinds_of(modules)
    for position, (kind, module) in enumerate(zip(kinds, modules, strict=True)):
        name = shortened(module.get("path") or kind)
        if (position == 0 and kind == "StaticEmbedding") or kind in _IDLE:
            continue
        if kind == "Normalize":
            normalize = True
            continue
        if kind != "Dense" or normalize:
            raise ValueError(
                f"{shortened(folder / MODULES)} has a module {name} of type "
                f"{shortened(kind)} after {listed(kinds[:position])}, which cannot be "
                "part of a static embedding. Pass the SentenceTransformer as the "
                "teacher of a DistillTransformer, or remove the module"
            )
        place = str(module.get("path"))
        vectors = _dense(
            vectors,
            read_json(f"{place}/config.json"),
            read_tensors(f"{place}/{TENSORS}"),
            folder / place,
        )
    return vectors, normalize


def _dense(
    vectors: Array, config: Mapping[str, Any], tensors: Mapping[str, Array], path: Path
) -> Array:
    """Vectors after a linear layer, of which the mean is the layer of the mean."""
    activation = str(config.get("activation_function", "")).rpartition(".")[2]
    if activation != "Identity":
        raise ValueError(
            f"{shortened(path)} is a layer with {shortened(activation) or 'Tanh'}, and "
            "a static embedding has room for linear ones only. Pass the "
            "SentenceTransformer as the teacher of a DistillTransformer"
        )
    weight = tensors["linear.weight"].astype(np.float32)
    if weight.ndim != 2 or weight.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"{shortened(path)} is damaged: a layer of shape {weight.shape} for "
            f"vectors of {vectors.shape[1]} dimensions"
        )
    bias = tensors.get("linear.bias", np.zeros(len(weight)))
    result: Array = vectors.astype(np.float32) @ weight.T + bias.astype(np.float32)
    return result
