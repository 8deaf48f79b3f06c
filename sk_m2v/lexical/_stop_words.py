"""Stop words as tokens of a model."""

from __future__ import annotations

import warnings
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from sk_m2v._messages import quoted
from sk_m2v.embedding import StaticEmbedding

# Behind another word: there, the token of many models holds the space before it.
_BEFORE = "a"


def stop_ids(
    embedding: StaticEmbedding, words: Collection[str]
) -> npt.NDArray[np.int32]:
    """Tokens that are stop words.

    Parameters
    ----------
    embedding : StaticEmbedding
        The model.
    words : collection of str
        The words, or "english" for the list of scikit-learn.

    Returns
    -------
    ndarray of shape (n_stop_ids,), dtype int32
        Ids of the words, as they stand at the beginning of a text and behind another
        word, ascending.

    Raises
    ------
    TypeError
        If a word is no str.
    """
    if isinstance(words, str):
        english = sorted(ENGLISH_STOP_WORDS)
        return _ids(embedding, [*english, *map(str.capitalize, english)])[0]
    for word in words:
        if not isinstance(word, str):
            raise TypeError(
                f"stop_words must hold words, got {quoted(word)} of type "
                f"{type(word).__name__}"
            )
    ids, split = _ids(embedding, list(words))
    if split:
        warnings.warn(
            f"{len(split)} of {len(words)} stop words are several tokens of the model, "
            f"or none, such as {quoted(split[0])}: they stay",
            UserWarning,
            stacklevel=5,
        )
    return ids


def _ids(
    embedding: StaticEmbedding, words: list[str]
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Ids of words that are one token, and the other words."""
    texts = [_BEFORE, *words, *(f"{_BEFORE} {word}" for word in words)]
    ids, offsets = embedding.token_ids(texts, max_length=None)
    before, *rows = np.split(ids, offsets[1:-1])
    first = rows[: len(words)]
    later = [row[len(before) :] for row in rows[len(words) :]]
    found: set[int] = set()
    split = []
    for word, *forms in zip(words, first, later, strict=True):
        single = [int(it[0]) for it in forms if len(it) == 1]
        found.update(single)
        if not single:
            split.append(word)
    return np.array(sorted(found), dtype=np.int32), split
