"""Texts to token ids.

Every other part of the package sees texts as a `TokenIds`: the ids of all texts in one
flat array, and where each text begins.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened
from sk_m2v._text import replace_surrogates
from sk_m2v.embedding.tokens._backends import (
    Backend,
    Json,
    NanotokenBackend,
    TokenIds,
    TokenizersBackend,
    is_of_library,
    vocabulary_of,
)
from sk_m2v.embedding.tokens._gigatoken import GigatokenBackend
from sk_m2v.embedding.tokens._normalized_cache import (
    NormalizedBackend,
    normalizes_words,
)
from sk_m2v.embedding.tokens._word_cache import WordCacheBackend, word_rule

# Ids from a million on.
_LARGE = re.compile(r":\s*\d{7}")


# Models cut from one another share a tokenizer, and a worker process unpickles the same
# model for every task: parsing a vocabulary (40 ms for 30,000 tokens) is done once.
@lru_cache(maxsize=8)
def load_backend(tokenizer_json: str) -> Backend:
    """Fastest installed backend that supports a tokenizer.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    Backend
        `nanotoken` or `gigatoken` where it is installed and supports every component of
        the tokenizer, `tokenizers` otherwise, with a cache of words where that gives
        the same ids.

    Raises
    ------
    ValueError
        If the text is no tokenizer, or one of impossible ids.
    """
    try:
        _check_ids(tokenizer_json)
        # Where it is not installed, does not support the tokenizer, or even panics at
        # what is damaged, it is for `tokenizers` to say.
        for fast in (NanotokenBackend, GigatokenBackend):
            try:
                return fast(tokenizer_json)
            except BaseException as error:
                _check_is_of_file(error)
        return _tokenizers_backend(json.loads(tokenizer_json))
    except BaseException as error:
        _check_is_of_file(error)
        raise ValueError(
            f"not a readable tokenizer.json: {shortened(error)}"
        ) from error


def _check_is_of_file(error: BaseException) -> None:
    """Raise an error again that has nothing to do with the file, such as an interrupt.

    `tokenizers` raises bare Exception; all libraries may panic.
    """
    if not isinstance(error, Exception) and not is_of_library(error):
        raise error


def _check_ids(tokenizer_json: str) -> None:
    """Refuse ids beyond any vocabulary: libraries make room for all up to the largest.

    No token takes less than a character of the file.
    """
    if _LARGE.search(tokenizer_json) is None:
        return
    tokenizer = json.loads(tokenizer_json)
    # An added token hides one of the vocabulary, but not from the libraries.
    of_model = vocabulary_of({**tokenizer, "added_tokens": []})
    ids = chain(of_model.values(), vocabulary_of(tokenizer).values())
    largest = max(ids, default=0)
    if largest >= len(tokenizer_json):
        raise ValueError(
            f"an id of {quoted(largest)} in a file of {len(tokenizer_json)} characters"
        )


def _tokenizers_backend(tokenizer: Json) -> Backend:
    if rule := word_rule(tokenizer):
        return WordCacheBackend(tokenizer, rule)
    backend = TokenizersBackend(tokenizer)
    if normalizes_words(tokenizer) and (normalize := backend.normalize):
        return NormalizedBackend(tokenizer, backend, normalize)
    return backend


def vocabulary_size(tokenizer_json: str) -> int:
    """Number of ids of a tokenizer.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    int
        The largest id and one.
    """
    return max(load_backend(tokenizer_json).vocabulary().values(), default=-1) + 1


def token_ids(backend: Backend, texts: list[str], max_length: int | None) -> TokenIds:
    """Ids that stand for the texts in an embedding.

    Parameters
    ----------
    backend : Backend
        The tokenizer.
    texts : list of str
        The texts. Lone surrogates, which have no UTF-8 form, are read as U+FFFD.
    max_length : int or None
        Tokens kept of each text, from its beginning. None keeps all.

    Returns
    -------
    TokenIds
        The ids, truncated first and then without the unknown token, as in model2vec.

    Raises
    ------
    ValueError
        If the library gives up on a text; the message has it.
    """
    try:
        ids, offsets = _encode(backend, texts)
    except BaseException as error:
        if not is_of_library(error):
            raise
        text = _given_up(backend, texts)
        raise ValueError(
            f"the tokenizer of the model gives up on the text {quoted(text)} of "
            f"{len(text)} characters ({shortened(error)}): its tokenizer.json is "
            "damaged, or not made for such texts. Leave the text out, or use another "
            "model"
        ) from error
    keep: npt.NDArray[np.bool_] | None = None
    if max_length is not None and ids.size > max_length:
        lengths = offsets[1:] - offsets[:-1]
        if lengths.max() > max_length:
            keep = np.arange(ids.size) - np.repeat(offsets[:-1], lengths) < max_length
    if backend.unk_id is not None:
        known = ids != backend.unk_id
        if np.count_nonzero(known) < ids.size:
            keep = known if keep is None else keep & known
    tokens = TokenIds(ids, offsets)
    return tokens if keep is None else tokens.keep(keep)


def _encode(backend: Backend, texts: list[str]) -> TokenIds:
    try:
        return backend.encode(texts)
    except (TypeError, UnicodeEncodeError):
        # Looking for surrogates beforehand would cost as much as tokenizing.
        return backend.encode([replace_surrogates(text) for text in texts])


def _given_up(backend: Backend, texts: list[str]) -> str:
    """The text that the library does not stand."""
    for text in texts:
        try:
            _encode(backend, [text])
        except BaseException as error:
            if not is_of_library(error):
                raise
            return text
    return texts[0]  # together only
