"""`distill_classifier`: slow classifiers and functions as static ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    load,
)
from sk_m2v.onnx import to_onnx
from sk_m2v.train import Agreement, distill_classifier

WORDS = {
    "good": ["great", "lovely", "splendid", "wonderful"],
    "bad": ["dull", "boring", "tedious", "awful"],
    "neutral": ["long", "recent", "foreign", "short"],
}
TEXTS = [
    f"{start} {word} {thing}"
    for start in ("a", "the", "one more", "what a")
    for words in WORDS.values()
    for word in words
    for thing in ("film", "story", "book")
]
LABELS = [
    label
    for _ in range(4)
    for label, words in WORDS.items()
    for _ in range(3 * len(words))
]
STUDENTS = {
    "FE": FeatureExtractionClassifier(),
    "FT": StaticClassifier(max_epochs=1),
    "PT": FromScratchClassifier(max_epochs=1),
}


@pytest.fixture(scope="module")
def slow():
    return make_pipeline(TfidfVectorizer(), MultinomialNB(alpha=0.1)).fit(TEXTS, LABELS)


@pytest.mark.parametrize("student", STUDENTS.values(), ids=STUDENTS)
def test_student_says_nearly_the_same(slow, student):
    fitted, agreement = distill_classifier(slow, TEXTS, student=student, random_state=0)
    assert type(fitted) is type(student)
    assert not hasattr(student, "classes_")
    assert_array_equal(fitted.classes_, ["bad", "good", "neutral"])
    assert agreement.accuracy > 0.9
    assert agreement.divergence < 0.2
    assert (agreement.n_texts, agreement.n_held_out) == (130, 14)
    assert sum(n for n, _ in agreement.by_class.values()) == 14
    assert_allclose(fitted.predict_proba(TEXTS), slow.predict_proba(TEXTS), atol=0.35)


def test_report(slow):
    _, agreement = distill_classifier(
        slow, TEXTS, student=FeatureExtractionClassifier(), random_state=0
    )
    first, second, *rest = str(agreement).splitlines()
    assert first == "130 texts learnt from, 14 held out"
    assert "the same class" in second
    assert len(rest) == len(agreement.by_class)
    assert str(Agreement(9, 4, 0.75, 0.5, {1: (4, 0.75)})).endswith(" 75.0% of 4 1")


def test_default_student_is_static(slow, tmp_path):
    fitted, _ = distill_classifier(slow, TEXTS, random_state=0)
    assert isinstance(fitted, StaticClassifier)
    fitted.save_pretrained(tmp_path)
    expected = fitted.predict_proba(TEXTS)
    assert_array_equal(load(tmp_path).predict_proba(TEXTS), expected)
    to_onnx(fitted, TEXTS[:3])  # verifies itself


def test_same_seed_same_student(slow):
    first, second = (
        distill_classifier(slow, TEXTS, random_state=1)[0].predict_proba(TEXTS)
        for _ in range(2)
    )
    assert_array_equal(first, second)


def test_function_to_probabilities(slow):
    order = ["neutral", "bad", "good"]
    columns = [slow.classes_.tolist().index(it) for it in order]

    def probabilities(texts):
        return slow.predict_proba(texts)[:, columns].tolist()

    student = FeatureExtractionClassifier()
    fitted, _ = distill_classifier(
        probabilities, TEXTS, classes=order, student=student, random_state=0
    )
    expected, _ = distill_classifier(slow, TEXTS, student=student, random_state=0)
    assert_allclose(fitted.predict_proba(TEXTS), expected.predict_proba(TEXTS))
    with pytest.raises(ValueError, match="probabilities has no classes_: pass classes"):
        distill_classifier(probabilities, TEXTS)


def test_answers_are_labels():
    answers = dict(zip(TEXTS, LABELS, strict=True))
    fitted, agreement = distill_classifier(
        lambda texts: [answers[it] for it in texts], TEXTS, random_state=0
    )
    assert fitted.score(TEXTS, LABELS) > 0.95
    assert agreement.accuracy > 0.9


def test_without_probabilities():
    slow = make_pipeline(TfidfVectorizer(), LinearSVC()).fit(TEXTS, LABELS)
    fitted, _ = distill_classifier(slow, TEXTS, random_state=0)
    assert fitted.score(TEXTS, LABELS) > 0.95


def test_a_head_learns_the_likeliest(slow):
    student = FeatureExtractionClassifier(head=LogisticRegression())
    fitted, agreement = distill_classifier(slow, TEXTS, student=student, random_state=0)
    assert agreement.accuracy > 0.9
    assert isinstance(fitted.head_, LogisticRegression)


def test_parameters_of_the_student(slow):
    student = StaticClassifier(
        max_epochs=2, focal_gamma=1.0, label_smoothing=0.1, class_weight="balanced"
    )
    fitted, _ = distill_classifier(slow, TEXTS, student=student, random_state=0)
    assert fitted.n_iter_ == 2


class TestRefused:
    def refused(self, classifier, match, error=ValueError, **more):
        with pytest.raises(error, match=match):
            distill_classifier(classifier, more.pop("X", TEXTS), **more)

    def test_no_classifier(self):
        self.refused("gpt", "classifier='gpt' must have predict_proba", TypeError)

    def test_texts(self, slow):
        self.refused(slow, "str", TypeError, X=[1, 2])
        self.refused(slow, "X has 1 sample", X=["one"])

    def test_one_class(self):
        self.refused(lambda texts: ["spam"] * len(texts), "same class, 'spam'")

    def test_several_labels(self):
        Y = [[int(it == "good"), int(it != "bad")] for it in LABELS]
        several = OneVsRestClassifier(LogisticRegression())
        several = make_pipeline(TfidfVectorizer(), several).fit(TEXTS, np.array(Y))
        self.refused(several, "sum to .* one classifier for each of several")

    def test_shape(self, slow):
        self.refused(
            slow, r"\(144, 3\) for 144 texts and 2 classes", classes=["a", "b"]
        )

    def test_a_student_with_a_teacher(self, slow):
        student = StaticClassifier(teacher="x")
        self.refused(slow, "teacher at None", student=student)

    @pytest.mark.parametrize("fraction", [0.0, 1.0, 0.001, 2.0])
    def test_fraction(self, slow, fraction):
        student = FeatureExtractionClassifier()
        if fraction == 0.001:  # one text is enough
            found = distill_classifier(
                slow, TEXTS, student=student, validation_fraction=fraction
            )
            assert found[1].n_held_out == 1
        else:
            self.refused(
                slow,
                "validation_fraction",
                student=student,
                validation_fraction=fraction,
            )
