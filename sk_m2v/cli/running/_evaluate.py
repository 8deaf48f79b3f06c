"""How good predictions are, for people and for programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_m2v._messages import listed
from sk_m2v.cli.running._targets import as_cells, as_classes
from sk_m2v.embedding._similarity import unit_vectors

# Of a benchmark: what is printed here is to be the same each time.
_SPEED = ("predict_seconds", "texts_per_second")


def evaluate(
    estimator: Any, X: list[str], y: list[Any]
) -> tuple[dict[str, float], str]:
    """Compare what an estimator does with the truth.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier, regressor, or embedding of pairs.
    X : list of str
        Texts.
    y : list
        Their labels, numbers, or second texts.

    Returns
    -------
    metrics : dict of str to float
        Scores.
    report : str
        The same for people, with scikit-learn's report of classes.
    """
    if not hasattr(estimator, "predict"):
        metrics = _of_pairs(estimator, X, y)
        return metrics, _lines(metrics)
    from sk_m2v.benchmark._test_scores import scores

    if hasattr(estimator, "classes_"):
        known = np.asarray(estimator.classes_).tolist()
        y = as_classes(y, known)
        _check_known(y, known)
    found = scores(estimator, X, y)
    metrics = {name: it for name, it in found.metrics.items() if name not in _SPEED}
    report = _lines(metrics)
    if found.report_text:
        report += f"\n{found.report_text}"
    return metrics, report


def _check_known(y: list[Any], known: list[Any]) -> None:
    labels = [it for row in y for it in (row if isinstance(row, list) else [row])]
    if labels and set(known).isdisjoint(labels):
        raise ValueError(
            f"no label is one that the model knows: there are "
            f"{listed(dict.fromkeys(labels))}, and it knows {listed(known)}. Is this "
            "the column of labels (--label), and what stands between them "
            "(--label-separator)?"
        )


def prediction_columns(
    estimator: Any,
    X: list[str],
    *,
    probabilities: bool,
    name: str = "prediction",
    separator: str | None = None,
) -> dict[str, Any]:
    """Predictions as columns of a table.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or regressor.
    X : list of str
        Texts.
    probabilities : bool
        Whether to add a column for each class.
    name : str, default="prediction"
        The first column.
    separator : str or None, default=None
        What stands between several labels of a text. None leaves a list of them.

    Returns
    -------
    dict of str to array-like
        The columns. Several numbers a text are rows of a matrix.
    """
    predicted = estimator.predict(X)
    if hasattr(estimator, "classes_") and getattr(predicted, "ndim", 1) == 2:
        # Rows of 0 and 1: the names of the labels say more.
        names = np.asarray(estimator.classes_)
        predicted = [names[np.asarray(row) != 0].tolist() for row in predicted]
    columns: dict[str, Any] = {name: as_cells(predicted, separator)}
    if probabilities:
        shares = estimator.predict_proba(X)
        for i, known in enumerate(np.asarray(estimator.classes_).tolist()):
            columns[f"probability_{known}"] = shares[:, i]
    return columns


def _of_pairs(estimator: Any, X: list[str], y: list[str]) -> dict[str, float]:
    """How often the second text of a pair is found among those of all pairs."""
    firsts, seconds = (unit_vectors(estimator.transform(it)) for it in (X, y))
    ranks = []
    for start in range(0, len(firsts), 1024):
        cosines = firsts[start : start + 1024] @ seconds.T
        own = cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))]
        ranks.append((cosines > own[:, None]).sum(1) + 1)
    rank = np.concatenate(ranks)
    return {
        "n_pairs": float(len(rank)),
        "found_first": float(np.mean(rank == 1)),
        "found_in_10": float(np.mean(rank <= 10)),
        "mean_reciprocal_rank": float(np.mean(1 / rank)),
    }


def _lines(metrics: dict[str, float]) -> str:
    width = max(map(len, metrics))
    return "".join(f"{name:{width}}  {value:,.4f}\n" for name, value in metrics.items())
