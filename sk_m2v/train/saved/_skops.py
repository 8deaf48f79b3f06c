"""The types that skops finds in fitted estimators, and has to be told to trust."""

from __future__ import annotations

from sk_m2v._tfidf import TokenTfidfVectorizer
from sk_m2v._transformer import StaticEmbeddingTransformer
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.train.heads._head import LAYERS, Head
from sk_m2v.train.heads._sklearn import SklearnHead
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._targets import Scale


def trusted_types(*estimators: type) -> tuple[str, ...]:
    """Names of all types in fitted estimators that this package has made.

    Parameters
    ----------
    *estimators : type
        Classes of estimators.

    Returns
    -------
    tuple of str
        For the argument `trusted` of ``skops.io.load``. Loading them runs no code that
        comes from the file.
    """
    parts: tuple[type, ...] = (
        Head,
        *LAYERS.values(),
        SklearnHead,
        Labels,
        NgramTfidf,
        LetterTfidf,
        Scale,
        StaticEmbedding,
    )
    pipelines = (TokenTfidfVectorizer, StaticEmbeddingTransformer)
    return tuple(
        f"{it.__module__}.{it.__qualname__}" for it in (*estimators, *parts, *pipelines)
    )
