"""Where texts come from: containers and iterators, text files, Parquet and Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v._optional import require
from sk_m2v._text import text_batches
from sk_m2v.tables import TableError, batches, checked_texts, format_of
from sk_m2v.tables._errors import at, chosen

# Bytes of a column that are read at a time.
_BUFFER = 1 << 20
_TEXT_FILES = {"csv", "tsv", "jsonl", "text"}


class Part(NamedTuple):  # numpydoc ignore=PR02
    """Some rows that follow each other.

    Parameters
    ----------
    texts : list of str
        The texts.
    columns : mapping of str to sequence
        Columns that are kept beside the vectors.
    """

    texts: list[str]
    columns: Mapping[str, Any]


class Source(Protocol):
    """Texts in an order that does not change."""

    #: What tells it from others.
    fingerprint: dict[str, Any]
    #: Whether `parts` can begin in the middle, without reading what is before.
    skips: bool

    def parts(self, size: int, start: int) -> Iterator[Part]:
        """Yield rows.

        Parameters
        ----------
        size : int
            Rows of a part.
        start : int
            The first row; 0 unless it skips.
        """


def find_source(
    source: Any, column: str | None, columns: Sequence[str], missing: str
) -> Source:
    """Find out what kind of source something is.

    Parameters
    ----------
    source : str, Path, pyarrow.dataset.Dataset or iterable of str
        As in `sk_m2v.streaming.encode`.
    column : str or None
        Column of texts.
    columns : sequence of str
        Columns to keep.
    missing : str
        "error" or "empty".

    Returns
    -------
    Source
        Nothing but its head has been read.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If it is none, or has no such columns.
    """
    text_batches([], 1, missing=missing)  # checks missing
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir() or format_of(path) == "parquet":
            return _parquet(path, column, columns, missing)
        return _text_file(path, column, columns, missing)
    if type(source).__module__.startswith("pyarrow._dataset"):
        return ArrowDataset(source, "the data set", column, columns, missing)
    if column is not None or columns:
        raise ValueError(
            "column and columns are for tables, and the source is a "
            f"{type(source).__name__}: give a path, or leave them out"
        )
    return _texts(source, missing)


class Rows:
    """What is read from its begin each time.

    Parameters
    ----------
    fingerprint : dict
        What tells it from others.
    parts : callable
        From a number of rows to an iterator of parts of as many.
    """

    skips = False

    def __init__(
        self, fingerprint: dict[str, Any], parts: Callable[[int], Iterator[Part]]
    ) -> None:
        self.fingerprint, self._parts = fingerprint, parts

    def parts(self, size: int, start: int) -> Iterator[Part]:
        """Yield rows.

        Parameters
        ----------
        size : int
            Rows of a part.
        start : int
            0.

        Returns
        -------
        iterator of Part
            Rows.
        """
        return self._parts(size)


def _texts(texts: Any, missing: str) -> Source:
    """Any container of texts, or an iterator."""
    # What has no texts at all is refused now; an iterator is not touched.
    text_batches(texts, 1, missing=missing)

    def parts(size: int) -> Iterator[Part]:
        for it in text_batches(texts, size, missing=missing)[1]:
            yield Part(it, {})

    return Rows({"missing": missing}, parts)


def _text_file(
    path: Path, column: str | None, columns: Sequence[str], missing: str
) -> Source:
    """A file of CSV, TSV, JSON lines or lines of text."""
    if format_of(path) not in _TEXT_FILES:
        raise TableError(
            f"texts cannot be read from {quoted(str(path), 200)}. Give CSV, JSON "
            "lines, Parquet or lines of text"
        )
    head = next(batches(path, size=1))
    column = _checked_columns(list(head), column, columns, str(path))

    def parts(size: int) -> Iterator[Part]:
        n_before = 0
        for table in batches(path, size=size, columns=[column, *columns]):
            texts = checked_texts(table[column], str(path), n_before, missing)
            n_before += len(texts)
            yield Part(texts, {name: table[name] for name in columns})

    fingerprint = {"source": of_files([path]), "missing": missing}
    return Rows(fingerprint | {"column": column, "columns": list(columns)}, parts)


class ArrowDataset:
    """Files of a data set of pyarrow, such as one or many of Parquet.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
        The data set.
    name : str
        How messages call it.
    column : str or None
        Column of texts.
    columns : sequence of str
        Columns to keep.
    missing : str
        "error" or "empty".
    """

    skips = True

    def __init__(
        self,
        dataset: Any,
        name: str,
        column: str | None,
        columns: Sequence[str],
        missing: str,
    ) -> None:
        if not hasattr(dataset, "files"):
            raise TypeError(
                f"a {type(dataset).__name__} of pyarrow has no files, and nothing to "
                "know it by again: give a data set of files, or an iterator of texts"
            )
        self._dataset, self._name, self._missing = dataset, name, missing
        self._column = _checked_columns(dataset.schema.names, column, columns, name)
        self._columns = columns
        infos = dataset.filesystem.get_file_info(dataset.files)
        self.fingerprint = {
            "source": _digest([(it.base_name, it.size, it.mtime_ns) for it in infos]),
            "column": self._column,
            "columns": list(columns),
            "missing": missing,
        }

    def parts(self, size: int, start: int) -> Iterator[Part]:
        """Yield rows.

        Parameters
        ----------
        size : int
            Rows of a part.
        start : int
            The first row. Row groups before it are not read.

        Yields
        ------
        Part
            Rows.
        """
        pa = require("pyarrow", extra="parquet")
        held: list[Any] = []
        n_held, n_before = 0, start
        try:
            for batch in self._batches(size, start):
                while n_held + batch.num_rows >= size:
                    n_more = size - n_held
                    held.append(batch.slice(0, n_more))
                    yield self._part(pa.Table.from_batches(held), n_before)
                    batch = batch.slice(n_more)
                    held, n_held, n_before = [], 0, n_before + size
                if batch.num_rows:
                    held.append(batch)
                    n_held += batch.num_rows
        except TableError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise TableError(
                f"{shortened(self._name)} cannot be read after row {quoted(n_before)}: "
                f"{shortened(error)}. Fetch or write it again"
            ) from error
        if held:
            yield self._part(pa.Table.from_batches(held), n_before)

    def _part(self, table: Any, n_before: int) -> Part:
        texts = table.column(self._column).to_pylist()
        columns = {name: table.column(name) for name in self._columns}
        checked = checked_texts(texts, self._name, n_before, self._missing)
        return Part(checked, columns)

    def _batches(self, size: int, start: int) -> Iterator[Any]:
        """Record batches from a row on, read one after the other."""
        ds = require("pyarrow.dataset", extra="parquet")
        names = list(dict.fromkeys([self._column, *self._columns]))
        for fragment in self._dataset.get_fragments():
            if isinstance(fragment, ds.ParquetFileFragment):
                n_passed, groups = _passed_groups(fragment, start)
                start -= n_passed
                batches = self._of_parquet(fragment, groups, names, size)
            else:
                batches = fragment.to_batches(
                    schema=self._dataset.schema,
                    columns=names,
                    batch_size=size,
                    batch_readahead=1,
                    use_threads=False,
                )
            for batch in batches:
                n_passed = min(start, batch.num_rows)
                start -= n_passed
                yield batch.slice(n_passed)

    def _of_parquet(
        self, fragment: Any, groups: list[int], names: list[str], size: int
    ) -> Iterator[Any]:
        """Record batches of a file.

        The data set would read a row group at once, which may be a whole file.
        """
        pa = require("pyarrow", extra="parquet")
        ds = require("pyarrow.dataset", extra="parquet")
        parquet = require("pyarrow.parquet", extra="parquet")
        schema = pa.schema([self._dataset.schema.field(name) for name in names])
        of_path = ds.get_partition_keys(fragment.partition_expression)
        # Nor a whole column of a group.
        how = {"pre_buffer": False, "buffer_size": _BUFFER}
        with parquet.ParquetFile(fragment.open(), **how) as file:
            known = [it for it in names if it in file.schema_arrow.names]
            for batch in file.iter_batches(size, groups, known, use_threads=False):
                n_rows = batch.num_rows
                columns = [
                    batch.column(name).cast(schema.field(name).type)
                    if name in known
                    else pa.array([of_path.get(name)] * n_rows, schema.field(name).type)
                    for name in names
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _passed_groups(fragment: Any, start: int) -> tuple[int, list[int]]:
    """Rows of the row groups that are whole before a row, and the groups after."""
    n_passed, groups = 0, list[int]()
    for group in fragment.row_groups:
        if not groups and n_passed + group.num_rows <= start:
            n_passed += group.num_rows
        else:
            groups.append(group.id)
    return n_passed, groups


def _parquet(
    path: Path, column: str | None, columns: Sequence[str], missing: str
) -> Source:
    pa = require("pyarrow", extra="parquet")
    ds = require("pyarrow.dataset", extra="parquet")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {shortened(path)}. Check the path")
    try:
        dataset = ds.dataset(path, format="parquet")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(
            f"{shortened(path)} is no Parquet file or folder of such, or a damaged "
            f"one ({shortened(error)}). Fetch or write it again"
        ) from error
    if not dataset.files:
        raise TableError(f"{shortened(path)} has no Parquet files: give another folder")
    return ArrowDataset(dataset, str(path), column, columns, missing)


def _checked_columns(
    names: list[str], column: str | None, columns: Sequence[str], source: str
) -> str:
    """The column of texts, when all that are asked for are there."""
    if isinstance(columns, str):
        raise ValueError(f"columns must be a list of names, got {quoted(columns)}")
    if column is None:
        column = names[0] if len(names) == 1 else "text"
    try:
        chosen(names, [column, *columns])
    except TableError as error:
        raise at(source, error) from None
    if repeated := [it for it in columns if list(columns).count(it) > 1]:
        raise ValueError(f"columns names some twice, {listed(repeated)}")
    return column


def of_files(paths: Sequence[Path]) -> str:
    """What changes when a file does.

    Parameters
    ----------
    paths : sequence of Path
        Files.

    Returns
    -------
    str
        Digest of their names without the folders, sizes, and times of change.
    """
    states = [(path.name, path.stat()) for path in paths]
    return _digest([(name, it.st_size, it.st_mtime_ns) for name, it in states])


def _digest(states: list[tuple[str, int, int]]) -> str:
    return sha256(repr(states).encode()).hexdigest()
