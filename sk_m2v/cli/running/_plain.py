"""Standard error without colours, where it is no terminal."""

from __future__ import annotations

import io
import re
from typing import TextIO

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class _Plain(io.TextIOBase):
    """Passes on what it gets, without colours."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text.

        Parameters
        ----------
        text : str
            Any text.

        Returns
        -------
        int
            Its length.
        """
        self._stream.write(_COLOUR.sub("", text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


def plain(stream: TextIO) -> TextIO:
    r"""Stream to print to.

    Parameters
    ----------
    stream : file
        A stream of text.

    Returns
    -------
    file
        The same if it is a terminal, else one that leaves out colours.

    Examples
    --------
    >>> import io
    >>> from sk_m2v.cli.running._plain import plain
    >>> stream = io.StringIO()
    >>> _ = plain(stream).write("\x1b[31mred\x1b[0m")
    >>> stream.getvalue()
    'red'
    """
    return stream if stream.isatty() else _Plain(stream)  # type: ignore[return-value]
