"""Remove the tokens that a corpus does not need.

The rows of tokens that never occur are most of the size of a static embedding for one
domain. Texts made of the tokens that remain must not notice; other texts should be
spelled with smaller tokens, not become unknown. What has to stay for that depends on
how a model finds its tokens, see `_required`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from sk_m2v._messages import shortened
from sk_m2v.embedding.tokens._backends import Json, vocabulary_of

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # stands for a byte of an unknown character


def prune_tokens(
    tokenizer: str, used: npt.NDArray[np.bool_]
) -> tuple[str, npt.NDArray[np.intp]]:
    """Remove unused tokens, and number the others from 0 in their order.

    Every text whose tokens are all used has the same tokens afterwards.

    Parameters
    ----------
    tokenizer : str
        Contents of a ``tokenizer.json`` with ids from 0 without gaps, such as
        `cut_tokenizer` returns.
    used : ndarray of shape (n_tokens,), dtype bool
        True for tokens that must stay.

    Returns
    -------
    tokenizer : str
        Contents of a ``tokenizer.json``, which neither pads nor adds tokens around
        texts.
    old_ids : ndarray of shape (n_kept,), dtype intp
        For each token that stays its id in the tokenizer given, in ascending order.

    Raises
    ------
    ValueError
        If `used` is no boolean array with an element for each token.

    See Also
    --------
    sk_m2v.distill.vocabulary._cut.cut_tokenizer : Remove tokens that stand for no text.

    Notes
    -----
    Beyond those used, these tokens stay: the unknown token, special ones (padding among
    them), single characters and bytes, tokens with a character that is no token of its
    own, the parts from which BPE merges a token that stays, and a token of the lowest
    score in Unigram models. Words of WordLevel models have no parts: those removed are
    unknown afterwards. The other way round, an unknown word can become known to
    WordPiece where a character stands only within longer tokens (in none of BERT's).

    Examples
    --------
    >>> import numpy as np
    >>> from tokenizers import Tokenizer, models
    >>> vocab = {"[UNK]": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "bc": 5, "abc": 6}
    >>> merges = [("a", "b"), ("b", "c"), ("ab", "c")]
    >>> model = Tokenizer(models.BPE(vocab, merges, unk_token="[UNK]"))
    >>> text, old_ids = prune_tokens(model.to_str(), np.arange(7) == 6)
    >>> old_ids
    array([0, 1, 2, 3, 4, 6])
    >>> Tokenizer.from_str(text).encode("abc").tokens
    ['abc']
    """
    library = Tokenizer.from_str(tokenizer)
    data: Json = json.loads(library.to_str())
    vocabulary = vocabulary_of(data)
    if np.shape(used) != (len(vocabulary),) or np.asarray(used).dtype != np.bool_:
        raise ValueError(
            f"used has shape {np.shape(used)} and dtype "
            f"{shortened(np.asarray(used).dtype)}: pass an array of bool of shape "
            f"({len(vocabulary)},), an element for each token"
        )
    by_id = sorted(vocabulary, key=vocabulary.__getitem__)
    kept = {by_id[index] for index in np.flatnonzero(used)}
    kept |= _terms_in_the_way(library, data["added_tokens"], kept)
    kept |= _required(data, by_id, kept)

    old_ids = np.array([i for i, token in enumerate(by_id) if token in kept], np.intp)
    new_ids = {by_id[old]: new for new, old in enumerate(old_ids.tolist())}
    _renumber(data["model"], new_ids)
    data["added_tokens"] = [
        {**it, "id": new_ids[it["content"]]}
        for it in data["added_tokens"]
        if it["content"] in new_ids
    ]
    # Both hold ids of tokens, and neither has a meaning for a static embedding.
    data.update(post_processor=None, padding=None)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")), old_ids


def _required(data: Json, by_id: list[str], kept: set[str]) -> set[str]:
    """Tokens that must stay for the sake of those kept, and of unknown words.

    * WordPiece takes the longest token from the left: where that one stays, removing
      shorter or unused ones changes nothing.
    * BPE merges pairs in a fixed order. The merges inside a token of a text are those
      of the token on its own, so that it needs what they produce on the way.
    * Unigram takes the path of the highest score. Removing other paths changes nothing,
      nor does it between equal ones, of which the library takes the one whose last
      token is longest. But a character without a token would open new paths, and so
      would a higher score of unknown characters, which is relative to the lowest.
    """
    model: Json = data["model"]
    special = {it["content"] for it in data["added_tokens"] if it["special"]}
    required: set[str] = special | {model.get("unk_token") or ""}
    if isinstance(model["vocab"], list):
        required.add(min(model["vocab"], key=lambda it: it[1])[0])
        if model["unk_id"] is not None:
            required.add(by_id[model["unk_id"]])
    if model["type"] != "WordLevel":
        added = {it["content"] for it in data["added_tokens"]}
        known = set(by_id)
        for token in by_id:
            symbols = _symbols(token, model)
            if symbols[0] == "▁" and "▁" not in known:
                # The space is only known together with the character behind it.
                symbols[:2] = ["".join(symbols[:2])]
            spelled = token in added or known.issuperset(symbols)
            if len(symbols) == 1 or not spelled or _BYTE.fullmatch(token):
                required.add(token)
    required &= set(by_id)
    return required | _parts(model, kept | required)


def _symbols(token: str, model: Json) -> list[str]:
    """Characters of a token, written as tokens of one character."""
    prefix = model.get("continuing_subword_prefix") or ""
    suffix = model.get("end_of_word_suffix") or ""
    first = prefix if token.startswith(prefix) else ""
    last = suffix if token.endswith(suffix) else ""
    characters = list(token[len(first) : len(token) - len(last)])
    if not characters:  # the prefix itself, say
        return [token]
    symbols = [prefix + character for character in characters]
    symbols[0] = first + characters[0]
    symbols[-1] += last
    return symbols


def _parts(model: Json, kept: set[str]) -> set[str]:
    """Tokens from which merges make those kept, directly or not.

    Some vocabularies have several merges for one token (Llama). Which of them is used
    follows from the order of all; to keep the parts of each needs no such reasoning.
    """
    prefix = len(model.get("continuing_subword_prefix") or "")
    sources: dict[str, list[str]] = {}
    for left, right in model.get("merges", []):
        sources.setdefault(left + right[prefix:], []).extend((left, right))
    found: set[str] = set()
    pending = list(kept)
    while pending:
        new = set(sources.get(pending.pop(), ())) - found
        found |= new
        pending.extend(new)
    return found


def _terms_in_the_way(library: Any, added: list[Json], kept: set[str]) -> set[str]:
    """Unused added tokens that hide others from being found.

    Where the library finds an added token inside a word, it goes on behind it. Without
    "micro usb", "micro" would be found in "micro usbs", where it was not before.
    """
    normalize = library.normalizer.normalize_str if library.normalizer else str
    terms = {
        it["content"]: normalize(it["content"]) if it["normalized"] else it["content"]
        for it in added
    }
    whole_words = {it["content"] for it in added if it["single_word"]}
    hiding = whole_words - kept
    shown = kept.intersection(terms)
    while True:
        words = _Terms({terms[it] for it in shown & whole_words})
        others = _Terms({terms[it] for it in shown - whole_words})
        new = {
            it
            for it in hiding
            if _overlaps(terms[it], words, inside=False)
            or _overlaps(terms[it], others, inside=True)
        }
        if not new:
            return shown - kept
        shown |= new  # what these hide, in turn, must stay hidden
        hiding -= new


def _overlaps(term: str, others: _Terms, inside: bool) -> bool:
    """Tell whether another term can begin within a term, `inside` its words or not."""
    return any(
        (start and term[start:] in others.beginnings)
        or any(term[start:end] in others.whole for end in range(start + 1, len(term)))
        for start in range(len(term))
        # Of the library's word characters those that Python surely counts alike.
        if inside
        or not (start and (term[start - 1].isalpha() or term[start - 1].isdecimal()))
    )


class _Terms:
    """Terms, and all that they begin with."""

    def __init__(self, terms: set[str]) -> None:
        self.whole = terms
        self.beginnings = {it[:end] for it in terms for end in range(1, len(it) + 1)}


def _renumber(model: Json, new_ids: dict[str, int]) -> None:
    """Leave the model with the tokens that have new ids."""
    vocab = model["vocab"]
    if isinstance(vocab, list):
        unk = None if model["unk_id"] is None else vocab[model["unk_id"]][0]
        model["vocab"] = [pair for pair in vocab if pair[0] in new_ids]
        model["unk_id"] = None if unk is None else new_ids[unk]
        return
    model["vocab"] = {it: new for it, new in new_ids.items() if it in vocab}
    if "merges" in model:
        prefix = len(model["continuing_subword_prefix"] or "")
        model["merges"] = [
            [left, right]
            for left, right in model["merges"]
            if left + right[prefix:] in new_ids  # then both parts are there
        ]
