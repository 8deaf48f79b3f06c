"""Settings that are chosen by folds, and how sure a classifier is then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import softmax

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    load,
)
from sk_m2v.train.features._features import Features
from sk_m2v.train.heads import _choice
from sk_m2v.train.heads._choice import Choice, choose
from sk_m2v.train.heads._folds import N_FOLDS, Folds, _assign, temperature_of
from sk_m2v.train.heads._logistic import as_shares, fit_logistic

GOOD = ["great", "lovely", "splendid", "wonderful", "fine"]
BAD = ["dull", "boring", "tedious", "awful", "poor"]
THINGS = ["film", "story", "book", "plot", "cast", "play"]


def draw(n, noise=0.0, seed=0):
    random = np.random.RandomState(seed)
    y = random.randint(2, size=n)
    texts = [
        f"a {random.choice(GOOD if label else BAD)} {random.choice(THINGS)} "
        f"{random.choice(THINGS)} {random.randint(99)}"
        for label in y
    ]
    return texts, np.where(random.random_sample(n) < noise, 1 - y, y)


def features_of(n_texts, n_words=40, dim=5, seed=0):
    random = np.random.RandomState(seed)
    lexical = csr_array((random.random_sample((n_texts, n_words)) < 0.2) * 0.4)
    dense = random.standard_normal((n_texts, dim)).astype(np.float32)
    return Features((lexical.astype(np.float32),), dense)


@pytest.fixture(
    params=[
        FeatureExtractionClassifier(),
        StaticClassifier(random_state=0, max_epochs=0),
        FromScratchClassifier(random_state=0, max_epochs=0),
    ],
    ids=["FE", "FT", "PT"],
)
def classifier(request):
    from sklearn.base import clone

    return clone(request.param)


class TestSettings:
    def test_are_fitted_attributes_and_saved(self, classifier, tmp_path):
        classifier.fit(*draw(80, noise=0.1))
        assert classifier.C_ in (2, 10, 50)
        assert classifier.embedding_weight_ in (0.5, 0.7, 1, 1.5, 2.2)
        assert classifier.temperature_ > 0
        assert (classifier.C, classifier.embedding_weight) == ("auto", "auto")
        classifier.save_pretrained(tmp_path)
        again = load(tmp_path)
        for name in ("C_", "embedding_weight_", "temperature_"):
            assert getattr(again, name) == getattr(classifier, name)

    def test_numbers_are_taken_as_they_are(self, classifier):
        classifier.set_params(C=3.0, embedding_weight=0.9).fit(*draw(80))
        found = classifier.C_, classifier.embedding_weight_, classifier.temperature_
        assert found == (3.0, 0.9, 1.0)

    @pytest.mark.parametrize("name", ["C", "embedding_weight"])
    def test_one_number(self, classifier, name):
        classifier.set_params(**{name: 3.0}).fit(*draw(80, noise=0.2))
        assert getattr(classifier, f"{name}_") == 3.0
        assert classifier.temperature_ != 1

    def test_few_texts_say_nothing(self, classifier):
        texts, y = ["good film", "bad film"] * 30, [1, 0] * 30
        classifier.fit(texts, y)
        found = classifier.C_, classifier.embedding_weight_, classifier.temperature_
        assert found == (10.0, 1.5, 1.0)

    def test_probabilities_are_as_sure_as_they_are_right(self, classifier):
        texts, y = draw(400, noise=0.3)
        new, truth = draw(400, noise=0.3, seed=1)

        def loss():
            right = classifier.predict_proba(new)[np.arange(400), truth]
            return -np.log(np.maximum(right, 1e-7)).mean()

        chosen = classifier.fit(texts, y) and loss()
        classifier.set_params(C=10.0, embedding_weight=1.5).fit(texts, y)
        assert chosen < loss()

    def test_several_labels(self, classifier):
        texts, y = draw(80, noise=0.1)
        classifier.fit(texts, np.column_stack([y, 1 - y, np.ones_like(y)]))
        assert classifier.C_ in (2, 10, 50)

    def test_scores_are_those_of_the_regression_cooled(self):
        texts, y = draw(80, noise=0.2)
        chosen = FeatureExtractionClassifier().fit(texts, y)
        given = FeatureExtractionClassifier(
            C=chosen.C_, embedding_weight=chosen.embedding_weight_
        ).fit(texts, y)
        assert_allclose(
            chosen.decision_function(texts) * chosen.temperature_,
            given.decision_function(texts),
            rtol=1e-4,
        )


class TestFolds:
    def folds(self, features, Y, counts=None, multilabel=False):
        truth = as_shares(Y)[1] if Y.ndim == 1 else Y
        counts = np.ones(len(Y)) if counts is None else counts
        weights = counts if Y.ndim == 1 else np.outer(counts, np.ones(Y.shape[1]))
        return Folds(features, truth, weights, counts, multilabel)

    def test_left_out_scores_are_those_of_the_rest(self):
        features, Y = features_of(60), np.arange(60) % 3
        folds = self.folds(features, Y)
        found = folds.scores(10.0, 0.7)
        assert found.shape == (60, 3)
        rows = folds._rows
        for rest in folds.remaining():
            assert_allclose(rest.size, 45, atol=3)
            out = np.setdiff1d(rows, rest)
            (head,) = fit_logistic(
                features.rows(rest),
                0.7,
                Y[rest],
                np.ones(rest.size),
                C=10.0,
                multilabel=False,
            )
            expected = features.rows(out).stacked(0.7) @ head.coef_.T + head.intercept_
            place = np.searchsorted(rows, out)
            assert_allclose(softmax(found[place], 1), softmax(expected, 1), atol=0.02)

    def test_equal_texts_are_left_out_together(self):
        features = features_of(24)
        twice = features.followed_by(features)
        folds = self.folds(twice, np.append(np.arange(24) % 2, np.arange(24) % 3 % 2))
        for rest in folds.remaining():
            assert {*rest % 24} == {it % 24 for it in rest}
            assert not {*(rest % 24)} & {*(np.setdiff1d(np.arange(48), rest) % 24)}

    def test_a_text_that_counts_twice_is_two(self):
        features, Y = features_of(40), np.arange(40) % 2
        counts = np.where(np.arange(40) < 10, 2.0, 1.0)
        twice = features.followed_by(features.rows(np.arange(0, 10)))
        options = {"C": "auto", "embedding_weight": "auto", "multilabel": False}
        more = np.append(Y, Y[:10])
        mine = choose(features, Y, counts, counts, **options)
        theirs = choose(twice, more, np.ones(50), np.ones(50), **options)
        assert mine[:3] == theirs[:3]
        assert_allclose(mine.temperature, theirs.temperature, rtol=1e-3)

    def test_texts_of_weight_zero_are_not_there(self):
        features, Y = features_of(60), np.arange(60) % 3
        counts = np.where(np.arange(60) < 40, 1.0, 0.0)
        mine = self.folds(features, Y, counts).scores(10.0, 1.0)
        theirs = self.folds(features.rows(np.arange(0, 40)), Y[:40]).scores(10.0, 1.0)
        assert_allclose(mine, theirs, atol=1e-6)

    def test_a_class_of_one_text_is_not_judged(self):
        Y = np.append(np.zeros(20, int), [1] * 20 + [2])
        folds = self.folds(features_of(41), Y)
        assert folds.judged.sum() == 40

    def test_many_texts_are_sampled(self):
        features, Y = features_of(5_000), np.arange(5_000) % 4
        folds = self.folds(features, Y)
        assert folds.judged.size == 2_000
        assert folds.share == 0.4
        assert_array_equal(np.bincount(Y[folds._rows]), [500] * 4)

    def test_of_labels(self):
        Y = (np.random.RandomState(0).random_sample((30, 4)) < 0.5).astype(float)
        folds = self.folds(features_of(30), Y, multilabel=True)
        assert folds.scores(10.0, 1.0).shape == (30, 4)
        assert len(folds.remaining()) == N_FOLDS


class TestTemperature:
    @settings(max_examples=30, deadline=None)
    @given(
        seed=st.integers(0, 999),
        heat=st.floats(0.05, 30),
        n_classes=st.integers(2, 5),
    )
    def test_is_where_the_loss_is_least(self, seed, heat, n_classes):
        random = np.random.RandomState(seed)
        scores = random.standard_normal((200, n_classes)) * heat
        truth = np.eye(n_classes)[random.randint(n_classes, size=200)]
        counts = random.random_sample(200) + 0.1

        def loss(logarithm):
            likely = softmax(scores * np.exp(-logarithm), axis=1)
            losses = -np.log(np.maximum(likely[truth > 0], 1e-300))
            return (counts @ losses + logarithm**2 / 2) / counts.sum()

        found = np.log(temperature_of(scores, truth, counts, multilabel=False))
        best = minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded")
        assert loss(found) <= best.fun + 1e-6

    def test_of_one_that_is_never_wrong_or_never_right(self):
        scores = np.array([[3.0, -3.0]] * 50)
        right, wrong = np.array([[1.0, 0.0]] * 50), np.array([[0.0, 1.0]] * 50)
        ones = np.ones(50)
        assert temperature_of(scores, right, ones, False) < 1
        assert_allclose(temperature_of(scores, wrong, ones, False), np.exp(2.5))


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.4])
def test_what_some_of_many_texts_say_is_taken_back_in_part(monkeypatch, noise):
    texts, y = draw(160, noise=noise)

    def chosen(**parameters):
        fitted = FeatureExtractionClassifier(**parameters).fit(texts, y)
        return fitted.C_, fitted.embedding_weight_, fitted.temperature_

    C, weight, temperature = chosen()
    alone = chosen(C=3.0)

    class SomeOfMany(Folds):
        def __init__(self, *data, **more):
            super().__init__(*data, **more)
            self.share /= 4

    monkeypatch.setattr(_choice, "Folds", SomeOfMany)
    expected = (
        C if C >= 10 else (10 * C) ** 0.5,
        weight if weight <= 1.5 else (1.5 * weight) ** 0.5,
        temperature if temperature >= 1 else temperature**0.5,
    )
    assert_allclose(chosen(), expected, rtol=1e-12)
    # A number is nobody's choice.
    assert chosen(C=3.0)[0] == alone[0] == 3.0


def test_share_of_texts():
    features = features_of(90)
    Y = np.arange(90) % 3
    counts = np.ones(90)
    assert Folds(features, as_shares(Y)[1], counts, counts, False).share == 1


def test_choice_says_what_was_chosen():
    assert Choice(1.0, 2.0, 0.5, 3.0).attributes() == {
        "C_": 1.0,
        "embedding_weight_": 2.0,
        "temperature_": 3.0,
    }


@pytest.mark.parametrize("n_texts", [2000, 2001, 2050, 2054, 4999])
def test_folds_of_any_number_of_texts(n_texts: int) -> None:
    """Steps between the texts that are looked at are no whole numbers."""
    dense = np.random.default_rng(0).normal(size=(n_texts, 3)).astype(np.float32)
    truth = np.eye(2)[np.arange(n_texts) % 2]
    rows, fold = _assign(dense, truth, np.ones(n_texts), multilabel=False)
    assert len(rows) == len(set(rows)) == 2000
    assert (np.bincount(fold) == 500).all()
    assert abs(truth[rows].sum(0) - 1000).max() <= 1
