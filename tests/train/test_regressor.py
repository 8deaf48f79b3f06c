"""Regression: scikit-learn's rules, and numbers and vectors learnt from texts."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import EXTRA_CHECKS, WORDS, NumbersAsTexts
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils import estimator_checks as checks
from torch import nn

from sk_m2v import StaticRegressor


class CheckedRegressor(StaticRegressor):
    _texts = NumbersAsTexts._texts

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        return tags

    def fit(self, X, y, sample_weight=None):
        texts = self._texts(X, reset=True)
        return StaticRegressor.fit(self, texts, y, sample_weight=sample_weight)

    def predict(self, X):
        return super().predict(self._texts(X, reset=False))


# In one batch, a weight is as good as a copy, unless Adam makes rounding errors large.
# A number is more than two tokens.
CHECKED = CheckedRegressor(
    batch_size=1000, max_epochs=1, optimizer="sgd", ngram_range=(1, 4)
)


@pytest.mark.filterwarnings("ignore")
@checks.parametrize_with_checks([CHECKED])
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "name",
    [it for it in EXTRA_CHECKS if "_output" not in it and "names_out" not in it],
)
def test_extra_checks(name):
    getattr(checks, name)("CheckedRegressor", CHECKED)


# --- Texts whose numbers are known --------------------------------------------------

COLOURS = {"red": 3.0, "green": 0.0, "blue": -3.0}
ANIMALS = {"cat": 1.0, "dog": -1.0, "": 0.0}
TEXTS = [
    " ".join([colour, *[animal] * bool(animal), end])
    for colour in COLOURS
    for animal in ANIMALS
    for end in (".", ",", ". ,", ", .")
]
NUMBERS = np.array(
    [
        COLOURS[colour] + ANIMALS[animal]
        for colour in COLOURS
        for animal in ANIMALS
        for _ in range(4)
    ]
)
VECTORS = np.column_stack([NUMBERS + 5, 100 - NUMBERS**2, np.ones(len(NUMBERS))])


@pytest.fixture
def regressor(tiny_model):
    return StaticRegressor(tiny_model, random_state=0, batch_size=8)


def real_texts() -> tuple[list[str], np.ndarray]:
    """Notes on food, with the stars that they give."""
    good = ["great", "lovely", "excellent", "delicious", "wonderful", "perfect"]
    bad = ["awful", "terrible", "disgusting", "horrible", "bland", "poor"]
    things = ["soup", "service", "bread", "coffee", "breakfast", "dinner", "waiter"]
    rows = [
        (f"the {thing} was {word}", stars)
        for words, stars in ((good, 5.0), (bad, 1.0))
        for word in words
        for thing in things
    ]
    rows += [(f"we had {thing} and left", 3.0) for thing in things]
    return [row[0] for row in rows], np.array([row[1] for row in rows])


def test_learns(regressor):
    texts, stars = real_texts()
    train, test = np.arange(len(texts)) % 2 == 0, np.arange(len(texts)) % 2 == 1
    frozen = StaticRegressor(max_epochs=0, random_state=0)
    tuned = StaticRegressor(max_epochs=10, random_state=0)
    X, X_test = np.array(texts)[train], np.array(texts)[test]
    scores = [
        it.fit(X, stars[train]).score(X_test, stars[test]) for it in (frozen, tuned)
    ]
    assert min(scores) > 0.6
    # Words that training has not seen are known to the model.
    good, bad = tuned.predict(["a fantastic meal", "a revolting meal"])
    assert good > bad + 0.5


def test_learns_more_than_the_start(regressor):
    start = clone(regressor).set_params(max_epochs=0, lexical=False, alpha=10.0)
    tuned = clone(start).set_params(max_epochs=40, lr=0.01)
    scores = [it.fit(TEXTS, NUMBERS).score(TEXTS, NUMBERS) for it in (start, tuned)]
    assert scores[1] > scores[0] + 0.05


@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_start_is_ridge(regressor, n_layers):
    expected = clone(regressor).set_params(max_epochs=0).fit(TEXTS, VECTORS)
    given = clone(expected).set_params(n_layers=n_layers).fit(TEXTS, VECTORS)
    assert_allclose(given.predict(TEXTS), expected.predict(TEXTS), atol=1e-4)


def test_forms(regressor):
    for y in (NUMBERS, NUMBERS[:, None], VECTORS):
        assert regressor.fit(TEXTS, y).predict(TEXTS).shape == y.shape
        assert regressor.predict(TEXTS[:1]).shape == y[:1].shape
        assert regressor.predict([]).shape == y[:0].shape
        assert regressor.predict(TEXTS).dtype == np.float64
    assert_allclose(
        clone(regressor).fit(TEXTS, NUMBERS).predict(TEXTS),
        clone(regressor).fit(TEXTS, NUMBERS[:, None]).predict(TEXTS)[:, 0],
    )
    frame = pd.DataFrame(VECTORS)
    assert_array_equal(
        clone(regressor).fit(TEXTS, frame).predict(TEXTS),
        clone(regressor).fit(TEXTS, VECTORS).predict(TEXTS),
    )


@pytest.mark.parametrize(("unit", "mean"), [(1e-6, 0.0), (1e6, 1e7), (0.5, -3.0)])
def test_unit_of_the_targets_does_not_matter(regressor, unit, mean):
    expected = regressor.fit(TEXTS, NUMBERS).predict(TEXTS)
    given = clone(regressor).fit(TEXTS, NUMBERS * unit + mean).predict(TEXTS)
    assert_allclose((given - mean) / unit, expected, atol=1e-3)


def test_constant_target(regressor):
    predicted = regressor.fit(TEXTS, VECTORS).predict(TEXTS)
    assert_allclose(predicted[:, 2], 1, atol=0.02)
    regressor.fit(TEXTS, np.full(len(TEXTS), 7.1))
    assert_allclose(regressor.predict(TEXTS), 7.1, atol=0.02)
    assert_allclose(regressor.fit(["red"], [2.5]).predict(["blue"]), 2.5, atol=0.02)


def test_cosine(regressor):
    directions = VECTORS - VECTORS.mean(axis=0) + [0, 0, 1]
    regressor.set_params(loss="cosine", max_epochs=0).fit(TEXTS, directions)
    tuned = clone(regressor).set_params(max_epochs=30, lr=0.01).fit(TEXTS, directions)
    cosines = [
        np.mean(np.sum(unit_rows(it.predict(TEXTS)) * unit_rows(directions), axis=1))
        for it in (regressor, tuned)
    ]
    assert cosines[1] > cosines[0] > 0.8
    # The length of the targets is a unit, too.
    again = clone(tuned).fit(TEXTS, directions * 1000)
    assert_allclose(again.predict(TEXTS) / 1000, tuned.predict(TEXTS), atol=1e-3)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_weights(regressor):
    # In one batch, a weight is as good as a copy.
    regressor.set_params(batch_size=1000)
    twice = clone(regressor).fit([*TEXTS, *TEXTS[:9]], [*NUMBERS, *NUMBERS[:9]])
    weight = np.r_[np.full(9, 2.0), np.ones(len(TEXTS) - 9)]
    weighted = clone(regressor).fit(TEXTS, NUMBERS, sample_weight=weight)
    assert_allclose(weighted.predict(TEXTS), twice.predict(TEXTS), atol=1e-3)
    plain = clone(regressor).fit(TEXTS, NUMBERS)
    assert np.abs(plain.predict(TEXTS) - twice.predict(TEXTS)).max() > 1e-3


@pytest.mark.parametrize("options", [{}, {"n_layers": 1, "dropout": 0.2}])
def test_same_seed(regressor, options):
    regressor.set_params(token_dropout=0.1, **options)
    state = torch.random.get_rng_state()
    first = regressor.fit(TEXTS, NUMBERS).predict(TEXTS)
    assert_array_equal(clone(regressor).fit(TEXTS, NUMBERS).predict(TEXTS), first)
    other = clone(regressor).set_params(random_state=1).fit(TEXTS, NUMBERS)
    assert (other.predict(TEXTS) != first).any()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_freeze(regressor, tiny_model):
    regressor.set_params(freeze=True).fit(TEXTS, NUMBERS)
    assert_array_equal(regressor.embedding_.vectors, tiny_model.vectors)
    moved = regressor.set_params(freeze=False).fit(TEXTS, NUMBERS).embedding_.vectors
    used = np.isin(WORDS, [word for text in TEXTS for word in text.split()])
    changed = (moved != tiny_model.vectors).any(axis=1)
    assert_array_equal(changed, used)


# --- Validation -----------------------------------------------------------------------


@pytest.mark.parametrize("scoring", ["loss", "r2", "neg_mean_absolute_error"])
def test_validation_keeps_the_best(regressor, scoring):
    regressor.set_params(scoring=scoring, max_epochs=20, patience=3, lr=1.0)
    validation = TEXTS[::3], NUMBERS[::3]
    regressor.fit(TEXTS, NUMBERS, *validation)
    assert regressor.n_iter_ < 20  # such steps make everything worse
    start = clone(regressor).set_params(max_epochs=0).fit(TEXTS, NUMBERS)
    losses = [
        np.mean((it.predict(TEXTS[::3]) - NUMBERS[::3]) ** 2)
        for it in (regressor, start)
    ]
    assert losses[0] <= losses[1] + 1e-6
    entry = regressor.history_[-1]
    assert {"epoch", "train_loss", "dur", "valid_loss"} <= set(entry)
    assert scoring == "loss" or f"valid_{scoring}" in entry


def test_valid_scores_are_those_of_predictions(regressor):
    regressor.set_params(scoring="r2", max_epochs=4, alpha=100.0, lr=0.003)
    regressor.fit(TEXTS, VECTORS[:, :2], TEXTS[::3], VECTORS[::3, :2])
    best = max(entry["valid_r2"] for entry in regressor.history_)
    assert_allclose(
        best, r2_score(VECTORS[::3, :2], regressor.predict(TEXTS[::3])), atol=1e-4
    )


def test_validation_fraction(regressor):
    regressor.set_params(validation_fraction=0.25, loss="cosine")
    regressor.fit(TEXTS, VECTORS)
    assert all("valid_loss" in entry for entry in regressor.history_)
    with pytest.raises(ValueError, match="validation_fraction"):
        regressor.fit(TEXTS[:1], VECTORS[:1])


# --- Going on, storing, other heads --------------------------------------------------


class Normalised(StaticRegressor):
    """A head whose last layer is not linear."""

    def build_head(self, n_inputs, n_outputs):
        return nn.Sequential(nn.Linear(n_inputs, n_outputs), nn.Tanh())


@pytest.mark.parametrize("kind", [StaticRegressor, Normalised])
def test_warm_start_goes_on(tiny_model, kind):
    regressor = kind(tiny_model, warm_start=True, random_state=0)
    y = VECTORS[:, :2]
    before = regressor.fit(TEXTS, y).predict(TEXTS)
    regressor.set_params(max_epochs=0).fit(TEXTS[:5], y[:5])
    assert_allclose(regressor.predict(TEXTS), before, rtol=1e-5)
    assert regressor.n_iter_ == 3
    regressor.set_params(max_epochs=2).fit(TEXTS, y)
    assert regressor.n_iter_ == len(regressor.history_) == 5
    with pytest.raises(ValueError, match="columns as the y of fit"):
        regressor.fit(TEXTS, NUMBERS)


def test_last_layer_that_is_not_linear(tiny_model):
    regressor = Normalised(tiny_model, max_epochs=60, lr=0.03, random_state=0)
    regressor.set_params(lexical=False).fit(TEXTS, NUMBERS * 10 + 1000)
    assert regressor.score(TEXTS, NUMBERS * 10 + 1000) > 0.5


def test_grid_search(regressor):
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(regressor, {"alpha": [0.1, 1000.0]}, cv=folds)
    assert search.fit(TEXTS, NUMBERS).best_params_ == {"alpha": 0.1}


PREDICT = """
import pickle, sys
from pathlib import Path
regressor = pickle.loads(Path(sys.argv[1]).read_bytes())
print(*regressor.predict(["red cat", "blue dog"]))
sys.exit("torch" in sys.modules or hasattr(regressor, "net_"))
"""


def test_pickle_without_torch(regressor, tmp_path):
    regressor.set_params(n_layers=1).fit(TEXTS, NUMBERS)
    (tmp_path / "it.pickle").write_bytes(pickle.dumps(regressor))
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, str(tmp_path / "it.pickle")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    given = [float(number) for number in done.stdout.split()]
    assert_array_equal(given, regressor.predict(["red cat", "blue dog"]))


# --- Errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        ([], [], {}, "0 sample"),
        (["red"], None, {}, "requires y"),
        (["red", "blue"], [1.0], {}, "inconsistent numbers"),
        (["red", "blue"], [1.0, np.nan], {}, r"Row 1 of y .* is nan"),
        (["red", "blue"], [[1, 2], [3, np.inf]], {}, r"Row 1 of y .* is \[3.0, inf\]"),
        (["red", "blue"], [1.0, 1e39], {}, "Row 1 of y .* too large"),
        (["red", "blue"], [1.0, None], {}, "y must hold numbers|is nan"),
        (["red", "blue"], ["1", "2"], {}, "y must hold numbers.*StaticClassifier"),
        (["red", "blue"], np.array(["1", 2], object), {}, "y must hold numbers"),
        (["red", "blue"], [1j, 2], {}, "y must hold numbers"),
        (["red", "blue"], [[[1]], [[2]]], {}, "a number or a vector"),
        (["red", "blue"], [[], []], {}, "a number or a vector"),
        (["red", "blue"], 3.0, {}, "a number or a vector"),
        (["red", "blue"], [1, 2], {"loss": "cosine"}, "needs vectors"),
        (["red", "blue"], [[1, 2], [0, 0]], {"loss": "cosine"}, "Row 1 .* all zeros"),
        (["red", "blue"], [1, 2], {"loss": "absolute"}, "'loss' parameter"),
        (["red", "blue"], [1, 2], {"ngram_range": (2, 1)}, "ngram_range"),
        (["red", "blue"], [1, 2], {"alpha": 0.0}, "'alpha' parameter"),
        ("red", [1], {}, "container of texts"),
        ([1, 2], [1, 2], {}, "Row 0"),
    ],
)
def test_errors(regressor, X, y, options, message):
    regressor.fit(TEXTS, NUMBERS)
    before = dict(vars(regressor))
    regressor.set_params(**options)
    with pytest.raises((TypeError, ValueError), match=message):
        regressor.fit(X, y)
    assert dict(vars(regressor.set_params(**{k: before[k] for k in options}))) == before


def test_errors_of_validation(regressor):
    with pytest.raises(ValueError, match="belong together"):
        regressor.fit(TEXTS, NUMBERS, TEXTS)
    with pytest.raises(ValueError, match="Row 0 of y_val"):
        regressor.fit(TEXTS, NUMBERS, ["red"], [np.nan])
    with pytest.raises(ValueError, match="y_val must have no columns"):
        regressor.fit(TEXTS, NUMBERS, ["red"], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least one non-zero"):
        regressor.fit(TEXTS, NUMBERS, sample_weight=np.zeros(len(TEXTS)))


def test_not_fitted():
    with pytest.raises(NotFittedError):
        StaticRegressor().predict(["red"])
