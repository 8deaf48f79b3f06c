"""Cleaning a text: markup, then characters, then whitespace."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import ne
from unicodedata import normalize

from sk_m2v._text import replace_surrogates
from sk_m2v.cli.preparing._html import strip_markup

# Scripts in which joiners make a difference to a reader: Arabic to Myanmar.
_JOINING = "\u0600-\u061b\u061d-\u109f"
# Emoji, what follows them as a modifier, and older symbols that are shown as emoji.
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_INVISIBLE = re.compile(
    # Control characters that are no whitespace.
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    # Soft hyphen, zero-width space, marks of direction, word joiner, byte order mark.
    "\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
    # Joiners, but not between the parts of an emoji, or letters that they change.
    f"|(?<![{_JOINING}])(?<![{_EMOJI}\ufe0f])[\u200c\u200d]"
    f"|(?<=[{_JOINING}])[\u200c\u200d](?![{_JOINING}])"
    f"|(?<=[{_EMOJI}\ufe0f])(?:\u200c|\u200d(?![{_EMOJI}]))"
)
_CONTROL_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85]")


def clean(
    texts: list[str], *, html: bool, characters: bool, whitespace: bool
) -> tuple[list[str], dict[str, int]]:
    """Clean texts.

    Parameters
    ----------
    texts : list of str
        The texts.
    html, characters, whitespace : bool
        Which steps to do.

    Returns
    -------
    texts : list of str
        The cleaned ones.
    changed : dict of str to int
        Name of each step that was done to the number of texts that it changed.
    """
    steps: dict[str, Callable[[str], str]] = {}
    if html:
        steps["html"] = strip_markup
    if characters:
        steps["unicode"] = normalize_characters
    if whitespace:
        steps["whitespace"] = collapse_whitespace
    changed = {}
    for name, step in steps.items():
        before, texts = texts, list(map(step, texts))
        changed[name] = sum(map(ne, before, texts))
    return texts, changed


def normalize_characters(text: str) -> str:
    r"""Write what looks the same in the same way.

    Parameters
    ----------
    text : str
        A text.

    Returns
    -------
    str
        In normal form C, without invisible characters, and encodable as UTF-8.

    Examples
    --------
    >>> from sk_m2v.cli.preparing._cleaning import normalize_characters
    >>> normalize_characters("Cafe\u0301\u200b\x00")
    'Café'
    """
    if text.isascii() and text.isprintable():
        return text
    text = normalize("NFC", replace_surrogates(text))
    text = _CONTROL_SPACE.sub(" ", text)
    # Again, as what was taken out can have stood between a letter and its accent.
    return normalize("NFC", _INVISIBLE.sub("", text))


def collapse_whitespace(text: str) -> str:
    r"""Make one space of any whitespace, and none at the ends.

    Parameters
    ----------
    text : str
        A text.

    Returns
    -------
    str
        Words with one space between them.

    Examples
    --------
    >>> from sk_m2v.cli.preparing._cleaning import collapse_whitespace
    >>> collapse_whitespace("  one\t two\n")
    'one two'
    """
    return " ".join(text.split())
