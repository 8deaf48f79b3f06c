"""Cut a teacher's tokenizer down to the tokens that get a vector.

A static embedding uses a tokenizer to count tokens and for nothing else, so tokens that
steer the teacher (``[CLS]``, ``[MASK]``) and placeholders (``[unused7]``) would only be
rows that no text reaches. What is left follows model2vec 0.10 (``prune_added_tokens``
and ``clean_and_create_vocabulary``), so that both number their tokens alike, except
where comments below say otherwise.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tokenizers import Tokenizer

Json = dict[str, Any]


class Vocabulary(NamedTuple):
    """The tokens of a static embedding, and how a teacher reads them.

    Attributes
    ----------
    tokenizer : str
        Contents of a ``tokenizer.json`` that gives ids 0 to n_tokens - 1.
    tokens : list of str
        The tokens in the order of their ids.
    sequences : list of list of int
        For each token the ids to show the teacher, in the teacher's own numbering: the
        token between those that surround any text, such as ``[CLS]`` and ``[SEP]``.
    """

    tokenizer: str
    tokens: list[str]
    sequences: list[list[int]]


def cut_tokenizer(
    tokenizer: str,
    *,
    unk_token: str | None,
    pad_token: str | None,
    remove: re.Pattern[str] | None,
) -> Vocabulary:
    r"""Keep the tokens that stand for text, and number them from 0.

    Parameters
    ----------
    tokenizer : str
        Contents of a ``tokenizer.json``: WordPiece, BPE, Unigram or WordLevel.
    unk_token, pad_token : str or None
        Tokens for unknown text and for padding, where they are known from elsewhere.
        None reads them from `tokenizer`.
    remove : compiled regular expression or None
        Tokens to remove: those it matches from their beginning. The unknown token
        stays, since models cannot do without.

    Returns
    -------
    Vocabulary
        The smaller tokenizer, which neither truncates, pads nor adds tokens around
        texts, its tokens, and the teacher's ids of each.

    Raises
    ------
    ValueError
        If no token remains that stands for text.

    Examples
    --------
    >>> import re
    >>> from tokenizers import Tokenizer, models
    >>> vocab = {"[unused0]": 0, "[UNK]": 1, "tea": 2, "##pot": 3}
    >>> teacher = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    >>> cut = cut_tokenizer(
    ...     teacher.to_str(),
    ...     unk_token=None,
    ...     pad_token=None,
    ...     remove=re.compile(r"\[unused"),
    ... )
    >>> cut.tokens
    ['[UNK]', 'tea', '##pot']
    >>> cut.sequences
    [[1], [2], [3]]
    >>> Tokenizer.from_str(cut.tokenizer).encode("teapot").ids
    [1, 2]
    """
    # Reading and writing it back names the type of the model, which old files leave to
    # be guessed, and gives all files the same keys.
    data: Json = json.loads(Tokenizer.from_str(tokenizer).to_str())
    model: Json = data["model"]
    by_id = tokens_by_id(data)
    unk_token = unk_token or _unk_token(model)
    pad_token = pad_token or (data["padding"] or {}).get("pad_token")

    # Added tokens other than these two belong to the teacher: around texts, for masks.
    dropped = {it["content"] for it in data["added_tokens"]} - {unk_token, pad_token}
    if remove is not None:
        dropped |= {it for it in by_id.values() if remove.match(it) and it != unk_token}
    kept = {old: it for old, it in sorted(by_id.items()) if it not in dropped}
    if not set(kept.values()) - {unk_token, pad_token}:
        what = "nothing" if remove is None else f"{remove.pattern!r}"
        raise ValueError(
            f"token_remove_pattern removes every token of the teacher's {len(by_id)} "
            f"that stands for text (it matches {what}): use a narrower expression"
        )

    before, after = surrounding_ids(data["post_processor"])
    new_ids = {token: new for new, token in enumerate(kept.values())}
    _renumber(model, kept, unk_token, dropped)
    data["added_tokens"] = [
        {**it, "id": new_ids[it["content"]]}
        for it in data["added_tokens"]
        if it["content"] in new_ids
    ]
    _add_prefix_space(data["pre_tokenizer"])
    data.update(post_processor=None, padding=None, truncation=None)
    return Vocabulary(
        json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        list(kept.values()),
        [[*before, old, *after] for old in kept],
    )


def tokens_by_id(data: Json) -> dict[int, str]:
    """Every token, those added beyond the vocabulary of the model included.

    Parameters
    ----------
    data : dict
        Contents of a ``tokenizer.json``.

    Returns
    -------
    dict of int to str
        Tokens by their ids.
    """
    vocab: dict[str, int] | list[tuple[str, float]] = data["model"]["vocab"]
    if isinstance(vocab, dict):
        by_id = {i: token for token, i in vocab.items()}
    else:  # Unigram: tokens with scores, ids are positions
        by_id = {i: token for i, (token, _) in enumerate(vocab)}
    return by_id | {it["id"]: it["content"] for it in data["added_tokens"]}


def _unk_token(model: Json) -> str | None:
    """Return the token that stands for unknown text: Unigram models have its id."""
    unk_id: int | None = model.get("unk_id")
    token: str | None = model.get("unk_token")
    return token if unk_id is None else model["vocab"][unk_id][0]


def _renumber(
    model: Json, kept: dict[int, str], unk_token: str | None, dropped: set[str]
) -> None:
    """Give the tokens kept, in their order, the ids from 0."""
    tokens = list(kept.values())
    if isinstance(model["vocab"], list):
        scores = dict(enumerate(score for _, score in model["vocab"]))
        lowest = min(scores.values())  # of tokens that the model did not have itself
        model["vocab"] = [[it, scores.get(old, lowest)] for old, it in kept.items()]
        # model2vec leaves this id as it was while tokens before it are removed: another
        # token then counts as unknown, and disappears from all texts.
        model["unk_id"] = tokens.index(unk_token) if unk_token in tokens else None
        return
    model["vocab"] = {token: new for new, token in enumerate(tokens)}
    if unk_token in model["vocab"]:
        model["unk_token"] = unk_token
    if "merges" in model:
        # A merge needs both its parts and its result.
        prefix = len(model["continuing_subword_prefix"] or "")
        model["merges"] = [
            [left, right]
            for left, right in model["merges"]
            if dropped.isdisjoint((left, right, left + right[prefix:]))
        ]


def _add_prefix_space(pre_tokenizer: Json | None) -> None:
    """Let byte-level tokenizers read the first word of a text like any other.

    They write the space before a word into its token: without this, a word has another
    vector at the beginning of a text.
    """
    if pre_tokenizer is not None and pre_tokenizer["type"] == "Sequence":
        # Only where it comes first does it see a whole text. model2vec also sets it
        # behind a split, as in CLIP and Llama 3, where it puts a space before every
        # piece, punctuation included.
        pre_tokenizer = next(iter(pre_tokenizer["pretokenizers"]), None)
    if pre_tokenizer is not None and pre_tokenizer["type"] == "ByteLevel":
        pre_tokenizer["add_prefix_space"] = True


def surrounding_ids(post_processor: Json | None) -> tuple[list[int], list[int]]:
    """Ids that a post-processor puts before and after any text.

    Parameters
    ----------
    post_processor : dict or None
        Its part of a ``tokenizer.json``.

    Returns
    -------
    before, after : list of int
        The ids.

    Notes
    -----
    Asking the library needs no knowledge of the kinds of post-processors; model2vec
    reads them itself, and raises an error on those with two tokens on one side
    (Whisper) and on sequences (Llama 3).
    """
    probe: Json = {
        "version": "1.0",
        "added_tokens": [],
        "post_processor": post_processor,
        "model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"},
    }
    encoding = Tokenizer.from_str(json.dumps(probe)).encode("x")
    position = encoding.special_tokens_mask.index(0)
    return encoding.ids[:position], encoding.ids[position + 1 :]
