"""A fitted head as arrays: its forward pass needs NumPy alone.

Scores of a text are a sum of two parts: the lexical features times one weight per
feature and class, and a small network over the embedding. Without hidden layers the
whole is linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from sk_m2v._parameters import public
from sk_m2v.train.features._features import Block

Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]


# Multiplications for which BLAS does not wake its threads. They gain nothing in small
# products, and go on spinning beside other batches and processes for a while.
_MOST_IN_ONE_THREAD = 2**19
_FEWEST_ROWS = 16  # of a product that is worth a call


def _product(rows: FloatArray, weight: FloatArray) -> FloatArray:
    """Product of two matrices, in pieces if that keeps it in one thread."""
    n_rows = _MOST_IN_ONE_THREAD // max(weight.size, 1)
    if len(rows) <= n_rows or n_rows < _FEWEST_ROWS:
        return rows @ weight
    product = np.empty((len(rows), weight.shape[1]))
    for start in range(0, len(rows), n_rows):
        piece = slice(start, start + n_rows)
        np.matmul(rows[piece], weight, out=product[piece])
    return product


@public("sk_m2v.train")
@dataclass(frozen=True)
class Linear:
    """Rows times a matrix of shape (n_inputs, n_outputs), plus a bias."""

    weight: Float32Array
    bias: Float32Array

    def __call__(self, rows: FloatArray) -> FloatArray:
        # In double precision a row's result does not depend on its neighbours.
        return _product(rows, self.weight.astype(np.float64, copy=False)) + self.bias


@public("sk_m2v.train")
@dataclass(frozen=True)
class ReLU:
    """The positive part."""

    def __call__(self, rows: FloatArray) -> FloatArray:
        return np.maximum(rows, 0)


@public("sk_m2v.train")
@dataclass(frozen=True)
class Tanh:
    """The hyperbolic tangent."""

    def __call__(self, rows: FloatArray) -> FloatArray:
        result: FloatArray = np.tanh(rows)
        return result


@public("sk_m2v.train")
@dataclass(frozen=True)
class LayerNorm:
    """Rows of mean 0 and variance 1, scaled and shifted."""

    weight: Float32Array
    bias: Float32Array
    eps: float

    def __call__(self, rows: FloatArray) -> FloatArray:
        centred = rows - rows.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + self.eps)
        result: FloatArray = centred / deviation * self.weight + self.bias
        return result


Layer = Linear | ReLU | Tanh | LayerNorm
LAYERS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Linear, ReLU, Tanh, LayerNorm)
}


@public("sk_m2v.train")
@dataclass(frozen=True)
class Head:
    """What turns the features of texts into one score a class.

    Attributes
    ----------
    layers : tuple of layers
        The network over the embedding, from first to last.
    lexical : ndarray of shape (n_lexical_features, n_outputs), dtype float32
        Weights of the lexical features; of no rows where there are none.
    """

    layers: tuple[Any, ...]
    lexical: Float32Array

    @property
    def linear(self) -> bool:
        """Whether scores are linear in the embedding."""
        return len(self.layers) == 1 and isinstance(self.layers[0], Linear)

    def scores(self, blocks: Sequence[Block], dense: Float32Array) -> FloatArray:
        """Scores of texts.

        Parameters
        ----------
        blocks : sequence of csr_array or Deferred of shape (n_texts, n_features)
            Lexical features; their columns one after another are those of `lexical`.
        dense : ndarray of shape (n_texts, dim), dtype float32
            Embeddings.

        Returns
        -------
        ndarray of shape (n_texts, n_outputs), dtype float64
            The scores.
        """
        rows = dense.astype(np.float64)
        for layer in self.layers:
            rows = layer(rows)
        lexical = self.lexical_scores(blocks)
        return rows if lexical is None else rows + lexical

    def lexical_scores(self, blocks: Sequence[Block]) -> FloatArray | None:
        """Part of the scores that comes from the lexical features.

        Parameters
        ----------
        blocks : sequence of csr_array or Deferred of shape (n_texts, n_features)
            As in `scores`.

        Returns
        -------
        ndarray of shape (n_texts, n_outputs), or None
            None where there are no lexical features.
        """
        scores = None
        start = 0
        for block in blocks:
            part = block @ self.lexical[start : start + block.shape[1]]
            scores = part if scores is None else scores + part
            start += block.shape[1]
        return scores

    def probabilities(
        self, blocks: Sequence[Block], dense: Float32Array, *, multilabel: bool
    ) -> FloatArray:
        """Probabilities of classes, which sum to 1, or of labels, each for itself.

        Parameters
        ----------
        blocks, dense : sequence of csr_array or Deferred, ndarray
            As in `scores`.
        multilabel : bool
            Whether a text can have any number of labels.

        Returns
        -------
        ndarray of shape (n_texts, n_outputs), dtype float64
            The probabilities.
        """
        return to_probabilities(self.scores(blocks, dense), multilabel=multilabel)


def to_probabilities(scores: FloatArray, *, multilabel: bool) -> FloatArray:
    """Probabilities of classes, which sum to 1, or of labels, each for itself.

    Parameters
    ----------
    scores : ndarray of shape (n_texts, n_classes)
        The scores.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), dtype float64
        The probabilities.
    """
    if multilabel:
        probabilities: FloatArray = expit(scores)
        return probabilities
    # As `scipy.special.softmax`, which takes as long as the rest for few texts.
    shares: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
