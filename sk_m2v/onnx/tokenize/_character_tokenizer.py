"""Tokenizers that treat characters one by one, and cut words at spaces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tokenizers import Tokenizer

from sk_m2v._messages import quoted
from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.models._bpe import BpeModel
from sk_m2v.onnx.models._word_model import WordModel
from sk_m2v.onnx.models._wordpiece import WordPieceModel
from sk_m2v.onnx.text._added_tokens import Added, AddedTokens
from sk_m2v.onnx.text._character_reader import SymbolReader
from sk_m2v.onnx.text._character_table import CharacterTable
from sk_m2v.onnx.text._known_words import (
    SUSPECT,
    Begins,
    characters_class,
    known_words,
)
from sk_m2v.onnx.text._normalizer import Entries
from sk_m2v.onnx.text._probe import (
    ISOLATED,
    SPACE,
    Survey,
    check_normalizer,
    check_pre_tokenizer,
    members,
    survey,
)
from sk_m2v.onnx.text._reader import PlainWords
from sk_m2v.onnx.text._split import WORDS_IN_PAGE
from sk_m2v.onnx.tokenize._parts import WordParts


def character_parts(tokenizer: Tokenizer, data: Json) -> WordParts:
    """Take a tokenizer apart.

    Parameters
    ----------
    tokenizer : Tokenizer
        The tokenizer.
    data : dict
        The same, as JSON.

    Returns
    -------
    WordParts
        Its parts.

    Raises
    ------
    ValueError
        If a component has no exact graph.
    """
    check_normalizer(members(data["normalizer"], "normalizers"))
    check_pre_tokenizer(members(data["pre_tokenizer"], "pretokenizers"))
    added = data.get("added_tokens") or []
    model = _model(data["model"], [token["id"] for token in added])
    parts = (json.dumps(data[it]) for it in ("normalizer", "pre_tokenizer"))
    found = survey(*parts)
    table = CharacterTable(
        found,
        model.symbols,
        kept={it for token in added for it in token["content"]},
        spaced=any(token["normalized"] for token in added),
        words=any(token["single_word"] for token in added),
    )
    entries = Entries(table, *added_tokens(found, added, table, model.specials))
    spaces, isolated = table.ascii_of_kind(SPACE), table.ascii_of_kind(ISOLATED)
    if " " not in spaces:
        raise ValueError("the pre_tokenizer does not cut words at spaces")
    begins = Begins(added, found)
    firsts = begins.firsts
    forms = _forms(tokenizer, {*spaces, *isolated})
    ids = known_words(tokenizer, model.unknown, forms, begins)
    ids |= dict.fromkeys({*firsts} & {*isolated}, SUSPECT)
    plain = {it: i for it, i in table.simple.items() if it not in firsts}
    ends = characters_class(spaces + isolated)
    alone = f"[{characters_class(isolated)}]|" if isolated else ""
    return WordParts(
        f"(?:[^{ends}]*[{ends}]){{1,{WORDS_IN_PAGE}}}|[^{ends}]+",
        f"{alone}[^{ends}]+",
        ids,
        begins.pattern() if {*firsts} - {*isolated} else "",
        PlainWords(plain, " "),
        SymbolReader(entries, model.unknown_symbol),
        model,
    )


def _forms(tokenizer: Tokenizer, ends: set[str]) -> Iterator[str]:
    """Words of raw text that may be one token."""
    yield from ends
    for token in tokenizer.get_vocab(with_added_tokens=False):
        for form in (token, token.capitalize(), token.upper()):
            if form and ends.isdisjoint(form):
                yield form


def _model(model: Json, specials: Sequence[int]) -> WordModel:
    if model["type"] in ("WordPiece", "WordLevel"):
        return WordPieceModel(model, specials)
    if model["type"] == "BPE":
        return BpeModel(model, specials)
    raise ValueError(f"the model {quoted(model['type'])} has no exact graph")


def added_tokens(
    survey: Survey,
    added: Sequence[Json],
    table: CharacterTable,
    numbers: Sequence[int],
) -> tuple[AddedTokens | None, AddedTokens | None]:
    """Find out what added tokens look like in a table of characters.

    Parameters
    ----------
    survey : Survey
        What the normaliser does to characters.
    added : sequence of dict
        Its added tokens.
    table : CharacterTable
        Its characters. It gets rows and entries for the tokens.
    numbers : sequence of int
        Symbols of the tokens.

    Returns
    -------
    raw, normal : AddedTokens or None
        Tokens to look for before and after normalisation.

    Raises
    ------
    ValueError
        If a token cannot be looked for.
    """
    raw, normal = [], []
    # A word of its own stands for each.
    for number, token in zip(numbers, added, strict=True):
        row, entry = table.add(number)
        content, single = token["content"], token["single_word"]
        if token["normalized"]:
            codes = [table.entry(it) for it in survey.normalize(content)]
            normal.append(Added(tuple(codes), entry, single))
        elif single:
            raise ValueError(
                f"the added token {quoted(content)} must be a whole word of text that "
                "is not normalised"
            )
        else:
            codes = [int(table.row_of[ord(it)]) for it in content]
            raw.append(Added(tuple(codes), row, single))
    nothing = table.add_nothing()
    return (
        AddedTokens(len(table.rows), raw, nothing) if raw else None,
        AddedTokens(len(table.kinds), normal, 0) if normal else None,
    )
