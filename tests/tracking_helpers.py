"""Data, and what a store of MLflow has of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

TEXTS = ["a lovely film", "what a great movie", "so dull", "boring and bad"] * 8
LABELS = ["good", "good", "bad", "bad"] * 8
NUMBERS = [1.0, 2.0, -1.0, -2.0] * 8
TEST = ["great", "a lovely one", "dull", "bad movie", "so so"]
TEST_LABELS = ["good", "good", "bad", "bad", "good"]
QUICK: dict[str, Any] = {"max_epochs": 2, "random_state": 0}


def runs(client: MlflowClient, experiment: str, **kwargs: Any) -> list[Run]:
    """Runs of an experiment, by name; none where there is no such experiment."""
    found = client.get_experiment_by_name(experiment)
    ids = [] if found is None else [found.experiment_id]
    return list(client.search_runs(ids, **kwargs)) if ids else []


def artifact(client: MlflowClient, run_id: str, name: str) -> Path:
    """A file of a run, whose store is a folder."""
    uri = client.get_run(run_id).info.artifact_uri
    return Path(uri.removeprefix("file://")) / name


def artifact_json(client: MlflowClient, run_id: str, name: str) -> Any:
    return json.loads(artifact(client, run_id, name).read_text(encoding="utf-8"))


def by_step(client: MlflowClient, run_id: str, metric: str) -> dict[int, float]:
    return {it.step: it.value for it in client.get_metric_history(run_id, metric)}
