"""Fit the vectors of tokens to the sentences of a corpus.

Four steps, each in a file of its own: a prior is mapped into the space of the teacher's
sentences, a regression moves it as far as the sentences ask for (`_ridge`), the result
is rotated onto few axes (`_reduce`), and similarities of sentences are fitted to those
of the teacher (`_neighbours`). Last, one dimension is spent on a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from sk_m2v._messages import quoted
from sk_m2v._progress import stage
from sk_m2v._sklearn import FitTask
from sk_m2v.distill.corpus._neighbours import fit_neighbours
from sk_m2v.distill.corpus._reduce import rotation, sentence_axes
from sk_m2v.distill.corpus._ridge import (
    align_prior,
    choose_alpha,
    explained_variance,
    solve_ridge,
    token_shares,
)
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.embedding.tokens._tokens import load_backend, token_ids, vocabulary_size

FloatArray = npt.NDArray[np.float32]


# First number of every token's vector, in lengths of a sentence. Means are normalised,
# which forgets how long they were: words that do not agree have a short mean, and say
# little. Beside a constant they stay short, hence alike. Of 0.2, 0.3, 0.4 and 0.5, this
# did best on the validation part of STS-B.
_CONSTANT = 0.4


class Corpus(NamedTuple):
    """Texts as counts of tokens.

    Attributes
    ----------
    texts : list of str
        Those that have known tokens.
    shares : csr_array of shape (n_texts, n_tokens), dtype float32
        Share of each token in each of them.
    counts : ndarray of shape (n_tokens,), dtype int64
        Occurrences of each token.
    """

    texts: list[str]
    shares: csr_array
    counts: npt.NDArray[np.int64]


def read_corpus(texts: list[str], tokenizer: str, max_length: int | None) -> Corpus:
    """Count the tokens of texts.

    Parameters
    ----------
    texts : list of str
        The texts.
    tokenizer : str
        Contents of a ``tokenizer.json``.
    max_length : int or None
        Tokens that the teacher reads of a text; the others are not counted.

    Returns
    -------
    Corpus
        The texts of which something is known, and their tokens.

    Raises
    ------
    ValueError
        If there are fewer than two different texts with known tokens.
    """
    n_tokens = vocabulary_size(tokenizer)
    ids, offsets = token_ids(load_backend(tokenizer), texts, max_length)
    known = np.diff(offsets) > 0
    kept = [
        text for text, is_known in zip(texts, known.tolist(), strict=True) if is_known
    ]
    if len(set(kept)) < 2:
        raise ValueError(
            f"X has {len(set(kept))} different texts with known tokens among "
            f"n_samples={len(texts)}, and a minimum of 2 is required, since vectors "
            "are fitted to the differences between texts: pass more of them, or None "
            "to distil the vocabulary alone"
        )
    offsets = np.concatenate([offsets[:1], offsets[1:][known]])
    shares = token_shares(TokenIds(ids, offsets), n_tokens)
    return Corpus(kept, shares, np.bincount(ids, minlength=n_tokens))


class Space(NamedTuple):
    """Where the vectors of one teacher are, and what is known of tokens there.

    Attributes
    ----------
    teacher : str
        What to call it, in errors.
    columns : slice
        Which columns of those of all teachers.
    weight : float
        How long its vectors are beside those of other teachers.
    prior : ndarray of shape (n_tokens, dim_prior), dtype float32
        Vectors of the tokens before any sentence was read, in any space.
    """

    teacher: str
    columns: slice
    weight: float
    prior: FloatArray


class CorpusFit(NamedTuple):
    """Vectors fitted to a corpus, and how well they fit.

    Attributes
    ----------
    vectors : ndarray of shape (n_tokens, n_components), dtype float32
        One vector a token.
    alpha : float
        Weight of the prior in the regression.
    r2 : float
        Share of the variance of the teacher's sentences that the regression explains.
    n_iter : int
        Steps of its solver.
    """

    vectors: FloatArray
    alpha: float
    r2: float
    n_iter: int


def fit_corpus(
    shares: csr_array,
    targets: FloatArray,
    spaces: Sequence[Space],
    *,
    alpha: float | str,
    pca_dims: Any,
    refine_steps: int,
    random_state: np.random.RandomState,
    n_jobs: int | None,
    verbose: bool,
    fit: FitTask,
) -> CorpusFit:
    """Fit vectors of tokens to the sentences of one teacher or several.

    Parameters
    ----------
    shares : csr_array of shape (n_sentences, n_tokens)
        Share of each token in each sentence.
    targets : ndarray of shape (n_sentences, dim), dtype float32
        Vectors of the sentences, those of all teachers side by side. They are centred
        and scaled in place, those of each teacher on their own.
    spaces : sequence of Space
        One for each teacher.
    alpha : float or "auto"
        Weight of the prior.
    pca_dims : int, float, "auto" or None
        Dimensions of the result, as in `sentence_axes`. None leaves the vectors in the
        space of the teacher, and ends with the regression.
    refine_steps : int
        Batches by which similarities are fitted.
    random_state : RandomState
        Draws held-out sentences and batches.
    n_jobs : int or None
        Number of threads of the solver.
    verbose : bool
        Whether to say what is done, and to show progress bars.
    fit : FitTask
        Has the regression, and what comes after it, as steps.

    Returns
    -------
    CorpusFit
        The vectors, and how well they fit.

    Raises
    ------
    ValueError
        If a teacher gives all sentences the same vector.
    """
    total = float(np.linalg.norm([space.weight for space in spaces]))
    for space in spaces:
        _standardize(
            targets[:, space.columns], space.weight / total, name=space.teacher
        )
    with stage("DistillTransformer", "regression", verbose), fit.step("regression"):
        # A teacher's prior says most of its own vectors.
        prior = np.hstack(
            [align_prior(it.prior, shares, targets[:, it.columns]) for it in spaces]
        )
        if isinstance(alpha, str):
            alpha = choose_alpha(
                shares, targets, prior, random_state=random_state, n_jobs=n_jobs
            )
        vectors, n_iter = solve_ridge(shares, targets, prior, alpha, n_jobs=n_jobs)
    r2 = explained_variance(shares, targets, vectors)
    if pca_dims is not None:
        axes, n_components = sentence_axes(targets, pca_dims)
        n_axes = max(n_components - 1, 1)
        vectors = fit_neighbours(
            shares,
            targets @ axes,
            vectors @ axes[:, :n_axes],
            n_steps=refine_steps,
            random_state=random_state,
            verbose=verbose,
            fit=fit,
        )
        sentences = shares @ vectors
        vectors = vectors @ rotation(sentences)
        if n_components > 1:
            size = np.sqrt(np.vdot(sentences, sentences) / len(sentences))
            constant = np.full((len(vectors), 1), _CONSTANT * size, np.float32)
            vectors = np.hstack([constant, vectors])
    return CorpusFit(vectors, float(alpha), r2, n_iter)


def _standardize(targets: FloatArray, length: float, *, name: str) -> None:
    """Centre vectors and scale them to a length on average, in place.

    Only directions matter, and a teacher may have any scale: float32 and float16 do
    not.
    """
    # In double precision, which squares of any float32 fit into.
    energy = np.einsum("ij,ij->", targets, targets, dtype=np.float64)
    targets -= targets.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = np.einsum("ij,ij->", targets, targets, dtype=np.float64)
    # What rounding leaves of vectors that are equal.
    if centred <= energy * np.finfo(np.float32).eps ** 2:
        raise ValueError(
            f"the teacher {quoted(name)} gives all {len(targets)} sentences the same "
            "vector, so there is nothing to learn from it: check the teacher, or pass "
            "more texts"
        )
    targets /= np.float32(np.sqrt(centred / len(targets)) / length)
