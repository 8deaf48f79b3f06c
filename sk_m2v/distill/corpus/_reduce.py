"""Fewer dimensions, and less weight for frequent tokens."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.floating[Any]]
Components = int | float | Literal["auto"]

_PSEUDO_TOKENS = 10_000


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
    return _sif_weights(_zipf(n_tokens), sif_coefficient)


def corpus_weights(
    counts: npt.NDArray[np.integer[Any]], sif_coefficient: float
) -> npt.NDArray[np.float64]:
    """Weights of tokens by their frequency in a corpus.

    Parameters
    ----------
    counts : ndarray of shape (n_tokens,)
        Occurrences of each token.
    sif_coefficient : float
        The smaller, the less frequent tokens weigh: the weight is a / (a + p).

    Returns
    -------
    ndarray of shape (n_tokens,), dtype float64
        The weights, between 0 and 1.

    Notes
    -----
    The corpus counts as 10,000 tokens more, spread by Zipf's law as in `zipf_weights`:
    a small one does not have all frequent words.

    Examples
    --------
    >>> corpus_weights(np.array([0, 90_000, 0]), 0.1).round(3)
    array([0.684, 0.097, 0.812])
    """
    smoothed = counts + _PSEUDO_TOKENS * _zipf(len(counts))
    return _sif_weights(smoothed / smoothed.sum(), sif_coefficient)


def _zipf(n_tokens: int) -> npt.NDArray[np.float64]:
    """Probabilities of tokens by their rank."""
    inverse_rank = 1 / np.arange(2, n_tokens + 2)
    probability: npt.NDArray[np.float64] = inverse_rank / inverse_rank.sum()
    return probability


def weigh(
    vectors: npt.NDArray[np.float32],
    sif_coefficient: float | None,
    counts: npt.NDArray[np.integer[Any]] | None,
) -> npt.NDArray[np.float32]:
    """Centre vectors of tokens, and make those of frequent ones shorter.

    Parameters
    ----------
    vectors : ndarray of shape (n_tokens, dim), dtype float32
        The vectors.
    sif_coefficient : float or None
        As in `corpus_weights`. None only centres.
    counts : ndarray of shape (n_tokens,) or None
        Occurrences of each token. None goes by their ids.

    Returns
    -------
    ndarray of shape (n_tokens, dim), dtype float32
        The new vectors.
    """
    vectors = vectors - vectors.mean(axis=0)
    if sif_coefficient is None:
        return vectors
    if counts is None:
        weights = zipf_weights(len(vectors), sif_coefficient)
    else:
        weights = corpus_weights(counts, sif_coefficient)
    return vectors * weights[:, None].astype(np.float32)


def _sif_weights(
    probability: npt.NDArray[np.float64], sif_coefficient: float
) -> npt.NDArray[np.float64]:
    weights: npt.NDArray[np.float64] = sif_coefficient / (sif_coefficient + probability)
    return weights


def pca(vectors: Vectors, n_components: Components | None) -> Vectors:
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
    n_components = _at_most(n_components, dim)
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
    n_components = _count(n_components, variances)
    return _upright(centred @ axes[:, :n_components])


def sentence_axes(
    sentences: npt.NDArray[np.float32], n_components: Components
) -> tuple[npt.NDArray[np.float32], int]:
    """Axes on which sentences of a teacher differ most, the large ones shortened.

    Parameters
    ----------
    sentences : ndarray of shape (n_sentences, dim), dtype float32
        The teacher's vectors, centred.
    n_components : int, float or "auto"
        Axes to keep: so many, or as many as explain this share of the variance, or all;
        `dim`, with a warning, where that is more.

    Returns
    -------
    axes : ndarray of shape (dim, dim), dtype float32
        The axes in columns, those of largest variance first, each divided by the fourth
        root of its variance, but for one factor for all.
    n_components : int
        How many to keep.

    Notes
    -----
    A few directions have most of the variance of a teacher's vectors, often without
    saying much about meaning. Dividing by the standard deviation (whitening) would make
    noise as large as them; its square root, halfway, did best on the validation part of
    STS-B. With few sentences, variances are shrunk towards their mean [1]_.

    References
    ----------
    .. [1] Ledoit and Wolf, "A well-conditioned estimator for large-dimensional
       covariance matrices" (2004).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sentences = rng.normal(size=(9999, 2)).astype(np.float32) * [16, 1]
    >>> axes, n_components = sentence_axes(sentences, 0.9)
    >>> (sentences @ axes[:, :n_components]).std(axis=0).round()
    array([16.])
    >>> (sentences @ axes).std(axis=0).round()
    array([16.,  4.])
    """
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(sentences, assume_centered=True)
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = np.clip(variances[::-1], 0, None), axes[:, ::-1]
    dim = len(axes)
    kept = _count(_at_most(n_components, dim), variances)
    # Where a teacher does not use all its dimensions, nothing is divided by zero.
    relative = np.maximum(variances / variances[0], 1e-6)
    return (axes * relative**-0.25).astype(np.float32), kept


def rotation(sentences: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rotation after which the first dimensions of sentences say most.

    Parameters
    ----------
    sentences : ndarray of shape (n_sentences, dim), dtype float32
        Vectors of sentences.

    Returns
    -------
    ndarray of shape (dim, dim), dtype float32
        Orthogonal: lengths and angles remain. The largest entry of each column, by
        absolute value, is positive.

    Examples
    --------
    >>> sentences = np.array([[0.0, 1.0], [0.0, 3.0], [1.0, 2.0]], dtype=np.float32)
    >>> sentences @ rotation(sentences)
    array([[1., 0.],
           [3., 0.],
           [2., 1.]], dtype=float32)
    """
    centred = sentences - sentences.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    return _upright(axes).astype(np.float32)


def _at_most(n_components: Components, dim: int) -> int | float:
    if n_components == "auto":
        return dim
    if n_components > dim:
        warnings.warn(
            f"pca_dims={n_components} is more than the {dim} dimensions of the "
            f"teacher: keeping {dim}. Use pca_dims='auto' to keep all of them",
            stacklevel=3,
        )
        return dim
    return n_components


def _count(n_components: int | float, variances: Vectors) -> int:
    """Turn a share of the variance into a number of components."""
    if isinstance(n_components, float):
        explained = np.cumsum(variances) / variances.sum()
        return min(int(np.searchsorted(explained, n_components)) + 1, len(variances))
    return n_components


def _upright(columns: Vectors) -> Vectors:
    """Make the largest entry of each column positive: axes have no direction."""
    largest = np.abs(columns).argmax(axis=0)
    upright: Vectors = columns * np.sign(columns[largest, np.arange(columns.shape[1])])
    return upright
