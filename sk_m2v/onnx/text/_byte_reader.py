"""From raw text to symbols that stand for bytes, as byte-level BPE reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto
from tokenizers import Regex, pre_tokenizers

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import ends_of, filled, segments
from sk_m2v.onnx.models._word_model import GAP, Words
from sk_m2v.onnx.text._added_tokens import AddedTokens
from sk_m2v.onnx.text._code_point_table import N_CODE_POINTS, PageTable
from sk_m2v.onnx.text._code_points import code_points
from sk_m2v.onnx.text._gpt2_split import (
    CODES,
    LETTER,
    NUMBER,
    OTHER,
    WHITESPACE,
    Classes,
    word_starts,
)
from sk_m2v.onnx.text._known_words import characters_class
from sk_m2v.onnx.text._probe import all_characters, word_characters
from sk_m2v.onnx.text._reader import PlainWords, Symbols
from sk_m2v.onnx.text._split import WORDS_IN_PAGE, characters

_CLASSES = {LETTER: r"\p{L}", NUMBER: r"\p{N}", WHITESPACE: r"\s"}
_BOOL = TensorProto.BOOL
_CONTRACTIONS = {ord(it): code for it, code in CODES.items()}


def character_classes() -> dict[str, int]:
    """Return the class of each character, as the library's expressions read it."""
    text = "".join(all_characters())
    found = dict.fromkeys(text, OTHER)
    for number, pattern in _CLASSES.items():
        rest = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text)
        others = {it for part, _ in rest for it in part}
        found.update((it, number) for it in text if it not in others)
    return found


def byte_symbols() -> list[str]:
    """Return the character that stands for each byte.

    Those that can be printed stand for themselves, all others for the characters from
    U+0100 on, as in GPT-2.
    """
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [it for it in range(256) if it not in shown]
    return [chr(it if it in shown else 0x100 + hidden.index(it)) for it in range(256)]


def expressions(classes: Mapping[str, int]) -> tuple[str, str]:
    """Expressions of RE2 that split texts where words end, whatever is around.

    Parameters
    ----------
    classes : mapping
        Of `character_classes`.

    Returns
    -------
    page, word : str
        As in `sk_m2v.onnx.text._split.words`. Only words of ASCII are cut everywhere.
    """
    white = [it for it, number in classes.items() if number == WHITESPACE]
    spaces = characters_class(filter(str.isascii, white))
    others = characters_class(it for it in white if it != " " and it.isascii())
    # What may be one space with others around it: the rest of the text stays whole.
    rest = f"(?s:.*[{characters_class(it for it in white if not it.isascii())}].*)"
    page = f"(?:[{spaces}]*[^{spaces}]+){{1,{WORDS_IN_PAGE // 2}}}|[{spaces}]+|{rest}"
    word = "|".join(
        [
            " ?[A-Za-z]+",
            " ?[0-9]+",
            f" ?[^A-Za-z0-9{spaces}\\x{{80}}-\\x{{10FFFF}}]+",
            "'(?:[stmd]|re|ve|ll)",
            " ",
            f"(?:[{spaces}][{spaces}]+|[{others}])[^{spaces}]*",
            f" ?[^{spaces}]*[\\x{{80}}-\\x{{10FFFF}}][^{spaces}]*",
            rest,
        ]
    )
    return page, word


def plain_words(
    classes: Mapping[str, int], symbols: Mapping[str, int], firsts: Sequence[str]
) -> PlainWords:
    """Words of ASCII, as `expressions` finds them.

    Parameters
    ----------
    classes : mapping
        Of `character_classes`.
    symbols : mapping
        Numbers of the characters that stand for bytes.
    firsts : sequence of str
        Characters that may begin an added token.

    Returns
    -------
    PlainWords
        The words: whitespace among them is a space at the beginning.
    """
    plain = {
        chr(code): symbols[it]
        for code, it in enumerate(byte_symbols()[:128])
        if it in symbols and (classes[chr(code)] != WHITESPACE or chr(code) == " ")
    }
    plain = {it: number for it, number in plain.items() if it not in firsts}
    return PlainWords(plain, "\n", "(?s).*(?:  |\n).*")


class ByteReader:
    """Reads strings as bytes, cut by GPT-2's expression.

    Parameters
    ----------
    classes : mapping
        Of `character_classes`.
    symbols : mapping
        Numbers of the characters that stand for bytes.
    added : sequence of AddedTokens
        Tokens to look for, those of the first first.
    codes : mapping
        Codes of characters in `added`; all others have 0.
    specials : mapping
        Symbol of each code that takes the place of a token, and GAP for the rest of it.
    """

    def __init__(
        self,
        classes: Mapping[str, int],
        symbols: Mapping[str, int],
        added: Sequence[AddedTokens],
        codes: Mapping[str, int],
        specials: Mapping[int, int],
    ) -> None:
        numbers = np.full(N_CODE_POINTS, OTHER)
        numbers[[*map(ord, classes)]] = [*classes.values()]
        self._classes = PageTable(numbers)
        if any(tokens.single.any() for tokens in added):
            in_words = np.zeros(N_CODE_POINTS, np.int32)
            in_words[[*map(ord, word_characters([*classes]))]] = 1
            self._is_word = PageTable(in_words)
        self._bytes = np.array([symbols.get(it, 0) for it in byte_symbols()], np.int64)
        self._added = added
        self._codes = {ord(it): code for it, code in codes.items()}
        self._specials = np.zeros(max(specials, default=0) + 1, np.int64)
        self._specials[[*specials]] = [*specials.values()]
        self._first_special = min(specials, default=1)

    def read(self, graph: Graph, strings: str) -> Symbols:
        """Look for added tokens, and cut words.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        strings : str
            Strings of shape (n_strings,), none of them empty.

        Returns
        -------
        Symbols
            The words.
        """
        op = graph.op
        parts = characters(graph, strings)
        sources = parts.sources
        points = code_points(graph, parts.strings)
        kinds = self._classes.find(graph, points)
        stretches, special = sources, None
        if self._added:
            codes = graph.lookup(points, self._codes, 0)
            is_word = spaces = ""
            if any(tokens.single.any() for tokens in self._added):
                is_word = op("Cast", self._is_word.find(graph, points), to=_BOOL)
            if any(tokens.strips for tokens in self._added):
                spaces = op("Equal", kinds, WHITESPACE)
            for i, tokens in enumerate(self._added):
                if i:  # what the tokens before have taken ends words and whitespace
                    free = op("Less", codes, self._first_special)
                    is_word = op("And", is_word, free) if is_word else ""
                    spaces = op("And", spaces, free) if spaces else ""
                codes = tokens.replace(graph, codes, sources, is_word, spaces)
            found = op("GreaterOrEqual", codes, self._first_special)
            special = op("Gather", self._specials, op("Where", found, codes, 0))
            keep = op("Or", op("Not", found), op("Greater", special, 0))
            points, kinds, sources, special = graph.compress(
                keep, points, kinds, sources, special
            )
            stretches = segments(graph, sources, op("Greater", special, 0))
        space = op("Equal", points, ord(" "))
        marks = graph.lookup(points, _CONTRACTIONS, 0)
        starts = word_starts(graph, Classes(kinds, space, marks, stretches))
        table = self._table(graph, points, special)
        symbols, places = filled(graph, table, table)
        which, place = (op("Gather", places, it, axis=0) for it in (0, 1))
        begins = op("And", op("Gather", starts, which), op("Equal", place, 0))
        first = graph.positions(begins)
        ends = ends_of(graph, first, op("Shape", symbols))
        string = op("Gather", sources, op("Gather", which, first))
        return Symbols(Words(symbols, first, ends), string)

    def _table(self, graph: Graph, points: str, special: str | None) -> str:
        """Symbols of the up to four bytes of each character, then zeros."""
        op = graph.op
        low = op("Add", op("BitwiseAnd", points, 63), 0x80)
        columns = [points]
        for n_bytes, smallest in ((2, 0x80), (3, 0x800), (4, 0x10000)):
            lead = 256 - 2 ** (8 - n_bytes)
            more = op("GreaterOrEqual", points, smallest)
            first = op("Add", op("Div", points, 64 ** (n_bytes - 1)), lead)
            inner = [
                op("Add", op("Mod", op("Div", points, 64**i), 64), 0x80)
                for i in range(n_bytes - 2, 0, -1)
            ]
            new = [first, *inner, low]
            columns = [
                op("Where", more, it, columns[i] if i < len(columns) else -1)
                for i, it in enumerate(new)
            ]
        matrix = op("Concat", *(op("Unsqueeze", it, [1]) for it in columns), axis=1)
        # Nothing has the number of a gap.
        symbols = op("Gather", np.append(self._bytes, GAP), matrix)
        if special is None:
            return symbols
        alone = op("Pad", op("Unsqueeze", special, [1]), [0, 0, 0, 3])
        taken = op("Cast", op("Unsqueeze", special, [1]), to=_BOOL)
        return op("Where", taken, alone, symbols)
