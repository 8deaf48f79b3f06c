"""Make vectors smaller: fewer bits, fewer rows.

Dimensions are cut first, so that neither clusters nor scales are spent on what is not
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted
from sk_m2v.embedding.storage._parts import Parts

Quantized = tuple[npt.NDArray[Any], npt.NDArray[np.float32] | None]


def _float32(vectors: npt.NDArray[Any]) -> Quantized:
    return vectors.astype(np.float32, copy=False), None


def _float16(vectors: npt.NDArray[Any]) -> Quantized:
    with np.errstate(over="ignore"):
        half = vectors.astype(np.float16, copy=False)
    if not np.isfinite(half).all():
        largest = np.abs(vectors).max()
        raise ValueError(
            f"the largest value of the vectors, {largest:g}, does not fit into float16 "
            "(65504 at most): use quantize_to='float32' or 'int8'"
        )
    return half, None


def _int8(vectors: npt.NDArray[Any]) -> Quantized:
    """Round each row to 255 levels between minus and plus its largest absolute value.

    One scale a row keeps rare tokens, whose vectors differ in length by orders of
    magnitude from frequent ones, as exact as frequent ones.
    """
    if vectors.dtype == np.int8:
        return vectors, None
    rows = vectors.astype(np.float32, copy=False)
    scale = np.abs(rows).max(axis=1, initial=0) / np.float32(127)
    scale[scale == 0] = 1  # a row of zeros
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


#: Allowed values of `quantize_to`, with the function that turns vectors of shape
#: (n_rows, dim) into stored vectors and, or None, a factor for each row.
PRECISIONS: dict[str, Callable[[npt.NDArray[Any]], Quantized]] = {
    "float32": _float32,
    "float16": _float16,
    "int8": _int8,
}


def check_precision(quantize_to: str) -> None:
    """Refuse a type that vectors cannot be stored in.

    Parameters
    ----------
    quantize_to : str
        What the user asks for.

    Raises
    ------
    ValueError
        If it is no key of `PRECISIONS`.
    """
    if quantize_to == "float64":
        raise ValueError(
            "quantize_to='float64' would only take twice the room: vectors are learnt, "
            "and added up, in float32"
        )
    if quantize_to not in PRECISIONS:
        raise ValueError(
            f"quantize_to must be one of {list(PRECISIONS)}, got {quoted(quantize_to)}"
        )


def shrink(
    parts: Parts,
    quantize_to: str | None,
    dimensionality: int | None,
    vocabulary_quantization: int | None,
) -> Parts:
    """Cut dimensions, then cluster vectors, then round them.

    Parameters
    ----------
    parts : Parts
        The model.
    quantize_to : str or None
        One of `PRECISIONS`.
    dimensionality : int or None
        Number of dimensions to keep.
    vocabulary_quantization : int or None
        Number of vectors to keep.

    Returns
    -------
    Parts
        The smaller model.

    Raises
    ------
    ValueError
        If an argument is not possible for this model.
    """
    vectors, weights, mapping = parts.vectors, parts.weights, parts.token_mapping
    check_count("dimensionality", dimensionality, vectors.shape[1], "dimensions")
    check_count(
        "vocabulary_quantization", vocabulary_quantization, len(vectors), "rows"
    )
    if quantize_to is not None:
        check_precision(quantize_to)
    if dimensionality is not None:
        vectors = np.ascontiguousarray(vectors[:, :dimensionality])
    if vocabulary_quantization is not None:
        if mapping is not None:
            raise ValueError(
                f"the vocabulary is already quantized, to {len(vectors)} vectors"
            )
        rows = vectors.astype(np.float32, copy=False)
        if weights is not None:
            rows = (rows * weights[:, None]).astype(np.float32)
        rows, weights, mapping = _cluster_directions(rows, vocabulary_quantization)
        # int8 vectors go back to int8 below; floats keep their type.
        vectors = rows if vectors.dtype == np.int8 else rows.astype(vectors.dtype)
        if quantize_to is None and parts.vectors.dtype == np.int8:
            quantize_to = "int8"
    if quantize_to is not None:
        vectors, scale = PRECISIONS[quantize_to](vectors)
        if scale is not None:
            factors = scale if mapping is None else scale[mapping]
            weights = factors if weights is None else weights * factors
    return replace(parts, vectors=vectors, weights=weights, token_mapping=mapping)


def check_count(name: str, count: int | None, limit: int, what: str) -> None:
    """Refuse what is no count, or too large a one.

    Parameters
    ----------
    name : str
        Parameter that it is the value of.
    count : int or None
        The value; None is always good.
    limit : int
        The largest that is possible.
    what : str
        What is counted.

    Raises
    ------
    ValueError
        If it is neither None nor a whole number from 1 to `limit`.
    """
    if count is not None and (
        isinstance(count, bool)
        or not isinstance(count, (int, np.integer))
        or not 1 <= count <= limit
    ):
        raise ValueError(
            f"{name} must be None or a whole number from 1 to {limit}, the {what} of "
            f"the model, got {count!r}"
        )


def cluster_rows(
    rows: npt.NDArray[np.float32], n_clusters: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Replace rows by the nearest of a few.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, dim), dtype float32
        The rows.
    n_clusters : int
        How many to keep.

    Returns
    -------
    centers : ndarray of shape (n_clusters, dim), dtype float32
        The centres of k-means.
    mapping : ndarray of shape (n_rows,), dtype int32
        The centre of each row.

    Raises
    ------
    ValueError
        If there are fewer rows than that.

    Notes
    -----
    The procedure, its seed included, is that of model2vec 0.10
    (``quantize_vocabulary``), so that both give the same centres.
    """
    from sklearn.cluster import KMeans

    check_count("vocabulary_quantization", n_clusters, len(rows), "rows")
    kmeans = KMeans(n_clusters=n_clusters, random_state=42, init="random").fit(rows)
    return (
        kmeans.cluster_centers_.astype(np.float32),
        kmeans.predict(rows).astype(np.int32),
    )


def _cluster_directions(
    vectors: npt.NDArray[np.float32], n_clusters: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Replace vectors by the nearest of a few directions, each with its own length.

    Parameters
    ----------
    vectors : ndarray of shape (n_tokens, dim)
        One vector a token.
    n_clusters : int
        Number of directions to keep.

    Returns
    -------
    centers : ndarray of shape (n_clusters, dim), dtype float32
        The directions.
    weights : ndarray of shape (n_tokens,), dtype float32
        Length of each token's vector.
    token_mapping : ndarray of shape (n_tokens,), dtype int32
        The direction of each token.
    """
    weights = np.linalg.norm(vectors, axis=1) + 1e-32
    directions = (vectors / weights[:, None]).astype(np.float32)
    centers, token_mapping = cluster_rows(directions, n_clusters)
    return centers, weights.astype(np.float32), token_mapping
