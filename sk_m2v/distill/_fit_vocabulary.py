"""Distil without texts, as model2vec does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v.distill._settings import model_config
from sk_m2v.distill.corpus._reduce import pca, zipf_weights
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import PRECISIONS, cluster_rows


def fit_vocabulary(
    vectors: npt.NDArray[np.float32],
    tokenizer: str,
    *,
    pca_dims: Any,
    sif_coefficient: float | None,
    quantize_to: str,
    vocabulary_quantization: int | None,
) -> StaticEmbedding:
    """Make a model of the vectors that a teacher gives to tokens.

    Parameters
    ----------
    vectors : ndarray of shape (n_tokens, dim), dtype float32
        The vectors, those of frequent tokens first.
    tokenizer : str
        Contents of a ``tokenizer.json``.
    pca_dims : int, float, "auto" or None
        As in `DistillTransformer`.
    sif_coefficient : float or None
        How much longer the vectors of rare tokens become. None leaves their lengths.
    quantize_to : str
        A key of `PRECISIONS`.
    vocabulary_quantization : int or None
        Number of vectors to keep.

    Returns
    -------
    StaticEmbedding
        The model.
    """
    weights: npt.NDArray[np.floating[Any]] = np.ones(len(vectors))
    if sif_coefficient is not None:
        weights = zipf_weights(len(vectors), sif_coefficient)
    mapping = None
    if vocabulary_quantization is None:
        rows = pca(vectors, pca_dims)
        if sif_coefficient is not None:
            rows = rows * weights[:, None]
        stored, factors = PRECISIONS[quantize_to](rows)
    else:
        # Weights stay apart: tokens of one vector keep their own.
        centers, mapping = cluster_rows(vectors, vocabulary_quantization)
        stored, scale = PRECISIONS[quantize_to](pca(centers, pca_dims))
        factors = weights if scale is None else weights * scale[mapping]
    return StaticEmbedding(
        stored,
        tokenizer,
        weights=factors,
        token_mapping=mapping,
        config=model_config(stored.shape[1], pca_dims, sif_coefficient),
    )
