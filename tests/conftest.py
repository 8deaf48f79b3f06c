"""Data and models that several test modules share."""

from __future__ import annotations

import os

# Workers that run tests side by side share the cores: a thread each, or they wait for
# each other. Set before NumPy and torch are imported, and only here.
if "PYTEST_XDIST_WORKER" in os.environ:
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

# No windows, where there is a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_fixtures import command as command
from command_fixtures import embedding_folder as embedding_folder
from command_fixtures import raw as raw
from command_fixtures import refused as refused
from command_fixtures import standard_input as standard_input
from command_fixtures import trained as trained
from hub_server import serve
from joblib.externals.loky import get_reusable_executor
from sklearn.utils.validation import validate_data
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sk_m2v import StaticEmbedding
from sk_m2v.distill import bundled_teacher

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def shared(name: str) -> Path:
    """Path of a file or folder beside the repository, or skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} beside the repository")
    return path


def shared_folders(name: str, file: str) -> list[Path]:
    """Folders that hold `file`, for parametrisation; empty where there is no data."""
    return sorted(path.parent for path in (SHARED / name).glob(f"*/{file}"))


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """No pictures left from other tests; pyplot warns of many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def default_model() -> StaticEmbedding:
    return StaticEmbedding.from_pretrained()


@pytest.fixture(scope="session")
def parity_strings() -> list[str]:
    with gzip.open(
        shared("parity") / "strings.json.gz", "rt", encoding="utf-8"
    ) as file:
        return [text for texts in json.load(file).values() for text in texts]


@pytest.fixture(scope="session")
def teacher_folder() -> Path:
    """Real sentence transformer, from a package."""
    return bundled_teacher()


@pytest.fixture
def hub(tiny_model: StaticEmbedding, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment of a process that knows only one hub, with one repository."""
    repository = tmp_path / "repository"
    tiny_model.save_pretrained(repository)
    small = tiny_model.quantize(dimensionality=2)
    small.save_pretrained(repository / "small" / "er")
    yield from serve(repository, tmp_path / "home")


@pytest.fixture
def fresh_workers():
    """No worker processes left from other tests.

    Those that idle for five minutes end, and a task that comes just then can wait for
    ever.
    """
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


WORDS = ["[UNK]", "[PAD]", "red", "green", "blue", "cat", "dog", "##s", ".", ","]


def tiny_tokenizer() -> Tokenizer:
    """WordPiece over ten tokens."""
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@pytest.fixture
def tiny_vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(len(WORDS), 4)).astype(np.float32)


@pytest.fixture
def tiny_model(tiny_vectors: np.ndarray) -> StaticEmbedding:
    config = {"normalize": True, "max_length": 8}
    return StaticEmbedding(tiny_vectors, tiny_tokenizer(), config=config)


class NumberDocuments:
    """Lets scikit-learn's checks, which know only numbers, test an estimator of texts.

    A row of numbers becomes a document with a word for each column and size.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        return tags

    def _texts(self, X, *, reset):
        rows = validate_data(self, X, reset=reset, dtype="numeric")
        texts = [
            " ".join(f"c{j} v{value:.0f}" for j, value in enumerate(row))
            for row in rows
        ]
        return pd.Series(texts, X.index) if hasattr(X, "iloc") else texts


class NumbersAsTexts(NumberDocuments):
    """The methods of a transformer."""

    def fit(self, X, y=None):
        return super().fit(self._texts(X, reset=True), y)

    def fit_transform(self, X, y=None):
        return super().fit_transform(self._texts(X, reset=True), y)

    def transform(self, X):
        return super().transform(self._texts(X, reset=False))


class NumbersAsLabelledTexts(NumberDocuments):
    """The methods of a classifier or regressor, as far as it has them."""

    def fit(self, X, y=None, X_val=None, y_val=None, *, sample_weight=None):
        texts = self._texts(X, reset=True)
        return super().fit(texts, y, sample_weight=sample_weight)

    def predict(self, X):
        return super().predict(self._texts(X, reset=False))


# Not in the default list of scikit-learn.
EXTRA_CHECKS = [
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
    "check_dataframe_column_names_consistency",
    "check_param_validation",
]
