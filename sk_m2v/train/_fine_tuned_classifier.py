"""`FineTunedClassifier`: how FT and PT learn, and go on learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import listed
from sk_m2v._parameters import parameters
from sk_m2v._sklearn import validates_parameters
from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train._data import Task
from sk_m2v.train._fine_tuning import FineTuned
from sk_m2v.train._parameters import LossParameters
from sk_m2v.train.heads._choice import fit_chosen
from sk_m2v.train.heads._fit import as_linear
from sk_m2v.train.heads._head import Head, Linear, to_probabilities
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._scoring import score


@parameters
class FineTunedClassifier(FineTuned, LossParameters, BaseStaticClassifier):
    """What trains embedding and head together, from a logistic regression on."""

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

        start, chosen = (self._head, {}) if task.resume else self._start(task, labels)
        task = replace(task, known={**task.known, **chosen})
        return self._fine_tune(
            task,
            start=start,
            criterion=ClassificationLoss(
                len(labels.classes_),
                multilabel=multilabel,
                focal_gamma=self.focal_gamma,
                label_smoothing=self.label_smoothing,
            ),
            kind=ClassifierNet,
            judge=judge,
            max_epochs=self.max_epochs if max_epochs is None else max_epochs,
        )

    def _start(self, task: Task, labels: Labels) -> tuple[Head, dict[str, float]]:
        """Logistic regression on the frozen features, and how it was set."""
        train, embedding = task.train, task.embedding
        n_classes, n_lexical = len(labels.classes_), train.features.n_lexical
        if not labels.multilabel and np.unique(train.Y).size == 1:
            # A first batch of one class, with others to come: begin with nothing.
            nothing = np.zeros((embedding.dim, n_classes), np.float32)
            layer = Linear(nothing, np.zeros(n_classes, np.float32))
            return Head((layer,), np.zeros((n_lexical, n_classes), np.float32)), {}
        with self._stage(f"logistic regression of {n_classes} classes"):
            fitted, choice = fit_chosen(
                train.features,
                train.Y,
                train.weights,
                train.counts,
                C=self.C,
                embedding_weight=self.embedding_weight,
                multilabel=labels.multilabel,
            )
        head = as_linear(
            fitted,
            n_lexical,
            embedding.dim,
            embedding_weight=choice.embedding_weight,
            n_classes=n_classes,
            multilabel=labels.multilabel,
        )
        assert head is not None  # the default head is linear
        return head, choice.attributes()

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
