"""Sources and targets for tests of streaming, and how to compare them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import zarr

N_TEXTS = 350
PART = 100
WORDS = ["red", "green", "blue", "cat", "dog", "cats", "dogs"]
TEXTS = [
    f"{WORDS[i % 7]} {WORDS[i // 7 % 7]}. {WORDS[i // 49 % 7]}" for i in range(N_TEXTS)
]
IDS = list(range(N_TEXTS))
SUFFIXES = ["npy", "parquet", "zarr"]


def as_csv(folder: Path, texts: list[str]) -> Path:
    path = folder / "in.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(texts))
    return path


def as_json_lines(folder: Path, texts: list[str]) -> Path:
    path = folder / "in.jsonl"
    rows = [{"id": i, "text": text} for i, text in enumerate(texts)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def table(texts: list[str]) -> pa.Table:
    return pa.table({"id": range(len(texts)), "text": texts})


def as_parquet(folder: Path, texts: list[str]) -> Path:
    path = folder / "in.parquet"
    pq.write_table(table(texts), path, row_group_size=30)
    return path


def as_parquet_folder(folder: Path, texts: list[str]) -> Path:
    path = folder / "in"
    path.mkdir(exist_ok=True)
    rows = table(texts)
    for i, start in enumerate(range(0, len(texts), 130)):
        part = rows.slice(start, 130)
        pq.write_table(part, path / f"{i}.parquet", row_group_size=45)
    return path


def as_dataset(folder: Path, texts: list[str]) -> Any:
    return ds.dataset(as_parquet_folder(folder, texts))


def as_arrow(folder: Path, texts: list[str]) -> Any:
    path = folder / "in.arrow"
    rows = table(texts)
    with pa.ipc.new_file(path, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=45)
    return ds.dataset(path, format="ipc")


def as_iterator(folder: Path, texts: list[str]) -> Any:
    return iter(texts)


def as_list(folder: Path, texts: list[str]) -> Any:
    return texts


SOURCES = {
    "iterator": as_iterator,
    "list": as_list,
    "csv": as_csv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
    "folder": as_parquet_folder,
    "dataset": as_dataset,
    "arrow": as_arrow,
}


def vectors(target: Path) -> np.ndarray:
    """What a target holds."""
    if target.suffix == ".npy":
        return np.load(target, mmap_mode="r")
    if target.suffix == ".zarr":
        return zarr.open_array(target, mode="r")[:]
    column = pq.read_table(target).column("embedding").combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)


def content(target: Path) -> dict[str, bytes]:
    """Bytes of a file, or of all in a folder."""
    if target.is_file():
        return {"": target.read_bytes()}
    files = [it for it in target.rglob("*") if it.is_file()]
    return {str(it.relative_to(target)): it.read_bytes() for it in files}


def names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())
