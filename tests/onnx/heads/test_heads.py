"""Classifiers and regressors as graphs, with all their heads and forms of labels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx_helpers import (
    HARD,
    LABELS,
    MATRIX,
    TEXTS,
    VARIANTS,
    check_classifier,
    check_labels,
    outputs,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
    ZeroShotClassifier,
)


@pytest.fixture(params=VARIANTS)
def variant(request):
    return VARIANTS[request.param]


@pytest.fixture(scope="module")
def classifier():
    return FeatureExtractionClassifier().fit(TEXTS, LABELS)


def test_feature_extraction(classifier, variant):
    check_classifier(classifier, variant)
    check_classifier(classifier, variant, precision="float32")


@pytest.mark.parametrize(
    "y",
    [
        [0, 0, 0, 1, 1, 1, 2, 2, 2],
        [False] * 4 + [True] * 5,
        [0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 7.0, 7.0, 7.0],
        np.array(["a", "b", "c"] * 3, dtype=object),
        [-(2**40)] * 4 + [2**40] * 5,
    ],
)
def test_kinds_of_labels(y):
    classifier = FeatureExtractionClassifier(lexical=False).fit(TEXTS, y)
    check_classifier(classifier, VARIANTS["ids"])
    label, maps = outputs(classifier, VARIANTS["ids"], HARD, classifier.embedding_)
    assert_array_equal(label, classifier.predict(HARD))
    expected = classifier.predict_proba(HARD)
    for row, probabilities in zip(maps, expected, strict=True):
        found = [row[it] for it in classifier.classes_]
        assert_allclose(found, probabilities, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StaticClassifier(max_epochs=1),
        lambda: StaticClassifier(max_epochs=1, n_layers=2, hidden_dim=16),
        lambda: FromScratchClassifier(max_epochs=1, dim=12),
        lambda: FromScratchClassifier(max_epochs=1, tokenizer="bpe", lexical=False),
        lambda: FeatureExtractionClassifier(ngram_range=(1, 3), max_length=6),
        lambda: ZeroShotClassifier(["cats", "dogs", "weather"]),
    ],
)
def test_all_classifiers(make, variant):
    classifier = make()
    if hasattr(classifier, "random_state"):
        classifier.set_params(random_state=0)
    check_classifier(classifier.fit(TEXTS, LABELS), variant)


@pytest.mark.parametrize("form", ["matrix", "lists"])
@pytest.mark.parametrize("thresholds", [None, 0.3, [0.2, 0.5, 0.9]])
def test_several_labels(form, thresholds, variant):
    y = MATRIX
    if form == "lists":
        y = [[name for name, it in zip("abc", row, strict=True) if it] for row in y]
        thresholds = thresholds[:2] if isinstance(thresholds, list) else thresholds
    classifier = FeatureExtractionClassifier(thresholds=thresholds).fit(TEXTS, y)
    label, probabilities = outputs(classifier, variant, HARD, classifier.embedding_)
    expected = classifier._labels.encode(classifier.predict(HARD))
    assert label.dtype == np.int64
    assert_array_equal(label, expected)
    assert_allclose(probabilities, classifier.predict_proba(HARD), atol=1e-6)


def test_thresholds_of_two_classes():
    classifier = FeatureExtractionClassifier(thresholds=0.55)
    classifier.fit(TEXTS, ["no"] * 5 + ["yes"] * 4)
    assert len(set(classifier.predict(HARD))) == 2
    check_classifier(classifier, VARIANTS["ids"])


@pytest.mark.parametrize("y", [LABELS, ["no"] * 5 + ["yes"] * 4, MATRIX])
def test_raw_scores(y):
    classifier = FeatureExtractionClassifier().fit(TEXTS, y)
    _, scores = outputs(
        classifier,
        VARIANTS["ids"],
        HARD,
        classifier.embedding_,
        zipmap=False,
        raw_scores=True,
    )
    expected = classifier.decision_function(HARD)
    if expected.ndim == 1:
        expected = np.column_stack([-expected, expected])
    assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize(
    "head",
    [
        RandomForestClassifier(5, random_state=0),
        SGDClassifier(random_state=0, loss="log_loss"),
        MLPClassifier(random_state=0, max_iter=20),
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
        LogisticRegression(),
    ],
    ids=lambda it: type(it).__name__,
)
@pytest.mark.parametrize("lexical", [False, True])
@pytest.mark.parametrize("y", [LABELS, ["no"] * 5 + ["yes"] * 4, MATRIX])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_heads_of_sklearn(head, lexical, y):
    classifier = FeatureExtractionClassifier(
        head=head, lexical=lexical, class_weight=None
    ).fit(TEXTS, y)
    check = check_classifier
    if classifier._labels.multilabel:
        check = check_labels
    check(classifier, VARIANTS["ids"])


@pytest.mark.parametrize(
    "head",
    [LinearSVC(), SGDClassifier(random_state=0)],
    ids=lambda it: type(it).__name__,
)
@pytest.mark.parametrize("y", [LABELS, ["no"] * 5 + ["yes"] * 4, MATRIX])
def test_heads_without_probabilities(head, y):
    classifier = FeatureExtractionClassifier(head=head).fit(TEXTS, y)
    label, scores = outputs(classifier, VARIANTS["ids"], HARD, classifier.embedding_)
    assert_array_equal(label, classifier.predict(HARD))
    expected = classifier.decision_function(HARD)
    if expected.ndim == 1:
        expected = np.column_stack([-expected, expected])
    assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("n_layers", [0, 1])
def test_regressor(vectors, n_layers, variant):
    rng = np.random.default_rng(0)
    y = rng.normal(50, 10, size=(9, 40) if vectors else 9)
    regressor = StaticRegressor(
        n_layers=n_layers, hidden_dim=8, max_epochs=1, random_state=0
    ).fit(TEXTS, y)
    (values,) = outputs(regressor, variant, HARD, regressor.embedding_)
    expected = regressor.predict(HARD).reshape(len(HARD), -1)
    assert_allclose(values, expected, rtol=1e-6)
