"""One model in many threads and processes: equal results, no deadlock, no copies."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from conftest import tiny_tokenizer
from numpy.testing import assert_array_equal
from tokenizers import Tokenizer, models, pre_tokenizers

from sk_m2v import StaticEmbedding, StaticEmbeddingTransformer
from sk_m2v.embedding.tokens._gigatoken import GigatokenBackend

TEXTS = [f"text number {i} with some words" for i in range(300)]


def bpe_model() -> StaticEmbedding:
    """Model that only Hugging Face `tokenizers` can tokenize for, with its threads."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.random.default_rng(0).normal(size=(len(letters), 8))
    return StaticEmbedding(vectors.astype(np.float32), tokenizer)


def byte_level_model() -> StaticEmbedding:
    """Model that gigatoken tokenizes for."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate([*alphabet, "th"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("t", "h")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vectors = np.random.default_rng(0).normal(size=(len(vocabulary), 8))
    model = StaticEmbedding(vectors.astype(np.float32), tokenizer)
    assert isinstance(model._backend, GigatokenBackend)
    return model


@pytest.fixture(params=["nanotoken", "gigatoken", "tokenizers"])
def model(request, default_model):
    kinds = {"gigatoken": byte_level_model, "tokenizers": bpe_model}
    return default_model if request.param == "nanotoken" else kinds[request.param]()


def test_eight_threads(model):
    """With different truncations at once, which a shared tokenizer does not stand."""
    lengths = [1, 3, 5, None]
    expected = {n: model.encode(TEXTS, max_length=n) for n in lengths}

    def work(index: int) -> bool:
        n = lengths[index % 4]
        return np.array_equal(model.encode(TEXTS, max_length=n, n_jobs=2), expected[n])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(160)))


def _encode(model: StaticEmbedding) -> np.ndarray:
    return model.encode(TEXTS, n_jobs=2)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_after_use(model, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{method} does not exist on this system")
    expected = _encode(model)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for result in pool.map(_encode, [model] * 4, timeout=120):
            assert_array_equal(result, expected)


def _encode_here(model: StaticEmbedding) -> tuple[np.ndarray, int, bool]:
    base = model.vectors
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return _encode(model), os.getpid(), isinstance(base, np.memmap)


def test_loky_shares_memory(default_model):
    expected = _encode(default_model)
    results = joblib.Parallel(n_jobs=2)(
        joblib.delayed(_encode_here)(default_model) for _ in range(4)
    )
    for result, process, is_shared in results:
        assert_array_equal(result, expected)
        assert process != os.getpid()
        assert is_shared


def test_n_jobs_inside_loky(default_model):
    transformer = StaticEmbeddingTransformer(default_model, n_jobs=-1)
    with joblib.parallel_config("loky", n_jobs=2):
        results = joblib.Parallel()(
            joblib.delayed(transformer.transform)(TEXTS) for _ in range(2)
        )
    for result in results:
        assert_array_equal(result, transformer.transform(TEXTS))


def test_n_jobs_zero():
    model = StaticEmbedding(np.ones((10, 2)), tiny_tokenizer())
    with pytest.raises(ValueError, match="n_jobs"):
        model.encode(["red"], n_jobs=0)


def test_an_error_in_a_thread_reaches_the_caller(default_model):
    stream = (text if index < 5000 else None for index, text in enumerate(["a"] * 6000))
    with pytest.raises(ValueError, match="Row 5000"):
        default_model.encode(stream, n_jobs=2)


def test_streams_are_not_read_ahead(default_model):
    drawn = 0

    def texts():
        nonlocal drawn
        while True:
            drawn += 1
            yield "a text"

    with pytest.raises(ValueError, match="out has 3000 rows"):
        default_model.encode(texts(), out=np.empty((3000, 384)), n_jobs=2)
    assert drawn < 20_000


AFTER_TRAINING = """
import multiprocessing, sys, torch
import numpy as np
from sk_m2v import *

sys.path.insert(0, {tests!r})
torch.set_num_threads(2)
big = torch.ones(2_000_000)
(big * big).sum()  # torch has its threads

texts = [f"a good film, number {{i}}" for i in range(600)]
texts += [f"a dull book, number {{i}}" for i in range(600)]
labels = np.repeat(["film", "book"], 600)
options = dict(max_epochs=2, random_state=0)


def use(name):
    "Train, and return something that depends on it."
    if name == "search":
        from joblib import parallel_config
        from sklearn.model_selection import GridSearchCV

        with parallel_config("multiprocessing", n_jobs=2):
            grid = {{"lr": [1e-3, 1e-2]}}
            search = GridSearchCV(StaticClassifier(**options), grid, cv=2)
            return search.fit(texts, labels).cv_results_["mean_test_score"]
    if name == "distill":
        from tiny_teachers import bert, tokenizer

        student = DistillTransformer((bert(), tokenizer()))
        return student.fit(["red cat", "blue bird", "dog"]).transform(["red", "cat"])
    if name == "pairs":
        student = ContrastiveTransformer(**options)
        return student.fit(texts, texts[::-1]).transform(texts)
    if name == "regressor":
        numbers = np.arange(1200) / 1200
        return StaticRegressor(**options).fit(texts, numbers).predict(texts)
    estimator = dict(FE=FeatureExtractionClassifier, FT=StaticClassifier)[name]
    options.pop("max_epochs", None) if name == "FE" else None
    return estimator(**options).fit(texts, labels).predict_proba(texts)


here = use({name!r})
if {name!r} == "search":
    sys.exit()
reader, writer = multiprocessing.Pipe()
context = multiprocessing.get_context("fork")
child = context.Process(target=lambda: writer.send(use({name!r})))
child.start()
assert reader.poll(60), "the child hangs"
np.testing.assert_allclose(reader.recv(), here, atol=1e-4)
child.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(
    "name", ["FE", "FT", "regressor", "pairs", "distill", "search"]
)
def test_training_in_a_fork_after_training(name):
    """In a new process: in this one, torch may have no threads to be missed."""
    code = AFTER_TRAINING.format(name=name, tests=os.path.dirname(__file__))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


KILLED = """
import os, signal, sys
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError
from sklearn.model_selection import GridSearchCV
from sk_m2v import FeatureExtractionClassifier, StaticEmbedding

folder = sys.argv[1]
StaticEmbedding.from_pretrained().quantize(dimensionality=16).save_pretrained(folder)
texts = ["a good film", "a dull book", "a film", "a book"] * 6
labels = [1, 0, 1, 0] * 6
main = os.getpid()


def killed(estimator, X, y):
    if os.getpid() != main:
        os.kill(os.getpid(), signal.SIGKILL)
    return estimator.score(X, y)


def search(scoring):
    classifier = FeatureExtractionClassifier(folder, embedding_weight=1.0)
    grid = {"C": [0.1, 1.0]}
    search = GridSearchCV(classifier, grid, cv=2, n_jobs=2, scoring=scoring)
    return search.fit(texts, labels)


try:
    search(killed)
except TerminatedWorkerError as error:
    assert "SIGKILL" in str(error) and "memory" in str(error), error
else:
    raise AssertionError
# The model is as it was, and the next search has new workers.
print(search(None).best_score_)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no SIGKILL")
def test_a_worker_that_is_killed_in_a_search(tmp_path):
    output = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "model"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert output.strip() == "1.0"


IMPORTS = """
import sys
{code}
heavy = {{"torch", "transformers", "skorch", "huggingface_hub", "mlflow", "onnx"}}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "code",
    [
        "import sk_m2v",
        "from sk_m2v import StaticEmbeddingTransformer as T; T().transform(['a'])",
        "from sk_m2v import TokenTfidfVectorizer as T; T().fit_transform(['a'])",
        "from sk_m2v import DistillTransformer; DistillTransformer()",
    ],
)
def test_nothing_heavy_is_imported(code):
    result = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(code=code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_importing_reads_nothing_else():
    code = "import sys; import sk_m2v; print('sklearn' in sys.modules, dir(sk_m2v))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.startswith("False")
    assert "StaticEmbedding" in output


def test_no_global_side_effects(default_model):
    environment = dict(os.environ)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    default_model.quantize(vocabulary_quantization=2)
    default_model.encode(TEXTS, n_jobs=2)
    assert dict(os.environ) == environment
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
