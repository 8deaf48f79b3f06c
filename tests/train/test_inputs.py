"""What users pass on their first day: parameters, labels and mistakes."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

import sk_m2v
from sk_m2v import (
    ContrastiveTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
    TokenTfidfVectorizer,
)

TEXTS = ["a great film", "a lovely movie", "a dull film", "a boring movie"] * 6
LABELS = ["good", "good", "bad", "bad"] * 6
LISTS = [["film", "good"], ["good"], ["bad", "film"], []] * 6
PAIRS = [f"{text} {i}" for i, text in enumerate(TEXTS)]
MATRIX = pd.DataFrame({"good": [1, 1, 0, 0] * 6, "bad": [0, 0, 1, 0] * 6})
CLASSIFIERS = [FeatureExtractionClassifier, StaticClassifier, FromScratchClassifier]


@pytest.fixture(params=CLASSIFIERS, ids=lambda it: it.__name__)
def classifier(request):
    fast = {} if request.param is FeatureExtractionClassifier else {"max_epochs": 0}
    return request.param(random_state=0, **fast)


class TestC:
    def test_is_that_of_scikit_learn(self, classifier):
        classifier.set_params(C=0.01, embedding_weight=1.5, class_weight=None)
        classifier.fit(TEXTS, LABELS)
        scores = classifier.decision_function(TEXTS)
        features = classifier._features(TEXTS, False)
        # In single precision, theirs ends earlier than ours.
        X = features.stacked(classifier.embedding_weight).astype(np.float64)
        expected = LogisticRegression(C=0.01, tol=1e-8, max_iter=1000).fit(X, LABELS)
        assert_allclose(scores, expected.decision_function(X), atol=1e-4)
        assert abs(scores).max() < 0.2  # far from what C=10 gives

    def test_of_several_labels(self, classifier):
        small = classifier.set_params(C=1e-3).fit(TEXTS, LISTS).predict_proba(TEXTS)
        large = classifier.set_params(C=100).fit(TEXTS, LISTS).predict_proba(TEXTS)
        assert np.ptp(small) < 0.1 < np.ptp(large)

    def test_search(self, classifier):
        search = GridSearchCV(classifier, {"C": [1e-3, 10.0]}, cv=2).fit(TEXTS, LABELS)
        assert search.best_params_["C"] == search.best_estimator_.C

    @pytest.mark.parametrize("bad", [0, -1.0, "1", None])
    def test_must_be_positive(self, classifier, bad):
        with pytest.raises(ValueError, match="'C' parameter of"):
            classifier.set_params(C=bad).fit(TEXTS, LABELS)

    def test_of_a_head_of_ones_own(self):
        own = FeatureExtractionClassifier(head=LogisticRegression())
        search = GridSearchCV(own, {"head__C": [0.1, 1]}, cv=2).fit(TEXTS, LABELS)
        assert search.best_estimator_.head.C in (0.1, 1)
        own.set_params(head=None)
        with pytest.raises(
            ValueError, match=r"'head__C' .* there is none.*parameter C"
        ):
            own.set_params(head__C=1)
        own.set_params(head=LogisticRegression(), head__C=7)
        assert own.head.C == 7
        with pytest.raises(ValueError, match=r"there is none"):
            GridSearchCV(FeatureExtractionClassifier(), {"head__C": [1]}, cv=2).fit(
                TEXTS, LABELS
            )


class TestNamesOfLabels:
    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_columns_of_a_frame(self, classifier, kind, tmp_path):
        classifier.set_params(thresholds={"bad": 0.9}).fit(TEXTS, kind(dict(MATRIX)))
        assert classifier.classes_.tolist() == ["good", "bad"]
        assert_array_equal(classifier.predict(TEXTS[:4])[:, 0], [1, 1, 0, 0])
        assert classifier.score(TEXTS, MATRIX) == classifier.score(
            TEXTS, MATRIX[["bad", "good"]]
        )
        classifier.save_pretrained(tmp_path)
        loaded = sk_m2v.load(tmp_path)
        assert loaded.classes_.tolist() == ["good", "bad"]
        assert_array_equal(loaded.predict(TEXTS), classifier.predict(TEXTS))

    def test_validation_in_another_order(self, classifier):
        other = MATRIX[["bad", "good"]]
        histories = []
        for y_val in (MATRIX, other, MATRIX.to_numpy()):
            classifier.set_params(
                **{}
                if "max_epochs" not in classifier.get_params()
                else {"max_epochs": 1}
            )
            classifier.fit(TEXTS, MATRIX, TEXTS[:4], y_val[:4])
            histories.append(classifier.history_[0]["valid_loss"])
        assert len(set(histories)) == 1
        with pytest.raises(ValueError, match="y_val has no column 'bad'"):
            classifier.fit(
                TEXTS, MATRIX, TEXTS[:4], MATRIX[:4].rename(columns={"bad": "x"})
            )

    def test_columns_without_names(self, classifier):
        frame = pd.DataFrame(MATRIX.to_numpy())
        assert classifier.fit(TEXTS, frame).classes_.tolist() == [0, 1]
        frame.columns = ["a", "a"]
        with pytest.raises(ValueError, match="several columns with the name 'a'"):
            classifier.fit(TEXTS, frame)

    def test_classes_of_partial_fit(self):
        classifier = StaticClassifier()
        with pytest.raises(ValueError, match="names of its columns"):
            classifier.partial_fit(TEXTS, MATRIX, classes=[0, 1])
        classifier.partial_fit(TEXTS, MATRIX, classes=["bad", "good"])
        assert classifier.classes_.tolist() == ["good", "bad"]

    def test_export(self):
        pytest.importorskip("onnx")
        from sk_m2v.onnx import OnnxModel, to_onnx

        fitted = FeatureExtractionClassifier().fit(TEXTS, MATRIX)
        exported = OnnxModel(to_onnx(fitted, TEXTS))
        assert_allclose(
            exported.predict_proba(TEXTS), fitted.predict_proba(TEXTS), atol=1e-5
        )

    @pytest.mark.parametrize(
        "column",
        [
            pd.DataFrame({"label": LABELS}),
            pl.DataFrame({"label": LABELS}),
            pd.Series(LABELS),
        ],
        ids=["pandas", "polars", "Series"],
    )
    def test_one_column_is_a_column(self, classifier, column):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            classifier.fit(TEXTS, column)
        assert classifier.classes_.tolist() == ["bad", "good"]


class TestListsInSearches:
    """scikit-learn refuses lists of labels where it draws the folds itself."""

    def test_folds_of_ones_own(self, classifier):
        folds = KFold(2, shuffle=True, random_state=0)
        scores = cross_val_score(classifier, TEXTS, LISTS, cv=folds)
        assert (scores >= 0.9).all()
        search = GridSearchCV(classifier, {"C": [1, 10]}, cv=folds).fit(TEXTS, LISTS)
        assert search.predict(TEXTS[:1]) == [["film", "good"]]

    def test_a_frame(self, classifier):
        scores = cross_val_score(
            classifier, TEXTS, MATRIX, cv=2, scoring="f1_micro", error_score="raise"
        )
        assert (scores >= 0.9).all()


class TestMistakes:
    def test_swapped(self, classifier):
        texts = [f"text number {i}" for i in range(200)]
        labels = ["good", "bad"] * 100
        with pytest.warns(
            UserWarning,
            match=r"200 different labels for 200 texts.*swap|"
            r"200 different labels for 200 texts.*fit\(y, X\)",
        ):
            classifier.fit(labels, texts)

    def test_many_classes_are_none(self, classifier):
        texts = [f"text number {i}" for i in range(40)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            classifier.fit(texts, [i // 2 for i in range(40)])
            classifier.fit(texts[:4], range(4))

    def test_labels_as_second_texts(self):
        contrastive = ContrastiveTransformer(max_epochs=0)
        with pytest.warns(UserWarning, match="look like labels.*StaticClassifier"):
            contrastive.fit(TEXTS, LABELS)
        answers = ["use the link in the mail that we sent", "we take any card you have"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            contrastive.fit(TEXTS, answers * 12)
            contrastive.fit(TEXTS[:4], LABELS[:4])

    @pytest.mark.parametrize(
        "estimator", [StaticClassifier, FromScratchClassifier, StaticRegressor]
    )
    def test_nearest_scorers(self, estimator):
        with pytest.raises(ValueError, match=r"got 'acc'.*'accuracy'") as error:
            estimator(scoring="acc").fit(TEXTS, [0, 1] * 12)
        assert len(str(error.value)) < 250

    @pytest.mark.parametrize(
        "estimator",
        [
            StaticClassifier,
            FromScratchClassifier,
            StaticRegressor,
            ContrastiveTransformer,
        ],
    )
    @pytest.mark.parametrize("device", ["cuda:99", "nonsense", "meta"])
    def test_devices_that_are_not_there(self, estimator, device):
        with pytest.raises(
            ValueError, match=f"device='{device}' cannot .*'cpu'.*'auto'"
        ):
            estimator(device=device).fit(TEXTS, [0, 1] * 12)

    def test_what_was_trained_elsewhere_loads(self, tmp_path):
        fitted = StaticClassifier(max_epochs=0).fit(TEXTS, LABELS)
        fitted.set_params(device="cuda:99").save_pretrained(tmp_path)
        assert sk_m2v.load(tmp_path).predict(TEXTS[:1]).tolist() == ["good"]

    def test_any_device(self):
        fitted = StaticClassifier(device="auto", max_epochs=1).fit(TEXTS, LABELS)
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        assert torch.device(fitted.net_.device).type == kind

    def test_a_list_for_two_numbers(self, classifier):
        """As a configuration from a file has it."""
        as_list = classifier.set_params(ngram_range=[1, 2]).fit(TEXTS, LABELS)
        probabilities = as_list.predict_proba(TEXTS)
        classifier.set_params(ngram_range=(1, 2)).fit(TEXTS, LABELS)
        assert_array_equal(probabilities, classifier.predict_proba(TEXTS))
        vectorizer = TokenTfidfVectorizer(ngram_range=[1, 2]).fit(TEXTS)
        assert " " in vectorizer.get_feature_names_out()[-1]


class TestVerbose:
    def test_every_stage_is_named(self, classifier, capsys):
        classifier.set_params(verbose=1).fit(TEXTS, LABELS)
        printed = capsys.readouterr().out
        name = type(classifier).__name__
        for stage in ("tokenizing 24 texts", "features", "logistic regression of 2"):
            assert f"[{name}] {stage}" in printed
        assert printed.count(" s\n") >= 3
        classifier.set_params(verbose=0).fit(TEXTS, LABELS)
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        ("estimator", "y", "stages"),
        [
            (StaticClassifier(), LABELS, ["logistic regression", "up to 2 epochs"]),
            (FromScratchClassifier(), LABELS, ["learning a tokenizer", "vectors of"]),
            (StaticRegressor(), np.arange(24), ["ridge regression", "up to 2 epochs"]),
            (
                ContrastiveTransformer(),
                PAIRS,
                ["tokenizing 48", "up to 2 epochs"],
            ),
        ],
        ids=lambda it: type(it).__name__,
    )
    def test_epochs(self, estimator, y, stages, capsys):
        estimator.set_params(verbose=1, max_epochs=2).fit(TEXTS, y)
        printed = capsys.readouterr().out
        assert all(stage in printed for stage in stages)
        assert "train_loss" in printed

    def test_a_head_of_ones_own(self, capsys):
        own = FeatureExtractionClassifier(head=LogisticRegression(), verbose=1)
        own.fit(TEXTS, LABELS)
        assert "LogisticRegression of 2 classes" in capsys.readouterr().out
        own.predict(TEXTS)
        assert "24" in capsys.readouterr().err
