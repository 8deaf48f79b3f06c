"""What the classifiers see of a text: TF-IDF of its tokens, and its embedding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack, vstack

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._pooling import normalize_rows
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._deferred import Deferred, as_matrix
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.lexical._spelling import spelled_tokens

Float32Array = npt.NDArray[np.float32]
Block: TypeAlias = csr_array | Deferred  # lexical features of one kind


class Features(NamedTuple):
    """Features of some texts."""

    blocks: tuple[Block, ...]  # lexical, each scaled for itself
    dense: Float32Array  # embeddings of length 1

    @property
    def n_lexical(self) -> int:
        """Number of lexical features."""
        return sum(block.shape[1] for block in self.blocks)

    def rows(self, rows: npt.NDArray[np.intp]) -> Features:
        """Features of some of the texts, in any order.

        Parameters
        ----------
        rows : ndarray of int
            Which ones.

        Returns
        -------
        Features
            Their rows.
        """
        blocks = tuple(as_matrix(block)[rows] for block in self.blocks)
        return Features(blocks, self.dense[rows])

    def followed_by(self, others: Features) -> Features:
        """Features of these texts, and then of others.

        Parameters
        ----------
        others : Features
            Of the others.

        Returns
        -------
        Features
            Of all.
        """
        pairs = zip(self.blocks, others.blocks, strict=True)
        blocks = tuple(
            vstack([as_matrix(mine), as_matrix(theirs)], format="csr")
            for mine, theirs in pairs
        )
        return Features(blocks, np.concatenate([self.dense, others.dense]))

    def lexical(self) -> csr_array:
        """Lexical features, side by side.

        Returns
        -------
        csr_array of shape (n_texts, n_lexical), dtype float32
            The features; of no columns if there are none.
        """
        blocks = map(as_matrix, self.blocks)
        nothing = csr_array((len(self.dense), 0), dtype=np.float32)
        return hstack([nothing, *blocks], format="csr")

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
        return hstack([self.lexical(), csr_array(dense)], format="csr")


class NgramRanges(NamedTuple):
    """Shortest and longest n-grams that are lexical features."""

    tokens: tuple[int, int]
    letters: tuple[int, int] | None


def fit_lexical(
    tokens: TokenIds,
    embedding: StaticEmbedding,
    ngrams: NgramRanges | None,
    sample_weight: npt.NDArray[np.float64] | None,
) -> tuple[list[NgramTfidf], tuple[csr_array, ...]]:
    """Learn the lexical features of texts.

    They are a block of TF-IDF for each length of n-gram of tokens, and one of n-grams
    of letters. Of these, only what several texts have is worth its time.

    Each block is scaled to length 1 for itself, so that the many n-grams that occur
    once do not drown the tokens.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    embedding : StaticEmbedding
        The model whose tokens these are.
    ngrams : NgramRanges or None
        Which n-grams. None for no lexical features.
    sample_weight : ndarray of shape (n_texts,) or None
        How often each text counts.

    Returns
    -------
    vectorizers : list of NgramTfidf
        Without those that found nothing to count.
    blocks : tuple of csr_array of shape (n_texts, n_features), dtype float32
        The features of the texts.
    """
    if ngrams is None:
        return [], ()
    fitted = []
    for vectorizer in _vectorizers(embedding, ngrams):
        block = vectorizer.fit_transform(tokens, embedding.n_tokens, sample_weight)
        if vectorizer.n_features:
            fitted.append((vectorizer, block))
    return [it[0] for it in fitted], tuple(it[1] for it in fitted)


def _vectorizers(
    embedding: StaticEmbedding, ngrams: NgramRanges
) -> Iterator[NgramTfidf]:
    first, last = ngrams.tokens
    for n in range(first, last + 1):
        yield NgramTfidf((n, n), sublinear_tf=True)
    if ngrams.letters is not None:
        spelled = spelled_tokens(embedding)
        yield LetterTfidf(spelled, ngrams.letters, sublinear_tf=True, min_df=2)


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
    rows = embedding._token_vectors.means(tokens)
    normalize_rows(rows)
    return rows
