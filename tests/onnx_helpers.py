"""What the tests of the converters share: texts, inputs of each variant, checks."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from skl2onnx.common.data_types import Int64TensorType, StringTensorType

from sk_m2v import StaticEmbedding
from sk_m2v._text import as_texts
from sk_m2v.onnx import _export, load, to_onnx

# Parameters of estimators that would train for long.
TINY = {"max_epochs": 1, "random_state": 0}
TEXTS = [
    "the cat sleeps on the mat",
    "a dog barks, a dog runs",
    "wild horses run far away",
    "bread and cheese and wine",
    "a hot soup with rice",
    "fresh apple pie and cream",
    "the train leaves at noon",
    "a flight to Rome, then home",
    "old maps of the sea",
]
LABELS = ["animals"] * 3 + ["food"] * 3 + ["travel"] * 3
MATRIX = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]] * 3)
# Unknown tokens, no tokens, repetitions, and a text that is cut.
HARD = [*TEXTS, "", "\u0b95\u0bcd", "cat cat cat dog", "x", " ".join(TEXTS) * 12, ""]

IDS = [("input_ids", Int64TensorType([None])), ("offsets", Int64TensorType([None]))]
PADDED = [
    ("input_ids", Int64TensorType([None, None])),
    ("attention_mask", Int64TensorType([None, None])),
]
TEXT = [("text", StringTensorType([None]))]


def as_ids(model: StaticEmbedding, texts: list[str]) -> dict[str, np.ndarray]:
    """What a tokenizer gives: neither cut nor without unknown tokens."""
    ids, offsets = model._backend.encode(texts)
    return {"input_ids": ids.astype(np.int64), "offsets": offsets[:-1]}


def as_padded(model: StaticEmbedding, texts: list[str]) -> dict[str, np.ndarray]:
    ids, offsets = model._backend.encode(texts)
    lengths = np.diff(offsets)
    width = max(lengths.max(initial=0), 1)
    mask = np.arange(width) < lengths[:, None]
    # Texts of odd number are padded on the left.
    mask[1::2] = mask[1::2, ::-1]
    padded = np.full(mask.shape, 7, dtype=np.int64)
    padded[mask] = ids
    return {"input_ids": padded, "attention_mask": mask.astype(np.int64)}


def as_text(model: StaticEmbedding, texts: list[str]) -> dict[str, np.ndarray]:
    return {"text": np.array(texts, dtype=object)}


VARIANTS = {
    "ids": (IDS, as_ids),
    "padded": (PADDED, as_padded),
    "text": (TEXT, as_text),
}


def session(model, threads: int = 1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def check_file(model: onnx.ModelProto) -> None:
    """What readers of files other than onnxruntime ask of one."""
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )


@pytest.fixture(scope="module", autouse=True)
def every_export_is_checked():
    """For all models of `to_onnx` in the modules that import this."""

    def declare(model, *arguments, **options):
        original(model, *arguments, **options)
        check_file(model)
        for output in model.graph.output:
            first, *others = output.type.tensor_type.shape.dim
            assert first.dim_param in ("n_texts", "batch_size")
            assert all(it.dim_value for it in others), output

    original = _export.declare
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_export, "declare", declare)
        yield


def export(estimator, initial_types, **options):
    model = skl2onnx.to_onnx(
        estimator, initial_types=initial_types, options=options or None
    )
    check_file(model)
    return model


def outputs(estimator, variant, texts, embedding, **options):
    initial_types, feed = variant
    model = export(estimator, initial_types, **options)
    return session(model).run(None, feed(embedding, texts))


def check_classifier(classifier, variant, texts=HARD, **options):
    label, probabilities = outputs(
        classifier, variant, texts, classifier.embedding_, zipmap=False, **options
    )
    assert_array_equal(label, classifier.predict(texts))
    assert_allclose(probabilities, classifier.predict_proba(texts), atol=1e-6)


def check_labels(classifier, variant):
    label, probabilities = outputs(classifier, variant, HARD, classifier.embedding_)
    assert_array_equal(label, classifier.predict(HARD))
    assert_allclose(probabilities, classifier.predict_proba(HARD), atol=1e-6)


def teacher(texts):
    """Stands for a sentence transformer."""
    rng = np.random.default_rng(len(texts))
    return rng.normal(size=(len(texts), 8)).astype(np.float32)


def check_shapes(model, rows):
    """The outputs have the shapes that the file declares."""
    if len(model.columns) == 1:
        feed = model._feed(as_texts(rows))
    else:
        feed = model._frame(rows)
    found = model.session.run(None, feed)
    for output, values in zip(model.session.get_outputs(), found, strict=True):
        assert values.shape == (len(rows), *output.shape[1:])


def check_export(estimator, X=None, texts=HARD, *, scale=1, **options):
    """Compare a model of `to_onnx` with the estimator, without its `verify`."""
    model = load(to_onnx(estimator, X, verify=False, **options), n_threads=1)
    rows = texts if X is None else X
    check_shapes(model, rows)
    for method in model.methods:
        got, wanted = (getattr(it, method)(rows) for it in (model, estimator))
        if method == "predict" and "sk_m2v.labels" in model.metadata:
            assert type(got) is type(wanted)
            assert getattr(got, "dtype", None) == getattr(wanted, "dtype", None)
            got, wanted = (
                it.toarray() if sparse.issparse(it) else it for it in (got, wanted)
            )
            if isinstance(got, list):
                assert got == wanted
            else:
                assert_array_equal(got, wanted, strict=True)
        else:
            wanted = wanted.toarray() if sparse.issparse(wanted) else wanted
            atol = 1e-6 if method == "transform" else 1e-5
            assert got.shape == wanted.shape
            assert_allclose(got, wanted, rtol=1e-6, atol=atol * scale)
    return model
