"""`DistillTransformer`: a sentence transformer as a static embedding."""

from __future__ import annotations

import os
import re
from dataclasses import field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from numpy.random import RandomState
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import ReadingParameters, TextTagsMixin, as_embedding
from sk_m2v._optional import require
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import (
    ClassNamePrefixFeaturesOutMixin,
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validates_parameters,
)
from sk_m2v._text import as_texts
from sk_m2v.distill._prior import Prior, StaticPrior, TeacherPrior, no_prior
from sk_m2v.distill.corpus._fit import Corpus, fit_corpus, read_corpus
from sk_m2v.distill.corpus._reduce import corpus_weights, pca, zipf_weights
from sk_m2v.distill.corpus._sample import sample_sentences
from sk_m2v.distill.teachers._cache import VectorCache
from sk_m2v.distill.teachers._callable import CallableTeacher, is_callable_teacher
from sk_m2v.distill.teachers._poolings import POOLINGS
from sk_m2v.distill.vocabulary._coverage import Coverage, coverage
from sk_m2v.distill.vocabulary._prune import prune_tokens
from sk_m2v.distill.vocabulary._terms import add_terms, frequent_terms
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import PRECISIONS, check_count, cluster_rows
from sk_m2v.embedding.tokens._tokens import vocabulary_size
from sk_m2v.persistence import PretrainedEstimator

# Where `sif_coefficient` is "auto". The second is that of model2vec, for guessed
# frequencies.
_SIF = {"corpus": 1e-3, "zipf": 1e-4}
# Tokens of a text that a distilled model reads, as in model2vec.
_LENGTH = 512


@public("sk_m2v")
@parameters
class DistillTransformer(  # numpydoc ignore=PR02
    PretrainedEstimator,
    TextTagsMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ReadingParameters,
    BaseEstimator,
):
    r"""Distil a teacher of text embeddings into a static embedding for your own texts.

    With texts, ``fit(X)``: the teacher embeds them, and each token gets the vector with
    which the means of tokens come nearest to what the teacher says of the texts. A few
    thousand sentences do much better than none. Without texts, ``fit(None)``: the
    teacher reads each token of its vocabulary on its own, as in model2vec.

    From then on a text is the mean of the vectors of its tokens: thousands of times
    faster than the teacher, which is not needed any more.

    Fitting a transformer needs the extra ``sk-m2v[distill]`` (torch and transformers);
    other teachers and `transform` do not.

    Parameters
    ----------
    teacher : object
        A folder, the id of a model on the Hugging Face Hub, a pair
        ``(model, tokenizer)`` of `transformers`, a ``SentenceTransformer``; or any
        function, or object with a method `transform`, from a list of texts to a matrix
        with a row for each. A folder is read without network.
    pca_dims : int, float, "auto" or None
        Dimensions of the vectors: the number of principal components, or the share of
        the variance that they explain. "auto" has as many as the teacher. They are
        ordered: the first say most. With texts, the first of all is a constant, which
        keeps, when a mean is normalised, how long it was. None leaves vectors in the
        space of the teacher; with texts, this ends with the regression, so that
        `transform` approximates the direction of the teacher's vectors less their mean.
    vocabulary : list of str, "corpus" or None
        Words and phrases that get a vector of their own in addition to the teacher's
        tokens. "corpus" takes frequent ones that the tokenizer splits from `X`.
    min_df : int or float
        For ``vocabulary="corpus"``: texts that a term must be in, a number, or a float
        up to 1 for a share.
    max_terms : int
        For ``vocabulary="corpus"``: how many terms to add at most, the most frequent.
    prune : bool
        Whether to remove tokens that do not occur in `X`, which makes the model
        smaller. Other texts are spelled with the tokens that are left.
    token_remove_pattern : str or None
        Regular expression for tokens of the teacher that get no vector: those it
        matches from their beginning (`re.match`). The unknown token always stays. None
        keeps all.
    prior : "auto", StaticEmbedding, str, path or None
        What vectors stay near where texts say little. "auto" is what the teacher says
        of each token, or the bundled model for teachers that are functions. A static
        embedding, or the name or folder of one, also brings the tokenizer. None is
        zero.
    alpha : float or "auto"
        Weight of the prior: it counts as much as so many texts that consist of the
        token alone. "auto" tries 0.03 to 10 on held-out texts.
    sif_coefficient : float, "auto" or None
        The smaller, the less frequent tokens weigh in the prior, between 0 and 1, both
        excluded. "auto" is 1e-3 for frequencies of a corpus and 1e-4 for guessed ones,
        None weighs all tokens alike.
    frequencies : {"corpus", "zipf"}
        Frequencies of tokens for `sif_coefficient`: those in `X`, or a guess from their
        rank in the vocabulary, which is also taken where there is no `X`.
    refine_steps : int
        Batches of 1,024 texts by which, after the regression, the neighbours of texts
        are fitted to those on the teacher's reweighted axes, at most; few texts are
        seen 12 times. 0 leaves the regression as it is.
    quantize_to : {"float32", "float16", "int8"}
        Type in which to store the vectors.
    vocabulary_quantization : int or None
        Number of different vectors to keep, by k-means. None keeps one a token.
    pooling : {"mean", "first", "last", "pooler"}
        Which output of a transformer is the vector of a token: the mean over the token
        and those that surround every text, the output for the first or for the last of
        them, or that of the teacher's pooler. Texts are read as sentence-transformers
        has stored it with the teacher, and with this pooling where it has not.
    split_sentences : bool
        Whether to cut texts of more than 300 characters into sentences: what the
        teacher says of a sentence tells more about its words than what it says of a
        page.
    max_sentences : int or None
        Texts, or sentences, to use at most, drawn at random. None uses all. Memory
        grows with them: 1.5 KB each for their vectors, at 384 dimensions, a few times
        over.
    cache_dir : str, path or None
        Folder in which to keep what the teacher computes, so that each text is embedded
        once, whatever is stopped, repeated, cross-validated or searched. None keeps
        nothing.
    device : str or None
        Where a transformer runs, such as "cpu" or "cuda". None is "cuda" where there is
        one, else "cpu".
    dtype : {"float32", "bfloat16"}
        Type in which a transformer computes. bfloat16 is faster where the processor has
        it, and exact enough.
    random_state : int, RandomState or None
        Seed of the sample, of held-out texts and of the order of batches.
    n_jobs : int or None
        Number of threads of the solver and of `transform`. None is 1 unless in a joblib
        context, -1 is all.
    verbose : bool
        Whether to show progress bars.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The distilled model.
    n_sentences_ : int
        Sentences that it was fitted to. Like the following, only after ``fit(X)``.
    alpha_ : float
        Weight of the prior.
    r2_ : float
        Share of the variance of the teacher's vectors of these texts that the
        regression explains.
    n_iter_ : int
        Steps of its solver.

    See Also
    --------
    StaticEmbeddingTransformer : Texts to vectors with a model distilled before.

    Notes
    -----
    A static embedding is linear in the shares `A` of tokens in texts. With the
    teacher's vectors `T` of the texts, the vectors of tokens `E` minimise
    ``||A E - T||^2 + alpha ||E - E0||^2``, by conjugate gradients. The prior `E0` is
    the distilled vocabulary, weighted by smooth inverse frequency [2]_ and mapped
    linearly into the space of the texts. The result is rotated onto the principal axes
    of `T`, divided by the square root of their standard deviation, and moved by some
    steps of stochastic gradient descent on the divergence between the neighbours that
    texts have for the teacher, on these axes, and for the student [3]_. Reweighted axes
    agree better with people than the teacher's own, and less with the teacher: for
    that, choose ``pca_dims=None``.

    Without texts the method and its defaults are those of model2vec [1]_, and so are
    the vectors.

    References
    ----------
    .. [1] Tulkens and van Dongen, "Model2Vec: Fast State-of-the-Art Static Embeddings"
       (2024), https://github.com/MinishLab/model2vec.
    .. [2] Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence
       embeddings" (ICLR 2017).
    .. [3] Passalis and Tefas, "Learning deep representations with probabilistic
       knowledge transfer" (ECCV 2018).

    Examples
    --------
    Any function can be the teacher. This one counts vowels:

    >>> from sk_m2v import DistillTransformer
    >>> def vowels(texts):
    ...     return [[text.count(vowel) for vowel in "aeiou"] for text in texts]
    >>> texts = ["a cat", "the dog", "two red cats", "you see a moose", "odd birds"]
    >>> distiller = DistillTransformer(vowels, pca_dims=None, random_state=0)
    >>> distiller.fit(texts).transform(["a red moose"]).shape
    (1, 5)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "teacher": [str, os.PathLike, tuple, callable, HasMethods("transform")],
        "pca_dims": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "vocabulary": [StrOptions({"corpus"}), "array-like", None],
        "min_df": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
        ],
        "max_terms": [Interval(Integral, 0, None, closed="left")],
        "prune": ["boolean"],
        "token_remove_pattern": [str, None],
        "prior": [str, Path, StaticEmbedding, None],
        "alpha": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "sif_coefficient": [
            Interval(Real, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "frequencies": [StrOptions(set(_SIF))],
        "refine_steps": [Interval(Integral, 0, None, closed="left")],
        "quantize_to": [StrOptions(set(PRECISIONS))],
        "vocabulary_quantization": [Interval(Integral, 1, None, closed="left"), None],
        "pooling": [StrOptions(set(POOLINGS))],
        "split_sentences": ["boolean"],
        "max_sentences": [Interval(Integral, 2, None, closed="left"), None],
        "cache_dir": [str, os.PathLike, None],
        "device": [str, None],
        "dtype": [StrOptions({"float32", "bfloat16"})],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    teacher: Any = field(
        default="sentence-transformers/all-MiniLM-L6-v2", kw_only=False
    )
    pca_dims: Any = 256
    vocabulary: Any = None
    min_df: int | float = 5
    max_terms: int = 10_000
    prune: bool = False
    token_remove_pattern: str | None = r"\[unused\d+\]"
    prior: Any = "auto"
    alpha: Any = 0.3
    sif_coefficient: Any = "auto"
    frequencies: str = "corpus"
    refine_steps: int = 400
    quantize_to: str = "float16"
    vocabulary_quantization: int | None = None
    pooling: str = "mean"
    split_sentences: bool = True
    max_sentences: int | None = 500_000
    cache_dir: str | os.PathLike[str] | None = None
    device: str | None = None
    dtype: str = "float32"
    random_state: Any = None
    verbose: bool = False

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        "n_sentences_",
        "alpha_",
        "r2_",
        "n_iter_",
    )

    @validates_parameters
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Distil the teacher.

        Parameters
        ----------
        X : iterable of str or None, default=None
            The corpus: any container of texts, or a generator, which is read once.
            None distils the teacher's vocabulary alone.
        y : None
            Ignored.

        Returns
        -------
        DistillTransformer
            The fitted transformer.

        Raises
        ------
        ImportError
            If the teacher needs torch or transformers, and they are not installed.
        OSError
            If the teacher cannot be loaded, or `cache_dir` not be read or written. What
            was embedded before is kept.
        TypeError, ValueError
            If a parameter is not possible, `X` holds no texts, or fewer than two
            different ones with known tokens, or the teacher does not give one finite
            vector a text.
        """
        remove = _compile(self.token_remove_pattern)
        self._check_together(X)
        seed = self.random_state
        # What scikit-learn makes of None is the global state.
        random_state = check_random_state(RandomState() if seed is None else seed)
        teacher = self._load_teacher()
        prior = self._find_prior(teacher, remove)
        texts = None
        if X is not None:
            texts = sample_sentences(
                X,
                self.max_sentences,
                split=self.split_sentences,
                missing=self.missing,
                random_state=random_state,
            )
        tokenizer, terms = self._add_terms(prior.tokenizer, texts)
        check_count(
            "vocabulary_quantization",
            self.vocabulary_quantization,
            vocabulary_size(tokenizer),
            "tokens",
        )
        figures: dict[str, Any] = {}
        with VectorCache(self.cache_dir, teacher) as cache, teacher.ready():
            if texts is None:
                vectors = prior.vectors(terms, cache, verbose=self.verbose)
                model = self._fit_vocabulary(vectors, tokenizer)
            else:
                corpus = read_corpus(
                    texts, tokenizer, min(teacher.max_length or _LENGTH, _LENGTH)
                )
                # The texts first: their cache is what a stopped fit goes on with.
                targets = cache.vectors(
                    corpus.texts, teacher.encode, verbose=self.verbose
                )
                vectors = prior.vectors(terms, cache, verbose=self.verbose)
                if not prior.is_weighted:
                    vectors = self._weigh(vectors, corpus.counts)
                model, figures = self._fit_texts(
                    corpus, tokenizer, targets, vectors, random_state
                )
        self.embedding_ = model.replace(
            tokenizer_name=teacher.name, pooling=self.pooling
        )
        for name in ("n_sentences_", "alpha_", "r2_", "n_iter_"):
            self.__dict__.pop(name, None)  # of an earlier fit
        self.__dict__.update(figures)
        return self

    def _check_together(self, X: Any) -> None:
        """Refuse parameters that do not go together, before any work."""
        pca_dims = _plain(self.pca_dims)
        if isinstance(pca_dims, float) and pca_dims >= 1:
            raise ValueError(
                f"pca_dims={pca_dims!r} is neither a number of dimensions, an int, nor "
                "a share of the variance, between 0 and 1"
            )
        needs_texts = {
            "vocabulary='corpus'": isinstance(self.vocabulary, str),
            "prune=True": self.prune,
            f"prior={self.prior!r}": not _is_auto(self.prior),
            "a teacher without a vocabulary": is_callable_teacher(self.teacher),
        }
        for what, is_so in needs_texts.items():
            if X is None and is_so:
                raise ValueError(
                    f"{what} needs texts, and fit(None) has none: call fit(X) with the "
                    "texts of a corpus"
                )

    def _load_teacher(self) -> Any:
        if is_callable_teacher(self.teacher):
            return CallableTeacher(self.teacher)
        for module in ("torch", "transformers"):
            require(module, extra="distill")
        from sk_m2v.distill.teachers._load import load_teacher

        return load_teacher(
            self.teacher, pooling=self.pooling, device=self.device, dtype=self.dtype
        )

    def _find_prior(self, teacher: Any, remove: re.Pattern[str] | None) -> Prior:
        if not (self.prior is None or _is_auto(self.prior)):
            return StaticPrior(as_embedding(self.prior))
        if isinstance(teacher, CallableTeacher):
            bundled = StaticPrior(as_embedding(None))
            return no_prior(bundled.tokenizer) if self.prior is None else bundled
        tokens = TeacherPrior(teacher, remove)
        return no_prior(tokens.tokenizer) if self.prior is None else tokens

    def _add_terms(
        self, tokenizer: str, texts: list[str] | None
    ) -> tuple[str, list[str]]:
        """Tokenizer with the terms of `vocabulary`, and those that it did not have."""
        if self.vocabulary is None:
            return tokenizer, []
        if texts is not None and isinstance(self.vocabulary, str):
            terms = frequent_terms(
                texts, tokenizer, min_df=self.min_df, max_terms=self.max_terms
            )
        else:
            terms = self.vocabulary
        return add_terms(tokenizer, terms)

    def _sif(self, frequencies: str) -> float | None:
        """Value of `sif_coefficient` for frequencies of one kind."""
        if _is_auto(self.sif_coefficient):
            return _SIF[frequencies]
        value: float | None = _plain(self.sif_coefficient)
        return value

    def _weigh(
        self, vectors: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Centre vectors of tokens, and make those of frequent ones shorter."""
        vectors = vectors - vectors.mean(axis=0)
        sif_coefficient = self._sif(self.frequencies)
        if sif_coefficient is None:
            return vectors
        if self.frequencies == "corpus":
            weights = corpus_weights(counts, sif_coefficient)
        else:
            weights = zipf_weights(len(vectors), sif_coefficient)
        return vectors * weights[:, None].astype(np.float32)

    def _fit_vocabulary(
        self, vectors: npt.NDArray[np.float32], tokenizer: str
    ) -> StaticEmbedding:
        """Distil without texts, as model2vec does."""
        pca_dims = _plain(self.pca_dims)
        sif_coefficient = self._sif("zipf")
        weights: npt.NDArray[np.floating[Any]] = np.ones(len(vectors))
        if sif_coefficient is not None:
            weights = zipf_weights(len(vectors), sif_coefficient)
        mapping = None
        if self.vocabulary_quantization is None:
            rows = pca(vectors, pca_dims)
            if sif_coefficient is not None:
                rows = rows * weights[:, None]
            stored, factors = PRECISIONS[self.quantize_to](rows)
        else:
            # Weights stay apart: tokens of one vector keep their own.
            centers, mapping = cluster_rows(vectors, self.vocabulary_quantization)
            stored, scale = PRECISIONS[self.quantize_to](pca(centers, pca_dims))
            factors = weights if scale is None else weights * scale[mapping]
        return StaticEmbedding(
            stored,
            tokenizer,
            weights=factors,
            token_mapping=mapping,
            config=_config(stored.shape[1], pca_dims, sif_coefficient),
        )

    def _fit_texts(
        self,
        corpus: Corpus,
        tokenizer: str,
        targets: npt.NDArray[np.float32],
        vectors: npt.NDArray[np.float32],
        random_state: RandomState,
    ) -> tuple[StaticEmbedding, dict[str, Any]]:
        """Fit vectors of tokens to those of texts."""
        shares = corpus.shares
        if self.prune:
            tokenizer, kept = prune_tokens(tokenizer, corpus.counts > 0)
            shares, vectors = shares[:, kept], vectors[kept]
        pca_dims = _plain(self.pca_dims)
        fit = fit_corpus(
            shares,
            targets,
            vectors,
            alpha=self.alpha,
            pca_dims=pca_dims,
            refine_steps=self.refine_steps,
            random_state=random_state,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        config = _config(fit.vectors.shape[1], pca_dims, _plain(self.sif_coefficient))
        config["corpus"] = {
            "n_sentences": len(corpus.texts),
            "alpha": fit.alpha,
            "r2": round(fit.r2, 4),
            "frequencies": self.frequencies,
            "refine_steps": int(self.refine_steps),
        }
        model = StaticEmbedding(fit.vectors, tokenizer, config=config).quantize(
            self.quantize_to, vocabulary_quantization=self.vocabulary_quantization
        )
        return model, {
            "n_sentences_": len(corpus.texts),
            "alpha_": fit.alpha,
            "r2_": fit.r2,
            "n_iter_": fit.n_iter,
        }

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

    def coverage(self, X: Any) -> Coverage:
        """How much of texts the vocabulary knows.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        Coverage
            Shares of unknown words and of words split into several tokens, and the most
            frequent of each: candidates for `vocabulary`.
        """
        check_is_fitted(self)
        return coverage(self.embedding_, as_texts(X, missing=self.missing))

    @property
    def _n_features_out(self) -> int:
        return self.embedding_.dim


def _plain(value: Any) -> Any:
    """Python's own type for a number of NumPy: the configuration is written as JSON."""
    return value.item() if isinstance(value, np.generic) else value


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _config(dim: int, pca_dims: Any, sif_coefficient: Any) -> dict[str, Any]:
    """Metadata as in a ``config.json`` of model2vec."""
    return {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "apply_pca": pca_dims,
        "sif_coefficient": sif_coefficient,
        "hidden_dim": dim,
        "seq_length": 1_000_000,
        "normalize": True,
        "max_length": _LENGTH,
    }


def _compile(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"token_remove_pattern={pattern!r} is no regular expression: {error}"
        ) from error
