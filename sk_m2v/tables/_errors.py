"""What is wrong with a table, said to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from sk_m2v._messages import listed, quoted, shortened


class TableError(ValueError):
    """A file that cannot be read, or cannot be written, as a table.

    The message names the file, the row or line where there is one, and what to do.
    """


def at(source: str, error: TableError) -> TableError:
    """The same error, with the file that it is about.

    Parameters
    ----------
    source : str
        Name of the file.
    error : TableError
        What is wrong in it.

    Returns
    -------
    TableError
        To be raised.
    """
    return TableError(f"{shortened(source)}: {shortened(error, 390)}")


def chosen(names: Sequence[str], columns: Iterable[str] | None) -> list[str]:
    """Columns to read, of those that there are.

    Parameters
    ----------
    names : sequence of str
        The columns of a table, in its order.
    columns : iterable of str or None
        Those asked for; None for all.

    Returns
    -------
    list of str
        Each one once.

    Raises
    ------
    TableError
        If one is not there, or the table has two of a name.
    """
    if repeated := [name for name, n in Counter(names).items() if n > 1]:
        raise TableError(
            f"it has columns of the same name, {listed(repeated)}. Give each its own"
        )
    if columns is None:
        return list(names)
    columns = list(dict.fromkeys(columns))
    for name in columns:
        if name not in names:
            nearest = get_close_matches(name, names, n=max(len(names), 1), cutoff=0)
            raise TableError(
                f"there is no column {quoted(name)}. The columns, nearest first, are "
                f"{listed(nearest)}"
            )
    return columns


def checked_texts(
    texts: Sequence[Any], source: str, n_before: int, missing: str
) -> list[str]:
    """Refuse rows without a text.

    Parameters
    ----------
    texts : sequence of object
        A column, or a batch of it.
    source : str
        Name of the file.
    n_before : int
        Rows of the table that stand before.
    missing : str
        "empty" to read None as "", else "error".

    Returns
    -------
    list of str
        The texts.

    Raises
    ------
    TableError
        If a row has none; it names the row, counted from 1.
    """
    if set(map(type, texts)) <= {str}:
        return list(texts)
    checked = []
    for row, text in enumerate(texts, n_before + 1):
        if not isinstance(text, str) and (text, missing) != (None, "empty"):
            raise TableError(
                f"{shortened(source)}, row {row}: the text is {quoted(text)}: give "
                "each row a text, or leave out the row"
            )
        checked.append(text or "")
    return checked


def unwritable(row: int, error: Exception) -> TableError:
    """What to do with a value that a format cannot hold.

    Parameters
    ----------
    row : int
        Number of its row.
    error : Exception
        Why it cannot.

    Returns
    -------
    TableError
        To be raised.
    """
    return TableError(
        f"row {row} cannot be written: {shortened(error)}. Leave out the column, or "
        "make its values numbers or texts"
    )


def reason(error: Exception) -> str:
    """What a system says of a file, without its name.

    Parameters
    ----------
    error : OSError or ValueError
        Raised on opening it.

    Returns
    -------
    str
        Such as "Permission denied".
    """
    return getattr(error, "strerror", None) or str(error)
