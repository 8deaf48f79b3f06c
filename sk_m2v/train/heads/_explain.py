"""What each token of a text adds to the scores of the classes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from sklearn.utils.validation import check_is_fitted

from sk_m2v._text import as_texts
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._deferred import Deferred
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._letters import BOUNDARY
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.train.features._features import Features, embed
from sk_m2v.train.heads._explanation import Explanation, explanation
from sk_m2v.train.heads._head import Head

FloatArray = npt.NDArray[np.float64]

_BATCH_SIZE = 256
# Tokens of all shortened copies of a text that are scored at once.
_MAX_IDS = 1_000_000


def explain(estimator: Any, X: Iterable[str]) -> list[Explanation]:
    """Explain the scores of texts.

    Parameters
    ----------
    estimator : BaseStaticClassifier
        A fitted estimator.
    X : iterable of str
        Any container of texts.

    Returns
    -------
    list of Explanation
        One a text.
    """
    check_is_fitted(estimator)
    embedding, head = estimator.embedding_, estimator._head
    labels = getattr(estimator, "_labels", None)
    classes = None if labels is None else labels.classes_
    multilabel = labels is not None and labels.multilabel
    texts = as_texts(X, missing=estimator.missing)
    explanations = []
    for start in range(0, len(texts), _BATCH_SIZE):
        batch = texts[start : start + _BATCH_SIZE]
        tokens = estimator._tokens(embedding, batch)
        scores = _scores(estimator, tokens)
        if head.linear:
            shares = _terms(head, embedding, estimator._vectorizers, tokens)
        else:
            shares = _losses(estimator, tokens, scores)
        for i, (a, b) in enumerate(pairwise(tokens.offsets)):
            names = [embedding.vocabulary[it] for it in tokens.ids[a:b].tolist()]
            intercept = scores[i] - shares[a:b].sum(axis=0)
            terms = names, shares[a:b], intercept, head.linear
            explanations.append(explanation(terms, classes, multilabel=multilabel))
    return explanations


def _scores(estimator: Any, tokens: TokenIds) -> FloatArray:
    features = Features(
        tuple(Deferred(it, tokens) for it in estimator._vectorizers),
        embed(estimator.embedding_, tokens),
    )
    scores: FloatArray = estimator._head.scores(*features)
    return scores


# --- Linear heads -------------------------------------------------------------------


def _terms(
    head: Head,
    embedding: StaticEmbedding,
    vectorizers: list[NgramTfidf],
    tokens: TokenIds,
) -> FloatArray:
    """Terms of the scores that come from each token of all texts."""
    terms = _dense_terms(head, embedding, tokens)
    first = 0
    for ngrams in vectorizers:
        weights = head.lexical[first : first + ngrams.n_features]
        terms += _spread(ngrams, tokens) @ weights.astype(np.float64)
        first += ngrams.n_features
    return terms


def _dense_terms(
    head: Head, embedding: StaticEmbedding, tokens: TokenIds
) -> FloatArray:
    means = embedding._token_vectors.means(tokens)
    n_tokens = np.diff(tokens.offsets)
    lengths = n_tokens * np.linalg.norm(means.astype(np.float64), axis=1)
    # The tokens of a text may cancel out: then they add nothing.
    factors = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    ids, position = np.unique(tokens.ids, return_inverse=True)
    products = embedding._vectors_of(ids) @ np.float64(head.layers[0].weight)
    terms: FloatArray = products[position] * np.repeat(factors, n_tokens)[:, None]
    return terms


def _spread(ngrams: NgramTfidf, tokens: TokenIds) -> csr_array:
    """Entries of texts, spread evenly over the occurrences of n-grams and their tokens.

    Of letters, over those that belong to a token: boundaries of words do not.
    """
    units, owners = tokens, np.arange(tokens.ids.size)
    if isinstance(ngrams, LetterTfidf):
        units, owners = ngrams.letters.stream(tokens)
        owners = np.where(units.ids == BOUNDARY, -1, owners)
    rows = units.texts
    entries = ngrams.transform(tokens).tocoo()  # in the order of rows and columns
    cells = entries.row.astype(np.int64) * ngrams.n_features + entries.col
    data = entries.data.astype(np.float64)
    places, columns, found = [], [], []
    for n, (starts, of_starts) in zip(
        ngrams.lengths, ngrams.occurrences(units), strict=True
    ):
        entry = np.searchsorted(cells, rows[starts] * ngrams.n_features + of_starts)
        inside = owners[starts[:, None] + np.arange(n)]
        is_owned = inside >= 0
        size = is_owned.sum(axis=1)
        times = np.bincount(entry, minlength=cells.size)
        values = data[entry] / (times[entry] * size)
        places.append(inside[is_owned])
        columns.append(np.repeat(of_starts, size))
        found.append(np.repeat(values, size))
    shape = tokens.ids.size, ngrams.n_features
    parts = [np.concatenate(it) for it in (found, places, columns)]
    return coo_array((parts[0], (parts[1], parts[2])), shape=shape).tocsr()


# --- Other heads --------------------------------------------------------------------


def _losses(estimator: Any, tokens: TokenIds, scores: FloatArray) -> FloatArray:
    """What the scores of each text lose without each of its tokens."""
    losses = [np.empty((0, scores.shape[1]))]
    for row, (a, b) in zip(scores, pairwise(tokens.offsets), strict=True):
        ids = tokens.ids[a:b]
        step = max(_MAX_IDS // max(ids.size, 1), 1)
        for start in range(0, ids.size, step):
            left_out = np.arange(start, min(start + step, ids.size))
            losses.append(row - _scores(estimator, _without_each(ids, left_out)))
    return np.concatenate(losses)


def _without_each(
    ids: npt.NDArray[np.int32], left_out: npt.NDArray[np.integer]
) -> TokenIds:
    """Copies of a text, each without the token at one position."""
    kept = np.arange(ids.size) != left_out[:, None]
    copies = np.broadcast_to(ids, kept.shape)[kept]
    return TokenIds(copies, np.arange(len(left_out) + 1) * np.int64(ids.size - 1))
