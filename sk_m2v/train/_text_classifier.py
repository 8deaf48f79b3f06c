"""What all fitted classifiers of texts do, however they came to their head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import (
    check_is_fitted,
)

from sk_m2v._messages import check_count, listed, quoted
from sk_m2v._parameters import parameters
from sk_m2v.train._text_model import TextModel
from sk_m2v.train.features._features import Features
from sk_m2v.train.fitting._parameters import (
    ClassParameters,
)
from sk_m2v.train.heads._top_terms import term_weights, top_terms
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.saved._model2vec import Pipeline
from sk_m2v.train.saved._persistence import PersistenceMixin


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
