"""The contract of all classifiers that learn from labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    check_consistent_length,
)

from sk_m2v._messages import quoted
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import validates_parameters
from sk_m2v.train._text_classifier import TextClassifier
from sk_m2v.train._text_model import TrainedTextModel
from sk_m2v.train.features._topics import Topics, find_topics
from sk_m2v.train.fitting._parameters import (
    ChosenParameters,
    ClassWeightParameter,
)
from sk_m2v.train.heads._choice import Choice, choose
from sk_m2v.train.labels._class_weights import target_weights
from sk_m2v.train.labels._data import Task, TrainingData
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._unlabelled import labelled_rows
from sk_m2v.train.saved._persistence import PersistenceMixin


@public("sk_m2v.train")
@parameters
class BaseStaticClassifier(
    ChosenParameters, ClassWeightParameter, TrainedTextModel, TextClassifier
):
    """What all classifiers that learn from labels have in common.

    A subclass says where its embedding comes from (`_start_embedding`) and how it
    learns (`_learn_classes`). Both get data that were checked, and nothing of the
    estimator changes before they have returned.
    """

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        *PersistenceMixin._saved_attributes,
        "C_",
        "embedding_weight_",
        "temperature_",
    )

    @validates_parameters
    def fit(
        self,
        X: Iterable[str],
        y: Any,
        X_val: Iterable[str] | None = None,
        y_val: Any = None,
        *,
        sample_weight: Any = None,
        X_unlabeled: Iterable[str] | None = None,
    ) -> Self:
        """Learn to tell classes apart.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : array-like of shape (n_texts,) or (n_texts, n_labels), or list of lists
            Classes: str, bool, int, or float without fraction. Or several labels a
            text: a matrix of 0 and 1, dense or sparse, or a list of lists of labels.
        X_val : iterable of str, default=None
            Texts to validate with, not to learn from.
        y_val : array-like, default=None
            Their labels, in the form of `y`, and none that `y` has not.
        sample_weight : array-like of shape (n_texts,), default=None
            How much each text of `X` counts. None is 1.
        X_unlabeled : iterable of str, default=None
            More texts of the same kind, without labels: which words go together is
            learnt from them, where cross-validation finds that it helps. Texts of `X`
            whose label is -1 are taken for such, as in scikit-learn, if the labels are
            numbers that count at least two other classes: 0, 1, 2 or 1 to 5, but not 0
            and 30.

        Returns
        -------
        BaseStaticClassifier
            This estimator.

        Raises
        ------
        TypeError, ValueError
            If the data or parameters cannot be used. The estimator stays as it was.
        """
        texts = self._read(X, y)
        unlabelled = self._read_unlabelled(X_unlabeled)
        labelled = labelled_rows(y)
        if labelled is not None:
            check_consistent_length(texts, labelled)
            unlabelled += [texts[i] for i in np.flatnonzero(~labelled)]
            rows = np.flatnonzero(labelled)
            texts, y = [texts[i] for i in rows], np.asarray(y)[rows]
            if sample_weight is not None:
                sample_weight = _safe_indexing(sample_weight, rows)
        resume = self._resumes()
        labels = self._labels if resume else Labels.fit(y)
        labels.warn_if_senseless(len(texts))
        held_out, X_val = None, self._read_held_out(X_val, y_val)
        if X_val is not None:
            held_out = TrainingData(X_val, labels.encode(y_val, "y_val"))
        data = self._training_data(texts, y, labels, sample_weight)
        self._fit(
            replace(data, held_out=held_out, unlabelled=unlabelled),
            labels,
            fraction=getattr(self, "validation_fraction", None),
            resume=resume,
        )
        return self

    def _training_data(
        self,
        texts: list[str],
        y: Any,
        labels: Labels,
        sample_weight: Any,
    ) -> TrainingData:
        """Check everything that has to do with labels."""
        Y = labels.encode(y)
        check_consistent_length(texts, Y)
        if not labels.multilabel and len(labels.classes_) < 2:
            raise ValueError(
                "Classifier can't train when only one class is present: all labels are "
                f"{quoted(labels.classes_.tolist()[0])}. Give texts of at least two "
                "classes."
            )
        self._check_thresholds(labels)
        weight = self._checked_weight(sample_weight, len(texts))
        return TrainingData(texts, Y, weight, y=y)

    def _fit_shares(
        self, texts: list[str], shares: npt.NDArray[np.float64], labels: Labels
    ) -> None:
        """Learn from the share that each class has in each text."""
        self._validate_params()
        self._check_means()
        self._check_thresholds(labels)
        self._fit(TrainingData(texts, shares), labels, fraction=None, resume=False)

    def _weights(self, data: TrainingData, target: Labels) -> npt.NDArray[np.float64]:
        if data.targets.ndim == 2 and not target.multilabel:
            return np.ones(len(data.texts))  # shares: what counts is in them
        return target_weights(
            data.targets,
            target.multilabel,
            len(target.classes_),
            self.class_weight,
            target.classes_,
            data.weight,
        )

    def _settings(self, task: Task, labels: Labels) -> tuple[Choice, Topics | None]:
        """Settings of the logistic regression, and topics for it if it needs some."""
        train, topics = task.train, None
        alone = task.data.unlabelled and not self._is_told_of_unlabelled()
        if alone and train.features.blocks:
            with self._stage("words that go together"):
                everything = train.features.followed_by(task.unlabelled.features)
                topics = find_topics(everything.lexical())
        with self._stage("settings"):
            choice = choose(
                train.features,
                train.Y,
                train.weights,
                train.counts,
                C=self.C,
                embedding_weight=self.embedding_weight,
                multilabel=labels.multilabel,
                topics=topics,
            )
        return choice, topics if choice.topic_weight else None

    @abstractmethod
    def _learn_classes(
        self, task: Task, labels: Labels, max_epochs: int | None
    ) -> dict[str, Any]:
        """Learn, and return fitted attributes but for those about labels."""

    def _learn(
        self, task: Task, target: Labels, max_epochs: int | None
    ) -> dict[str, Any]:
        known = {"_labels": target, "classes_": target.classes_}
        task = replace(task, known={**task.known, **known})
        return {**known, **self._learn_classes(task, target, max_epochs)}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
