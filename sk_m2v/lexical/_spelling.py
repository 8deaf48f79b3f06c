"""The letters of tokens: what each stands for in a text, and where words begin."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._tokens import load_backend

# Bytes of whitespace as byte-level tokenizers write them.
_BYTE_LEVEL_SPACES = re.compile("[ĉĊċČčĠ]")
# A byte of a character that is in no token, as `byte_fallback` writes it.
_BYTE = re.compile("<0x[0-9A-F]{2}>")


def spelled_tokens(embedding: StaticEmbedding) -> list[str]:
    """Spell the tokens of a model, with spaces where words begin or end.

    Joined, the tokens of a text spell its words: " run" and "ning" of WordPiece's
    "run" and "##ning", as of "Ġrun" and "ning", or "▁run" and "ning".

    Parameters
    ----------
    embedding : StaticEmbedding
        The model.

    Returns
    -------
    list of str
        In the order of the ids. A space stands for a token without letters, such as a
        special one. Where tokens do not say whether they begin a word, each is one.
    """
    return list(_spelled(embedding.tokenizer_json, embedding.n_tokens))


@lru_cache(maxsize=8)
def _spelled(tokenizer_json: str, n_tokens: int) -> tuple[str, ...]:
    tokenizer = json.loads(tokenizer_json)
    backend = load_backend(tokenizer_json)
    vocabulary = [""] * n_tokens
    for token, index in backend.vocabulary().items():
        vocabulary[index] = token
    spelled = [
        " ".join(f"|{it}|".split())[1:-1] for it in _marked(tokenizer, vocabulary)
    ]
    for added in tokenizer.get("added_tokens") or []:
        if added["id"] < n_tokens:
            words = "" if added.get("special") else " ".join(added["content"].split())
            spelled[added["id"]] = f" {words} " if words else " "
    if backend.unk_id is not None:
        spelled[backend.unk_id] = " "
    return tuple(spelled)


def _marked(tokenizer: Any, vocabulary: list[str]) -> list[str]:
    """Tokens with a space for what marks the beginning or end of a word."""
    model = tokenizer["model"]
    byte_level = '"ByteLevel"' in json.dumps(tokenizer.get("pre_tokenizer"))
    tokens = vocabulary
    if byte_level:
        tokens = [_BYTE_LEVEL_SPACES.sub(" ", it) for it in tokens]
    if suffix := model.get("end_of_word_suffix"):
        return [
            it.removesuffix(suffix) + " " if it.endswith(suffix) else it
            for it in tokens
        ]
    if prefix := model.get("continuing_subword_prefix"):
        return [
            it.removeprefix(prefix) if it.startswith(prefix) else f" {it}"
            for it in tokens
        ]
    if byte_level:
        return tokens
    if any("▁" in it for it in tokens):
        return [_BYTE.sub(" ", it).replace("▁", " ") for it in tokens]
    return [f" {it}" for it in tokens]
