"""What estimators share stands once, and is complete in each of them."""

from __future__ import annotations

import inspect
import tomllib
from typing import ClassVar

import pytest
from conftest import ROOT
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate
from sklearn.base import BaseEstimator

import sk_m2v
from sk_m2v._parameters import parameters

ESTIMATORS = {
    name: kind
    for name in sk_m2v.__all__
    if inspect.isclass(kind := getattr(sk_m2v, name))
    and issubclass(kind, BaseEstimator)
}
# Parameters that may be given without their names.
FIRST = ("labels", "model", "teacher")
# Of 0.1.0, where each class had them all in its own `__init__`.
SIGNATURES = {
    "ContrastiveTransformer": {
        "model": None,
        "temperature": 0.05,
        "token_dropout": 0.0,
        "lr": 0.003,
        "batch_size": "auto",
        "max_epochs": 5,
        "patience": 5,
        "validation_fraction": None,
        "optimizer": "adam",
        "device": "cpu",
        "callbacks": None,
        "max_length": "auto",
        "missing": "error",
        "n_jobs": None,
        "random_state": None,
        "verbose": 0,
    },
    "DistillTransformer": {
        "teacher": "sentence-transformers/all-MiniLM-L6-v2",
        "teacher_weights": None,
        "prompt": None,
        "pca_dims": 256,
        "vocabulary": None,
        "min_df": 5,
        "max_terms": 10_000,
        "prune": False,
        "token_remove_pattern": r"\[unused\d+\]",
        "prior": "auto",
        "alpha": 0.3,
        "sif_coefficient": "auto",
        "frequencies": "corpus",
        "refine_steps": 400,
        "quantize_to": "float16",
        "vocabulary_quantization": None,
        "pooling": "mean",
        "split_sentences": True,
        "max_sentences": 500_000,
        "cache_dir": None,
        "device": None,
        "dtype": "float32",
        "random_state": None,
        "missing": "error",
        "n_jobs": None,
        "verbose": False,
    },
    "FeatureExtractionClassifier": {
        "model": None,
        "head": None,
        "lexical": True,
        "ngram_range": (1, 2),
        "letter_ngrams": (3, 4),
        "embedding_weight": "auto",
        "C": "auto",
        "class_weight": "balanced",
        "thresholds": None,
        "max_length": "auto",
        "missing": "error",
        "n_jobs": None,
        "random_state": None,
        "verbose": 0,
    },
    "FromScratchClassifier": {
        "tokenizer": "wordpiece",
        "vocab_size": 8_000,
        "min_frequency": 2,
        "lowercase": True,
        "dim": 100,
    },
    "StaticClassifier": {
        "model": None,
        "n_layers": 0,
        "hidden_dim": 512,
        "freeze": False,
        "dropout": 0.0,
        "token_dropout": 0.0,
        "lexical": True,
        "ngram_range": (1, 2),
        "letter_ngrams": (3, 4),
        "embedding_weight": "auto",
        "lr": 0.0005,
        "batch_size": "auto",
        "max_epochs": "auto",
        "patience": 5,
        "validation_fraction": None,
        "scoring": "loss",
        "optimizer": "adam",
        "focal_gamma": 0.0,
        "label_smoothing": 0.0,
        "teacher": None,
        "C": "auto",
        "class_weight": "balanced",
        "thresholds": None,
        "device": "cpu",
        "callbacks": None,
        "warm_start": False,
        "max_length": "auto",
        "missing": "error",
        "n_jobs": None,
        "random_state": None,
        "verbose": 0,
    },
    "StaticEmbeddingTransformer": {
        "model": None,
        "dimensionality": None,
        "quantize_to": None,
        "vocabulary_quantization": None,
        "normalize": None,
        "max_length": "auto",
        "missing": "error",
        "n_jobs": None,
        "verbose": False,
    },
    "ZeroShotClassifier": {
        "labels": None,
        "model": None,
        "lexical": True,
        "ngram_range": (1, 2),
        "letter_ngrams": None,
        "embedding_weight": 1.5,
        "C": 1.0,
        "thresholds": None,
        "max_length": "auto",
        "missing": "error",
        "n_jobs": None,
        "verbose": 0,
    },
    "TokenTfidfVectorizer": {
        "model": None,
        "analyzer": "token",
        "ngram_range": (1, 1),
        "norm": "l2",
        "use_idf": True,
        "smooth_idf": True,
        "sublinear_tf": False,
        "min_df": 1,
        "max_df": 1.0,
        "max_features": None,
        "stop_words": None,
        "verbose": False,
        "max_length": None,
        "missing": "error",
        "n_jobs": None,
    },
}
_TUNED = SIGNATURES["StaticClassifier"]
SIGNATURES["FromScratchClassifier"] = {
    **{k: v for k, v in _TUNED.items() if k != "model"},
    **SIGNATURES["FromScratchClassifier"],
}
_OF_CLASSES = {"C", "focal_gamma", "label_smoothing", "class_weight", "thresholds"}
_OF_CLASSES |= {"teacher"}
SIGNATURES["StaticRegressor"] = {
    **{k: v for k, v in _TUNED.items() if k not in _OF_CLASSES},
    "alpha": 3.0,
    "embedding_weight": 1.5,
    "loss": "squared_error",
    "max_epochs": 3,
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_signatures(name: str) -> None:
    signature = inspect.signature(ESTIMATORS[name])
    found = {it.name: it.default for it in signature.parameters.values()}
    assert found == SIGNATURES[name]
    assert ESTIMATORS[name]().get_params() == found
    # By position only what stands first; all with their types.
    positional = [
        it.name
        for it in signature.parameters.values()
        if it.kind is it.POSITIONAL_OR_KEYWORD
    ]
    first = [it for it in found if it in FIRST][:1]
    assert positional == (first if name != "FromScratchClassifier" else [])
    assert positional == [*found][: len(positional)]
    for it in signature.parameters.values():
        assert it.annotation is not it.empty


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_parameter_has_a_text_and_a_constraint(name: str) -> None:
    kind = ESTIMATORS[name]
    documented = {it.name: it for it in ClassDoc(kind)["Parameters"]}
    signature = inspect.signature(kind).parameters
    assert [*documented] == [*signature]
    for key, parameter in signature.items():
        value = parameter.default
        default = f'"{value}"' if isinstance(value, str) else repr(value)
        assert documented[key].type.endswith(f", default={default}")
        assert "".join(documented[key].desc).strip()
    assert set(kind._parameter_constraints) == set(signature)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fitted_attributes_are_documented(name: str) -> None:
    kind = ESTIMATORS[name]
    documented = [it.name for it in ClassDoc(kind)["Attributes"]]
    assert "embedding_" in documented
    if hasattr(kind, "predict_proba"):
        assert "classes_" in documented
    if hasattr(kind, "build_head"):
        assert {"history_", "n_iter_", "net_"} <= {*documented}


def checks() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return set(settings["tool"]["numpydoc_validation"]["checks"]) - {"all"}


def members(name: str) -> list[str]:
    kind = getattr(sk_m2v, name)
    if not inspect.isclass(kind):
        return [f"sk_m2v.{name}"]
    found = [it for it in vars(kind) if not it.startswith("_")]
    found = [it for it in found if callable(getattr(kind, it))]
    return [f"sk_m2v.{name}", *(f"sk_m2v.{name}.{it}" for it in found)]


PATHS = [path for name in sk_m2v.__all__ for path in members(name)]


@pytest.mark.parametrize("path", PATHS)
def test_docstrings_are_complete(path: str) -> None:
    """As numpydoc sees them when they are made, not as they stand in the file."""
    ignored = checks()
    errors = [it for it in validate(path)["errors"] if it[0] not in ignored]
    assert errors == []


def test_defaults_of_a_subclass_show() -> None:
    @parameters
    class Mine(sk_m2v.StaticClassifier):
        """My classifier.

        Parameters
        ----------
        depth : int
            How deep.
        """

        depth: int = 2
        lr: float = 0.1

        _parameter_constraints: ClassVar[dict] = {"depth": [int]}

    assert "lr : float, default=0.1\n    Step size" in Mine.__doc__
    assert "depth : int, default=2\n    How deep." in Mine.__doc__
    assert "missing : " in Mine.__doc__
    mine = Mine(depth=3)
    assert mine.get_params()["depth"] == 3
    assert mine.get_params()["lr"] == 0.1
    with pytest.raises(ValueError, match="'depth' parameter of Mine"):
        mine.set_params(depth="deep").fit(["a", "b"], [0, 1])


def test_a_subclass_with_its_own_init() -> None:
    class Mine(sk_m2v.FeatureExtractionClassifier):
        def __init__(self, *, lexical: bool = False) -> None:
            super().__init__(lexical=lexical)

    assert Mine().get_params() == {"lexical": False}
    assert Mine().fit(["good", "bad"], [1, 0]).predict(["good"]).tolist() == [1]
