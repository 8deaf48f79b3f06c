"""A search over parameters: its run has one below it for each candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Param

from sk_m2v.tracking._metrics import log_metrics, metrics
from sk_m2v.tracking._parameters import as_text, log_parameters
from sk_m2v.tracking._run import PARENT


def is_search(estimator: Any) -> bool:
    """Whether an estimator is a fitted search over parameters.

    Parameters
    ----------
    estimator : estimator
        Any fitted estimator.

    Returns
    -------
    bool
        Whether it has results of candidates.
    """
    return "params" in getattr(estimator, "cv_results_", ())


def best_candidate(search: Any) -> int | None:
    """Number of the best candidate.

    Parameters
    ----------
    search : estimator
        A fitted search.

    Returns
    -------
    int or None
        Its row in `cv_results_`; None if several scores rank them, and none is chosen.
    """
    index = getattr(search, "best_index_", None)
    return None if index is None else int(index)


def log_search(
    client: MlflowClient, run_id: str, experiment_id: str, search: Any
) -> None:
    """Log the candidates of a search, each as a run below that of the search.

    Parameters
    ----------
    client : MlflowClient
        The store.
    run_id : str
        Run of the search.
    experiment_id : str
        Its experiment.
    search : estimator
        The fitted search.
    """
    results = search.cv_results_
    best = best_candidate(search)
    if best is not None:
        chosen = as_text(results["params"][best])
        log_parameters(
            client, run_id, {f"best_{key}": it for key, it in chosen.items()}
        )
        # There is no best score where a function has chosen.
        values = {
            "best_index": best,
            "best_score": getattr(search, "best_score_", None),
        }
        log_metrics(client, run_id, metrics(values))
    numbers = {
        name: np.asarray(column)
        for name, column in results.items()
        if name != "params" and not name.startswith("param_")
    }
    for index, candidate in enumerate(results["params"]):
        row = {name: column[index] for name, column in numbers.items()}
        _log_candidate(
            client, run_id, experiment_id, index, candidate, row, index == best
        )


def _log_candidate(
    client: MlflowClient,
    run_id: str,
    experiment_id: str,
    index: int,
    candidate: Mapping[str, Any],
    row: Mapping[str, Any],
    is_best: bool,
) -> None:
    # Three requests a candidate, whatever it has of parameters and scores.
    child = client.create_run(
        experiment_id,
        run_name=f"candidate {index}{' (best)' if is_best else ''}",
        tags={PARENT: run_id, "candidate": str(index), "best": str(is_best).lower()},
    )
    child_id = child.info.run_id
    client.log_batch(
        child_id,
        params=[Param(name, it) for name, it in as_text(candidate).items()],
        metrics=metrics(row),
    )
    client.set_terminated(child_id)
