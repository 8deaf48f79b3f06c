"""Every estimator is saved, loaded and shared in the same way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from model2vec import StaticModel
from model2vec.inference import StaticModelPipeline
from model2vec.inference.mlp import Activation, Layer, MLPHead
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from skops.io import dump

import sk_m2v
from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticRegressor,
    TokenTfidfVectorizer,
)

SAVED = ROOT / "tests" / "data" / "saved_0_1_0"
EXPECTED = json.loads((SAVED / "expected.json").read_text())
NEW = EXPECTED.pop("texts")
TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"]


@pytest.mark.parametrize("name", EXPECTED)
def test_folders_of_0_1_0(name: str) -> None:
    expected = EXPECTED[name]
    loaded = sk_m2v.load(SAVED / name)
    if isinstance(expected, list):
        assert isinstance(loaded, StaticEmbedding)
        assert_array_equal(loaded.encode(NEW), np.array(expected, np.float32))
        return
    assert type(loaded).__name__ == expected["class"]
    assert_array_equal(
        type(loaded).from_pretrained(SAVED / name).embedding_.vectors,
        loaded.embedding_.vectors,
    )
    predicted = loaded.predict(NEW)
    if isinstance(loaded, StaticRegressor):
        assert_allclose(predicted, expected["predict"], rtol=1e-12, atol=1e-12)
        return
    if isinstance(predicted, np.ndarray):
        predicted = predicted.tolist()
    assert predicted == expected["predict"]
    probabilities = loaded.predict_proba(NEW)
    assert_allclose(probabilities, expected["predict_proba"], atol=1e-12)
    for found, wanted in zip(loaded.explain(NEW), expected["explain"], strict=True):
        assert_allclose(found.shares.ravel(), np.ravel(wanted), atol=1e-12)


def teacher(texts: list[str]) -> np.ndarray:
    return np.array([[len(it), it.count("r"), it.count("s"), 1.0] for it in texts])


def fitted(tiny_model: StaticEmbedding) -> dict[str, object]:
    labels = [1, 1, 2, 2, 1, 2]
    return {
        "tfidf": TokenTfidfVectorizer(tiny_model).fit(TEXTS),
        "tfidf-pairs": TokenTfidfVectorizer(
            tiny_model, ngram_range=(1, 3), use_idf=False
        ).fit(TEXTS),
        "distill": DistillTransformer(
            teacher, prior=tiny_model, pca_dims=None, refine_steps=3, random_state=0
        ).fit(TEXTS),
        "contrastive": ContrastiveTransformer(tiny_model, random_state=0).fit(
            TEXTS[:3], TEXTS[3:]
        ),
        "FE": FeatureExtractionClassifier(tiny_model).fit(TEXTS, labels),
        "FT": StaticClassifier(tiny_model, random_state=0).fit(TEXTS, labels),
        "regressor": StaticRegressor(tiny_model, random_state=0).fit(TEXTS, labels),
    }


KINDS = ["tfidf", "tfidf-pairs", "distill", "contrastive", "FE", "FT", "regressor"]


@pytest.fixture(scope="module")
def estimators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return fitted(sk_m2v.load(SAVED / "embedding"))


def result(estimator: object) -> np.ndarray:
    method = "predict" if hasattr(estimator, "predict") else "transform"
    rows = getattr(estimator, method)(NEW)
    return rows.toarray() if hasattr(rows, "toarray") else rows


@pytest.mark.parametrize("kind", KINDS)
def test_folder_gives_back_the_estimator(
    kind: str, estimators: dict[str, object], tmp_path: Path
) -> None:
    estimator = estimators[kind]
    estimator.save_pretrained(tmp_path)
    for loaded in (type(estimator).from_pretrained(tmp_path), sk_m2v.load(tmp_path)):
        assert type(loaded) is type(estimator)
        assert_array_equal(result(loaded), result(estimator))
        fitted_names = {it for it in vars(estimator) if it.endswith("_")}
        assert fitted_names - set(vars(loaded)) <= {"net_", "head_"}
        if hasattr(estimator, "get_feature_names_out"):
            names = estimator.get_feature_names_out()
            assert_array_equal(loaded.get_feature_names_out(), names)
        # What was loaded can be saved, and fitted again.
        loaded.save_pretrained(tmp_path / "again")
        assert_array_equal(result(sk_m2v.load(tmp_path / "again")), result(estimator))
    vectors = estimator.embedding_.encode(NEW)
    assert_array_equal(StaticEmbedding.from_pretrained(tmp_path).encode(NEW), vectors)
    assert_allclose(
        StaticModel.from_pretrained(tmp_path).encode(NEW), vectors, atol=1e-3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_kept(
    kind: str, estimators: dict[str, object], tmp_path: Path
) -> None:
    estimator = estimators[kind]
    estimator.save_pretrained(tmp_path)
    dropped = {"model", "teacher", "prior"}
    expected = {k: v for k, v in estimator.get_params().items() if k not in dropped}
    found = sk_m2v.load(tmp_path).get_params()
    assert {k: v for k, v in found.items() if k not in dropped} == expected


@pytest.mark.parametrize(
    "kind",
    [TokenTfidfVectorizer, DistillTransformer, ContrastiveTransformer, StaticRegressor],
)
def test_unfitted(kind: type, tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        kind().save_pretrained(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_other_class(estimators: dict[str, object], tmp_path: Path) -> None:
    estimators["tfidf"].save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"TokenTfidfVectorizer, not a StaticClass"):
        StaticClassifier.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["load", "Labels", "os.system", "StaticEmbedding"])
def test_a_file_does_not_choose_what_is_imported(
    name: str, estimators: dict[str, object], tmp_path: Path
) -> None:
    estimators["FE"].save_pretrained(tmp_path)
    file = tmp_path / "estimator.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "class": name}))
    with pytest.raises(ValueError, match=f"holds a {name}, which is no estimator"):
        sk_m2v.load(tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"ngrams": []}, "estimator.safetensors is damaged"),
        ({"ngrams": None}, "estimator.safetensors is damaged"),
        ({"parameters": {"norm": "l3"}}, "estimator.json is damaged"),
        ({"format_version": 9}, "has format 9.* upgrade"),
    ],
)
def test_damaged_vectorizer(
    damage: dict, message: str, estimators: dict[str, object], tmp_path: Path
) -> None:
    estimators["tfidf"].save_pretrained(tmp_path)
    file = tmp_path / "estimator.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **damage}))
    with pytest.raises(ValueError, match=message):
        sk_m2v.load(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        sk_m2v.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        StaticClassifier.from_pretrained(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"estimator\.json is missing"):
        StaticClassifier.from_pretrained(SAVED / "embedding")


# --- Pipelines of model2vec -----------------------------------------------------------


def layers(rng: np.random.RandomState, *sizes: int) -> list[Layer]:
    return [
        Layer(rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b))
        for a, b in pairwise(sizes)
    ]


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
@pytest.mark.parametrize(
    ("activation", "classes"),
    [
        (Activation.SOFTMAX, ["cat", "dog", "other"]),
        (Activation.SOFTMAX, [1, 2]),
        (Activation.SIGMOID, ["cat", "dog", "red"]),
        (Activation.IDENTITY, [None, None]),
        (Activation.IDENTITY, [None]),
    ],
)
def test_pipeline_of_model2vec(
    hidden: tuple, activation: Activation, classes: list, tmp_path: Path
) -> None:
    model = StaticModel.from_pretrained(SAVED / "embedding")
    sizes = (4, *hidden, len(classes))
    is_regression = activation is Activation.IDENTITY
    head = MLPHead(
        layers(np.random.RandomState(0), *sizes),
        activation,
        None if is_regression else np.array(classes),
    )
    pipeline = StaticModelPipeline(model, head)
    pipeline.save_pretrained(str(tmp_path))
    loaded = sk_m2v.load(tmp_path)
    assert type(loaded) is (StaticRegressor if is_regression else StaticClassifier)
    if is_regression:
        assert_allclose(loaded.predict(NEW), pipeline.predict(NEW), atol=1e-5)
    else:
        assert_allclose(
            loaded.predict_proba(NEW), pipeline.predict_proba(NEW), atol=1e-5
        )
        expected = [np.array(it).tolist() for it in pipeline.predict(NEW)]
        assert [np.array(it).tolist() for it in loaded.predict(NEW)] == expected
    loaded.save_pretrained(tmp_path / "ours")
    again = sk_m2v.load(tmp_path / "ours")
    assert np.asarray(again.predict(NEW), object).tolist() == (
        np.asarray(loaded.predict(NEW), object).tolist()
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("y", [[1, 2, 2, 1, 2, 1], ["a", "b", "c", "a", "b", "c"]])
def test_old_pipeline_of_model2vec(y: list, tmp_path: Path) -> None:
    embedding = sk_m2v.load(SAVED / "embedding")
    embedding.save_pretrained(tmp_path)
    vectors = embedding.encode(TEXTS)
    head = MLPClassifier((3,), max_iter=20, random_state=0).fit(vectors, y)
    dump(make_pipeline(head), tmp_path / "pipeline.skops")
    loaded = sk_m2v.load(tmp_path)
    expected = head.predict_proba(embedding.encode(NEW))
    assert_allclose(loaded.predict_proba(NEW), expected, atol=1e-5)
    assert loaded.predict(NEW).tolist() == head.predict(embedding.encode(NEW)).tolist()


@pytest.mark.filterwarnings("ignore")
def test_old_regression_of_model2vec(tmp_path: Path) -> None:
    embedding = sk_m2v.load(SAVED / "embedding")
    embedding.save_pretrained(tmp_path)
    head = MLPRegressor(hidden_layer_sizes=(3,), max_iter=20, random_state=0)
    head.fit(embedding.encode(TEXTS), range(6))
    dump(make_pipeline(head), tmp_path / "pipeline.skops")
    expected = head.predict(embedding.encode(NEW))
    assert_allclose(sk_m2v.load(tmp_path).predict(NEW)[:, 0], expected, atol=1e-5)


def test_heads_that_are_more_than_layers(tmp_path: Path) -> None:
    embedding = sk_m2v.load(SAVED / "embedding")
    embedding.save_pretrained(tmp_path)
    tree = DecisionTreeClassifier().fit(embedding.encode(TEXTS), [0, 1] * 3)
    dump(make_pipeline(tree), tmp_path / "pipeline.skops")
    with pytest.raises(ValueError, match=r"could run code|not a multi-layer"):
        sk_m2v.load(tmp_path)


@pytest.mark.parametrize("damage", ["config", "tensors", "size", "normalize"])
def test_damaged_pipeline_of_model2vec(damage: str, tmp_path: Path) -> None:
    model = StaticModel.from_pretrained(SAVED / "embedding")
    rng = np.random.RandomState(0)
    sizes = (4, 2) if damage != "size" else (5, 2)
    head = MLPHead(layers(rng, *sizes), Activation.SOFTMAX, np.array(["a", "b"]))
    StaticModelPipeline(model, head).save_pretrained(str(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text())
    if damage == "config":
        config["head_config"].pop("activation")
    if damage == "normalize":
        config["normalize"] = False
    (tmp_path / "config.json").write_text(json.dumps(config))
    if damage == "tensors":
        (tmp_path / "head.safetensors").write_bytes(b"\0" * 20)
    message = "length 1" if damage == "normalize" else "head.safetensors is damaged"
    with pytest.raises(ValueError, match=message):
        sk_m2v.load(tmp_path)


# --- The hub --------------------------------------------------------------------------


def run(code: str, environment: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def test_hub(hub: dict[str, str], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(SAVED / "fe", repository / "classifier")
    sk_m2v.load(SAVED / "regressor").save_pretrained(repository / "numbers")
    code = f"""
import sk_m2v
print(type(sk_m2v.load("someone/tiny-model")).__name__)
options = dict(revision="v1", subfolder="classifier")
print(sk_m2v.FeatureExtractionClassifier.from_pretrained(
    "someone/tiny-model", **options).predict({NEW!r}).tolist())
print(type(sk_m2v.load("someone/tiny-model", subfolder="numbers")).__name__)
print(type(sk_m2v.load(
    "someone/tiny-model", local_files_only=True, **options)).__name__)
"""
    lines = run(code, hub).splitlines()
    predicted = str(EXPECTED["fe"]["predict"])
    names = ["StaticEmbedding", predicted, "StaticRegressor"]
    assert lines == [*names, "FeatureExtractionClassifier"]


@pytest.mark.parametrize("hub_id", ["no-owner", "../up/down", ""])
def test_push_refuses_what_is_no_id(hub_id: str, estimators: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="hub_id must have the form"):
        estimators["FE"].push_to_hub(hub_id)


# --- as model2vec reads it ------------------------------------------------------------


def fit(kind: type, y: list, **options: object) -> object:
    model = StaticEmbedding.from_pretrained(SAVED / "embedding")
    options = {"lexical": False, "random_state": 0, "model": model} | options
    if kind is not FeatureExtractionClassifier:
        options = {"max_epochs": 2} | options
    return kind(**options).fit(TEXTS, y)


@pytest.mark.parametrize(
    ("kind", "y", "options"),
    [
        (FeatureExtractionClassifier, ["b", "a", "c", "c", "b", "a"], {}),
        (StaticClassifier, ["b", "a", "c", "c", "b", "a"], {"max_length": 4}),
        (StaticClassifier, [0, 1, 1, 0, 1, 0], {"n_layers": 2, "hidden_dim": 8}),
        (StaticClassifier, [["a"], ["b"], ["a", "b"], [], ["b"], ["a"]], {}),
        (StaticRegressor, [1.0, 2, 3, 4, 5, 6], {}),
        (StaticRegressor, [[i, -i] for i in range(6)], {"n_layers": 1}),
    ],
)
def test_written_for_model2vec(
    kind: type, y: list, options: dict, tmp_path: Path
) -> None:
    fitted = fit(kind, y, **options)
    # Over another estimator, of which nothing must stay.
    fit(StaticClassifier, [0, 1] * 3).save_pretrained(tmp_path)
    fitted.save_pretrained(tmp_path, layout="model2vec")
    # The card calls it by its name, and not by that of a folder on the way.
    assert str(tmp_path) in (tmp_path / "README.md").read_text()
    theirs = StaticModelPipeline.from_pretrained(tmp_path)
    ours = sk_m2v.load(tmp_path)
    if kind is StaticRegressor:
        expected = fitted.predict(NEW).reshape(len(NEW), -1)
        assert_allclose(theirs.predict(NEW), expected, atol=1e-4)
        assert_allclose(ours.predict(NEW), expected, atol=1e-4)
        assert type(ours) is StaticRegressor
        return
    assert type(ours) is StaticClassifier
    assert_allclose(ours.predict_proba(NEW), fitted.predict_proba(NEW), atol=1e-5)
    if "max_length" in options:
        # model2vec cuts texts by characters first, about where the token would be.
        assert theirs.model.max_length == options["max_length"]
        return
    assert_allclose(theirs.predict_proba(NEW), fitted.predict_proba(NEW), atol=1e-5)
    expected = np.asarray(fitted.predict(NEW), object).tolist()
    assert [np.asarray(it).tolist() for it in theirs.predict(NEW)] == expected
    assert np.asarray(ours.predict(NEW), object).tolist() == expected
    again = StaticClassifier.from_pretrained(tmp_path)
    assert_array_equal(again.predict_proba(NEW), ours.predict_proba(NEW))
    with pytest.raises(ValueError, match=r"call StaticClassifier\.from_pretrained"):
        StaticRegressor.from_pretrained(tmp_path)


def test_what_model2vec_has_no_place_for(tmp_path: Path) -> None:
    class Normalised(StaticClassifier):
        def build_head(self, n_inputs: int, n_outputs: int) -> object:
            from torch import nn

            return nn.Sequential(nn.LayerNorm(n_inputs), nn.Linear(n_inputs, n_outputs))

    y = [0, 1, 1, 0, 1, 0]
    lexical = fit(StaticClassifier, y, lexical=True)
    with pytest.raises(ValueError, match="fit with lexical=False"):
        lexical.save_pretrained(tmp_path, layout="model2vec")
    with pytest.raises(ValueError, match="this one has 'LayerNorm'"):
        fit(Normalised, y).save_pretrained(tmp_path, layout="model2vec")
    tree = fit(FeatureExtractionClassifier, y, head=DecisionTreeClassifier())
    with pytest.raises(TypeError, match="is a SklearnHead"):
        tree.save_pretrained(tmp_path, layout="model2vec")
    with pytest.raises(ValueError, match=r"layout must be one of .*'sk-m2v'"):
        lexical.save_pretrained(tmp_path, layout="other")
    with pytest.raises(NotFittedError):
        StaticClassifier().save_pretrained(tmp_path, layout="model2vec")
    assert not [*tmp_path.iterdir()]


# --- the right call -------------------------------------------------------------------


def test_an_embedding_is_no_estimator() -> None:
    folder = SAVED / "embedding"
    for kind in (StaticClassifier, TokenTfidfVectorizer, DistillTransformer):
        with pytest.raises(FileNotFoundError, match="an embedding alone"):
            kind.from_pretrained(folder)
    assert StaticEmbedding.from_pretrained(SAVED / "ft").dim


def test_errors_are_of_types_that_users_know(tmp_path: Path) -> None:
    fit(StaticClassifier, [0, 1, 1, 0, 1, 0]).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="holds a StaticClassifier") as error:
        StaticRegressor.from_pretrained(tmp_path)
    assert type(error.value) is ValueError
    file = tmp_path / "estimator.json"
    description = json.loads(file.read_text()) | {"format_version": 99}
    file.write_text(json.dumps(description))
    with pytest.raises(ValueError, match=r"has format 99.*upgrade") as error:
        sk_m2v.load(tmp_path)
    assert type(error.value) is ValueError


# --- damage ---------------------------------------------------------------------------

FORMS = {
    "embedding": lambda path: sk_m2v.load(SAVED / "embedding").save_pretrained(path),
    "sentence-transformers": lambda path: sk_m2v.load(
        SAVED / "embedding"
    ).save_pretrained(path, layout="sentence-transformers-nested"),
    "estimator": lambda path: fit(StaticClassifier, [0, 1] * 3).save_pretrained(path),
    "pipeline": lambda path: fit(StaticClassifier, [0, 1] * 3).save_pretrained(
        path, layout="model2vec"
    ),
}
DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "no UTF-8": lambda data: b"\xff\xfe" + data,
    "zeros": lambda data: bytes(len(data)),
    "another form": lambda data: b"[3, 4]",
    "another list": lambda data: b'{"a": [1]}',
    "a number": lambda data: b"17",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", FORMS)
def test_errors_name_the_file(form: str, damage: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    FORMS[form](whole)
    names = [it.relative_to(whole) for it in whole.rglob("*") if it.is_file()]
    assert len(names) >= 4
    for i, name in enumerate(names):
        folder = tmp_path / f"copy{i}"
        shutil.copytree(whole, folder)
        file = folder / name
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
        message = error_of(folder)
        if message is None:
            # Not needed to read the model, or another list of modules.
            assert name.name in {"README.md", "modules.json"} | CONFIGURATIONS
            continue
        assert name.name in message, message
        assert str(folder) in message, message
        advice = ("again", "give a folder", "there is no estimator")
        assert any(it in message for it in advice), message
        assert len(message) <= 600


CONFIGURATIONS = {"config.json", "config_sentence_transformers.json"}


def error_of(folder: Path) -> str | None:
    """Message of the error, if there is one, of a type that users know."""
    try:
        sk_m2v.load(folder)
    except Exception as error:
        if type(error) not in (OSError, ValueError, FileNotFoundError):
            raise
        return str(error)
    return None
