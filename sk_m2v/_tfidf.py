"""`TokenTfidfVectorizer`: texts to sparse features over a model's tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import TEXT_CONSTRAINTS, TextTagsMixin, as_embedding
from sk_m2v._sklearn import validates_parameters
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._pooling import count_matrix


class TokenTfidfVectorizer(TextTagsMixin, TransformerMixin, BaseEstimator):
    """Sparse TF-IDF features over the tokens of a static embedding.

    The lexical half of a hybrid: a union with `StaticEmbeddingTransformer` knows both
    which words a text has and what they mean.

    Parameters
    ----------
    model : str, Path, StaticEmbedding or None, default=None
        Whose tokens to count, as in `StaticEmbeddingTransformer`.
    norm : {"l1", "l2"} or None, default="l2"
        How to scale each row.
    use_idf : bool, default=True
        Whether to weight tokens by their inverse document frequency.
    smooth_idf : bool, default=True
        Whether to count one more document that has every token.
    sublinear_tf : bool, default=False
        Whether to replace a count `c` by ``1 + log(c)``.
    max_length : int, "auto" or None, default=None
        Tokens of each text to read. None reads all, "auto" does what the model says.
    missing : {"error", "empty"}, default="error"
        What to do with None, NaN and the like: refuse them, or read them as "".
    n_jobs : int or None, default=None
        Number of threads. None is 1 unless in a joblib context, -1 is all.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The model.
    token_ids_ : ndarray of shape (n_features,), dtype int32
        Ids of the tokens that occur in the texts of `fit`, ascending: one column each.
    idf_ : ndarray of shape (n_features,), dtype float32
        Inverse document frequencies. Only if `use_idf`.

    See Also
    --------
    sklearn.feature_extraction.text.TfidfVectorizer : The same over words.

    Examples
    --------
    >>> from sklearn.pipeline import make_union
    >>> from sk_m2v import StaticEmbeddingTransformer, TokenTfidfVectorizer
    >>> texts = ["cats and dogs", "dogs and mice"]
    >>> vectorizer = TokenTfidfVectorizer().fit(texts)
    >>> vectorizer.get_feature_names_out().tolist()
    ['and', 'dogs', 'cats', 'mice']
    >>> union = make_union(vectorizer, StaticEmbeddingTransformer())
    >>> union.fit_transform(texts).shape
    (2, 260)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TEXT_CONSTRAINTS,
        **TfidfTransformer._parameter_constraints,
    }

    def __init__(
        self,
        model: str | Path | StaticEmbedding | None = None,
        *,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        max_length: int | Literal["auto"] | None = None,
        missing: str = "error",
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.max_length = max_length
        self.missing = missing
        self.n_jobs = n_jobs

    @validates_parameters
    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Learn which tokens occur, and how often.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : object, default=None
            Not used.

        Returns
        -------
        TokenTfidfVectorizer
            This estimator.

        Raises
        ------
        ValueError
            If no known token occurs.
        """
        self._fit(X)
        return self

    @validates_parameters
    def fit_transform(self, X: Iterable[str], y: Any = None) -> csr_array:
        """Fit to texts and return their features, tokenizing once.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : object, default=None
            Not used.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features.
        """
        counts = self._fit(X)
        return self._tfidf.transform(counts, copy=False)

    def transform(self, X: Iterable[str]) -> csr_array:
        """Features of texts.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        csr_array of shape (n_texts, n_features), dtype float32
            The features; tokens that did not occur in `fit` are left out.
        """
        check_is_fitted(self)
        counts = self._counts(self.embedding_, X)
        return self._tfidf.transform(counts[:, self.token_ids_], copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Tokens, in the order of the columns.

        Parameters
        ----------
        input_features : object, default=None
            Not used.

        Returns
        -------
        ndarray of shape (n_features,), dtype object
            The tokens as the model's vocabulary spells them.
        """
        check_is_fitted(self)
        return np.array(self.embedding_.vocabulary, dtype=object)[self.token_ids_]

    @property
    def idf_(self) -> npt.NDArray[np.float32]:
        """Inverse document frequencies of the columns."""
        idf: npt.NDArray[np.float32] = self._tfidf.idf_
        return idf

    def _fit(self, X: Iterable[str]) -> csr_array:
        """Fit, and return the counts of the columns that are kept."""
        embedding = as_embedding(self.model)
        counts = self._counts(embedding, X)
        token_ids = np.unique(counts.indices).astype(np.int32)
        if token_ids.size == 0:
            raise ValueError(
                f"no known token in {counts.shape[0]} texts: there is nothing to count"
            )
        counts = counts[:, token_ids]
        self._tfidf = TfidfTransformer(
            norm=self.norm,
            use_idf=self.use_idf,
            smooth_idf=self.smooth_idf,
            sublinear_tf=self.sublinear_tf,
        ).fit(counts)
        self.embedding_ = embedding
        self.token_ids_ = token_ids
        return counts

    def _counts(self, embedding: StaticEmbedding, X: Iterable[str]) -> csr_array:
        tokens = embedding.token_ids(
            X, max_length=self.max_length, missing=self.missing, n_jobs=self.n_jobs
        )
        counts = count_matrix(tokens, embedding.n_tokens)
        counts.sum_duplicates()
        return counts
