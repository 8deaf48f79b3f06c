"""What the classifiers see of a text: TF-IDF of its tokens, and its embedding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._pooling import mean_vectors, normalize_rows
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._ngrams import NgramTfidf

Float32Array = npt.NDArray[np.float32]


class Features(NamedTuple):
    """Features of some texts."""

    blocks: tuple[csr_array, ...]  # lexical, one an n-gram length
    dense: Float32Array  # embeddings of length 1

    @property
    def n_lexical(self) -> int:
        """Number of lexical features."""
        return sum(block.shape[1] for block in self.blocks)

    def stacked(self, embedding_weight: float) -> csr_array | Float32Array:
        """All side by side, for estimators that take one matrix.

        Parameters
        ----------
        embedding_weight : float
            Factor of the embedding.

        Returns
        -------
        csr_array or ndarray of shape (n_texts, n_features), dtype float32
            Sparse where there are lexical features.
        """
        dense = self.dense * np.float32(embedding_weight)
        if not self.blocks:
            return dense
        return hstack([*self.blocks, csr_array(dense)], format="csr")


def fit_lexical(
    tokens: TokenIds,
    n_tokens: int,
    ngram_range: tuple[int, int] | None,
    sample_weight: npt.NDArray[np.float64] | None,
) -> tuple[list[NgramTfidf], tuple[csr_array, ...]]:
    """Learn the lexical features of texts: a block of TF-IDF for each length of n-gram.

    Each block is scaled to length 1 for itself, so that the many n-grams that occur
    once do not drown the tokens.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    n_tokens : int
        Number of tokens of the tokenizer.
    ngram_range : tuple of (int, int) or None
        Shortest and longest n-gram. None for no lexical features.
    sample_weight : ndarray of shape (n_texts,) or None
        How often each text counts.

    Returns
    -------
    vectorizers : list of NgramTfidf
        Without those that found nothing to count.
    blocks : tuple of csr_array of shape (n_texts, n_features), dtype float32
        The features of the texts.
    """
    if ngram_range is None:
        return [], ()
    first, last = ngram_range
    fitted = []
    for n in range(first, last + 1):
        vectorizer = NgramTfidf((n, n), sublinear_tf=True)
        block = vectorizer.fit_transform(tokens, n_tokens, sample_weight)
        if vectorizer.n_features:
            fitted.append((vectorizer, block))
    return [it[0] for it in fitted], tuple(it[1] for it in fitted)


def embed(embedding: StaticEmbedding, tokens: TokenIds) -> Float32Array:
    """Embeddings of length 1, whatever the model says about length.

    Parameters
    ----------
    embedding : StaticEmbedding
        The model.
    tokens : TokenIds
        Ids of the texts.

    Returns
    -------
    ndarray of shape (n_texts, dim), dtype float32
        The embeddings; zeros for a text without known tokens.
    """
    rows = mean_vectors(
        tokens, embedding._matrix, embedding.weights, embedding.token_mapping
    )
    normalize_rows(rows)
    return rows
