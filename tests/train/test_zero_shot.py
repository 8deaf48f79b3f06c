"""`ZeroShotClassifier`: descriptions, texts without labels, and ways out."""

from __future__ import annotations

import pickle
from collections import ChainMap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sk_m2v.onnx
from sk_m2v import StaticEmbedding, ZeroShotClassifier
from sk_m2v.benchmark import run_benchmark
from sk_m2v.train import SKOPS_TRUSTED
from sk_m2v.train.labels._descriptions import read_descriptions, words_of

NAMES = ["weather", "sports", "cooking"]
TEXTS = [
    "rain and wind in the north",
    "the team lost the football match",
    "fry the onions in butter",
    "snow on the hills tomorrow",
    "she won the tennis final",
    "bake the bread for an hour",
]
TRUTH = ["weather", "sports", "cooking"] * 2
UNLABELLED = [f"{start} {text}" for start in ("well,", "today", "so") for text in TEXTS]


@pytest.fixture(scope="module", params=[None, UNLABELLED], ids=["names", "texts"])
def fitted(request):
    return ZeroShotClassifier(NAMES).fit(request.param)


class TestDescriptions:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("comp.sys.ibm.pc.hardware", "comp sys ibm pc hardware"),
            ("alarm_set", "alarm set"),
            ("alarmSet", "alarm Set"),
            ("HTMLPage", "HTMLPage"),
            ("Sci/Tech", "Sci Tech"),
            ("_été-2_", "été 2"),
        ],
    )
    def test_names_are_words(self, name, words):
        assert words_of(name) == words

    @given(st.text())
    def test_words_are_those_of_the_name(self, name):
        words = words_of(name)
        assert words_of(words) == words
        letters = [it for it in name if it.isalnum()]
        assert [it for it in words if it.isalnum()] == letters

    @pytest.mark.parametrize(
        "labels",
        [
            tuple(NAMES),
            np.array(NAMES),
            pd.Series(NAMES, index=[5, 6, 7]),
            {name: name for name in NAMES},
            {name: (name,) for name in NAMES},
            ChainMap({name: [name] for name in NAMES}),
        ],
        ids=lambda it: type(it).__name__,
    )
    def test_any_container(self, labels):
        classifier = ZeroShotClassifier(labels).fit()
        assert classifier.classes_.tolist() == sorted(NAMES)
        assert classifier.predict(TEXTS).tolist() == TRUTH

    @pytest.mark.parametrize("kind", [int, float, bool])
    def test_other_labels_than_names(self, kind):
        described = {kind(1): "rain and snow", kind(0): ["sports", "a match, a goal"]}
        classifier = ZeroShotClassifier(described).fit()
        predicted = classifier.predict(TEXTS[:2])
        assert predicted.tolist() == [kind(1), kind(0)]
        assert predicted.dtype == np.array([kind(1)]).dtype

    @pytest.mark.parametrize(
        ("labels", "error", "says"),
        [
            (None, ValueError, "labels is None: pass the names"),
            ("sports", ValueError, "'labels' parameter"),
            (np.array("sports"), TypeError, "a list of names or a dict .* 'sports'"),
            (np.array(5), TypeError, "a list of names or a dict .* got 5"),
            ([], ValueError, "two or more different classes, got none"),
            (["sports"], ValueError, "two or more different classes, got 'sports'"),
            (["sports", "sports"], ValueError, "'sports' twice"),
            ([1, 2], TypeError, r"labels has 1, which .* pass a dict"),
            (["sports", ""], ValueError, "label '' is empty"),
            (["sports", "--"], ValueError, "label '--' is empty"),
            ({1: "rain", 2: " "}, ValueError, "label 2 is empty"),
            ({1: "rain", 2: []}, ValueError, "label 2 has no description"),
            ({1: "rain", 2: None}, TypeError, "label 2 must be a text or a list"),
            ({1: "rain", 2: ["sun", 3]}, TypeError, "label 2 has 3, which is no text"),
            ({1: "rain", "a": "sun"}, ValueError, "Labels must be of one kind"),
            ({1.5: "rain", 2.5: "sun"}, ValueError, "labels .* have no fraction"),
            (["rain", "\u2603\u2603"], ValueError, "label '\u2603\u2603' is empty"),
            ({1: "rain", 2: "\u2603"}, ValueError, "no word of .* label 2, '\u2603'"),
            ({1: "rain", 2: ["a", "\u2603"]}, ValueError, "no word of .* label 2"),
        ],
    )
    def test_errors_are_for_people(self, labels, error, says):
        classifier = ZeroShotClassifier(NAMES).fit()
        expected = classifier.predict_proba(TEXTS)
        with pytest.raises(error, match=says) as caught:
            classifier.set_params(labels=labels).fit(TEXTS)
        assert len(str(caught.value)) <= 600
        assert_array_equal(classifier.predict_proba(TEXTS), expected)

    def test_order_is_that_of_classes(self):
        labels, descriptions = read_descriptions({"b": ["x", "y"], "a": "z"})
        assert labels.classes_.tolist() == ["a", "b"]
        assert descriptions == [["z"], ["x", "y"]]


class TestWithoutTexts:
    def test_it_is_the_nearest_name(self, default_model):
        classifier = ZeroShotClassifier(NAMES).fit()
        vectors = default_model.encode([*TEXTS, *classifier.classes_])
        cosines = cosine_similarity(vectors[:6], vectors[6:])
        scores = classifier.decision_function(TEXTS)
        assert_allclose(scores / scores[0, 0], cosines / cosines[0, 0], atol=1e-4)
        assert classifier.n_iter_ == 0

    def test_a_description_may_be_many(self):
        one = ZeroShotClassifier({0: "rain", 1: "goal"}).fit()
        same = ZeroShotClassifier({0: ["rain", "rain"], 1: ["goal"] * 3}).fit()
        found = same.predict_proba(TEXTS)
        assert_allclose(found, one.predict_proba(TEXTS), atol=1e-6)


class TestTexts:
    def test_words_are_learnt(self):
        texts = [
            f"{text} {word}"
            for text, word in zip(TEXTS, ["qx", "qy", "qz"] * 2, strict=True)
        ]
        names = ZeroShotClassifier(NAMES).fit()
        taught = ZeroShotClassifier(NAMES).fit(texts * 20)
        assert taught.n_iter_ > 0
        truth = [taught.classes_.tolist().index(it) for it in TRUTH[:3]]
        rows = np.arange(3), truth
        seen = taught.predict_proba(["qx", "qy", "qz"])[rows]
        assert (seen > names.predict_proba(["qx", "qy", "qz"])[rows]).all()

    def test_labels_are_not_looked_at(self):
        expected = ZeroShotClassifier(NAMES).fit(UNLABELLED).predict_proba(TEXTS)
        for y in (["x"] * len(UNLABELLED), [1], object()):
            found = ZeroShotClassifier(NAMES).fit(UNLABELLED, y).predict_proba(TEXTS)
            assert_array_equal(found, expected)

    @pytest.mark.parametrize(
        "texts", [["rain"], [""], ["", "\u2603"], ["rain"] * 9, ["rain", ""], NAMES]
    )
    def test_few_texts_do_no_harm(self, texts):
        classifier = ZeroShotClassifier(NAMES).fit(texts)
        assert np.isfinite(classifier.predict_proba([*TEXTS, "", "\u2603"])).all()
        assert classifier.score(TEXTS, TRUTH) >= 5 / 6

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
    def test_any_texts(self, texts):
        classifier = ZeroShotClassifier(NAMES).fit(texts)
        probabilities = classifier.predict_proba(texts)
        assert_allclose(probabilities.sum(axis=1), 1)
        again = ZeroShotClassifier(NAMES).fit(pd.Series(texts))
        assert_array_equal(again.predict_proba(texts), probabilities)

    def test_no_texts(self):
        with pytest.raises(ValueError, match=r"0 sample.* leave it out"):
            ZeroShotClassifier(NAMES).fit([])

    def test_missing_texts(self):
        with pytest.raises(ValueError, match="missing"):
            ZeroShotClassifier(NAMES).fit(["rain", None])
        ZeroShotClassifier(NAMES, missing="empty").fit(["rain", None])

    @pytest.mark.parametrize(
        "options", [{"lexical": False}, {"ngram_range": (1, 3)}, {"C": 10.0}]
    )
    def test_parameters_count(self, options):
        expected = ZeroShotClassifier(NAMES).fit(UNLABELLED).decision_function(TEXTS)
        classifier = ZeroShotClassifier(NAMES, **options).fit(UNLABELLED)
        assert classifier.predict(TEXTS).tolist() == TRUTH
        assert np.abs(classifier.decision_function(TEXTS) - expected).max() > 1e-3

    def test_threads(self):
        expected = ZeroShotClassifier(NAMES).fit(UNLABELLED).predict_proba(TEXTS)

        def run(_):
            return ZeroShotClassifier(NAMES).fit(UNLABELLED).predict_proba(TEXTS)

        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(run, range(8)):
                assert_array_equal(found, expected)


class TestUse:
    def test_predicts(self, fitted):
        assert fitted.predict(TEXTS).tolist() == TRUTH
        assert fitted.score(TEXTS, TRUTH) == 1
        assert fitted.predict_proba([]).shape == (0, 3)

    def test_explains(self, fitted):
        scores = fitted.decision_function(TEXTS)
        for row, it in zip(scores, fitted.explain(TEXTS), strict=True):
            assert it.exact
            assert_allclose(it.intercept + it.shares.sum(axis=0), row, atol=1e-4)

    def test_top_terms(self, fitted):
        terms = fitted.top_terms(5)
        assert [*terms] == sorted(NAMES)
        learnt = any(
            "rain" in term or "weather" in term or "snow" in term
            for term, _ in terms["weather"]
        )
        assert learnt

    def test_two_classes_have_one_score(self):
        classifier = ZeroShotClassifier(NAMES[:2]).fit(UNLABELLED)
        scores = classifier.decision_function(TEXTS)
        assert scores.shape == (6,)
        expected = classifier.predict_proba(TEXTS)[:, 1]
        assert_allclose(1 / (1 + np.exp(-scores)), expected)
        all_ = classifier.set_params(thresholds=0.0).predict(TEXTS)
        assert set(all_) == {"weather"}

    def test_thresholds_are_for_two_classes(self):
        with pytest.raises(ValueError, match="thresholds are for"):
            ZeroShotClassifier(NAMES, thresholds=0.3).fit()

    def test_pipelines_and_searches(self):
        upper = FunctionTransformer(lambda X: [it.lower() for it in X])
        pipeline = make_pipeline(upper, ZeroShotClassifier(NAMES))
        assert pipeline.fit(UNLABELLED).predict(TEXTS).tolist() == TRUTH
        predicted = cross_val_predict(ZeroShotClassifier(NAMES), TEXTS, TRUTH, cv=2)
        assert predicted.tolist() == TRUTH
        better = dict.fromkeys(NAMES, "nothing") | {"sports": "cake", "cooking": "goal"}
        search = GridSearchCV(
            ZeroShotClassifier(), {"labels": [better, NAMES]}, scoring="f1_macro", cv=2
        )
        search.fit(TEXTS, TRUTH)
        assert search.best_params_ == {"labels": NAMES}

    def test_benchmarks(self):
        results = run_benchmark(
            {"names": ZeroShotClassifier(NAMES)},
            {"toy": (TEXTS, TRUTH, TEXTS, TRUTH)},
            random_states=[0],
        )
        assert results["accuracy"].tolist() == [1]

    def test_clone(self, fitted):
        again = clone(fitted)
        assert again.labels == NAMES
        assert not hasattr(again, "classes_")


class TestWaysOut:
    def check(self, again, fitted):
        assert_allclose(
            again.predict_proba(TEXTS), fitted.predict_proba(TEXTS), atol=1e-5
        )
        assert_array_equal(again.predict(TEXTS), fitted.predict(TEXTS))

    def test_folder(self, fitted, tmp_path):
        fitted.save_pretrained(tmp_path)
        for again in (
            sk_m2v.load(tmp_path),
            ZeroShotClassifier.from_pretrained(tmp_path),
        ):
            self.check(again, fitted)
            assert type(again) is ZeroShotClassifier
            assert again.n_iter_ == fitted.n_iter_
            assert again.labels == NAMES

    def test_numbers_as_labels_in_a_folder(self, tmp_path):
        fitted = ZeroShotClassifier({7: "rain", -1: ["goal", "match"]}).fit()
        fitted.save_pretrained(tmp_path)
        again = sk_m2v.load(tmp_path)
        self.check(again, fitted)
        assert again.labels == {7: "rain", -1: ["goal", "match"]}
        self.check(again.fit(), fitted)

    def test_model2vec_folder(self, tmp_path):
        fitted = ZeroShotClassifier(NAMES, lexical=False).fit(UNLABELLED)
        fitted.save_pretrained(tmp_path, layout="model2vec")
        self.check(sk_m2v.load(tmp_path), fitted)

    def test_pickle_and_skops(self, fitted):
        self.check(pickle.loads(pickle.dumps(fitted)), fitted)
        data = skops.io.dumps(fitted)
        self.check(skops.io.loads(data, trusted=[*SKOPS_TRUSTED]), fitted)

    def test_pipeline(self, fitted):
        self.check(fitted.to_pipeline(), fitted)

    def test_onnx(self, fitted):
        model = sk_m2v.onnx.OnnxModel(sk_m2v.onnx.to_onnx(fitted))
        assert_array_equal(model.predict(TEXTS), fitted.predict(TEXTS))
        found = model.predict_proba(TEXTS)
        assert_allclose(found, fitted.predict_proba(TEXTS), atol=1e-5)

    def test_any_model(self):
        small = StaticEmbedding.from_pretrained(dimensionality=24)
        fitted = ZeroShotClassifier(NAMES, model=small).fit(UNLABELLED)
        assert fitted.embedding_ is small
        assert fitted.score(TEXTS, TRUTH) >= 5 / 6
