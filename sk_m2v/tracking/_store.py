"""Where runs go: the store, and an experiment in it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sk_m2v._messages import quoted, shortened

_SQLITE = "sqlite:///"
# Which pages MLflow shows of it: those for models, not for prompts.
_KIND = {"mlflow.experimentKind": "custom_model_development"}


def open_store(tracking_uri: str | Path | None) -> MlflowClient:
    """Client of a store, which does not become the active one.

    Parameters
    ----------
    tracking_uri : str, Path or None
        Address as MLflow has it. None is the one that the user has set, and where none
        is set ``mlflow.db`` in the current folder.

    Returns
    -------
    MlflowClient
        The client.

    Raises
    ------
    TypeError
        If this is no address.
    """
    if tracking_uri is None:
        if mlflow.is_tracking_uri_set():
            tracking_uri = mlflow.get_tracking_uri()
        else:
            # Not left to MLflow, which takes ./mlruns where there is such a folder,
            # and then refuses it.
            tracking_uri = f"{_SQLITE}{Path.cwd() / 'mlflow.db'}"
    if isinstance(tracking_uri, Path):
        tracking_uri = tracking_uri.absolute().as_uri()
    if not isinstance(tracking_uri, str) or not tracking_uri:
        raise TypeError(
            "tracking_uri must be an address such as 'sqlite:///mlflow.db' or "
            f"'http://localhost:5000', got {quoted(tracking_uri)}"
        )
    return MlflowClient(tracking_uri)


def experiment_id(
    client: MlflowClient, name: str, artifact_location: str | Path | None
) -> str:
    """Id of an experiment, which is made if there is none of that name.

    Parameters
    ----------
    client : MlflowClient
        The store.
    name : str
        Name of the experiment.
    artifact_location : str, Path or None
        Where a new one keeps its files. None is the folder ``mlartifacts`` beside the
        database for one of SQLite, and else what the store says.

    Returns
    -------
    str
        The id.

    Raises
    ------
    ValueError
        If the experiment was deleted, or has its files elsewhere.
    """
    location = _as_uri(artifact_location)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            created = client.create_experiment(
                name, location or _beside_database(client.tracking_uri), _KIND
            )
            return str(created)
        except MlflowException:
            # Another process may have been faster.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage != "active":
        raise ValueError(
            f"the experiment {quoted(name)} was deleted: restore it with "
            f"MlflowClient.restore_experiment({quoted(experiment.experiment_id)}), or "
            "name another by experiment or prefix"
        )
    has = experiment.artifact_location
    if location is not None and location.rstrip("/") != has.rstrip("/"):
        raise ValueError(
            f"the experiment {quoted(name)} has its files in {shortened(has)}, and "
            f"artifact_location is {shortened(location)}: leave it out, or name "
            "another experiment"
        )
    return str(experiment.experiment_id)


def _as_uri(location: str | Path | None) -> str | None:
    """A path as the address that MLflow makes of it."""
    if location is None:
        return None
    text = str(location)
    return text if "://" in text else Path(text).absolute().as_uri()


def _beside_database(uri: str) -> str | None:
    path = unquote(uri.removeprefix(_SQLITE).partition("?")[0])
    if not uri.startswith(_SQLITE) or path in ("", ":memory:"):
        return None
    return (Path(path).absolute().parent / "mlartifacts").as_uri()
