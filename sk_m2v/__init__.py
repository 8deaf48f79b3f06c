"""Static text embeddings as scikit-learn estimators.

Names are imported when they are first used, so that ``import sk_m2v`` is quick and
encoding never loads what only training needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sk_m2v._skl2onnx import install as _watch_skl2onnx

if TYPE_CHECKING:
    from sk_m2v._load import load, model_sha256
    from sk_m2v._tfidf import TokenTfidfVectorizer
    from sk_m2v._transformer import StaticEmbeddingTransformer
    from sk_m2v.distill import DistillTransformer
    from sk_m2v.embedding import StaticEmbedding
    from sk_m2v.train import (
        ContrastiveTransformer,
        FeatureExtractionClassifier,
        FromScratchClassifier,
        StaticClassifier,
        StaticRegressor,
        ZeroShotClassifier,
    )

    __version__: str

_MODULES = {
    "ContrastiveTransformer": "sk_m2v.train",
    "DistillTransformer": "sk_m2v.distill",
    "FeatureExtractionClassifier": "sk_m2v.train",
    "FromScratchClassifier": "sk_m2v.train",
    "StaticClassifier": "sk_m2v.train",
    "StaticEmbedding": "sk_m2v.embedding",
    "StaticEmbeddingTransformer": "sk_m2v._transformer",
    "StaticRegressor": "sk_m2v.train",
    "TokenTfidfVectorizer": "sk_m2v._tfidf",
    "ZeroShotClassifier": "sk_m2v.train",
    "load": "sk_m2v._load",
    "model_sha256": "sk_m2v._load",
}

__all__ = [
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

# Parts of fitted estimators, which pickles look for here.
_PARTS = {
    "LetterTfidf": "sk_m2v.lexical._letter_ngrams",
    "NgramTfidf": "sk_m2v.lexical._ngrams",
}

_watch_skl2onnx()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from sk_m2v._version import package_version

        return package_version()
    module = _MODULES.get(name) or _PARTS.get(name)
    if module is not None:
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
