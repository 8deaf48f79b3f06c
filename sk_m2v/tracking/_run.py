"""A run, from its begin to its end, beside whatever run the user has open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking.context import registry
from mlflow.utils import autologging_utils
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from sk_m2v._messages import quoted, shortened
from sk_m2v._text import replace_surrogates
from sk_m2v._version import package_version

PARENT = MLFLOW_PARENT_RUN_ID
# Characters; MLflow takes twice as many.
LONGEST_TAG = 4_000


def parent_run(client: MlflowClient) -> Run | None:
    """The run that the user has open, if it is in this store.

    Parameters
    ----------
    client : MlflowClient
        The store.

    Returns
    -------
    Run or None
        The run.
    """
    active = mlflow.active_run()
    if active is None:
        return None
    try:
        return client.get_run(active.info.run_id)
    except MlflowException:
        return None


@contextmanager
def open_run(
    client: MlflowClient,
    experiment_id: str,
    name: str | None,
    tags: Mapping[str, str],
    parent: str | None = None,
) -> Iterator[str]:
    """Make a run that ends with this context, and says how.

    Parameters
    ----------
    client : MlflowClient
        The store.
    experiment_id : str
        Where to.
    name : str or None
        Name of the run; None lets MLflow find one.
    tags : mapping of str to str
        Tags of the run.
    parent : str or None, default=None
        Run below which it stands.

    Yields
    ------
    str
        Its id. It is not the active run.
    """
    tags = {**tags, **({PARENT: parent} if parent else {})}
    # What MLflow would say of a run: who, and which script or notebook.
    run = client.create_run(
        experiment_id, tags=registry.resolve_tags(tags), run_name=name
    )
    run_id: str = run.info.run_id
    try:
        yield run_id
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt)
        try:
            text = f"{type(error).__name__}: {shortened(error, LONGEST_TAG)}"
            client.set_tag(run_id, "error", replace_surrogates(text))
            client.set_terminated(run_id, "KILLED" if killed else "FAILED")
        except Exception as second:
            # A store that does not answer must not hide what went wrong before.
            error.add_note(f"its run could not be ended: {shortened(second)}")
        raise
    client.set_terminated(run_id, "FINISHED")


def without_autologging() -> AbstractContextManager[Any]:
    """No runs and metrics of ``mlflow.autolog`` within, and as before afterwards.

    Returns
    -------
    context manager
        That of MLflow, which would turn autologging on at its end.
    """
    if autologging_utils._AUTOLOGGING_GLOBALLY_DISABLED:
        return nullcontext()
    resting: AbstractContextManager[Any] = autologging_utils.disable_autologging()
    return resting


def checked_tags(tags: Any) -> dict[str, str]:
    """Tags of a user as text.

    Parameters
    ----------
    tags : mapping or None
        Names and values.

    Returns
    -------
    dict of str to str
        The same, values as text.

    Raises
    ------
    TypeError
        If it is no mapping with names that are str.
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping) or not all(isinstance(it, str) for it in tags):
        raise TypeError(f"tags must be a dict of str, got {quoted(tags)}")
    return {name: str(value) for name, value in tags.items()}


def versions() -> dict[str, str]:
    """Tags that name what the run was made with.

    Returns
    -------
    dict of str to str
        Versions of this package and what it computes with.
    """
    import platform

    import numpy as np
    import sklearn

    return {
        "version.sk_m2v": package_version(),
        "version.scikit-learn": sklearn.__version__,
        "version.numpy": np.__version__,
        "version.python": platform.python_version(),
    }
