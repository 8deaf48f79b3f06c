"""The model itself: no scikit-learn, no torch.

In come texts, out come vectors: counts of tokens times vectors of tokens. Below:
`tokens` (texts to ids) and `storage` (folders and the hub). Read `_model` first, then
`_pooling`, where the one product is.
"""

from sk_m2v.embedding._model import StaticEmbedding
from sk_m2v.embedding._similarity import Duplicates, Neighbours
from sk_m2v.embedding.tokens._backends import TokenIds

__all__ = ["Duplicates", "Neighbours", "StaticEmbedding", "TokenIds"]
