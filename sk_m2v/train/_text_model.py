"""What estimators that predict from texts share: features of texts, and training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from sk_m2v._base import TextParameters, checked_range
from sk_m2v._sklearn import Followed
from sk_m2v._text import as_texts, text_batches
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._batches import run_batches
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._deferred import Deferred
from sk_m2v.lexical._letter_ngrams import LONGEST
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.train.features._features import Features, NgramRanges, embed, fit_lexical
from sk_m2v.train.features._token_cache import remembered_token_ids
from sk_m2v.train.fitting._parameters import (
    FeatureParameters,
    SeedParameter,
    VerboseParameter,
)
from sk_m2v.train.labels._data import Part, Task, Texts, TrainingData

_BATCH_SIZE = 2048
# Fewer texts than this may be a fold of a search, whose ids are worth remembering.
_MAX_FOLD = 20_000
# More texts without labels say hardly more about which words go together.
_MOST_UNLABELLED = 10_000


class TextModel(FeatureParameters, VerboseParameter, TextParameters, ABC):
    """Base of estimators that predict something from the features of texts.

    Fitted, they have `embedding_` and, in `_vectorizers`, the lexical features.
    """

    embedding_: StaticEmbedding
    _vectorizers: list[NgramTfidf]

    def _texts_of(
        self,
        embedding: StaticEmbedding,
        vectorizers: list[NgramTfidf],
        texts: list[str],
        remember: bool = True,
    ) -> Texts:
        tokens = self._tokens(embedding, texts, remember)
        blocks = tuple(Deferred(it, tokens) for it in vectorizers)
        return Texts(tokens, Features(blocks, embed(embedding, tokens)))

    def _ngrams(self) -> NgramRanges | None:
        if not self.lexical:
            return None
        letters = self.letter_ngrams
        return NgramRanges(
            checked_range("ngram_range", self.ngram_range),
            None
            if letters is None
            else checked_range("letter_ngrams", letters, LONGEST),
        )

    # --- Predicting -------------------------------------------------------------------

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
            show_progress=bool(self.verbose),
        )
        return np.concatenate([np.empty((0, n_columns)), *blocks])

    def _features(self, texts: list[str], remember: bool) -> Features:
        fitted = self.embedding_, self._vectorizers
        return self._texts_of(*fitted, texts, remember).features

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


class TrainedTextModel(Followed, SeedParameter, TextModel):
    """Base of those that learn from texts and targets."""

    @abstractmethod
    def _start_embedding(
        self,
        texts: list[str],
        weight: npt.NDArray[np.float64] | None,
        random_state: np.random.RandomState,
    ) -> StaticEmbedding:
        """Return the embedding from which training starts."""

    @abstractmethod
    def _learn(self, task: Task, target: Any, max_epochs: int | None) -> dict[str, Any]:
        """Learn, and return fitted attributes.

        Among them `embedding_`, and `_head`: a `Head`, or what has its methods.
        """

    @abstractmethod
    def _weights(self, data: TrainingData, target: Any) -> npt.NDArray[np.float64]:
        """How much each text counts, or each text and label."""

    def _resumes(self) -> bool:
        """Whether `fit` goes on from what is fitted."""
        return False

    def _n_steps(self) -> int | None:
        """Steps of `fit` that callbacks can follow; None if that is not known."""
        return None

    def _is_told_of_unlabelled(self) -> bool:
        """Whether someone says what texts without labels are."""
        return False

    def _check_means(self) -> None:
        """Check that there is all that learning needs beside data."""

    # --- Fitting ----------------------------------------------------------------------

    def _read(self, X: Any, y: Any) -> list[str]:
        """Texts to learn from, and errors that need no look at `y`."""
        self._check_means()
        self._ngrams()
        texts = as_texts(X, missing=self.missing)
        if not texts:
            raise ValueError("X has 0 sample(s), and a minimum of 1 is required.")
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        return texts

    def _read_unlabelled(self, X_unlabeled: Any) -> list[str]:
        """Texts without labels, if there are any."""
        if X_unlabeled is None:
            return []
        return as_texts(X_unlabeled, missing=self.missing)

    def _read_held_out(self, X_val: Any, y_val: Any) -> list[str] | None:
        """Texts to validate with, if there are any."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: pass both or neither")
        if X_val is None:
            return None
        texts = as_texts(X_val, missing=self.missing)
        if not texts:
            raise ValueError("X_val is empty: leave it out, or pass some texts")
        return texts

    def _checked_weight(
        self, sample_weight: Any, n_texts: int
    ) -> npt.NDArray[np.float64] | None:
        if sample_weight is None:
            return None
        weight: npt.NDArray[np.float64] = _check_sample_weight(
            sample_weight, np.empty(n_texts), ensure_non_negative=True
        )
        if not weight.any():
            raise ValueError("sample_weight is 0 for all texts of X")
        return weight

    def _fit(
        self,
        data: TrainingData,
        target: Any,
        *,
        fraction: float | None,
        resume: bool,
        max_epochs: int | None = None,
    ) -> None:
        """Learn from checked data, and only then change the estimator.

        `target` is what `_learn` knows of the targets beside their values, and
        `max_epochs`, unless None, for how long it goes on.
        """
        n_steps = self._n_steps() if max_epochs is None else max_epochs
        fit = self._begin_fit(n_steps, data.texts, data.y, data.weight)
        random_state = check_random_state(self.random_state)
        data = data.split(fraction, random_state)
        others, told = data.unlabelled, self._is_told_of_unlabelled()
        if not told:
            others = others[:: max(len(others) // _MOST_UNLABELLED, 1)]
        everything, n_texts = [*data.texts, *others], len(data.texts)
        # Of words that no label tells of, nothing can be learnt.
        texts = everything if told else data.texts
        # A stream passes by: its texts do not come again, as those of a search do.
        remember = max_epochs is None
        if resume:
            embedding, vectorizers = self.embedding_, self._vectorizers
            with self._stage(f"features of {len(texts):,} texts"):
                seen = self._texts_of(embedding, vectorizers, texts, remember)
        else:
            weight = data.weight
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(others))])
            embedding = self._start_embedding(everything, weight, random_state)
            with self._stage(f"tokenizing {len(texts):,} texts"):
                tokens = self._tokens(embedding, texts, remember)
            with self._stage("features"):
                if weight is not None:
                    weight = weight[: len(texts)]
                ngrams = self._ngrams()
                vectorizers, blocks = fit_lexical(tokens, embedding, ngrams, weight)
                seen = Texts(tokens, Features(blocks, embed(embedding, tokens)))
        if told:
            train = seen.rows(np.arange(n_texts))
            unlabelled = seen.rows(np.arange(n_texts, len(texts)))
        else:
            train = seen
            unlabelled = self._texts_of(embedding, vectorizers, others)
        validation = None
        if data.held_out is not None:
            texts, Y = data.held_out.texts, data.held_out.targets
            with self._stage(f"features of {len(texts):,} texts to validate with"):
                held_out = self._texts_of(embedding, vectorizers, texts)
            validation = Part(*held_out, Y, np.ones(Y.shape), np.ones(len(Y)))
        counts = np.ones(n_texts) if data.weight is None else data.weight
        part = Part(*train, data.targets, self._weights(data, target), counts)
        known = {"_vectorizers": vectorizers}
        task = Task(
            data,
            embedding,
            part,
            unlabelled,
            validation,
            random_state,
            resume,
            fit,
            known,
        )
        learnt = self._learn(task, target, max_epochs)
        for name, value in {**known, **learnt}.items():
            setattr(self, name, value)
        fit.end(dict)
