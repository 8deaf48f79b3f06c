"""Fewer dimensions, and less weight for frequent tokens."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.floating[Any]]


def zipf_weights(n_tokens: int, sif_coefficient: float) -> npt.NDArray[np.float64]:
    """Weights that stand in for token frequencies where there is no corpus.

    Tokenizers number their tokens by frequency, roughly, so Zipf's law guesses the
    probability of a token from its id alone: p proportional to 1 / (id + 2).

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    sif_coefficient : float
        The smaller, the less frequent tokens weigh: the weight is a / (a + p).

    Returns
    -------
    ndarray of shape (n_tokens,), dtype float64
        The weights, between 0 and 1, growing with the id.

    References
    ----------
    Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings"
    (ICLR 2017), for the weights (SIF); model2vec 0.10 (``compute_weights``) for the
    ranks.

    Examples
    --------
    >>> zipf_weights(3, 0.1).round(3)
    array([0.178, 0.245, 0.302])
    """
    inverse_rank = 1 / np.arange(2, n_tokens + 2)
    probability = inverse_rank / inverse_rank.sum()
    weights: npt.NDArray[np.float64] = sif_coefficient / (sif_coefficient + probability)
    return weights


def pca(
    vectors: Vectors, n_components: int | float | Literal["auto"] | None
) -> Vectors:
    """Centre vectors and rotate them onto their principal components.

    Parameters
    ----------
    vectors : ndarray of shape (n_tokens, dim)
        The vectors. Computations run in their type.
    n_components : int, float, "auto" or None
        Components to keep: so many, or as many as explain this share of the variance,
        or all; None leaves the vectors as they are. More than `dim` keeps `dim`, with a
        warning, and for no more than `n_components` tokens the vectors stay as they
        are, with a warning.

    Returns
    -------
    ndarray of shape (n_tokens, n_components)
        Coordinates on the components, those of largest variance first. The largest
        coordinate of each component, by absolute value, is positive.

    Notes
    -----
    Eigenvectors of the covariance, as in model2vec 0.10 (``apply_pca``): vectors agree
    with those that it distils.

    Examples
    --------
    >>> import numpy as np
    >>> pca(np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [5.0, 1.0]]), 1).ravel()
    array([-2.,  0., -1.,  3.])
    """
    n_tokens, dim = vectors.shape
    if n_components is None:
        return vectors
    if n_components == "auto":
        n_components = dim
    if n_components > dim:
        warnings.warn(
            f"pca_dims={n_components} is more than the {dim} dimensions of the "
            f"teacher: keeping {dim}. Use pca_dims='auto' to keep all of them",
            stacklevel=2,
        )
        n_components = dim
    if n_components >= n_tokens:
        warnings.warn(
            f"pca_dims={n_components} needs more than {n_components} tokens, and there "
            f"are {n_tokens}: the vectors keep their {dim} dimensions. Use a smaller "
            "number, or pca_dims=None",
            stacklevel=2,
        )
        return vectors
    centred = vectors - vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / (n_tokens - 1))
    variances, axes = np.clip(variances[::-1], 0, None), axes[:, ::-1]
    if isinstance(n_components, float):
        explained = np.cumsum(variances) / variances.sum()
        n_components = int(np.searchsorted(explained, n_components)) + 1
    scores: Vectors = centred @ axes[:, :n_components]
    largest = np.abs(scores).argmax(axis=0)
    scores *= np.sign(scores[largest, np.arange(scores.shape[1])])
    return scores
