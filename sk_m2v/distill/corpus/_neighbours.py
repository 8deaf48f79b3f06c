"""Move vectors until sentences have the neighbours that they have for the teacher.

Squared errors of vectors are not what users see: they compare sentences by cosine, and
care about the near ones. A few passes over the sentences, started from the regression,
fit just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from tqdm import trange

from sk_m2v._sklearn import UNFOLLOWED, FitTask

FloatArray = npt.NDArray[np.float32]

# Chosen on the validation part of STS-B, for 35,000 and 300,000 sentences.
_BATCH_SIZE = 1024
_TEMPERATURE = 0.1
_RATE = 1e-3
_WARM_UP = 20
# Times that a sentence is seen at most: with few of them, more steps would learn their
# neighbours by heart.
_EPOCHS = 12
# Of Adam (Kingma and Ba, 2015). The second is shorter than usual: steps are few.
_BETAS = (0.9, 0.99)
_EPSILON = 1e-7


def fit_neighbours(
    shares: csr_array,
    targets: FloatArray,
    vectors: FloatArray,
    *,
    n_steps: int,
    random_state: np.random.RandomState,
    verbose: bool,
    fit: FitTask = UNFOLLOWED,
) -> FloatArray:
    """Fit similarities of sentences to those of a teacher.

    In batches of sentences, the similarities of one to all others, as probabilities
    (softmax of cosines), are compared for the static embedding and the teacher, by
    Kullback-Leibler divergence.

    Parameters
    ----------
    shares : csr_array of shape (n_sentences, n_tokens)
        Share of each token in each sentence.
    targets : ndarray of shape (n_sentences, dim_targets), dtype float32
        The teacher's vectors of the sentences. Only their cosines matter.
    vectors : ndarray of shape (n_tokens, dim), dtype float32
        Vectors of the tokens to start from.
    n_steps : int
        Batches of 1,024 sentences to learn from; fewer where that would be more than 12
        times all of them.
    random_state : RandomState
        Shuffles the sentences.
    verbose : bool
        Whether to show a progress bar.
    fit : FitTask, optional
        Has the batches as steps of a step. A callback can end them.

    Returns
    -------
    ndarray of shape (n_tokens, dim), dtype float32
        The new vectors. Those of tokens that no sentence has stay as they are.

    References
    ----------
    Hinton and Roweis, "Stochastic neighbor embedding" (NIPS 2002), for similarities as
    probabilities; Passalis and Tefas, "Learning deep representations with probabilistic
    knowledge transfer" (ECCV 2018), for their use between teacher and student.
    """
    # Sentences without tokens have no cosine, and one sentence no neighbour.
    rows = np.flatnonzero(np.diff(shares.indptr))
    if rows.size < 2:
        return vectors
    used = np.unique(shares.indices)
    size = float(np.sqrt(np.mean(np.square(vectors[used]).sum(axis=1)))) or 1.0
    # Steps of Adam have a size of their own, so vectors have length 1 on average here.
    adam = _Adam(vectors[used] / np.float32(size))
    columns = shares[:, used]
    n_steps = min(n_steps, -(-_EPOCHS * rows.size // _BATCH_SIZE))
    batches = _batches(rows, random_state)
    refining = fit.begin("refine", n_steps)
    for done in trange(n_steps, desc="refining", unit=" batches", disable=not verbose):
        step, batch = refining.begin("batch"), next(batches)
        gradient = _gradient(columns[batch], targets[batch], adam.values)
        adam.step(
            gradient, _RATE * min(1, (done + 1) / _WARM_UP) * (1 - done / n_steps)
        )
        if step.end():
            break
    refining.end()
    moved = vectors.copy()
    moved[used] = adam.values * np.float32(size)
    return moved


def _batches(
    rows: npt.NDArray[np.intp], random_state: np.random.RandomState
) -> Iterator[npt.NDArray[np.intp]]:
    """Cut rows into batches, shuffled anew each time all were seen."""
    n_batches = max(round(rows.size / _BATCH_SIZE), 1)
    while True:
        yield from np.array_split(random_state.permutation(rows), n_batches)


def _gradient(
    shares: csr_array, targets: FloatArray, vectors: FloatArray
) -> FloatArray:
    """Gradient of the mean divergence of a batch with respect to the vectors."""
    sentences, lengths = _directions(shares @ vectors)
    teacher, _ = _directions(targets)
    excess = _neighbour_shares(sentences) - _neighbour_shares(teacher)
    excess += excess.T.copy()
    excess /= _TEMPERATURE * len(excess)
    inward: npt.NDArray[Any] = excess @ sentences
    # What only changes a sentence's length changes no cosine.
    inward -= (inward * sentences).sum(axis=1, keepdims=True) * sentences
    inward /= lengths
    gradient: FloatArray = shares.T @ inward
    return gradient


def _directions(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths = np.maximum(lengths, np.float32(1e-6))
    return rows / lengths, lengths


def _neighbour_shares(directions: FloatArray) -> FloatArray:
    """Softmax of each row's cosines with all others."""
    # Cosines are at most 1, so nothing overflows without subtracting the largest.
    shares: FloatArray = directions @ directions.T
    shares -= 1
    shares /= _TEMPERATURE
    np.exp(shares, out=shares)
    np.fill_diagonal(shares, 0)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


class _Adam:
    """Values that move along gradients."""

    def __init__(self, values: FloatArray) -> None:
        self.values = values
        self.n_steps = 0
        self._mean = np.zeros_like(values)
        self._square = np.zeros_like(values)

    def step(self, gradient: FloatArray, rate: float) -> None:
        """Move once.

        Parameters
        ----------
        gradient : ndarray of shape (n_rows, dim), dtype float32
            Of the loss. It is overwritten.
        rate : float
            About how far each number moves.
        """
        self.n_steps += 1
        first, second = _BETAS
        self._mean *= first
        self._mean += (1 - first) * gradient
        gradient *= gradient
        self._square *= second
        self._square += (1 - second) * gradient
        size = np.sqrt(self._square / (1 - second**self.n_steps))
        size += _EPSILON
        np.divide(self._mean, size, out=size)
        size *= rate / (1 - first**self.n_steps)
        self.values -= size
