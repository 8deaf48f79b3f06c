"""The model itself: no scikit-learn, no torch."""

from sk_m2v.embedding._backends import TokenIds
from sk_m2v.embedding._model import StaticEmbedding

__all__ = ["StaticEmbedding", "TokenIds"]
