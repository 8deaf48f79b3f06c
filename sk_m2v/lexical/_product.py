"""Sparse features as a product of two matrices, to be multiplied by weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt
from scipy.sparse import csr_array


class Product(NamedTuple):
    """Features that are those of parts, summed.

    Attributes
    ----------
    of_texts : csr_array of shape (n_texts, n_parts), dtype float32
        How much each part is in each text.
    of_parts : csr_array of shape (n_parts, n_features), dtype float32
        Features of the parts.
    """

    of_texts: csr_array
    of_parts: csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of texts and features."""
        return self.of_texts.shape[0], self.of_parts.shape[1]

    def __matmul__(self, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Multiply by weights of the features: once a part, however many have it."""
        product: npt.NDArray[Any] = self.of_texts @ (self.of_parts @ weights)
        return product

    def matrix(self) -> csr_array:
        """The features as one matrix.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features, in canonical form.
        """
        matrix = self.of_texts @ self.of_parts
        matrix.sort_indices()
        return matrix


def as_matrix(features: csr_array | Product) -> csr_array:
    """Features as one matrix, whether they are a product or not.

    Parameters
    ----------
    features : csr_array or Product of shape (n_texts, n_features)
        The features.

    Returns
    -------
    csr_array of shape (n_texts, n_features), dtype float32
        The same.
    """
    return features.matrix() if isinstance(features, Product) else features
