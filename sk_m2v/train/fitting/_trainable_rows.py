"""The vectors that training can change: those of tokens that occur.

All others get no gradient. Training without them gives the same result in a fraction of
the time, since an optimiser visits every row at every step.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._backends import TokenIds

Float32Array = npt.NDArray[np.float32]


class TrainableRows:
    """Vectors of the tokens of some texts.

    Parameters
    ----------
    embedding : StaticEmbedding
        Whose vectors.
    *texts : TokenIds
        Ids of all texts that training or validation reads.

    Attributes
    ----------
    vectors : ndarray of shape (n_rows, dim), dtype float32
        The vectors, weights of tokens included.
    """

    def __init__(self, embedding: StaticEmbedding, *texts: TokenIds) -> None:
        self._embedding = embedding
        self._ids = np.unique(np.concatenate([it.ids for it in texts]))
        self._row = np.zeros(embedding.n_tokens, np.int32)
        self._row[self._ids] = np.arange(self._ids.size, dtype=np.int32)
        self.vectors: Float32Array = embedding._vectors_of(self._ids)

    def rows(self, tokens: TokenIds) -> TokenIds:
        """Rows of `vectors` that texts use.

        Parameters
        ----------
        tokens : TokenIds
            Ids of texts that were given before.

        Returns
        -------
        TokenIds
            Rows in place of ids.
        """
        return TokenIds(self._row[tokens.ids], tokens.offsets)

    def put_back(self, vectors: Float32Array) -> StaticEmbedding:
        """Embedding with other vectors for these tokens.

        Parameters
        ----------
        vectors : ndarray of shape (n_rows, dim), dtype float32
            The vectors after training.

        Returns
        -------
        StaticEmbedding
            In float32, with one vector a token, and of length 1 as in training.
        """
        embedding = self._embedding
        everything = embedding._vectors_of(
            np.arange(embedding.n_tokens, dtype=np.int32)
        )
        everything[self._ids] = vectors
        config = {**embedding.config, "normalize": True}
        return StaticEmbedding(everything, embedding.tokenizer_json, config=config)
