"""`FineTunedClassifier`: how FT and PT learn, and go on learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._device import find_device
from sk_m2v._messages import listed
from sk_m2v._parameters import parameters
from sk_m2v._sklearn import validates_parameters
from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train._fine_tuning import FineTuned
from sk_m2v.train.fitting._parameters import LossParameters, TeacherParameter
from sk_m2v.train.heads._choice import Choice, fit_settled
from sk_m2v.train.heads._fit import as_linear
from sk_m2v.train.heads._head import Head, Linear, to_probabilities
from sk_m2v.train.labels._data import Part, Task
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._scoring import score
from sk_m2v.train.teaching._made_texts import made_texts
from sk_m2v.train.teaching._teach import teach
from sk_m2v.train.teaching._teachers import (
    ClassifierTeacher,
    Teacher,
    VectorTeacher,
    is_classifier_of_texts,
    vectors_of,
)

# Texts for the teacher to read, for each labelled one: as many are made as are missing.
_MADE = 2


@parameters
class FineTunedClassifier(
    FineTuned, LossParameters, TeacherParameter, BaseStaticClassifier
):
    """What trains embedding and head together, from a logistic regression on."""

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        *BaseStaticClassifier._saved_attributes,
        "teacher_weight_",
    )

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

        if task.resume:
            start = self._head
        else:
            task, start = self._start(task, labels)
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

    def _is_told_of_unlabelled(self) -> bool:
        return self.teacher is not None

    def _start(self, task: Task, labels: Labels) -> tuple[Task, Head]:
        """All that training learns from, and a logistic regression to start from."""
        train, embedding = task.train, task.embedding
        n_classes, n_lexical = len(labels.classes_), train.features.n_lexical
        if not labels.multilabel and np.unique(train.Y).size == 1:
            # A first batch of one class, with others to come: begin with nothing.
            nothing = np.zeros((embedding.dim, n_classes), np.float32)
            layer = Linear(nothing, np.zeros(n_classes, np.float32))
            lexical = np.zeros((n_lexical, n_classes), np.float32)
            return task, Head((layer,), lexical)
        choice, topics = self._settings(task, labels)
        chosen = choice.attributes()
        if self.teacher is not None:
            train, choice, weight = self._taught(task, labels, choice)
            chosen |= {"temperature_": choice.temperature, "teacher_weight_": weight}
        with self._stage(f"logistic regression of {n_classes} classes"):
            heads = fit_settled(
                train.features,
                train.Y,
                train.weights,
                choice,
                multilabel=labels.multilabel,
                topics=topics,
            )
        head = as_linear(
            heads,
            n_lexical,
            embedding.dim,
            embedding_weight=choice.embedding_weight,
            n_classes=n_classes,
            multilabel=labels.multilabel,
        )
        assert head is not None  # the default head is linear
        return replace(task, train=train, known={**task.known, **chosen}), head

    def _taught(
        self, task: Task, labels: Labels, choice: Choice
    ) -> tuple[Part, Choice, float]:
        """Texts with labels, and others with what the teacher says of them."""
        data, train = task.data, task.train
        n_made = max(_MADE * len(data.texts) - len(data.unlabelled), 0)
        made = made_texts(data.texts, n_made, task.random_state)
        with self._stage(f"features of {n_made:,} texts made from others"):
            more = self._texts_of(
                task.embedding, task.known["_vectorizers"], made, remember=False
            )
        others = task.unlabelled.followed_by(more)
        truth = train.Y if labels.multilabel else np.eye(len(labels.classes_))[train.Y]
        texts = [*data.unlabelled, *made]
        teacher: Teacher
        if is_classifier_of_texts(self.teacher):
            teacher = ClassifierTeacher(
                self.teacher, data.texts, train.Y, train.counts, labels, texts
            )
        else:
            with self._stage(
                f"the teacher reads {len(data.texts) + len(texts):,} texts"
            ):
                device = str(find_device(self.device))
                vectors = vectors_of(self.teacher, [*data.texts, *texts], device)
            teacher = VectorTeacher(
                train.features,
                others.features,
                vectors[: len(data.texts)],
                vectors[len(data.texts) :],
                train.Y,
                train.weights,
                train.counts,
                labels,
            )
        with self._stage("what the teacher says"):
            lesson = teach(
                teacher,
                train.features,
                others.features,
                truth.astype(np.float64),
                train.weights,
                train.counts,
                choice,
                multilabel=labels.multilabel,
            )
        if lesson.weight:
            train = train.with_others(others, truth, lesson.answers, lesson.weight)
        return train, choice._replace(temperature=lesson.temperature), lesson.weight

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
