"""Tokens of a vocabulary, as a teacher reads them that has another one."""

from __future__ import annotations

import json
from collections.abc import Callable

from tokenizers import Tokenizer

from sk_m2v.distill.vocabulary._cut import Json, surrounding_ids, tokens_by_id


def read_tokens(
    tokenizer: str, reader: str, read: Callable[[str], list[int]]
) -> list[list[int]]:
    """Ids with which a teacher reads the tokens of another tokenizer.

    Parameters
    ----------
    tokenizer : str
        Contents of the ``tokenizer.json`` that has the tokens.
    reader : str
        Contents of that of the teacher.
    read : callable
        From a text to the teacher's ids, with those that surround any text.

    Returns
    -------
    list of list of int
        For each token, in the order of ids: the same token where the teacher has it,
        else what the teacher makes of its text, both between the ids that surround any
        text.

    Notes
    -----
    The same string is another token where tokenizers write words in other ways: "cat"
    begins a word for WordPiece, and goes on with one for byte-level BPE. So strings
    count where both have the same kind of model, and the same decoder from tokens to
    text; elsewhere texts do.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models
    >>> def word_piece(*tokens):
    ...     vocab = {token: i for i, token in enumerate(("[UNK]", *tokens))}
    ...     return Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    >>> ours, other = word_piece("tea", "##pot"), word_piece("pot", "tea")
    >>> read_tokens(ours.to_str(), other.to_str(), lambda text: other.encode(text).ids)
    [[0], [2], [1]]
    """
    library = Tokenizer.from_str(tokenizer)
    ours, others = (
        json.loads(it.to_str()) for it in (library, Tokenizer.from_str(reader))
    )
    same: dict[str, int] = {}
    if _spelling(ours) == _spelling(others):
        same = {token: i for i, token in tokens_by_id(others).items()}
    before, after = surrounding_ids(others["post_processor"])
    inside = ours["model"].get("continuing_subword_prefix") or ""
    sequences = []
    for i, token in sorted(tokens_by_id(ours).items()):
        if token in same:
            sequences.append([*before, same[token], *after])
        else:
            # Decoders leave the mark of a piece that nothing comes before.
            text = library.decode([i], skip_special_tokens=False)
            sequences.append(read(text.removeprefix(inside)))
    return sequences


def _spelling(tokenizer: Json) -> list[Json]:
    """What decides which text a token stands for."""
    model = tokenizer["model"]
    parts = ("type", "continuing_subword_prefix", "end_of_word_suffix")
    return [{part: model.get(part) for part in parts}, tokenizer["decoder"]]
