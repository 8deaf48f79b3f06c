"""What this package uses of scikit-learn that is private or new, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any, TypeVar

from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.callback import CallbackSupportMixin  # experimental
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
    "UNFOLLOWED",
    "ClassNamePrefixFeaturesOutMixin",
    "FitTask",
    "Followed",
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "align_sparse",
    "validates_parameters",
]

Method = TypeVar("Method", bound=Callable[..., Any])
# Fitted attributes, made only if a callback asks for a fitted estimator.
Attributes = Callable[[], dict[str, Any]]


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


class FitTask:
    """A fit, or a step of it. Callbacks are told of its beginning here.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    context : sklearn.callback.CallbackContext or None
        That of the task. None is a task that nobody follows, which costs nothing.
    data : dict
        `X`, `y` and `metadata` of the fit.
    """

    def __init__(self, estimator: Any, context: Any, data: dict[str, Any]) -> None:
        self._context = context
        self._data = {"estimator": estimator, **data}
        if context is not None:
            context.call_on_fit_task_begin(**self._data)

    @property
    def is_followed(self) -> bool:
        """Whether there are callbacks."""
        return self._context is not None and hasattr(
            self._data["estimator"], "_skl_callbacks"
        )

    def begin(self, name: str, n_steps: int = 0) -> FitTask:
        """Begin a step.

        Parameters
        ----------
        name : str
            What is done.
        n_steps : int, default=0
            The most steps that it has itself.

        Returns
        -------
        FitTask
            The step.
        """
        return self._within(self._subcontext(name, n_steps))

    def end(self, attributes: Attributes | None = None) -> bool:
        """End the task.

        Parameters
        ----------
        attributes : callable, optional
            Makes what the estimator would have if its fit had ended with this task.

        Returns
        -------
        bool
            Whether a callback wants no more tasks of this kind.
        """
        if self._context is None:
            return False
        return bool(
            self._context.call_on_fit_task_end(
                **self._data, reconstruction_attributes=attributes
            )
        )

    @contextmanager
    def step(self, name: str, estimator: Any = None) -> Iterator[None]:
        """Step without steps of its own.

        Parameters
        ----------
        name : str
            What is done.
        estimator : estimator, optional
            Whose fit it is. It gets the callbacks that are for all estimators, such as
            a progress bar, and tells them of its own steps.

        Yields
        ------
        None
            While it is done.
        """
        context = self._subcontext(name)
        handed: Any = nullcontext()
        if context is not None and estimator is not None:
            handed = context.propagate_callback_context(estimator)
        with handed:
            step = self._within(context)
            yield
            step.end()

    def _subcontext(self, name: str, n_steps: int = 0) -> Any:
        if not self.is_followed:
            return None
        return self._context.subcontext(name, max_subtasks=n_steps)

    def _within(self, context: Any) -> FitTask:
        data = dict(self._data)
        return FitTask(data.pop("estimator"), context, data)


#: A fit that nobody follows.
UNFOLLOWED = FitTask(None, None, {})


class Followed(CallbackSupportMixin):
    """What callbacks of scikit-learn can follow in `fit`."""

    def _begin_fit(
        self,
        n_steps: int | None,
        X: Any = None,
        y: Any = None,
        sample_weight: Any = None,
    ) -> FitTask:
        """Tell callbacks that the fit begins; scikit-learn tells them of its end."""
        context = self._init_callback_context(max_subtasks=n_steps)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        return FitTask(self, context, {"X": X, "y": y, "metadata": metadata})

    def __getstate__(self) -> Any:
        # A callback may pickle or copy in the middle of a fit.
        state = dict(super().__getstate__())
        for name in ("_callback_fit_ctx", "_skl_callbacks_to_teardown"):
            state.pop(name, None)
        return state
