"""Classifiers, regressors and pairs: training on texts.

In come texts and labels, out come fitted estimators. Only `fit` needs torch and skorch;
nothing here imports them before. Below, from the ground up: `features` (what is seen of
a text), `heads` (features to scores), `labels` (`y` to numbers and back), `fitting`
(torch), `callbacks`, `saved` (folders, pipelines). Read `_classifier` first.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train._contrastive import ContrastiveTransformer
from sk_m2v.train._distill_classifier import Agreement, distill_classifier
from sk_m2v.train._feature_extraction import FeatureExtractionClassifier
from sk_m2v.train._from_scratch import FromScratchClassifier
from sk_m2v.train._regressor import StaticRegressor
from sk_m2v.train._static import StaticClassifier
from sk_m2v.train._zero_shot import ZeroShotClassifier
from sk_m2v.train.heads._explanation import Explanation
from sk_m2v.train.saved._skops import trusted_types

__all__ = [
    "SKOPS_TRUSTED",
    "Agreement",
    "BagModule",
    "BaseStaticClassifier",
    "ContrastiveTransformer",
    "Explanation",
    "FeatureExtractionClassifier",
    "FromScratchClassifier",
    "ResumePoint",
    "StaticClassifier",
    "StaticRegressor",
    "ZeroShotClassifier",
    "distill_classifier",
]

#: What ``skops.io.load(file, trusted=[*SKOPS_TRUSTED])`` needs for all estimators here,
#: and for pipelines of them.
SKOPS_TRUSTED = trusted_types(
    ContrastiveTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
    ZeroShotClassifier,
)


# By name, because torch is needed for one, and the others are parts of what is fitted:
# nobody should have to know where they stand, and pickles look for them here.
_PARTS = {
    "BagModule": "sk_m2v.train.fitting._module",
    "Head": "sk_m2v.train.heads._head",
    "Labels": "sk_m2v.train.labels._labels",
    "LayerNorm": "sk_m2v.train.heads._head",
    "Linear": "sk_m2v.train.heads._head",
    "ReLU": "sk_m2v.train.heads._head",
    "ResumePoint": "sk_m2v.train.callbacks._resume_point",
    "Scale": "sk_m2v.train.labels._targets",
    "SklearnHead": "sk_m2v.train.heads._sklearn",
    "Tanh": "sk_m2v.train.heads._head",
}


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return getattr(import_module(_PARTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
