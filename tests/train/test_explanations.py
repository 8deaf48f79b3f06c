"""Explanations that one can look at, and what weighs in a whole classifier."""

from __future__ import annotations

import pickle
from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import RandomForestClassifier

from sk_m2v import FeatureExtractionClassifier, StaticClassifier, StaticRegressor

TEXTS = [
    "a great film",
    "a lovely film",
    "a dull book",
    "a boring book",
    "rain",
    "snow",
]
TEXTS = [*TEXTS, "not great at all", "not dull", "cold rain", "some snow"] * 2
CLASSES = ["good", "good", "bad", "bad", "sky", "sky", "bad", "good", "sky", "sky"] * 2
TWO = [it == "good" for it in CLASSES]
LISTS = [[it] if i % 3 else [it, "third"] for i, it in enumerate(CLASSES)]
NEW = ["a great great film", "dull <b>snow</b> & rain", ""]
FOREST = RandomForestClassifier(5, random_state=0)
KINDS = {
    "FE": (FeatureExtractionClassifier(), CLASSES),
    "FT": (StaticClassifier(random_state=0), CLASSES),
    "two": (FeatureExtractionClassifier(), TWO),
    "lists": (FeatureExtractionClassifier(), LISTS),
    "embedding": (FeatureExtractionClassifier(lexical=False), CLASSES),
    "triples": (FeatureExtractionClassifier(ngram_range=(1, 3)), CLASSES),
    "pairs": (FeatureExtractionClassifier(ngram_range=(2, 2)), CLASSES),
    "layers": (StaticClassifier(n_layers=1, hidden_dim=9, random_state=0), CLASSES),
    "forest": (FeatureExtractionClassifier(head=FOREST), CLASSES),
    "numbers": (StaticRegressor(max_epochs=1, random_state=0), range(20)),
}
LINEAR = ["FE", "FT", "two", "lists", "embedding", "triples", "pairs"]


@pytest.fixture(scope="module")
def fitted():
    return {name: it.fit(TEXTS, list(y)) for name, (it, y) in KINDS.items()}


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.found.append(data)


@pytest.mark.parametrize("name", KINDS)
def test_top_sums_up_tokens(fitted, name):
    model = fitted[name]
    for explanation in model.explain(NEW):
        top = explanation.top(100)
        assert len(top) == len(set(explanation.tokens))
        amounts = [abs(it) for _, it in top]
        assert amounts == sorted(amounts, reverse=True)
        scores = explanation.intercept + explanation.shares.sum(axis=0)
        best = int(scores.argmax())
        target = best if name == "numbers" else model.classes_.tolist()[best]
        assert explanation.top(100, target) == top
        total = explanation.shares[:, best].sum()
        if name == "two":
            total -= explanation.shares[:, 1 - best].sum()
        assert_allclose(sum(it for _, it in top), total, atol=1e-9)
    with pytest.raises(ValueError, match="there is no class 'nothing'"):
        explanation.top(3, "nothing")


@pytest.mark.parametrize("name", KINDS)
def test_short_and_in_colour(fitted, name):
    for text, explanation in zip(NEW, fitted[name].explain(NEW), strict=True):
        assert repr(explanation).startswith("Explanation(")
        assert len(repr(explanation)) < 300
        parser = Text()
        parser.feed(explanation._repr_html_())
        assert not parser.open
        shown = "".join(parser.found)
        assert " ".join(explanation.tokens) in shown
        assert ("<" in text) == ("<" in shown)  # escaped, so that it is text
    great = fitted["two"].explain(["a great film"])[0]
    assert repr(great).startswith("Explanation(True: 'film' +")
    assert "rgba(46, 160, 67" in great._repr_html_()


def test_still_a_tuple_that_is_pickled(fitted):
    explanation = fitted["FE"].explain(NEW)[0]
    tokens, shares, intercept, exact = explanation
    assert (tokens, exact) == (explanation.tokens, True)
    again = pickle.loads(pickle.dumps(explanation))
    assert repr(again) == repr(explanation)
    assert again.classes.tolist() == ["bad", "good", "sky"]
    assert_allclose(
        again.intercept + again.shares.sum(axis=0), intercept + shares.sum(0)
    )


@pytest.mark.parametrize("name", LINEAR)
def test_top_terms_are_scores(fitted, name):
    """Of a token alone: what a text of it scores, less the intercept."""
    model = fitted[name]
    found = model.top_terms(1000)
    assert list(found) == model.classes_.tolist()
    empty = model.decision_function([""])[0]
    for column, (label, terms) in enumerate(found.items()):
        weights = [weight for _, weight in terms]
        assert weights == sorted(weights, reverse=True)
        assert all(weight > 0 for weight in weights)
        tokens = [it for it in terms if " " not in it[0] and it[0].isalpha()][:50]
        assert tokens or name == "pairs"
        for term, weight in tokens:
            score = model.decision_function([term])[0] - empty
            if name == "two":
                score = [-score, score]
            assert_allclose(score[column], weight, atol=1e-5)
        assert model.top_terms(1)[label] == terms[:1]


def test_terms_are_those_that_one_would_expect(fitted):
    top = fitted["FE"].top_terms(3)
    assert {term for term, _ in top["sky"]} >= {"rain", "snow"}
    assert "great film" in dict(fitted["triples"].top_terms(100)["good"])
    everything = dict(fitted["embedding"].top_terms(30_000)["sky"])
    assert "[UNK]" not in everything
    assert "blizzard" in everything  # of the model, though no text had it


@pytest.mark.parametrize("name", ["layers", "forest"])
def test_what_is_not_linear(fitted, name):
    with pytest.raises(ValueError, match=r"not linear.*explain"):
        fitted[name].top_terms()


def test_weights_are_those_of_the_features(fitted):
    model = fitted["triples"]
    vocabulary = model.embedding_.vocabulary
    names = np.concatenate([it.names(vocabulary) for it in model._vectorizers])
    pairs = dict(model.top_terms(1000)["good"])
    column = names.tolist().index("great film")
    good = model.classes_.tolist().index("good")
    assert_allclose(pairs["great film"], model._head.lexical[column, good], rtol=1e-6)
