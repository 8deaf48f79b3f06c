"""Which experiment a run of an estimator belongs to."""

from __future__ import annotations

from typing import Any

BENCHMARK = "Benchmark"
# By the names of classes, those of bases included: nothing of torch is imported.
SECTIONS = {
    "FeatureExtractionClassifier": "FE",
    "StaticClassifier": "FT",
    "FromScratchClassifier": "PT",
    "StaticRegressor": "Regression",
    "ContrastiveTransformer": "Contrastive",
    "DistillTransformer": "Distilling",
}
# Parameters in which scikit-learn's estimators hold the one that they wrap.
_INNER = ("estimator", "regressor", "classifier")


def inner_estimator(estimator: Any) -> Any:
    """The estimator that does the work: the last step, or what is searched over.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    estimator
        The last step of a pipeline, what a meta-estimator wraps, fitted where there is
        a fitted one, and so on; else the estimator itself.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.tracking._sections import inner_estimator
    >>> inner_estimator(make_pipeline(FeatureExtractionClassifier(C=3)))
    FeatureExtractionClassifier(C=3)
    """
    while (inner := _inside(estimator)) is not None:
        estimator = inner
    return estimator


def _inside(estimator: Any) -> Any:
    if steps := getattr(estimator, "steps", None):
        used = [it for _, it in steps if hasattr(it, "get_params")]
        return used[-1] if used else None
    for name in _INNER:
        for attribute in (f"best_{name}_", f"{name}_", name):
            inner = getattr(estimator, attribute, None)
            if hasattr(inner, "get_params") and not isinstance(inner, type):
                return inner
    return None


def section(estimator: Any) -> str:
    """Name of the experiment of an estimator.

    Parameters
    ----------
    estimator : estimator
        Any estimator.

    Returns
    -------
    str
        The section of the inner estimator, or the name of its class.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.tracking._sections import section
    >>> section(FeatureExtractionClassifier()), section(Ridge())
    ('FE', 'Ridge')
    """
    kind = type(inner_estimator(estimator))
    names = [it.__name__ for it in kind.__mro__]
    return next((SECTIONS[it] for it in names if it in SECTIONS), kind.__name__)
