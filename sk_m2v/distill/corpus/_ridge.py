"""Vectors of tokens whose means come as near as can be to a teacher's sentences.

A static embedding is linear: with `A` the share of each token in each sentence, the
vectors `E` of the tokens give the sentences `A @ E`. The teacher's vectors `T` of the
same sentences are known, so `E` is a regression. Where sentences say little about a
token, and most tokens are rare, it stays near a prior.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.sparse import csr_array

from sk_m2v.embedding._pooling import count_matrix
from sk_m2v.embedding.tokens._backends import TokenIds

FloatArray = npt.NDArray[np.float32]

# Residual at which to stop, relative to that of the prior: further steps change neither
# the share of variance explained nor similarities in the third digit.
_TOLERANCE = 1e-2
_MAX_STEPS = 100
# Columns that are solved together: their vectors fit the processor's cache.
_BLOCK = 64
# Sentences from which the map of the prior is learnt: it has dim x dim numbers only.
_MOST_FOR_MAP = 20_000
# Candidates of alpha="auto", and the sentences that judge them.
_ALPHAS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
_MOST_HELD_OUT = 2_000


class RidgeFit(NamedTuple):
    """Solution of the regression.

    Attributes
    ----------
    vectors : ndarray of shape (n_tokens, dim), dtype float32
        One vector a token.
    n_iter : int
        Steps of conjugate gradients.
    """

    vectors: FloatArray
    n_iter: int


def token_shares(tokens: TokenIds, n_tokens: int) -> csr_array:
    """Share of each token in each sentence.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the sentences.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    csr_array of shape (n_sentences, n_tokens), dtype float32
        Rows sum to 1; those of sentences without tokens are empty.
    """
    shares = count_matrix(*tokens, n_tokens)
    lengths = np.diff(shares.indptr)
    shares.data /= np.repeat(lengths, lengths)
    shares.sum_duplicates()
    return shares


def align_prior(
    prior: FloatArray, shares: csr_array, targets: FloatArray
) -> FloatArray:
    """Map the vectors of a prior linearly into the space of the teacher's sentences.

    A token on its own is no sentence: a teacher gives it a vector that differs from
    what it adds to a sentence, mostly in the same way for all tokens. One linear map
    for all of them, fitted to the sentences, takes that out, and lets a prior have
    other dimensions than the teacher.

    Parameters
    ----------
    prior : ndarray of shape (n_tokens, dim_prior), dtype float32
        Vectors of the tokens.
    shares : csr_array of shape (n_sentences, n_tokens)
        As of `token_shares`.
    targets : ndarray of shape (n_sentences, dim), dtype float32
        Centred vectors of the sentences.

    Returns
    -------
    ndarray of shape (n_tokens, dim), dtype float32
        The prior in the space of `targets`.

    Notes
    -----
    The map is a ridge regression that shrinks towards a multiple of the identity, or
    towards zero where the dimensions differ, by as much as leave-one-out errors say.
    """
    from sklearn.linear_model import RidgeCV

    some = slice(None, None, -(-len(targets) // _MOST_FOR_MAP))
    sentences: FloatArray = shares[some] @ prior
    targets = targets[some]
    energy = float(np.vdot(sentences, sentences))
    if energy == 0:
        return np.zeros((len(prior), targets.shape[1]), np.float32)
    same_dim = prior.shape[1] == targets.shape[1]
    scale = float(np.vdot(sentences, targets)) / energy if same_dim else 0.0
    rest = targets - scale * sentences if same_dim else targets
    alphas = energy / prior.shape[1] * np.logspace(-4, 2, 7)
    ridge = RidgeCV(alphas, fit_intercept=False).fit(sentences, rest)
    aligned: FloatArray = prior @ ridge.coef_.reshape(targets.shape[1], -1).T
    if same_dim:
        aligned += np.float32(scale) * prior
    return aligned.astype(np.float32, copy=False)


def solve_ridge(
    shares: csr_array,
    targets: FloatArray,
    prior: FloatArray,
    alpha: float,
    *,
    n_jobs: int | None,
) -> RidgeFit:
    """Minimise ``||A E - T||^2 + alpha ||E - E0||^2`` by conjugate gradients.

    Parameters
    ----------
    shares : csr_array of shape (n_sentences, n_tokens)
        `A`, as of `token_shares`.
    targets : ndarray of shape (n_sentences, dim), dtype float32
        `T`, centred.
    prior : ndarray of shape (n_tokens, dim), dtype float32
        `E0`, where to start and what to stay near.
    alpha : float
        Weight of the prior: about how many sentences that consist of a token alone
        outweigh its prior.
    n_jobs : int or None
        Number of threads. None is 1 unless in a joblib context, -1 is all.

    Returns
    -------
    RidgeFit
        The vectors, and how many steps they took.

    Notes
    -----
    The columns of `E` do not depend on each other. Each block of them is solved at
    once, until its residual is small, and blocks run side by side in threads: SciPy's
    products release the GIL.
    """
    transposed = shares.T.tocsr()
    squares = transposed.multiply(transposed).sum(axis=1)
    diagonal = (np.asarray(squares) + alpha).astype(np.float32)[:, None]
    # As many whatever n_jobs is, for the same result.
    n_blocks = -(-targets.shape[1] // _BLOCK)
    blocks = np.array_split(np.arange(targets.shape[1]), n_blocks)
    solved = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_conjugate_gradients)(
            shares,
            transposed,
            np.ascontiguousarray(targets[:, block]),
            np.ascontiguousarray(prior[:, block]),
            np.float32(alpha),
            diagonal,
        )
        for block in blocks
    )
    return RidgeFit(
        np.hstack([vectors for vectors, _ in solved]),
        max(n_iter for _, n_iter in solved),
    )


def _conjugate_gradients(
    shares: csr_array,
    transposed: csr_array,
    targets: FloatArray,
    prior: FloatArray,
    alpha: np.float32,
    diagonal: FloatArray,
) -> tuple[FloatArray, int]:
    """Solve ``(A'A + alpha) D = A'(T - A E0)`` for all columns, and return E0 + D.

    Frequencies of tokens differ by orders of magnitude. Dividing by the diagonal of the
    matrix evens that out, and needs a fifth of the steps.
    """
    residual: FloatArray = transposed @ (targets - shares @ prior)
    solution = np.zeros_like(prior)
    direction = residual / diagonal
    slope = np.einsum("ij,ij->j", residual, direction)
    stop = _TOLERANCE**2 * slope.sum()
    n_iter = 0
    while slope.sum() > stop and n_iter < _MAX_STEPS:
        n_iter += 1
        image: FloatArray = transposed @ (shares @ direction)
        image += alpha * direction
        curvature = np.einsum("ij,ij->j", direction, image)
        # A column that is solved has no direction left.
        step = np.divide(slope, curvature, where=curvature > 0, out=slope * 0)
        solution += step * direction
        residual -= step * image
        scaled = residual / diagonal
        previous, slope = slope, np.einsum("ij,ij->j", residual, scaled)
        direction *= np.divide(slope, previous, where=previous > 0, out=slope * 0)
        direction += scaled
    return prior + solution, n_iter


def choose_alpha(
    shares: csr_array,
    targets: FloatArray,
    prior: FloatArray,
    *,
    random_state: np.random.RandomState,
    n_jobs: int | None,
) -> float:
    """Weight of the prior that explains held-out sentences best.

    Parameters
    ----------
    shares : csr_array of shape (n_sentences, n_tokens)
        As of `token_shares`.
    targets : ndarray of shape (n_sentences, dim), dtype float32
        Centred vectors of the sentences.
    prior : ndarray of shape (n_tokens, dim), dtype float32
        As in `solve_ridge`.
    random_state : RandomState
        Draws the sentences to hold out: a tenth, 2,000 at most.
    n_jobs : int or None
        As in `solve_ridge`.

    Returns
    -------
    float
        One of 0.03, 0.1, 0.3, 1, 3 and 10.
    """
    order = random_state.permutation(len(targets))
    n_held_out = max(1, min(len(order) // 10, _MOST_HELD_OUT))
    held_out, rest = order[:n_held_out], order[n_held_out:]
    known, judges = ((shares[rows], targets[rows]) for rows in (rest, held_out))
    scores = {}
    for alpha in _ALPHAS:
        fit = solve_ridge(*known, prior, alpha, n_jobs=n_jobs)
        scores[alpha] = explained_variance(*judges, fit.vectors)
    return max(scores, key=lambda alpha: scores[alpha])


def explained_variance(
    shares: csr_array, targets: FloatArray, vectors: FloatArray
) -> float:
    """Share of the variance of the targets that vectors explain.

    Parameters
    ----------
    shares : csr_array of shape (n_sentences, n_tokens)
        As of `token_shares`.
    targets : ndarray of shape (n_sentences, dim), dtype float32
        Centred vectors of the sentences.
    vectors : ndarray of shape (n_tokens, dim), dtype float32
        One vector a token.

    Returns
    -------
    float
        1 is exact; 0 no better than their mean, also where all targets are equal.
    """
    total = float(np.vdot(targets, targets))
    error = targets - shares @ vectors
    return 1 - float(np.vdot(error, error)) / total if total > 0 else 0.0
