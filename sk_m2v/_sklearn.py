"""The private names of scikit-learn that this package uses, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    RealNotInt,
    StrOptions,
)
from sklearn.utils._sparse import _align_api_if_sparse as align_sparse

from sk_m2v._messages import TEXT, shortened

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
    validated = _fit_context(prefer_skip_nested_validation=True)(method)

    @wraps(method)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        try:
            return validated(*args, **kwargs)
        except InvalidParameterError as error:
            # It ends with the whole value, which may be a corpus.
            must, _, value = str(error).partition(" Got ")
            if len(value) <= TEXT:
                raise
            value = value.removesuffix(" instead.")
            raise InvalidParameterError(
                f"{must} Got {shortened(value)} instead."
            ) from None

    result: Any = decorated
    return result  # type: ignore[no-any-return]
