"""`encode`: any number of texts to vectors on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sk_m2v.streaming._models import encoder
from sk_m2v.streaming._run import check_target, run
from sk_m2v.streaming._sources import find_source

# 25 MB of vectors with 384 dimensions: little memory, and few files for many texts.
PART_SIZE = 16_384


def encode(
    source: str | Path | Iterable[str],
    target: str | Path,
    model: Any = None,
    *,
    column: str | None = None,
    columns: Sequence[str] = (),
    method: str | None = None,
    name: str = "embedding",
    missing: str = "error",
    part_size: int = PART_SIZE,
    resume: bool = True,
    show_progress: bool = False,
) -> int:
    """Encode more texts than fit into memory, and go on where a run was killed.

    The target is there when it is whole. Until then, what is done is in a folder beside
    it, ``<target>.unfinished``. After a kill at any point, the same call goes on after
    the parts that are done, and leads to the same bytes as a run without a stop.

    Parameters
    ----------
    source : str, Path, pyarrow.dataset.Dataset or iterable of str
        A file of CSV, TSV, JSON lines or lines of text, compressed by gzip or not; a
        file or folder of Parquet; a data set of pyarrow; or texts in any container, or
        an iterator. An iterator has to give the same texts again when a run is gone on
        with; those that are done are passed over.
    target : str or Path
        Where the vectors go, by its suffix: ``.npy`` (for ``numpy.load(target,
        mmap_mode="r")``), ``.parquet`` (a folder of part files) or ``.zarr`` (an array;
        extra ``zarr``). It must not exist.
    model : str, Path, StaticEmbedding, estimator or None, default=None
        A folder or the id of a model of the hub, as in `sk_m2v.load`; a model; or any
        fitted transformer or classifier over texts. None is the model that comes with
        the package.
    column : str or None, default=None
        Column of the texts in a table. None is the only one, or "text".
    columns : sequence of str, default=()
        Columns of the table that are kept beside the vectors, in Parquet.
    method : str or None, default=None
        Method of the model that makes rows of numbers of texts. None is ``encode``,
        ``transform`` or ``predict_proba``, the first that it has.
    name : str, default="embedding"
        Column of the vectors, in Parquet.
    missing : {"error", "empty"}, default="error"
        What to do with None and the like: refuse them, or read them as "".
    part_size : int, default=16384
        Rows that are read, encoded and written at a time: what a kill can cost, and
        what memory holds. Also the rows of a file of Parquet, or of a chunk of Zarr.
    resume : bool, default=True
        Whether to go on with unfinished work. False removes it and starts again.
    show_progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    int
        Number of texts.

    Raises
    ------
    FileExistsError
        If the target is there already.
    BlockingIOError
        If another run writes it.
    FileNotFoundError, TypeError, ValueError
        If the source, target, model or a text is not what it should be, or unfinished
        work does not fit: the message says in what it differs.

    See Also
    --------
    StaticEmbedding.encode : Vectors in memory, or in an array that one has.

    Notes
    -----
    A part is written and waited for until it is on the disk, and then put on record.
    What is not on record is not trusted and written again. The record knows source
    (size and time of change of each file), columns, model, settings, and the versions
    of what writes; of sources other than Parquet also a digest of the texts that are
    done.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sk_m2v import streaming
    >>> texts = (f"text number {i}" for i in range(10_000))
    >>> with TemporaryDirectory() as folder:
    ...     n_texts = streaming.encode(texts, Path(folder, "vectors.npy"))
    ...     vectors = np.load(Path(folder, "vectors.npy"))
    >>> n_texts, vectors.shape, vectors.dtype
    (10000, (10000, 384), dtype('float32'))
    """
    kept = columns if isinstance(columns, str) else list(columns)
    path = Path(target)
    check_target(path, list(kept), name, part_size)
    found = find_source(source, column, kept, missing)
    return run(
        found,
        path,
        encoder(model, method),
        columns=list(kept),
        name=name,
        part_size=part_size,
        resume=resume,
        show_progress=show_progress,
    )
