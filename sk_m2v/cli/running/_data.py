"""The tables of a training: what is read, and what is checked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sk_m2v._messages import listed, shortened
from sk_m2v.cli.preparing._columns import PARTS
from sk_m2v.cli.running._texts import check_columns
from sk_m2v.tables import Columns, TableError, read


def read_parts(
    train: str | Sequence[str],
    *,
    validation: str | Sequence[str] | None = None,
    test: str | Sequence[str] | None = None,
    text: str | Sequence[str] | None = None,
    text_separator: str = "\n",
    label: str | Sequence[str] = "label",
    label_separator: str | None = None,
    format: str | None = None,
    encoding: str = "utf-8",
    fallback_encoding: str | None = None,
    delimiter: str | None = None,
) -> dict[str, Columns]:
    r"""Read the tables of a training.

    Parameters
    ----------
    train : str or list of str
        Table to learn from: CSV, TSV, JSON lines, Parquet, each also compressed by
        gzip. Several files are read one after the other.
    validation : str, list of str or None, default=None
        Table to stop training by. None takes a part of the training texts, if the
        estimator or the section "prepare" says so.
    test : str, list of str or None, default=None
        Table to evaluate with.
    text : str, list of str or None, default=None
        Column of texts, or several, which are joined. None is the column "text".
    text_separator : str, default="\n"
        What stands between the texts of several columns.
    label : str or list of str, default="label"
        Column of classes, of numbers for a regressor, or of the second text for pairs.
        Several columns are several numbers; or labels of which a row has those whose
        cell is 1, true or yes.
    label_separator : str or None, default=None
        What stands between the labels of a row that has several. None for one a row.
    format : str or None, default=None
        Format of the files: csv, tsv, jsonl, parquet. None goes by the suffix.
    encoding : str, default="utf-8"
        How the files store text. With a byte order mark, UTF-16 is recognised.
    fallback_encoding : str or None, default=None
        Encoding of lines that are not in `encoding`. None refuses such lines.
    delimiter : str or None, default=None
        What stands between cells. None guesses from the header.

    Returns
    -------
    dict of str to Columns
        Tables by the names of parts.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file is damaged, empty, or lacks a column.
    """
    if label_separator == "":
        raise ValueError("label_separator is empty: give what stands between labels")
    names = [*_names(text or "text"), *_names(label)]
    given = zip(PARTS, (train, validation, test), strict=True)
    return {
        part: _part(
            _names(files),
            names,
            format=format,
            encoding=encoding,
            fallback_encoding=fallback_encoding,
            delimiter=delimiter,
        )
        for part, files in given
        if files is not None
    }


def _names(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _part(files: list[str], names: list[str], **how: Any) -> Columns:
    """Read files one after the other."""
    found: Columns = {}
    for file in files:
        columns = read(file, **how)
        try:
            check_columns(columns, names, "text and label (--text and --label)")
        except ValueError as error:
            raise TableError(f"{shortened(file)}: {shortened(error, 350)}") from None
        if found and found.keys() != columns.keys():
            raise TableError(
                f"{shortened(file)} has the columns {listed(columns)}, and "
                f"{shortened(files[0])} has {listed(found)}: files of one part need "
                "the same"
            )
        for name, values in columns.items():
            found.setdefault(name, []).extend(values)
    return found
