"""In which line of a TOML file a key stands, which tomllib does not tell."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w.-]|"[^"]*"|'[^']*'|\s(?=[.\w"']))+?)\s*=""")
_LONG = re.compile(r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}""", re.DOTALL)
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")

Path = tuple[str, ...]


def toml_lines(text: str) -> dict[Path, int]:
    r"""Lines of tables and keys.

    Parameters
    ----------
    text : str
        A valid TOML file.

    Returns
    -------
    dict of tuple of str to int
        The first line, from 1, of each key by its path. Keys of tables in braces have
        the line of the table's own.

    Examples
    --------
    >>> from sk_m2v.cli.configuration._places import toml_lines
    >>> toml_lines("a = 1\n[train]\nlr = 2\n")[("train", "lr")]
    3
    """
    found: dict[Path, int] = {}
    table: Path = ()
    # What looks like a key in a text of several lines is none.
    text = _LONG.sub(lambda it: "\n" * it[0].count("\n"), text)
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _path(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(table + _path(key[1]), number)
    return found


def _path(text: str) -> Path:
    return tuple("".join(it) for it in _PART.findall(text))
