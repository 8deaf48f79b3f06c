"""The texts of a table."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from sk_m2v._messages import listed, quoted
from sk_m2v.tables import Columns


def joined_texts(
    columns: Columns,
    *,
    text: str | Sequence[str] | None = None,
    text_separator: str = "\n",
) -> list[str]:
    r"""Texts of a table, one a row.

    Parameters
    ----------
    columns : dict of str to list
        The table.
    text : str, list of str or None, default=None
        Column of texts, or several, which are joined. None is the column "text", or
        the only one.
    text_separator : str, default="\n"
        What stands between the texts of several columns.

    Returns
    -------
    list of str
        The texts. Those of a column alone are as they stand in the table.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    names = [text] if isinstance(text, str) else list(text or ())
    if not names:
        names = ["text"] if "text" in columns or len(columns) > 1 else list(columns)
    check_columns(columns, names, "--text")
    if len(names) == 1:
        return columns[names[0]]
    return [
        text_separator.join("" if it is None else str(it) for it in row)
        for row in zip(*(columns[it] for it in names), strict=True)
    ]


def check_columns(columns: Columns, names: Sequence[str], option: str) -> None:
    """Refuse names of columns that are not there.

    Parameters
    ----------
    columns : dict of str to list
        The table.
    names : sequence of str
        What is asked for.
    option : str
        How another is named.

    Raises
    ------
    ValueError
        It lists the columns that there are, the most similar first.
    """
    for name in names:
        if name not in columns:
            near = get_close_matches(name, columns, n=len(columns), cutoff=0)
            raise ValueError(
                f"there is no column {quoted(name)}. The columns are {listed(near)}: "
                f"name one with {option}"
            )
