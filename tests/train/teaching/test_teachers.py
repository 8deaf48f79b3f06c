"""Teachers of a task: what a student learns from them, and how far it trusts them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline

from sk_m2v import StaticClassifier, load
from sk_m2v.train.teaching._made_texts import made_texts

# Invented words, about which no embedding knows anything.
GOOD = ["blarf", "snorly", "wimbo", "trazz", "quoble", "fintu", "hopsel", "grimla"]
BAD = ["zorp", "mulgar", "dreeb", "klunt", "vashto", "pelm", "orgast", "tublin"]
FRAMES = ["the day was {}", "{} food here", "I call it {}", "so {} of you", "{} again"]


def texts_of(words, n, seed):
    random = np.random.RandomState(seed)
    pairs = zip(random.choice(FRAMES, n), random.choice(words, n), strict=True)
    return [frame.format(word) for frame, word in pairs]


# Labels know the first two words of each kind; texts without labels have all of them.
TEXTS = texts_of(GOOD[:2], 30, 0) + texts_of(BAD[:2], 30, 1)
LABELS = np.array(["+"] * 30 + ["-"] * 30)
UNLABELLED = texts_of(GOOD, 60, 2) + texts_of(BAD, 60, 3)
NEW = texts_of(GOOD[2:], 50, 4) + texts_of(BAD[2:], 50, 5)
TRUTH = np.array(["+"] * 50 + ["-"] * 50)


def knowing(texts):
    """Vectors of a teacher that knows all of the words."""
    return [
        [float(any(word in text for word in kind)) for kind in (GOOD, BAD)]
        for text in texts
    ]


def clueless(texts):
    """Vectors that say nothing."""
    return [[np.sin(len(text) * k) for k in range(1, 6)] for text in texts]


class Oracle(ClassifierMixin, BaseEstimator):
    """A classifier that has learnt nothing from its labels, and knows all."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        assert isinstance(X, list)
        return self

    def predict_proba(self, X):
        good = np.array(knowing(X))[:, [1, 0]]  # classes are 0 for "+" and 1 for "-"
        return good[:, ::-1] * 0.98 + 0.01


def student(teacher, **more):
    return StaticClassifier(teacher=teacher, random_state=0, max_epochs=1, **more)


def accuracy(fitted):
    return np.mean(fitted.predict(NEW) == TRUTH)


@pytest.fixture(scope="module")
def alone():
    return student(None).fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)


class TestTeachers:
    @pytest.mark.parametrize("teacher", [knowing, Oracle()], ids=["vectors", "oracle"])
    def test_student_learns_what_the_teacher_knows(self, alone, teacher):
        fitted = student(teacher).fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        assert accuracy(alone) < 0.7
        assert accuracy(fitted) > 0.9
        assert fitted.teacher_weight_ > 0
        assert_array_equal(fitted.classes_, ["+", "-"])

    def test_prediction_needs_no_teacher(self, tmp_path):
        fitted = student(knowing).fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        expected = fitted.predict_proba(NEW)
        fitted.save_pretrained(tmp_path)
        again = load(tmp_path)
        assert again.teacher is None
        assert again.teacher_weight_ == fitted.teacher_weight_
        assert_array_equal(again.predict_proba(NEW), expected)
        again = pickle.loads(pickle.dumps(fitted))
        assert_array_equal(again.predict_proba(NEW), expected)

    def test_cross_validation_turns_away_who_knows_nothing(self):
        random = np.random.RandomState(0)
        texts = [f"{random.choice(GOOD)} {'yes' if i % 2 else 'no'}" for i in range(80)]
        y = np.arange(80) % 2

        class Wrong(Oracle):
            def predict_proba(self, X):
                yes = np.array(["yes" in text for text in X], dtype=float)
                return np.column_stack([yes, 1 - yes])  # the other way round

        fitted = student(Wrong()).fit(texts, y, X_unlabeled=texts[:40])
        assert fitted.teacher_weight_ == 0
        assert fitted.score(texts, y) == 1

    def test_without_unlabelled_texts_some_are_made(self):
        fitted = student(knowing).fit(TEXTS, LABELS)
        assert fitted.teacher_weight_ in (0, 0.3, 1)

    def test_pipeline_of_scikit_learn(self):
        teacher = make_pipeline(TfidfVectorizer(), LogisticRegression())
        fitted = student(teacher).fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        assert fitted.score(TEXTS, LABELS) == 1

    def test_several_labels(self):
        lists = [["good"] if label == "+" else ["bad", "long"] for label in LABELS]
        fitted = student(knowing).fit(TEXTS, lists, X_unlabeled=UNLABELLED)
        found = fitted.predict(NEW)
        assert np.mean([it == ["good"] for it in found[:50]]) > 0.9
        assert np.mean([it == ["bad", "long"] for it in found[50:]]) > 0.9

    def test_more_of_training(self):
        fitted = student(knowing, focal_gamma=2.0, label_smoothing=0.1, n_layers=1)
        fitted.fit(TEXTS, LABELS, NEW, TRUTH, X_unlabeled=UNLABELLED)
        assert accuracy(fitted) > 0.9

    def test_same_seed_same_result(self):
        first, second = (
            student(knowing)
            .fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
            .predict_proba(NEW)
            for _ in range(2)
        )
        assert_array_equal(first, second)

    @pytest.mark.slow
    def test_sentence_transformer(self, teacher_folder):
        fitted = student(str(teacher_folder)).fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        assert fitted.score(TEXTS, LABELS) > 0.9


class TestBadTeachers:
    def refused(self, teacher, match, error=ValueError):
        classifier = student(teacher)
        with pytest.raises(error, match=match):
            classifier.fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
        assert not hasattr(classifier, "classes_")

    def test_without_probabilities(self):
        teacher = make_pipeline(TfidfVectorizer(), RidgeClassifier())
        self.refused(teacher, "has no predict_proba.*CalibratedClassifierCV")

    def test_no_probabilities(self):
        class Negative(Oracle):
            def predict_proba(self, X):
                return np.column_stack([np.full(len(X), -1.0), np.full(len(X), 2.0)])

        self.refused(Negative(), r"Negative returned -1.0, 2.0 for text 0.*0 and 1")

    def test_shape(self):
        class Wide(Oracle):
            def predict_proba(self, X):
                return np.ones((len(X), 3)) / 3

        self.refused(Wide(), r"Wide returned probabilities of shape \(120, 3\)")

    def test_vectors(self):
        self.refused(lambda texts: [[np.nan]] * len(texts), "nan|NaN|finite")

    def test_no_such_folder(self):
        self.refused("./no/such/folder", "no/such/folder", (OSError, ValueError))


class TestMadeTexts:
    def test_words_come_from_the_texts(self):
        made = made_texts(TEXTS, 41, np.random.RandomState(0))
        assert len(made) == 41
        known = {word for text in TEXTS for word in text.split()}
        assert {word for text in made for word in text.split()} <= known
        assert made == made_texts(TEXTS, 41, np.random.RandomState(0))

    def test_none_and_empty(self):
        assert made_texts(TEXTS, 0, np.random.RandomState(0)) == []
        assert made_texts([""], 2, np.random.RandomState(0)) == ["", ""]


def test_temperature_and_settings_are_fitted_attributes():
    fitted = student(knowing).fit(TEXTS, LABELS, X_unlabeled=UNLABELLED)
    assert fitted.temperature_ > 0
    assert_allclose(fitted.predict_proba(NEW).sum(axis=1), 1)
