"""`sk_m2v.onnx.to_onnx`: variants, precisions, metadata, verification, refusals."""

from __future__ import annotations

import gzip
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import shared, tiny_tokenizer
from numpy.testing import assert_allclose
from onnx import numpy_helper
from onnx_helpers import (
    LABELS,
    TEXTS,
    TINY,
    check_export,
    every_export_is_checked,  # noqa: F401
    teacher,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from tokenizers import Regex, normalizers

from sk_m2v import (
    DistillTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
)
from sk_m2v.onnx import load, to_onnx
from sk_m2v.onnx._verify import verify

VARIANTS = ["text", "ids", "padded"]


@pytest.fixture(scope="module")
def classifier():
    return FeatureExtractionClassifier().fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def rotated(default_model):
    """The bundled model in directions that int8 does not fit."""
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(384, 384)))[0]
    return StaticEmbedding(
        (default_model.vectors @ directions).astype(np.float32),
        default_model.tokenizer_json,
        weights=default_model.weights,
        config=default_model.config,
    )


@pytest.mark.parametrize("precision", [None, "float32", "float16", "int8"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_precisions_of_the_bundled_model(classifier, variant, precision):
    check_export(classifier, variant=variant, precision=precision)
    check_export(StaticEmbeddingTransformer(), variant=variant, precision=precision)


@pytest.mark.parametrize(
    ("precision", "scale", "size"),
    [("float32", 1, 4), ("float16", 1e3, 2), ("int8", 1e4, 1)],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_precisions_of_a_float_model(rotated, variant, precision, scale, size):
    transformer = StaticEmbeddingTransformer(rotated).fit()
    check_export(transformer, variant=variant, precision=precision, scale=scale)
    # In the model and in Python the same is lost.
    model = to_onnx(transformer, TEXTS, variant=variant, precision=precision)
    constants = [it for it in model.graph.initializer if [*it.dims][1:] == [384]]
    assert [len(it.raw_data) for it in constants] == [rotated.vectors.size * size]


def test_labels_of_int8(rotated):
    with gzip.open(shared("datasets/ag_news") / "train.jsonl.gz", "rt") as file:
        rows = [json.loads(next(file)) for _ in range(3000)]
    texts, labels = ([it[key] for it in rows] for key in ("text", "label"))
    classifier = FeatureExtractionClassifier(rotated).fit(texts[:400], labels[:400])
    expected = classifier.predict(texts)
    for precision, least in (("int8", 0.995), ("float16", 0.9995), ("float32", 1)):
        model = load(to_onnx(classifier, texts[:50], precision=precision))
        assert np.mean(model.predict(texts) == expected) >= least


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("max_length", [None, 3])
@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_settings(tiny_vectors, dtype, normalize, max_length, variant):
    model = StaticEmbedding(
        tiny_vectors,
        tiny_tokenizer(),
        weights=dtype and np.linspace(0.5, 2, len(tiny_vectors), dtype=dtype),
        config={"normalize": not normalize},
    )
    texts = ["red cats", "", "blue dog. ", "purple", "red " * 2000, "cats, dog, cat."]
    for quantization in (None, 4):
        transformer = StaticEmbeddingTransformer(
            model,
            normalize=normalize,
            max_length=max_length,
            vocabulary_quantization=quantization,
        ).fit()
        shares = transformer.embedding_.token_mapping is not None
        assert shares == (quantization is not None)
        check_export(transformer, texts=texts, variant=variant)
        to_onnx(transformer, texts, variant=variant)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_many_tokens(rotated, dtype):
    """Here one sees in which type they are added up."""
    model = StaticEmbedding(
        rotated.vectors,
        rotated.tokenizer_json,
        weights=rotated.weights.astype(dtype),
        config={"normalize": False, "max_length": None},
    )
    transformer = StaticEmbeddingTransformer(model).fit()
    check_export(transformer, texts=["a whole word " * 3000, "short"])


def test_precision_inside_other_estimators(rotated):
    pipeline = make_pipeline(StaticEmbeddingTransformer(rotated), LogisticRegression())
    pipeline.fit(TEXTS, LABELS)
    calibrated = CalibratedClassifierCV(FeatureExtractionClassifier(rotated), cv=3)
    for estimator in (pipeline, calibrated.fit(TEXTS, LABELS)):
        size = {
            it: to_onnx(estimator, precision=it, variant="ids").ByteSize()
            for it in ("int8", "float32")
        }
        # All copies of an estimator read the same matrix.
        saved = rotated.vectors.size * 3
        assert_allclose(size["float32"] - size["int8"], saved, rtol=0.05)


def test_estimator_is_left_alone(rotated):
    classifier = FeatureExtractionClassifier(rotated).fit(TEXTS, LABELS)
    transformer = StaticEmbeddingTransformer(rotated)
    before = joblib.hash(classifier), joblib.hash(transformer)
    for variant in VARIANTS:
        to_onnx(classifier, variant=variant, precision="int8")
        to_onnx(transformer, variant=variant, precision="int8")
    assert (joblib.hash(classifier), joblib.hash(transformer)) == before
    assert classifier.embedding_ is rotated
    assert not hasattr(transformer, "embedding_")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_alone(rotated, variant):
    before = joblib.hash(rotated)
    model = load(to_onnx(rotated, TEXTS, variant=variant))
    assert joblib.hash(rotated) == before
    texts = [*TEXTS, "", "word " * 700]
    assert_allclose(model.transform(texts), rotated.encode(texts), rtol=0, atol=1e-6)
    small = to_onnx(rotated, variant=variant, precision="int8")
    assert small.ByteSize() < to_onnx(rotated, variant=variant).ByteSize() / 2


# --- Metadata, verification, refusals -------------------------------------------------


def test_metadata(classifier, default_model):
    for variant in VARIANTS:
        model = load(to_onnx(classifier, variant=variant, verify=False))
        found = model.metadata
        assert found["sk_m2v.version"]
        assert found["sk_m2v.variant"] == variant
        assert found["sk_m2v.kind"] == "classifier"
        assert found["sk_m2v.estimator"] == "FeatureExtractionClassifier"
        assert found["sk_m2v.max_length"] == str(default_model.max_length)
        assert found["model_name"] == default_model.config["tokenizer_name"]
        assert json.loads(found["sk_m2v.labels"])["classes"] == sorted(set(LABELS))
        assert model.classes_.tolist() == sorted(set(LABELS))
        inputs = [it.name for it in model.session.get_inputs()]
        assert (
            inputs
            == {
                "text": ["text"],
                "ids": ["input_ids", "offsets"],
                "padded": ["input_ids", "attention_mask"],
            }[variant]
        )
        outputs = [it.name for it in model.session.get_outputs()]
        assert outputs == ["label", "probabilities"]
    licensed = default_model.replace(license="mit")
    transformer = StaticEmbeddingTransformer(licensed, max_length=None)
    found = load(to_onnx(transformer, verify=False)).metadata
    assert found["license"] == "mit"
    assert found["sk_m2v.max_length"] == ""


def test_metadata_of_the_model_that_is_read(tiny_model):
    """Not of what it was trained from."""
    distilled = DistillTransformer(teacher, prior=tiny_model, pca_dims=None).fit(
        ["red cats", "green dogs, blue cat."]
    )
    scratch = FromScratchClassifier(dim=8, tokenizer="word", **TINY).fit(TEXTS, LABELS)
    for estimator in (distilled, scratch):
        model = to_onnx(estimator, variant="ids")
        found = load(model)._tokenizer.get_vocab()
        assert found == estimator.embedding_.tokenizer.get_vocab()


@pytest.mark.parametrize("target_opset", [20, 21, 22])
def test_opsets(classifier, target_opset):
    model = to_onnx(classifier, target_opset=target_opset)
    opsets = {it.domain: it.version for it in model.opset_import}
    assert opsets[""] == target_opset


def damage(model, row):
    """Change the vector of a token."""
    matrix = max(model.graph.initializer, key=lambda it: len(it.raw_data))
    values = numpy_helper.to_array(matrix).copy()
    values[row] = -values[row] // 2
    matrix.CopyFrom(numpy_helper.from_array(values, matrix.name))


def test_verify_finds_a_wrong_graph(classifier, default_model):
    model = to_onnx(classifier, verify=False)
    verify(model, classifier, default_model, None)
    damage(model, default_model.vocabulary.index("fox"))
    with pytest.raises(AssertionError, match=r"predict_proba .* 'The quick brown fox"):
        verify(model, classifier, default_model, None)


@pytest.mark.parametrize("make", [list, pd.Series, lambda it: pd.DataFrame({"x": it})])
def test_verify_reads_the_samples(default_model, make):
    transformer = StaticEmbeddingTransformer(default_model)
    model = to_onnx(transformer, verify=False)
    damage(model, default_model.vocabulary.index("zebra"))
    verify(model, transformer, default_model, None)
    with pytest.raises(AssertionError, match=r"differs on 1 of 2 .* 'a zebra'"):
        verify(model, transformer, default_model, make(["a horse", "a zebra"]))


def test_refused_arguments(classifier):
    with pytest.raises(ValueError, match="variant must be one of"):
        to_onnx(classifier, variant="bags")
    with pytest.raises(ValueError, match="precision must be one of"):
        to_onnx(classifier, precision="int4")
    with pytest.raises(ValueError, match="target_opset must be at least 20, got 17"):
        to_onnx(classifier, target_opset=17)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression().fit([[0.0], [1.0]], [0, 1]),
        FeatureExtractionClassifier(),
        make_pipeline(StaticEmbeddingTransformer(), LogisticRegression()),
        object(),
    ],
)
def test_refused_estimators(estimator):
    with pytest.raises(NotFittedError, match="no estimator of sk_m2v that is fitted"):
        to_onnx(estimator)


def test_refused_head():
    class Gated(StaticClassifier):
        def build_head(self, n_inputs, n_outputs):
            from torch import nn

            return nn.Sequential(nn.Linear(n_inputs, 2 * n_outputs), nn.GLU())

    with pytest.raises(TypeError, match="layers other than Linear"):
        to_onnx(Gated(**TINY).fit(TEXTS, LABELS))


def test_several_tokenizers(tiny_model):
    union = make_union(
        StaticEmbeddingTransformer(), StaticEmbeddingTransformer(tiny_model)
    ).fit(TEXTS)
    check_export(union)
    for variant in ("ids", "padded"):
        with pytest.raises(ValueError, match="several tokenizers"):
            to_onnx(union, variant=variant)


def test_tokenizer_without_an_exact_graph(tiny_vectors):
    tokenizer = tiny_tokenizer()
    tokenizer.normalizer = normalizers.Replace(Regex("re+d+"), "cat")
    transformer = StaticEmbeddingTransformer(StaticEmbedding(tiny_vectors, tokenizer))
    with pytest.raises(ValueError, match=r"(?s)Replace.*variant=\"ids\""):
        to_onnx(transformer)
    check_export(
        transformer, variant="ids", texts=["red cat", "reeeeddd.", "", "re dog"]
    )
