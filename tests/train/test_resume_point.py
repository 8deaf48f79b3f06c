"""A training that is cut off goes on, and ends as one that was not."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    LoadInitState,
    LRScheduler,
    ProgressBar,
)

import sk_m2v
from sk_m2v import (
    ContrastiveTransformer,
    FromScratchClassifier,
    StaticClassifier,
    StaticRegressor,
)
from sk_m2v.train import ResumePoint

WORDS = {"food": "bread soup apple cheese", "travel": "train ship road plane"}
TEXTS = [f"{a} {b}" for it in WORDS.values() for a in it.split() for b in it.split()]
LABELS = [name for name in WORDS for _ in range(16)]
NUMBERS = np.arange(32.0)
PAIRS = [f"{text} {i}" for i, text in enumerate(TEXTS)]
KINDS = {
    "StaticClassifier": (StaticClassifier, LABELS),
    "FromScratchClassifier": (FromScratchClassifier, LABELS),
    "StaticRegressor": (StaticRegressor, NUMBERS),
    "ContrastiveTransformer": (ContrastiveTransformer, PAIRS),
}
HIDDEN = {"n_layers": 1, "hidden_dim": 8, "dropout": 0.3}


class CutOff(Exception):
    """What ends a training before its time."""


class Cut(Callback):
    """Cuts a training off in the middle of an epoch, unless that is None."""

    epoch = None

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == self.epoch:
            raise CutOff


@pytest.fixture
def cut(monkeypatch):
    return lambda epoch: monkeypatch.setattr(Cut, "epoch", epoch)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "training.pt"


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def make(kind, path, *callbacks, **options):
    """An estimator that uses whatever is random."""
    estimator, y = KINDS[kind]
    options = {
        "validation_fraction": 0.25,
        "max_epochs": 5,
        "lr": 0.02,
        "token_dropout": 0.2,
        "batch_size": 8,
        "random_state": 0,
        # First, though its state is to be the last.
        "callbacks": [ResumePoint(path), Cut(), *callbacks],
    } | options
    if kind != "ContrastiveTransformer":
        options = HIDDEN | options
    return estimator(**options), y


def outputs(fitted):
    if isinstance(fitted, ContrastiveTransformer):
        return fitted.transform(TEXTS)
    if isinstance(fitted, StaticRegressor):
        return fitted.predict(TEXTS)
    return fitted.predict_proba(TEXTS)


def history(fitted):
    return [{k: v for k, v in row.items() if k != "dur"} for row in fitted.history_]


def assert_same(fitted, expected):
    assert_array_equal(outputs(fitted), outputs(expected))
    assert_array_equal(fitted.embedding_.vectors, expected.embedding_.vectors)
    assert history(fitted) == history(expected)
    assert fitted.n_iter_ == expected.n_iter_
    assert fitted.best_epoch_ == expected.best_epoch_


def check_goes_on(kind, path, cut, *callbacks, at=3, **options):
    """Fit without interruption, and again with one in an epoch."""

    def new(path):
        return make(kind, path, *[deepcopy(it) for it in callbacks], **options)

    cut(None)
    expected, y = new(path.with_name("whole.pt"))
    expected.fit(TEXTS, y)
    cut(at)
    with pytest.raises(CutOff):
        new(path)[0].fit(TEXTS, y)
    cut(None)
    fitted = new(path)[0].fit(TEXTS, y)
    assert_same(fitted, expected)
    return fitted


@pytest.mark.parametrize("at", [1, 2, 5])
def test_goes_on(kind, path, cut, at):
    check_goes_on(kind, path, cut, at=at)


@pytest.mark.parametrize(
    "options",
    [
        {"validation_fraction": None},
        {"scoring": "accuracy", "patience": 3, "max_epochs": 12},
        {"optimizer": "sgd", "lr": 0.5},
        {"optimizer": torch.optim.NAdam},
        {"freeze": True, "dropout": 0.0},
        {"n_layers": 0, "lexical": False},
    ],
    ids=lambda it: next(iter(it)),
)
def test_goes_on_whatever_the_options(path, cut, options):
    check_goes_on("StaticClassifier", path, cut, **options)


class Noise(StaticClassifier):
    """Draws from the global state of torch."""

    def build_head(self, n_inputs, n_outputs):
        from torch import nn

        return nn.Sequential(nn.Dropout(0.5), nn.Linear(n_inputs, n_outputs))


def test_goes_on_with_modules_of_ones_own(path, cut, monkeypatch):
    monkeypatch.setitem(KINDS, "Noise", (Noise, LABELS))
    before = torch.get_rng_state()
    check_goes_on("Noise", path, cut)
    assert_array_equal(torch.get_rng_state(), before)


class Tracker(Callback):
    """Keeps losses, and lets them have a say in the training."""

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, net, **kwargs):
        self.losses.append(net.history[-1, "train_loss"])
        net.optimizer_.param_groups[0]["lr"] *= 1 + sum(self.losses)
        net.history.record("sum", sum(self.losses))


class Box:
    """Something that cannot be written."""

    value = 0.0


class Boxed(Callback):
    def __init__(self, given=print):
        self.given = given

    def on_train_begin(self, net, **kwargs):
        self.box_ = Box()

    def on_epoch_end(self, net, **kwargs):
        self.box_.value += 1
        net.history.record("boxed", self.box_.value)


class Unboxed(Boxed):
    def state_dict(self):
        return {"value": self.box_.value}

    def load_state_dict(self, state):
        self.box_.value = state["value"]


SCHEDULES = {
    "StepLR": {"step_size": 2, "gamma": 0.1},
    "ReduceLROnPlateau": {"monitor": "train_loss", "patience": 0, "threshold": 1.0},
    "CosineAnnealingLR": {"T_max": 5},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 20, "step_every": "batch"},
    "LambdaLR": {"lr_lambda": lambda epoch: 1 / (1 + epoch)},
}


@pytest.mark.parametrize("policy", SCHEDULES)
def test_schedules_go_on(path, cut, policy):
    options = dict(SCHEDULES[policy])
    if options.get("step_every") != "batch":
        options["event_name"] = "lr"
    policy = getattr(torch.optim.lr_scheduler, policy)
    schedule = LRScheduler(policy, **options)
    check_goes_on("StaticClassifier", path, cut, schedule, at=4)


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(monitor="train_loss", patience=2, threshold=0.5),
        EarlyStopping(patience=2, threshold=0.9, load_best=True, sink=repr),
        EpochScoring("f1_macro", lower_is_better=False),
        Freezer("vectors", at=2),
        ProgressBar(),
        Tracker(),
        Unboxed(),
    ],
    ids=lambda it: type(it).__name__,
)
def test_callbacks_go_on(path, cut, callback):
    # Two, since EarlyStopping may end the training before a third.
    check_goes_on("StaticClassifier", path, cut, callback, at=2, lr=0.01)


def test_checkpoint_goes_on(path, cut):
    fitted = check_goes_on(
        "StaticClassifier",
        path,
        cut,
        Checkpoint(dirname=path.with_name("best"), load_best=True),
    )
    assert fitted.n_iter_ == 5


def test_what_callbacks_hold_is_written_or_refused(path):
    estimator, y = make("StaticClassifier", path, ("mine", Boxed()))
    with pytest.raises(TypeError, match=r"box_ of the callback mine holds a 'Box'.*"):
        estimator.fit(TEXTS, y)
    assert not path.exists()
    assert not hasattr(estimator, "classes_")


def test_finished_trainings_are_not_repeated(kind, path, cut):
    estimator, y = make(kind, path)
    expected = estimator.fit(TEXTS, y)
    before = path.read_bytes(), path.stat().st_mtime_ns
    cut(6)  # would be reached by an epoch
    again = clone(estimator).fit(TEXTS, y)
    assert_same(again, expected)
    cut(5)
    again = clone(estimator).fit(TEXTS, y)
    assert history(again) == history(expected)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [row["dur"] for row in again.history_] == [
        row["dur"] for row in expected.history_
    ]


def test_patience_ends_a_training_for_good(path):
    options = {"lr": 1.0, "max_epochs": 30, "patience": 1}
    estimator, y = make("StaticClassifier", path, **options)
    estimator.fit(TEXTS, y)
    assert estimator.n_iter_ < 30
    before = path.read_bytes(), path.stat().st_mtime_ns
    again = clone(estimator).set_params(max_epochs=40).fit(TEXTS, y)
    assert_same(again, estimator)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_more_epochs(kind, path):
    whole, y = make(kind, path.with_name("whole.pt"), max_epochs=6)
    whole.fit(TEXTS, y)
    make(kind, path, max_epochs=2)[0].fit(TEXTS, y)
    longer, _ = make(kind, path, max_epochs=6)
    assert_same(longer.fit(TEXTS, y), whole)
    with pytest.raises(ValueError, match="holds 6 epochs, more than max_epochs=3"):
        longer.set_params(max_epochs=3).fit(TEXTS, y)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"lr": 0.03}, r"lr \(0\.02, now 0\.03\)"),
        ({"batch_size": 9}, r"batch_size \(8, now 9\)"),
        ({"random_state": 1}, r"seed \(random_state\)"),
        ({"n_layers": 2}, "architecture"),
        ({"hidden_dim": 9}, "architecture"),
        ({"freeze": True}, "architecture"),
        ({"dropout": 0.1}, "architecture"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"token_dropout": 0.1}, r"token_dropout \(0\.2, now 0\.1\)"),
        ({"focal_gamma": 1.0}, "loss"),
        ({"class_weight": {"food": 2.0, "travel": 1.0}}, "class_weight"),
        ({"scoring": "accuracy"}, r"scoring \('valid_loss', now 'valid_accuracy'\)"),
        ({"patience": 4}, r"patience \(5, now 4\)"),
        ({"validation_fraction": 0.5}, "validation X"),
        ({"validation_fraction": None}, r"validation \(True, now False\)"),
        ({"C": 1.0}, "start"),
        ({"lexical": False}, "start"),
    ],
    ids=str,
)
def test_other_parameters_are_refused(path, options, word):
    estimator, y = make("StaticClassifier", path)
    estimator.fit(TEXTS, y)
    expected, before = outputs(estimator), path.read_bytes()
    with pytest.raises(ValueError, match=f"another training.*{word}.*Delete it"):
        estimator.set_params(**options).fit(TEXTS, y)
    assert_array_equal(outputs(estimator), expected)
    assert path.read_bytes() == before


def test_other_callbacks_are_refused(path):
    estimator, y = make("StaticClassifier", path, EarlyStopping(patience=3))
    estimator.fit(TEXTS, y)
    for more in ([], [EarlyStopping(patience=4)], [LRScheduler("StepLR", step_size=1)]):
        with pytest.raises(ValueError, match="differs in callbacks"):
            make("StaticClassifier", path, *more)[0].fit(TEXTS, y)
    # What only logs, and the place of the file, may change.
    moved = path.rename(path.with_name("moved.pt"))
    stopping = EarlyStopping(patience=3)
    same, _ = make("StaticClassifier", moved, ProgressBar(), stopping, verbose=1)
    assert_same(same.fit(TEXTS, y), estimator)


def test_other_data_are_refused(path):
    estimator, y = make("StaticClassifier", path)
    estimator.fit(TEXTS, y)
    cases = {
        "X": (["another text", *TEXTS[1:]], y),
        "y": (TEXTS, [y[-1], *y[1:]]),
        "start": ([f"{it} more" for it in TEXTS], y),
    }
    for word, data in cases.items():
        with pytest.raises(ValueError, match=f"another training.*{word}"):
            estimator.fit(*data)
    weight = np.linspace(1, 2, 32)
    with pytest.raises(ValueError, match="sample_weight"):
        estimator.fit(TEXTS, y, sample_weight=weight)


def test_damaged_files(path):
    estimator, y = make("StaticClassifier", path)
    estimator.fit(TEXTS, y)
    whole = path.read_bytes()
    rng = np.random.RandomState(0)
    flipped = []
    for position in rng.randint(len(whole), size=12):
        data = bytearray(whole)
        data[position] ^= 0xFF
        flipped.append(bytes(data))
    for data in (b"", b"x", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="is damaged, or no file of ResumePoint"):
            clone(estimator).fit(TEXTS, y)
    for data in flipped:
        path.write_bytes(data)
        try:
            again = clone(estimator).fit(TEXTS, y)
        except ValueError as error:
            message = str(error)
        else:  # a byte that nothing reads
            assert_same(again, estimator)
            continue
        assert "is damaged" in message
        assert "Delete it" in message
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError):
        clone(estimator).fit(TEXTS, y)


class Evil:
    def __reduce__(self):
        return print, ("evil",)


@pytest.mark.parametrize(
    "value",
    [{"weights": torch.zeros(3)}, {"format": "other"}, [1], Evil()],
    ids=["weights", "format", "list", "evil"],
)
def test_files_of_others(path, value, capsys):
    path.parent.mkdir()
    torch.save(value, path)
    estimator, y = make("StaticClassifier", path)
    with pytest.raises(ValueError, match="is damaged, or no file of ResumePoint"):
        estimator.fit(TEXTS, y)
    assert "evil" not in capsys.readouterr().out


def test_nothing_is_left_beside(path, cut):
    check_goes_on("StaticClassifier", path, cut)
    assert sorted(it.name for it in path.parent.iterdir()) == [path.name, "whole.pt"]


class ByHand(Callback):
    """What Ctrl-C does, in the same epoch as `Cut`."""

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == Cut.epoch:
            raise KeyboardInterrupt


def test_interrupts_by_hand(path, cut):
    def new(path):
        return make("StaticClassifier", path, callbacks=[ResumePoint(path), ByHand()])

    expected, y = new(path.with_name("whole.pt"))
    expected.fit(TEXTS, y)
    estimator, _ = new(path)
    cut(3)
    with pytest.warns(UserWarning, match="interrupted in epoch 3"):
        estimator.fit(TEXTS, y)
    assert estimator.n_iter_ == 2
    cut(None)
    assert_same(estimator.fit(TEXTS, y), expected)


def test_searches_are_refused(path):
    estimator, y = make("StaticClassifier", path)
    search = GridSearchCV(estimator, {"lr": [0.01, 0.02]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="is of another training"):
        search.fit(TEXTS, y)


def test_two_trainings_at_a_time_are_refused(path):
    class Other(Callback):
        """Fits another one meanwhile."""

        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 2:
                path.unlink()
                make("StaticClassifier", path)[0].fit(TEXTS, LABELS)

    estimator, y = make("StaticClassifier", path, Other())
    with pytest.raises(ValueError, match="by another training while this one ran"):
        estimator.fit(TEXTS, y)


def test_random_state_is_needed(kind, path):
    estimator, y = make(kind, path, random_state=None)
    with pytest.raises(ValueError, match="needs a random_state"):
        estimator.fit(TEXTS, y)


def test_one_place_to_begin(path):
    estimator, y = make("StaticClassifier", path, ("other", ResumePoint("b")))
    with pytest.raises(ValueError, match="2 ResumePoints"):
        estimator.fit(TEXTS, y)
    load = LoadInitState(Checkpoint(dirname=path.parent))
    estimator, y = make("StaticClassifier", path, load)
    with pytest.raises(ValueError, match="ResumePoint and LoadInitState"):
        estimator.fit(TEXTS, y)


def test_partial_fit_and_single_epochs_have_no_file(path):
    plain = StaticClassifier(random_state=0)
    estimator = clone(plain).set_params(callbacks=[ResumePoint(path)])
    for part in (slice(0, None, 2), slice(1, None, 2)):
        for it in (plain, estimator):
            it.partial_fit(TEXTS[part], LABELS[part])
    assert_array_equal(outputs(estimator), outputs(plain))
    estimator.set_params(max_epochs=1).fit(TEXTS, LABELS)
    estimator.set_params(max_epochs=0).fit(TEXTS, LABELS)
    assert not path.exists()


def test_warm_starts(path, cut):
    """Each has a file of its own, and its own epochs."""
    options = {"max_epochs": 3, "warm_start": True}
    expected, y = make("StaticClassifier", path.with_name("whole.pt"), **options)
    estimator, _ = make("StaticClassifier", path, **options)
    for it in (expected, estimator):
        it.fit(TEXTS, y)
    with pytest.raises(ValueError, match="differs in start"):
        estimator.fit(TEXTS, y)
    for it, name in ((expected, "whole 2.pt"), (estimator, "2.pt")):
        it.callbacks[0].path = path.with_name(name)
    expected.fit(TEXTS, y)
    cut(2)
    with pytest.raises(CutOff):
        estimator.fit(TEXTS, y)
    cut(None)
    assert_same(estimator.fit(TEXTS, y), expected)
    assert estimator.n_iter_ == 6


def test_clones_pickles_and_folders(path, tmp_path):
    estimator, y = make("StaticClassifier", str(path))
    assert clone(estimator).callbacks[0].path == str(path)
    estimator.fit(TEXTS, y)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert_same(loaded, estimator)
    assert_same(loaded.fit(TEXTS, y), estimator)
    estimator.save_pretrained(tmp_path / "model")
    assert_array_equal(outputs(sk_m2v.load(tmp_path / "model")), outputs(estimator))


SCRIPT = """
import os, pickle, signal, sys
from skorch.callbacks import Callback
from sk_m2v import StaticClassifier
from sk_m2v.train import ResumePoint

path, result, epoch = sys.argv[1:]

class Kill(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == int(epoch):
            os.kill(os.getpid(), signal.SIGKILL)

texts = [f"{a} {b}" for a in "abcd" for b in "efgh"] * 3
labels = [it[0] in "ab" for it in texts]
classifier = StaticClassifier(
    max_epochs=4, n_layers=1, dropout=0.2, token_dropout=0.2, batch_size=8, lr=0.01,
    validation_fraction=0.2, callbacks=[Kill(), ResumePoint(path)], random_state=0,
).fit(texts, labels)
history = [{k: v for k, v in row.items() if k != "dur"} for row in classifier.history_]
fitted = classifier.n_iter_, classifier.best_epoch_, history
with open(result, "wb") as file:
    pickle.dump((classifier.predict_proba(texts).tobytes(), *fitted), file)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_killed_processes(tmp_path):
    def run(name, epoch):
        arguments = [tmp_path / f"{name}.pt", tmp_path / name, epoch]
        command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
        return subprocess.run(command, check=False).returncode

    assert run("whole", 0) == 0
    assert run("killed", 2) == -signal.SIGKILL
    assert run("killed", 4) == -signal.SIGKILL
    assert not Path(tmp_path / "killed").exists()
    assert run("killed", 0) == 0
    whole, killed = ((tmp_path / it).read_bytes() for it in ("whole", "killed"))
    assert pickle.loads(killed) == pickle.loads(whole)
