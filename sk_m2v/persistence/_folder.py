"""The format: the folder of an embedding, and two files beside.

``estimator.json`` says what there is, ``estimator.safetensors`` has the arrays. Nothing
in them is code. Up to 0.1.0 they were called ``classifier.*``; such are read, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import isabstract
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_m2v._messages import DAMAGES, quoted, shortened
from sk_m2v._version import package_version
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.storage._card import model_card
from sk_m2v.embedding.storage._folder import (
    dump,
    find_layout,
    read_json,
    read_tensors,
)
from sk_m2v.embedding.storage._names import ESTIMATOR
from sk_m2v.embedding.storage._snapshot import Snapshot
from sk_m2v.persistence._json import from_json, to_json

DESCRIPTION, ARRAYS = ESTIMATOR[0]

_FORMAT = 1


def write(estimator: Any, path: str | Path, name: str) -> None:
    """Write a fitted estimator.

    Parameters
    ----------
    estimator : PretrainedEstimator
        The estimator.
    path : str or Path
        The folder, made if it does not exist.
    name : str
        What its card calls it: the folder, or an id of the hub.
    """
    from safetensors.numpy import save

    check_is_fitted(estimator)
    state, arrays = estimator._to_state()
    description = {
        "format_version": _FORMAT,
        "sk_m2v_version": package_version(),
        "class": type(estimator).__name__,
        "parameters": _stored_parameters(estimator),
        **state,
    }
    more = {
        ARRAYS: save({name: np.ascontiguousarray(it) for name, it in arrays.items()}),
        DESCRIPTION: dump(description),
    }
    estimator.embedding_._write(Path(path), "model2vec", _card(estimator, name), more)


def find(files: Snapshot) -> tuple[str, str] | None:
    """Find the two files of an estimator.

    Parameters
    ----------
    files : Snapshot
        The files of a folder.

    Returns
    -------
    tuple of str, or None
        Names of description and arrays; None where there is neither.

    Raises
    ------
    FileNotFoundError
        If there are arrays without their description.
    """
    for description, arrays in ESTIMATOR:
        if description in files:
            return description, arrays
    for description, arrays in ESTIMATOR:
        if arrays in files:
            raise FileNotFoundError(
                f"{shortened(files.path(description))} is missing beside "
                f"{shortened(arrays)}: half of an estimator. Copy or save its whole "
                "folder again; StaticEmbedding.from_pretrained loads its embedding "
                "alone"
            )
    return None


def read(cls: type, files: Snapshot) -> Any:
    """Read a fitted estimator.

    Parameters
    ----------
    cls : type
        Its class, or an abstract base of it.
    files : Snapshot
        The files of its folder.

    Returns
    -------
    PretrainedEstimator
        The estimator.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing or damaged, or of another class; the message names it.
    """
    description_name, arrays_name = names = find(files) or ESTIMATOR[0]
    for name in names:
        if name not in files:
            raise FileNotFoundError(_missing(cls, files, name))
    with _naming(files.path(description_name)):
        description = read_json(files, description_name, dict)
        version, class_name = _version(description), description["class"]
    if version > _FORMAT:
        raise ValueError(
            f"{shortened(files.path(description_name))} has format {quoted(version)}, "
            f"and this sk_m2v {package_version()} reads up to {_FORMAT}: upgrade to "
            f"{quoted(description.get('sk_m2v_version'))} or later"
        )
    kind = _class(files.folder, cls, class_name)
    with _naming(files.path(description_name)):
        estimator = _estimator(kind, description["parameters"])
        estimator._set_description(description)
    estimator.embedding_ = StaticEmbedding._from_files(files)
    with _naming(files.path(arrays_name)):
        estimator._set_arrays(description, read_tensors(files, arrays_name))
    return estimator


def saved_class(files: Snapshot, description: str) -> str:
    """Name of the class of a saved estimator.

    Parameters
    ----------
    files : Snapshot
        The files of its folder.
    description : str
        The name that `find` has found.

    Returns
    -------
    str
        As in the file.
    """
    with _naming(files.path(description)):
        return str(read_json(files, description, dict)["class"])


# --- Writing --------------------------------------------------------------------------


def _card(estimator: Any, name: str) -> str:
    kind = type(estimator).__name__
    return (
        f"{model_card(name, estimator.embedding_._parts)}\n"
        f"Beside it is a fitted `{kind}`, for `{kind}.from_pretrained`.\n"
    )


def _stored_parameters(estimator: Any) -> dict[str, Any]:
    """Parameters that JSON can hold; the embedding takes the place of `model`."""
    stored = {}
    for name, value in estimator.get_params(deep=False).items():
        if name != "model":
            with suppress(TypeError):
                stored[name] = to_json(value)
    return stored


# --- Reading --------------------------------------------------------------------------


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors name the file they come from."""
    try:
        yield
    except DAMAGES as error:
        cause = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        text = cause if str(path) in cause else f"{path} is damaged: {cause}"
        advice = "Write the folder again with save_pretrained."
        raise ValueError(f"{shortened(text, 400)}. {advice}") from error


def _version(description: Mapping[str, Any]) -> int:
    version = description["format_version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"format_version is {quoted(version)}")
    return version


def _missing(cls: type, files: Snapshot, name: str) -> str:
    """Say that a file is missing, and what can be done with the folder as it is."""
    text = f"{shortened(files.path(name))} is missing: "
    with suppress(OSError, ValueError):
        find_layout(files)
        if name == DESCRIPTION:
            return (
                f"{text}the folder holds an embedding alone, and no fitted "
                f"{cls.__name__}. Load it with StaticEmbedding.from_pretrained, or "
                "pass it as the model of an estimator, and fit that"
            )
    return (
        f"{text}give a folder that save_pretrained of a fitted {cls.__name__} has "
        "written"
    )


def _class(folder: Path, cls: type, name: Any) -> type:
    if cls.__name__ == name:
        return cls
    # Whoever asks an abstract base takes any estimator of its kind.
    if isabstract(cls):
        kinds: dict[str, type] = {}
        for it in _subclasses(cls):
            if not isabstract(it):
                kinds[it.__name__] = it
        if name in kinds:
            return kinds[name]
    raise ValueError(
        f"{shortened(folder)} holds a {shortened(name)}, not a {cls.__name__}: call "
        f"{shortened(name)}.from_pretrained"
    )


def _subclasses(cls: type) -> Iterator[type]:
    kinds: list[type] = cls.__subclasses__()
    for kind in kinds:
        if kind.__module__.partition(".")[0] == "sk_m2v":
            yield kind
            yield from _subclasses(kind)


def _estimator(kind: type, parameters: Mapping[str, Any]) -> Any:
    estimator = kind(**{name: from_json(it) for name, it in parameters.items()})
    estimator._validate_params()
    return estimator
