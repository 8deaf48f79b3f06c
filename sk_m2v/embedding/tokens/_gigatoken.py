"""BPE through `gigatoken`, where it provably gives the ids of `tokenizers`."""

from __future__ import annotations

import json
import re
from string import whitespace

import numpy as np

from sk_m2v.embedding.tokens._backends import (
    Json,
    TokenIds,
    TokenizersBackend,
    parts_of,
)

# Letters and digits of Unicode 17, which the expressions of only one of the libraries
# know as such.
_UNEVEN = re.compile(
    "[\u088f\u0c5c\u0cdc\ua7ce\ua7cf\ua7d2\ua7d4\ua7f1\U00010940-\U00010959"
    "\U00010ec5-\U00010ec7\U00011db0-\U00011ddb\U00011de0-\U00011de9"
    "\U00016ea0-\U00016eb8\U00016ebb-\U00016ed3\U00016ff2-\U00016ff6"
    "\U000187f8-\U000187ff\U00018d09-\U00018d1e\U00018d80-\U00018df2"
    "\U0001e6c0-\U0001e6de\U0001e6e0-\U0001e6e2\U0001e6e4\U0001e6e5"
    "\U0001e6e7-\U0001e6ed\U0001e6f0-\U0001e6f4\U0001e6fe\U0001e6ff"
    "\U0002b73a-\U0002b73f\U0002cea2-\U0002cead\U000323b0-\U00033479]"
)
# Ids come as a matrix: texts times the characters of the longest.
_ROOM = 8_000_000


class GigatokenBackend:
    """BPE through `gigatoken`, which fills flat arrays without Python objects.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.

    Raises
    ------
    ValueError
        If the library does not support the tokenizer, or might give other ids.
    """

    def __init__(self, tokenizer_json: str) -> None:
        from gigatoken.gigatoken_rs import PadTruncate, load_hf_json

        tokenizer: Json = json.loads(tokenizer_json)
        if not _is_exact(tokenizer):
            raise ValueError("gigatoken might give other ids for this tokenizer")
        self._tokenizer = load_hf_json(tokenizer_json)
        self._layout = PadTruncate(0)
        # For texts that the libraries read differently; it refuses more of what is
        # damaged.
        self._whole = TokenizersBackend(tokenizer)
        self.unk_id = self._whole.unk_id

    def vocabulary(self) -> dict[str, int]:
        return self._whole.vocabulary()

    def encode(self, texts: list[str]) -> TokenIds:
        if any(not it.isascii() and _UNEVEN.search(it) for it in texts):
            return self._whole.encode(texts)
        if len(texts) > 1 and len(texts) * max(map(len, texts)) > _ROOM:
            half = len(texts) // 2
            return self.encode(texts[:half]).followed_by(self.encode(texts[half:]))
        # Its thread pool would not survive a fork.
        rows, lengths = self._tokenizer.encode_batch_padded(
            texts, self._layout, parallel=False
        )
        offsets = np.zeros(lengths.size + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if lengths.size == 1:
            ids = rows.reshape(-1)
        else:
            ids = rows[np.arange(rows.shape[1]) < lengths[:, None]]
        return TokenIds(ids.view(np.int32), offsets)


def _is_exact(tokenizer: Json) -> bool:
    """Whether all parts are such that both libraries do the same.

    What gigatoken does not know it refuses; but it passes over some settings.
    """
    model, normalizer = tokenizer["model"], tokenizer.get("normalizer")
    if model.get("type", "BPE") != "BPE" or "merges" not in model:
        return False
    if any(model.get(it) for it in _PASSED_OVER):
        return False
    if not _are_apart(tokenizer.get("added_tokens") or [], model["vocab"]):
        return False
    first, *others = parts_of(tokenizer.get("pre_tokenizer"), "pretokenizers") or [{}]
    if model.get("byte_fallback"):
        return not first and normalizer == _METASPACE
    if normalizer is not None:
        return False
    if first.get("type") == "Split":
        first, *others = others or [{}]
        return _is_byte_level(first, use_regex=False) and not others
    return _is_byte_level(first, use_regex=True) and not others


_PASSED_OVER = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
# Of Llama 2 and its kin.
_METASPACE = {
    "type": "Sequence",
    "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    ],
}


def _is_byte_level(part: Json, *, use_regex: bool) -> bool:
    return part.get("type") == "ByteLevel" and part.get("use_regex", True) == use_regex


def _are_apart(added: list[Json], vocabulary: dict[str, int]) -> bool:
    """Whether added tokens do not overlap, and have the ids that come next."""
    strip = any(it["lstrip"] or it["rstrip"] for it in added)
    spaced = any(set(it["content"]) & set(whitespace) for it in added)
    new = [it["id"] for it in added if it["content"] not in vocabulary]
    ids = [*vocabulary.values(), *new]
    # `tokenizers` gives them ids anew.
    return (
        not any(it["single_word"] for it in added)
        and not (strip and spaced)
        and sorted(ids) == list(range(len(ids)))
        and new == sorted(new)
        and all(vocabulary.get(it["content"], it["id"]) == it["id"] for it in added)
    )
