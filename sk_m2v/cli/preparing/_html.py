"""The text of a page, without its markup."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

# Tags inside a line. All others begin and end one, so that words stay apart.
_INLINE = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|"
    "q|s|samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr"
)
# Whose content is no text.
_HIDDEN = frozenset({"script", "style"})
# Such as those of word processors: the parser refuses some.
_MARKED_SECTION = re.compile(r"<!\[[^>]*>")


def strip_markup(text: str) -> str:
    r"""Take tags, comments, scripts and styles out, and resolve entities.

    Parameters
    ----------
    text : str
        A text with or without markup.

    Returns
    -------
    str
        What a reader sees. What is no complete tag stays.

    Examples
    --------
    >>> from sk_m2v.cli.preparing._html import strip_markup
    >>> strip_markup("<p>Fish &amp; <b>chips</b><br>1 < 2 <3</p>")
    'Fish & chips\n1 < 2 <3'
    """
    if "<" not in text and "&" not in text:
        return text
    # No tag ends after the last bracket. The parser would look for one in vain, in a
    # time that grows with the square of the length.
    end = text.rfind(">") + 1
    parser = _Parser()
    parser.feed(_MARKED_SECTION.sub("", text[:end]))
    parser.close()
    if parser.hidden is None:
        parser.found.append(unescape(text[end:]))
    return "".join(parser.found).strip("\n")


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.hidden: str | None = None

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _HIDDEN:
            self.hidden = tag
        self._handle_tag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.hidden:
            self.hidden = None
        self._handle_tag(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._handle_tag(tag)

    def handle_data(self, data: str) -> None:
        if self.hidden is None:
            self.found.append(data)

    def _handle_tag(self, tag: str) -> None:
        if not _INLINE.fullmatch(tag):
            self.found.append("\n")
