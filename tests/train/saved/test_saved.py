"""Fitted classifiers as files, folders, pipelines and explanations."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from itertools import pairwise

import joblib
import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from model2vec import StaticModel
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file, save_file
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import SVC, LinearSVC

from sk_m2v import FeatureExtractionClassifier, StaticClassifier, StaticEmbedding
from sk_m2v.train import SKOPS_TRUSTED, BaseStaticClassifier, StaticRegressor

TEXTS = [
    "a great film, a great cast",
    "what a lovely movie",
    "a dull film",
    "a boring movie, and too long",
    "rain over the north today",
    "snow and rain in the mountains",
] * 3
STRINGS = ["+", "+", "-", "-", "weather", "weather"] * 3
LISTS = [["film", "+"], ["film", "+"], ["film"], ["film"], [], ["weather"]] * 3
NEW = [*TEXTS[:6], "a great great great storm", "", "\u2603", "rain " * 600]

TARGETS = {
    "str": STRINGS,
    "two": ["yes", "yes", "no", "no", "no", "no"] * 3,
    "int": [7, 7, -1, -1, 30, 30] * 3,
    "bool": [True, True, False, False, False, False] * 3,
    "float": [2.0, 2.0, 1.0, 1.0, 5.0, 5.0] * 3,
    "lists": LISTS,
    "indicator": np.array([[1, 1], [1, 1], [1, 0], [1, 0], [0, 0], [0, 1]] * 3),
}
KINDS = {
    "FE": (FeatureExtractionClassifier, {}),
    "FE-dense": (FeatureExtractionClassifier, {"lexical": False}),
    "FE-pairs": (FeatureExtractionClassifier, {"ngram_range": (2, 2)}),
    "FE-C1": (FeatureExtractionClassifier, {"head": LogisticRegression(C=1)}),
    "FT": (StaticClassifier, {"max_length": 20}),
    "FT-dense": (StaticClassifier, {"lexical": False, "random_state": np.int64(1)}),
    "FT-1": (StaticClassifier, {"n_layers": 1, "hidden_dim": 16}),
    "FT-2": (StaticClassifier, {"n_layers": 2, "hidden_dim": 16, "dropout": 0.1}),
    "FT-2-dense": (
        StaticClassifier,
        {"n_layers": 2, "hidden_dim": 16, "lexical": False},
    ),
}
CASES = [
    *[("FE", target) for target in TARGETS],
    *[("FT", target) for target in TARGETS],
    *[("FT-1", target) for target in ("str", "bool", "lists", "indicator")],
    *[("FT-2", target) for target in ("two", "lists")],
    *[("FT-2-dense", target) for target in ("two", "str")],
    *[(kind, "str") for kind in ("FE-dense", "FE-pairs", "FE-C1", "FT-dense")],
    *[(kind, "lists") for kind in ("FE-dense", "FT-dense")],
]


@cache
def small_model() -> StaticEmbedding:
    return StaticEmbedding.from_pretrained(dimensionality=24)


def fit(kind, y, **more):
    cls, options = KINDS[kind]
    if cls is StaticClassifier:
        options = {"max_epochs": 1, "random_state": 0, **options}
    return cls(small_model(), **{**options, **more}).fit(TEXTS, y)


@cache
def fitted(kind, target):
    """Fitted classifier, which tests must not change."""
    return fit(kind, TARGETS[target])


def assert_same(again, classifier, *, indicator=False):
    assert_allclose(
        again.predict_proba(NEW), classifier.predict_proba(NEW), atol=1e-6, rtol=0
    )
    expected, found = classifier.predict(NEW), again.predict(NEW)
    if indicator:
        expected = classifier._labels.encode(expected)
    assert_array_equal(
        np.array(found, dtype=object), np.array(expected, dtype=object), strict=True
    )
    assert type(found) is type(expected)
    if not indicator and isinstance(found, np.ndarray):
        assert found.dtype == expected.dtype


@pytest.mark.parametrize(("kind", "target"), CASES)
class TestRoundTrip:
    def test_joblib(self, kind, target, tmp_path):
        classifier = fitted(kind, target)
        joblib.dump(classifier, tmp_path / "file")
        assert_same(joblib.load(tmp_path / "file", mmap_mode="r"), classifier)

    def test_skops(self, kind, target):
        classifier = fitted(kind, target)
        data = skops.io.dumps(classifier)
        assert_same(skops.io.loads(data, trusted=[*SKOPS_TRUSTED]), classifier)

    def test_folder(self, kind, target, tmp_path):
        classifier = fitted(kind, target)
        classifier.save_pretrained(tmp_path)
        again = type(classifier).from_pretrained(str(tmp_path))
        assert_same(again, classifier)
        assert_array_equal(again.classes_, classifier.classes_, strict=True)
        assert again.history_ == classifier.history_
        assert again.n_iter_ == classifier.n_iter_
        expected = {**classifier.get_params(), "model": None}
        if "head" in expected:
            expected = {
                name: it
                for name, it in {**expected, "head": None}.items()
                if not name.startswith("head__")
            }
        assert again.get_params() == expected
        assert type(BaseStaticClassifier.from_pretrained(tmp_path)) is type(again)

    def test_pipeline(self, kind, target):
        classifier = fitted(kind, target)
        multilabel = classifier._labels.multilabel
        assert_same(classifier.to_pipeline(), classifier, indicator=multilabel)


class TestFolder:
    def test_holds_the_embedding(self, tmp_path):
        classifier = fitted("FT", "str")
        classifier.save_pretrained(tmp_path / "new" / "folder")
        expected = classifier.embedding_.encode(NEW[:6])
        for load in (StaticEmbedding, StaticModel):
            model = load.from_pretrained(tmp_path / "new" / "folder")
            assert_allclose(model.encode(NEW[:6]), expected, atol=1e-6)
        assert "folder" in (tmp_path / "new" / "folder" / "README.md").read_text()

    def test_over_itself(self, tmp_path):
        classifier = fitted("FT", "str")
        classifier.save_pretrained(tmp_path)
        files = sorted(tmp_path.rglob("*"))
        again = StaticClassifier.from_pretrained(tmp_path)
        again.save_pretrained(tmp_path)
        assert_same(StaticClassifier.from_pretrained(tmp_path), classifier)
        assert_same(again, classifier)
        assert sorted(tmp_path.rglob("*")) == files

    def test_parameters_of_all_types(self, tmp_path):
        weights = {7: 2.0, -1: np.float32(1), 30: 1}
        classifier = fit("FT", TARGETS["int"], class_weight=weights, lr=np.float64(0.1))
        classifier.set_params(random_state=np.random.RandomState(0), callbacks=[print])
        classifier.save_pretrained(tmp_path)
        again = StaticClassifier.from_pretrained(tmp_path)
        assert again.class_weight == weights
        assert again.lr == 0.1
        assert again.random_state is None
        assert again.callbacks is None

    def test_thresholds(self, tmp_path):
        classifier = fit("FE", LISTS, thresholds={"film": 0.01, "weather": 0.99})
        classifier.save_pretrained(tmp_path)
        assert_same(FeatureExtractionClassifier.from_pretrained(tmp_path), classifier)

    @pytest.mark.parametrize("kind", ["FT", "FT-2"])
    @pytest.mark.parametrize("how", ["fit", "partial_fit"])
    def test_training_goes_on(self, kind, how, tmp_path):
        classifier = fit(kind, STRINGS, warm_start=True)
        classifier.save_pretrained(tmp_path)
        again = StaticClassifier.from_pretrained(tmp_path)
        before = again.predict_proba(NEW)
        getattr(again, how)(TEXTS, STRINGS)
        assert again.n_iter_ == 2
        assert np.abs(again.predict_proba(NEW) - before).max() > 1e-6

    def test_of_a_subclass(self, tmp_path):
        class Mine(StaticClassifier):
            def build_head(self, n_inputs, n_outputs):
                from torch import nn

                return nn.Sequential(
                    nn.LayerNorm(n_inputs), nn.Tanh(), nn.Linear(n_inputs, n_outputs)
                )

        classifier = Mine(small_model(), max_epochs=1).fit(TEXTS, STRINGS)
        classifier.save_pretrained(tmp_path)
        assert_same(Mine.from_pretrained(tmp_path), classifier)
        for cls in (StaticClassifier, BaseStaticClassifier):
            with pytest.raises(ValueError, match=rf"a Mine, not a {cls.__name__}"):
                cls.from_pretrained(tmp_path)
        with pytest.raises(ValueError, match="LayerNorm, Tanh, Linear: use joblib"):
            classifier.to_pipeline()
        assert not classifier.explain(["a film"])[0].exact

    def test_a_module_of_ones_own_is_refused(self, tmp_path):
        class Mine(StaticClassifier):
            def build_head(self, n_inputs, n_outputs):
                from torch import nn

                return nn.Sequential(nn.Linear(n_inputs, n_outputs), nn.GELU())

        classifier = Mine(small_model(), max_epochs=1).fit(TEXTS, STRINGS)
        with pytest.raises(TypeError, match=r"TorchLayer.*joblib"):
            classifier.save_pretrained(tmp_path / "folder")
        assert not (tmp_path / "folder").exists()
        with pytest.raises(ValueError, match="joblib or skops"):
            classifier.to_pipeline()
        assert not classifier.explain(["a film"])[0].exact

    def test_a_classifier_of_sklearn_is_refused(self, tmp_path):
        classifier = fit("FE", STRINGS, head=RandomForestClassifier(3))
        with pytest.raises(TypeError, match=r"SklearnHead.*joblib"):
            classifier.save_pretrained(tmp_path / "folder")
        assert not (tmp_path / "folder").exists()

    def test_another_class_is_refused(self, tmp_path):
        fitted("FE", "str").save_pretrained(tmp_path)
        expected = "a FeatureExtractionClassifier, not a StaticClassifier"
        with pytest.raises(ValueError, match=expected):
            StaticClassifier.from_pretrained(tmp_path)

    @pytest.mark.parametrize("n_layers", [0, 1])
    @pytest.mark.parametrize("n_targets", [None, 2])
    def test_of_a_regressor(self, n_layers, n_targets, tmp_path):
        y = np.arange(18.0)
        y = y if n_targets is None else np.column_stack([y, -y])
        regressor = StaticRegressor(
            small_model(), n_layers=n_layers, max_epochs=1, random_state=0
        )
        expected = regressor.fit(TEXTS, y).predict(NEW)
        regressor.save_pretrained(tmp_path)
        again = StaticRegressor.from_pretrained(tmp_path)
        assert_allclose(again.predict(NEW), expected, atol=1e-5)
        assert_allclose(again.to_pipeline().predict(NEW), expected, atol=1e-5)
        sums = [it.shares.sum(axis=0) + it.intercept for it in again.explain(NEW)]
        assert_allclose(np.reshape(sums, expected.shape), expected, atol=1e-5)
        again.set_params(warm_start=True).fit(TEXTS, y)
        assert again.n_iter_ == 2
        change_json(more={"form": [3], "scale": {"mean": [0], "unit": [1]}})(tmp_path)
        with pytest.raises(ValueError, match="scale does not fit"):
            StaticRegressor.from_pretrained(tmp_path)

    def test_a_column_of_targets_has_no_network(self):
        regressor = StaticRegressor(small_model(), n_layers=1, max_epochs=1)
        regressor.fit(TEXTS, np.arange(18.0)[:, None])
        with pytest.raises(ValueError, match="ravel"):
            regressor.to_pipeline()

    def test_not_fitted(self, tmp_path):
        for call in (
            lambda it: it.save_pretrained(tmp_path),
            lambda it: it.to_pipeline(),
            lambda it: it.explain(["text"]),
        ):
            with pytest.raises(NotFittedError):
                call(StaticClassifier())


# --- Damage -----------------------------------------------------------------------


def change_json(**changes):
    def damage(folder):
        path = folder / "estimator.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def change_labels(**changes):
    def damage(folder):
        path = folder / "estimator.json"
        content = json.loads(path.read_text())
        content["labels"] |= changes
        path.write_text(json.dumps(content))

    return damage


def drop_json(name):
    def damage(folder):
        path = folder / "estimator.json"
        content = json.loads(path.read_text())
        del content[name]
        path.write_text(json.dumps(content))

    return damage


def change_array(name, change):
    def damage(folder):
        path = folder / "estimator.safetensors"
        arrays = load_file(path)
        arrays[name] = np.ascontiguousarray(change(arrays[name].copy()))
        save_file(arrays, path)

    return damage


def drop_array(name):
    def damage(folder):
        path = folder / "estimator.safetensors"
        arrays = load_file(path)
        del arrays[name]
        save_file(arrays, path)

    return damage


def with_nan(array):
    array[-1] = np.nan
    return array


def cut(name):
    def damage(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-50])

    return damage


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


JSON, ARRAYS = "estimator.json", "estimator.safetensors"
DAMAGE = {
    "json cut": (JSON, cut(JSON)),
    "json garbage": (JSON, write(JSON, b"\xff\xfe{")),
    "json of another type": (JSON, write(JSON, b"[]")),
    "empty json": (JSON, write(JSON, b"{}")),
    "future": (r"format 2.*upgrade", change_json(format_version=2)),
    "no version": ("format_version", drop_json("format_version")),
    "odd version": ("format_version", change_json(format_version="1")),
    "class of no kind": ("a None, not a", change_json(**{"class": None})),
    "class is a function": ("not a", change_json(**{"class": "trusted_types"})),
    "unknown parameter": ("colour", change_json(parameters={"colour": 1})),
    "impossible parameter": ("lr", change_json(parameters={"lr": -1})),
    "parameters of no kind": (JSON, change_json(parameters=[1])),
    "unknown form": (JSON, change_json(parameters={"lr": {"set": [1]}})),
    "impossible thresholds": (
        "thresholds",
        change_json(parameters={"thresholds": 0.5}),
    ),
    "no labels": (JSON, drop_json("labels")),
    "label missing": ("2 classes", change_labels(classes=["+", "-"])),
    "labels cut": ("<U1", change_labels(dtype="<U1")),
    "label twice": ("different", change_labels(classes=["+", "+", "weather"])),
    "dtype of no kind": (JSON, change_labels(dtype="rubbish")),
    "form of labels": (JSON, change_labels(form="rubbish")),
    "history": (JSON, change_json(history_=[1])),
    "n_iter": (JSON, change_json(n_iter_=None)),
    "no layers": (ARRAYS, drop_json("layers")),
    "unknown layer": ("GELU", change_json(layers=[{"kind": "GELU"}])),
    "layer without kind": (ARRAYS, change_json(layers=[{}])),
    "layers of no kind": (ARRAYS, change_json(layers=3)),
    "no layer": (ARRAYS, change_json(layers=[])),
    "ngrams of no kind": (ARRAYS, change_json(ngrams=[{"n": "2"}])),
    "ngrams gone": (ARRAYS, change_json(ngrams=[])),
    "arrays cut": (ARRAYS, cut(ARRAYS)),
    "arrays empty": (ARRAYS, write(ARRAYS, b"")),
    "arrays garbage": (ARRAYS, write(ARRAYS, b"\x08" + bytes(7) + b"rubbish!")),
    "no weight": ("layers.0.weight", drop_array("layers.0.weight")),
    "no keys": ("ngrams.1.keys", drop_array("ngrams.1.keys")),
    "no idf": ("ngrams.0.idf", drop_array("ngrams.0.idf")),
    "no lexical": ("lexical", drop_array("lexical")),
    "weight transposed": ("shape", change_array("layers.0.weight", np.transpose)),
    "weight half": ("float16", change_array("layers.0.weight", np.float16)),
    "bias too short": ("shape", change_array("layers.0.bias", lambda it: it[:-1])),
    "bias a matrix": ("shape", change_array("layers.0.bias", lambda it: it[:, None])),
    "lexical too short": ("shape", change_array("lexical", lambda it: it[:-1])),
    "idf too short": ("shape", change_array("ngrams.0.idf", lambda it: it[:-1])),
    "keys reversed": ("ascending", change_array("ngrams.0.keys", lambda it: it[::-1])),
    "keys too large": (
        "ascending",
        change_array("ngrams.0.keys", lambda it: it + 10**6),
    ),
    "keys negative": (
        "ascending",
        change_array("ngrams.0.keys", lambda it: it - 10**6),
    ),
    "keys of floats": ("float64", change_array("ngrams.0.keys", np.float64)),
    "weight NaN": ("NaN", change_array("layers.0.weight", with_nan)),
    "bias NaN": ("NaN", change_array("layers.0.bias", with_nan)),
    "lexical NaN": ("NaN", change_array("lexical", with_nan)),
    "idf NaN": ("NaN", change_array("ngrams.0.idf", with_nan)),
    "model cut": ("model.safetensors", cut("model.safetensors")),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    fitted("FT", "str").save_pretrained(folder)
    return folder


class TestDamage:
    @pytest.fixture
    def folder(self, sound, tmp_path):
        # A new name, for the embedding is read once for each folder and time of change.
        return shutil.copytree(sound, tmp_path / "folder")

    @pytest.mark.parametrize("name", DAMAGE)
    def test_is_refused(self, folder, name):
        message, damage = DAMAGE[name]
        damage(folder)
        with pytest.raises(ValueError, match=message) as caught:
            StaticClassifier.from_pretrained(folder)
        assert str(folder) in str(caught.value)

    @pytest.mark.parametrize("name", [JSON, ARRAYS, "config.json", "model.safetensors"])
    def test_missing_file(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(FileNotFoundError, match=name):
            StaticClassifier.from_pretrained(folder)

    def test_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            StaticClassifier.from_pretrained(tmp_path / "nothing")
        (tmp_path / "empty").mkdir()
        with pytest.raises(FileNotFoundError, match="save_pretrained"):
            StaticClassifier.from_pretrained(tmp_path / "empty")
        with pytest.raises(OSError, match="owner/name"):
            StaticClassifier.from_pretrained("owner/name", local_files_only=True)

    def test_an_embedding_alone(self, tmp_path):
        small_model().save_pretrained(tmp_path)
        with pytest.raises(FileNotFoundError, match=JSON):
            StaticClassifier.from_pretrained(tmp_path)

    def test_failed_writing_changes_nothing(self, folder, monkeypatch):
        before = contents(folder)
        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="disk full"):
            fitted("FT", "int").save_pretrained(folder)
        assert contents(folder) == before


def contents(folder):
    return {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()}


def failing(*paths):
    raise OSError("disk full")


@pytest.mark.parametrize("kind", ["FE", "FT-1"])
def test_prediction_without_torch(kind, tmp_path):
    classifier = fitted(kind, "str")
    classifier.save_pretrained(tmp_path)
    joblib.dump(classifier, tmp_path / "file")
    code = f"""
import sys, joblib
from sk_m2v.train import BaseStaticClassifier
folder = {str(tmp_path)!r}
for it in joblib.load(folder + "/file"), BaseStaticClassifier.from_pretrained(folder):
    it.predict_proba(["a film"]), it.explain(["a film"])
    it.to_pipeline().predict(["a film"])
print(sorted({{"torch", "skorch", "skops"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


class TestPipeline:
    @pytest.mark.parametrize(
        "head",
        [
            LogisticRegression(C=3),
            SVC(),
            LinearSVC(),
            Perceptron(),
            RandomForestClassifier(5, random_state=0),
            MLPClassifier((8,), max_iter=5, random_state=0),
            KNeighborsClassifier(3),
            make_pipeline(MaxAbsScaler(), LogisticRegression()),
        ],
        ids=lambda it: type(it).__name__,
    )
    @pytest.mark.parametrize("target", ["str", "two", "int"])
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_any_head(self, head, target):
        classifier = FeatureExtractionClassifier(
            small_model(), head=head, class_weight=None, embedding_weight=0.7
        ).fit(TEXTS, TARGETS[target])
        pipeline = classifier.to_pipeline()
        assert_array_equal(pipeline.predict(NEW), classifier.predict(NEW), strict=True)
        assert_array_equal(pipeline.classes_, classifier.classes_)
        assert hasattr(pipeline, "predict_proba") == hasattr(head, "predict_proba")
        if hasattr(head, "predict_proba"):
            assert_allclose(
                pipeline.predict_proba(NEW), classifier.predict_proba(NEW), atol=1e-6
            )

    @pytest.mark.parametrize("target", ["str", "two", "lists"])
    @pytest.mark.parametrize("kind", ["FE", "FT-1"])
    def test_goes_through_joblib_and_skops_and_fits_anew(self, kind, target, tmp_path):
        classifier = fitted(kind, target)
        pipeline = classifier.to_pipeline()
        indicator = target == "lists"
        joblib.dump(pipeline, tmp_path / "file")
        assert_same(joblib.load(tmp_path / "file"), classifier, indicator=indicator)
        data = skops.io.dumps(pipeline)
        again = skops.io.loads(data, trusted=[*SKOPS_TRUSTED])
        assert_same(again, classifier, indicator=indicator)
        assert len(pipeline[:-1].get_feature_names_out()) == pipeline[-1].n_features_in_

    def test_can_be_fitted_again(self):
        pipeline = clone(fitted("FE", "str").to_pipeline())
        assert pipeline.fit(TEXTS, STRINGS).score(TEXTS, STRINGS) == 1

    def test_of_a_loaded_classifier(self, tmp_path):
        classifier = fitted("FE", "two")
        classifier.save_pretrained(tmp_path)
        again = FeatureExtractionClassifier.from_pretrained(tmp_path)
        assert_same(again.to_pipeline(), classifier)

    def test_what_cannot_be(self):
        with pytest.raises(ValueError, match="thresholds=None"):
            fit("FE", TARGETS["two"], thresholds=0.3).to_pipeline()
        with pytest.raises(ValueError, match="head=None"):
            fit("FE", LISTS, head=RandomForestClassifier(2)).to_pipeline()
        with pytest.raises(ValueError, match="single label"):
            fit("FE", [["one"], []] * 9).to_pipeline()


# --- Explanations -----------------------------------------------------------------

LINEAR = [("FE", "str"), ("FE", "two"), ("FT", "lists"), ("FT-dense", "str")]
WORDS = st.sampled_from(
    ["a", "great", "film", ",", "boring", "rain", "snow", "zebra", "\u2603"]
)


def scores_of(classifier, texts):
    scores = classifier.decision_function(texts)
    return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores


class TestExplain:
    @pytest.mark.parametrize(("kind", "target"), LINEAR)
    @given(
        texts=st.lists(
            st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=12),
            max_size=4,
        )
    )
    @settings(max_examples=20, deadline=None)
    def test_shares_sum_to_scores(self, kind, target, texts):
        classifier = fitted(kind, target)
        explanations = classifier.explain(texts)
        assert len(explanations) == len(texts)
        (layer,) = classifier._head.layers
        scores = classifier._apply(classifier._scores, texts, len(classifier.classes_))
        for it, score, tokens in zip(
            explanations, scores, classifier.embedding_.tokens(texts), strict=True
        ):
            assert it.exact
            assert it.tokens == tokens
            assert it.shares.shape == (len(tokens), len(classifier.classes_))
            assert_allclose(it.shares.sum(axis=0) + it.intercept, score, atol=1e-9)
            # Not only by definition: what is left is the bias.
            assert_allclose(it.intercept, layer.bias, atol=2e-6)

    @pytest.mark.parametrize("kind", ["FE", "FE-pairs", "FT"])
    def test_one_token_at_a_time(self, kind):
        """Computed slowly, from the definition."""
        classifier = fitted(kind, "str")
        text = "a great great film , a great zebra"
        (found,) = classifier.explain([text])
        (vectors,) = classifier.embedding_.encode_tokens([text])
        head = classifier._head
        length = np.linalg.norm(vectors.mean(axis=0)) * len(vectors)
        shares = vectors @ np.float64(head.layers[0].weight) / length
        ids = classifier.embedding_.token_ids([text])
        first = 0
        *others, letters = classifier._vectorizers
        for ngrams in others:
            row = ngrams.transform(ids).toarray()[0]
            names = ngrams.names(classifier.embedding_.vocabulary).tolist()
            n = ngrams.ngram_range[0]
            grams = [
                " ".join(found.tokens[i : i + n])
                for i in range(len(found.tokens) - n + 1)
            ]
            for place, gram in enumerate(grams):
                if gram in names:
                    column = names.index(gram)
                    term = row[column] * head.lexical[first + column]
                    shares[place : place + n] += term / grams.count(gram) / n
            first += ngrams.n_features
        row = letters.transform(ids).toarray()[0]
        names = letters.names([]).tolist()
        grams = [
            f" {it} "[i : i + n]
            for it in found.tokens
            for n in (3, 4)
            for i in range(len(it) + 3 - n)
        ]
        for place, token in enumerate(found.tokens):
            for n in (3, 4):
                for i in range(len(token) + 3 - n):
                    gram = f" {token} "[i : i + n]
                    if gram in names:
                        column = names.index(gram)
                        term = row[column] * head.lexical[first + column]
                        shares[place] += term / grams.count(gram)
        assert_allclose(found.shares, shares, atol=1e-5)

    @pytest.mark.parametrize("kind", ["FT-1", "forest"])
    def test_without_each_token(self, kind):
        if kind == "forest":
            head = RandomForestClassifier(5, random_state=0)
            classifier = fit("FE", STRINGS, head=head)
        else:
            classifier = fitted(kind, "str")
        text = "a great great film and snow"
        (found,) = classifier.explain([text])
        assert not found.exact
        words = text.split()
        assert found.tokens == words
        less = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
        score, without = scores_of(classifier, [text]), scores_of(classifier, less)
        assert_allclose(found.shares, score - without, atol=1e-6)
        assert_allclose(found.shares.sum(axis=0) + found.intercept, score[0])

    @pytest.mark.parametrize("kind", ["FE", "FT-1"])
    def test_long_empty_and_many_texts(self, kind):
        classifier = fitted(kind, "str")
        long, empty, unknown, *rest = classifier.explain(
            ["rain " * 600, "", "\u2603", *["a film"] * 300]
        )
        assert long.shares.shape == (512, 3)
        for it in (empty, unknown):
            assert it.tokens == []
            assert it.shares.shape == (0, 3)
            assert_allclose(it.intercept, scores_of(classifier, [""])[0])
        assert len(rest) == 300
        assert classifier.explain([]) == []

    def test_long_texts_in_parts(self, monkeypatch):
        classifier = fitted("FT-1", "str")
        (whole,) = classifier.explain(["rain and snow and a film"])
        monkeypatch.setattr("sk_m2v.train.heads._explain._MAX_IDS", 13)
        (parts,) = classifier.explain(["rain and snow and a film"])
        assert_allclose(parts.shares, whole.shares)

    def test_equal_tokens_share_equally(self):
        (found,) = fitted("FE-pairs", "str").explain(["zebra zebra zebra"])
        assert all(
            np.allclose(found.shares[a], found.shares[b]) for a, b in pairwise(range(3))
        )

    def test_missing_is_read_as_the_classifier_reads_it(self):
        classifier = fit("FE", STRINGS, missing="empty")
        assert classifier.explain([None])[0].tokens == []
        with pytest.raises((TypeError, ValueError), match="missing"):
            fitted("FE", "str").explain([None])


def test_skops_needs_no_other_trust():
    data = skops.io.dumps(fitted("FT-2", "lists"))
    assert set(skops.io.get_untrusted_types(data=data)) <= set(SKOPS_TRUSTED)
    regressor = StaticRegressor(small_model(), max_epochs=1).fit(TEXTS, range(18))
    again = skops.io.loads(skops.io.dumps(regressor), trusted=[*SKOPS_TRUSTED])
    assert_allclose(again.predict(NEW), regressor.predict(NEW), atol=1e-6)
    assert all(name.startswith("sk_m2v.") for name in SKOPS_TRUSTED)
