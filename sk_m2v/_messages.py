"""What stands in a message of an error, cut to a length that one can read.

A label, a text, or a list of names can be of any length. A message has at most 600
characters, so that what to do, at its end, is seen. Everything that comes from a user
or a file goes through one of these.
"""

from __future__ import annotations

import re
import reprlib
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from numbers import Integral
from typing import Any

#: What content of another form than expected leads to.
DAMAGES = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError),
    *(ValueError, struct.error),
)

# Characters of a message.
LIMIT = 600
# Characters of a value, and of a text of others in a message.
VALUE = 80
TEXT = 200
_DOTS = "..."
# Tokens of the hub, and names and passwords in addresses.
_SECRET = re.compile(r"""(?<=://)[^/\s@'"]+@|\bhf_[A-Za-z0-9]{4,}""")

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = VALUE
_repr.maxlong = VALUE


def quoted(value: Any, limit: int = VALUE) -> str:
    """Representation of a value, shortened.

    Parameters
    ----------
    value : object
        Anything.
    limit : int, default=80
        The most characters.

    Returns
    -------
    str
        As `repr`, with dots in place of what is too long.

    Examples
    --------
    >>> from sk_m2v._messages import quoted
    >>> quoted("cat"), quoted(3)
    ("'cat'", '3')
    >>> quoted("cat " * 100, 20)
    "'cat cat...cat cat '"
    """
    return shortened(_repr.repr(value), limit)


def shortened(text: object, limit: int = TEXT) -> str:
    """A text of others, such as a path or a message, shortened in the middle.

    Parameters
    ----------
    text : object
        What `str` makes a text of.
    limit : int, default=200
        The most characters.

    Returns
    -------
    str
        The text, or its beginning and end.

    Examples
    --------
    >>> from sk_m2v._messages import shortened
    >>> shortened("a" * 300 + "z", 12)
    'aaaa...aaaaz'
    """
    text = str(text)
    if len(text) <= limit:
        return text
    begin = (limit - len(_DOTS)) // 2
    return text[:begin] + _DOTS + text[len(text) - (limit - len(_DOTS) - begin) :]


def listed(values: Iterable[Any], n_shown: int = 5) -> str:
    """The first of some values, and how many more there are.

    Parameters
    ----------
    values : iterable
        The values.
    n_shown : int, default=5
        The most that are shown.

    Returns
    -------
    str
        Their representations.

    Examples
    --------
    >>> from sk_m2v._messages import listed
    >>> listed(["a", "b"]), listed(range(100), 2)
    ("'a', 'b'", '0, 1 and 98 more')
    """
    rows = iter(values)
    shown = ", ".join(quoted(it, TEXT // n_shown) for it in islice(rows, n_shown))
    n_more = sum(1 for _ in rows)
    return f"{shown} and {n_more} more" if n_more else shown or "nothing"


def check_count(n: object, of: str, name: str = "n", least: int = 1) -> None:
    """Refuse what is no number of things to return.

    Parameters
    ----------
    n : object
        What a user passed.
    of : str
        The things, in the plural.
    name : str, default="n"
        The parameter.
    least : int, default=1
        The smallest number.

    Raises
    ------
    ValueError
        If it is no integer of `least` or more.
    """
    if isinstance(n, bool) or not isinstance(n, Integral) or n < least:
        raise ValueError(
            f"{shortened(name)} must be a number of {shortened(of)}, "
            f"{quoted(least)} or more, got {quoted(n)}"
        )


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
    >>> from sk_m2v._messages import without_secrets
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
