"""Take a tokenizer apart: how is chosen by its pre-tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache

from tokenizers import Tokenizer

from sk_m2v.embedding.tokens._backends import Json
from sk_m2v.onnx.text._probe import members
from sk_m2v.onnx.tokenize._byte_level_tokenizer import byte_level_parts
from sk_m2v.onnx.tokenize._character_tokenizer import character_parts
from sk_m2v.onnx.tokenize._metaspace_tokenizer import metaspace_parts
from sk_m2v.onnx.tokenize._parts import TextParts, WordParts

# All others are read character by character.
_BY_PRE_TOKENIZER: dict[str, Callable[[Tokenizer, Json], TextParts | WordParts]]
_BY_PRE_TOKENIZER = {"ByteLevel": byte_level_parts, "Metaspace": metaspace_parts}


@lru_cache(maxsize=8)
def take_apart(tokenizer_json: str) -> TextParts | WordParts:
    """Take a tokenizer apart.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    TextParts or WordParts
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
    kinds = [it["type"] for it in members(data["pre_tokenizer"], "pretokenizers")]
    only = kinds[0] if len(kinds) == 1 else ""
    return _BY_PRE_TOKENIZER.get(only, character_parts)(tokenizer, data)
