"""The contract of all classifiers of texts, and of those that learn from labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)

from sk_m2v._messages import check_count, listed, quoted
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import validates_parameters
from sk_m2v.train._data import Task, TrainingData
from sk_m2v.train._parameters import (
    ChosenParameters,
    ClassParameters,
    ClassWeightParameter,
)
from sk_m2v.train._persistence import PersistenceMixin
from sk_m2v.train._text_model import TextModel, TrainedTextModel
from sk_m2v.train.features._features import Features
from sk_m2v.train.features._topics import Topics, find_topics
from sk_m2v.train.heads._choice import Choice, choose
from sk_m2v.train.heads._top_terms import term_weights, top_terms
from sk_m2v.train.labels._class_weights import target_weights
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._unlabelled import labelled_rows
from sk_m2v.train.saved._model2vec import Pipeline


@parameters
class TextClassifier(  # numpydoc ignore=PR02
    PersistenceMixin, ClassifierMixin, ClassParameters, TextModel, BaseEstimator
):
    """What all fitted classifiers of texts do, however they came to their head."""

    # --- Predicting -------------------------------------------------------------------

    def predict(self, X: Iterable[str]) -> Any:
        """Predict the class, or the labels, of texts.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        ndarray of shape (n_texts,), or in the form of the `y` of `fit`
            Classes; for several labels a text, a matrix, sparse matrix or list of
            lists, as `fit` was given. A text may have no label at all.
        """
        check_is_fitted(self)
        probabilities = self._apply(self._probabilities, X, len(self.classes_))
        return self._labels.decode(self._choose(probabilities))

    def predict_proba(self, X: Iterable[str]) -> npt.NDArray[np.float64]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        ndarray of shape (n_texts, n_classes), dtype float64
            In the order of `classes_`. They sum to 1, unless a text can have several
            labels: then each is the probability of one label.
        """
        check_is_fitted(self)
        return self._apply(self._probabilities, X, len(self.classes_))

    def decision_function(self, X: Iterable[str]) -> npt.NDArray[np.float64]:
        """Score the classes; the larger, the likelier.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        ndarray of shape (n_texts, n_classes) or (n_texts,), dtype float64
            Logits. For two classes one column, that of ``classes_[1]``.
        """
        check_is_fitted(self)
        scores = self._apply(self._scores, X, len(self.classes_))
        if not self._labels.multilabel and scores.shape[1] == 2:
            difference: npt.NDArray[np.float64] = scores[:, 1] - scores[:, 0]
            return difference
        return scores

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:
        """Accuracy: the fraction of texts whose class, or all labels, are right.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : array-like
            The truth, in the form of the `y` of `fit`.
        sample_weight : array-like of shape (n_texts,), default=None
            How much each text counts.

        Returns
        -------
        float
            From 0 to 1.
        """
        predicted = self.predict(X)
        if self._labels.multilabel:
            y, predicted = self._labels.encode(y), self._labels.encode(predicted)
        else:
            # Any container, and labels that training has not seen.
            labels = Labels.fit(y)
            y = labels.decode(labels.encode(y))
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    def _scores(self, features: Features) -> npt.NDArray[np.float64]:
        scores: npt.NDArray[np.float64] = self._head.scores(*features)
        return scores

    def _probabilities(self, features: Features) -> npt.NDArray[np.float64]:
        probabilities: npt.NDArray[np.float64] = self._head.probabilities(
            *features, multilabel=self._labels.multilabel
        )
        return probabilities

    def top_terms(self, n: int = 10) -> dict[Any, list[tuple[str, float]]]:
        """List the tokens and n-grams that weigh most for each class.

        Parameters
        ----------
        n : int, default=10
            How many for each.

        Returns
        -------
        dict of class to list of (str, float)
            Terms and their weights, the largest first, all above 0.

        Raises
        ------
        ValueError
            If scores are not linear in the features: with hidden layers, or a `head`
            that is no logistic regression.

        Notes
        -----
        The weight of a token is the score of a text of that token alone, less the
        intercept: its TF-IDF weight and what its vector adds. That of a longer n-gram
        is what it adds where it is the only one of its length. Of two classes, it is
        the difference of their scores. With `lexical`, terms are those of the training
        texts, otherwise all tokens of the model.

        Examples
        --------
        >>> from sk_m2v import FeatureExtractionClassifier
        >>> texts = ["a great film", "a lovely film", "a dull film", "a boring film"]
        >>> fitted = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
        >>> sorted(term for term, _ in fitted.top_terms(2)["+"])
        ['great', 'lovely']
        """
        check_is_fitted(self)
        check_count(n, "terms")
        if not self._head.linear:
            raise ValueError(
                "a term has no weight of its own in this head, which is not linear, or "
                "not known to be: "
                "explain(texts) says what tokens add in given texts"
            )
        terms, weights = term_weights(self._head, self.embedding_, self._vectorizers)
        if not self._labels.multilabel and weights.shape[1] == 2:
            weights = weights - weights[:, ::-1]
        return top_terms(terms, weights, self.classes_.tolist(), n)

    # --- Persistence ------------------------------------------------------------------

    def _set_more_description(self, description: Mapping[str, Any]) -> None:
        self._labels = Labels.from_dict(description["labels"])
        self.classes_ = self._labels.classes_
        self._check_thresholds(self._labels)
        super()._set_more_description(description)

    def _set_targets(self, pipeline: Pipeline) -> None:
        assert pipeline.classes is not None
        form = "single" if pipeline.activation == "softmax" else "lists"
        self._labels = Labels(pipeline.classes, form)
        self.classes_ = pipeline.classes

    def _outputs(self) -> tuple[str, npt.NDArray[Any] | None]:
        return "sigmoid" if self._labels.multilabel else "softmax", self.classes_

    # --- Thresholds -------------------------------------------------------------------

    def _check_thresholds(self, labels: Labels) -> None:
        thresholds = self.thresholds
        if thresholds is None:
            return
        if not labels.multilabel and len(labels.classes_) > 2:
            raise ValueError(
                "thresholds are for labels that are decided one by one, or for two "
                f"classes, and y has {len(labels.classes_)} classes"
            )
        self._threshold_array(labels)

    def _threshold_array(self, labels: Labels) -> npt.NDArray[np.float64]:
        """Threshold of each label, or that of the second of two classes."""
        classes = labels.classes_ if labels.multilabel else labels.classes_[1:]
        thresholds = 0.5 if self.thresholds is None else self.thresholds
        if isinstance(thresholds, Mapping):
            unknown = set(thresholds) - set(classes.tolist())
            if unknown:
                raise ValueError(
                    f"thresholds name {listed(sorted(map(str, unknown)))}, which are "
                    f"not among the labels {listed(classes.tolist())}"
                )
            thresholds = [thresholds.get(label, 0.5) for label in classes.tolist()]
        array = np.asarray(thresholds, dtype=np.float64)
        if array.ndim and array.shape != classes.shape:
            raise ValueError(
                f"thresholds must be one number or {len(classes)}, one a label, got "
                f"shape {array.shape}"
            )
        if not ((array >= 0) & (array <= 1)).all():
            raise ValueError(
                f"thresholds must lie between 0 and 1, got {quoted(thresholds)}"
            )
        thresholds_of_labels: npt.NDArray[np.float64] = np.broadcast_to(
            array, classes.shape
        )
        return thresholds_of_labels

    def _choose(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """Class indices, or which labels."""
        if self._labels.multilabel:
            chosen: npt.NDArray[Any] = probabilities >= self._threshold_array(
                self._labels
            )
            return chosen
        if self.thresholds is None:
            likeliest: npt.NDArray[Any] = np.argmax(probabilities, axis=1)
            return likeliest
        positive = probabilities[:, 1] >= self._threshold_array(self._labels)
        return positive.astype(np.int64)


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
            More texts of the same kind, without labels: which words and letters count,
            how much, and which go together is learnt from them, too. Texts of `X` whose
            label is -1 are taken for such, as in scikit-learn, if `y` has two other
            numbers, and none below.

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

    def _weights(self, data: TrainingData, target: Labels) -> npt.NDArray[np.float64]:
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
        if task.data.unlabelled and train.features.blocks:
            with self._stage("words that go together"):
                everything = train.features.followed_by(task.unlabelled.features)
                topics = find_topics(everything.lexical(), task.random_state)
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
