"""The estimator that a configuration describes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from sk_m2v._messages import listed, quoted
from sk_m2v.cli.running._model import open_model


def make_estimator(
    train: Mapping[str, Any], model: Mapping[str, Any] | None, random_state: int
) -> Any:
    """Make an estimator, and check its parameters.

    Parameters
    ----------
    train : mapping
        Section "train": its class and its parameters.
    model : mapping or None
        Section "model": what it starts from. None is the model of the package.
    random_state : int
        Seed.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there is no such callback.
    OSError
        If there is no such model.
    """
    import sk_m2v

    given = dict(train)
    kind = getattr(sk_m2v, given.pop("estimator"))
    if given.get("callbacks") is not None:
        given["callbacks"] = [callback(it) for it in given["callbacks"]]
    if given.get("head") is not None:
        given["head"] = head(given["head"])
    known = inspect.signature(kind).parameters
    if "model" in known and model is not None:
        given["model"] = base_model(model)
    elif model is not None:
        raise ValueError(
            f"a {kind.__name__} starts from no model: leave out the section model"
        )
    if "random_state" in known:
        given["random_state"] = random_state
    estimator = kind(**given)
    estimator._validate_params()
    if hasattr(estimator, "_check_means"):
        estimator._check_means()
    return estimator


def base_model(model: Mapping[str, Any]) -> Any:
    """The embedding to start from.

    Parameters
    ----------
    model : mapping
        Parameters of `StaticEmbedding.from_pretrained`.

    Returns
    -------
    str or StaticEmbedding or None
        The path alone, if that says all: then what is fitted says where it is from.
    """
    from sk_m2v import StaticEmbedding

    changed = {name: it for name, it in model.items() if it not in (None, False)}
    path = open_model(changed.pop("path", None)).path
    embedding = StaticEmbedding.from_pretrained(path, **changed)
    return embedding if changed else path and str(path)


def callback(given: Any) -> Any:
    """Callback of skorch.

    Parameters
    ----------
    given : str or mapping
        Its name, or a mapping with its name and its parameters.

    Returns
    -------
    skorch.callbacks.Callback
        The callback.

    Raises
    ------
    ValueError
        If there is no such callback, or it has no such parameter.
    """
    from sk_m2v.train.callbacks._given import named_callbacks

    name, parameters = _named(given)
    known = named_callbacks()
    if name not in known:
        near = get_close_matches(str(name), known, n=3, cutoff=0)
        raise ValueError(
            f"train.callbacks: there is no callback {quoted(name)}. Write "
            '{name = "EarlyStopping", patience = 3}, with a name of '
            f"skorch.callbacks. The nearest are {listed(near)}"
        )
    return _made(known[name], parameters, "train.callbacks")


def head(given: Any) -> Any:
    """Classifier of scikit-learn.

    Parameters
    ----------
    given : str or mapping
        Its name, or a mapping with its name and its parameters.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    ValueError
        If a folder cannot hold it, or it has no such parameter.
    """
    from sklearn.linear_model import LogisticRegression

    name, parameters = _named(given)
    if name != LogisticRegression.__name__:
        raise ValueError(
            f'train.head: expected {{name = "LogisticRegression", C = 3.0}}, got '
            f"{quoted(given)}: a folder holds arrays, and of the classifiers of "
            "scikit-learn this is the one that is just that. Use others from Python"
        )
    return _made(LogisticRegression, parameters, "train.head")


def _named(given: Any) -> tuple[Any, dict[str, Any]]:
    """Name and parameters, of a name alone or of a mapping with both."""
    parameters = {"name": given} if isinstance(given, str) else dict(given)
    return parameters.pop("name", None), parameters


def _made(kind: Any, parameters: dict[str, Any], where: str) -> Any:
    known = inspect.signature(kind).parameters
    for key in parameters:
        if key not in known:
            near = get_close_matches(str(key), known, n=3, cutoff=0)
            raise ValueError(
                f"{where}: {kind.__name__} has no parameter {quoted(key)}. The nearest "
                f"are {listed(near)}"
            )
    return kind(**parameters)
