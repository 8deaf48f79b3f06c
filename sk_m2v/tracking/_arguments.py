"""What `track` is given: what is refused at once, and hashes that tell data apart."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import joblib

from sk_m2v._messages import quoted
from sk_m2v._text import as_texts
from sk_m2v.benchmark._test_scores import n_rows


def check_names(**names: Any) -> None:
    """Refuse names that are none.

    Parameters
    ----------
    **names : dict of str to object
        What should be str; all but `prefix` may be None.

    Raises
    ------
    TypeError
        If one is something else.
    """
    for name, value in names.items():
        if not isinstance(value, str) and (value is not None or name == "prefix"):
            raise TypeError(f"{name} must be a str, got {quoted(value)}")


def check_estimator(estimator: Any, X_test: Any, y_test: Any) -> None:
    """Refuse what cannot be fitted, and scores that cannot be.

    Parameters
    ----------
    estimator : object
        What should be an estimator.
    X_test, y_test : array-like or None
        The test set.

    Raises
    ------
    TypeError
        If it is no estimator, or one without `predict` that should have scores.
    ValueError
        If half of the test set is missing.
    """
    if isinstance(estimator, type) or not (
        hasattr(estimator, "fit") and hasattr(estimator, "get_params")
    ):
        raise TypeError(
            "estimator must be an estimator of this package or of scikit-learn, got "
            f"{quoted(estimator)}"
        )
    if X_test is not None and not hasattr(estimator, "predict"):
        raise TypeError(
            f"X_test is for scores, and {quoted(estimator)} has no predict: leave "
            "X_test out"
        )
    if (X_test is None) != (y_test is None):
        first = "y_test" if X_test is None else "X_test"
        raise ValueError(f"{first} is given alone: pass X_test and y_test, or neither")


def kept(values: Any) -> Any:
    """What can be read more than once.

    Parameters
    ----------
    values : array-like, iterable or None
        Any container.

    Returns
    -------
    array-like or None
        The same, or a list of what an iterator has.
    """
    is_container = values is None or hasattr(values, "__len__")
    return values if is_container or hasattr(values, "shape") else list(values)


def digest(values: Any) -> str:
    """Hash of texts or labels.

    Parameters
    ----------
    values : array-like
        Texts or labels in any container.

    Returns
    -------
    str
        32 hexadecimal digits. Equal texts have equal hashes in a list, an array and a
        Series; so have lists and arrays of labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_m2v.tracking._arguments import digest
    >>> digest(["a", "b"]) == digest(np.array(["a", "b"]))
    True
    >>> digest(["a", "b"]) == digest(["ab", ""])
    False
    """
    try:
        rows: Any = as_texts(values, missing="empty")
    except (TypeError, ValueError):
        rows = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(rows, list):
        try:
            text = json.dumps(rows)
        except (TypeError, ValueError):
            pass
        else:
            return sha256(text.encode()).hexdigest()[:32]
    return str(joblib.hash(values))


def about_data(X: Any, y: Any, which: str) -> dict[str, str]:
    """Tags that tell whether two runs saw the same data.

    Parameters
    ----------
    X : array-like or None
        The data.
    y : array-like or None
        Its labels.
    which : str
        What it is for: "train" or "test".

    Returns
    -------
    dict of str to str
        Hashes and the number of rows; empty without data.
    """
    if X is None:
        return {}
    about = {f"data.{which}.X": digest(X), f"data.{which}.rows": str(n_rows(X))}
    if y is not None:
        about[f"data.{which}.y"] = digest(y)
    return about
