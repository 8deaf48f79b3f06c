"""Options that several subcommands have."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sk_m2v._messages import quoted, shortened
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import parameters_of
from sk_m2v.cli.running._model import Model

if TYPE_CHECKING:
    from sk_m2v.tables import Columns, Writer

_READING = parameters_of("sk_m2v.tables.batches")
_TEXT = parameters_of("sk_m2v.cli.running._texts.joined_texts")


def add_input(parser: ArgumentParser, what: str = "texts") -> None:
    """Add options of the table that is read.

    Parameters
    ----------
    parser : ArgumentParser
        Gets them.
    what : str, default="texts"
        What it holds.
    """
    parser.add_argument(
        "file",
        nargs="?",
        default="-",
        help=f"table of {what}: CSV, TSV, JSON lines, Parquet or plain text, also "
        "compressed by gzip (default: standard input, as CSV)",
    )
    add_text_options(parser)


def add_text_options(parser: ArgumentParser) -> None:
    """Add options of how texts are read and which columns they are.

    Parameters
    ----------
    parser : ArgumentParser
        Gets them.
    """
    group = parser.add_argument_group("reading")
    add_options(group, _READING, "reading", skip=("source", "size", "columns"))
    add_options(group, _TEXT, "text", skip=("columns",))


def add_output(parser: ArgumentParser, formats: str) -> None:
    """Add options of the table that is written.

    Parameters
    ----------
    parser : ArgumentParser
        Gets them.
    formats : str
        Those that suit, for people.
    """
    parser.add_argument(
        "--out",
        metavar="FILE",
        default="-",
        help=f"where to write; the suffix says how: {formats} (default: standard "
        "output)",
    )
    parser.add_argument(
        "--to",
        metavar="FORMAT",
        help="how to write, where no suffix says it: csv, tsv, jsonl, parquet or npy",
    )


def add_model(parser: ArgumentParser, default: str | None) -> None:
    """Add the option of which model to use.

    Parameters
    ----------
    parser : ArgumentParser
        Gets it.
    default : str or None
        What is used without it, for people; None if it has to be given.
    """
    text = "folder of a model or of a training, or the id of a model of the hub"
    parser.add_argument(
        "--model",
        metavar="MODEL",
        required=default is None,
        help=text if default is None else f"{text} (default: {default})",
    )


def input_batches(
    options: Namespace, model: Model, missing: str, **how: Any
) -> Iterator[tuple[Columns, Any]]:
    """Yield batches of the table that is read, and their texts.

    Parameters
    ----------
    options : Namespace
        Of `add_input`.
    model : Model
        Knows which columns it was trained on.
    missing : str
        "empty" if texts may be missing, else "error".
    **how
        More options of `sk_m2v.tables.batches`.

    Yields
    ------
    columns : dict of str to list
        A batch.
    texts : list of str
        Its texts.

    Raises
    ------
    TableError
        If a row has no text; the row is that of the whole table.
    """
    from sk_m2v.tables import TableError, batches, checked_texts
    from sk_m2v.tables._formats import name_of

    name = name_of(options.file, "standard input")
    chosen = given(options, "text")
    n_rows = 0
    for columns in batches(options.file, **given(options, "reading"), **how):
        try:
            texts: list[Any] = model.texts(columns, **chosen)
        except ValueError as error:
            message = f"{shortened(name)}: {shortened(error, 350)}"
            raise TableError(message) from None
        texts = checked_texts(texts, name, n_rows, missing)
        n_rows += len(texts)
        yield columns, texts


def output(options: Namespace, default: str) -> Writer:
    """Open the table that is written.

    Parameters
    ----------
    options : Namespace
        Of `add_output`.
    default : str
        Its format on standard output.

    Returns
    -------
    Writer
        Writes it.
    """
    from sk_m2v.tables import Writer

    format = options.to or (default if options.out == "-" else None)
    return Writer(options.out, format=format)


def progress(rows: Iterable[Any]) -> Iterator[Any]:
    """Show a bar of texts on standard error, if that is a terminal.

    Parameters
    ----------
    rows : iterable of (Columns, list)
        What is gone through.

    Yields
    ------
    object
        As it is.
    """
    from tqdm import tqdm

    with tqdm(unit=" texts", unit_scale=True, disable=None) as bar:
        for columns, texts in rows:
            yield columns, texts
            bar.update(len(texts))


@contextmanager
def written_behind(table: Writer, target: str) -> Iterator[Callable[[Any], None]]:
    """Write a batch while the next one is made.

    Parameters
    ----------
    table : Writer
        Writes batches.
    target : str
        Where to. Standard output is written to at once: whoever reads it may wait, and
        then nothing should wait here that cannot be interrupted.

    Yields
    ------
    callable
        Takes a batch. Errors of one are raised with the next, or at the end.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    if target == "-":
        yield table.write
        return
    pending: list[Future[None]] = []

    def write(batch: Any) -> None:
        while pending:
            pending.pop().result()
        pending.append(thread.submit(table.write, batch))

    with ThreadPoolExecutor(1) as thread:
        yield write
        while pending:
            pending.pop().result()


def say(text: str) -> None:
    """Say what is being done, on standard error.

    Parameters
    ----------
    text : str
        The line.
    """
    print(text, file=sys.stderr, flush=True)


def say_written(target: str) -> None:
    """Say where the results are, unless that is standard output.

    Parameters
    ----------
    target : str
        Where.
    """
    if target != "-":
        say(f"written: {shortened(target)}")


def beside(
    columns: Columns, new: Mapping[str, Any], advice: str = ""
) -> dict[str, Any]:
    """Put new columns beside those that were read.

    Parameters
    ----------
    columns : dict of str to list
        What was read.
    new : mapping
        What was made of it.
    advice : str, default=""
        What can be done about names that are taken, but to rename them.

    Returns
    -------
    dict of str to array-like
        All of them.

    Raises
    ------
    ValueError
        If a name is taken: nothing that was read is written over.
    """
    if taken := [it for it in new if it in columns]:
        raise ValueError(
            f"the table has a column {quoted(taken[0])} already: rename it{advice}"
        )
    return {**columns, **new}


def add_folder(parser: ArgumentParser, what: str) -> None:
    """Add options of the folder that is written.

    Parameters
    ----------
    parser : ArgumentParser
        Gets them.
    what : str
        What goes into it.
    """
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help=f"folder of {what}"
    )
    add_overwrite(parser)


def add_overwrite(parser: ArgumentParser) -> None:
    """Add the option to write into a folder that is not empty.

    Parameters
    ----------
    parser : ArgumentParser
        Gets it.
    """
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="write into a folder that is not empty; files of other names stay",
    )


def empty_folder(path: str, *, overwrite: bool) -> Path:
    """Folder to write to, before any work.

    Parameters
    ----------
    path : str
        Where.
    overwrite : bool
        Whether there may be something in it.

    Returns
    -------
    Path
        The folder, which may not be there yet.

    Raises
    ------
    ValueError
        If it is a file, or not empty.
    """
    folder = Path(path)
    for it in (folder, *folder.parents):
        if it.exists() and not it.is_dir():
            raise ValueError(f"{shortened(it)} is a file, and no folder")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise ValueError(
            f"{shortened(folder)} is there already and not empty: choose another "
            "folder, or pass --overwrite"
        )
    return folder
