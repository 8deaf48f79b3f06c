"""Training data, from what a user gives to what is learnt from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    unlabelled : list of str
        Texts without targets.
    y : object
        The targets as `fit` was given them, for callbacks.
    """

    texts: list[str]
    targets: npt.NDArray[Any]
    weight: npt.NDArray[np.float64] | None = None
    held_out: TrainingData | None = None
    unlabelled: list[str] = field(default_factory=list)
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
        return TrainingData(*self._rows(keep), weight, held_out, self.unlabelled)

    def _rows(self, rows: npt.NDArray[np.intp]) -> tuple[list[str], npt.NDArray[Any]]:
        return [self.texts[i] for i in rows], self.targets[rows]


class Texts(NamedTuple):
    """Texts as an estimator sees them."""

    tokens: TokenIds
    features: Features

    def rows(self, index: npt.NDArray[np.intp]) -> Texts:
        """Some of them.

        Parameters
        ----------
        index : ndarray of int
            Which ones, in which order.

        Returns
        -------
        Texts
            Those texts.
        """
        return Texts(self.tokens.rows(index), self.features.rows(index))

    def followed_by(self, others: Texts) -> Texts:
        """These texts, and then others.

        Parameters
        ----------
        others : Texts
            The others.

        Returns
        -------
        Texts
            All of them.
        """
        return Texts(
            self.tokens.followed_by(others.tokens),
            self.features.followed_by(others.features),
        )


@dataclass(frozen=True)
class Part:
    """Texts to train on or to validate with, and their targets."""

    tokens: TokenIds
    features: Features
    Y: npt.NDArray[Any]  # class indices, which labels, or numbers
    weights: npt.NDArray[np.float64]  # a text, or a text and label
    counts: npt.NDArray[np.float64]  # a text, before classes are weighed

    def with_others(
        self,
        others: Texts,
        truth: npt.NDArray[Any],
        answers: npt.NDArray[np.float64],
        weight: float,
    ) -> Part:
        """These texts, and others of which a teacher says something.

        Parameters
        ----------
        others : Texts
            The others.
        truth, answers : ndarray of shape (n_texts, n_classes)
            Shares of classes, or labels, of these texts and of the others.
        weight : float
            How much each of the others counts.

        Returns
        -------
        Part
            All of them, with shares as targets.
        """
        seen = Texts(self.tokens, self.features).followed_by(others)
        more = np.full((len(answers), *self.weights.shape[1:]), weight)
        return Part(
            *seen,
            np.concatenate([truth, answers]).astype(np.float32),
            np.concatenate([self.weights, more]),
            np.concatenate([self.counts, np.full(len(answers), weight)]),
        )

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
        return Part(
            *Texts(self.tokens, self.features).rows(index),
            self.Y[index],
            self.weights[index],
            self.counts[index],
        )


@dataclass(frozen=True)
class Task:
    """All that learning needs.

    Attributes
    ----------
    data : TrainingData
        The texts as they were given.
    embedding : StaticEmbedding
        Where training starts.
    train : Part
        What to learn from.
    unlabelled : Texts
        Texts without targets; often none.
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

    data: TrainingData
    embedding: StaticEmbedding
    train: Part
    unlabelled: Texts
    validation: Part | None
    random_state: np.random.RandomState
    resume: bool
    fit: FitTask
    known: dict[str, Any]
