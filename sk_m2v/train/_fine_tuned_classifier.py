"""`FineTunedClassifier`: how FT and PT learn, and go on learning."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed
from sk_m2v._parameters import parameters
from sk_m2v._sklearn import UNFOLLOWED, validates_parameters
from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train._data import Task
from sk_m2v.train._fine_tuning import FineTuned
from sk_m2v.train._parameters import LengthParameter, LossParameters
from sk_m2v.train.heads._fit import as_linear
from sk_m2v.train.heads._head import Head, Linear, to_probabilities
from sk_m2v.train.heads._logistic import fit_logistic
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._scoring import score
from sk_m2v.train.labels._split import split_off

# Of max_epochs="auto". Longer trainings than this gain little for their time.
_MOST_EPOCHS = 20
# A small part can tell wrong: the fewer the texts, the less it may. Of 1,000 texts, up
# to 10 epochs cost no set more than half a point; 20 cost one 0.03 of log-loss, too.
_TEXTS_AN_EPOCH = 100
# Of fewer texts than this, or fewer than two a class, it tells too little. Three epochs
# change little.
_FEWEST_TEXTS = 1_000
_FEW_EPOCHS = 3
_HELD_OUT = 0.2


@parameters
class FineTunedClassifier(
    LengthParameter, FineTuned, LossParameters, BaseStaticClassifier
):
    """What trains embedding and head together, from a logistic regression on."""

    def _n_steps(self) -> int | None:
        return None if self.max_epochs == "auto" else self.max_epochs

    def _learn_classes(
        self, task: Task, labels: Labels, max_epochs: int | None
    ) -> dict[str, Any]:
        from sk_m2v.train.fitting._losses import ClassificationLoss
        from sk_m2v.train.fitting._nets import ClassifierNet

        multilabel, validation = labels.multilabel, task.validation

        def judge(scores: npt.NDArray[np.float64]) -> float:
            assert validation is not None
            probabilities = to_probabilities(scores, multilabel=multilabel)
            return score(labels, validation.Y, self.scoring, probabilities)

        return self._fine_tune(
            task,
            start=self._head if task.resume else self._start(task, labels),
            criterion=ClassificationLoss(
                len(labels.classes_),
                multilabel=multilabel,
                focal_gamma=self.focal_gamma,
                label_smoothing=self.label_smoothing,
            ),
            kind=ClassifierNet,
            judge=judge,
            max_epochs=self._length(task, labels) if max_epochs is None else max_epochs,
        )

    def _length(self, task: Task, labels: Labels) -> int:
        """For how many epochs to train."""
        if self.max_epochs != "auto":
            return self.max_epochs
        if task.validation is not None:
            return _MOST_EPOCHS
        n_texts = len(task.train.Y)
        if task.resume or n_texts < max(_FEWEST_TEXTS, 2 * len(labels.classes_)):
            return _FEW_EPOCHS
        with self._stage(f"number of epochs, by {_HELD_OUT:.0%} of the texts"):
            return self._best_epoch(task, labels)

    def _best_epoch(self, task: Task, labels: Labels) -> int:
        """Train on most of the texts, and see when that helped the others most."""
        # What is drawn here is not missed later: the number that is found, given,
        # leads to the same result.
        random_state = deepcopy(task.random_state)
        kept, out = (
            task.train.rows(rows)
            for rows in split_off(task.train.Y, _HELD_OUT, random_state)
        )
        trial = copy(self)
        trial.callbacks, trial.verbose = None, 0
        fitted = trial._learn_classes(
            replace(
                task,
                train=kept,
                validation=replace(out, weights=np.ones(out.Y.shape)),
                random_state=random_state,
                fit=UNFOLLOWED,
            ),
            labels,
            min(_MOST_EPOCHS, len(task.train.Y) // _TEXTS_AN_EPOCH),
        )
        best: int = fitted["best_epoch_"]
        return best

    def _start(self, task: Task, labels: Labels) -> Head:
        """Logistic regression on the frozen features."""
        train, embedding = task.train, task.embedding
        n_classes, n_lexical = len(labels.classes_), train.features.n_lexical
        if not labels.multilabel and np.unique(train.Y).size == 1:
            # A first batch of one class, with others to come: begin with nothing.
            return Head(
                (
                    Linear(
                        np.zeros((embedding.dim, n_classes), np.float32),
                        np.zeros(n_classes, np.float32),
                    ),
                ),
                np.zeros((n_lexical, n_classes), np.float32),
            )
        weight, weights = self.embedding_weight, train.weights
        with self._stage(f"logistic regression of {n_classes} classes"):
            fitted = fit_logistic(train.features, weight, train.Y, weights, C=self.C)
        head = as_linear(
            fitted,
            n_lexical,
            embedding.dim,
            embedding_weight=self.embedding_weight,
            n_classes=n_classes,
            multilabel=labels.multilabel,
        )
        assert head is not None  # the default head is linear
        return head

    @validates_parameters
    def partial_fit(
        self,
        X: Iterable[str],
        y: Any,
        classes: Any = None,
        *,
        sample_weight: Any = None,
    ) -> Self:
        """Learn from some more texts, once through.

        The n-grams that count, and how much, are those of the first call; words that
        come later are learnt by their embedding alone.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : array-like
            Their classes or labels.
        classes : array-like of shape (n_classes,), default=None
            All classes or labels that can ever come. Needed in the first call, unless
            `y` has them all.
        sample_weight : array-like of shape (n_texts,), default=None
            How much each text counts. None is 1.

        Returns
        -------
        FineTunedClassifier
            This estimator.

        Raises
        ------
        ValueError
            If `y` has a label that was not announced.
        """
        texts = self._read(X, y)
        resume = hasattr(self, "_head")
        if resume and classes is not None:
            known = Labels.fit(y, classes).classes_
            if not np.array_equal(known, self.classes_):
                raise ValueError(
                    f"classes={listed(known.tolist())} are not those of the first "
                    f"call, {listed(self.classes_.tolist())}"
                )
        labels = self._labels if resume else Labels.fit(y, classes)
        data = self._training_data(texts, y, labels, sample_weight)
        self._fit(data, labels, fraction=None, resume=resume, max_epochs=1)
        return self
