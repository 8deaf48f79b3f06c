"""skorch's callbacks on what this package trains, as on a net of skorch itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import accuracy_score, make_scorer, r2_score
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    PassthroughScoring,
    ProgressBar,
    TrainEndCheckpoint,
)

import sk_m2v
from sk_m2v import (
    ContrastiveTransformer,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
)

WORDS = {"food": "bread soup apple cheese", "travel": "train ship road plane"}
TEXTS = [f"{a} {b}" for it in WORDS.values() for a in it.split() for b in it.split()]
LABELS = [name for name in WORDS for _ in range(16)]
MULTI = [[label] if i % 3 else [label, "third"] for i, label in enumerate(LABELS)]
NUMBERS = np.arange(32.0)
PAIRS = [f"{text} {i}" for i, text in enumerate(TEXTS)]

KINDS = {
    "StaticClassifier": (StaticClassifier, LABELS),
    "several labels": (StaticClassifier, MULTI),
    "FromScratchClassifier": (FromScratchClassifier, LABELS),
    "StaticRegressor": (StaticRegressor, NUMBERS),
    "vectors": (StaticRegressor, np.stack([NUMBERS, -NUMBERS], 1)),
    "ContrastiveTransformer": (ContrastiveTransformer, PAIRS),
}
CLASSIFIERS = ["StaticClassifier", "several labels", "FromScratchClassifier"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def fit(kind, *callbacks, **options):
    estimator, y = KINDS[kind]
    options = {
        "validation_fraction": 0.25,
        "max_epochs": 3,
        "random_state": 0,
    } | options
    return estimator(callbacks=list(callbacks), **options).fit(TEXTS, y)


def embeddings(fitted):
    return fitted.embedding_.encode(TEXTS)


def test_history_is_that_of_skorch(kind):
    fitted = fit(kind)
    names = {"epoch", "dur", "train_loss", "train_loss_best"}
    names |= {"valid_loss", "valid_loss_best"}
    if kind in CLASSIFIERS:
        names |= {"valid_acc", "valid_acc_best"}
    assert [set(row) for row in fitted.history_] == [names] * 3
    assert [row["epoch"] for row in fitted.history_] == [1, 2, 3]
    best = min(range(3), key=lambda i: fitted.history_[i]["valid_loss"])
    assert fitted.history_[best]["valid_loss_best"] is True
    assert "valid_loss" not in fit(kind, validation_fraction=None).history_[0]


@pytest.mark.parametrize("kind", ["StaticClassifier", "several labels"])
def test_losses_of_validation_are_plain(kind):
    """Whatever training makes small, epochs are compared by log-loss."""
    (_, y), held_out = KINDS[kind], ["soup road", "plane", "cheese", "ship ship"]
    classifier = StaticClassifier(
        focal_gamma=2, label_smoothing=0.2, max_epochs=1, class_weight=None
    )
    y_val = [y[0], y[-1], y[1], y[-2]]
    classifier.fit(TEXTS, y, held_out, y_val)
    [row], classes = classifier.history_, classifier.classes_.tolist()
    assert classifier.best_epoch_ in (0, 1)
    # The weights of the epoch, whether or not they were the best.
    last = clone(classifier).fit(TEXTS, y).predict_proba(held_out)
    truth = np.array([[c in np.atleast_1d(it) for c in classes] for it in y_val])
    several = kind == "several labels"
    right = np.where(truth, last, 1 - last) if several else last[truth]
    assert_allclose(row["valid_loss"], -np.log(right).mean(), rtol=1e-4)


def test_checkpoint(kind, tmp_path):
    fitted = fit(kind, Checkpoint(dirname=tmp_path), max_epochs=4)
    assert (tmp_path / "params.pt").exists()
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    if fitted.best_epoch_:  # else the start was better than any epoch
        assert_array_equal(saved["vectors"], fitted.net_.module_.vectors.detach())
    with torch.no_grad():
        fitted.net_.module_.vectors.zero_()
    fitted.net_.load_params(checkpoint=Checkpoint(dirname=tmp_path))
    assert_array_equal(saved["vectors"], fitted.net_.module_.vectors.detach())


def test_going_on_from_a_checkpoint(kind, tmp_path):
    end = TrainEndCheckpoint(dirname=tmp_path)
    whole = fit(kind, end, validation_fraction=None)
    again = fit(kind, end, LoadInitState(end), validation_fraction=None, max_epochs=0)
    assert again.history_ == whole.history_
    assert_allclose(embeddings(again), embeddings(whole), atol=1e-6)


def test_loading_the_best_checkpoint_wins(tmp_path):
    last = Checkpoint("train_loss_best", dirname=tmp_path, load_best=True)
    fitted = fit("StaticClassifier", last, lr=0.5, max_epochs=5)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)["vectors"]
    assert_array_equal(saved, fitted.net_.module_.vectors.detach())


def test_early_stopping(kind):
    monitor = "valid_acc" if kind in CLASSIFIERS else "valid_loss"
    higher = kind in CLASSIFIERS
    stop = EarlyStopping(
        monitor, patience=2, threshold=10, lower_is_better=not higher, sink=lambda _: _
    )
    fitted = fit(kind, stop, max_epochs=30)
    assert fitted.n_iter_ == len(fitted.history_) < 30


def test_callbacks_see_the_epoch_that_ends_training():
    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("seen", len(net.history))

    fitted = fit("StaticClassifier", Look(), lr=0.3, max_epochs=50, patience=1)
    assert fitted.n_iter_ < 50
    assert [row["seen"] for row in fitted.history_] == [*range(1, fitted.n_iter_ + 1)]


@pytest.mark.parametrize("on_train", [False, True])
@pytest.mark.parametrize("use_caching", [False, True])
def test_own_scores(kind, on_train, use_caching):
    seen = []

    def score(net, X, y):
        seen.append((net, X, y))
        return float(net.forward(X).shape[0])

    scoring = EpochScoring(score, True, on_train, "mine", use_caching=use_caching)
    fitted = fit(kind, scoring)
    n_texts = 24 if on_train else 8
    rows = 2 * n_texts if kind == "ContrastiveTransformer" else n_texts
    assert [row["mine"] for row in fitted.history_] == [rows] * 3
    assert all(net is fitted.net_ and len(X) == n_texts for net, X, _ in seen)
    if use_caching:
        assert all(len(y) == rows for *_, y in seen)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_scorers_of_classifiers(kind):
    scorings = ["accuracy", "f1_macro", "f1_weighted", make_scorer(accuracy_score)]
    if kind != "several labels":
        scorings += ["roc_auc", "f1", "average_precision", "neg_log_loss"]
    names = [f"score_{i}" for i in range(len(scorings))]
    callbacks = [
        EpochScoring(it, name=name, lower_is_better=False)
        for it, name in zip(scorings, names, strict=True)
    ]
    fitted = fit(kind, *callbacks, scoring="accuracy")
    for row in fitted.history_:
        assert {*names, "valid_accuracy"} <= set(row)
        same = row["score_0"], row["score_3"], row["valid_acc"], row["valid_accuracy"]
        assert len({round(it, 9) for it in same}) == 1
        if kind != "several labels":
            assert_allclose(-row["score_7"], row["valid_loss"], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("kind", ["StaticRegressor", "vectors"])
def test_scorers_of_regressors(kind):
    """They see scaled numbers, of which R2 does not depend."""
    callbacks = [
        EpochScoring("r2", name="mine", lower_is_better=False),
        EpochScoring(make_scorer(r2_score), name="other"),
    ]
    fitted = fit(kind, *callbacks, scoring="r2")
    for row in fitted.history_:
        assert_allclose(row["mine"], row["valid_r2"], rtol=1e-4)
        assert_allclose(row["other"], row["valid_r2"], rtol=1e-4)


def test_scores_of_batches(kind):
    def largest(net, X, y):
        return float(net.infer(X).detach().max())

    fitted = fit(kind, BatchScoring(largest, name="a"), PassthroughScoring("b"))
    assert all(np.isfinite(row["a"]) for row in fitted.history_)


def test_schedules_and_clipping_change_training(kind):
    plain = fit(kind, lr=0.05)
    schedule = LRScheduler("StepLR", step_size=1, gamma=0.1, event_name="lr")
    scheduled = fit(kind, schedule, lr=0.05)
    rates = [row["lr"] for row in scheduled.history_]
    assert_allclose(rates, [0.05, 0.005, 0.0005])
    assert_array_equal(embeddings(fit(kind, lr=0.05)), embeddings(plain))
    # With momentum, unlike Adam's, the size of a gradient counts.
    sgd = {"optimizer": "sgd", "lr": 1.0, "validation_fraction": None}
    start = embeddings(fit(kind, **sgd | {"max_epochs": 0}))
    clipped = fit(kind, GradientNormClipping(1e-9), **sgd)
    assert_allclose(embeddings(clipped), start, atol=1e-5)
    free = embeddings(fit(kind, **sgd))
    assert abs(free - start).max() > 10 * abs(embeddings(clipped) - start).max()


def test_plateau_watches_validation():
    plateau = LRScheduler(
        "ReduceLROnPlateau", monitor="valid_loss", patience=0, event_name="lr"
    )
    fitted = fit("StaticClassifier", plateau, lr=0.5, max_epochs=8, patience=None)
    assert fitted.history_[-1]["lr"] < 0.5


def test_progress_bar(kind, capsys):
    fit(kind, ProgressBar(detect_notebook=False), max_epochs=2)
    assert "0/2" in capsys.readouterr().err


class Tracker(Callback):
    """What loggers such as Weights & Biases do: a dict of numbers an epoch."""

    def __init__(self):
        self.logged = []

    def on_train_begin(self, net, **kwargs):
        self.parameters = sum(it.numel() for it in net.module_.parameters())

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        skip = {"batches"} | {key for key in row if key.endswith(("_best", "_count"))}
        self.logged.append({key: row[key] for key in row if key not in skip})


def test_loggers(kind):
    tracker = Tracker()
    fitted = fit(kind, ("tracker", tracker))
    assert tracker.parameters > 0
    assert [it["valid_loss"] for it in tracker.logged] == [
        row["valid_loss"] for row in fitted.history_
    ]


@pytest.mark.filterwarnings("ignore")  # of its database
def test_mlflow_logger(kind, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.create_experiment("epochs", artifact_location=str(tmp_path))
    run = client.create_run(experiment)
    logger = MlflowLogger(run, client, terminate_after_train=False)
    fitted = fit(kind, logger)
    logged = client.get_metric_history(run.info.run_id, "valid_loss")
    assert_allclose(
        [it.value for it in logged], [row["valid_loss"] for row in fitted.history_]
    )


def test_history_is_saved(kind, tmp_path):
    class Odd(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("number", np.float32(0.5))
            net.history.record("text", "a")
            net.history.record("thing", object())

    fitted = fit(kind, Odd())
    assert all(row["number"] == 0.5 and row["text"] == "a" for row in fitted.history_)
    assert "thing" not in fitted.history_[0]
    json.dumps(fitted.history_)
    fitted.save_pretrained(tmp_path)
    loaded = sk_m2v.load(tmp_path)
    assert loaded.history_ == fitted.history_
    assert loaded.best_epoch_ == fitted.best_epoch_


def test_best_epoch(kind):
    fitted = fit(kind, max_epochs=6, patience=None)
    losses = [row["valid_loss"] for row in fitted.history_]
    if fitted.best_epoch_:
        assert fitted.best_epoch_ == 1 + int(np.argmin(losses))
    if "warm_start" in fitted.get_params():
        fitted.set_params(warm_start=True, max_epochs=2, lr=1e-9).fit(
            TEXTS, KINDS[kind][1]
        )
        assert fitted.n_iter_ == 8
        assert 6 <= fitted.best_epoch_ <= 8
    assert fit(kind, validation_fraction=None).best_epoch_ == 3


@pytest.mark.parametrize("bad", ["x", None, 3, ("name", "x"), dict, [Checkpoint()]])
def test_no_callbacks(kind, bad):
    with pytest.raises(TypeError, match=r"callbacks\[1\] is no callback of skorch"):
        fit(kind, Checkpoint, bad)


@pytest.mark.parametrize("callback", [Checkpoint(), EarlyStopping()])
def test_nothing_to_watch(kind, callback):
    with pytest.raises(ValueError, match="there is none: pass validation_fraction"):
        fit(kind, callback, validation_fraction=None)


def test_classes_of_callbacks(kind):
    class Count(Callback):
        n = 0

        def on_epoch_end(self, net, **kwargs):
            type(self).n += 1

    fit(kind, Count, ("named", Count))
    assert Count.n == 6


def test_net_reads_no_texts():
    fitted = fit("StaticClassifier")
    with pytest.raises(TypeError, match="use the methods of the estimator"):
        fitted.net_.predict(TEXTS)
