"""Learning from pairs of texts: scikit-learn's rules, the loss, and what is learnt."""

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
from sklearn.utils import estimator_checks as checks
from torch.nn import functional as F

from sk_m2v import ContrastiveTransformer
from sk_m2v.train.fitting._pairs import InfoNCE, sharing


class CheckedPairs(NumbersAsTexts, ContrastiveTransformer):
    """Pairs each row of numbers with a text about its target."""

    def fit(self, X, y):
        texts = self._texts(X, reset=True)
        if y is not None:
            y = [f"row {i} is {it}" for i, it in enumerate(np.asarray(y))]
        return ContrastiveTransformer.fit(self, texts, y)

    def fit_transform(self, X, y):
        return self.fit(X, y).transform(X)


CHECKED = CheckedPairs(max_epochs=1)


@pytest.mark.filterwarnings("ignore")
@checks.parametrize_with_checks([CHECKED])
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning")
@pytest.mark.parametrize("name", EXTRA_CHECKS)
def test_extra_checks(name):
    getattr(checks, name)("CheckedPairs", CHECKED)


# --- The loss -------------------------------------------------------------------------


def vectors(n: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(n, 5, generator=torch.manual_seed(seed)))


def test_loss_is_cross_entropy_in_both_directions():
    it = vectors(8)
    first, second = it[:4], it[4:]
    forth = F.cross_entropy(first @ second.T / 0.1, torch.arange(4))
    back = F.cross_entropy(second @ first.T / 0.1, torch.arange(4))
    loss = InfoNCE(0.1)(it, torch.arange(8))
    assert_allclose(loss, (forth + back) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ([0, 1, 2], [3, 4, 5], []),
        ([0, 0, 2], [3, 4, 5], [(0, 1)]),  # equal first texts
        ([0, 1, 2], [3, 4, 4], [(1, 2)]),  # equal second texts
        ([0, 1, 2], [3, 4, 0], [(0, 2)]),  # the first text of one, the second of other
        ([0, 1, 2], [1, 4, 5], [(0, 1)]),
        ([0, 1, 2], [0, 1, 2], []),  # both texts of a pair
        ([0, 0, 0], [3, 3, 3], [(0, 1), (0, 2), (1, 2)]),
    ],
)
def test_equal_texts_are_never_negatives(first, second, shared):
    expected = np.zeros((3, 3), bool)
    for i, j in shared:
        expected[i, j] = expected[j, i] = True
    assert_array_equal(sharing(torch.tensor(first), torch.tensor(second)), expected)
    # What is masked has no influence on the loss of the row.
    it = vectors(6).requires_grad_()
    loss = InfoNCE(0.1)(it, torch.tensor([*first, *second]))
    logits = it[:3] @ it[3:].T / 0.1
    by_hand = [
        F.cross_entropy(row[i, ~expected[i]], torch.tensor((~expected[i, :i]).sum()))
        for row in (logits, logits.T)
        for i in range(3)
    ]
    assert_allclose(loss.detach(), torch.stack(by_hand).mean().detach(), atol=1e-5)
    assert torch.isfinite(torch.autograd.grad(loss, it)[0]).all()


def test_equal_texts_are_not_pushed_apart(tiny_model):
    # Were the three equal answers negatives of each other, one batch would show it.
    X, y = ["red cat", "green cat", "blue cat", "dog"], [*["cats"] * 3, "dogs , ,"]
    transformer = ContrastiveTransformer(tiny_model, max_epochs=30, random_state=0)
    first, second = (transformer.fit(X, y).transform(it) for it in (X[:3], y[:3]))
    start = (tiny_model.encode(X[:3]) * tiny_model.encode(y[:3])).sum(axis=1)
    assert ((first * second).sum(axis=1) > start).all()


# --- Learning -------------------------------------------------------------------------

X = ["red cat", "green dog", "blue cats", "red dogs", "green ,", "blue ."]
Y = ["blue .", "red ,", "green", "cats", "dog .", "cat ,"]


@pytest.fixture
def transformer(tiny_model):
    return ContrastiveTransformer(tiny_model, batch_size=3, random_state=0)


WORDS_OF = {
    "log in": "password account username",
    "parcel": "delivery tracking courier",
    "pay": "invoice card bank",
    "broken": "repair warranty defect",
    "cold": "heating temperature radiator",
    "noise": "sound loud neighbour",
    "food": "restaurant menu kitchen",
    "trip": "flight hotel luggage",
}


def test_learns():
    pairs = [
        (f"{opening} {topic}", f"{answer} {word}")
        for topic, words in WORDS_OF.items()
        for word in words.split()[:2]
        for opening in ("my question is about", "there is something on")
        for answer in ("we say to that:", "in short, look at")
    ]
    X, y = map(list, zip(*pairs, strict=True))
    # Words and wordings that training has not seen.
    X_test = [f"please tell me of {topic}" for topic in WORDS_OF]
    y_test = [f"what you need is {words.split()[2]}" for words in WORDS_OF.values()]
    start = ContrastiveTransformer(max_epochs=0, random_state=0).fit(X, y)
    tuned = ContrastiveTransformer(max_epochs=20, random_state=0).fit(X, y)
    assert mean_margin(tuned, X_test, y_test) > mean_margin(start, X_test, y_test)
    assert tuned.history_[-1]["train_loss"] < tuned.history_[0]["train_loss"]


def mean_margin(transformer, X, y):
    """Cosine of right pairs less that of wrong ones."""
    scores = transformer.transform(X) @ transformer.transform(y).T
    n = len(X)
    return scores.trace() / n - (scores.sum() - scores.trace()) / (n * (n - 1))


def test_no_epochs_keep_the_model(transformer, tiny_model):
    transformer.set_params(max_epochs=0).fit(X, Y)
    assert_allclose(transformer.transform(X), tiny_model.encode(X), rtol=1e-6)
    assert transformer.n_iter_ == 0
    assert transformer.history_ == []


def test_only_tokens_that_occur_change(transformer, tiny_model):
    moved = transformer.fit(["red", "blue"], ["cat", "dog"]).embedding_.vectors
    changed = (moved != tiny_model.vectors).any(axis=1)
    assert_array_equal(changed, np.isin(WORDS, ["red", "blue", "cat", "dog"]))


def test_transform(transformer, tiny_model):
    result = transformer.fit(X, Y).transform([*X, "[UNK]", ""])
    assert result.dtype == np.float32
    assert_allclose(np.linalg.norm(result, axis=1), [*[1] * 6, 0, 0], atol=1e-6)
    assert_array_equal(result[:6], transformer.embedding_.encode(X))
    # Of length 1, also where the model says otherwise.
    plain = clone(transformer).set_params(model=tiny_model.replace(normalize=False))
    assert_array_equal(plain.fit(X, Y).transform(X), result[:6])
    assert transformer.transform([]).shape == (0, 4)


def test_names_and_frames(transformer):
    names = [f"contrastivetransformer{i}" for i in range(4)]
    assert transformer.fit(X, Y).get_feature_names_out().tolist() == names
    frame = transformer.set_output(transform="pandas").transform(pd.Series(X))
    assert frame.columns.tolist() == names


def test_containers_and_missing(transformer):
    expected = transformer.fit(X, Y).transform(X)
    transformer.fit(pd.Series(X), (text for text in Y))
    assert_array_equal(transformer.transform(np.array(X)), expected)
    transformer.set_params(missing="empty").fit([*X, None], [*Y, "dog"])
    assert not transformer.transform([None]).any()


@pytest.mark.parametrize("options", [{}, {"token_dropout": 0.3}])
def test_same_seed(transformer, options):
    state = torch.random.get_rng_state()
    first = transformer.set_params(**options).fit_transform(X, Y)
    assert_array_equal(clone(transformer).fit_transform(X, Y), first)
    other = clone(transformer).set_params(random_state=1)
    assert (other.fit_transform(X, Y) != first).any()
    assert torch.equal(torch.random.get_rng_state(), state)


# --- Validation -----------------------------------------------------------------------


def test_validation_keeps_the_best(transformer):
    transformer.set_params(lr=0.3, max_epochs=40, patience=2)
    transformer.fit(X, Y, X, [*Y[:4], "red", "green"])
    losses = [entry["valid_loss"] for entry in transformer.history_]
    assert transformer.n_iter_ == len(losses) < 40
    assert min(losses[-2:]) > min(losses)
    it = torch.from_numpy(transformer.transform([*X, *Y[:4], "red", "green"]))
    batches = [
        InfoNCE(0.05)(it[[*rows, *(6 + row for row in rows)]], torch.arange(6))
        for rows in ([0, 1, 2], [3, 4, 5])
    ]
    assert_allclose(min(losses), np.mean(batches), atol=1e-4)


def test_validation_may_keep_the_start(transformer, tiny_model):
    # What is near in training is far in validation.
    transformer.set_params(lr=0.3)
    transformer.fit(
        ["red", "blue"], ["blue cat", "red cat"], *[["red cat", "blue"]] * 2
    )
    assert_allclose(transformer.transform(X), tiny_model.encode(X), rtol=1e-5)


def test_validation_fraction(transformer):
    transformer.set_params(validation_fraction=0.4).fit(X, Y)
    assert all("valid_loss" in entry for entry in transformer.history_)
    with pytest.raises(ValueError, match="validation pairs must have at least two"):
        transformer.set_params(validation_fraction=0.1).fit(X, Y)


# --- Storing --------------------------------------------------------------------------

ENCODE = """
import pickle, sys
from pathlib import Path
transformer = pickle.loads(Path(sys.argv[1]).read_bytes())
print(*transformer.transform(["red cat"])[0].tolist())
sys.exit("torch" in sys.modules or hasattr(transformer, "net_"))
"""


def test_pickle_without_torch(transformer, tmp_path):
    transformer.fit(X, Y)
    (tmp_path / "it.pickle").write_bytes(pickle.dumps(transformer))
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, str(tmp_path / "it.pickle")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    given = np.array(done.stdout.split(), np.float32)
    assert_array_equal(given, transformer.transform(["red cat"])[0])


# --- Errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (X, None, {}, "requires y.*second text of each pair"),
        ([], [], {}, "0 sample"),
        (["red"], ["cat"], {}, "1 sample.*minimum of 2 pairs"),
        (["red", "blue"], ["cat"], {}, "X and y must have as many texts, got 2 and 1"),
        (["red", "red"], ["cat", "cat"], {}, "at least two different texts"),
        (["red", "red"], ["cat", "dog"], {}, "at least two different texts"),
        (["red", "blue"], ["cat", "cat"], {}, "at least two different texts"),
        (["red", "blue"], [1, 2], {}, "y is no container of texts: Row 0"),
        (["red", "blue"], ["cat", None], {}, "y is no container of texts: Row 1"),
        (["red", "blue"], "cat", {}, "y is no container of texts"),
        ("red", ["cat"], {}, "X must be a container"),
        (X, Y, {"temperature": 0.0}, "'temperature' parameter"),
        (X, Y, {"lr": -1}, "'lr' parameter"),
        (X, Y, {"batch_size": 1}, "'batch_size' parameter"),
        (X, Y, {"model": "/no/such/folder"}, "folder"),
    ],
)
def test_errors(transformer, X, y, options, message):
    transformer.fit(["red", "blue"], ["cat", "dog"])
    before = dict(vars(transformer))
    transformer.set_params(**options)
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        transformer.fit(X, y)
    transformer.set_params(**{name: before[name] for name in options})
    assert dict(vars(transformer)) == before


def test_errors_of_validation(transformer):
    with pytest.raises(ValueError, match="belong together"):
        transformer.fit(X, Y, X)
    with pytest.raises(ValueError, match="X and y_val must have as many"):
        transformer.fit(X, Y, X, Y[:2])
    with pytest.raises(ValueError, match="validation pairs"):
        transformer.fit(X, Y, ["red"] * 2, ["cat", "dog"])


def test_not_fitted():
    with pytest.raises(NotFittedError):
        ContrastiveTransformer().transform(["red"])
