"""Numbers of a run, by epoch and final, in batches: a request takes 25 ms."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric

from sk_m2v.tracking._parameters import key

# MLflow takes no more of a request.
_BATCH = 1_000


def metrics(
    values: Mapping[str, Any], step: int = 0, seconds: float | None = None
) -> list[Metric]:
    """Those of some values that are numbers.

    Parameters
    ----------
    values : mapping of str to object
        Names and values.
    step : int, default=0
        Step of all, such as the epoch.
    seconds : float or None, default=None
        When that was, since 1970. None is now.

    Returns
    -------
    list of Metric
        Without bool and whatever else is no number.

    Examples
    --------
    >>> from sk_m2v.tracking._metrics import metrics
    >>> [(it.key, it.value) for it in metrics({"loss": 0.5, "best": True, "a": "b"})]
    [('loss', 0.5)]
    """
    at = int(1000 * (time.time() if seconds is None else seconds))
    return [
        Metric(key(name), float(value), at, step)
        for name, value in values.items()
        if _is_number(value)
    ]


def _is_number(value: object) -> bool:
    # A bool is a number to Python; that of NumPy is none.
    return not isinstance(value, bool) and isinstance(value, Real)


def epochs(history: Iterable[Mapping[str, Any]], end: float) -> list[Metric]:
    """Numbers of each epoch; the step is its number.

    Parameters
    ----------
    history : iterable of mapping
        Rows of `history_`.
    end : float
        When the last epoch was over, in seconds since 1970.

    Returns
    -------
    list of Metric
        Without the number of the epoch itself.
    """
    rows = list(history)
    found = []
    # An epoch took `dur` seconds: pages of MLflow have an axis of time, too.
    when = end - sum(row.get("dur", 0) for row in rows)
    for position, row in enumerate(rows, 1):
        when += row.get("dur", 0)
        rest = {name: value for name, value in row.items() if name != "epoch"}
        found += metrics(rest, int(row.get("epoch", position)), when)
    return found


def log_metrics(client: MlflowClient, run_id: str, found: list[Metric]) -> None:
    """Log any number of metrics.

    Parameters
    ----------
    client : MlflowClient
        The store.
    run_id : str
        The run.
    found : list of Metric
        The metrics.
    """
    for start in range(0, len(found), _BATCH):
        client.log_batch(run_id, metrics=found[start : start + _BATCH])
