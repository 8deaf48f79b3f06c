"""Errors without what nobody else may see: tokens, names and passwords in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

_SECRET = re.compile(r"""(?<=://)[^/\s@'"]+@|\bhf_[A-Za-z0-9]{4,}""")


def without_secrets(text: str) -> str:
    """A text without tokens of the hub, and without names and passwords in addresses.

    Parameters
    ----------
    text : str
        Any text, such as an address or a message.

    Returns
    -------
    str
        The rest.

    Examples
    --------
    >>> from sk_m2v._secrets import without_secrets
    >>> without_secrets("https://me:secret@example.org/a says no to hf_abcdefgh")
    'https://example.org/a says no to ***'
    """
    return _SECRET.sub(lambda it: "***" if it[0].startswith("hf_") else "", text)


@contextmanager
def errors_without_secrets() -> Iterator[None]:
    """Let no error, nor what caused it, say them: tracebacks end up in logs.

    Yields
    ------
    None
        While a library speaks to the hub.
    """
    try:
        yield
    except Exception as error:
        todo: list[BaseException | None] = [error]
        seen: set[int] = set()
        while todo:
            it = todo.pop()
            if it is not None and id(it) not in seen:
                seen.add(id(it))
                it.args = tuple(
                    without_secrets(part) if isinstance(part, str) else part
                    for part in it.args
                )
                todo += [it.__cause__, it.__context__]
        raise
