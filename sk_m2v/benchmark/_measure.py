"""One run: an estimator is fitted to a data set, timed, weighed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import joblib
from sklearn.base import clone, is_regressor

from sk_m2v.benchmark._data import LABELS, NUMBERS, DataSet
from sk_m2v.benchmark._scores import NAMES, Scorer, classes, scores_of
from sk_m2v.persistence import PretrainedEstimator

# Columns that say what a run is, those that are numbers, and what went wrong.
RUN = ("estimator", "data_set", "seed")
COUNTS = ("n_train", "n_test", "n_classes")
COSTS = ("fit_seconds", "predict_seconds", "texts_per_second", "model_bytes")
COLUMNS = (*RUN, *COUNTS, *NAMES, *COSTS, "error")


def seeded(estimator: Any, seed: int) -> Any:
    """A new estimator whose random states are a seed.

    Parameters
    ----------
    estimator : estimator
        Is not changed.
    seed : int
        The value of each parameter `random_state`, those of nested estimators
        included.

    Returns
    -------
    estimator
        A clone.
    """
    made = clone(estimator)
    names = [
        name
        for name in made.get_params()
        if name == "random_state" or name.endswith("__random_state")
    ]
    return made.set_params(**dict.fromkeys(names, seed))


def counts(data: DataSet) -> dict[str, float]:
    """How much there is of a data set.

    Parameters
    ----------
    data : DataSet
        The data.

    Returns
    -------
    dict of str to int
        Those of `COUNTS`.
    """
    y = data.y_train
    if data.kind == NUMBERS:
        n_classes = 0
    elif data.kind == LABELS and not isinstance(y, list):
        n_classes = y.shape[1]
    else:
        n_classes = len(classes(y, data.y_test))
    return {
        "n_train": len(data.X_train),
        "n_test": len(data.X_test),
        "n_classes": n_classes,
    }


def measure(
    estimator: Any, data: DataSet, seed: int, scorers: Mapping[str, Scorer]
) -> dict[str, float]:
    """Fit, time, weigh and judge an estimator.

    Parameters
    ----------
    estimator : estimator
        Is not changed.
    data : DataSet
        The data.
    seed : int
        For all that is random.
    scorers : mapping of str to callable
        Further scores.

    Returns
    -------
    dict of str to float
        Numbers of the run.
    """
    fitted = seeded(estimator, seed)
    start = perf_counter()
    fitted.fit(data.X_train, data.y_train)
    fit_seconds = perf_counter() - start
    start = perf_counter()
    predicted = fitted.predict(data.X_test)
    predict_seconds = perf_counter() - start
    # Whole numbers could be classes; who predicts them knows.
    kind = NUMBERS if is_regressor(fitted) else data.kind
    found = {
        **scores_of(fitted, data, predicted, kind),
        **{name: it(fitted, data.X_test, data.y_test) for name, it in scorers.items()},
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "texts_per_second": len(data.X_test) / max(predict_seconds, 1e-9),
        "model_bytes": _model_bytes(fitted),
    }
    return {name: float(value) for name, value in found.items()}


def _model_bytes(fitted: Any) -> float:
    """Bytes on disk; NaN of what cannot be saved."""
    with TemporaryDirectory() as folder:
        if isinstance(fitted, PretrainedEstimator):
            try:
                fitted.save_pretrained(folder)
                return _size(Path(folder))
            except TypeError:  # its head is more than arrays
                pass
        path = Path(folder) / "model.joblib"
        try:
            joblib.dump(fitted, path)
        except Exception:  # of any library; that it can be saved is not judged
            return nan
        return float(path.stat().st_size)


def _size(folder: Path) -> float:
    return float(sum(it.stat().st_size for it in folder.rglob("*") if it.is_file()))
