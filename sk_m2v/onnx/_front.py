"""How a tokenizer is written as a graph: its parts, chosen by their kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from tokenizers import Tokenizer

from sk_m2v.embedding._backends import Json
from sk_m2v.onnx._probe import members
from sk_m2v.onnx._readers import PlainWords, Reader
from sk_m2v.onnx._words import WordModel


class TextFront(NamedTuple):
    """A tokenizer that must see whole texts.

    Attributes
    ----------
    reader : Reader
        Normaliser, added tokens and pre-tokenizer.
    model : WordModel
        The model.
    """

    reader: Reader
    model: WordModel


class WordFront(NamedTuple):
    """A tokenizer that can read text word by word.

    Attributes
    ----------
    page, word : str
        Expressions of RE2 that split texts into some words, and these into words.
    known : dict
        Token of each word that is one token, and SUSPECT for words that may begin an
        added token.
    suspect : str
        Expression of other words in which one may begin; "" for none.
    plain : PlainWords
        Words that need no reader.
    reader : Reader
        Normaliser, added tokens and pre-tokenizer.
    model : WordModel
        The model.
    """

    page: str
    word: str
    known: dict[str, int]
    suspect: str
    plain: PlainWords
    reader: Reader
    model: WordModel


@lru_cache(maxsize=8)
def front(tokenizer_json: str) -> TextFront | WordFront:
    """Take a tokenizer apart.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    TextFront or WordFront
        What the graph of the tokenizer is made of.

    Raises
    ------
    ValueError
        If a component of the tokenizer has no exact graph.
    """
    from sk_m2v.onnx._byte_front import byte_front
    from sk_m2v.onnx._character_front import character_front
    from sk_m2v.onnx._metaspace_front import metaspace_front

    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # As the library writes it: with the types of all parts.
    data: Json = json.loads(tokenizer.to_str())
    kinds = [it["type"] for it in members(data["pre_tokenizer"], "pretokenizers")]
    fronts: dict[str, Callable[[Tokenizer, Json], TextFront | WordFront]]
    fronts = {"ByteLevel": byte_front, "Metaspace": metaspace_front}
    only = kinds[0] if len(kinds) == 1 else ""
    return fronts.get(only, character_front)(tokenizer, data)
