"""Which of scikit-learn's meta-estimators take texts, as the guide says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import (
    RFE,
    RFECV,
    SelectFromModel,
    SequentialFeatureSelector,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    TunedThresholdClassifierCV,
    permutation_test_score,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import SelfTrainingClassifier

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbeddingTransformer,
    StaticRegressor,
)

TEXTS = ["a great film", "a lovely movie", "a dull film", "a boring movie"] * 6
CLASSES = np.array(["good", "good", "bad", "bad"] * 6)
SEVERAL = np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 6)
SOME = np.where(np.arange(24) % 3, [1, 1, 0, 0] * 6, -1)
NUMBERS = np.arange(24.0)
CONTAINERS = {
    "list": TEXTS,
    "array": np.array(TEXTS, dtype=object),
    "Series": pd.Series(TEXTS),
    "column": np.array(TEXTS, dtype=object)[:, None],
    "frame": pd.DataFrame({"text": TEXTS}),
}
TABLES = {"column", "frame"}


def several(kind, **options):
    return lambda it: kind([("a", it), ("b", it)], **options)


TAKE_TEXTS = {
    "OneVsRestClassifier": (OneVsRestClassifier, CLASSES),
    "OutputCodeClassifier": (
        lambda it: OutputCodeClassifier(it, random_state=0),
        CLASSES,
    ),
    "VotingClassifier": (several(VotingClassifier, voting="soft"), CLASSES),
    "StackingClassifier": (several(StackingClassifier, cv=2), CLASSES),
    "MultiOutputClassifier": (MultiOutputClassifier, SEVERAL),
    "CalibratedClassifierCV": (lambda it: CalibratedClassifierCV(it, cv=2), CLASSES),
    "TunedThresholdClassifierCV": (
        lambda it: TunedThresholdClassifierCV(it, cv=2),
        CLASSES,
    ),
    "FixedThresholdClassifier": (FixedThresholdClassifier, CLASSES),
    "FrozenEstimator": (lambda it: FrozenEstimator(it.fit(TEXTS, CLASSES)), CLASSES),
    "TransformedTargetRegressor": (TransformedTargetRegressor, NUMBERS),
    "VotingRegressor": (several(VotingRegressor), NUMBERS),
    "StackingRegressor": (several(StackingRegressor, cv=2), NUMBERS),
    "MultiOutputRegressor": (MultiOutputRegressor, SEVERAL * 1.0),
}
TAKE_TABLES = {
    "BaggingClassifier": (lambda it: BaggingClassifier(it, 2, random_state=0), CLASSES),
    "AdaBoostClassifier": (
        lambda it: AdaBoostClassifier(it, n_estimators=2, random_state=0),
        CLASSES,
    ),
}
TAKE_NUMBERS = {
    "ClassifierChain": (ClassifierChain, SEVERAL),
    "RegressorChain": (RegressorChain, SEVERAL * 1.0),
    "OneVsOneClassifier": (OneVsOneClassifier, CLASSES),
    "SelfTrainingClassifier": (SelfTrainingClassifier, SOME),
    "StackingClassifier with passthrough": (
        several(StackingClassifier, passthrough=True, cv=2),
        CLASSES,
    ),
    "RFE": (lambda it: RFE(it, step=0.5), CLASSES),
    "RFECV": (lambda it: RFECV(it, step=0.5, cv=2), CLASSES),
    "SelectFromModel": (SelectFromModel, CLASSES),
    "SequentialFeatureSelector": (
        lambda it: SequentialFeatureSelector(it, n_features_to_select=1, cv=2),
        CLASSES,
    ),
}


def of_texts(y):
    if y.dtype.kind == "f":
        return StaticRegressor(max_epochs=0)
    return FeatureExtractionClassifier()


def output(fitted, X):
    return fitted.predict(X) if hasattr(fitted, "predict") else fitted.transform(X)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", [*TAKE_TEXTS, *TAKE_TABLES])
def test_takes_texts(name, container):
    wrap, y = (TAKE_TEXTS | TAKE_TABLES)[name]
    X = CONTAINERS[container]
    if name in TAKE_TABLES and container not in TABLES:
        with pytest.raises(ValueError, match=r"2D array|2-dimensional"):
            wrap(of_texts(y)).fit(X, y)
        return
    predicted = output(wrap(of_texts(y)).fit(X, y), X)
    assert len(predicted) == 24
    if y is CLASSES:
        assert (predicted == y).all()


@pytest.mark.parametrize("name", TAKE_NUMBERS)
def test_takes_numbers_only(name):
    """If this fails, the guide can promise more."""
    wrap, y = TAKE_NUMBERS[name]
    for X in CONTAINERS.values():
        with pytest.raises(ValueError):
            output(wrap(of_texts(y)).fit(X, y), X)
    head = Ridge() if y.dtype.kind == "f" else LogisticRegression(C=10)
    model = StaticEmbeddingTransformer(dimensionality=8)
    assert len(output(make_pipeline(model, wrap(head)).fit(TEXTS, y), TEXTS)) == 24


def test_permutations():
    score, permuted, _ = permutation_test_score(
        FeatureExtractionClassifier(), TEXTS, CLASSES, n_permutations=5, random_state=0
    )
    assert score == 1 > permuted.mean()
