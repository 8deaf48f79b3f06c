"""Models of a worker: each is loaded once, and again if its folder was replaced."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from sk_m2v._load import load, model_files
from sk_m2v._messages import quoted
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.storage._snapshot import Snapshot

# Threads of a worker that ask at once get the same model.
_LOADING = Lock()
# Models that a worker keeps: tasks of several may come in turns.
_KEPT = 4


def checked_path(model: Any) -> str | None:
    """Path of a model as it is sent to workers.

    Parameters
    ----------
    model : str, Path or None
        A folder, an id of the hub, or None for the model of the package.

    Returns
    -------
    str or None
        An absolute path, an id, or None.

    Raises
    ------
    TypeError
        If it is a model and no path.
    """
    if model is None:
        return None
    if not isinstance(model, str | Path):
        raise TypeError(
            f"model={quoted(model)} would be sent with every partition: save it with "
            "save_pretrained to a folder that all workers can read, and pass the path"
        )
    # A worker may have been started in another folder.
    return str(Path(model).resolve()) if Path(model).exists() else str(model)


def model_of(path: str | None, *, embedding: bool) -> Any:
    """Model at a path, loaded when it is first asked for.

    Parameters
    ----------
    path : str or None
        What `checked_path` gives.
    embedding : bool
        Whether to take the embedding, also of an estimator.

    Returns
    -------
    StaticEmbedding or estimator
        The model. Its vectors are mapped into memory, and workers of one machine share
        them.

    Raises
    ------
    OSError
        If this worker cannot read it.
    """
    with _LOADING:
        return _load(path, embedding, _state(path))


@lru_cache(_KEPT)
def _load(path: str | None, embedding: bool, state: Snapshot | None) -> Any:
    return StaticEmbedding.from_pretrained(path) if embedding else load(str(path))


def _state(path: str | None) -> Snapshot | None:
    """What changes when a folder is replaced: which files count, sizes and times."""
    if path is None or not os.path.isdir(path):
        return None
    with model_files(path, subfolder=None, expected_sha256=None) as files:
        return files
