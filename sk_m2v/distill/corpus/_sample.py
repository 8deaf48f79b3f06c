"""Sentences of a corpus that may be too large to keep."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from sk_m2v._text import text_batches

_BATCH_SIZE = 16_384
# Characters from which on a text is seen as more than a sentence.
_LONG = 300
# The end of a sentence, with what may close it, before a space; or a line break.
_END = re.compile(r"""([.!?…]["'”’)\]]*)\s+|([。！？]["'”’」』）)\]]*)|\s*\n\s*""")


def sample_sentences(
    X: Any,
    max_sentences: int | None,
    *,
    split: bool,
    missing: str,
    random_state: np.random.RandomState,
) -> list[str]:
    """Sentences drawn at random, without replacement, in their order.

    Each gets a random number, and those with the smallest stay (a reservoir), so
    that a stream is read once and no more than the sample and a batch are in memory.

    Parameters
    ----------
    X : iterable of str
        Any container of texts, or a stream.
    max_sentences : int or None
        Size of the sample. None takes all.
    split : bool
        Whether to cut long texts into sentences.
    missing : {"error", "empty"}
        What to do with None, NaN and the like.
    random_state : RandomState
        Draws the numbers.

    Returns
    -------
    list of str
        All if there are no more than `max_sentences`, else so many.

    Raises
    ------
    TypeError, ValueError
        If `X` are no texts.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_m2v.distill.corpus._sample import sample_sentences
    >>> random_state = np.random.RandomState(0)
    >>> stream = (str(number) for number in range(1000))
    >>> sample_sentences(
    ...     stream, 3, split=True, missing="error", random_state=random_state
    ... )
    ['540', '757', '821']
    """
    _, batches = text_batches(X, _BATCH_SIZE, missing=missing)
    parts = (split_sentences(batch) for batch in batches) if split else batches
    if max_sentences is None:
        return [text for batch in parts for text in batch]
    kept: list[str] = []
    ranks = np.empty(0)
    for batch in parts:
        kept += batch
        ranks = np.concatenate([ranks, random_state.uniform(size=len(batch))])
        if len(kept) > max_sentences:
            smallest = np.argpartition(ranks, max_sentences)[:max_sentences]
            smallest.sort()
            kept, ranks = [kept[i] for i in smallest], ranks[smallest]
    return kept


def split_sentences(texts: Iterable[str]) -> list[str]:
    """Cut long texts into sentences.

    A teacher reads a sentence better than a page, of which it may not see the end, and
    a page says little about each of its words.

    Parameters
    ----------
    texts : iterable of str
        The texts.

    Returns
    -------
    list of str
        Those of up to 300 characters as they are, the others in pieces that end with a
        full stop and the like, or with a line.

    Examples
    --------
    >>> from sk_m2v.distill.corpus._sample import split_sentences
    >>> split_sentences(["Short. Kept.", "A long one. " * 25 + "Then the end!"])[-2:]
    ['A long one.', 'Then the end!']
    """
    sentences = []
    for text in texts:
        if len(text) <= _LONG:
            sentences.append(text)
        else:
            pieces = _END.sub(r"\1\2\n", text).split("\n")
            sentences += [piece.strip() for piece in pieces if piece.strip()]
    return sentences
