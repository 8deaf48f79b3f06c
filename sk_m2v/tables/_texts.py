"""Texts of a table, checked: each row has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sk_m2v._messages import quoted, shortened
from sk_m2v.tables._errors import TableError


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
