"""Scores of predictions, by what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics
from sklearn.preprocessing import MultiLabelBinarizer

from sk_m2v._messages import listed, quoted
from sk_m2v.benchmark._data import CLASSES, LABELS, NUMBERS, DataSet

# What is predicted -> its scores, of which the first decides what is best.
SCORES = {
    CLASSES: ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    LABELS: ("micro_f1", "macro_f1"),
    NUMBERS: ("r2", "mae"),
}
# In the order of the columns.
NAMES = (
    *("accuracy", "balanced_accuracy", "macro_f1", "micro_f1"),
    *("log_loss", "r2", "mae"),
)
# Those of which less is better.
LOSSES = {"log_loss", "mae"}
# Probability of a class that no training text has.
_UNSEEN = 1e-9

Scorer = Callable[[Any, list[str], Any], float]


def scores_of(
    estimator: Any, data: DataSet, predicted: Any, kind: str
) -> dict[str, float]:
    """Scores of a fitted estimator on the test texts.

    Parameters
    ----------
    estimator : estimator
        Fitted to the training texts.
    data : DataSet
        The data.
    predicted : array-like
        What it predicts of the test texts.
    kind : {"classes", "labels", "numbers"}
        What that is.

    Returns
    -------
    dict of str to float
        Those of `SCORES`.
    """
    truth = data.y_test
    if kind == NUMBERS:
        return number_scores(truth, predicted)
    if kind == LABELS:
        return label_scores(*_matrices(data, predicted))
    return {
        **class_scores(truth, predicted),
        "log_loss": log_loss(
            estimator, data.X_test, truth, classes(data.y_train, truth)
        ),
    }


def label_scores(truth: Any, predicted: Any) -> dict[str, float]:
    """Scores of texts with several labels.

    Parameters
    ----------
    truth, predicted : ndarray of shape (n, n_labels), dtype bool
        Which text has which label.

    Returns
    -------
    dict of str to float
        Those of `SCORES`, over labels that occur in one of the two.
    """
    used = (truth | predicted).any(axis=0)
    return {
        f"{average}_f1": _f1(truth[:, used], predicted[:, used], average)
        for average in ("micro", "macro")
    }


def number_scores(truth: Any, predicted: Any) -> dict[str, float]:
    """Scores of numbers.

    Parameters
    ----------
    truth, predicted : array-like of shape (n,) or (n, n_targets)
        The numbers.

    Returns
    -------
    dict of str to float
        Those of `SCORES`.
    """
    return {
        "r2": float(metrics.r2_score(truth, predicted)),
        "mae": float(metrics.mean_absolute_error(truth, predicted)),
    }


def class_scores(truth: Any, predicted: Any) -> dict[str, float]:
    """Scores of classes that need no probabilities.

    Parameters
    ----------
    truth, predicted : ndarray of shape (n,)
        The classes.

    Returns
    -------
    dict of str to float
        Those of `SCORES` but the logarithmic loss.
    """
    # As `balanced_accuracy_score`, which warns of classes without test texts.
    recall = metrics.recall_score(
        truth, predicted, labels=classes(truth), average="macro", zero_division=0
    )
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": float(recall),
        "macro_f1": float(_f1(truth, predicted, "macro")),
    }


def log_loss(
    estimator: Any, X: Any, truth: npt.NDArray[Any], known: list[Any]
) -> float:
    """Logarithmic loss, also where training has not seen a class.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier.
    X : array-like
        Texts.
    truth : ndarray of shape (n,)
        Their classes.
    known : list
        All classes, those of training and of `truth`, sorted.

    Returns
    -------
    float
        The loss in nats, NaN without `predict_proba`.
    """
    if not hasattr(estimator, "predict_proba"):
        return nan
    found = np.asarray(estimator.predict_proba(X), np.float64)
    seen = getattr(estimator, "classes_", None)
    seen = known if seen is None else np.asarray(seen).tolist()
    place = {label: column for column, label in enumerate(known)}
    proba = np.full((len(found), len(known)), _UNSEEN)
    proba[:, [place[label] for label in seen]] = found
    proba /= proba.sum(axis=1, keepdims=True)
    columns = [place[label] for label in truth.tolist()]
    score: float = metrics.log_loss(columns, proba, labels=np.arange(len(known)))
    return score


def classes(*targets: Any) -> list[Any]:
    """Different labels, sorted.

    Parameters
    ----------
    *targets : ndarray of shape (n,), or list of list
        Labels.

    Returns
    -------
    list
        The labels.
    """
    found: set[Any] = set()
    for y in targets:
        if isinstance(y, list):
            found.update(label for labels in y for label in labels)
        else:
            found.update(y.tolist())
    return sorted(found)


def _f1(truth: Any, predicted: Any, average: str) -> float:
    score: float = metrics.f1_score(truth, predicted, average=average, zero_division=0)
    return score


def _matrices(data: DataSet, predicted: Any) -> tuple[Any, Any]:
    """Truth and predictions as matrices of 0 and 1."""
    if isinstance(data.y_test, list):
        known = classes(data.y_train, data.y_test)
        binarizer = MultiLabelBinarizer(classes=known).fit([])
        both = (binarizer.transform(it) for it in (data.y_test, predicted))
        return tuple(it.astype(bool) for it in both)
    dense = predicted.toarray() if hasattr(predicted, "toarray") else predicted
    return np.asarray(data.y_test, bool), np.asarray(dense, bool)


def scorers_of(scoring: Any, taken: tuple[str, ...]) -> dict[str, Scorer]:
    """Scorers by the names of their columns.

    Parameters
    ----------
    scoring : str, callable, list of str, dict or None
        What the user says.
    taken : tuple of str
        Names of columns that are there without them.

    Returns
    -------
    dict of str to callable
        The scorers.

    Raises
    ------
    TypeError, ValueError
        If one is none, or its column is there already.
    """
    if scoring is None:
        return {}
    if isinstance(scoring, str):
        named: dict[Any, Any] = {scoring: scoring}
    elif callable(scoring):
        named = {"score": scoring}
    elif isinstance(scoring, Mapping):
        named = dict(scoring)
    elif isinstance(scoring, list | tuple | set):
        named = {name: name for name in scoring}
    else:
        named = {scoring: None}
    found = {}
    for name, scorer in named.items():
        if not isinstance(name, str) or not (
            isinstance(scorer, str) or callable(scorer)
        ):
            raise TypeError(
                "scoring must be the name of a scorer of scikit-learn, a function "
                "scorer(estimator, X, y), a list of names, or a dict of them, got "
                f"{quoted(scoring)}."
            )
        if name in taken:
            raise ValueError(
                f"scoring {quoted(name)} is a column of the results already: leave it "
                "out, or give it another name in a dict."
            )
        if isinstance(scorer, str) and scorer not in metrics.get_scorer_names():
            near = get_close_matches(scorer, metrics.get_scorer_names(), n=3, cutoff=0)
            raise ValueError(
                f"scikit-learn has no scorer {quoted(scorer)}; the nearest names are "
                f"{listed(near)}."
            )
        found[name] = metrics.get_scorer(scorer)
    return found
