"""scikit-learn's callbacks on what this package fits, alone and inside of others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import Callback, EarlyStopping

import sk_m2v
from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
)
from sk_m2v.train import ResumePoint

WORDS = {"food": "bread soup apple cheese", "travel": "train ship road plane"}
TEXTS = [f"{a} {b}" for it in WORDS.values() for a in it.split() for b in it.split()]
LABELS = [name for name in WORDS for _ in range(16)]
PAIRS = [f"{text} {i}" for i, text in enumerate(TEXTS)]
KINDS = {
    "StaticClassifier": (StaticClassifier, LABELS),
    "FromScratchClassifier": (FromScratchClassifier, LABELS),
    "StaticRegressor": (StaticRegressor, np.arange(32.0)),
    "ContrastiveTransformer": (ContrastiveTransformer, PAIRS),
}
CONTEXTS = {"_callback_fit_ctx", "_parent_callback_ctx", "_skl_callbacks_to_teardown"}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def make(kind, **options):
    estimator, y = KINDS[kind]
    return estimator(**{"max_epochs": 3, "random_state": 0, "lr": 0.05} | options), y


def outputs(fitted):
    if isinstance(fitted, ContrastiveTransformer):
        return fitted.transform(TEXTS)
    return fitted.predict(TEXTS)


class Recorder:
    """Keeps what callbacks are told, and wants to stop after some epochs."""

    def __init__(self, stop_after=None, task="epoch"):
        self.stop_after = stop_after
        self.task = task
        self.events = []

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name))
        return context.task_name == self.task and self.count() == self.stop_after

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name))

    def count(self):
        return self.events.count(("end", self.task))


class Taker(Recorder):
    """Takes fitted estimators, and what they are fitted to."""

    def on_fit_task_end(
        self, estimator, context, *, X, y, metadata=None, fitted_estimator
    ):
        if fitted_estimator is not None:
            self.events.append((context.task_name, fitted_estimator, X, y, metadata))


def loss(estimator, X, y):
    """A score for whatever is fitted."""
    if hasattr(estimator, "predict_proba"):
        return float(estimator.predict_proba(X).max())
    return float(np.abs(outputs(estimator)).max())


def test_epochs_are_tasks(kind):
    recorder = Recorder()
    estimator, y = make(kind)
    fitted = estimator.set_callbacks(recorder).fit(TEXTS, y)
    assert recorder.events == [
        ("setup", "fit"),
        ("begin", "fit"),
        *[("begin", "epoch"), ("end", "epoch")] * 3,
        ("end", "fit"),
        ("teardown", "fit"),
    ]
    assert not CONTEXTS & set(vars(fitted))
    # The net lets go of the texts.
    assert all("Epochs" not in type(it).__name__ for _, it in fitted.net_.callbacks_)


@pytest.mark.parametrize("options", [{}, {"validation_fraction": 0.25}], ids=str)
def test_fits_are_as_without(kind, options):
    plain, y = make(kind, **options)
    plain.fit(TEXTS, y)
    followed = clone(plain).set_callbacks(Taker(), Recorder()).fit(TEXTS, y)
    assert_array_equal(outputs(followed), outputs(plain))
    assert [it["train_loss"] for it in followed.history_] == [
        it["train_loss"] for it in plain.history_
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validation_fraction": 0.25, "lr": 0.5},
        {"n_layers": 1, "hidden_dim": 8, "dropout": 0.2, "token_dropout": 0.1},
    ],
    ids=str,
)
def test_estimators_of_epochs_are_those_of_shorter_fits(kind, options):
    if kind == "ContrastiveTransformer":
        options = {k: v for k, v in options.items() if k not in ("n_layers", "dropout")}
        options.pop("hidden_dim", None)
    taker = Taker()
    estimator, y = make(kind, **options)
    whole = estimator.set_callbacks(taker).fit(TEXTS, y)
    taken = [it for it in taker.events if len(it) == 5]
    assert [it[0] for it in taken] == ["epoch"] * 3 + ["fit"]
    for n_epochs, (_, fitted, X, targets, metadata) in enumerate(taken, 1):
        n_epochs = min(n_epochs, 3)
        shorter = clone(whole).set_callbacks().set_params(max_epochs=n_epochs)
        shorter.fit(TEXTS, y)
        assert_array_equal(outputs(fitted), outputs(shorter))
        assert fitted.n_iter_ == n_epochs
        assert fitted.best_epoch_ == shorter.best_epoch_
        assert list(X) == TEXTS
        assert_array_equal(targets, y)
        assert metadata is None
    # The copies share nothing with what is trained on.
    assert_array_equal(outputs(taken[-1][1]), outputs(whole))


def test_several_labels_and_weights():
    taker = Taker()
    y = [[label] if i % 3 else [label, "third"] for i, label in enumerate(LABELS)]
    weight = np.linspace(0, 1, 32)
    classifier = StaticClassifier(max_epochs=3, random_state=0).set_callbacks(taker)
    classifier.fit(TEXTS, y, sample_weight=weight)
    taken = [it for it in taker.events if len(it) == 5]
    assert len(taken) == 4
    for _, fitted, X, labels, metadata in taken:
        assert fitted.predict_proba(X).shape == (32, 3)
        assert labels is y
        assert_array_equal(metadata["sample_weight"], weight)


def test_scores_of_epochs():
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    classifier, y = make("StaticClassifier")
    classifier.set_callbacks(monitor).fit(TEXTS, y)
    rows = monitor.get_logs().data
    assert [it["task_name"] for it in rows] == ["fit", *["epoch"] * 3]
    assert [it["task_id"] for it in rows[1:]] == [0, 1, 2]
    losses = [-it["neg_log_loss"] for it in rows[1:]]
    assert losses == sorted(losses, reverse=True)
    assert_allclose(losses[-1], log_loss(LABELS, classifier.predict_proba(TEXTS)))
    assert rows[0]["neg_log_loss"] == rows[-1]["neg_log_loss"]


def test_any_scorer(kind):
    monitor = ScoringMonitor(scoring=lambda *it: {"mine": loss(*it)})
    estimator, y = make(kind)
    fitted = estimator.set_callbacks(monitor).fit(TEXTS, y)
    rows = monitor.get_logs().data
    assert len(rows) == 4
    assert len({it["mine"] for it in rows}) == 3
    assert rows[-1]["mine"] == pytest.approx(loss(fitted, TEXTS, y))


@pytest.mark.parametrize("options", [{}, {"validation_fraction": 0.25}], ids=str)
def test_callbacks_can_stop(kind, options):
    estimator, y = make(kind, max_epochs=9, patience=None, **options)
    plain = clone(estimator).set_params(max_epochs=2).fit(TEXTS, y)
    fitted = estimator.set_callbacks(Recorder(stop_after=2)).fit(TEXTS, y)
    assert fitted.n_iter_ == 2
    assert_array_equal(outputs(fitted), outputs(plain))


def test_callbacks_stop_what_can_be_resumed(tmp_path):
    def new(*callbacks):
        point = ResumePoint(tmp_path / "training.pt")
        estimator, y = make("StaticClassifier", max_epochs=6, callbacks=[point])
        return estimator.set_callbacks(*callbacks).fit(TEXTS, y)

    stopped = new(Recorder(stop_after=3))
    again = new()  # it had ended
    assert stopped.n_iter_ == again.n_iter_ == 3
    assert_array_equal(outputs(stopped), outputs(again))
    assert "callbacks" not in vars(again.net_)["callbacks"]


def test_tasks_end_where_skorch_ends():
    recorder = Recorder()
    stopping = EarlyStopping(monitor="train_loss", patience=1, threshold=0.9)
    classifier, y = make("StaticClassifier", max_epochs=9, callbacks=[stopping])
    classifier.set_callbacks(recorder).fit(TEXTS, y)
    assert classifier.n_iter_ < 9
    assert recorder.count() == classifier.n_iter_
    assert recorder.events[-2:] == [("end", "fit"), ("teardown", "fit")]


def test_errors_tear_down(kind):
    recorder = Recorder()

    class Diverge(Callback):
        def on_epoch_end(self, net, **kwargs):
            next(net.module_.parameters()).data.fill_(np.inf)

    estimator, y = make(kind, callbacks=[Diverge()])
    estimator.set_callbacks(recorder)
    with pytest.raises(ValueError, match="smaller lr"):
        estimator.fit(TEXTS, y)
    assert recorder.events[-1] == ("teardown", "fit")
    assert not CONTEXTS & set(vars(estimator))
    assert not hasattr(estimator, "n_iter_")


def test_errors_of_callbacks_leave_the_estimator(kind):
    class Broken(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("broken")

    estimator, y = make(kind)
    with pytest.raises(RuntimeError, match="broken"):
        estimator.set_callbacks(Broken()).fit(TEXTS, y)
    assert not hasattr(estimator, "n_iter_")
    estimator.set_callbacks().fit(TEXTS, y)


def test_progress_bar(kind, capsys):
    estimator, y = make(kind)
    estimator.fit(TEXTS, y)
    assert capsys.readouterr() == ("", "")
    estimator.set_callbacks(ProgressBar()).fit(TEXTS, y)
    out = capsys.readouterr().out
    assert f"{type(estimator).__name__} - fit" in out
    assert "100%" in out


def identity(texts):
    return texts


def test_pipelines(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    classifier, y = make("StaticClassifier")
    pipeline = make_pipeline(
        FunctionTransformer(identity), classifier.set_callbacks(monitor)
    )
    with pytest.warns(UserWarning, match="FunctionTransformer does not support"):
        pipeline.set_callbacks(ProgressBar()).fit(TEXTS, y)
    out = capsys.readouterr().out
    assert "Pipeline - fit" in out
    assert "StaticClassifier - fit" in out
    rows = monitor.get_logs().data
    assert {it["task_id_path"][:2] for it in rows} == {(0, 1)}
    assert len(rows) == 4
    # The bar was lent.
    assert classifier._skl_callbacks == [monitor]
    assert_array_equal(pipeline.predict(TEXTS), outputs(classifier))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_searches(n_jobs, capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    classifier, y = make("StaticClassifier", max_epochs=2)
    classifier.set_callbacks(monitor)
    search = GridSearchCV(classifier, {"lr": [0.01, 0.1]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(TEXTS, y)
    out = capsys.readouterr().out
    assert "GridSearchCV - fit" in out
    assert "StaticClassifier - fit" in out
    rows = monitor.get_logs().data
    epochs = [it for it in rows if it["task_name"] == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 2
    assert len({it["task_id_path"] for it in rows}) == len(rows)
    assert search.best_estimator_.n_iter_ == 2


def test_bars_are_for_the_outermost():
    classifier, y = make("StaticClassifier")
    search = GridSearchCV(
        classifier.set_callbacks(ProgressBar()), {"lr": [0.1]}, cv=2, refit=False
    )
    with pytest.raises(ValueError, match="can't have auto-propagated callbacks"):
        search.fit(TEXTS, y)


def test_partial_fits_are_fits_of_one_epoch():
    recorder = Recorder()
    classifier = StaticClassifier(random_state=0).set_callbacks(recorder)
    for part in (slice(0, None, 2), slice(1, None, 2)):
        classifier.partial_fit(TEXTS[part], LABELS[part])
    assert recorder.count() == 2
    assert recorder.events.count(("setup", "fit")) == 2
    classifier.set_params(warm_start=True, max_epochs=2).fit(TEXTS, LABELS)
    assert recorder.count() == 4


def test_no_epochs(kind):
    recorder = Recorder()
    estimator, y = make(kind, max_epochs=0)
    estimator.set_callbacks(recorder).fit(TEXTS, y)
    assert [it[0] for it in recorder.events] == ["setup", "begin", "end", "teardown"]


def test_pickles_and_folders(kind, tmp_path):
    """Neither during a fit nor after it do contexts get into them."""

    class Pickler(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if fitted_estimator is not None:
                copy = fitted_estimator.set_callbacks()
                self.events.append(pickle.dumps(copy))

    pickler, monitor = Pickler(), ScoringMonitor(scoring=loss)
    estimator, y = make(kind)
    estimator.set_callbacks(pickler).fit(TEXTS, y)
    pickles = [it for it in pickler.events if isinstance(it, bytes)]
    assert len(pickles) == 4
    for it in pickles:
        assert b"CallbackContext" not in it
        assert outputs(pickle.loads(it)).shape == outputs(estimator).shape
    estimator.set_callbacks(monitor)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(outputs(loaded), outputs(estimator))
    estimator.save_pretrained(tmp_path / "model")
    loaded = sk_m2v.load(tmp_path / "model")
    assert not hasattr(loaded, "_skl_callbacks")
    assert_array_equal(outputs(loaded), outputs(estimator))


def test_heads_of_scikit_learn(capsys):
    taker = Taker()
    plain = FeatureExtractionClassifier(head=LogisticRegression()).fit(TEXTS, LABELS)
    classifier = clone(plain).set_callbacks(taker, ProgressBar())
    classifier.fit(TEXTS, LABELS)
    out = capsys.readouterr().out
    assert "FeatureExtractionClassifier - fit" in out
    assert "LogisticRegression - fit" in out
    (final,) = [it for it in taker.events if len(it) == 5]
    assert_array_equal(final[1].predict(TEXTS), plain.predict(TEXTS))
    assert not hasattr(classifier.head_, "_skl_callbacks")
    several = [[it, "all"] for it in LABELS]
    classifier.fit(TEXTS, several)
    trees = FeatureExtractionClassifier(head=DecisionTreeClassifier())
    with pytest.warns(UserWarning, match="DecisionTreeClassifier does not support"):
        trees.set_callbacks(ProgressBar()).fit(TEXTS, LABELS)


def test_default_heads():
    monitor = ScoringMonitor(scoring="accuracy")
    FeatureExtractionClassifier().set_callbacks(monitor).fit(TEXTS, LABELS)
    (row,) = monitor.get_logs().data
    assert row["accuracy"] == 1.0


def teacher(texts):
    return [[len(it), it.count("a"), it.count("e"), 1.0] for it in texts]


def test_distilling(capsys):
    stages = ("texts", "vocabulary", "regression")
    recorder = Recorder(stop_after=3, task="batch")
    options = {"refine_steps": 9, "pca_dims": 3, "random_state": 0}
    texts = [f"{a} {b}" for a in TEXTS for b in TEXTS[::3]]  # for several batches
    plain = DistillTransformer(teacher, **options).fit(texts)
    assert capsys.readouterr() == ("", "")
    transformer = clone(plain).set_callbacks(recorder, ProgressBar()).fit(texts)
    assert recorder.events == [
        ("setup", "fit"),
        ("begin", "fit"),
        *[(it, name) for name in stages for it in ("begin", "end")],
        ("begin", "refine"),
        *[("begin", "batch"), ("end", "batch")] * 3,
        ("end", "refine"),
        ("end", "fit"),
        ("teardown", "fit"),
    ]
    out = capsys.readouterr().out
    assert "DistillTransformer - fit" in out
    assert "DistillTransformer - refine" in out
    assert not np.array_equal(transformer.transform(TEXTS), plain.transform(TEXTS))
    followed = clone(plain).set_callbacks(Recorder()).fit(texts)
    assert_array_equal(followed.transform(TEXTS), plain.transform(TEXTS))
