"""All that a tokenizer does to characters, as tables of a graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np

from sk_m2v.onnx.text._code_point_table import N_CODE_POINTS
from sk_m2v.onnx.text._probe import (
    ISOLATED,
    RUN,
    SPACE,
    Survey,
    all_characters,
    word_characters,
)


class CharacterTable:
    """What each character becomes: a row of up to `width` entries.

    An entry is a character of normalised text that the model knows, in one of the
    classes of `sk_m2v.onnx.text._probe`, or one that it does not know of some class.

    Parameters
    ----------
    survey : Survey
        What normaliser and pre-tokenizer do to characters.
    symbols : mapping
        Numbers, from 1 up, of the characters that the model knows.
    kept : collection of str
        Characters that get a row of their own, and an entry of their own where they are
        in normalised text.
    spaced : bool
        Whether to keep the spaces that a normaliser puts around a character. They do
        no more than to set it apart, unless added tokens are looked for in the result.
    words : bool
        Whether to tell entries of which words are made.

    Attributes
    ----------
    simple : dict
        Number, as a symbol, of each character that becomes one known character in a
        run.
    row_of : ndarray of shape (0x110000,), dtype int32
        Row of each character.
    rows : ndarray of shape (n_rows, width), dtype int64
        The entries of each row, then zeros.
    kinds : ndarray of shape (n_entries,), dtype int64
        Class of each entry.
    numbers : ndarray of shape (n_entries,), dtype int64
        Its number as a symbol of the model, 0 if it is not known.
    is_word : ndarray of shape (n_entries,), dtype bool
        Whether it is part of words, if `words`.
    """

    def __init__(
        self,
        survey: Survey,
        symbols: Mapping[str, int],
        kept: Collection[str] = (),
        spaced: bool = False,
        words: bool = False,
    ) -> None:
        known = {*symbols, *kept, *"".join(map(survey.normal, kept))}
        special = {*survey.changed, *survey.kinds, *known}
        raw = all_characters() if words else sorted(special)
        in_words = word_characters(raw) if words else set()

        def entry(character: str, kind: int) -> int:
            name = character if character in known else ""
            key = name, kind, character in in_words
            return self._entries.setdefault(key, len(self._entries) + 1)

        def behaviour(result: str) -> tuple[int, ...]:
            kinds = [survey.kind(it) for it in result]
            around = not spaced and len(kinds) == 3 and kinds[0] == kinds[2] == SPACE
            if around and kinds[1] != SPACE:
                return (entry(result[1], ISOLATED),)
            return tuple(map(entry, result, kinds))

        self._survey = survey
        self._entries: dict[tuple[str, int, bool], int] = {}
        # The first entries are those of symbols in runs.
        for it in sorted(symbols, key=lambda it: symbols[it]):
            entry(it, RUN)
        groups: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
        self.simple: dict[str, int] = {}
        for character in raw:
            entries = behaviour(survey.normal(character))
            if len(entries) == 1 and entries[0] <= len(symbols):
                self.simple[character] = entries[0]
            groups[entries].append(character)
        usual = max(groups, key=lambda key: len(groups[key]))
        if not words:
            usual = (entry("", survey.usual),)
        self._arrange(groups, kept, usual)
        normal = {*"".join(map(survey.normal, kept))}
        self._one = {it: entry(it, survey.kind(it)) for it in normal}
        names = {index: key for key, index in self._entries.items()}
        keys = [("", SPACE, False), *(names[i + 1] for i in range(len(names)))]
        self.kinds = np.array([kind for _, kind, _ in keys], np.int64)
        self.numbers = np.array([symbols.get(name, 0) for name, _, _ in keys], np.int64)
        self.is_word = np.array([it for _, _, it in keys])

    def _arrange(
        self,
        groups: Mapping[tuple[int, ...], list[str]],
        kept: Collection[str],
        usual: tuple[int, ...],
    ) -> None:
        """Give rows to the groups, and to the characters that need their own."""
        rows = [usual]
        self.row_of = np.zeros(N_CODE_POINTS, np.int32)
        for key, group in groups.items():
            if key != usual:
                self.row_of[[*map(ord, group)]] = len(rows)
                rows.append(key)
            for it in {*kept}.intersection(group):
                self.row_of[ord(it)] = len(rows)
                rows.append(key)
        width = max(map(len, rows))
        self.rows = np.zeros((len(rows), max(width, 1)), np.int64)
        for row, key in zip(self.rows, rows, strict=True):
            row[: len(key)] = key

    def add(self, number: int) -> tuple[int, int]:
        """Add an entry that stands alone, and a row of it.

        Parameters
        ----------
        number : int
            As a symbol.

        Returns
        -------
        tuple of (int, int)
            The row and the entry.
        """
        entry = len(self.kinds)
        self.kinds = np.append(self.kinds, ISOLATED)
        self.numbers = np.append(self.numbers, number)
        self.is_word = np.append(self.is_word, False)
        return self._add_row(entry), entry

    def add_nothing(self) -> int:
        """Add a row without entries, and return it."""
        return self._add_row(0)

    def _add_row(self, entry: int) -> int:
        row = np.zeros((1, self.rows.shape[1]), np.int64)
        row[0, 0] = entry
        self.rows = np.concatenate([self.rows, row])
        return len(self.rows) - 1

    def ascii_of_kind(self, kind: int) -> list[str]:
        """Characters of ASCII that become one entry of a class, and nothing else.

        Parameters
        ----------
        kind : int
            The class.

        Returns
        -------
        list of str
            The characters.
        """
        rows = self.rows[self.row_of[:128]]
        alone = (rows > 0).sum(1) == 1
        return [*map(chr, np.flatnonzero(alone & (self.kinds[rows[:, 0]] == kind)))]

    def entry(self, character: str) -> int:
        """Entry of a character of normalised text.

        Parameters
        ----------
        character : str
            One that is known or kept.

        Returns
        -------
        int
            The entry.
        """
        return self._one[character]
