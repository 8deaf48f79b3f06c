"""Training data, from what a user gives to what is learnt from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_consistent_length

from sk_m2v._sklearn import FitTask
from sk_m2v.embedding import StaticEmbedding, TokenIds
from sk_m2v.train.features._features import Features
from sk_m2v.train.labels._split import split_off


@dataclass(frozen=True)
class TrainingData:
    """Texts and their targets, read and checked, before anything is tokenized.

    Attributes
    ----------
    texts : list of str
        The texts.
    targets : ndarray of shape (n_texts, ...)
        Class indices, which labels, or numbers.
    weight : ndarray of shape (n_texts,) or None
        How much each text counts; None is 1.
    held_out : TrainingData or None
        Texts to validate with.
    y : object
        The targets as `fit` was given them, for callbacks.
    """

    texts: list[str]
    targets: npt.NDArray[Any]
    weight: npt.NDArray[np.float64] | None = None
    held_out: TrainingData | None = None
    y: Any = None

    def __post_init__(self) -> None:
        check_consistent_length(self.texts, self.targets)

    def split(
        self, fraction: float | None, random_state: np.random.RandomState
    ) -> TrainingData:
        """Leave out texts of weight 0, and hold out some unless there are such.

        Parameters
        ----------
        fraction : float or None
            Part of the texts to hold out. None holds out none.
        random_state : RandomState
            Who draws.

        Returns
        -------
        TrainingData
            What is left to learn from.
        """
        n_texts, held_out = len(self.texts), self.held_out
        keep = np.arange(n_texts) if self.weight is None else self.weight.nonzero()[0]
        if held_out is None and fraction is not None:
            kept, out = split_off(self.targets[keep], fraction, random_state)
            held_out = TrainingData(*self._rows(keep[out]))
            keep = keep[kept]
        if len(keep) == n_texts:
            return replace(self, held_out=held_out)
        weight = None if self.weight is None else self.weight[keep]
        return TrainingData(*self._rows(keep), weight, held_out)

    def _rows(self, rows: npt.NDArray[np.intp]) -> tuple[list[str], npt.NDArray[Any]]:
        return [self.texts[i] for i in rows], self.targets[rows]


class Texts(NamedTuple):
    """Texts as an estimator sees them."""

    tokens: TokenIds
    features: Features


@dataclass(frozen=True)
class Part:
    """Texts to train on or to validate with, and their targets."""

    tokens: TokenIds
    features: Features
    Y: npt.NDArray[Any]  # class indices, which labels, or numbers
    weights: npt.NDArray[np.float64]  # a text, or a text and label

    def rows(self, index: npt.NDArray[np.intp]) -> Part:
        """Some of the texts.

        Parameters
        ----------
        index : ndarray of int
            Which ones.

        Returns
        -------
        Part
            The same of them.
        """
        blocks, dense = self.features
        return Part(
            self.tokens.rows(index),
            Features(tuple(it[index] for it in blocks), dense[index]),
            self.Y[index],
            self.weights[index],
        )


@dataclass(frozen=True)
class Task:
    """All that learning needs.

    Attributes
    ----------
    embedding : StaticEmbedding
        Where training starts.
    train : Part
        What to learn from.
    validation : Part or None
        What to validate with.
    random_state : RandomState
        Source of whatever is random.
    resume : bool
        Whether to go on from what the estimator has learnt before.
    fit : FitTask
        What callbacks of scikit-learn follow.
    known : dict
        Fitted attributes that do not depend on what is learnt.
    """

    embedding: StaticEmbedding
    train: Part
    validation: Part | None
    random_state: np.random.RandomState
    resume: bool
    fit: FitTask
    known: dict[str, Any]
