"""`FineTunedClassifier`: how FT and PT learn, and go on learning."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._device import find_device
from sk_m2v._messages import listed
from sk_m2v._parameters import parameters
from sk_m2v._sklearn import UNFOLLOWED, validates_parameters
from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train._fine_tuning import FineTuned
from sk_m2v.train.features._topics import Topics
from sk_m2v.train.fitting._parameters import (
    LengthParameter,
    LossParameters,
    TeacherParameter,
)
from sk_m2v.train.heads._choice import Choice, settled_head
from sk_m2v.train.heads._head import Head, Linear, to_probabilities
from sk_m2v.train.labels._data import Task
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._scoring import score
from sk_m2v.train.labels._split import split_off
from sk_m2v.train.teaching._lesson import take_lesson
from sk_m2v.train.teaching._made_texts import made_texts

# Of max_epochs="auto". Longer trainings than this gain little for their time.
_MOST_EPOCHS = 20
# A small part can tell wrong: the fewer the texts, the less it may. Of 1,000 texts, up
# to 10 epochs cost no set more than half a point; 20 cost one 0.03 of log-loss, too.
_TEXTS_AN_EPOCH = 100
# Of fewer texts than this, or fewer than two a class, it tells too little. One epoch
# changes little, and more make it worse on average.
_FEWEST_TEXTS = 1_000
_FEW_EPOCHS = 1
_HELD_OUT = 0.2
# Texts for the teacher to read, for each labelled one: as many are made as are missing.
_MADE = 2


@parameters
class FineTunedClassifier(
    LengthParameter, FineTuned, LossParameters, TeacherParameter, BaseStaticClassifier
):
    """What trains embedding and head together, from a logistic regression on."""

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        *BaseStaticClassifier._saved_attributes,
        "teacher_weight_",
    )

    def _n_steps(self) -> int | None:
        return None if self.max_epochs == "auto" else self.max_epochs

    def _is_told_of_unlabelled(self) -> bool:
        return self.teacher is not None

    def _learn_classes(
        self, task: Task, labels: Labels, max_epochs: int | None
    ) -> dict[str, Any]:
        if task.resume:
            start, epochs = self._head, _FEW_EPOCHS
        elif not labels.multilabel and np.unique(task.train.Y).size == 1:
            # A first batch of one class, with others to come: begin with nothing.
            start, epochs = _nothing(task, len(labels.classes_)), _FEW_EPOCHS
        else:
            choice, topics = self._settings(task, labels)
            if self.teacher is not None:
                task, choice = self._taught(task, labels, choice)
            task = replace(task, known={**task.known, **choice.attributes()})
            start = self._regression(task, labels, choice, topics)
            epochs = _FEW_EPOCHS
            if self.max_epochs == "auto" and max_epochs is None:
                epochs = self._length(task, labels, choice, topics)
        if max_epochs is None:
            max_epochs = epochs if self.max_epochs == "auto" else self.max_epochs
        return self._train_from(task, labels, start, max_epochs)

    def _train_from(
        self, task: Task, labels: Labels, start: Head, max_epochs: int
    ) -> dict[str, Any]:
        """Train, and return fitted attributes."""
        from sk_m2v.train.fitting._losses import ClassificationLoss
        from sk_m2v.train.fitting._nets import ClassifierNet

        multilabel, validation = labels.multilabel, task.validation

        def judge(scores: npt.NDArray[np.float64]) -> float:
            assert validation is not None
            probabilities = to_probabilities(scores, multilabel=multilabel)
            return score(labels, validation.Y, self.scoring, probabilities)

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
            max_epochs=max_epochs,
        )

    def _regression(
        self, task: Task, labels: Labels, choice: Choice, topics: Topics | None
    ) -> Head:
        """Logistic regression on the frozen features."""
        train, n_classes = task.train, len(labels.classes_)
        with self._stage(f"logistic regression of {n_classes} classes"):
            head, _ = settled_head(
                train.features,
                train.Y,
                train.weights,
                choice,
                n_classes=n_classes,
                multilabel=labels.multilabel,
                topics=topics,
            )
        return head

    def _length(
        self, task: Task, labels: Labels, choice: Choice, topics: Topics | None
    ) -> int:
        """For how many epochs to train."""
        if task.validation is not None:
            return _MOST_EPOCHS
        n_texts = len(task.data.texts)
        if n_texts < max(_FEWEST_TEXTS, 2 * len(labels.classes_)):
            return _FEW_EPOCHS
        most = min(_MOST_EPOCHS, n_texts // _TEXTS_AN_EPOCH)
        # What is drawn here is not missed later: the number that is found, given,
        # leads to the same result.
        random_state = deepcopy(task.random_state)
        kept, out = split_off(task.train.Y[:n_texts], _HELD_OUT, random_state)
        # Who is told of other texts learns from all of these.
        kept = np.append(kept, np.arange(n_texts, len(task.train.Y)))
        judged = task.train.rows(out)
        if judged.Y.ndim == 2 and not labels.multilabel:
            judged = replace(judged, Y=judged.Y.argmax(axis=1))
        trial, trying = copy(self), f"number of epochs, by {_HELD_OUT:.0%} of the texts"
        trial.callbacks, trial.verbose = None, 0
        task = replace(
            task,
            train=task.train.rows(kept),
            validation=replace(judged, weights=np.ones(judged.Y.shape)),
            random_state=random_state,
            fit=UNFOLLOWED,
        )
        with self._stage(trying):
            start = trial._regression(task, labels, choice, topics)
            best: int = trial._train_from(task, labels, start, most)["best_epoch_"]
        return best

    def _taught(
        self, task: Task, labels: Labels, choice: Choice
    ) -> tuple[Task, Choice]:
        """The same with other texts, of which the teacher says what they are."""
        data = task.data
        n_made = max(_MADE * len(data.texts) - len(data.unlabelled), 0)
        made = made_texts(data.texts, n_made, task.random_state)
        with self._stage(f"features of {n_made:,} texts made from others"):
            vectorizers = task.known["_vectorizers"]
            more = self._texts_of(task.embedding, vectorizers, made, remember=False)
        with self._stage("what the teacher says"):
            train, lesson = take_lesson(
                self.teacher,
                data.texts,
                task.train,
                [*data.unlabelled, *made],
                task.unlabelled.followed_by(more),
                labels,
                choice,
                device=str(find_device(self.device)),
            )
        known = {**task.known, "teacher_weight_": lesson.weight}
        choice = choice._replace(temperature=lesson.temperature)
        return replace(task, train=train, known=known), choice

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


def _nothing(task: Task, n_classes: int) -> Head:
    """Head that knows nothing."""
    weight = np.zeros((task.embedding.dim, n_classes), np.float32)
    layer = Linear(weight, np.zeros(n_classes, np.float32))
    return Head(
        (layer,), np.zeros((task.train.features.n_lexical, n_classes), np.float32)
    )
