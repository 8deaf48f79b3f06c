"""The tokens and n-grams that weigh most for each class, in a whole classifier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._similarity import unit_vectors
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.train.heads._head import Head

FloatArray = npt.NDArray[np.float64]


def term_weights(
    head: Head, embedding: StaticEmbedding, vectorizers: Sequence[NgramTfidf]
) -> tuple[npt.NDArray[Any], FloatArray]:
    """Terms and what they weigh in a linear head.

    Parameters
    ----------
    head : Head
        One linear layer beside the lexical weights.
    embedding : StaticEmbedding
        The model.
    vectorizers : sequence of NgramTfidf
        The lexical features.

    Returns
    -------
    terms : ndarray of shape (n_terms,), dtype object
        Tokens, and n-grams of them with spaces between.
    weights : ndarray of shape (n_terms, n_classes), dtype float64
        Of a token: the scores of a text of that token alone, less the intercept; the
        n-grams of its letters are part of it. Of a longer n-gram: what it adds to them
        when it is the only one of its length.
    """
    layer = head.layers[0].weight.astype(np.float64)
    vectors = unit_vectors(embedding._folded_vectors()).astype(np.float64)
    columns = np.cumsum([0, *(it.n_features for it in vectorizers)])
    parts = [
        (it, head.lexical[a:b].astype(np.float64))
        for it, (a, b) in zip(vectorizers, pairwise(columns), strict=True)
    ]
    letters = [it for it in parts if isinstance(it[0], LetterTfidf)]
    others = [it for it in parts if not isinstance(it[0], LetterTfidf)]

    def weights_of_tokens(ids: npt.NDArray[Any]) -> FloatArray:
        # All that tokens weigh, but for features of their own.
        alone = TokenIds(ids.astype(np.int32), np.arange(ids.size + 1))
        weights: FloatArray = vectors[ids] @ layer
        for ngrams, block in letters:
            weights += ngrams.transform(alone) @ block
        return weights

    if not others:
        known = np.setdiff1d(np.arange(embedding.n_tokens), embedding._special_ids)
        names = np.array(embedding.vocabulary, dtype=object)[known]
        return names, weights_of_tokens(known)
    terms, weights = [], []
    for ngrams, block in others:
        if ngrams.ngram_range == (1, 1):
            block += weights_of_tokens(ngrams.keys[0])
        terms.append(ngrams.names(embedding.vocabulary))
        weights.append(block)
    return np.concatenate(terms), np.concatenate(weights)


def top_terms(
    terms: npt.NDArray[Any], weights: FloatArray, classes: Sequence[Any], n: int
) -> dict[Any, list[tuple[str, float]]]:
    """Terms with the largest weights of each class.

    Parameters
    ----------
    terms : ndarray of shape (n_terms,), dtype object
        The terms.
    weights : ndarray of shape (n_terms, n_classes), dtype float64
        The weights.
    classes : sequence of length n_classes
        The classes.
    n : int
        How many of each.

    Returns
    -------
    dict of object to list of (str, float)
        The terms and weights of each class, the largest first.
    """
    found = {}
    for column, name in enumerate(classes):
        order = np.argsort(-weights[:, column], kind="stable")[:n]
        best = zip(terms[order].tolist(), weights[order, column].tolist(), strict=True)
        found[name] = [(term, weight) for term, weight in best if weight > 0]
    return found
