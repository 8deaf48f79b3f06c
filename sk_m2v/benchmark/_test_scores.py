"""Scores on the test set, the confusion matrix and the report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_regressor
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    multilabel_confusion_matrix,
)

from sk_m2v.benchmark._scores import class_scores, label_scores, log_loss, number_scores
from sk_m2v.train.labels._labels import Labels


@dataclass(frozen=True)
class Scores:  # numpydoc ignore=PR02
    """What an estimator does on a test set.

    Parameters
    ----------
    metrics : dict of str to float
        Scores and seconds, by the names of the columns of a benchmark.
    labels : list
        The classes, in the order of the matrix.
    confusion : ndarray or None
        Of shape (n_classes, n_classes), rows are the truth; (n_labels, 2, 2) for
        several labels a text; None for numbers.
    report : dict
        Report of scikit-learn.
    report_text : str
        The same as text.
    """

    metrics: dict[str, float]
    labels: list[Any] = field(default_factory=list)
    confusion: npt.NDArray[np.int64] | None = None
    report: dict[str, Any] = field(default_factory=dict)
    report_text: str = ""


def scores(estimator: Any, X: Any, y: Any) -> Scores:
    """Predict, and compare with the truth.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or regressor.
    X : array-like
        The test set.
    y : array-like
        The truth.

    Returns
    -------
    Scores
        The scores.
    """
    start = time.perf_counter()
    predicted = estimator.predict(X)
    seconds = time.perf_counter() - start
    speed = {
        "predict_seconds": seconds,
        "texts_per_second": n_rows(X) / max(seconds, 1e-9),
    }
    if is_regressor(estimator):
        return Scores({**number_scores(y, predicted), **speed})
    labels = Labels.fit(y)
    if labels.multilabel:
        return _of_label_sets(estimator, y, predicted, labels, speed)
    # Any container becomes an array.
    truth = labels.decode(labels.encode(y))
    return _of_classes(estimator, X, truth, np.asarray(predicted), speed)


def _of_classes(
    estimator: Any,
    X: Any,
    truth: npt.NDArray[Any],
    predicted: npt.NDArray[Any],
    speed: dict[str, float],
) -> Scores:
    known = np.asarray(estimator.classes_)
    labels = np.union1d(known, truth)
    confusion = confusion_matrix(truth, predicted, labels=labels)
    found = class_scores(truth, predicted)
    if hasattr(estimator, "predict_proba"):
        found["log_loss"] = log_loss(estimator, X, truth, labels.tolist())
    names = [str(it) for it in labels.tolist()]
    return Scores(
        {**found, **speed},
        labels.tolist(),
        confusion,
        *_report(truth, predicted, labels, names),
    )


def _of_label_sets(
    estimator: Any, y: Any, predicted: Any, labels: Labels, speed: dict[str, float]
) -> Scores:
    if labels.form == "lists":
        # All that training knows, and what it has not seen.
        known = {*np.asarray(estimator.classes_).tolist(), *labels.classes_.tolist()}
        labels = Labels.fit(y, classes=sorted(known))
    truth = labels.encode(y).astype(int)
    predicted = labels.encode(predicted).astype(int)
    found = {
        "accuracy": float(accuracy_score(truth, predicted)),
        **label_scores(truth.astype(bool), predicted.astype(bool)),
    }
    names = [str(it) for it in labels.classes_.tolist()]
    return Scores(
        {**found, **speed},
        labels.classes_.tolist(),
        multilabel_confusion_matrix(truth, predicted),
        *_report(truth, predicted, list(range(len(names))), names),
    )


def _report(
    truth: Any, predicted: Any, labels: Any, names: list[str]
) -> tuple[dict[str, Any], str]:
    def made(as_dict: bool) -> Any:
        return classification_report(
            truth,
            predicted,
            labels=labels,
            target_names=names,
            zero_division=0,
            output_dict=as_dict,
        )

    return made(True), made(False)


def n_rows(values: Any) -> int:
    """Number of rows of any container.

    Parameters
    ----------
    values : array-like
        The container.

    Returns
    -------
    int
        Its rows.
    """
    shape = getattr(values, "shape", None)
    return int(shape[0]) if shape else len(values)
