"""`report`: how large and how fast an exported model is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onnx import ModelProto

from sk_m2v._messages import listed
from sk_m2v._text import as_texts
from sk_m2v.onnx._runtime import OnnxModel
from sk_m2v.onnx._samples import SAMPLES

# Seconds of each measurement.
_DURATION = 0.5


def report(
    model: str | Path | ModelProto, X: Any = None, *, n_threads: int | None = 1
) -> dict[str, float]:
    """Measure size and speed of a model, and print them.

    Parameters
    ----------
    model : str, Path or onnx.ModelProto
        As in `load`, and not one of several columns.
    X : container of str, default=None
        Texts to measure on. None takes a few sentences.
    n_threads : int or None, default=1
        Threads of onnxruntime. None lets it choose.

    Returns
    -------
    dict of str to float
        ``"megabytes"``; ``"load_seconds"``; ``"latency_microseconds"``, the median time
        of a single text; ``"texts_per_second"`` of all of `X` at once.

    Examples
    --------
    >>> from sk_m2v import StaticEmbeddingTransformer
    >>> from sk_m2v.onnx import report, to_onnx
    >>> figures = report(to_onnx(StaticEmbeddingTransformer()))  # doctest: +SKIP
    """
    texts = as_texts(X) if X is not None else list(SAMPLES[3:8]) * 200
    started = time.perf_counter()
    loaded = OnnxModel(model, n_threads=n_threads)
    load_seconds = time.perf_counter() - started
    if len(loaded.columns) > 1:
        raise ValueError(
            f"the model reads the columns {listed(loaded.columns)}, not texts"
        )
    session = loaded.session
    feeds = [loaded._feed([text]) for text in texts[:100]]
    single = _seconds(lambda i: session.run(None, feeds[i % len(feeds)]))
    everything = loaded._feed(texts)
    batch = _seconds(lambda _: session.run(None, everything))
    size = model.ByteSize() if isinstance(model, ModelProto) else _size(Path(model))
    figures = {
        "megabytes": size / 1e6,
        "load_seconds": load_seconds,
        "latency_microseconds": single * 1e6,
        "texts_per_second": len(texts) / batch,
    }
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):>20}: {value:,.4g}")
    return figures


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(it.stat().st_size for it in files if it.is_file())


def _seconds(run: Callable[[int], Any]) -> float:
    """Median time of a run, after some to warm up."""
    for i in range(3):
        run(i)
    times: list[float] = []
    end = time.perf_counter() + _DURATION
    while not times or time.perf_counter() < end:
        started = time.perf_counter()
        run(len(times))
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]
