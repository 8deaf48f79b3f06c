"""Texts without labels: `X_unlabeled`, and labels of -1."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, hstack
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
)
from sk_m2v.train.features._features import Features
from sk_m2v.train.features._topics import Topics, find_topics
from sk_m2v.train.heads._choice import Choice, choose, settled_head
from sk_m2v.train.labels._unlabelled import labelled_rows

GOOD = ["a great film", "a lovely story", "great fun", "lovely to watch"]
BAD = ["a dull film", "a boring story", "dull stuff", "boring to watch"]
TEXTS = [
    f"{text} {more}" for more in ("really", "indeed", "I say") for text in GOOD + BAD
]
LABELS = np.array(([1] * 4 + [0] * 4) * 3)
UNLABELLED = [
    f"{adverb} {word} plot and a {word} cast"
    for adverb in ("what a", "such a", "a very")
    for word in ("splendid", "great", "tedious", "dull")
]
KINDS = {
    "FE": FeatureExtractionClassifier(),
    "FT": StaticClassifier(random_state=0, max_epochs=1),
    "PT": FromScratchClassifier(random_state=0, max_epochs=1),
}


@pytest.fixture(params=KINDS)
def classifier(request):
    from sklearn.base import clone

    return clone(KINDS[request.param])


class TestXUnlabeled:
    def test_none_is_nothing(self, classifier):
        expected = classifier.fit(TEXTS, LABELS).predict_proba(UNLABELLED)
        for nothing in (None, [], pd.Series([], dtype=str)):
            found = classifier.fit(TEXTS, LABELS, X_unlabeled=nothing)
            assert_array_equal(found.predict_proba(UNLABELLED), expected)

    @pytest.mark.parametrize("form", [list, np.array, pd.Series, iter])
    def test_any_container(self, classifier, form):
        expected = classifier.fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        expected = expected.predict_proba(TEXTS)
        found = classifier.fit(TEXTS, LABELS, X_unlabeled=form(UNLABELLED))
        assert_array_equal(found.predict_proba(TEXTS), expected)

    def test_features_are_those_of_the_labelled_texts(self):
        classifier = FeatureExtractionClassifier()
        without = classifier.fit(TEXTS, LABELS)._vectorizers
        fitted = classifier.fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        for mine, theirs in zip(fitted._vectorizers, without, strict=True):
            assert_array_equal(mine.idf, theirs.idf)
            for keys, others in zip(mine.keys, theirs.keys, strict=True):
                assert_array_equal(keys, others)

    def test_a_tokenizer_of_all_texts(self):
        classifier = FromScratchClassifier(random_state=0, tokenizer="word")
        classifier.fit(TEXTS, LABELS)
        assert "splendid" not in classifier.embedding_.tokenizer_json
        classifier.fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        assert "splendid" in classifier.embedding_.tokenizer_json

    def test_several_labels(self, classifier):
        lists = [["good"] if label else ["bad", "long"] for label in LABELS]
        fitted = classifier.fit(TEXTS, lists, X_unlabeled=UNLABELLED)
        assert fitted.predict(["a lovely great film"]) == [["good"]]

    def test_same_seed_same_result(self):
        texts = [f"{text} {i}" for i in range(40) for text in UNLABELLED]
        first, second = (
            StaticClassifier(random_state=3).fit(TEXTS, LABELS, X_unlabeled=texts)
            for _ in range(2)
        )
        assert_array_equal(first.predict_proba(TEXTS), second.predict_proba(TEXTS))

    @pytest.mark.parametrize("bad", [[1, 2], ["a", None], "one text"])
    def test_bad_texts_leave_it_as_it_was(self, classifier, bad):
        classifier.fit(TEXTS, LABELS)
        expected = classifier.predict_proba(TEXTS)
        with pytest.raises((TypeError, ValueError)):
            classifier.fit(TEXTS, LABELS, X_unlabeled=bad)
        assert_array_equal(classifier.predict_proba(TEXTS), expected)

    def test_a_head_of_ones_own(self):
        classifier = FeatureExtractionClassifier(head=LogisticRegression())
        classifier.fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        assert classifier.predict(["a great lovely film"]) == [1]

    def test_with_validation_and_weights(self, classifier):
        weight = np.ones(len(TEXTS))
        weight[:4] = 0
        fitted = classifier.fit(
            TEXTS,
            LABELS,
            TEXTS[:6],
            LABELS[:6],
            sample_weight=weight,
            X_unlabeled=UNLABELLED,
        )
        assert "valid_loss" in fitted.history_[0]


class TestRouting:
    def test_pipeline(self):
        pipeline = make_pipeline(
            FunctionTransformer(list), FeatureExtractionClassifier()
        )
        name = "featureextractionclassifier__X_unlabeled"
        pipeline.fit(TEXTS, LABELS, **{name: UNLABELLED})
        expected = FeatureExtractionClassifier().fit(
            TEXTS, LABELS, X_unlabeled=UNLABELLED
        )
        assert_array_equal(pipeline.predict_proba(TEXTS), expected.predict_proba(TEXTS))

    def test_search_routes_it(self):
        with config_context(enable_metadata_routing=True):
            classifier = FeatureExtractionClassifier()
            classifier.set_fit_request(X_unlabeled=True)
            search = GridSearchCV(make_pipeline(classifier), {}, cv=2)
            search.fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        expected = FeatureExtractionClassifier().fit(
            TEXTS, LABELS, X_unlabeled=UNLABELLED
        )
        found = search.best_estimator_
        assert_array_equal(found.predict_proba(TEXTS), expected.predict_proba(TEXTS))


class TestMinusOne:
    ALL = TEXTS + UNLABELLED
    Y = np.append(np.where(LABELS == 1, 2, np.arange(len(LABELS)) % 2), [-1] * 12)

    @pytest.mark.parametrize(
        "form",
        [
            np.array,
            list,
            pd.Series,
            lambda y: np.array(y, dtype=float),
            lambda y: pd.Series(y, index=range(7, 7 + len(y))),
        ],
    )
    def test_is_no_label(self, classifier, form):
        y = self.Y[: len(TEXTS)]
        expected = classifier.fit(TEXTS, y, X_unlabeled=UNLABELLED)
        expected = expected.predict_proba(TEXTS)
        with pytest.warns(UserWarning, match=r"y is -1 for 12 texts.*classes are 0, 1"):
            classifier.fit(self.ALL, form(self.Y))
        assert_array_equal(classifier.classes_, [0, 1, 2])
        assert_array_equal(classifier.predict_proba(TEXTS), expected)

    def test_with_weights(self):
        weight = np.linspace(0.5, 1, len(self.ALL))
        classifier = FeatureExtractionClassifier()
        expected = classifier.fit(
            TEXTS,
            self.Y[: len(TEXTS)],
            sample_weight=weight[: len(TEXTS)],
            X_unlabeled=UNLABELLED,
        ).predict_proba(TEXTS)
        with pytest.warns(UserWarning, match="y is -1"):
            classifier.fit(self.ALL, self.Y, sample_weight=weight)
        assert_allclose(classifier.predict_proba(TEXTS), expected)

    @pytest.mark.parametrize(
        "y",
        [
            [-1, 1, 1, -1],
            [-1, -2, 0, 1],
            [-1, 0, 5],
            [7, -1, 30],
            ["-1", "0", "1", "2"],
            [0, 1, 2, 3],
            [[0, 1], [-1]],
            [-1.5, -1, 0, 1],
            [True, False],
            [],
            None,
            np.eye(3),
            csr_array(np.eye(3)),
            [-1, None, 0, 1],
            [-1, np.nan, 0, 1],
            iter([-1, 0, 1]),
        ],
    )
    def test_is_a_class_elsewhere(self, y, recwarn):
        assert labelled_rows(y) is None
        assert not recwarn

    def test_two_classes(self):
        fitted = FeatureExtractionClassifier().fit(TEXTS, np.where(LABELS, 1, -1))
        assert_array_equal(fitted.classes_, [-1, 1])


class TestTopics:
    def features(self):
        random = np.random.RandomState(0)
        of_topics = random.random_sample((8, 500)) < 0.05
        drawn = random.randint(8, size=600)
        counts = of_topics[drawn] * (random.random_sample((600, 500)) < 0.4)
        noise = random.random_sample((600, 500)) < 0.01
        lexical = csr_array((counts + noise).astype(np.float32))
        dense = random.standard_normal((600, 4)).astype(np.float32)
        return Features((lexical,), dense), drawn % 3

    def test_their_mean_square_is_one(self):
        features, _ = self.features()
        topics = find_topics(features.lexical())
        found = topics.of(features.lexical())
        assert_allclose((found**2).sum(axis=1).mean(), 1)

    def test_are_the_same_each_time(self):
        features, _ = self.features()
        lexical = features.lexical()
        one, other = (find_topics(lexical).of(lexical) for _ in range(2))
        assert_array_equal(one, other)
        # Exactly those of a full decomposition: the same distances between texts.
        common = lexical.toarray()[:, find_topics(lexical).columns]
        U, s, _ = np.linalg.svd(common, full_matrices=False)
        full = U[:, :150] * s[:150] / np.sqrt((s[:150] ** 2).sum() / len(common))
        assert_allclose(one @ one.T, full @ full.T, atol=1e-3)

    def test_of_too_few_texts(self):
        features, _ = self.features()
        few = features.rows(np.arange(0, 200)).lexical()
        assert find_topics(few) is None

    def test_weights_are_put_on_features(self):
        features, Y = self.features()
        topics = find_topics(features.lexical())
        weights = np.ones(600)
        choice = Choice(0.3, 0.7, 0.5, 2.0)
        _, (head,) = settled_head(
            features, Y, weights, choice, n_classes=3, multilabel=False, topics=topics
        )
        assert head.coef_.shape == (3, 504)
        lexical = features.lexical()
        X = hstack([lexical, features.dense * 0.7, 0.5 * topics.of(lexical)])
        plain = LogisticRegression(C=0.3, tol=1e-8, max_iter=5000).fit(X.tocsr(), Y)
        scores = hstack([lexical, features.dense * 0.7]) @ head.coef_.T
        expected = plain.decision_function(X.tocsr()) / 2
        assert_allclose(scores + head.intercept_, expected, atol=2e-3)

    def test_are_chosen_where_they_help(self):
        features, Y = self.features()
        topics = find_topics(features.lexical())
        few = features.rows(np.arange(0, 60))
        settings = {"C": "auto", "embedding_weight": 1.0, "multilabel": False}
        ones = np.ones(60)
        choice = choose(few, Y[:60], ones, ones, topics=topics, **settings)
        assert choice.topic_weight > 0
        noise = Topics(
            topics.columns, np.random.RandomState(1).permutation(topics.axes)
        )
        random = np.random.RandomState(0).randint(3, size=60)
        choice = choose(few, random, ones, ones, topics=noise, **settings)
        assert set(choice.attributes()) == {"C_", "embedding_weight_", "temperature_"}
