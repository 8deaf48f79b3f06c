"""The files of a folder and the parts of a model: reading checks everything.

Three layouts exist in the wild, all with a safetensors file and a ``tokenizer.json``:
that of model2vec, that of sentence-transformers, and the latter with both files in a
subfolder ``0_StaticEmbedding``.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sk_m2v._messages import DAMAGES, listed, quoted, shortened
from sk_m2v.embedding.storage._modules import (
    apply_modules,
    check_prompts,
    is_teacher,
)
from sk_m2v.embedding.storage._names import MODULES, TENSORS
from sk_m2v.embedding.storage._parts import Array, Parts
from sk_m2v.embedding.storage._snapshot import Snapshot


@dataclass(frozen=True)
class Layout:
    """File names of one layout, relative to the model's folder."""

    config: str
    tensors: str
    tokenizer: str
    vectors_name: str

    @property
    def files(self) -> list[str]:
        """Files that must exist: configuration, tensors, tokenizer."""
        return [self.config, self.tensors, self.tokenizer]


_ST_CONFIG = "config_sentence_transformers.json"
#: Folder of the module that scales to length 1. It is empty.
NORMALIZE = "1_Normalize"

#: Allowed values of `layout`, in the order in which a folder is tried for them.
LAYOUTS: dict[str, Layout] = {
    "model2vec": Layout("config.json", TENSORS, "tokenizer.json", "embeddings"),
    "sentence-transformers": Layout(
        _ST_CONFIG, TENSORS, "tokenizer.json", "embedding.weight"
    ),
    "sentence-transformers-nested": Layout(
        _ST_CONFIG,
        f"0_StaticEmbedding/{TENSORS}",
        "0_StaticEmbedding/tokenizer.json",
        "embedding.weight",
    ),
}

# Bytes; a thousand tensors take a tenth of it. JSON takes many times its size.
_LONGEST_HEADER = 1 << 20

_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BF16": np.dtype("<u2"),  # no such type in NumPy: widened in `_array`
}


def find_layout(files: Snapshot) -> Layout:
    """Layout of the files of a folder.

    Parameters
    ----------
    files : Snapshot
        The files.

    Returns
    -------
    Layout
        The first one all of whose files exist.

    Raises
    ------
    FileNotFoundError
        If files are missing; it names those of the closest layout.
    """
    best = None
    for layout in LAYOUTS.values():
        missing = [name for name in layout.files if name not in files]
        if not missing:
            return layout
        if best is None or len(missing) < len(best):
            best = missing
    assert best is not None
    if (advice := _teacher_advice(files)) is not None:
        raise FileNotFoundError(advice)
    names = ", ".join(best)
    raise FileNotFoundError(
        f"{shortened(files.folder)} is not the folder of a static model: missing "
        f"{names} (layouts known: model2vec and sentence-transformers)"
    )


def read_folder(files: Snapshot) -> Parts:
    """Read a model; its vectors are memory-mapped, not copied.

    Parameters
    ----------
    files : Snapshot
        The files of its folder, in any known layout.

    Returns
    -------
    Parts
        The parts, not yet checked against each other.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing or damaged; the message names it.
    """
    layout = find_layout(files)
    config = read_json(files, layout.config, dict)
    tensors = read_tensors(files, layout.tensors)
    if layout.vectors_name not in tensors:
        advice = _teacher_advice(files)
        raise ValueError(
            f"{shortened(files.path(layout.tensors))} holds no tensor "
            f"{quoted(layout.vectors_name)}, only {listed(sorted(tensors))}: is it a "
            "static embedding model?"
            if advice is None
            else advice
        )
    vectors = tensors[layout.vectors_name]
    if layout.config == _ST_CONFIG:
        # There it is a module of its own that says whether vectors are normalised.
        check_prompts(config, files.path(layout.config))
        modules = read_json(files, MODULES, list) if MODULES in files else []
        with damage(files.path(MODULES)):
            vectors, normalize = apply_modules(
                vectors,
                modules,
                files.folder,
                read_json=lambda name: read_json(files, name, dict),
                read_tensors=lambda name: read_tensors(files, name),
            )
        config.setdefault("normalize", normalize)
    return Parts(
        vectors=vectors,
        tokenizer=_read_text(files, layout.tokenizer),
        config=config,
        weights=tensors.get("weights"),
        token_mapping=tensors.get("mapping"),
    )


def _teacher_advice(files: Snapshot) -> str | None:
    """What to do with the folder of a transformer; None for other folders."""
    is_transformer = False
    if MODULES in files:
        is_transformer = is_teacher(read_json(files, MODULES, list))
    elif "config.json" in files:
        config = read_json(files, "config.json", dict)
        is_transformer = config.get("model_type") not in (None, "model2vec")
    if not is_transformer:
        return None
    name = quoted(hub_id_of(files.folder) or str(files.folder), 200)
    return (
        f"{name} is a transformer: a teacher, and not yet a static embedding. Distil "
        f"it once, DistillTransformer({name}).fit(texts).save_pretrained('my-model'), "
        "and pass the folder 'my-model'"
    )


def hub_id_of(folder: Path) -> str | None:
    """Id of a model of the hub, from the folder of the cache that holds it.

    Parameters
    ----------
    folder : Path
        A folder.

    Returns
    -------
    str or None
        None if it is no folder of the cache.
    """
    for parent in folder.parents:
        if parent.name.startswith("models--"):
            return parent.name.removeprefix("models--").replace("--", "/")
    return None


def contents_of(parts: Parts, layout: Layout) -> dict[str, bytes]:
    """Files of a model.

    Parameters
    ----------
    parts : Parts
        The model. A sentence-transformers layout takes no weights and no token mapping.
    layout : Layout
        One of `LAYOUTS`.

    Returns
    -------
    dict of str to bytes
        Names and contents.
    """
    from safetensors.numpy import save

    tensors = {layout.vectors_name: np.ascontiguousarray(parts.vectors)}
    if parts.weights is not None:
        tensors["weights"] = np.ascontiguousarray(parts.weights)
    if parts.token_mapping is not None:
        tensors["mapping"] = np.ascontiguousarray(parts.token_mapping)
    modules = [_module(0, os.path.dirname(layout.tensors), "StaticEmbedding")]
    if parts.config.get("normalize"):
        modules.append(_module(1, NORMALIZE, "Normalize"))
    return {
        layout.tensors: save(tensors),
        layout.tokenizer: parts.tokenizer.encode(),
        layout.config: dump(parts.config),
        MODULES: dump(modules),
    }


def _module(index: int, path: str, kind: str) -> dict[str, Any]:
    return {
        "idx": index,
        "name": str(index),
        "path": path,
        "type": f"sentence_transformers.models.{kind}",
    }


def dump(value: Any) -> bytes:
    """JSON as it is written.

    Parameters
    ----------
    value : object
        What JSON can hold.

    Returns
    -------
    bytes
        For people, too.
    """
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Let errors on what a file holds name the file, and say what to do.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    None
        While what it holds is looked at.
    """
    try:
        yield
    except DAMAGES as it:
        text = f"it has no {it}" if isinstance(it, KeyError) else str(it)
        if str(path) not in text and str(path.parent) not in text:
            text = f"{path} is damaged: {shortened(text, 300)}. Fetch or write it again"
        raise ValueError(shortened(text, 560)) from it


def _read_text(files: Snapshot, name: str) -> str:
    with damage(files.path(name)):
        return str(files[name], encoding="utf-8")


def read_json(files: Snapshot, name: str, kind: type) -> Any:
    """Read a file of JSON.

    Parameters
    ----------
    files : Snapshot
        The files.
    name : str
        Which one.
    kind : type
        What it has to hold.

    Returns
    -------
    dict or list
        What it holds.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is missing or damaged; the message names it.
    """
    text = _read_text(files, name)
    with damage(files.path(name)):
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(f"it holds no JSON {kind.__name__}")
        return value


def read_tensors(files: Snapshot, name: str) -> dict[str, Array]:
    """Arrays over every tensor of a file, after checking its header against its size.

    The format: 8 bytes with the length of the header, the header as JSON, the tensors
    (https://huggingface.co/docs/safetensors). The library's own NumPy loader copies.

    Parameters
    ----------
    files : Snapshot
        The files.
    name : str
        Which one.

    Returns
    -------
    dict of str to ndarray
        Names and tensors. They are of the type ndarray, not memmap: joblib would have
        other processes open the path again, where another model may be by then.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is missing or damaged; the message names it.
    """
    data = files[name]
    size = len(data)
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if length > min(size - 8, _LONGEST_HEADER):
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        header = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        _check_apart([it["data_offsets"] for it in header.values()])
        return {
            tensor: _array(data, info, 8 + length) for tensor, info in header.items()
        }
    except DAMAGES as error:
        raise ValueError(
            f"{shortened(files.path(name))} is damaged or cut short: "
            f"{shortened(error)}. Fetch or write it again"
        ) from error


def _check_apart(spans: list[Any]) -> None:
    """Refuse tensors that share bytes: together they could be of any size."""
    end = 0
    for first, last in sorted(spans):
        if first < end:
            raise ValueError("tensors overlap")
        end = last


def _array(data: bytes | mmap.mmap, info: dict[str, Any], start: int) -> Array:
    if info["dtype"] not in _DTYPES:
        raise ValueError(
            f"type {shortened(info['dtype'])} cannot be read, only {list(_DTYPES)}"
        )
    dtype: np.dtype[Any] = _DTYPES[info["dtype"]]
    shape = tuple(map(int, info["shape"]))
    begin, end = (start + int(offset) for offset in info["data_offsets"])
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if min(shape, default=0) < 0 or not start <= begin <= end or end - begin != n_bytes:
        raise ValueError(f"shape {shape} does not fit {end - begin} bytes")
    if end > len(data):
        raise ValueError(f"it has {len(data)} bytes, {end} are expected")
    if n_bytes == 0:
        return np.zeros(shape, dtype)
    count = n_bytes // dtype.itemsize
    array: Array = np.frombuffer(data, dtype, count, begin).reshape(shape)
    if info["dtype"] == "BF16":  # the upper half of a float32
        wide = array.astype(np.uint32)
        wide <<= 16  # in place: twice the file is enough
        array = wide.view(np.float32)
    return array
