"""`ServedEstimator`: what MLflow calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cloudpickle
import mlflow.pyfunc
import pandas as pd
from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION

from sk_m2v._load import load
from sk_m2v._messages import listed, quoted
from sk_m2v._parameters import public

# What `predict` of the model can be told to call, and how.
METHODS = ("predict", "predict_proba", "decision_function", "transform")
METHOD = "method"
# Names of its artifact, and of what its configuration says.
ARTIFACT, TEXTS = "estimator", "texts"


@public("sk_m2v.tracking")
class ServedEstimator(mlflow.pyfunc.PythonModel):
    """A fitted estimator behind MLflow's `predict`.

    `track` logs it, ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` run it.
    The estimator itself is ``loaded.unwrap_python_model().estimator``.

    Attributes
    ----------
    estimator : estimator
        The fitted estimator, once a model is loaded.
    texts : bool
        Whether it reads texts, not frames or arrays.

    See Also
    --------
    track : Log a model, with the run that made it.

    Examples
    --------
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.tracking import ServedEstimator
    >>> served = ServedEstimator()
    >>> served.estimator = FeatureExtractionClassifier().fit(["good", "bad"], [1, 0])
    >>> served.predict(None, ["bad", "good"])
    array([0, 1])
    >>> served.predict(None, ["bad"], {"method": "predict_proba"}).shape
    (1, 2)
    """

    estimator: Any
    texts: bool = True

    def load_context(self, context: Any) -> None:
        """Load the estimator that is stored with the model.

        Parameters
        ----------
        context : mlflow.pyfunc.PythonModelContext
            Where its artifacts are.

        Raises
        ------
        ValueError
            If it is a pickle, and MLflow was told to read none.
        """
        path = Path(context.artifacts[ARTIFACT])
        self.texts = context.model_config[TEXTS]
        if path.is_dir():
            self.estimator = load(path)
            return
        if not MLFLOW_ALLOW_PICKLE_DESERIALIZATION.get():
            raise ValueError(
                "this model is a pickle, and MLFLOW_ALLOW_PICKLE_DESERIALIZATION is "
                "false: set it to true if you trust whoever logged the model"
            )
        with path.open("rb") as file:
            self.estimator = cloudpickle.load(file)

    # MLflow reads this annotation, and warns of any other: with a signature of columns
    # it makes a frame of lists and Series. What has none comes as it is.
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: Any = None
    ) -> Any:
        """Predict, or what else the estimator can do.

        Parameters
        ----------
        context : mlflow.pyfunc.PythonModelContext
            Not used.
        model_input : list of str, Series, or frame of one column
            Texts; what else the estimator was fitted to, if it was no texts.
        params : dict or None, default=None
            ``{"method": "predict_proba"}`` and the like: "predict", "predict_proba",
            "decision_function" or "transform". Without, "predict" where there is such.

        Returns
        -------
        ndarray or list
            What the method of the estimator returns.

        Raises
        ------
        ValueError
            If a text is missing, or the estimator has no such method.
        """
        method = (params or {}).get(METHOD) or default_method(self.estimator)
        if method not in METHODS or not hasattr(self.estimator, method):
            has = (it for it in METHODS if hasattr(self.estimator, it))
            raise ValueError(
                f"{METHOD} must be one of {listed(has)}, got {quoted(method)}"
            )
        if self.texts:
            # MLflow makes a frame of any list; our estimators find fault with rows.
            model_input = _column(model_input)
        return getattr(self.estimator, method)(model_input)


def _column(model_input: Any) -> Any:
    """The one column of a frame, as a list."""
    if not hasattr(model_input, "iloc") or model_input.ndim == 1:
        return model_input
    if model_input.shape[1] != 1:
        raise ValueError(
            "this model takes one column of texts, and there are "
            f"{listed(model_input.columns)}: pass frame[[name]]"
        )
    return model_input.iloc[:, 0].tolist()


def default_method(estimator: Any) -> str:
    """What a model does that is told nothing.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    str
        "predict", or "transform" where there is no such method.
    """
    return "predict" if hasattr(estimator, "predict") else "transform"
