"""Words of raw text that are one token, and those that may begin an added token."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from tokenizers import Tokenizer

from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.text._probe import Survey

# What the table of known words says of one that may begin an added token.
SUSPECT = -2


def characters_class(characters: Iterable[str]) -> str:
    """Characters as the inside of a class of RE2.

    Parameters
    ----------
    characters : iterable of str
        The characters.

    Returns
    -------
    str
        Their code points.
    """
    return "".join(f"\\x{{{ord(it):X}}}" for it in characters)


class Begins:
    """Tells where added tokens may begin in raw text.

    Parameters
    ----------
    added : iterable of dict
        The added tokens.
    survey : Survey or None
        What is done to characters before some of them are looked for.
    """

    def __init__(self, added: Iterable[Json], survey: Survey | None = None) -> None:
        self._survey = survey
        raw, normal = set(), set()
        for token in added:
            if token["normalized"] and survey is not None:
                normal.add(survey.normalize(token["content"]))
            else:
                raw.add(token["content"])
        self._raw, self._normal = _Contents(raw), _Contents(normal)

    @cached_property
    def firsts(self) -> list[str]:
        """Characters of raw text that may be the first of an added token.

        Returns
        -------
        list of str
            The characters.
        """
        firsts = {*self._raw.firsts}
        if self._survey is not None:
            changed = self._survey.changed
            firsts |= self._normal.firsts - changed.keys()
            firsts |= {
                it
                for it, normal in changed.items()
                if not self._normal.firsts.isdisjoint(normal)
            }
        return sorted(firsts)

    def pattern(self) -> str:
        """Expression of words that hold one of these characters.

        Returns
        -------
        str
            The expression, of RE2.
        """
        firsts = characters_class(self.firsts)
        return f"(?s).*[{firsts}].*" if firsts else ""

    def within(self, word: str) -> bool:
        """Tell whether an added token may begin inside a word.

        Parameters
        ----------
        word : str
            Of raw text.

        Returns
        -------
        bool
            Whether it may.
        """
        if self._raw.begin_in(word):
            return True
        survey = self._survey
        return survey is not None and self._normal.begin_in(survey.normalize(word))


class _Contents:
    """Strings, and in which words they may begin."""

    def __init__(self, contents: set[str]) -> None:
        self.firsts = {it[0] for it in contents}
        self._contents = contents
        self._sizes = sorted({len(it) for it in contents})
        self._starts = {it[:i] for it in contents for i in range(1, len(it) + 1)}

    def begin_in(self, word: str) -> bool:
        """Tell whether one begins in a word, and goes on behind it or ends in it.

        Parameters
        ----------
        word : str
            The word.

        Returns
        -------
        bool
            Whether it does.
        """
        return any(
            word[i:] in self._starts
            or any(word[i : i + size] in self._contents for size in self._sizes)
            for i, character in enumerate(word)
            if character in self.firsts
        )


def known_words(
    tokenizer: Tokenizer, unknown: int | None, words: Iterable[str], begins: Begins
) -> dict[str, int]:
    """Ask a tokenizer which words are one token.

    Parameters
    ----------
    tokenizer : Tokenizer
        The tokenizer.
    unknown : int or None
        Id of its unknown token.
    words : iterable of str
        Words of raw text.
    begins : Begins
        Which of them are SUSPECT.

    Returns
    -------
    dict
        The token of each.
    """
    tried = sorted({*words})
    encodings = tokenizer.encode_batch_fast(tried, add_special_tokens=False)
    known = {}
    for word, encoding in zip(tried, encodings, strict=True):
        ids = encoding.ids
        if len(ids) == 1 and ids[0] != unknown:
            known[word] = SUSPECT if begins.within(word) else ids[0]
    return known
