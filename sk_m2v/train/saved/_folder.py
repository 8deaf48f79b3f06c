"""A fitted estimator in a folder: that of its embedding, and two files beside.

``classifier.json`` says what there is, ``classifier.safetensors`` has the arrays.
Nothing in them is code.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

import sk_m2v
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.storage._card import model_card
from sk_m2v.embedding.storage._folder import (
    _dump,
    _read_json,
    _read_safetensors,
    write_files,
)
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.saved._arrays import (
    pack_head,
    pack_ngrams,
    unpack_head,
    unpack_ngrams,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DESCRIPTION = "classifier.json"
ARRAYS = "classifier.safetensors"

_FORMAT = 1


def write(estimator: Any, path: str | Path) -> None:
    """Write a fitted estimator.

    Parameters
    ----------
    estimator : BaseStaticClassifier
        The estimator.
    path : str or Path
        The folder, made if it does not exist.
    """
    from safetensors.numpy import save

    check_is_fitted(estimator)
    layers, arrays = pack_head(estimator._head)
    ngrams, more = pack_ngrams(estimator._vectorizers)
    labels = getattr(estimator, "_labels", None)
    description = {
        "format_version": _FORMAT,
        "sk_m2v_version": sk_m2v.__version__,
        "class": type(estimator).__name__,
        "parameters": _stored_parameters(estimator),
        "labels": None if labels is None else labels.to_dict(),
        "n_iter_": int(estimator.n_iter_),
        "history_": [_history_entry(it) for it in estimator.history_],
        "more": estimator._more_state(),
        "layers": layers,
        "ngrams": ngrams,
    }
    folder, embedding = Path(path), estimator.embedding_
    # All files are replaced together, or none: the parts of two estimators must not
    # mix. The embedding is therefore written elsewhere first.
    with TemporaryDirectory() as temporary:
        embedding.save_pretrained(temporary, card=_card(estimator, str(path)))
        found = [*Path(temporary).rglob("*")]
        contents = {
            folder / it.relative_to(temporary): it.read_bytes()
            for it in found
            if it.is_file()
        }
        folder.mkdir(parents=True, exist_ok=True)
        for it in found:
            if it.is_dir():
                (folder / it.relative_to(temporary)).mkdir(exist_ok=True)
    contents[folder / ARRAYS] = save(
        {name: np.ascontiguousarray(it) for name, it in {**arrays, **more}.items()}
    )
    contents[folder / DESCRIPTION] = _dump(description)
    write_files(contents)


def read(cls: type, path: str | Path) -> Any:
    """Read a fitted estimator.

    Parameters
    ----------
    cls : type
        Its class, or an abstract base of it.
    path : str or Path
        The folder.

    Returns
    -------
    BaseStaticClassifier
        The estimator.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing or damaged, or of another class; the message names it.
    """
    folder = Path(path).expanduser()
    for file in (folder / DESCRIPTION, folder / ARRAYS):
        if not file.is_file():
            raise FileNotFoundError(
                f"{file} is missing: give a folder that save_pretrained of a fitted "
                f"{cls.__name__} has written (one of the hub has to be downloaded "
                "before, with huggingface_hub.snapshot_download)"
            )
    with _naming(folder / DESCRIPTION):
        description = _read_json(folder / DESCRIPTION, dict)
        _check_version(folder, description)
        kind = _class(folder, cls, description["class"])
        estimator = _estimator(kind, description["parameters"])
        estimator.n_iter_ = int(description["n_iter_"])
        estimator.history_ = [dict(it) for it in description["history_"]]
        labels = description["labels"]
        if labels is not None:
            estimator._labels = _labels(labels)
            estimator.classes_ = estimator._labels.classes_
            estimator._check_thresholds(estimator._labels)
        estimator._set_more_state(description["more"])
    estimator.embedding_ = embedding = StaticEmbedding.from_pretrained(folder)
    with _naming(folder / ARRAYS):
        arrays = _read_safetensors(folder / ARRAYS)
        vectorizers = unpack_ngrams(description["ngrams"], arrays, embedding.n_tokens)
        n_lexical = sum(it.n_features for it in vectorizers)
        head = unpack_head(description["layers"], arrays, embedding.dim, n_lexical)
        n_outputs = head.lexical.shape[1]
        if labels is not None and n_outputs != len(estimator.classes_):
            raise ValueError(
                f"there are {n_outputs} scores for {len(estimator.classes_)} classes"
            )
    estimator._vectorizers, estimator._head = vectorizers, head
    return estimator


# --- Writing ------------------------------------------------------------------------


def _card(estimator: Any, path: str) -> str:
    name = type(estimator).__name__
    return (
        f"{model_card(path, estimator.embedding_._parts)}\n"
        f"Beside it is a fitted `{name}`, for `{name}.from_pretrained`.\n"
    )


def _stored_parameters(estimator: Any) -> dict[str, Any]:
    """Parameters that JSON can hold; the embedding takes the place of `model`."""
    stored = {}
    for name, value in estimator.get_params(deep=False).items():
        if name != "model":
            with suppress(TypeError):
                stored[name] = _to_json(value)
    return stored


def _to_json(value: Any) -> Any:
    """Value for JSON, which has neither tuples nor keys that are numbers."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, tuple):
        return {"tuple": [_to_json(it) for it in value]}
    if isinstance(value, list | np.ndarray):
        return [_to_json(it) for it in value]
    if isinstance(value, dict):
        return {"dict": [[_to_json(it) for it in pair] for pair in value.items()]}
    raise TypeError(f"{value!r} has no form in JSON")


def _history_entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: _to_json(value) for name, value in entry.items()}


# --- Reading ------------------------------------------------------------------------


# What content of another form than expected leads to.
_DAMAGES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors name the file they come from."""
    try:
        yield
    except _OtherError:
        raise
    except _DAMAGES as error:
        cause = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        text = cause if str(path) in cause else f"{path} is damaged: {cause}"
        advice = "Write the folder again with save_pretrained."
        raise ValueError(f"{text}. {advice}") from error


class _OtherError(ValueError):
    """The file is not damaged, but for someone else."""


def _check_version(folder: Path, description: dict[str, Any]) -> None:
    version = description["format_version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"format_version is {version!r}")
    if version > _FORMAT:
        raise _OtherError(
            f"{folder / DESCRIPTION} has format {version}, and this sk_m2v "
            f"{sk_m2v.__version__} reads up to {_FORMAT}: upgrade to "
            f"{description.get('sk_m2v_version')} or later"
        )


def _class(folder: Path, cls: type, name: Any) -> type:
    if cls.__name__ == name:
        return cls
    if isabstract(cls):
        found = getattr(import_module("sk_m2v.train"), str(name), None)
        if isinstance(found, type) and issubclass(found, cls):
            return found
    raise _OtherError(
        f"{folder} holds a {name}, not a {cls.__name__}: call {name}.from_pretrained"
    )


def _estimator(kind: type, parameters: dict[str, Any]) -> Any:
    estimator = kind(**{name: _from_json(it) for name, it in parameters.items()})
    estimator._validate_params()
    return estimator


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(it) for it in value]
    if isinstance(value, dict):
        ((form, content),) = value.items()
        if form == "tuple":
            return tuple(_from_json(content))
        if form == "dict":
            return {_from_json(key): _from_json(it) for key, it in content}
        raise ValueError(f"there is no {form!r}, only tuple and dict")
    return value


def _labels(state: dict[str, Any]) -> Labels:
    labels = Labels.from_dict(state)
    classes = labels.classes_
    # A wrong dtype may have cut or changed labels.
    if classes.ndim != 1 or not classes.size or classes.tolist() != state["classes"]:
        raise ValueError(f"classes are not of type {state['dtype']}")
    if len(set(classes.tolist())) != len(classes):
        raise ValueError("classes are not all different")
    return labels
