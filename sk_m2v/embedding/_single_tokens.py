"""What a model says of single tokens: their names, and their vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding._pooling import TokenVectors
from sk_m2v.embedding.tokens._backends import Backend, TokenIds

MaxLength: TypeAlias = int | Literal["auto"] | None


class TokensMixin(ABC):
    """Token by token, what `encode` takes the mean of."""

    vectors: npt.NDArray[Any]
    weights: npt.NDArray[np.floating] | None
    token_mapping: npt.NDArray[np.int32] | None

    @property
    @abstractmethod
    def n_tokens(self) -> int:
        """Number of tokens of the tokenizer."""

    @property
    @abstractmethod
    def _backend(self) -> Backend:
        """Tokenizer."""

    @property
    @abstractmethod
    def _token_vectors(self) -> TokenVectors:
        """Vectors as they are summed."""

    @abstractmethod
    def token_ids(
        self,
        texts: Iterable[str],
        *,
        max_length: MaxLength = "auto",
        missing: str = "error",
        n_jobs: int | None = None,
    ) -> TokenIds:
        """See `StaticEmbedding`."""  # numpydoc ignore=PR01

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Tokens in the order of their ids."""
        tokens = [""] * self.n_tokens
        for token, index in self._backend.vocabulary().items():
            tokens[index] = token
        return tuple(tokens)

    def encode_tokens(
        self,
        texts: Iterable[str],
        *,
        max_length: MaxLength = "auto",
        missing: str = "error",
    ) -> list[npt.NDArray[np.float32]]:
        """Vectors of the tokens of texts.

        Parameters
        ----------
        texts : iterable of str
            Any container of texts, as in `encode`.
        max_length : int, "auto" or None, default="auto"
            As in `encode`.
        missing : {"error", "empty"}, default="error"
            As in `encode`.

        Returns
        -------
        list of ndarray of shape (n_tokens_of_text, dim), dtype float32
            One array a text. Their means are the vectors of `encode` before scaling.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> arrays = StaticEmbedding.from_pretrained().encode_tokens(["two words", ""])
        >>> [array.shape for array in arrays]
        [(2, 384), (0, 384)]
        """
        ids, offsets = self.token_ids(texts, max_length=max_length, missing=missing)
        rows = self._vectors_of(ids)
        return [rows[a:b] for a, b in pairwise(offsets)]

    def _vectors_of(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        return self._token_vectors.take(ids).astype(np.float32, copy=False)

    def _folded_vectors(self) -> npt.NDArray[Any]:
        if self.weights is None and self.token_mapping is None:
            return self.vectors
        return self._vectors_of(np.arange(self.n_tokens, dtype=np.int32))

    def tokens(
        self,
        texts: Iterable[str],
        *,
        max_length: MaxLength = "auto",
        missing: str = "error",
    ) -> list[list[str]]:
        """Tokens that stand for texts.

        Parameters
        ----------
        texts : iterable of str
            Any container of texts, as in `encode`.
        max_length : int, "auto" or None, default="auto"
            As in `encode`.
        missing : {"error", "empty"}, default="error"
            As in `encode`.

        Returns
        -------
        list of list of str
            Tokens of each text, in order, aligned with `encode_tokens`.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> StaticEmbedding.from_pretrained().tokens(["Hello, world"])
        [['hello', ',', 'world']]
        """
        ids, offsets = self.token_ids(texts, max_length=max_length, missing=missing)
        vocabulary = self.vocabulary
        tokens = [vocabulary[index] for index in ids.tolist()]
        return [tokens[a:b] for a, b in pairwise(offsets)]
