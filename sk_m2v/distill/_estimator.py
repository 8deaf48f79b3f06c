"""`DistillTransformer`: a sentence transformer as a static embedding."""

from __future__ import annotations

import os
import re
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import TEXT_CONSTRAINTS, TextTagsMixin
from sk_m2v._optional import require
from sk_m2v._sklearn import (
    ClassNamePrefixFeaturesOutMixin,
    Interval,
    StrOptions,
    validates_parameters,
)
from sk_m2v.distill._poolings import POOLINGS
from sk_m2v.distill._reduce import pca, zipf_weights
from sk_m2v.distill._vocabulary import cut_tokenizer
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import PRECISIONS


class DistillTransformer(
    TextTagsMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Distil a sentence transformer into a static embedding.

    The teacher reads each token of its vocabulary on its own, once. The vectors that it
    gives are rotated onto their principal components, and those of frequent tokens made
    shorter. From then on a text is the mean of the vectors of its tokens: thousands of
    times faster than the teacher, which is not needed any more.

    Fitting needs the extra ``sk-m2v[distill]`` (torch and transformers); `transform`
    does not.

    Parameters
    ----------
    teacher : str, path or tuple, default="sentence-transformers/all-MiniLM-L6-v2"
        A folder, the id of a model on the Hugging Face Hub, or a pair
        ``(model, tokenizer)`` of `transformers`. A folder is read without network.
    pca_dims : int, float, "auto" or None, default=256
        Dimensions of the vectors: the number of principal components, or the share of
        the variance that they explain. "auto" keeps all components, None rotates
        nothing.
    sif_coefficient : float or None, default=1e-4
        The smaller, the less frequent tokens weigh, between 0 and 1, both excluded. The
        frequency of a token is guessed from its rank in the vocabulary. None weighs
        all tokens alike.
    token_remove_pattern : str or None, default=r"\[unused\d+\]"
        Regular expression for tokens that get no vector: those it matches from their
        beginning (`re.match`). The unknown token always stays. None keeps all.
    quantize_to : {"float32", "float16", "int8"}, default="float16"
        Type in which to store the vectors.
    pooling : {"mean", "first", "last", "pooler"}, default="mean"
        Which output of the teacher is the vector of a token: the mean over the token
        and those that surround every text, the output for the first or for the last of
        them, or that of the teacher's pooler.
    device : str or None, default=None
        Where the teacher runs, such as "cpu" or "cuda". None is "cuda" where there is
        one, else "cpu".
    missing : {"error", "empty"}, default="error"
        What `transform` does with None, NaN and the like: refuse them, or read them as
        empty texts.
    n_jobs : int or None, default=None
        Number of threads of `transform`. None is 1 unless in a joblib context, -1 is
        all.
    verbose : bool, default=False
        Whether to show progress bars.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The distilled model.

    See Also
    --------
    StaticEmbeddingTransformer : Texts to vectors with a model distilled before.

    Notes
    -----
    The method and its defaults are those of model2vec [1]_, the weights those of
    smooth inverse frequency [2]_.

    References
    ----------
    .. [1] Tulkens and van Dongen, "Model2Vec: Fast State-of-the-Art Static Embeddings"
       (2024), https://github.com/MinishLab/model2vec.
    .. [2] Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence
       embeddings" (ICLR 2017).

    Examples
    --------
    >>> from sk_m2v.distill import DistillTransformer
    >>> distiller = DistillTransformer(pca_dims=64)
    >>> distiller.fit(None)  # doctest: +SKIP
    DistillTransformer(pca_dims=64)
    >>> distiller.transform(["a text", "another text"]).shape  # doctest: +SKIP
    (2, 64)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "teacher": [str, os.PathLike, tuple],
        "pca_dims": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "sif_coefficient": [Interval(Real, 0, 1, closed="neither"), None],
        "token_remove_pattern": [str, None],
        "quantize_to": [StrOptions(set(PRECISIONS))],
        "pooling": [StrOptions(set(POOLINGS))],
        "device": [str, None],
        "missing": TEXT_CONSTRAINTS["missing"],
        "n_jobs": TEXT_CONSTRAINTS["n_jobs"],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        teacher: Any = "sentence-transformers/all-MiniLM-L6-v2",
        *,
        pca_dims: Any = 256,
        sif_coefficient: float | None = 1e-4,
        token_remove_pattern: str | None = r"\[unused\d+\]",
        quantize_to: str = "float16",
        pooling: str = "mean",
        device: str | None = None,
        missing: str = "error",
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.teacher = teacher
        self.pca_dims = pca_dims
        self.sif_coefficient = sif_coefficient
        self.token_remove_pattern = token_remove_pattern
        self.quantize_to = quantize_to
        self.pooling = pooling
        self.device = device
        self.missing = missing
        self.n_jobs = n_jobs
        self.verbose = verbose

    @validates_parameters
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Distil the teacher.

        Parameters
        ----------
        X : None
            Texts cannot be used in this version.
        y : None
            Ignored.

        Returns
        -------
        DistillTransformer
            The fitted transformer.

        Raises
        ------
        ImportError
            If torch or transformers is not installed.
        OSError
            If the teacher cannot be loaded.
        TypeError, ValueError
            If `X` is not None, a parameter is not possible, or the teacher gives NaN or
            infinity.
        """
        if X is not None:
            raise ValueError(
                "fitting to a corpus X is not available in this version: use "
                "fit(None), which distils the teacher's vocabulary and needs no texts"
            )
        remove = _compile(self.token_remove_pattern)
        pca_dims = _plain(self.pca_dims)
        sif_coefficient = _plain(self.sif_coefficient)
        if isinstance(pca_dims, float) and pca_dims >= 1:
            raise ValueError(
                f"pca_dims={pca_dims!r} is neither a number of dimensions, an int, nor "
                "a share of the variance, between 0 and 1"
            )
        for module in ("torch", "transformers"):
            require(module, extra="distill")
        from sk_m2v.distill._teacher import embed, find_device, load_teacher

        device = find_device(self.device)
        teacher = load_teacher(self.teacher)
        vocabulary = cut_tokenizer(
            teacher.tokenizer_json,
            unk_token=teacher.tokenizer.unk_token,
            pad_token=teacher.tokenizer.pad_token,
            remove=remove,
        )
        vectors: npt.NDArray[np.floating[Any]] = embed(
            teacher,
            vocabulary.sequences,
            pooling=self.pooling,
            device=device,
            verbose=self.verbose,
        )
        vectors = pca(vectors, pca_dims)
        if sif_coefficient is not None:
            vectors = vectors * zipf_weights(len(vectors), sif_coefficient)[:, None]
        stored, scale = PRECISIONS[self.quantize_to](vectors)
        self.embedding_ = StaticEmbedding(
            stored,
            vocabulary.tokenizer,
            weights=scale,
            config={
                "model_type": "model2vec",
                "architectures": ["StaticModel"],
                "tokenizer_name": teacher.name,
                "apply_pca": pca_dims,
                "sif_coefficient": sif_coefficient,
                "hidden_dim": vectors.shape[1],
                "seq_length": 1_000_000,
                "normalize": True,
                "pooling": self.pooling,
                "max_length": 512,
            },
        )
        self._n_features_out = self.embedding_.dim
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Vectors of texts.

        Parameters
        ----------
        X : iterable of str of length n_samples
            Any container of texts: list, array, Series, one-column frame, and so on.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
            One vector of length 1 a text; zeros for one without known tokens.
        """
        check_is_fitted(self)
        return self.embedding_.encode(
            X, missing=self.missing, n_jobs=self.n_jobs, show_progress=self.verbose
        )

    def save_pretrained(self, path: str | Path) -> None:
        """Write the distilled model to a folder.

        Parameters
        ----------
        path : str or Path
            The folder, made if it does not exist. `StaticEmbeddingTransformer` and
            model2vec load it.
        """
        check_is_fitted(self)
        self.embedding_.save_pretrained(path)


def _plain(value: Any) -> Any:
    """Python's own type for a number of NumPy: the configuration is written as JSON."""
    return value.item() if isinstance(value, np.generic) else value


def _compile(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"token_remove_pattern={pattern!r} is no regular expression: {error}"
        ) from error
