"""scikit-learn's rules for the classifiers: none is expected to fail."""

from __future__ import annotations

import pytest
from conftest import EXTRA_CHECKS, NumbersAsLabelledTexts
from sklearn.base import clone
from sklearn.utils import check_consistent_length
from sklearn.utils import estimator_checks as checks
from sklearn.utils.multiclass import check_classification_targets

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    ZeroShotClassifier,
)
from sk_m2v.train.heads import _folds, _logistic
from sk_m2v.train.labels._descriptions import read_descriptions
from sk_m2v.train.labels._labels import Labels


class NumbersAsClassifiedTexts(NumbersAsLabelledTexts):
    def predict_proba(self, X):
        return super().predict_proba(self._texts(X, reset=False))

    def decision_function(self, X):
        return super().decision_function(self._texts(X, reset=False))


class CheckedFE(NumbersAsClassifiedTexts, FeatureExtractionClassifier):
    pass


class NumbersAsTrainedTexts(NumbersAsClassifiedTexts):
    def partial_fit(self, X, y, classes=None, *, sample_weight=None):
        # Not left to the method itself, which takes `n_features_in_` for a fit.
        self._validate_params()
        texts = self._texts(X, reset=not hasattr(self, "classes_"))
        return super().partial_fit(texts, y, classes, sample_weight=sample_weight)


class CheckedFT(NumbersAsTrainedTexts, StaticClassifier):
    pass


class CheckedPT(NumbersAsTrainedTexts, FromScratchClassifier):
    pass


class CheckedZeroShot(NumbersAsClassifiedTexts, ZeroShotClassifier):
    """Checks tell classes by `y`: those of a class are the examples that describe it.

    Without `y`, or with one class, classes are described by columns.
    """

    def fit(self, X, y=None):
        texts = self._texts(X, reset=True)
        self._examples = None if y is None else (texts, y)
        return ZeroShotClassifier.fit(self, texts)

    def _described(self):
        if self._examples is None:
            return read_descriptions(["c0", "c1"])
        texts, y = self._examples
        check_classification_targets(y)
        labels = Labels.fit(y)
        codes = labels.encode(y)
        check_consistent_length(texts, codes)
        if len(labels.classes_) < 2:
            raise ValueError("one class")
        return labels, [
            [text for text, code in zip(texts, codes, strict=True) if code == index]
            for index in range(len(labels.classes_))
        ]


ESTIMATORS = [
    CheckedFE(),
    # What is chosen is the same for all: once is enough.
    CheckedFT(max_epochs=2, C=10.0, embedding_weight=1.5),
    CheckedPT(max_epochs=2, C=10.0, embedding_weight=0.5),
    CheckedZeroShot(["c0", "c1"]),
]


@pytest.mark.filterwarnings("ignore")
@checks.parametrize_with_checks(ESTIMATORS)
def test_estimator_checks(estimator, check, monkeypatch):
    if check.func.__name__.startswith("check_sample_weight_equivalence"):
        # Compares to 1e-7, as which no solver stops; and batches of texts that are
        # repeated are other ones than those of texts that weigh more.
        monkeypatch.setattr(_logistic, "TOLERANCE", 1e-13)
        monkeypatch.setattr(_folds, "_TOLERANCE", 1e-13)
        if isinstance(estimator, CheckedFE):
            # What was chosen is compared elsewhere, and scores have the precision of
            # float32: with these settings their last bits are the same.
            estimator.set_params(C=10.0, embedding_weight=1.0)
        else:
            estimator.set_params(max_epochs=0)
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda it: type(it).__name__)
@pytest.mark.parametrize(
    "name", ["check_param_validation", "check_dataframe_column_names_consistency"]
)
@pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning")
def test_extra_checks(estimator, name):
    assert name in EXTRA_CHECKS
    getattr(checks, name)(type(estimator).__name__, clone(estimator))
