"""`max_epochs="auto"`: training goes on as long as it helps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.metrics import log_loss
from skorch.callbacks import Callback
from torch import nn

from sk_m2v import FromScratchClassifier, StaticClassifier
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.train import ResumePoint, _fine_tuned_classifier
from sk_m2v.train._fine_tuned_classifier import _FEW_EPOCHS, _MOST_EPOCHS

WORDS = ["the", "cat", "dog", "sleeps", "barks", "film", "bread", "great", "dull"]
KINDS = {
    "FT": StaticClassifier(lexical=False, lr=0.02, random_state=0),
    "PT": FromScratchClassifier(lexical=False, lr=0.02, dim=8, random_state=0),
}

N_TEXTS = 300  # enough to set a part aside


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(_fine_tuned_classifier, "_FEWEST_TEXTS", N_TEXTS)
    monkeypatch.setattr(_fine_tuned_classifier, "_TEXTS_AN_EPOCH", 10)


def draw(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts, and whether one of two words is in them."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(WORDS), (n, 5))
    texts = [" ".join(WORDS[i] for i in row) for row in rows]
    return texts, (np.isin(rows, [1, 5]).sum(axis=1) > 0).astype(int)


@pytest.fixture(params=KINDS)
def classifier(request):
    return clone(KINDS[request.param])


class Deep(StaticClassifier):
    """Starts from random weights, and so has much to learn."""

    def build_head(self, n_inputs, n_outputs):
        return nn.Sequential(nn.LayerNorm(n_inputs), nn.Linear(n_inputs, n_outputs))


class Count(Callback):
    trainings = 0

    def on_train_begin(self, net, **kwargs):
        Count.trainings += 1


def test_what_needs_it_is_trained_longer():
    texts, y = draw(N_TEXTS)
    deep = Deep(lexical=False, lr=1e-3, random_state=0).fit(texts, y)
    assert 3 < deep.n_iter_ <= _MOST_EPOCHS
    assert deep.best_epoch_ == deep.n_iter_ == len(deep.history_)
    short = clone(deep).set_params(max_epochs=3).fit(texts, y)
    held_out, truth = draw(500, seed=1)
    losses = [log_loss(truth, it.predict_proba(held_out)) for it in (deep, short)]
    assert losses[0] < losses[1]


def test_fewer_texts_are_trained_for_fewer_epochs(monkeypatch):
    monkeypatch.setattr(_fine_tuned_classifier, "_TEXTS_AN_EPOCH", N_TEXTS // 5)
    deep = Deep(lexical=False, lr=1e-3, random_state=0).fit(*draw(N_TEXTS))
    assert deep.n_iter_ == 5


def test_what_cannot_get_better_stays_as_it_starts():
    texts, _ = draw(N_TEXTS)
    y = np.random.default_rng(1).integers(2, size=len(texts))
    classifier = StaticClassifier(lr=1.0, random_state=0).fit(texts, y)
    assert classifier.n_iter_ == classifier.best_epoch_ == 0
    start = clone(classifier).set_params(max_epochs=0).fit(texts, y)
    assert_array_equal(classifier.predict_proba(texts), start.predict_proba(texts))


def test_the_number_that_was_found_gives_the_same(classifier):
    texts, y = draw(N_TEXTS)
    expected = classifier.fit(texts, y).predict_proba(texts)
    again = clone(classifier).fit(texts, y)
    given = clone(classifier).set_params(max_epochs=classifier.n_iter_).fit(texts, y)
    for it in (again, given):
        assert_array_equal(it.predict_proba(texts), expected)
        assert it.n_iter_ == classifier.n_iter_


@pytest.mark.parametrize("n_texts", [20, N_TEXTS - 1])
def test_few_texts_are_all_learnt_from(classifier, n_texts):
    texts, y = draw(n_texts)
    assert classifier.fit(texts, y).n_iter_ == _FEW_EPOCHS
    given = clone(classifier).set_params(max_epochs=_FEW_EPOCHS).fit(texts, y)
    assert_array_equal(given.predict_proba(texts), classifier.predict_proba(texts))


def test_many_classes():
    texts, _ = draw(N_TEXTS)
    y = np.arange(len(texts)) // 2 * (np.arange(len(texts)) < 200)
    classifier = StaticClassifier(lexical=False, random_state=0, class_weight=None)
    assert classifier.fit(texts, y).n_iter_ <= _MOST_EPOCHS
    with pytest.warns(UserWarning, match="200 different labels"):
        classifier.fit(texts, np.arange(len(texts)) * 2 // 3)
    assert classifier.n_iter_ == _FEW_EPOCHS


def test_several_labels_a_text():
    texts, y = draw(N_TEXTS)
    Y = np.column_stack([y, 1 - y, np.zeros_like(y)])
    Y[0, 2] = 1  # one text alone
    classifier = StaticClassifier(lexical=False, lr=0.02, random_state=0).fit(texts, Y)
    assert 0 <= classifier.n_iter_ <= _MOST_EPOCHS


def test_with_validation_texts_these_tell(classifier):
    texts, y = draw(N_TEXTS)
    classifier.set_params(patience=2).fit(texts, y, *draw(100, seed=1))
    assert "valid_loss" in classifier.history_[-1]
    stopped = classifier.n_iter_ == classifier.best_epoch_ + 2
    assert stopped or classifier.n_iter_ == _MOST_EPOCHS
    classifier.set_params(validation_fraction=0.1).fit(texts, y)
    assert "valid_loss" in classifier.history_[-1]


def test_going_on():
    texts, y = draw(N_TEXTS)
    classifier = StaticClassifier(lexical=False, warm_start=True, random_state=0)
    n_epochs = classifier.fit(texts, y).n_iter_
    assert classifier.fit(texts, y).n_iter_ == n_epochs + _FEW_EPOCHS
    assert classifier.partial_fit(texts, y).n_iter_ == n_epochs + _FEW_EPOCHS + 1


def test_callbacks_see_the_training_alone(tmp_path):
    texts, y = draw(N_TEXTS)
    Count.trainings = 0
    point = ResumePoint(tmp_path / "training.pt")
    classifier = StaticClassifier(lexical=False, lr=0.02, random_state=0)
    expected = classifier.fit(texts, y)
    resumed = clone(classifier).set_params(callbacks=[Count(), point]).fit(texts, y)
    assert Count.trainings == 1
    again = clone(resumed).fit(texts, y)
    for it in (resumed, again):
        assert it.history_ == resumed.history_
        assert_array_equal(it.predict_proba(texts), expected.predict_proba(texts))


def test_verbose_names_the_stage(capsys):
    texts, y = draw(N_TEXTS)
    StaticClassifier(lexical=False, verbose=1, random_state=0).fit(texts, y)
    assert "number of epochs, by 20% of the texts" in capsys.readouterr().out


def test_only_auto_and_numbers():
    with pytest.raises(ValueError, match="'max_epochs' parameter of StaticClassifier"):
        StaticClassifier(max_epochs="best").fit(["a", "b"], [0, 1])


def test_rows_of_token_ids():
    tokens = TokenIds(np.arange(6, dtype=np.int32), np.array([0, 2, 2, 5, 6]))
    some = tokens.rows(np.array([3, 1, 0]))
    assert some.ids.tolist() == [5, 0, 1]
    assert some.offsets.tolist() == [0, 1, 1, 3]
    assert tokens.rows(np.array([], dtype=int)).offsets.tolist() == [0]
