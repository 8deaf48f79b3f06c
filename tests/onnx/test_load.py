"""`sk_m2v.onnx.save`, `load` and `report`: files, any text, no other library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from conftest import tiny_tokenizer
from numpy.testing import assert_allclose, assert_array_equal
from onnx_helpers import (
    HARD,
    LABELS,
    MATRIX,
    TEXTS,
    every_export_is_checked,  # noqa: F401
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
)
from sk_m2v.onnx import load, report, save, to_onnx

VARIANTS = ["text", "ids", "padded"]


@pytest.fixture(scope="module")
def classifier():
    return FeatureExtractionClassifier().fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def files(classifier, tmp_path_factory):
    """A file or folder of each variant."""
    folder = tmp_path_factory.mktemp("models")
    for variant in VARIANTS:
        save(to_onnx(classifier, variant=variant), folder / f"{variant}.onnx")
    return {variant: folder / f"{variant}.onnx" for variant in VARIANTS}


@pytest.fixture(scope="module", params=VARIANTS)
def whole_texts(request):
    """A transformer that cuts no text, and its model."""
    transformer = StaticEmbeddingTransformer(max_length=None).fit()
    return transformer, load(to_onnx(transformer, variant=request.param), n_threads=1)


# --- Files ----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", [str, Path])
def test_round_trip(files, classifier, variant, kind):
    model = load(kind(files[variant]))
    assert_array_equal(model.predict(HARD), classifier.predict(HARD), strict=True)
    probabilities = model.predict_proba(HARD)
    assert probabilities.dtype == np.float32
    assert_allclose(probabilities, classifier.predict_proba(HARD), atol=1e-5)
    assert_array_equal(model.classes_, classifier.classes_, strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_containers(files, variant):
    model = load(files[variant])
    expected = model.predict(TEXTS)
    for X in (tuple(TEXTS), np.array(TEXTS), np.array(TEXTS)[:, None], iter(TEXTS)):
        assert_array_equal(model.predict(X), expected)
    assert model.predict([]).shape == (0,)
    assert model.predict_proba([]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"Row 1 of X .* is missing"):
        model.predict(["a", None])


def test_methods_that_a_model_has_not(files):
    with pytest.raises(AttributeError, match="has no transform"):
        load(files["text"]).transform(TEXTS)
    pipeline = make_pipeline(StaticEmbeddingTransformer(), LinearSVC())
    model = load(to_onnx(pipeline.fit(TEXTS, LABELS)))
    assert model.methods == ("predict",)
    with pytest.raises(AttributeError, match="LinearSVC has no predict_proba"):
        model.predict_proba(TEXTS)


@pytest.fixture
def marked(tiny_vectors):
    """A model whose tokenizer adds marks around a text, cuts and pads."""
    tokenizer = tiny_tokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[PAD] $A [PAD]", special_tokens=[("[PAD]", 1)]
    )
    tokenizer.add_special_tokens(["[PAD]"])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(pad_id=1, pad_token="[PAD]")
    config = {"normalize": True, "max_length": 6}
    return StaticEmbedding(tiny_vectors, tokenizer, config=config)


def test_tokenizer_of_a_folder(marked, tmp_path):
    texts = ["red cats", "green dog, blue cat.", "", "purple", "red " * 20]
    expected = marked.encode(texts)
    for variant in ("ids", "padded"):
        folder = tmp_path / variant
        save(to_onnx(StaticEmbeddingTransformer(marked), variant=variant), folder)
        names = [str(it.relative_to(folder)) for it in sorted(folder.rglob("*.*"))]
        assert names == [
            "config.json",
            "onnx/model.onnx",
            "tokenizer.json",
            "tokenizer_config.json",
        ]
        config = json.loads((folder / "tokenizer_config.json").read_text())
        assert config["model_max_length"] == 6
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        rows = [tokenizer.encode(text).ids for text in texts]
        assert len(rows[-1]) == 20
        session = onnxruntime.InferenceSession(folder / "onnx" / "model.onnx")
        if variant == "ids":
            begins = np.cumsum([0, *map(len, rows)])[:-1]
            feed = {"input_ids": np.concatenate(rows), "offsets": begins}
        else:
            by_name = PreTrainedTokenizerFast.from_pretrained(folder)
            assert by_name.pad_token == "[PAD]"
            feed = dict(by_name(texts, padding=True, return_tensors="np"))
            feed = {key: feed[key] for key in ("input_ids", "attention_mask")}
        feed = {key: it.astype(np.int64) for key, it in feed.items()}
        assert_allclose(session.run(None, feed)[0], expected, atol=1e-6)
        assert_allclose(load(folder).transform(texts), expected, atol=1e-6)


def test_save_makes_folders_and_replaces(classifier, tmp_path):
    path = tmp_path / "new" / "model.onnx"
    first, second = (
        to_onnx(it, verify=False) for it in (classifier, StaticEmbeddingTransformer())
    )
    for model in (first, second):
        save(model, path)
    assert load(path).methods == ("transform",)
    assert [it.name for it in path.parent.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_save_that_fails_changes_nothing(classifier, variant, tmp_path, monkeypatch):
    path = tmp_path / "model"
    save(to_onnx(classifier, variant=variant, verify=False), path)
    before = {it: it.read_bytes() for it in tmp_path.rglob("*") if it.is_file()}
    write, n_written = Path.write_bytes, 0

    def fail(self, data):
        nonlocal n_written
        n_written += 1
        write(self, data[: len(data) // 2])
        if n_written == (1 if variant == "text" else 3):
            raise OSError("the disk is full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    other = to_onnx(StaticEmbeddingTransformer(), variant=variant, verify=False)
    with pytest.raises(OSError, match="disk is full"):
        save(other, path)
    after = {it: it.read_bytes() for it in tmp_path.rglob("*") if it.is_file()}
    assert after == before


@pytest.fixture(scope="module")
def foreign():
    X = np.zeros((2, 1), np.float32)
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    return skl2onnx.to_onnx(model, X, target_opset=20)


def test_foreign_models(foreign, tmp_path):
    with pytest.raises(ValueError, match="not made by sk_m2v"):
        save(foreign, tmp_path / "model.onnx")
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(ValueError, match="the model was not made by sk_m2v"):
        load(foreign)
    path = tmp_path / "foreign.onnx"
    onnx.save(foreign, path)
    with pytest.raises(ValueError, match=r"foreign\.onnx was not made by sk_m2v"):
        load(path)


def test_files_that_cannot_be_read(files, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere"):
        load(tmp_path / "nowhere.onnx")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*onnx/model"):
        load(tmp_path)
    content = files["text"].read_bytes()
    for name, part in {
        "empty": b"",
        "half": content[: len(content) // 2],
        "text": b"no model at all",
    }.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(part)
        with pytest.raises(ValueError, match=rf"cannot load .*{name}\.onnx"):
            load(path)


# --- Any text -------------------------------------------------------------------------


STRANGE = {
    "nul": ["nul\0inside", "\0", "\0\0 a \0", "end\0"],
    "surrogates": ["\ud800 cat", "a\udfffb", "\ud83d\ude00", "cat \udc80"],
    "long words": ["a" * 20_000, "cat " + "é" * 20_000, "!" * 20_000, "中" * 20_000],
    "nothing": ["", " ", "\n", "\u200b", "\ufeff"],
    "one megabyte": [
        "a wild horse runs, the cat sleeps. " * 30_000,
        "unbelievable" * 9,
    ],
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_texts(whole_texts, name):
    transformer, model = whole_texts
    texts = STRANGE[name]
    got, expected = model.transform(texts), transformer.transform(texts)
    assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_many_short_texts(whole_texts):
    transformer, model = whole_texts
    texts = [f"{text[-30:]} {i}" for i, text in enumerate(HARD * 3334)][:50_000]
    got, expected = model.transform(texts), transformer.transform(texts)
    assert len(got) == 50_000
    assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_many_texts_at_once(files, classifier):
    """Without the batches of `load`."""
    texts = [f"a {it} horse and {it * 7}" for it in range(50_000)]
    session = onnxruntime.InferenceSession(files["text"])
    label = session.run(["label"], {"text": np.array(texts, object)})[0]
    assert_array_equal(label, classifier.predict(texts))


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_bytes_with_any_number_of_threads(variant, classifier):
    texts = [*HARD * 100, " ".join(TEXTS) * 200, *STRANGE["long words"]]
    for estimator, method in (
        (classifier, "predict_proba"),
        (StaticEmbeddingTransformer(max_length=None, normalize=False), "transform"),
    ):
        proto = to_onnx(estimator, variant=variant, verify=False)
        found = {
            getattr(load(proto, n_threads=n), method)(texts).tobytes()
            for n in (1, 2, 4)
        }
        assert len(found) == 1


# --- Other processes ------------------------------------------------------------------


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ALONE = """
import json, sys
for name in ("sk_m2v", "sklearn", "skl2onnx", "onnx", "tokenizers", "transformers"):
    sys.modules[name] = None
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
texts = np.array(json.loads(sys.argv[2]), dtype=object)
texts = texts if len(session.get_inputs()[0].shape) == 1 else texts[:, None]
print(json.dumps([it.tolist() for it in session.run(None, {"text": texts})]))
"""


@pytest.mark.parametrize(("y", "ndim"), [(LABELS, 1), (MATRIX, 2)])
def test_onnxruntime_alone(y, ndim, tmp_path):
    classifier = FeatureExtractionClassifier().fit(TEXTS, y)
    path = tmp_path / "model.onnx"
    save(to_onnx(classifier, ndim=ndim), path)
    labels, probabilities = json.loads(run(ALONE, str(path), json.dumps(HARD)))
    assert labels == classifier.predict(HARD).tolist()
    assert_allclose(probabilities, classifier.predict_proba(HARD), atol=1e-5)


def test_importing_costs_nothing():
    run("""
import sys
import sk_m2v
assert not {"onnx", "skl2onnx", "onnxruntime"} & set(sys.modules)
import skl2onnx
from skl2onnx.common.data_types import StringTensorType
texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
classifier = sk_m2v.FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
types = [("text", StringTensorType([None]))]
model = skl2onnx.to_onnx(classifier, initial_types=types, options={"zipmap": False})
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(model.SerializeToString())
labels = session.run(["label"], {"text": np.array(texts, object)})[0]
assert labels.tolist() == ["+", "+", "-", "-"], labels
""")


def test_what_is_missing_is_named():
    message = run("""
import sys
sys.modules["skl2onnx"] = None
try:
    import sk_m2v.onnx
except ImportError as error:
    print(error)
""")
    assert "sk-m2v[onnx]" in message


# --- Report ---------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_report(files, variant, capsys, monkeypatch):
    monkeypatch.setattr("sk_m2v.onnx._report._DURATION", 0.01)
    figures = report(files[variant], TEXTS)
    path = files[variant]
    size = sum(
        it.stat().st_size for it in (path.rglob("*.*") if path.is_dir() else [path])
    )
    assert figures["megabytes"] == size / 1e6
    assert min(figures.values()) > 0
    printed = capsys.readouterr().out
    assert [it.split(":")[0].strip() for it in printed.splitlines()] == [
        it.replace("_", " ") for it in figures
    ]


def test_report_without_texts(classifier, monkeypatch):
    monkeypatch.setattr("sk_m2v.onnx._report._DURATION", 0.01)
    model = to_onnx(classifier, verify=False)
    assert report(model)["megabytes"] == model.ByteSize() / 1e6
