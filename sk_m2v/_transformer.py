"""`StaticEmbeddingTransformer`: texts to vectors."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import ModelParameter, TextParameters, TextTagsMixin, as_embedding
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import (
    ClassNamePrefixFeaturesOutMixin,
    Interval,
    validates_parameters,
)
from sk_m2v.embedding import StaticEmbedding


@public("sk_m2v")
@parameters
class StaticEmbeddingTransformer(  # numpydoc ignore=PR02
    TextTagsMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    TextParameters,
    ModelParameter,
    BaseEstimator,
):
    """Turn texts into vectors with a static embedding.

    Nothing is learnt from the data: `fit` loads and checks the model. `transform` works
    without `fit`, too, as that of `HashingVectorizer` does.

    Parameters
    ----------
    dimensionality : int or None
        Number of dimensions to keep, from the first. None keeps all.
    quantize_to : {"float32", "float16", "int8"} or None
        Type in which to hold the vectors of tokens. None keeps that of the model.
    vocabulary_quantization : int or None
        Number of different vectors to keep, found by k-means. None keeps all.
    normalize : bool or None
        Whether to scale vectors to length 1. None does what the model says.
    verbose : bool
        Whether to show a progress bar.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The model, after `fit`.

    See Also
    --------
    TokenTfidfVectorizer : Sparse features over the same tokens.
    DistillTransformer : Makes such a model from a sentence transformer.

    Notes
    -----
    A vector is the mean of the vectors of a text's tokens [1]_. The result equals that
    of model2vec 0.10 to float32 precision.

    References
    ----------
    .. [1] S. Tulkens and T. van Dongen, "Model2Vec: Fast State-of-the-Art Static
       Embeddings", 2024, https://github.com/MinishLab/model2vec.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_m2v import StaticEmbeddingTransformer
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> pipeline = make_pipeline(StaticEmbeddingTransformer(), LogisticRegression(C=10))
    >>> pipeline.fit(texts, [1, 1, 0, 0]).predict(["a lovely film", "so boring"])
    array([1, 0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "dimensionality": [Interval(Integral, 1, None, closed="left"), None],
        "quantize_to": [str, None],
        "vocabulary_quantization": [Interval(Integral, 1, None, closed="left"), None],
        "normalize": ["boolean", None],
        "verbose": ["verbose"],
    }

    dimensionality: int | None = None
    quantize_to: str | None = None
    vocabulary_quantization: int | None = None
    normalize: bool | None = None
    verbose: bool = False

    @validates_parameters
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Load and check the model.

        Parameters
        ----------
        X : iterable of str, default=None
            Not used.
        y : object, default=None
            Not used.

        Returns
        -------
        StaticEmbeddingTransformer
            This estimator.
        """
        self.embedding_ = self._load()
        return self

    def transform(self, X: Iterable[str]) -> npt.NDArray[np.float32]:
        """Turn texts into vectors.

        Parameters
        ----------
        X : iterable of str
            Any container of texts: list, array, Series, Arrow or polars column,
            one-column frame, generator.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            One vector a text; zeros where no token of a text is known.
        """
        if hasattr(self, "embedding_"):
            embedding = self.embedding_
        else:
            self._validate_params()
            embedding = self._load()
        return embedding.encode(
            X,
            normalize=self.normalize,
            max_length=self.max_length,
            missing=self.missing,
            n_jobs=self.n_jobs,
            show_progress=bool(self.verbose),
        )

    def _load(self) -> StaticEmbedding:
        return as_embedding(self.model).quantize(
            self.quantize_to,
            dimensionality=self.dimensionality,
            vocabulary_quantization=self.vocabulary_quantization,
        )

    @classmethod
    def from_pretrained(
        cls, path: str | Path | None = None, **options: Any
    ) -> StaticEmbeddingTransformer:
        """Load a model, with options of the hub that are not parameters.

        Parameters
        ----------
        path : str, Path or None, default=None
            As in `StaticEmbedding.from_pretrained`.
        **options
            Those of `StaticEmbedding.from_pretrained`: ``revision``, ``token``,
            ``subfolder``, ``cache_dir``, ``local_files_only``, ``quantize_to``,
            ``dimensionality``, ``vocabulary_quantization``.

        Returns
        -------
        StaticEmbeddingTransformer
            A fitted transformer that holds the model itself.
        """
        transformer = cls(StaticEmbedding.from_pretrained(path, **options))
        transformer.fit()
        return transformer

    def save_pretrained(self, path: str | Path, **options: Any) -> None:
        """Write the model to a folder.

        Parameters
        ----------
        path : str or Path
            The folder. `normalize` and `max_length`, where set, become the model's own.
        **options
            Those of `StaticEmbedding.save_pretrained`: ``layout``, ``card``.
        """
        self._configured().save_pretrained(path, **options)

    def push_to_hub(self, hub_id: str, **options: Any) -> str:
        """Upload the model to the Hugging Face Hub.

        Parameters
        ----------
        hub_id : str
            Where to, ``"owner/name"``.
        **options
            Those of `StaticEmbedding.push_to_hub`: ``private``, ``token``,
            ``subfolder``, ``revision``, ``card``.

        Returns
        -------
        str
            Address of the commit.
        """
        return self._configured().push_to_hub(hub_id, **options)

    def _configured(self) -> StaticEmbedding:
        """Model whose own settings are those of this estimator."""
        check_is_fitted(self, "embedding_")
        config: dict[str, Any] = {}
        if self.normalize is not None:
            config["normalize"] = bool(self.normalize)
        if self.max_length != "auto":
            config["max_length"] = self.max_length
        return self.embedding_.replace(**config) if config else self.embedding_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.embedding_.dim
