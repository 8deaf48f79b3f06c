"""Converters for skl2onnx: the graph answers what the estimator answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from conftest import shared
from numpy.testing import assert_allclose, assert_array_equal
from onnx_helpers import (
    HARD,
    IDS,
    LABELS,
    TEXTS,
    VARIANTS,
    as_ids,
    check_classifier,
    export,
    outputs,
    session,
)
from skl2onnx.common.data_types import (
    FloatTensorType,
    Int32TensorType,
)
from sklearn.pipeline import make_union

from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    TokenTfidfVectorizer,
)
from sk_m2v.embedding.tokens._tokens import vocabulary_size
from sk_m2v.lexical._letter_ngrams import LetterTfidf


@pytest.fixture(params=VARIANTS)
def variant(request):
    return VARIANTS[request.param]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"max_length": 5},
        {"max_length": None, "normalize": False},
        {"dimensionality": 16},
        {"quantize_to": "float16", "dimensionality": 64},
    ],
)
def test_transformer(parameters, variant):
    transformer = StaticEmbeddingTransformer(**parameters).fit()
    (rows,) = outputs(transformer, variant, HARD, transformer.embedding_)
    assert rows.dtype == np.float32
    assert_allclose(rows, transformer.transform(HARD), rtol=0, atol=1e-6)


def test_transformer_that_was_not_fitted(variant, default_model):
    transformer = StaticEmbeddingTransformer(default_model)
    (rows,) = outputs(transformer, variant, HARD, default_model)
    assert_allclose(rows, transformer.transform(HARD), rtol=0, atol=1e-6)


def test_weights_in_double_precision(default_model, variant):
    model = StaticEmbedding(
        default_model.vectors,
        default_model.tokenizer_json,
        weights=default_model.weights.astype(np.float64),
        config={"normalize": True},
    )
    transformer = StaticEmbeddingTransformer(model).fit()
    (rows,) = outputs(transformer, variant, HARD, model)
    assert_allclose(rows, transformer.transform(HARD), rtol=0, atol=1e-6)


def test_no_weights_and_no_unknown_token(tiny_model, variant):
    transformer = StaticEmbeddingTransformer(tiny_model).fit()
    texts = ["red cats", "", "blue dog. ", "purple", "red " * 20]
    (rows,) = outputs(transformer, variant, texts, tiny_model)
    assert_allclose(rows, transformer.transform(texts), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "atol", "size"),
    [(None, 1e-6, 1), ("float32", 1e-6, 4), ("float16", 1e-6, 2), ("int8", 1e-6, 1)],
)
def test_precision(precision, atol, size):
    transformer = StaticEmbeddingTransformer().fit()
    model = transformer.embedding_
    onnx = export(transformer, IDS, precision=precision)
    (rows,) = session(onnx).run(None, as_ids(model, HARD))
    assert_allclose(rows, transformer.transform(HARD), rtol=0, atol=atol)
    n_bytes = model.vectors.size * size
    assert n_bytes < len(onnx.SerializeToString()) < n_bytes + 300_000


@pytest.mark.parametrize(
    ("precision", "atol"), [("float16", 1e-3), ("int8", 1e-2), ("float32", 1e-6)]
)
def test_precision_of_a_float_model(default_model, precision, atol):
    model = default_model.quantize("float32", dimensionality=64)
    transformer = StaticEmbeddingTransformer(model).fit()
    (rows,) = outputs(transformer, VARIANTS["ids"], HARD, model, precision=precision)
    assert_allclose(rows, transformer.transform(HARD), rtol=0, atol=atol)


@pytest.mark.parametrize("quantize_to", ["float32", "float16", "int8"])
def test_shared_vectors(tiny_model, quantize_to, variant):
    transformer = StaticEmbeddingTransformer(
        tiny_model, quantize_to=quantize_to, vocabulary_quantization=4
    ).fit()
    model = transformer.embedding_
    assert model.token_mapping is not None
    texts = ["red cats", "", "blue dog. ", "purple", "red " * 20]
    for precision in (None, "float32", "int8"):
        (rows,) = outputs(transformer, variant, texts, model, precision=precision)
        lossy = precision == "int8" != quantize_to
        atol = 2e-2 if lossy else 1e-6
        assert_allclose(rows, transformer.transform(texts), rtol=0, atol=atol)


def test_precision_that_is_unknown():
    with pytest.raises(ValueError, match="precision"):
        export(StaticEmbeddingTransformer().fit(), IDS, precision="int4")


@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 3), (2, 2)])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"norm": "l1", "sublinear_tf": True},
        {"norm": None, "use_idf": False},
        {"max_length": 4, "smooth_idf": False},
    ],
)
def test_vectorizer(ngram_range, parameters, variant):
    vectorizer = TokenTfidfVectorizer(ngram_range=ngram_range, **parameters)
    expected = vectorizer.fit(TEXTS).transform(HARD).toarray()
    (rows,) = outputs(vectorizer, variant, HARD, vectorizer.embedding_)
    assert_allclose(rows, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ngram_range", [(1, 1), (2, 5), (3, 4)])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"sublinear_tf": True},
        {"sublinear_tf": True, "norm": "l1", "use_idf": False},
        {"norm": None, "max_length": 4, "min_df": 2, "stop_words": ["the"]},
    ],
)
def test_letters(ngram_range, parameters, variant):
    vectorizer = TokenTfidfVectorizer(
        analyzer="letter", ngram_range=ngram_range, **parameters
    )
    expected = vectorizer.fit(TEXTS).transform(HARD).toarray()
    (rows,) = outputs(vectorizer, variant, HARD, vectorizer.embedding_)
    # Of many occurrences, the sums differ in their last digits.
    assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_words_that_come_again(seed, default_model):
    """Within a text and in others, cut by the end of a text, and very long."""
    rng = np.random.default_rng(seed)
    words = ["a", "runs", "unrunnable", "wordlessness", "x" * 60, "xqzvy" * 9, "!"]
    texts = [" ".join(rng.choice(words, rng.integers(0, 12))) for _ in range(40)]
    vectorizer = TokenTfidfVectorizer(
        analyzer="letter", ngram_range=(1, 3), sublinear_tf=True, max_length=20
    ).fit(texts)
    expected = vectorizer.transform(texts).toarray()
    (rows,) = outputs(vectorizer, VARIANTS["ids"], texts, default_model)
    assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "potion-wordpiece",
        "phi2-bytelevel-bpe",
        "phi3mini-metaspace-bpe",
        "clip-bpe",
        "m2v-vocabquant-unigram",
    ],
)
def test_letters_of_tokenizers(name):
    """From ids, which tokenizers without a graph of their own have, too."""
    path = shared(f"tokenizers/{name}") / "tokenizer.json"
    tokenizer = path.read_text(encoding="utf-8")
    n_tokens = vocabulary_size(tokenizer)
    vectors = np.random.default_rng(0).normal(size=(n_tokens, 2))
    model = StaticEmbedding(vectors.astype(np.float32), tokenizer)
    classifier = FeatureExtractionClassifier(model).fit(TEXTS, LABELS)
    assert isinstance(classifier._vectorizers[-1], LetterTfidf)
    check_classifier(classifier, VARIANTS["ids"])


def test_distilled(tiny_model, variant):
    def teacher(texts):
        rng = np.random.default_rng(0)
        return rng.normal(size=(len(texts), 8)).astype(np.float32)

    transformer = DistillTransformer(teacher, prior=tiny_model, pca_dims=None)
    texts = ["red cats", "green dogs", "blue cat.", "red dog, green cat"] * 3
    transformer.fit(texts)
    texts = [*texts, "", "purple"]
    (rows,) = outputs(transformer, variant, texts, transformer.embedding_)
    assert_allclose(rows, transformer.transform(texts), rtol=0, atol=1e-6)


def test_contrastive(variant):
    transformer = ContrastiveTransformer(max_epochs=1, random_state=0)
    transformer.fit(TEXTS, TEXTS[::-1])
    (rows,) = outputs(transformer, variant, HARD, transformer.embedding_)
    assert_allclose(rows, transformer.transform(HARD), rtol=0, atol=1e-6)


# --- What is the same for all ---------------------------------------------------------


@pytest.fixture(scope="module")
def classifier():
    return FeatureExtractionClassifier().fit(TEXTS, LABELS)


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["cat"]])
def test_few_texts(classifier, variant, texts):
    check_classifier(classifier, variant, texts)


def test_integers_of_32_bits(classifier):
    types = [(name, Int32TensorType(it.shape)) for name, it in IDS]
    feed = as_ids(classifier.embedding_, HARD)
    onnx = export(classifier, types, zipmap=False)
    found = session(onnx).run(None, {k: it.astype(np.int32) for k, it in feed.items()})
    assert_array_equal(found[0], classifier.predict(HARD))


def test_same_bytes_with_any_number_of_threads(default_model):
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 60, size=3000)
    lengths[7] = 40_000
    feed = {
        "input_ids": rng.integers(0, default_model.n_tokens, size=lengths.sum()),
        "offsets": np.cumsum(lengths) - lengths,
    }
    y = ["a", "b", "c"] * 3
    for estimator in (
        FeatureExtractionClassifier(max_length=None).fit(TEXTS, y),
        TokenTfidfVectorizer(ngram_range=(1, 2)).fit(TEXTS),
        StaticEmbeddingTransformer(max_length=None, normalize=False).fit(),
    ):
        zipmap = {"zipmap": False} if hasattr(estimator, "predict") else {}
        onnx = export(estimator, IDS, **zipmap)
        found = [session(onnx, n).run(None, feed)[-1].tobytes() for n in (1, 2, 4)]
        assert found[0] == found[1] == found[2]


def test_a_text_does_not_depend_on_its_neighbours(classifier):
    run = session(export(classifier, IDS, zipmap=False)).run
    together = run(None, as_ids(classifier.embedding_, HARD))[1]
    alone = [run(None, as_ids(classifier.embedding_, [text]))[1][0] for text in HARD]
    assert_allclose(together, alone, rtol=0, atol=1e-7)


def test_old_opset(classifier):
    with pytest.raises(ValueError, match="target_opset=20"):
        skl2onnx.to_onnx(classifier, initial_types=IDS, target_opset=17)


@pytest.mark.parametrize("dtype", [object, str])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_texts_as_examples(classifier, dtype, shape):
    X = np.array(HARD, dtype=dtype).reshape(shape)
    onnx = skl2onnx.to_onnx(classifier, X[:2], options={"zipmap": False})
    label = session(onnx).run(None, {"X": X.astype(object)})[0]
    assert_array_equal(label, classifier.predict(HARD))


def test_a_frame_as_example(classifier):
    frame = pd.DataFrame({"review": HARD})
    onnx = skl2onnx.to_onnx(classifier, frame[:2], options={"zipmap": False})
    label = session(onnx).run(None, {"review": frame.to_numpy(object)})[0]
    assert_array_equal(label, classifier.predict(frame))


def test_one_output_a_class(classifier):
    feed = as_ids(classifier.embedding_, HARD)
    run = session(export(classifier, IDS, zipmap="columns")).run
    names = ["sanimals", "sfood", "stravel"]
    assert_allclose(
        np.transpose(run(names, feed)), classifier.predict_proba(HARD), atol=1e-6
    )


def test_labels_as_output(classifier):
    feed = as_ids(classifier.embedding_, HARD)
    onnx = export(classifier, IDS, zipmap=False, output_class_labels=True)
    assert_array_equal(session(onnx).run(None, feed)[2], classifier.classes_)


def test_one_matrix_and_one_tokenizer_for_all(default_model):
    union = make_union(
        StaticEmbeddingTransformer(default_model),
        TokenTfidfVectorizer(default_model, max_length="auto"),
        StaticEmbeddingTransformer(default_model),
    ).fit(TEXTS)
    onnx = export(union, IDS)
    assert len(onnx.SerializeToString()) < 1.2 * default_model.vectors.nbytes
    n_ranges = sum(it.op_type == "Range" for it in onnx.graph.node)
    assert n_ranges == 1  # of cutting, which is part of the ids
    (rows,) = session(onnx).run(None, as_ids(default_model, HARD))
    assert_allclose(rows, union.transform(HARD).toarray(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("opset", [20, 21, 22])
def test_opsets(classifier, opset):
    onnx = skl2onnx.to_onnx(
        classifier, initial_types=IDS, target_opset=opset, options={"zipmap": False}
    )
    label = session(onnx).run(None, as_ids(classifier.embedding_, HARD))[0]
    assert_array_equal(label, classifier.predict(HARD))


def test_wrong_inputs(classifier):
    types = [("X", FloatTensorType([None, 4]))]
    with pytest.raises(TypeError, match="StringTensorType"):
        skl2onnx.to_onnx(classifier, initial_types=types)
