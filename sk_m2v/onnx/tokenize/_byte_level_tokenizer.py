"""Tokenizers that read bytes: byte-level BPE with GPT-2's expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from tokenizers import Tokenizer

from sk_m2v._messages import quoted
from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.models._bpe import BpeModel
from sk_m2v.onnx.models._word_model import GAP
from sk_m2v.onnx.text._added_tokens import Added, AddedTokens
from sk_m2v.onnx.text._byte_reader import (
    ByteReader,
    byte_symbols,
    character_classes,
    expressions,
    plain_words,
)
from sk_m2v.onnx.text._known_words import Begins, known_words
from sk_m2v.onnx.text._probe import members
from sk_m2v.onnx.tokenize._parts import WordParts

_classes = lru_cache(maxsize=1)(character_classes)


def byte_level_parts(tokenizer: Tokenizer, data: Json) -> WordParts:
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
    if data["normalizer"] is not None:
        kind = data["normalizer"]["type"]
        raise ValueError(
            f"the normalizer {quoted(kind)} has no exact graph before bytes"
        )
    if data["model"]["type"] != "BPE":
        kind = data["model"]["type"]
        raise ValueError(f"the model {quoted(kind)} has no exact graph behind bytes")
    (splitter,) = members(data["pre_tokenizer"], "pretokenizers")
    for option, wanted in (("use_regex", True), ("add_prefix_space", False)):
        if splitter.get(option, True) != wanted:
            raise ValueError(
                f"the pre_tokenizer 'ByteLevel' with {option}={not wanted} has no "
                "exact graph"
            )
    added = data.get("added_tokens") or []
    model = BpeModel(data["model"], [token["id"] for token in added])
    letters = sorted({it for token in added for it in token["content"]})
    codes = {it: code for code, it in enumerate(letters, 1)}
    passes, specials = _added_tokens(added, codes, model.specials)
    begins = Begins(added)
    page, word = expressions(_classes())
    reader = ByteReader(_classes(), model.symbols, passes, codes, specials)
    plain = plain_words(_classes(), model.symbols, begins.firsts)
    ids = known_words(tokenizer, model.unknown, _forms(tokenizer), begins)
    return WordParts(page, word, ids, begins.pattern(), plain, reader, model)


def _added_tokens(
    added: Sequence[Json], codes: dict[str, int], numbers: Sequence[int]
) -> tuple[list[AddedTokens], dict[int, int]]:
    """Tokens to look for, and symbols of the codes that take their places."""
    nothing = len(codes) + 1
    specials = {nothing: GAP}
    passes: dict[bool, list[Added]] = {False: [], True: []}
    for code, (token, number) in enumerate(
        zip(added, numbers, strict=True), nothing + 1
    ):
        content = tuple(codes[it] for it in token["content"])
        flags = (token[name] for name in ("single_word", "lstrip", "rstrip"))
        passes[token["normalized"]].append(Added(content, code, *flags))
        specials[code] = number
    # Those that are looked for before and after normalisation, which changes nothing.
    n_codes = nothing + len(added) + 1
    found = [AddedTokens(n_codes, it, nothing) for it in passes.values() if it]
    return found, specials if added else {}


def _forms(tokenizer: Tokenizer) -> Iterator[str]:
    """Texts of tokens that are a word of ASCII, or of one that is none."""
    numbers = {it: i for i, it in enumerate(byte_symbols())}
    for token in tokenizer.get_vocab(with_added_tokens=False):
        if all(it in numbers for it in token):
            text = bytes(numbers[it] for it in token).decode(errors="ignore")
            if text:
                yield text
