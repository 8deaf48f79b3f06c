"""Pickles name public paths only, so that they survive a move of files."""

from __future__ import annotations

import pickle
import pickletools
from importlib import import_module

import pytest
from conftest import ROOT
from sklearn.tree import DecisionTreeClassifier

import sk_m2v
from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbeddingTransformer,
    StaticRegressor,
    TokenTfidfVectorizer,
    ZeroShotClassifier,
)

TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"]
LABELS = [1, 1, 2, 2, 1, 2]


class NormedClassifier(StaticClassifier):
    """A head of other layers."""

    def build_head(self, n_inputs: int, n_outputs: int) -> object:
        from torch import nn

        norm = nn.LayerNorm(n_inputs)
        return nn.Sequential(norm, nn.Tanh(), nn.Linear(n_inputs, n_outputs))


def lengths(texts: list[str]) -> list[list[float]]:
    return [[len(it), it.count("r"), 1.0] for it in texts]


def fitted() -> dict[str, object]:
    tiny = sk_m2v.load(ROOT / "tests" / "data" / "saved_0_1_0" / "embedding")
    several = [[1], [1, 2], [2], [], [1], [2]]
    layers = {"n_layers": 1, "hidden_dim": 3}
    trees = FeatureExtractionClassifier(tiny, head=DecisionTreeClassifier())
    return {
        "embedding": tiny,
        "tokens": tiny.token_ids(TEXTS),
        "transformer": StaticEmbeddingTransformer(tiny).fit(),
        "tfidf": TokenTfidfVectorizer(tiny).fit(TEXTS),
        "distill": DistillTransformer(
            lengths, prior=tiny, pca_dims=None, refine_steps=2
        ).fit(TEXTS),
        "contrastive": ContrastiveTransformer(tiny).fit(TEXTS[:3], TEXTS[3:]),
        "FE": FeatureExtractionClassifier(tiny).fit(TEXTS, LABELS),
        "FE-tree": trees.fit(TEXTS, LABELS),
        "FT": StaticClassifier(tiny).fit(TEXTS, LABELS),
        "FT-layers": StaticClassifier(tiny, **layers).fit(TEXTS, several),
        "FT-norm": NormedClassifier(tiny).fit(TEXTS, LABELS),
        "PT": FromScratchClassifier(dim=4, vocab_size=40).fit(TEXTS, LABELS),
        "zero-shot": ZeroShotClassifier(["cats", "dogs"], model=tiny).fit(TEXTS),
        "regressor": StaticRegressor(tiny).fit(TEXTS, LABELS),
        "explanation": FeatureExtractionClassifier(tiny)
        .fit(TEXTS, LABELS)
        .explain(TEXTS[:1]),
        "pipeline": StaticClassifier(tiny).fit(TEXTS, LABELS).to_pipeline(),
    }


@pytest.fixture(scope="module")
def objects() -> dict[str, object]:
    return fitted()


def names(data: bytes) -> set[tuple[str, str]]:
    """Modules and names that a pickle of protocol 2 looks for."""
    return {
        tuple(argument.split(" "))
        for opcode, argument, _ in pickletools.genops(data)
        if opcode.name == "GLOBAL"
    }


def test_pickles_name_public_paths(objects: dict[str, object]) -> None:
    found = {it for key in objects for it in names(pickle.dumps(objects[key], 2))}
    ours = {it for it in found if it[0].partition(".")[0] == "sk_m2v"}
    assert {module for module, _ in ours} == {
        "sk_m2v",
        "sk_m2v.embedding",
        "sk_m2v.train",
    }
    for module, name in ours:
        assert getattr(import_module(module), name).__module__ == module
    assert {("sk_m2v", "StaticClassifier"), ("sk_m2v.train", "Head")} <= ours
    for name in ("LayerNorm", "Tanh", "ReLU", "Linear", "Labels", "Scale"):
        assert ("sk_m2v.train", name) in ours


def test_public_classes_carry_their_public_path() -> None:
    for package in ("sk_m2v", "sk_m2v.train", "sk_m2v.distill", "sk_m2v.onnx"):
        module = import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, type):
                assert value.__module__ in ("sk_m2v", package)
                assert getattr(import_module(value.__module__), name) is value


def test_pickles_load(objects: dict[str, object]) -> None:
    for key, value in objects.items():
        again = pickle.loads(pickle.dumps(value))
        assert type(again) is type(value)
        for method in ("predict", "transform"):
            if hasattr(value, method):
                one = getattr(value, method)(TEXTS)
                two = getattr(again, method)(TEXTS)
                assert repr(one) == repr(two), key
