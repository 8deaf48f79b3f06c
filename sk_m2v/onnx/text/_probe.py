"""What a tokenizer does to single characters, found by asking it.

Normalisers and pre-tokenizers differ in many ways, but most of those in use treat each
character for itself: they replace it by none, one or several characters, and then cut
words at whitespace, around single characters, and where one class of characters ends
and another begins. All that such a tokenizer does to text is in one table over Unicode.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Tokenizer, models

from sk_m2v._messages import quoted
from sk_m2v.embedding.tokens._backends import Json

# Classes of characters. Those from RUN on stay together with their like.
SPACE, ISOLATED, RUN = 0, 1, 2

_BLOCK = 8192
# Stands between characters, and is changed by no normaliser that is read here.
_BETWEEN = "qzjxq"


# Replace characters one by one.
_LOCAL = {"BertNormalizer", "Lowercase", "StripAccents"}
# Bring combining marks into an order that depends on their neighbours. It does not
# matter where the marks are removed afterwards.
_DECOMPOSING = {"NFD", "NFKD"}
_CLASSES = {
    "BertPreTokenizer",
    "Whitespace",
    "WhitespaceSplit",
    "Punctuation",
    "Digits",
}


def members(part: Json | None, name: str) -> list[Json]:
    """Return the parts of a sequence, or a single part as a list.

    Parameters
    ----------
    part : dict or None
        Part of a ``tokenizer.json``.
    name : {"normalizers", "pretokenizers"}
        Where a sequence has its members.

    Returns
    -------
    list of dict
        None if `part` is None.
    """
    if part is None:
        return []
    if part["type"] != "Sequence":
        return [part]
    return [it for inner in part[name] for it in members(inner, name)]


def check_normalizer(steps: Sequence[Json]) -> None:
    """Refuse a normaliser that looks at more than one character.

    Parameters
    ----------
    steps : sequence of dict
        Its steps.

    Raises
    ------
    ValueError
        If there is such a step.
    """
    for i, step in enumerate(steps):
        kind = step["type"]
        later = {it["type"] for it in steps[i + 1 :]}
        if kind in _LOCAL or (kind in _DECOMPOSING and "StripAccents" in later):
            continue
        if kind == "Replace" and len(step["pattern"].get("String", "")) == 1:
            continue
        raise ValueError(
            f"the normalizer {quoted(kind)} does not treat characters one by one"
        )


def check_pre_tokenizer(steps: Sequence[Json]) -> None:
    """Refuse a pre-tokenizer that does not cut by classes of characters.

    Parameters
    ----------
    steps : sequence of dict
        Its steps.

    Raises
    ------
    ValueError
        If there is such a step.
    """
    for step in steps:
        kind = step["type"]
        if kind not in _CLASSES or step.get("behavior", "Isolated") != "Isolated":
            raise ValueError(
                f"the pre_tokenizer {quoted(kind)} does not cut words by characters"
            )


class Survey(NamedTuple):
    """What a tokenizer does to every character of Unicode.

    Attributes
    ----------
    changed : dict
        What the normaliser makes of characters, where it is not the character itself.
    kinds : dict
        Classes of characters of normalised text, where they are not `usual`.
    usual : int
        The most common class.
    """

    changed: dict[str, str]
    kinds: dict[str, int]
    usual: int

    def normal(self, character: str) -> str:
        """Return what the normaliser makes of a character.

        Parameters
        ----------
        character : str
            The character.

        Returns
        -------
        str
            Of any length.
        """
        return self.changed.get(character, character)

    def normalize(self, text: str) -> str:
        """Normalise a text, character by character.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        str
            The result.
        """
        return "".join(map(self.normal, text))

    def kind(self, character: str) -> int:
        """Return the class of a character of normalised text.

        Parameters
        ----------
        character : str
            The character.

        Returns
        -------
        int
            SPACE, ISOLATED, RUN or more.
        """
        return self.kinds.get(character, self.usual)


def all_characters() -> list[str]:
    """Return all characters of Unicode but surrogates, which no text has."""
    return [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


# Most tokenizers of a kind share these parts.
@lru_cache(maxsize=4)
def survey(normalizer: str, pre_tokenizer: str) -> Survey:
    """Ask a normaliser and a pre-tokenizer about every character.

    Parameters
    ----------
    normalizer, pre_tokenizer : str
        Parts of a ``tokenizer.json`` that treat characters one by one.

    Returns
    -------
    Survey
        The answers.
    """
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    data = json.loads(tokenizer.to_str())
    data["normalizer"] = json.loads(normalizer)
    data["pre_tokenizer"] = json.loads(pre_tokenizer)
    tokenizer = Tokenizer.from_str(json.dumps(data))
    characters = all_characters()
    results = _normalized(tokenizer, characters)
    changed = {a: b for a, b in zip(characters, results, strict=True) if a != b}
    alphabet = dict.fromkeys(it for it in characters if it not in changed)
    alphabet.update(dict.fromkeys("".join(changed.values())))
    found = _kinds(tokenizer.pre_tokenizer, [*alphabet])
    usual = Counter(found.values()).most_common(1)[0][0]
    return Survey(changed, {a: b for a, b in found.items() if b != usual}, usual)


def _normalized(tokenizer: Tokenizer, characters: Sequence[str]) -> list[str]:
    if tokenizer.normalizer is None:
        return list(characters)
    normalize = tokenizer.normalizer.normalize_str
    results: list[str] = []
    for start in range(0, len(characters), _BLOCK):
        block = characters[start : start + _BLOCK]
        text = normalize(_BETWEEN + _BETWEEN.join(block) + _BETWEEN)
        parts = text.split(_BETWEEN)[1:-1]
        if len(parts) != len(block):
            raise ValueError("the normalizer does not treat characters one by one")
        results += parts
    return results


def _kinds(splitter: Any, characters: Sequence[str]) -> dict[str, int]:
    if splitter is None:
        return dict.fromkeys(characters, RUN)
    found: dict[str, int] = {}
    left = list(characters)
    # A letter first, so that RUN is the class of letters.
    like, number = "x", RUN
    while left:
        others = []
        for character, size in zip(left, _sizes(splitter, left, like), strict=True):
            if size == 1:
                others.append(character)
            else:
                found[character] = number if size else SPACE
        number += 1
        left = others
        if left and _sizes(splitter, [left[0] * 2], " ")[0] == 1:
            doubled = _sizes(splitter, [it * 2 for it in left], " ")
            alone = [it for it, size in zip(left, doubled, strict=True) if size == 1]
            found.update(dict.fromkeys(alone, ISOLATED))
            left = [it for it in left if it not in found]
        like = (left or " ")[0]
    return found


def _sizes(splitter: Any, parts: Sequence[str], between: str) -> npt.NDArray[np.int64]:
    """Length of the word that holds the first character of each part of a text."""
    sizes = [np.empty(0, np.int64)]
    for start in range(0, len(parts), _BLOCK):
        block = parts[start : start + _BLOCK]
        text = between + between.join(block) + between
        size = np.zeros(len(text), np.int64)
        for _, (first, end) in splitter.pre_tokenize_str(text):
            size[first:end] = end - first
        sizes.append(size[1 :: len(block[0]) + 1][: len(block)])
    return np.concatenate(sizes)


def word_characters(characters: Sequence[str]) -> set[str]:
    """Return those of some characters that are parts of words to an added token.

    Parameters
    ----------
    characters : sequence of str
        The characters.

    Returns
    -------
    set of str
        Those next to which a token that must be a whole word is not found.
    """
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.add_tokens([AddedToken("q", single_word=True, normalized=False)])
    found: set[str] = set()
    for start in range(0, len(characters), _BLOCK):
        block = characters[start : start + _BLOCK]
        encoding = tokenizer.encode("".join(f"q{it} " for it in block))
        at = {
            first // 3
            for (first, _), index in zip(encoding.offsets, encoding.ids, strict=True)
            if index == 1 and first % 3 == 0
        }
        found.update(it for i, it in enumerate(block) if i not in at)
    return found
