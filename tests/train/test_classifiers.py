"""The classifiers: their contract, what they learn, and what is hard about data."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbedding,
)
from sk_m2v.train.features import _token_cache
from sk_m2v.train.labels._split import split_off

SUBJECTS = {
    "animals": ["the cat sleeps", "a dog barks", "wild horses run", "birds can fly"],
    "food": ["bread and cheese", "a hot soup", "fresh apple pie", "rice with beans"],
    "travel": ["the train leaves", "a flight to Rome", "hotel by the sea", "old maps"],
}
TEXTS = [
    f"{start} {text}"
    for start in ("today", "we saw:", "well,")
    for texts in SUBJECTS.values()
    for text in texts
]
LABELS = [
    subject for _ in range(3) for subject, texts in SUBJECTS.items() for _ in texts
]
NEW = ["a small cat", "cheese soup", "the flight leaves"]

KINDS = {
    "FE": FeatureExtractionClassifier(),
    "FT": StaticClassifier(max_epochs=2, random_state=0),
    "PT": FromScratchClassifier(max_epochs=2, random_state=0),
}
TRAINED = ["FT", "PT"]


@pytest.fixture(params=KINDS)
def classifier(request):
    return clone(KINDS[request.param])


@pytest.fixture(params=TRAINED)
def trained(request):
    return clone(KINDS[request.param])


class TestContract:
    def test_learns(self, classifier):
        classifier.fit(TEXTS, LABELS)
        assert classifier.predict(NEW).tolist() == ["animals", "food", "travel"]
        assert classifier.score(TEXTS, LABELS) == 1.0
        assert classifier.history_[-1]["train_loss"] < np.log(3)
        assert classifier.n_iter_ >= 1

    @pytest.mark.parametrize(
        "labels",
        [
            ["one", "two", "three"],
            [1, 2, 3],
            np.array([3, 1, 2], dtype=np.uint8),
            np.array([-1, 0, 5], dtype=np.int16),
            [0.0, 1.0, 2.0],
            [False, True, True],
        ],
        ids=str,
    )
    def test_any_labels(self, classifier, labels):
        index = np.unique(LABELS, return_inverse=True)[1]
        y = np.asarray(labels)[index]
        predicted = classifier.fit(TEXTS, y).predict(TEXTS)
        assert predicted.dtype == y.dtype
        assert_array_equal(predicted, y)
        assert_array_equal(classifier.classes_, np.unique(y))

    def test_probabilities(self, classifier):
        classifier.fit(TEXTS, LABELS)
        probabilities = classifier.predict_proba(NEW)
        assert probabilities.shape == (3, 3)
        assert_allclose(probabilities.sum(axis=1), 1)
        scores = classifier.decision_function(NEW)
        assert_array_equal(scores.argmax(axis=1), probabilities.argmax(axis=1))

    def test_two_classes_have_one_score(self, classifier):
        y = [label == "food" for label in LABELS]
        classifier.fit(TEXTS, y)
        scores = classifier.decision_function(NEW)
        assert scores.shape == (3,)
        assert_allclose(1 / (1 + np.exp(-scores)), classifier.predict_proba(NEW)[:, 1])

    def test_any_container(self, classifier):
        expected = classifier.fit(TEXTS, LABELS).predict_proba(NEW)
        frame = pd.DataFrame({"text": TEXTS})
        classifier.fit(frame, pd.Series(LABELS))
        assert_allclose(classifier.predict_proba(iter(NEW)), expected, atol=1e-6)
        assert classifier.predict_proba([]).shape == (0, 3)

    def test_same_seed_same_weights(self, trained):
        first, second = (clone(trained).fit(TEXTS, LABELS) for _ in range(2))
        assert_array_equal(first.embedding_.vectors, second.embedding_.vectors)
        assert_array_equal(first.predict_proba(NEW), second.predict_proba(NEW))
        other = clone(trained).set_params(random_state=1).fit(TEXTS, LABELS)
        assert np.any(first.embedding_.vectors != other.embedding_.vectors)

    def test_global_random_states_stay(self, trained):
        import torch

        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        expected = torch.rand(1), np.random.rand()  # noqa: NPY002
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        trained.set_params(dropout=0.1, token_dropout=0.1, n_layers=1)
        trained.fit(TEXTS, LABELS)
        assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002

    def test_only_vectors_of_tokens_that_occur_change(self, default_model):
        classifier = StaticClassifier(default_model, random_state=0)
        classifier.fit(TEXTS, LABELS)
        before = default_model._vectors_of(np.arange(default_model.n_tokens))
        changed = np.flatnonzero((classifier.embedding_.vectors != before).any(axis=1))
        seen = np.unique(default_model.token_ids(TEXTS).ids)
        assert set(changed) <= set(seen)
        assert len(changed) > 10
        frozen = StaticClassifier(default_model, freeze=True).fit(TEXTS, LABELS)
        assert np.shares_memory(frozen.embedding_.vectors, default_model.vectors)

    def test_weights_of_texts(self, classifier):
        texts, y = ["red", "red", "blue"], [0, 1, 1]
        classifier.set_params(class_weight=None)
        one = classifier.fit(texts, y, sample_weight=[9, 1, 1]).predict_proba(["red"])
        other = classifier.fit(texts, y, sample_weight=[1, 9, 1]).predict_proba(["red"])
        assert one[0, 0] > 0.5 > other[0, 0]
        with pytest.raises(ValueError, match="sample_weight"):
            classifier.fit(texts, y, sample_weight=[1, np.nan, 1])

    def test_class_weights(self, classifier):
        texts, y = ["red", "red", "red", "blue"], ["a", "a", "b", "b"]
        light = clone(classifier).set_params(class_weight={"b": 0.1})
        heavy = clone(classifier).set_params(class_weight={"b": 10})
        p = [it.fit(texts, y).predict_proba(["red"])[0, 1] for it in (light, heavy)]
        assert p[0] < p[1]
        with pytest.raises(ValueError, match="'c'"):
            classifier.set_params(class_weight={"c": 1}).fit(texts, y)

    def test_errors_leave_a_fit_as_it_was(self, classifier):
        classifier.fit(TEXTS, LABELS)
        expected = classifier.predict_proba(NEW)
        with pytest.raises(ValueError, match="inconsistent"):
            classifier.fit(TEXTS, LABELS[:-1])
        with pytest.raises(TypeError, match="Row 1 of X"):
            classifier.fit(["a", 3], [0, 1])
        assert_array_equal(classifier.predict_proba(NEW), expected)


FORMS = {
    "lists": [["food"], ["food", "travel"], [], ["travel"]] * 6,
    "indicator": np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 6),
    "bool": np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 6, dtype=bool),
    "sparse": csr_array(np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 6)),
}
MULTI = ["bread and soup", "soup on the train", "a cat", "the flight leaves"] * 6


class TestSeveralLabels:
    @pytest.mark.parametrize("form", FORMS)
    def test_gives_back_the_form(self, classifier, form):
        y = FORMS[form]
        predicted = classifier.fit(MULTI, y).predict(MULTI)
        assert type(predicted) is type(y)
        if form == "lists":
            assert predicted == y
        elif form == "sparse":
            assert_array_equal(predicted.toarray(), y.toarray())
        else:
            assert predicted.dtype == y.dtype
            assert_array_equal(predicted, y)
        assert classifier.score(MULTI, y) == 1.0
        probabilities = classifier.predict_proba(MULTI[:4])
        assert probabilities.shape == (4, 2)
        assert ((probabilities > 0.5) == FORMS["bool"][:4]).all()
        assert classifier.decision_function(MULTI[:4]).shape == (4, 2)

    def test_thresholds(self, classifier):
        classifier.fit(MULTI, FORMS["lists"])
        every = clone(classifier).set_params(thresholds={"food": 0.0})
        assert all("food" in it for it in every.fit(MULTI, FORMS["lists"]).predict(NEW))
        none = clone(classifier).set_params(thresholds=[1.0, 1.0])
        assert none.fit(MULTI, FORMS["lists"]).predict(NEW) == [[], [], []]

    def test_a_label_that_all_have(self, classifier):
        y = np.array([[1, 0, 0], [1, 1, 0]] * 12)
        probabilities = classifier.fit(MULTI, y).predict_proba(MULTI)
        assert (probabilities[:, 0] > 0.99).all()
        assert (probabilities[:, 2] < 0.01).all()

    def test_thresholds_of_two_classes(self, classifier):
        y = [label == "food" for label in LABELS]
        assert classifier.set_params(thresholds=0.0).fit(TEXTS, y).predict(NEW).all()
        with pytest.raises(ValueError, match="3 classes"):
            classifier.fit(TEXTS, LABELS)


class TestHardData:
    def test_one_class(self, classifier):
        with pytest.raises(ValueError, match="only one class is present"):
            classifier.fit(["a", "b"], ["same", "same"])

    def test_a_class_of_one_text(self, trained):
        texts, y = [*TEXTS, "quantum physics"], [*LABELS, "science"]
        trained.set_params(validation_fraction=0.1).fit(texts, y)
        assert trained.predict(["quantum physics"]) == ["science"]

    def test_empty_and_unknown_texts(self, classifier):
        texts, y = [*TEXTS, "", "\u16a0\u16b1"], [*LABELS, "food", "food"]
        classifier.fit(texts, y)
        probabilities = classifier.predict_proba(["", "   ", "\U00013000"])
        assert_allclose(probabilities.sum(axis=1), 1)
        assert_allclose(probabilities[0], probabilities[1])

    def test_nothing_but_unknown_texts(self, classifier, tiny_model):
        if "model" not in classifier.get_params():
            pytest.skip("learns its tokens from any text")
        classifier.set_params(model=tiny_model, class_weight=None)
        classifier.fit(["xyz", "", "qqq"], ["a", "a", "b"])
        assert_allclose(classifier.predict_proba(["red"])[0], [2 / 3, 1 / 3], atol=0.02)

    def test_unseen_labels_of_validation(self, classifier):
        with pytest.raises(ValueError, match=r"(?s)'space'.*y_val|y_val.*'space'"):
            classifier.fit(TEXTS, LABELS, ["rocket"], ["space"])
        with pytest.raises(ValueError, match="belong together"):
            classifier.fit(TEXTS, LABELS, ["rocket"])

    def test_more_classes_than_validation_texts(self, trained):
        trained.set_params(validation_fraction=0.05).fit(TEXTS, LABELS)
        assert "valid_loss" in trained.history_[-1]
        assert trained.score(TEXTS, LABELS) == 1.0

    def test_no_class_is_set_aside_whole(self):
        Y = np.repeat([0, 1], [100, 2])
        for seed in range(5):
            keep, out = split_off(Y, 0.9, np.random.RandomState(seed))
            assert set(Y[keep]) == {0, 1}
            assert len(keep) + len(out) == 102

    def test_too_little_to_split(self, trained):
        with pytest.raises(ValueError, match="validation_fraction"):
            trained.set_params(validation_fraction=0.5).fit(["a", "b"], [0, 1])

    def test_no_epochs_is_logistic_regression(self):
        start = StaticClassifier(max_epochs=0).fit(TEXTS, LABELS)
        expected = FeatureExtractionClassifier().fit(TEXTS, LABELS)
        assert start.n_iter_ == 0
        assert start.history_ == []
        assert_allclose(
            start.predict_proba(NEW), expected.predict_proba(NEW), atol=1e-6
        )

    def test_weights_that_run_away(self):
        import skorch.callbacks

        class Diverge(skorch.callbacks.Callback):
            def on_epoch_end(self, net, **kwargs):
                net.module_.head[0].weight.data.fill_(np.inf)

        classifier = StaticClassifier(callbacks=[Diverge()])
        with pytest.raises(ValueError, match="smaller lr"):
            classifier.fit(TEXTS, LABELS)
        assert not hasattr(classifier, "classes_")

    def test_interrupt_keeps_the_best(self):
        import skorch.callbacks

        class Interrupt(skorch.callbacks.Callback):
            def on_batch_end(self, net, **kwargs):
                if len(net.history) == 2:
                    raise KeyboardInterrupt

        classifier = StaticClassifier(callbacks=[Interrupt()], max_epochs=9)
        with pytest.warns(UserWarning, match="interrupted in epoch 2"):
            classifier.fit(TEXTS, LABELS)
        assert classifier.n_iter_ == 1
        assert classifier.score(TEXTS, LABELS) == 1.0

    @pytest.mark.slow
    def test_interrupt_from_the_keyboard(self):
        code = (
            "import signal, sys\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from sk_m2v import StaticClassifier\n"
            "texts = ['good film', 'bad film'] * 500\n"
            "c = StaticClassifier(max_epochs=100_000, verbose=1)\n"
            "c.fit(texts, [1, 0] * 500)\n"
            "print('score', c.score(texts, [1, 0] * 500))\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines = iter(process.stdout.readline, "")
        next(line for line in lines if line.split()[:1] == ["3"])  # third epoch
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert "score 1.0" in out
        assert "interrupted in epoch" in err


class TestTraining:
    def test_validation_keeps_the_best_epoch(self, trained):
        # Steps this large make the start the best.
        trained.set_params(lr=0.5, max_epochs=8, patience=2)
        wrong = ["animals", "food", "travel"]
        trained.fit(TEXTS, LABELS, NEW, wrong)
        losses = [row["valid_loss"] for row in trained.history_]
        probabilities = trained.predict_proba(NEW)
        right = probabilities[np.arange(3), np.searchsorted(trained.classes_, wrong)]
        assert -np.log(right).mean() <= min(losses) + 1e-5

    def test_patience_stops(self):
        classifier = StaticClassifier(lr=0.3, max_epochs=50, patience=1)
        classifier.fit(TEXTS, LABELS, NEW, ["food", "travel", "animals"])
        assert classifier.n_iter_ < 10

    @pytest.mark.parametrize("scoring", ["accuracy", "f1_macro", "neg_log_loss"])
    def test_scorers(self, scoring):
        classifier = StaticClassifier(scoring=scoring, validation_fraction=0.3)
        classifier.set_params(random_state=0).fit(TEXTS, LABELS)
        assert f"valid_{scoring}" in classifier.history_[-1]

    def test_scorers_of_several_labels(self):
        classifier = StaticClassifier(scoring="f1_micro", validation_fraction=0.3)
        classifier.set_params(random_state=0).fit(MULTI, FORMS["lists"])
        assert 0 <= classifier.history_[-1]["valid_f1_micro"] <= 1

    @pytest.mark.parametrize("n_layers", [1, 2])
    def test_hidden_layers_start_from_logistic_regression(self, n_layers):
        classifier = StaticClassifier(n_layers=n_layers, max_epochs=0, random_state=0)
        expected = FeatureExtractionClassifier().fit(TEXTS, LABELS)
        assert_allclose(
            classifier.fit(TEXTS, LABELS).decision_function(NEW),
            expected.decision_function(NEW),
            atol=1e-5,
        )
        classifier.set_params(max_epochs=2, hidden_dim=4).fit(TEXTS, LABELS)
        assert classifier.predict(NEW).shape == (3,)

    @pytest.mark.parametrize(
        "parameters",
        [
            {"focal_gamma": 2.0},
            {"label_smoothing": 0.1},
            {"dropout": 0.2},
            {"token_dropout": 0.2},
            {"optimizer": "adamw"},
            {"optimizer": "sgd", "lr": 0.1},
            {"batch_size": 7},
            {"lexical": False},
            {"ngram_range": (1, 3)},
            {"ngram_range": (2, 2)},
        ],
        ids=str,
    )
    def test_parameters(self, parameters):
        classifier = StaticClassifier(random_state=0).set_params(**parameters)
        classifier.fit(TEXTS, LABELS)
        assert classifier.score(TEXTS, LABELS) == 1.0
        several = clone(classifier).fit(MULTI, FORMS["lists"])
        assert several.score(MULTI, FORMS["lists"]) > 0.9

    def test_warm_start(self, trained):
        trained.set_params(warm_start=True).fit(TEXTS, LABELS)
        first = trained.embedding_.vectors
        trained.fit(TEXTS, LABELS)
        assert trained.n_iter_ == 4
        assert np.any(first != trained.embedding_.vectors)
        with pytest.raises(ValueError, match="space"):
            trained.fit(["rocket", "cat"], ["space", "animals"])

    def test_partial_fit(self, trained):
        half = len(TEXTS) // 2
        classes = sorted(set(LABELS))
        trained.partial_fit(TEXTS[:half], LABELS[:half], classes)
        for _ in range(5):
            trained.partial_fit(TEXTS[half:], LABELS[half:])
        assert trained.score(TEXTS, LABELS) > 0.9
        with pytest.raises(ValueError, match="space"):
            trained.partial_fit(["rocket"], ["space"])
        with pytest.raises(ValueError, match="first call"):
            trained.partial_fit(["cat"], ["animals"], ["animals", "food"])

    def test_partial_fit_begins_with_one_class(self):
        classifier = StaticClassifier(lr=0.05, random_state=0)
        classifier.partial_fit(["a cat"], ["animals"], ["animals", "food"])
        for _ in range(20):
            classifier.partial_fit(["a cat", "a soup"], ["animals", "food"])
        assert classifier.predict(["the soup"]) == ["food"]

    def test_another_head(self):
        class Normalised(StaticClassifier):
            def build_head(self, n_inputs, n_outputs):
                from torch import nn

                return nn.Sequential(
                    nn.LayerNorm(n_inputs), nn.Linear(n_inputs, n_outputs)
                )

        classifier = Normalised(lr=0.01, max_epochs=20, random_state=0)
        classifier.fit(TEXTS, LABELS)
        assert [type(it).__name__ for it in classifier._head.layers] == [
            "LayerNorm",
            "Linear",
        ]
        assert_allclose(
            classifier._head.scores(*classifier._features(NEW, False)),
            _scores_of_net(classifier, NEW),
            atol=1e-4,
        )

    def test_a_head_that_only_torch_knows(self):
        class Gated(StaticClassifier):
            def build_head(self, n_inputs, n_outputs):
                from torch import nn

                return nn.Sequential(nn.Linear(n_inputs, 2 * n_outputs), nn.GLU())

        classifier = Gated(lr=0.01, max_epochs=5, random_state=0).fit(TEXTS, LABELS)
        again = clone(classifier).fit(TEXTS, LABELS)
        assert_array_equal(classifier.predict_proba(NEW), again.predict_proba(NEW))

    def test_callbacks(self):
        import skorch.callbacks

        seen = []

        class Look(skorch.callbacks.Callback):
            def on_epoch_end(self, net, **kwargs):
                seen.append(net.history[-1, "train_loss"])

        StaticClassifier(callbacks=[Look()], max_epochs=2).fit(TEXTS, LABELS)
        assert len(seen) == 2

    def test_threads_train_for_themselves(self):
        import torch

        results = {}

        def run(seed):
            it = StaticClassifier(random_state=seed, token_dropout=0.2, dropout=0.2)
            it.set_params(n_layers=1, hidden_dim=16)
            results.setdefault(seed, []).append(
                it.fit(TEXTS, LABELS).predict_proba(NEW)
            )

        before = torch.get_rng_state()
        for seeds in ([0, 1, 2], [1, 2, 0], [2, 0, 1]) * 3:
            threads = [threading.Thread(target=run, args=(seed,)) for seed in seeds]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for first, *others in results.values():
            for other in others:
                assert_array_equal(first, other)
        assert torch.equal(torch.get_rng_state(), before)


def _scores_of_net(classifier, texts):
    import torch

    from sk_m2v.train.fitting._bags import BagDataset
    from sk_m2v.train.fitting._trainable_rows import TrainableRows

    tokens = classifier.embedding_.token_ids(texts)
    rows = TrainableRows(classifier.embedding_, tokens)
    features = classifier._features(texts, False)
    fixed = classifier._head.lexical_scores(features.blocks)
    data = BagDataset(rows.rows(tokens), fixed, np.empty(len(texts)))
    module = classifier.net_.module_
    module.vectors = torch.nn.Parameter(torch.from_numpy(rows.vectors))
    with torch.no_grad():
        return module(data.__getitems__(range(len(texts)))[0]).numpy()


class TestHeads:
    @pytest.mark.parametrize(
        "head",
        [LogisticRegression(), RandomForestClassifier(n_estimators=20), LinearSVC()],
        ids=lambda it: type(it).__name__,
    )
    def test_any_classifier(self, head):
        classifier = FeatureExtractionClassifier(head=head, random_state=0)
        classifier.fit(TEXTS, LABELS)
        assert classifier.score(TEXTS, LABELS) == 1.0
        assert hasattr(classifier, "predict_proba") == hasattr(head, "predict_proba")
        several = clone(classifier).fit(MULTI, FORMS["lists"])
        assert several.score(MULTI, FORMS["lists"]) > 0.9
        assert len(several.head_) == 2

    def test_head_without_iterations(self):
        classifier = FeatureExtractionClassifier(head=RidgeClassifier())
        classifier.fit(TEXTS, LABELS)
        assert classifier.head_.n_iter_ is None
        assert classifier.n_iter_ == 1

    def test_no_classifier(self):
        with pytest.raises(ValueError, match="must be a classifier"):
            FeatureExtractionClassifier(
                head=FunctionTransformer(), missing="empty"
            ).set_params(head=_Regressor()).fit(TEXTS, LABELS)

    def test_head_without_weights(self):
        from sklearn.neighbors import KNeighborsClassifier

        classifier = FeatureExtractionClassifier(head=KNeighborsClassifier())
        y = [*LABELS[:-1], "food"]
        with pytest.raises(ValueError, match="class_weight=None"):
            classifier.fit(TEXTS, y)
        classifier.set_params(class_weight=None).fit(TEXTS, y)

    def test_dense_only(self, default_model):
        classifier = FeatureExtractionClassifier(lexical=False).fit(TEXTS, LABELS)
        assert classifier.head_.coef_.shape == (3, default_model.dim)


class _Regressor(DummyClassifier):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        return tags


class TestInsideScikitLearn:
    def test_grid_search(self, classifier):
        search = GridSearchCV(
            classifier, {"embedding_weight": [0.5, 1.5]}, cv=2, scoring="f1_macro"
        )
        assert search.fit(TEXTS, LABELS).best_score_ > 0.8

    @pytest.mark.slow
    def test_two_processes(self, fresh_workers):
        search = GridSearchCV(
            StaticClassifier(random_state=0), {"lr": [1e-4, 1e-3]}, cv=2, n_jobs=2
        )
        assert search.fit(TEXTS, LABELS).best_score_ > 0.8

    def test_searches_tokenize_once(self, monkeypatch):
        _token_cache._memory.cache_clear()
        # Nanotoken reads faster than what was read is looked up.
        monkeypatch.setattr(_token_cache, "NanotokenBackend", type(None))
        seen = []
        original = StaticEmbedding.token_ids

        def token_ids(self, texts, **options):
            seen.extend(texts)
            return original(self, texts, **options)

        monkeypatch.setattr(StaticEmbedding, "token_ids", token_ids)
        search = GridSearchCV(
            FeatureExtractionClassifier(), {"embedding_weight": [1, 2]}, cv=3
        )
        search.fit(TEXTS, LABELS)
        search.predict(TEXTS)
        assert sorted(seen) == sorted(set(TEXTS))

    def test_cross_val_predict(self, classifier):
        predicted = cross_val_predict(
            classifier, TEXTS, LABELS, cv=2, method="predict_proba"
        )
        assert predicted.shape == (36, 3)

    def test_pipeline_and_routing(self, classifier):
        import sklearn

        lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
        with sklearn.config_context(enable_metadata_routing=True):
            weighted = clone(classifier).set_fit_request(sample_weight=True)
            pipeline = make_pipeline(lower, weighted)
            pipeline.fit(TEXTS, LABELS, sample_weight=np.ones(len(TEXTS)))
        assert pipeline.predict(["A CAT"]) == ["animals"]

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda it: CalibratedClassifierCV(it, cv=2),
            OneVsRestClassifier,
            lambda it: StackingClassifier([("texts", it)], LogisticRegression(), cv=2),
        ],
        ids=["calibrated", "one-vs-rest", "stacking"],
    )
    def test_meta_estimators(self, wrap):
        outer = wrap(FeatureExtractionClassifier()).fit(TEXTS, LABELS)
        assert outer.predict(NEW).tolist() == ["animals", "food", "travel"]

    def test_tuned_threshold(self):
        y = np.array([label == "food" for label in LABELS])
        tuned = TunedThresholdClassifierCV(StaticClassifier(max_epochs=1), cv=2)
        assert tuned.fit(TEXTS, y).predict(["cheese soup"]).all()

    def test_cross_val_score_of_a_frame_column(self, classifier):
        frame = pd.DataFrame({"text": TEXTS, "label": LABELS})
        assert cross_val_score(classifier, frame["text"], frame["label"]).mean() > 0.8


class TestWithoutTorch:
    def test_predicting_imports_no_torch(self, classifier, tmp_path):
        path = tmp_path / "it.pickle"
        path.write_bytes(pickle.dumps(classifier.fit(TEXTS, LABELS)))
        code = (
            "import pickle, sys\n"
            f"it = pickle.load(open({str(path)!r}, 'rb'))\n"
            f"print(it.predict({NEW!r}).tolist())\n"
            "assert not {'torch', 'skorch', 'transformers'} & set(sys.modules)\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert result.stdout.strip() == "['animals', 'food', 'travel']"

    def test_missing_torch_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ImportError, match=r"sk-m2v\[train\]"):
            StaticClassifier().fit(TEXTS, LABELS)


def test_forked_process_predicts():
    classifier = FeatureExtractionClassifier().fit(TEXTS, LABELS)
    expected = classifier.predict(NEW)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if (classifier.predict(NEW) == expected).all() else 1)
    for _ in range(600):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail("the child process hangs")
    assert status == 0
