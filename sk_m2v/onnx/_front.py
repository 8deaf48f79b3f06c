"""How a tokenizer is written as a graph: its parts, chosen by their kinds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tokenizers import Tokenizer

from sk_m2v.embedding._backends import Json
from sk_m2v.onnx._added import Added, AddedTokens
from sk_m2v.onnx._characters import CharacterTable, ranges
from sk_m2v.onnx._probe import (
    ISOLATED,
    SPACE,
    check_normalizer,
    check_pre_tokenizer,
    members,
    survey,
)
from sk_m2v.onnx._symbols import SymbolReader
from sk_m2v.onnx._wordpiece import WordPieceModel
from sk_m2v.onnx._words import WordModel

# What the table of known words says of one that may begin an added token.
SUSPECT = -2


class Front(NamedTuple):
    """A tokenizer, ready to be written as a graph.

    Attributes
    ----------
    spaces, isolated : str
        Insides of character classes of RE2: characters that stand between words, and
        those that are words of their own.
    known : dict
        Token of each word that is one token, and SUSPECT for words that may begin an
        added token.
    always_suspect : bool
        Whether any word that is not in `known` may hold an added token.
    reader : SymbolReader
        Normaliser, added tokens and pre-tokenizer.
    model : WordModel
        The model.
    """

    spaces: str
    isolated: str
    known: dict[str, int]
    always_suspect: bool
    reader: SymbolReader
    model: WordModel


@lru_cache(maxsize=8)
def front(tokenizer_json: str) -> Front:
    """Take a tokenizer apart.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    Front
        What the graph of the tokenizer is made of.

    Raises
    ------
    ValueError
        If a component of the tokenizer has no exact graph.
    """
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # As the library writes it: with the types of all parts.
    data: Json = json.loads(tokenizer.to_str())
    added = data.get("added_tokens") or []
    model = _model(data["model"], [token["id"] for token in added])
    check_normalizer(members(data["normalizer"], "normalizers"))
    check_pre_tokenizer(members(data["pre_tokenizer"], "pretokenizers"))
    table = CharacterTable(
        survey(json.dumps(data["normalizer"]), json.dumps(data["pre_tokenizer"])),
        model.symbols,
        kept={it for token in added for it in token["content"]},
        spaced=any(token["normalized"] for token in added),
        words=any(token["single_word"] for token in added),
    )
    raw, normal = _added_tokens(tokenizer, added, table, model.specials)
    # Others than those of ASCII would make the expressions that split texts slow.
    spaces, isolated = (
        [*filter(str.isascii, table.of_kind(kind))] for kind in (SPACE, ISOLATED)
    )
    begins = _Begins(tokenizer, added)
    if " " not in spaces:
        raise ValueError("the pre_tokenizer does not cut words at spaces")
    plain = {it: row for it, row in table.simple.items() if not begins.first(it)}
    suspects = [it for it in {*table.simple, *table.others} if begins.first(it)]
    known = _known_words(tokenizer, model, {*spaces, *isolated}, isolated)
    known = {it: SUSPECT if begins.within(it) else i for it, i in known.items()}
    known.update(dict.fromkeys({*suspects} & {*isolated}, SUSPECT))
    always_suspect = not {*suspects} <= {*isolated}
    if always_suspect:
        # Whole texts take the place of their words, and hold spaces.
        plain = {}
    reader = SymbolReader(table, model.unknown_symbol, plain, raw, normal)
    return Front(ranges(spaces), ranges(isolated), known, always_suspect, reader, model)


def _model(model: Json, specials: Sequence[int]) -> WordModel:
    if model["type"] in ("WordPiece", "WordLevel"):
        return WordPieceModel(model, specials)
    raise ValueError(f"the model {model['type']!r} has no exact graph")


def _added_tokens(
    tokenizer: Tokenizer,
    added: Sequence[Json],
    table: CharacterTable,
    numbers: Sequence[int],
) -> tuple[AddedTokens | None, AddedTokens | None]:
    """Tokens to look for before and after normalisation."""
    raw, normal = [], []
    # A word of its own stands for each.
    for number, token in zip(numbers, added, strict=True):
        row, entry = table.add(number)
        content, single = token["content"], token["single_word"]
        if token["normalized"]:
            codes = [table.entry(it) for it in _normalize(tokenizer, content)]
            normal.append(Added(tuple(codes), entry, single))
        elif single:
            raise ValueError(
                f"the added token {content!r} must be a whole word of text that is not "
                "normalised"
            )
        else:
            codes = [table.others[it] for it in content]
            raw.append(Added(tuple(codes), row, single))
    nothing = table.add_nothing()
    return (
        AddedTokens(len(table.rows), raw, nothing, table.is_word) if raw else None,
        AddedTokens(len(table.kinds), normal, 0, table.is_word) if normal else None,
    )


def _normalize(tokenizer: Tokenizer, text: str) -> str:
    if tokenizer.normalizer is None:
        return text
    normal: str = tokenizer.normalizer.normalize_str(text)
    return normal


class _Begins:
    """Tells which words may begin an added token, or hold one."""

    def __init__(self, tokenizer: Tokenizer, added: Iterable[Json]) -> None:
        self._tokenizer = tokenizer
        self._raw: set[str] = set()
        self._normal: set[str] = set()
        for token in added:
            if token["normalized"]:
                self._normal.add(_normalize(tokenizer, token["content"]))
            else:
                self._raw.add(token["content"])

    def first(self, character: str) -> bool:
        """Tell whether a character may be the first of an added token.

        Parameters
        ----------
        character : str
            Of raw text.

        Returns
        -------
        bool
            Whether it may.
        """
        return any(it[0] == character for it in self._raw) or any(
            it[0] in _normalize(self._tokenizer, character) for it in self._normal
        )

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
        return _may_begin(word, self._raw) or (
            bool(self._normal)
            and _may_begin(_normalize(self._tokenizer, word), self._normal)
        )


def _may_begin(word: str, contents: set[str]) -> bool:
    return any(
        content.startswith(word[i:]) or word.startswith(content, i)
        for content in contents
        for i, character in enumerate(word)
        if character == content[0]
    )


def _known_words(
    tokenizer: Tokenizer, model: WordModel, ends: set[str], isolated: Sequence[str]
) -> dict[str, int]:
    """Words of raw text that are one token, and which."""
    words = {
        form
        for token in tokenizer.get_vocab(with_added_tokens=False)
        for form in (token, token.capitalize(), token.upper())
        if ends.isdisjoint(form)
    }
    tried = sorted({*words, *isolated} - {""})
    known = {}
    for word, encoding in zip(
        tried,
        tokenizer.encode_batch_fast(tried, add_special_tokens=False),
        strict=True,
    ):
        ids = encoding.ids
        if len(ids) == 1 and ids[0] != model.unknown:
            known[word] = ids[0]
    return known
