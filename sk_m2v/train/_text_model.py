"""What all trained estimators of texts share: reading texts, and their features."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from sk_m2v._base import TEXT_CONSTRAINTS
from sk_m2v._ngrams import NgramTfidf
from sk_m2v._text import as_texts, text_batches
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._backends import TokenIds
from sk_m2v.embedding._batches import run_batches
from sk_m2v.train._features import Features, embed
from sk_m2v.train._tokens import remembered_token_ids

_BATCH_SIZE = 1024
# Fewer texts than this may be a fold of a search, whose ids are worth remembering.
_MAX_FOLD = 20_000


class TextModel:
    """Base of estimators that predict something from the features of texts.

    Fitted, they have `embedding_` and, in `_vectorizers`, the lexical features.
    """

    # Parameters that subclasses have.
    lexical: bool
    ngram_range: tuple[int, int]
    max_length: int | Literal["auto"] | None
    missing: str
    n_jobs: int | None

    embedding_: StaticEmbedding
    _vectorizers: list[NgramTfidf]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            name: TEXT_CONSTRAINTS[name] for name in ("max_length", "missing", "n_jobs")
        },
        "lexical": ["boolean"],
        "ngram_range": [tuple],
        "random_state": ["random_state"],
    }

    def _held_out(self, X_val: Any, y_val: Any) -> tuple[list[str], Any] | None:
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: pass both or neither")
        if X_val is None:
            return None
        texts = as_texts(X_val, missing=self.missing)
        if not texts:
            raise ValueError("X_val is empty: leave it out, or pass some texts")
        return texts, y_val

    def _ngrams(self) -> tuple[int, int] | None:
        if not self.lexical:
            return None
        if not (
            len(self.ngram_range) == 2
            and all(isinstance(n, Integral) for n in self.ngram_range)
            and 1 <= self.ngram_range[0] <= self.ngram_range[1]
        ):
            raise ValueError(
                "ngram_range must be two integers, 1 <= shortest <= longest, got "
                f"{self.ngram_range!r}"
            )
        first, last = self.ngram_range
        return int(first), int(last)

    def _apply(
        self,
        function: Callable[[Features], npt.NDArray[np.float64]],
        X: Iterable[str],
        n_columns: int,
    ) -> npt.NDArray[np.float64]:
        """Rows of a function of features, computed batch by batch."""
        n_texts, batches = text_batches(X, _BATCH_SIZE, missing=self.missing)
        remember = n_texts is not None and n_texts <= _MAX_FOLD
        blocks = run_batches(
            lambda batch: function(self._features(batch, remember)),
            batches,
            total=n_texts,
            n_jobs=self.n_jobs,
            show_progress=False,
        )
        return np.concatenate([np.empty((0, n_columns)), *blocks])

    def _features(self, texts: list[str], remember: bool) -> Features:
        tokens = self._tokens(self.embedding_, texts, remember)
        return Features(
            tuple(it.transform(tokens) for it in self._vectorizers),
            embed(self.embedding_, tokens),
        )

    def _tokens(
        self, embedding: StaticEmbedding, texts: list[str], remember: bool = True
    ) -> TokenIds:
        length = embedding._max_length(self.max_length)
        if remember:
            return remembered_token_ids(embedding, texts, length, self.n_jobs)
        return embedding.token_ids(texts, max_length=length, n_jobs=1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
