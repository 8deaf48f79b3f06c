"""Sparse features that are not made before they are needed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._ngrams import NgramTfidf


class Deferred(NamedTuple):
    """Features of texts, to be multiplied by weights: then no matrix need be made.

    Attributes
    ----------
    vectorizer : NgramTfidf
        What computes them.
    tokens : TokenIds
        Ids of the texts.
    """

    vectorizer: NgramTfidf
    tokens: TokenIds

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of texts and features."""
        return self.tokens.offsets.size - 1, self.vectorizer.n_features

    def __matmul__(self, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Multiply by weights of the features."""
        return self.vectorizer.product(self.tokens, weights)

    def matrix(self) -> csr_array:
        """The features as a matrix.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features, in canonical form.
        """
        return self.vectorizer.transform(self.tokens)


def as_matrix(features: csr_array | Deferred) -> csr_array:
    """Features as a matrix, whether they are one yet or not.

    Parameters
    ----------
    features : csr_array or Deferred of shape (n_texts, n_features)
        The features.

    Returns
    -------
    csr_array of shape (n_texts, n_features), dtype float32
        The same.
    """
    return features.matrix() if isinstance(features, Deferred) else features
