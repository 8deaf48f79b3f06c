"""Teachers of a task: models that learn it from the same labels, and know more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import has_fit_parameter

from sk_m2v._messages import listed, quoted
from sk_m2v.distill._teachers import load_teacher
from sk_m2v.train.features._features import Features
from sk_m2v.train.heads._choice import Choice, choose, settled_head
from sk_m2v.train.labels._labels import Labels

FloatArray = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


class Teacher(Protocol):
    """What all of them can do."""

    def answers(self, rows: Rows) -> FloatArray:
        """Learn from some of the labelled texts, and answer for the others.

        Parameters
        ----------
        rows : ndarray of int
            Which of the labelled texts to learn from.

        Returns
        -------
        ndarray of shape (n_others, n_classes)
            Probabilities of the classes, of each text without a label.
        """


class ClassifierTeacher:
    """Any classifier of texts.

    Parameters
    ----------
    classifier : classifier
        It is cloned, and fitted to texts.
    texts : list of str
        Those with labels.
    Y : ndarray of shape (n_texts,) or (n_texts, n_labels)
        Their classes or labels.
    counts : ndarray of shape (n_texts,)
        How much each counts.
    labels : Labels
        What `Y` means.
    others : list of str
        Texts to answer for.
    """

    def __init__(
        self,
        classifier: Any,
        texts: Sequence[str],
        Y: npt.NDArray[Any],
        counts: FloatArray,
        labels: Labels,
        others: Sequence[str],
    ) -> None:
        self._classifier = classifier
        self._texts = texts
        self._Y = Y
        self._counts = counts
        self._labels = labels
        self._others = others

    def answers(self, rows: Rows) -> FloatArray:
        """Fit a clone to some of the texts, and ask it for the others.

        Parameters
        ----------
        rows : ndarray of int
            Which of the labelled texts.

        Returns
        -------
        ndarray of shape (n_others, n_classes)
            Probabilities.

        Raises
        ------
        ValueError
            If these are no probabilities of the classes.
        """
        it = clone(self._classifier)
        more = {}
        if has_fit_parameter(it, "sample_weight"):
            more["sample_weight"] = self._counts[rows]
        multilabel = self._labels.multilabel
        targets = self._Y[rows].astype(np.int64)
        it.fit([self._texts[i] for i in rows], targets, **more)
        found = it.predict_proba([*self._others])
        name = type(it).__name__
        n_classes = len(self._labels.classes_)
        if multilabel:
            return checked_probabilities(found, len(self._others), n_classes, name)
        known = np.asarray(it.classes_, dtype=np.intp)
        found = checked_probabilities(found, len(self._others), known.size, name)
        answers = np.zeros((len(self._others), n_classes))
        answers[:, known] = found
        return answers


class VectorTeacher:
    """A logistic regression on the vectors of a sentence transformer, and on words.

    Parameters
    ----------
    features, others : Features
        Of the labelled texts, and of those to answer for.
    vectors, other_vectors : ndarray of shape (n_texts, dim), dtype float32
        What the transformer makes of them.
    Y : ndarray of shape (n_texts,) or (n_texts, n_labels)
        Classes or labels.
    weights : ndarray of the shape of `Y`
        How much each counts in learning.
    counts : ndarray of shape (n_texts,)
        How many texts each stands for.
    labels : Labels
        What `Y` means.
    """

    def __init__(
        self,
        features: Features,
        others: Features,
        vectors: npt.NDArray[np.float32],
        other_vectors: npt.NDArray[np.float32],
        Y: npt.NDArray[Any],
        weights: FloatArray,
        counts: FloatArray,
        labels: Labels,
    ) -> None:
        self._features = _beside(features, vectors)
        self._others = _beside(others, other_vectors)
        self._Y = Y
        self._weights = weights
        self._labels = labels
        self._choice: Choice = choose(
            self._features,
            Y,
            weights,
            counts,
            C="auto",
            embedding_weight="auto",
            multilabel=labels.multilabel,
        )

    def answers(self, rows: Rows) -> FloatArray:
        """Fit the regression to some of the texts, and ask it for the others.

        Parameters
        ----------
        rows : ndarray of int
            Which of the labelled texts.

        Returns
        -------
        ndarray of shape (n_others, n_classes)
            Probabilities.
        """
        multilabel = self._labels.multilabel
        head, _ = settled_head(
            self._features.rows(rows),
            self._Y[rows],
            self._weights[rows],
            self._choice,
            n_classes=len(self._labels.classes_),
            multilabel=multilabel,
        )
        return head.probabilities(*self._others, multilabel=multilabel)


def _beside(features: Features, vectors: npt.NDArray[np.float32]) -> Features:
    """Features with vectors of length 1 beside the embedding."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    return Features(features.blocks, np.hstack([features.dense, unit]))


def is_classifier_of_texts(teacher: Any) -> bool:
    """Tell whether a teacher is a classifier, and no source of vectors.

    Parameters
    ----------
    teacher : object
        What the user gave.

    Returns
    -------
    bool
        Whether it can be fitted to labels, and has probabilities.

    Raises
    ------
    ValueError
        If it is a classifier without probabilities.
    """
    if isinstance(teacher, type) or not hasattr(teacher, "fit"):
        return False
    if not is_classifier(teacher):
        return False
    if not hasattr(teacher, "predict_proba"):
        raise ValueError(
            f"teacher={quoted(teacher)} has no predict_proba: a teacher says how "
            "likely each class is. Wrap it into CalibratedClassifierCV"
        )
    return True


def vectors_of(teacher: Any, texts: list[str], device: str) -> npt.NDArray[np.float32]:
    """Vectors that a sentence transformer, or any function, makes of texts.

    Parameters
    ----------
    teacher : object
        As in `DistillTransformer`, but one.
    texts : list of str
        The texts.
    device : str
        Where a transformer computes.

    Returns
    -------
    ndarray of shape (n_texts, dim), dtype float32
        The vectors.

    Raises
    ------
    ImportError
        If it needs torch or transformers, and they are not installed.
    OSError, TypeError, ValueError
        If it cannot be loaded, or does not return vectors.
    """
    loaded = load_teacher(teacher, None, pooling="mean", device=device, dtype="float32")
    with loaded.ready():
        vectors: npt.NDArray[np.float32] = loaded.encode(texts)
    return vectors


def checked_probabilities(
    found: Any, n_texts: int, n_classes: int, name: str
) -> FloatArray:
    """Probabilities as an array.

    Parameters
    ----------
    found : array-like
        What a classifier or function returned.
    n_texts, n_classes : int
        The shape that it has to have.
    name : str
        What to call it.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), dtype float64
        The probabilities.

    Raises
    ------
    ValueError
        If the shape is another, or some are no probabilities.
    """
    try:
        array: FloatArray = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (n_texts, n_classes):
        raise ValueError(
            f"{name} returned probabilities of shape {np.shape(found)} for {n_texts} "
            f"texts and {n_classes} classes, instead of ({n_texts}, {n_classes})"
        )
    bad = ~((array >= 0) & (array <= 1 + 1e-6)).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name} returned {listed(array[row].tolist())} for text {row}, which are "
            "no probabilities: they lie between 0 and 1"
        )
    return array
