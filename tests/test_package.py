"""What the package offers."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import sk_m2v
from sk_m2v._optional import require


def test_public_names():
    assert sk_m2v.__all__ == [
        "ContrastiveTransformer",
        "DistillTransformer",
        "FeatureExtractionClassifier",
        "FromScratchClassifier",
        "StaticClassifier",
        "StaticEmbedding",
        "StaticEmbeddingTransformer",
        "StaticRegressor",
        "TokenTfidfVectorizer",
        "ZeroShotClassifier",
        "load",
        "model_sha256",
    ]
    for name in sk_m2v.__all__:
        assert getattr(sk_m2v, name).__name__ == name
        assert name in dir(sk_m2v)


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        sk_m2v.Nothing  # noqa: B018


def test_version():
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    assert (
        sk_m2v.__version__ == tomllib.loads(pyproject.read_text())["project"]["version"]
    )


def test_require_names_the_extra():
    with pytest.raises(ImportError, match=r'pip install "sk-m2v\[train\]"'):
        require("no_such_module_of_this_name", extra="train")


def test_require_passes_on_faults_inside_a_package(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        require("broken_package", extra="train")
