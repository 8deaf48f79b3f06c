"""`TokenTfidfVectorizer`: texts to sparse features over a model's tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import (
    ModelParameter,
    TextParameters,
    TextTagsMixin,
    as_embedding,
    checked_range,
)
from sk_m2v._messages import quoted
from sk_m2v._parameters import parameters, public
from sk_m2v._progress import Stages
from sk_m2v._sklearn import (
    Interval,
    RealNotInt,
    StrOptions,
    align_sparse,
    validates_parameters,
)
from sk_m2v._text import text_batches
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._batches import run_batches
from sk_m2v.embedding._model import _BATCH_SIZE
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.lexical._letter_ngrams import LONGEST, LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.lexical._spelling import spelled_tokens
from sk_m2v.lexical._stop_words import stop_ids
from sk_m2v.persistence import PretrainedEstimator
from sk_m2v.persistence._arrays import Arrays
from sk_m2v.persistence._ngrams import pack_ngrams, unpack_ngrams

# Of `NgramTfidf`, under the same names.
_OPTIONS = (
    "norm",
    "use_idf",
    "smooth_idf",
    "sublinear_tf",
    "min_df",
    "max_df",
    "max_features",
)
_LIMIT = [
    Interval(RealNotInt, 0, 1, closed="both"),
    Interval(Integral, 1, None, closed="left"),
]


@public("sk_m2v")
@parameters
class TokenTfidfVectorizer(  # type: ignore[call-arg]  # numpydoc ignore=PR02
    PretrainedEstimator,
    TextTagsMixin,
    TransformerMixin,
    TextParameters,
    ModelParameter,
    Stages,
    BaseEstimator,
    # As for scikit-learn's vectorizers: no frame could hold what is sparse.
    auto_wrap_output_keys=None,
):
    """Sparse TF-IDF features over the tokens of a static embedding.

    The lexical half of a hybrid: a union with `StaticEmbeddingTransformer` knows both
    which words a text has and what they mean.

    Parameters
    ----------
    analyzer : {"token", "letter"}
        What n-grams are of: tokens, or the letters inside words, as of scikit-learn's
        "char_wb". Letters are those that the tokens of a text stand for, normalised as
        the tokenizer does it.
    ngram_range : tuple of (int, int)
        Least and largest number of neighbouring tokens or letters that make a column:
        (1, 2) is single tokens and pairs. Of letters at most 8.
    norm : {"l1", "l2"} or None
        How to scale each row. Of letters, a row is the sum of its words, and is scaled
        as if no n-gram of letters occurred twice: its length is 1, or a little more.
    use_idf : bool
        Whether to weight columns by their inverse document frequency.
    smooth_idf : bool
        Whether to count one more document that has every column.
    sublinear_tf : bool
        Whether to replace a count `c` by ``1 + log(c)``: of letters, that of a word.
    min_df, max_df : int or float
        In how many texts a column must be at least and may be at most: a number, or a
        float from 0 to 1 for a share.
    max_features : int or None
        How many columns to keep at most, those that occur most often. None keeps all.
    stop_words : "english", list of str or None
        Words to leave out, matched as tokens: those that are one token of the model,
        in the spelling that its tokenizer gives them. What stood on both sides of one
        are neighbours then. "english" is the list of scikit-learn, also with a capital.
    max_length : int, "auto" or None
        Tokens of each text to read. None reads all, "auto" does what the model says.
    verbose : bool
        Whether to show a progress bar in `transform`, and the seconds of the steps of
        `fit`.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The model.
    token_ids_ : ndarray of shape (n_features,), dtype int32
        Ids of the tokens that are columns, ascending. Without limits, these are all
        that occur in the texts of `fit`.
        Only for tokens, and if `ngram_range` is (1, 1).
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
    (2, 388)

    Pairs tell what single tokens cannot:

    >>> pairs = TokenTfidfVectorizer(ngram_range=(2, 2)).fit(["not good", "good"])
    >>> pairs.get_feature_names_out().tolist()
    ['not good']

    Letters tell what is spelt alike:

    >>> letters = TokenTfidfVectorizer(analyzer="letter", ngram_range=(3, 3))
    >>> letters.fit(["dogs"]).get_feature_names_out().tolist()
    [' do', 'dog', 'gs ', 'ogs']

    Limits as in scikit-learn:

    >>> few = TokenTfidfVectorizer(min_df=2, stop_words="english").fit(texts)
    >>> few.get_feature_names_out().tolist()
    ['dogs']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TfidfTransformer._parameter_constraints,
        "analyzer": [StrOptions({"token", "letter"})],
        "ngram_range": [tuple, list],
        "min_df": _LIMIT,
        "max_df": _LIMIT,
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "stop_words": [StrOptions({"english"}), list, tuple, set, frozenset, None],
        "verbose": ["verbose"],
    }

    analyzer: Literal["token", "letter"] = "token"
    ngram_range: tuple[int, int] = (1, 1)
    norm: str | None = "l2"
    use_idf: bool = True
    smooth_idf: bool = True
    sublinear_tf: bool = False
    min_df: int | float = 1
    max_df: int | float = 1.0
    max_features: int | None = None
    stop_words: Literal["english"] | Collection[str] | None = None
    max_length: int | Literal["auto"] | None = None
    verbose: bool = False

    @validates_parameters
    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Learn which tokens or n-grams occur, and how often.

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
            If nothing occurs that could be counted, or remains within the limits, or
            `ngram_range` is impossible.
        """
        self._fit(X)
        return self

    @validates_parameters
    def fit_transform(self, X: Iterable[str], y: Any = None) -> Any:
        """Fit to texts and return their features, tokenizing once.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : object, default=None
            Not used.

        Returns
        -------
        csr_array or csr_matrix of shape (n_texts, n_features), dtype float32
            The features, in the form of scikit-learn's ``sparse_interface``.
        """
        return align_sparse(self._fit(X))

    def transform(self, X: Iterable[str]) -> Any:
        """Features of texts.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        csr_array or csr_matrix of shape (n_texts, n_features), dtype float32
            The features, in the form of scikit-learn's ``sparse_interface``; tokens or
            n-grams that did not occur in `fit` are left out.
        """
        check_is_fitted(self)
        ngrams = self._ngrams
        n_texts, batches = text_batches(X, _BATCH_SIZE, missing=self.missing)

        def transform_batch(batch: list[str]) -> csr_array:
            return ngrams.transform(self._tokens(self.embedding_, batch, n_jobs=1))

        blocks = run_batches(
            transform_batch,
            batches,
            total=n_texts,
            n_jobs=self.n_jobs,
            show_progress=self.verbose,
        )
        features = vstack(list(blocks) or [transform_batch([])], format="csr")
        return align_sparse(features)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Tokens or n-grams, in the order of the columns.

        Parameters
        ----------
        input_features : object, default=None
            Not used.

        Returns
        -------
        ndarray of shape (n_features,), dtype object
            The tokens as the model's vocabulary spells them, those of an n-gram with a
            space between; or letters, with a space where a word begins or ends.
        """
        check_is_fitted(self)
        return self._ngrams.names(self.embedding_.vocabulary)

    @property
    def token_ids_(self) -> npt.NDArray[np.int32]:
        """Ids of the tokens that are columns."""
        ngrams = self._ngrams
        if ngrams.ngram_range != (1, 1) or isinstance(ngrams, LetterTfidf):
            raise AttributeError("token_ids_ needs tokens and ngram_range=(1, 1)")
        return self._ngrams.keys[0].astype(np.int32)

    @property
    def idf_(self) -> npt.NDArray[np.float32]:
        """Inverse document frequencies of the columns."""
        if self._ngrams.idf is None:
            raise AttributeError("idf_ needs use_idf=True")
        return self._ngrams.idf

    def _more_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        settings, arrays = pack_ngrams([self._ngrams])
        return {"ngrams": settings}, arrays

    def _set_arrays(self, description: Mapping[str, Any], arrays: Arrays) -> None:
        (self._ngrams,) = unpack_ngrams(description["ngrams"], arrays, self.embedding_)

    def _fit(self, X: Iterable[str]) -> csr_array:
        """Fit, and return the features."""
        embedding = as_embedding(self.model)
        ngrams = self._new_ngrams(embedding)
        with self._stage("tokenizing"):
            tokens = self._tokens(embedding, X, n_jobs=self.n_jobs)
        with self._stage(f"features of {len(tokens.offsets) - 1:,} texts"):
            features = ngrams.fit_transform(tokens, embedding.n_tokens)
        if ngrams.n_features == 0:
            self._refuse(features.shape[0])
        self.embedding_ = embedding
        self._ngrams = ngrams
        return features

    def _new_ngrams(self, embedding: StaticEmbedding) -> NgramTfidf:
        letters = self.analyzer == "letter"
        longest = LONGEST if letters else None
        ngram_range = checked_range("ngram_range", self.ngram_range, longest)
        options: dict[str, Any] = {name: getattr(self, name) for name in _OPTIONS}
        if self.stop_words is not None:
            options["stop_ids"] = stop_ids(embedding, self.stop_words)
        if letters:
            return LetterTfidf(spelled_tokens(embedding), ngram_range, **options)
        return NgramTfidf(ngram_range, **options)

    def _refuse(self, n_texts: int) -> None:
        """Say that there are no columns."""
        # A float is a share: 1 is one text, and 1.0 all.
        any_text = self.min_df == 1 and not isinstance(self.min_df, float)
        all_texts = self.max_df == 1 and isinstance(self.max_df, float)
        if not (any_text and all_texts):
            raise ValueError(
                f"no n-gram of {n_texts} texts is within min_df={quoted(self.min_df)} "
                f"and max_df={quoted(self.max_df)}: try a lower min_df or a higher "
                "max_df"
            )
        least = self.ngram_range[0]
        unit = "known token" if least == 1 else f"{least} known tokens in a row"
        if self.analyzer == "letter":
            unit = f"word of known tokens with {least} letters"
        raise ValueError(f"no {unit} in {n_texts} texts: there is nothing to count")

    def _tokens(
        self, embedding: StaticEmbedding, X: Iterable[str], n_jobs: int | None
    ) -> TokenIds:
        return embedding.token_ids(
            X, max_length=self.max_length, missing=self.missing, n_jobs=n_jobs
        )
