"""A folder on disk and the parts of a model: reading checks, writing is all or nothing.

Three layouts exist in the wild, all with a safetensors file and a ``tokenizer.json``:
that of model2vec, that of sentence-transformers, and the latter with both files in a
subfolder ``0_StaticEmbedding``.
"""

from __future__ import annotations

import json
import os
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.embedding.storage._modules import (
    MODULES,
    apply_modules,
    check_prompts,
    is_teacher,
)
from sk_m2v.embedding.storage._parts import DAMAGES, Array, Parts


@dataclass(frozen=True)
class Layout:
    """File names of one layout, relative to the model's folder."""

    config: str
    tensors: str
    tokenizer: str
    vectors_name: str

    def files(self, folder: Path) -> list[Path]:
        """Files that must exist.

        Parameters
        ----------
        folder : Path
            The folder of a model.

        Returns
        -------
        list of Path
            Configuration, tensors, tokenizer.
        """
        return [folder / self.config, folder / self.tensors, folder / self.tokenizer]


_TENSORS = "model.safetensors"
_ST_CONFIG = "config_sentence_transformers.json"

#: Allowed values of `layout`, in the order in which a folder is tried for them.
LAYOUTS: dict[str, Layout] = {
    "model2vec": Layout(
        "config.json", "model.safetensors", "tokenizer.json", "embeddings"
    ),
    "sentence-transformers": Layout(
        _ST_CONFIG, "model.safetensors", "tokenizer.json", "embedding.weight"
    ),
    "sentence-transformers-nested": Layout(
        _ST_CONFIG,
        "0_StaticEmbedding/model.safetensors",
        "0_StaticEmbedding/tokenizer.json",
        "embedding.weight",
    ),
}

#: Every file of every layout, for downloads.
MODEL_FILES = sorted(
    {name for it in LAYOUTS.values() for name in (it.config, it.tensors, it.tokenizer)}
    | {MODULES, "README.md"}
    # Of a layer of sentence-transformers, where there is one.
    | {f"{i}_Dense/{name}" for i in (1, 2) for name in ("config.json", _TENSORS)}
)

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
    "BF16": np.dtype("<u2"),  # no such type in NumPy: widened in `_memory_map`
}


def find_layout(folder: Path) -> Layout:
    """Layout of an existing folder.

    Parameters
    ----------
    folder : Path
        The folder of a model.

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
        missing = [path for path in layout.files(folder) if not path.is_file()]
        if not missing:
            return layout
        if best is None or len(missing) < len(best):
            best = missing
    assert best is not None
    if (advice := _teacher_advice(folder)) is not None:
        raise FileNotFoundError(advice)
    names = ", ".join(path.relative_to(folder).as_posix() for path in best)
    raise FileNotFoundError(
        f"{shortened(folder)} is not the folder of a static model: missing {names} "
        "(layouts known: model2vec and sentence-transformers)"
    )


def read_folder(folder: Path) -> Parts:
    """Read a model; its vectors are memory-mapped, not copied.

    Parameters
    ----------
    folder : Path
        The folder of a model in any known layout.

    Returns
    -------
    Parts
        The parts, not yet checked against each other.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing or damaged; the message names it.
    """
    layout = find_layout(folder)
    config_path, tensors_path, tokenizer_path = layout.files(folder)
    config = _read_json(config_path, dict)
    tensors = _read_safetensors(tensors_path)
    if layout.vectors_name not in tensors:
        advice = _teacher_advice(folder)
        raise ValueError(
            f"{shortened(tensors_path)} holds no tensor {quoted(layout.vectors_name)}, "
            f"only {listed(sorted(tensors))}: is it a static embedding model?"
            if advice is None
            else advice
        )
    vectors = tensors[layout.vectors_name]
    if layout.config == _ST_CONFIG:
        # There it is a module of its own that says whether vectors are normalised.
        check_prompts(config, config_path)
        modules_path = folder / MODULES
        modules = _read_json(modules_path, list) if modules_path.is_file() else []
        with damage(modules_path):
            vectors, normalize = apply_modules(
                vectors,
                modules,
                folder,
                read_json=lambda path: _read_json(path, dict),
                read_tensors=_read_safetensors,
            )
        config.setdefault("normalize", normalize)
    return Parts(
        vectors=vectors,
        tokenizer=_read_text(tokenizer_path),
        config=config,
        weights=tensors.get("weights"),
        token_mapping=tensors.get("mapping"),
    )


def _teacher_advice(folder: Path) -> str | None:
    """What to do with the folder of a transformer; None for other folders."""
    is_transformer = False
    if (folder / MODULES).is_file():
        is_transformer = is_teacher(_read_json(folder / MODULES, list))
    elif (folder / "config.json").is_file():
        config = _read_json(folder / "config.json", dict)
        is_transformer = config.get("model_type") not in (None, "model2vec")
    if not is_transformer:
        return None
    name = quoted(hub_id_of(folder) or str(folder), 200)
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


def write_folder(
    folder: Path, parts: Parts, layout: Layout, extra: Mapping[str, str]
) -> None:
    """Write a model; existing files are replaced only after all new ones are written.

    Parameters
    ----------
    folder : Path
        Where to; made if it does not exist.
    parts : Parts
        The model. A sentence-transformers layout takes no weights and no token mapping.
    layout : Layout
        One of `LAYOUTS`.
    extra : mapping of str to str
        Further text files, name to contents.
    """
    from safetensors.numpy import save

    tensors = {layout.vectors_name: np.ascontiguousarray(parts.vectors)}
    if parts.weights is not None:
        tensors["weights"] = np.ascontiguousarray(parts.weights)
    if parts.token_mapping is not None:
        tensors["mapping"] = np.ascontiguousarray(parts.token_mapping)
    nested = os.path.dirname(layout.tensors)
    modules = [_module(0, nested, "StaticEmbedding")]
    if parts.config.get("normalize"):
        modules.append(_module(1, "1_Normalize", "Normalize"))
    contents: dict[str, bytes] = {
        layout.tensors: save(tensors),
        layout.tokenizer: parts.tokenizer.encode(),
        layout.config: _dump(parts.config),
        MODULES: _dump(modules),
        **{name: text.encode() for name, text in extra.items()},
    }
    (folder / nested).mkdir(parents=True, exist_ok=True)
    if parts.config.get("normalize"):
        # sentence-transformers looks for a folder of this module.
        (folder / "1_Normalize").mkdir(exist_ok=True)
    write_files({folder / name: data for name, data in contents.items()})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files beside their places, then rename them there.

    Parameters
    ----------
    contents : mapping of Path to bytes
        What to write. On an error no existing file has changed.
    """
    written: list[tuple[Path, Path]] = []
    try:
        for path, data in contents.items():
            beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
            written.append((beside, path))
            beside.write_bytes(data)
        for beside, path in written:
            os.replace(beside, path)
    finally:
        for beside, _ in written:
            beside.unlink(missing_ok=True)


def _module(index: int, path: str, kind: str) -> dict[str, Any]:
    return {
        "idx": index,
        "name": str(index),
        "path": path,
        "type": f"sentence_transformers.models.{kind}",
    }


def _dump(value: Any) -> bytes:
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


def _read_text(path: Path) -> str:
    with damage(path):
        return path.read_text(encoding="utf-8")


def _read_json(path: Path, kind: type) -> Any:
    text = _read_text(path)
    with damage(path):
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(f"it holds no JSON {kind.__name__}")
        return value


def _read_safetensors(path: Path) -> dict[str, Array]:
    """Map every tensor of a file, after checking its header against its size.

    The format: 8 bytes with the length of the header, the header as JSON, the tensors
    (https://huggingface.co/docs/safetensors). The library's own NumPy loader copies.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, _LONGEST_HEADER):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        _check_apart([it["data_offsets"] for it in header.values()])
        return {
            name: _memory_map(path, info, 8 + length, size)
            for name, info in header.items()
        }
    except DAMAGES as error:
        raise ValueError(
            f"{shortened(path)} is damaged or cut short: {shortened(error)}. Fetch or "
            "write it again"
        ) from error


def _check_apart(spans: list[Any]) -> None:
    """Refuse tensors that share bytes: together they could be of any size."""
    end = 0
    for first, last in sorted(spans):
        if first < end:
            raise ValueError("tensors overlap")
        end = last


def _memory_map(path: Path, info: dict[str, Any], start: int, size: int) -> Array:
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
    if end > size:
        raise ValueError(f"it has {size} bytes, {end} are expected")
    if n_bytes == 0:
        return np.zeros(shape, dtype)
    array = np.asarray(np.memmap(path, dtype, "r", offset=begin, shape=shape))
    if info["dtype"] == "BF16":  # the upper half of a float32
        wide = array.astype(np.uint32)
        wide <<= 16  # in place: twice the file is enough
        array = wide.view(np.float32)
    return array
