"""From bytes to text, in blocks of whole lines, and what is wrong with bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

from sk_m2v._messages import quoted, shortened
from sk_m2v.tables._errors import TableError
from sk_m2v.tables._options import Options

_BLOCK = 1 << 20
# Bytes shown around those that are wrong.
_AROUND = 12
# Those of UTF-32 first: one begins as one of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_MARK = "\ufeff"
# Encodings that a mark at the begin of a file makes precise.
_MARKED = {"utf-8", "utf-8-sig", "utf-16", "utf-32"}


def blocks(stream: BinaryIO, options: Options) -> Iterator[str]:
    r"""Text of a file, in pieces.

    Parameters
    ----------
    stream : binary file
        The file.
    options : Options
        Its encodings.

    Yields
    ------
    str
        Some lines. All but the last piece end with ``"\n"``.

    Raises
    ------
    TableError
        If bytes are not of the encoding, or there are NUL characters.
    """
    begin = stream.read(_BLOCK)
    encoding = _precise(options.encoding, begin)
    if options.fallback_encoding is None or encoding != "utf-8":
        decoder = codecs.getincrementaldecoder(encoding)()
    else:
        decoder = _LineByLine(options.fallback_encoding)
    rest: list[str] = []
    n_lines, is_first = 0, True
    # The last one, of no bytes, is the end for the decoder.
    for data in chain([begin], iter(partial(stream.read, _BLOCK), b""), [b""]):
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise _undecodable(error, n_lines, encoding, options) from error
        except UnicodeError as error:  # of UTF-16 and UTF-32 without a mark
            raise TableError(
                f"it cannot be read as {quoted(encoding)}: {shortened(error)}. Give "
                "another --encoding, such as utf-16-le or utf-16-be"
            ) from error
        if "\0" in text:
            line = n_lines + 1 + text[: text.index("\0")].count("\n")
            raise TableError(
                f"line {quoted(line)} has a NUL character. Remove it; or if the file "
                "is UTF-16, give --encoding utf-16-le or utf-16-be"
            )
        n_lines += text.count("\n")
        if is_first and text:
            text, is_first = text.removeprefix(_MARK), False
        if end := text.rfind("\n") + 1:
            yield "".join([*rest, text[:end]])
            rest = []
        rest.append(text[end:])
    if text := "".join(rest):
        yield text


def encoded(rows: list[str], first: int) -> bytes:
    """Rows of text as UTF-8.

    Parameters
    ----------
    rows : list of str
        As they are to stand in a file.
    first : int
        Number of the first one.

    Returns
    -------
    bytes
        All of them.

    Raises
    ------
    TableError
        If a row has characters that no file of text can hold.
    """
    try:
        return "".join(rows).encode()
    except UnicodeEncodeError:
        for i, row in enumerate(rows, first):
            try:
                row.encode()
            except UnicodeEncodeError as error:
                raise TableError(
                    f"row {i} holds half of a surrogate pair, which is no character: "
                    f"{quoted(row[error.start : error.end])}. Replace it, for instance "
                    "by text.encode(errors='replace').decode()"
                ) from error
        raise


class _LineByLine(codecs.BufferedIncrementalDecoder):
    """UTF-8, and another encoding for the lines that are not."""

    def __init__(self, fallback: str) -> None:
        super().__init__()
        self._fallback = fallback

    def _buffer_decode(self, input: Any, errors: str, final: bool) -> tuple[str, int]:
        end = len(input) if final else input.rfind(b"\n") + 1
        whole = bytes(input[:end])
        try:
            return whole.decode(), end
        except UnicodeDecodeError:
            return "".join(self._lines(whole)), end

    def _lines(self, data: bytes) -> Iterator[str]:
        start = 0
        for line in data.splitlines(keepends=True):
            try:
                yield line.decode()
            except UnicodeDecodeError:
                try:
                    yield line.decode(self._fallback)
                except UnicodeDecodeError as it:
                    raise UnicodeDecodeError(
                        *(it.encoding, data, start + it.start, start + it.end),
                        it.reason,
                    ) from None
            start += len(line)


def _precise(encoding: str, begin: bytes) -> str:
    """Name of an encoding, by the mark at the begin of a file where there is one."""
    name = codecs.lookup(encoding).name
    if name in _MARKED:
        for mark, found in _MARKS.items():
            if begin.startswith(mark):
                return found
    return "utf-8" if name == "utf-8-sig" else name


def _undecodable(
    error: UnicodeDecodeError, n_lines: int, encoding: str, options: Options
) -> TableError:
    data = bytes(error.object)
    before = data[: error.start].decode(encoding, "replace")
    line = n_lines + 1 + before.count("\n")
    around = data[max(error.start - _AROUND, 0) : error.end + _AROUND]
    wrong = encoding
    advice = "another --encoding"
    if options.fallback_encoding is not None:
        wrong = f"utf-8, nor {options.fallback_encoding}"
        advice = "another --fallback-encoding, such as latin-1"
    elif b"\0" in data[: error.end + _AROUND]:
        advice = "--encoding utf-16-le or utf-16-be: every other byte of it is 0"
    elif encoding == "utf-8":
        advice = (
            "the encoding of the file, such as --encoding cp1252; or "
            "--fallback-encoding cp1252 if only some lines are not UTF-8"
        )
    return TableError(
        f"line {line}: the bytes "
        f"{quoted(data[error.start : error.end])} in {quoted(around)} are not {wrong}. "
        f"Give {advice}"
    )
