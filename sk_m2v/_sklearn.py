"""The private names of scikit-learn that this package uses, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
)
from sklearn.utils._sparse import _align_api_if_sparse as align_sparse

__all__ = [
    "ClassNamePrefixFeaturesOutMixin",
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "align_sparse",
    "validates_parameters",
]

Method = TypeVar("Method", bound=Callable[..., Any])


def validates_parameters(method: Method) -> Method:
    """Check the parameters of an estimator, by its constraints, before a method runs.

    Parameters
    ----------
    method : callable
        `fit` or the like.

    Returns
    -------
    callable
        The method with the check.
    """
    decorated: Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return decorated
