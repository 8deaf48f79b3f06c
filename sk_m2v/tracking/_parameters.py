"""Parameters of an estimator, as MLflow takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param

from sk_m2v._messages import shortened
from sk_m2v._text import replace_surrogates

# Limits of MLflow: characters of a value and of a key, parameters of a request.
_VALUE = 6_000
_KEY = 250
_BATCH = 100
_NOT_IN_KEYS = re.compile(r"[^\w\-. /:]")


def key(name: object) -> str:
    """A name that MLflow takes.

    Parameters
    ----------
    name : object
        Any name.

    Returns
    -------
    str
        The name, with "_" for what MLflow refuses, shortened.

    Examples
    --------
    >>> from sk_m2v.tracking._parameters import key
    >>> key("f1 [macro]")
    'f1 _macro_'
    """
    return shortened(_NOT_IN_KEYS.sub("_", str(name)) or "_", _KEY)


def parameters(estimator: Any) -> dict[str, str]:
    """Parameters of an estimator, and with ``__`` those of estimators in it.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    dict of str to str
        As text. An estimator within stands as the name of its class.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.tracking._parameters import parameters
    >>> found = parameters(FeatureExtractionClassifier(head=Ridge(alpha=2)))
    >>> found["head"], found["head__alpha"], found["missing"]
    ('Ridge', '2', 'error')
    """
    return as_text(estimator.get_params(deep=True))


def as_text(values: Mapping[str, Any]) -> dict[str, str]:
    """Any values as parameters.

    Parameters
    ----------
    values : mapping of str to object
        The values.

    Returns
    -------
    dict of str to str
        As text, shortened to what MLflow takes.
    """
    # Databases have no lone surrogates.
    return {
        key(name): replace_surrogates(shortened(_text(it), _VALUE))
        for name, it in values.items()
    }


def _text(value: Any) -> str:
    if hasattr(value, "get_params"):
        return value.__name__ if isinstance(value, type) else type(value).__name__
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_text, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return str(value)


def log_parameters(client: MlflowClient, run_id: str, values: dict[str, str]) -> None:
    """Log parameters in as few requests as MLflow allows.

    Parameters
    ----------
    client : MlflowClient
        The store.
    run_id : str
        The run.
    values : dict of str to str
        Names and values.
    """
    found = [Param(name, value) for name, value in values.items()]
    for start in range(0, len(found), _BATCH):
        client.log_batch(run_id, params=found[start : start + _BATCH])
