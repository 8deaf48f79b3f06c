"""`StaticEmbedding`: a static embedding model as a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted
from sk_m2v._parameters import public
from sk_m2v._text import text_batches
from sk_m2v.embedding._batches import collect_rows, run_batches
from sk_m2v.embedding._foreign_names import refuses_foreign_names
from sk_m2v.embedding._lookup import LookupMixin
from sk_m2v.embedding._pooling import TokenVectors, normalize_rows
from sk_m2v.embedding._similarity import SimilarityMixin
from sk_m2v.embedding._single_tokens import MaxLength
from sk_m2v.embedding._variants import VariantsMixin
from sk_m2v.embedding.storage._parts import Parts, check_parts, read_only
from sk_m2v.embedding.tokens._backends import (
    Backend,
    TokenIds,
    tokenizer_from_json,
    tokenizer_to_json,
)
from sk_m2v.embedding.tokens._tokens import load_backend, token_ids, vocabulary_size

# Large enough that Python's share of the time is small, small enough that the ids and
# vectors of a batch stay in the processor's cache.
_BATCH_SIZE = 1024
# Of model2vec, for configurations that do not say.
_DEFAULT_CONFIG = {"normalize": False, "max_length": 512}


@public("sk_m2v")
class StaticEmbedding(LookupMixin, SimilarityMixin, VariantsMixin):
    """A static embedding: one vector a token, and a text is the mean of its tokens.

    The object is a value. It never changes after it was made, so that threads, clones
    of an estimator and worker processes can share it; whatever changes a model returns
    a new one.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, dim)
        The vectors, of type float16, float32, float64 or int8. They are not copied, and
        must not be changed afterwards.
    tokenizer : str or tokenizers.Tokenizer
        The contents of a ``tokenizer.json``, or a tokenizer. Truncation and padding
        stored in it are not used.
    weights : ndarray of shape (n_tokens,), optional
        Factor of each token's vector, such as the scale of an int8 row.
    token_mapping : ndarray of shape (n_tokens,), optional
        Row of `vectors` that each token uses. By default token `i` uses row `i`.
    config : mapping, optional
        Metadata as in a ``config.json`` of model2vec. Two entries matter here:
        ``"normalize"`` (default False) and ``"max_length"`` (default 512 tokens).

    Attributes
    ----------
    vectors : ndarray of shape (n_rows, dim)
        The vectors, read-only.
    weights : ndarray of shape (n_tokens,) or None
        Factors, read-only.
    token_mapping : ndarray of shape (n_tokens,), dtype int32, or None
        Rows, read-only.
    config : mapping
        The metadata, read-only.

    Raises
    ------
    TypeError, ValueError
        If the parts do not fit together, or the vectors hold NaN or infinity.

    Examples
    --------
    >>> from sk_m2v import StaticEmbedding
    >>> model = StaticEmbedding.from_pretrained()
    >>> model
    StaticEmbedding(29525 tokens, 384 dimensions, int8)
    >>> model.encode(["a first text", "a second one"]).shape
    (2, 384)
    >>> model.tokens(["Static embeddings"])
    [['static', 'em', '##bed', '##ding', '##s']]
    """

    def __init__(
        self,
        vectors: npt.NDArray[Any],
        tokenizer: Any,
        *,
        weights: npt.NDArray[Any] | None = None,
        token_mapping: npt.NDArray[Any] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.__setstate__(
            {
                "vectors": vectors,
                "tokenizer": tokenizer
                if isinstance(tokenizer, str)
                else tokenizer_to_json(tokenizer),
                "weights": weights,
                "token_mapping": token_mapping,
                "config": {**_DEFAULT_CONFIG, **(config or {})},
            }
        )
        check_parts(self._parts, vocabulary_size(self.tokenizer_json))

    # What is pickled: plain arrays and text. joblib maps the arrays into memory; the
    # tokenizer's libraries and the working copy are made again on the other side.
    def __getstate__(self) -> dict[str, Any]:
        return {
            "vectors": self.vectors,
            "tokenizer": self.tokenizer_json,
            "weights": self.weights,
            "token_mapping": self.token_mapping,
            "config": dict(self.config),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.vectors: npt.NDArray[Any] = read_only(state["vectors"])
        self.tokenizer_json: str = state["tokenizer"]
        self.weights: npt.NDArray[np.floating] | None = read_only(state["weights"])
        self.token_mapping: npt.NDArray[np.int32] | None = read_only(
            state["token_mapping"], np.int32
        )
        self.config: Mapping[str, Any] = MappingProxyType(dict(state["config"]))

    def __sklearn_clone__(self) -> StaticEmbedding:
        return self

    def __copy__(self) -> StaticEmbedding:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StaticEmbedding:
        return self

    def __repr__(self) -> str:
        return (
            f"StaticEmbedding({self.n_tokens} tokens, {self.dim} dimensions, "
            f"{self.vectors.dtype})"
        )

    @property
    def dim(self) -> int:
        """Number of dimensions of a vector."""
        return int(self.vectors.shape[1])

    @property
    def n_tokens(self) -> int:
        """Number of tokens of the tokenizer."""
        rows = self.vectors if self.token_mapping is None else self.token_mapping
        return len(rows)

    @property
    def normalize(self) -> bool:
        """Whether `encode` scales vectors to length 1 unless told otherwise."""
        return bool(self.config["normalize"])

    @property
    def max_length(self) -> int | None:
        """Tokens of a text that `encode` reads unless told otherwise; None is all."""
        length: int | None = self.config["max_length"]
        return length

    @property
    def tokenizer(self) -> Any:
        """A new ``tokenizers.Tokenizer``, which the caller may change."""
        return tokenizer_from_json(self.tokenizer_json)

    @property
    def _parts(self) -> Parts:
        return Parts(
            self.vectors,
            self.tokenizer_json,
            self.config,
            self.weights,
            self.token_mapping,
        )

    @classmethod
    def _from_parts(cls, parts: Parts) -> Self:
        return cls(
            parts.vectors,
            parts.tokenizer,
            weights=parts.weights,
            token_mapping=parts.token_mapping,
            config=parts.config,
        )

    @property
    def _backend(self) -> Backend:
        return load_backend(self.tokenizer_json)

    @cached_property
    def _token_vectors(self) -> TokenVectors:
        """Vectors as they are summed."""
        return TokenVectors.of(self.vectors, self.weights, self.token_mapping)

    def _max_length(self, max_length: MaxLength) -> int | None:
        if max_length == "auto":
            return self.max_length
        if max_length is not None and (
            isinstance(max_length, bool)
            or not isinstance(max_length, (int, np.integer))
            or max_length < 1
        ):
            raise ValueError(
                "max_length must be 'auto', None or at least 1, got "
                f"{quoted(max_length)}"
            )
        return max_length

    def token_ids(
        self,
        texts: Iterable[str],
        *,
        max_length: MaxLength = "auto",
        missing: str = "error",
        n_jobs: int | None = None,
    ) -> TokenIds:
        """Token ids of texts.

        Parameters
        ----------
        texts : iterable of str
            Any container of texts, as in `encode`.
        max_length : int, "auto" or None, default="auto"
            As in `encode`.
        missing : {"error", "empty"}, default="error"
            As in `encode`.
        n_jobs : int or None, default=None
            As in `encode`.

        Returns
        -------
        TokenIds
            `ids` of shape (n_tokens,), int32, and `offsets` of shape (n_texts + 1,),
            int64. Unknown tokens are left out.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> ids, offsets = StaticEmbedding.from_pretrained().token_ids(["a b", "", "c"])
        >>> ids.size, offsets.tolist()
        (3, [0, 2, 2, 3])
        """
        n_texts, batches = text_batches(texts, _BATCH_SIZE, missing=missing)
        tokenize = partial(
            token_ids, self._backend, max_length=self._max_length(max_length)
        )
        parts = list(
            run_batches(
                tokenize, batches, total=n_texts, n_jobs=n_jobs, show_progress=False
            )
        )
        if len(parts) == 1:
            return parts[0]
        lengths = [part.lengths for part in parts]
        return TokenIds(
            np.concatenate([np.empty(0, np.int32), *(part.ids for part in parts)]),
            np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths])),
        )

    @refuses_foreign_names
    def encode(
        self,
        texts: Iterable[str],
        *,
        normalize: bool | None = None,
        max_length: MaxLength = "auto",
        missing: str = "error",
        n_jobs: int | None = None,
        show_progress: bool = False,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Vectors of texts.

        Parameters
        ----------
        texts : iterable of str
            Any container of texts: list, array, Series, Arrow or polars column,
            one-column frame, generator. A generator is read a batch at a time.
        normalize : bool or None, default=None
            Whether to scale vectors to length 1. None does what the model says.
        max_length : int, "auto" or None, default="auto"
            Tokens of each text to read, counted exactly. "auto" does what the model
            says, None reads all.
        missing : {"error", "empty"}, default="error"
            What to do with None, NaN and the like: refuse them, or read them as "".
        n_jobs : int or None, default=None
            Number of threads. None is 1 unless in a joblib context, -1 is all.
        show_progress : bool, default=False
            Whether to show a progress bar.
        out : ndarray of shape (n_texts, dim), optional
            Where to put the vectors, such as a `numpy.memmap`. For a generator it may
            have more rows than there are texts.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            The vectors, or the filled part of `out`. A text without known tokens has
            zeros.

        Raises
        ------
        TypeError, ValueError
            If `texts` are no texts or `out` does not fit.

        Notes
        -----
        Tokens are cut at `max_length`, unknown ones dropped, and the rest averaged, as
        in model2vec 0.10 but for its additional cut by characters. The result is always
        float32; model2vec rounds it to the type of the stored vectors.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> model = StaticEmbedding.from_pretrained()
        >>> vectors = model.encode(["red apple", "green apple", "tax law"])
        >>> similarity = vectors @ vectors.T
        >>> bool(similarity[0, 1] > similarity[0, 2])
        True
        """
        n_texts, batches = text_batches(texts, _BATCH_SIZE, missing=missing)
        length = self._max_length(max_length)
        backend, vectors = self._backend, self._token_vectors
        scale = self.normalize if normalize is None else normalize

        def encode_batch(batch: list[str]) -> npt.NDArray[np.float32]:
            tokens = token_ids(backend, batch, length)
            rows = vectors.means(tokens)
            if scale:
                normalize_rows(rows)
            return rows

        blocks = run_batches(
            encode_batch,
            batches,
            total=n_texts,
            n_jobs=n_jobs,
            show_progress=show_progress,
        )
        return collect_rows(blocks, (n_texts, self.dim), out)
