"""A table of results as runs of the experiment ``Benchmark``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.tracking._arguments import check_names
from sk_m2v.tracking._artifacts import check_configuration, log_artifacts
from sk_m2v.tracking._metrics import log_metrics, metrics
from sk_m2v.tracking._parameters import as_text, log_parameters
from sk_m2v.tracking._run import LONGEST_TAG, checked_tags, open_run, versions
from sk_m2v.tracking._sections import BENCHMARK
from sk_m2v.tracking._store import experiment_id, open_store

_KEYS = ("estimator", "data_set")
_OTHERS = (*_KEYS, "seed", "error")


def track_benchmark(
    results: Any,
    *,
    experiment: str | None = None,
    tracking_uri: str | Path | None = None,
    artifact_location: str | Path | None = None,
    prefix: str = "",
    configuration: Mapping[str, Any] | str | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[str]:
    """Log a table of results, one run for each estimator and data set.

    Parameters
    ----------
    results : DataFrame
        One row for each estimator, data set and seed, with the columns "estimator",
        "data_set", "seed", "error" (empty or missing where all went well), and any
        number of columns of numbers, such as "accuracy" and "fit_seconds". Only the
        first two are needed.
    experiment : str or None, default=None
        Name of the experiment. None is ``"Benchmark"``.
    tracking_uri : str, Path or None, default=None
        As in `track`.
    artifact_location : str, Path or None, default=None
        As in `track`.
    prefix : str, default=""
        What the name of the experiment begins with.
    configuration : mapping, str or None, default=None
        What was compared, stored with each run.
    tags : mapping of str to str, default=None
        Tags of all runs.

    Returns
    -------
    list of str
        Ids of the runs, in the order in which estimators and data sets first occur.

    Raises
    ------
    TypeError
        If `results` is no DataFrame.
    ValueError
        If it has no rows, or a column is missing.

    See Also
    --------
    track : Fit an estimator in a run, and log its scores.

    Notes
    -----
    Each number of a row is logged at the step that is its seed (its position, without
    seeds), and the mean over rows without error at the end as ``<name>_mean``. A run
    with an error has its text as a tag; if no row went well, its status is FAILED.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from sk_m2v.tracking import track_benchmark
    >>> results = pd.DataFrame(
    ...     {
    ...         "estimator": ["FE", "FE"],
    ...         "data_set": ["films", "films"],
    ...         "seed": [0, 1],
    ...         "accuracy": [0.75, 0.25],
    ...     }
    ... )
    >>> folder = tempfile.mkdtemp()
    >>> (run_id,) = track_benchmark(
    ...     results, tracking_uri=f"sqlite:///{folder}/mlflow.db"
    ... )
    """
    if not hasattr(results, "to_dict") or not hasattr(results, "columns"):
        raise TypeError(
            f"results must be a DataFrame, got {quoted(results)} of type "
            f"{type(results).__qualname__!r}"
        )
    if missing := [name for name in _KEYS if name not in results.columns]:
        raise ValueError(
            f"results has no column {listed(missing)}: its columns are "
            f"{listed(results.columns)}"
        )
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in results.to_dict("records"):
        groups.setdefault((str(row["estimator"]), str(row["data_set"])), []).append(row)
    if not groups:
        raise ValueError("results has no rows: there is nothing to log")
    check_names(experiment=experiment, prefix=prefix)
    check_configuration(configuration)
    more_tags = checked_tags(tags)
    client = open_store(tracking_uri)
    place = experiment_id(client, prefix + (experiment or BENCHMARK), artifact_location)
    run_ids = []
    for (estimator, data_set), rows in groups.items():
        more = {"estimator": estimator, "data_set": data_set, **more_tags}
        name = f"{estimator} on {data_set}"
        with open_run(client, place, name, {**versions(), **more}) as run_id:
            failed = _log_rows(client, run_id, rows)
            log_artifacts(client, run_id, configuration=configuration)
        if failed:
            client.set_terminated(run_id, "FAILED")
        run_ids.append(run_id)
    return run_ids


def _log_rows(client: MlflowClient, run_id: str, rows: list[dict[str, Any]]) -> bool:
    """Log all rows at once, and say whether none of them went well."""
    found: list[Metric] = []
    good: dict[str, list[float]] = {}
    errors = []
    for position, row in enumerate(rows):
        numbers = {name: it for name, it in row.items() if name not in _OTHERS}
        seed: Any = row.get("seed")
        step = position if _is_missing(seed) else int(seed)
        logged = [it for it in metrics(numbers, step) if it.value == it.value]
        found += logged
        error = row.get("error")
        if _is_missing(error) or not str(error):
            for it in logged:
                good.setdefault(it.key, []).append(it.value)
        else:
            errors.append(f"seed {step}: {error}")
    means = {f"{name}_mean": fmean(values) for name, values in good.items()}
    first = {"estimator": rows[0]["estimator"], "data_set": rows[0]["data_set"]}
    log_parameters(client, run_id, as_text({**first, "n_seeds": len(rows)}))
    log_metrics(client, run_id, [*found, *metrics(means)])
    if errors:
        client.set_tag(run_id, "error", shortened("\n".join(errors), LONGEST_TAG))
    return len(errors) == len(rows)


def _is_missing(value: Any) -> bool:
    return value is None or value != value
