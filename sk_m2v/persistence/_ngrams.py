"""Features of n-grams as JSON and named arrays, and back with every check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._limits import check_lengths
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.lexical._spelling import spelled_tokens
from sk_m2v.persistence._arrays import Arrays, checked_array

_SETTINGS = ("norm", "use_idf", "smooth_idf", "sublinear_tf")


def pack_ngrams(
    vectorizers: Sequence[NgramTfidf],
) -> tuple[list[dict[str, Any]], dict[str, npt.NDArray[Any]]]:
    """Describe lexical features.

    Parameters
    ----------
    vectorizers : sequence of NgramTfidf
        The features.

    Returns
    -------
    settings : list of dict
        Their parameters.
    arrays : dict of str to ndarray
        Their n-grams, and how much these count.
    """
    settings = []
    arrays: dict[str, npt.NDArray[Any]] = {}
    for i, it in enumerate(vectorizers):
        first, last = it.ngram_range
        options = {name: getattr(it, name) for name in _SETTINGS}
        if it.stop_ids is not None:
            options["stop_ids"] = it.stop_ids.tolist()
        if isinstance(it, LetterTfidf):
            options["alphabet"] = it.alphabet
        settings.append({"n": first, "last": last, **options})
        for n, keys in zip(it.lengths, it.keys, strict=True):
            arrays[_keys_name(i, n, first)] = keys
        if it.idf is not None:
            arrays[f"ngrams.{i}.idf"] = it.idf
    return settings, arrays


def unpack_ngrams(
    settings: Sequence[Mapping[str, Any]], arrays: Arrays, embedding: StaticEmbedding
) -> list[NgramTfidf]:
    """Make lexical features again.

    Parameters
    ----------
    settings : sequence of mapping
        From `pack_ngrams`.
    arrays : mapping of str to ndarray
        From `pack_ngrams`.
    embedding : StaticEmbedding
        The model whose tokens they are of.

    Returns
    -------
    list of NgramTfidf
        The features.

    Raises
    ------
    ValueError
        If something is missing, of another shape, or impossible.
    """
    vectorizers = []
    n_tokens = embedding.n_tokens
    for i, it in enumerate(settings):
        first = int(it["n"])
        last = int(it.get("last", first))  # up to 0.1.0 there was only one length
        options = {name: it[name] for name in _SETTINGS}
        if (stop_ids := it.get("stop_ids")) is not None:
            options["stop_ids"] = np.array(stop_ids, dtype=np.int32)
            if options["stop_ids"].size and not (
                min(stop_ids) >= 0 and max(stop_ids) < n_tokens
            ):
                raise ValueError(f"'stop_ids' are no ids of {n_tokens} tokens")
        if (alphabet := it.get("alphabet")) is None:
            ngrams = NgramTfidf((first, last), **options)
            ngrams.n_tokens = n_tokens
        else:
            ngrams = _letters(embedding, alphabet, (first, last), options)
        n_digits = ngrams.n_tokens
        if not 1 <= first <= last:
            raise ValueError(f"there are no n-grams of {quoted((first, last))} tokens")
        check_lengths((first, last), n_digits)
        for n in ngrams.lengths:
            name = _keys_name(i, n, first)
            keys = checked_array(arrays, name, (None,), (np.int64,))
            if keys.size and not (
                keys[0] >= 0 and keys[-1] < n_digits**n and (keys[1:] > keys[:-1]).all()
            ):
                raise ValueError(
                    f"{name!r} are not ascending n-grams of {shortened(n_digits)} "
                    "tokens"
                )
            ngrams.keys.append(keys)
        if not ngrams.n_features:
            raise ValueError(f"'ngrams.{i}' has no n-grams")
        if ngrams.use_idf:
            shape = (ngrams.n_features,)
            ngrams.idf = checked_array(arrays, f"ngrams.{i}.idf", shape, (np.float32,))
        vectorizers.append(ngrams)
    return vectorizers


def _letters(
    embedding: StaticEmbedding,
    alphabet: Any,
    ngram_range: tuple[int, int],
    options: dict[str, Any],
) -> LetterTfidf:
    if not isinstance(alphabet, str) or len(set(alphabet)) < len(alphabet):
        raise ValueError("'alphabet' is not a text of different letters")
    ngrams = LetterTfidf(spelled_tokens(embedding), ngram_range, **options)
    ngrams.set_alphabet(alphabet)
    return ngrams


def _keys_name(index: int, n: int, first: int) -> str:
    return f"ngrams.{index}.keys" + (f".{n}" if n != first else "")
