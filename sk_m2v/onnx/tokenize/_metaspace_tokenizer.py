"""Tokenizers that mark where words begin, as those of SentencePiece do."""

from __future__ import annotations

import json

from tokenizers import Tokenizer

from sk_m2v._messages import quoted
from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.models._unigram import UnigramModel
from sk_m2v.onnx.text._character_table import CharacterTable
from sk_m2v.onnx.text._metaspace_reader import MARK, MetaspaceReader
from sk_m2v.onnx.text._normalizer import Entries
from sk_m2v.onnx.text._probe import check_normalizer, members, survey
from sk_m2v.onnx.tokenize._character_tokenizer import added_tokens
from sk_m2v.onnx.tokenize._parts import TextParts

# What comes last in the normaliser: whitespace becomes one space, and none at the ends.
_COLLAPSE = {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}
_STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}


def metaspace_parts(tokenizer: Tokenizer, data: Json) -> TextParts:
    """Take a tokenizer apart.

    Parameters
    ----------
    tokenizer : Tokenizer
        The tokenizer.
    data : dict
        The same, as JSON.

    Returns
    -------
    TextParts
        Its parts.

    Raises
    ------
    ValueError
        If a component has no exact graph.
    """
    (splitter,) = members(data["pre_tokenizer"], "pretokenizers")
    if splitter["replacement"] != MARK or splitter["prepend_scheme"] != "always":
        raise ValueError(
            f"the pre_tokenizer 'Metaspace' with {quoted(splitter['replacement'])} and "
            f"prepend_scheme={quoted(splitter['prepend_scheme'])} has no exact graph"
        )
    if data["model"]["type"] != "Unigram":
        kind = data["model"]["type"]
        raise ValueError(
            f"the model {quoted(kind)} has no exact graph behind 'Metaspace'"
        )
    steps = members(data["normalizer"], "normalizers")
    check_normalizer([it for it in steps if it not in (_COLLAPSE, _STRIP)])
    if steps[-2:] != [_COLLAPSE, _STRIP]:
        raise ValueError(
            "the normalizer keeps several spaces in a row, which has no exact graph"
        )
    added = data.get("added_tokens") or []
    if any(it["lstrip"] or it["rstrip"] for it in added):
        raise ValueError("added tokens that take spaces along have no exact graph")
    model = UnigramModel(data["model"], [token["id"] for token in added])
    if MARK not in model.symbols:
        raise ValueError(f"the vocabulary has no {MARK!r}")
    normalizer = {"type": "Sequence", "normalizers": steps[:-2]}
    found = survey(json.dumps(normalizer), json.dumps({"type": "WhitespaceSplit"}))
    table = CharacterTable(
        found,
        model.symbols,
        kept={it for token in added for it in token["content"]},
        spaced=True,
        words=any(token["single_word"] for token in added),
    )
    entries = Entries(table, *added_tokens(found, added, table, model.specials))
    reader = MetaspaceReader(
        entries, model.unknown_symbol, model.symbols[MARK], splitter["split"]
    )
    return TextParts(reader, model)
