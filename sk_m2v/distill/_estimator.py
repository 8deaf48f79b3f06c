"""`DistillTransformer`: a sentence transformer as a static embedding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from numpy.random import RandomState
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import TextTagsMixin
from sk_m2v._forked import safe_threads
from sk_m2v._parameters import parameters, public
from sk_m2v._progress import Stages
from sk_m2v._sklearn import (
    ClassNamePrefixFeaturesOutMixin,
    FitTask,
    Followed,
    validates_parameters,
)
from sk_m2v._text import as_texts
from sk_m2v.distill._fit_vocabulary import fit_vocabulary
from sk_m2v.distill._parameters import SIF, DistillParameters
from sk_m2v.distill._prior import Prior, find_prior, find_priors, prior_vectors
from sk_m2v.distill._settings import (
    MAX_LENGTH,
    compiled,
    is_auto,
    model_config,
    plain,
)
from sk_m2v.distill._teachers import (
    as_prompts,
    as_teachers,
    as_weights,
    load_teacher,
)
from sk_m2v.distill.corpus._fit import Corpus, Space, fit_corpus, read_corpus
from sk_m2v.distill.corpus._reduce import weigh
from sk_m2v.distill.corpus._sample import sample_sentences
from sk_m2v.distill.teachers._cache import VectorCache
from sk_m2v.distill.teachers._side_by_side import side_by_side
from sk_m2v.distill.vocabulary._coverage import Coverage, coverage
from sk_m2v.distill.vocabulary._prune import prune_tokens
from sk_m2v.distill.vocabulary._terms import add_terms, frequent_terms
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import check_count
from sk_m2v.embedding.tokens._tokens import vocabulary_size
from sk_m2v.persistence import PretrainedEstimator


@public("sk_m2v")
@parameters
class DistillTransformer(  # numpydoc ignore=PR02
    Followed,
    PretrainedEstimator,
    TextTagsMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    DistillParameters,
    Stages,
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

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        "n_sentences_",
        "alpha_",
        "r2_",
        "n_iter_",
    )

    @validates_parameters
    @safe_threads()
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
        remove = compiled(self.token_remove_pattern)
        self._check_together(X)
        seed = self.random_state
        # What scikit-learn makes of None is the global state.
        random_state = check_random_state(RandomState() if seed is None else seed)
        teachers = list(self._load_teachers())
        priors = find_priors(self.prior, teachers, remove)
        texts = None
        if X is not None:
            with self._stage("sentences"):
                texts = sample_sentences(
                    X,
                    self.max_sentences,
                    split=self.split_sentences,
                    missing=self.missing,
                    random_state=random_state,
                )
        tokenizer, terms = self._add_terms(priors[0].tokenizer, texts, remove)
        check_count(
            "vocabulary_quantization",
            self.vocabulary_quantization,
            vocabulary_size(tokenizer),
            "tokens",
        )
        figures: dict[str, Any] = {}
        # Texts, vocabulary, regression and refinement.
        fit = self._begin_fit(1 if texts is None else 4, texts)
        with ExitStack() as files:
            caches = [
                files.enter_context(VectorCache(self.cache_dir, it)) for it in teachers
            ]
            if texts is None:
                with fit.step("vocabulary"):
                    [vectors] = prior_vectors(
                        priors, terms, caches, verbose=self.verbose
                    )
                model = fit_vocabulary(
                    vectors,
                    tokenizer,
                    pca_dims=plain(self.pca_dims),
                    sif_coefficient=self._sif("zipf"),
                    quantize_to=self.quantize_to,
                    vocabulary_quantization=self.vocabulary_quantization,
                )
            else:
                with self._stage("tokenizing"):
                    limits = [it.max_length or MAX_LENGTH for it in teachers]
                    corpus = read_corpus(texts, tokenizer, min(MAX_LENGTH, *limits))
                # The texts first: their cache is what a stopped fit goes on with.
                with fit.step("texts"):
                    readers = self._readers(teachers)
                    targets, columns = side_by_side(
                        corpus.texts, readers, caches, verbose=self.verbose
                    )
                with fit.step("vocabulary"):
                    known = prior_vectors(priors, terms, caches, verbose=self.verbose)
                weights = as_weights(self.teacher_weights, len(teachers))
                spaces = [
                    Space(it.name, some, weight, self._weigh(vectors, prior, corpus))
                    for it, some, weight, vectors, prior in zip(
                        teachers, columns, weights, known, priors, strict=True
                    )
                ]
                model, figures = self._fit_texts(
                    corpus, tokenizer, targets, spaces, random_state, fit
                )
        names = [it.name for it in teachers]
        origin = {"teachers": names} if len(names) > 1 else {}
        self.embedding_ = model.replace(
            tokenizer_name=names[0], pooling=self.pooling, **origin
        )
        for name in ("n_sentences_", "alpha_", "r2_", "n_iter_"):
            self.__dict__.pop(name, None)  # of an earlier fit
        self.__dict__.update(figures)
        fit.end(dict)
        return self

    def _load_teachers(self) -> Iterator[Any]:
        """Load one teacher after the other, as they are asked for."""
        teachers = as_teachers(self.teacher)
        prompts = as_prompts(self.prompt, len(teachers))
        for teacher, prompt in zip(teachers, prompts, strict=True):
            yield load_teacher(
                teacher,
                prompt,
                pooling=self.pooling,
                device=self.device,
                dtype=self.dtype,
            )

    def _readers(self, teachers: list[Any]) -> list[Any]:
        """Who reads texts for each teacher: others may do it elsewhere."""
        return teachers

    def _add_terms(
        self, tokenizer: str, texts: list[str] | None, remove: re.Pattern[str] | None
    ) -> tuple[str, list[str]]:
        """Tokenizer with the terms of `vocabulary`, and those that it did not have."""
        if self.vocabulary is None:
            return tokenizer, []
        terms = self.vocabulary
        if isinstance(terms, str):
            assert texts is not None  # `_check_together` has seen to it
            with self._stage("frequent terms"):
                terms = frequent_terms(
                    texts, tokenizer, min_df=self.min_df, max_terms=self.max_terms
                )
        return add_terms(tokenizer, terms, remove)

    def _sif(self, frequencies: str) -> float | None:
        """Value of `sif_coefficient` for frequencies of one kind."""
        if is_auto(self.sif_coefficient):
            return SIF[frequencies]
        value: float | None = plain(self.sif_coefficient)
        return value

    def _weigh(
        self, vectors: npt.NDArray[np.float32], prior: Prior, corpus: Corpus
    ) -> npt.NDArray[np.float32]:
        """Vectors of tokens that are as long as their tokens matter."""
        if prior.is_weighted:
            return vectors
        counts = corpus.counts if self.frequencies == "corpus" else None
        return weigh(vectors, self._sif(self.frequencies), counts)

    def _fit_texts(
        self,
        corpus: Corpus,
        tokenizer: str,
        targets: npt.NDArray[np.float32],
        spaces: list[Space],
        random_state: RandomState,
        fit: FitTask,
    ) -> tuple[StaticEmbedding, dict[str, Any]]:
        """Fit vectors of tokens to those of texts."""
        shares = corpus.shares
        if self.prune:
            tokenizer, kept = prune_tokens(tokenizer, corpus.counts > 0)
            shares = shares[:, kept]
            spaces = [it._replace(prior=it.prior[kept]) for it in spaces]
        pca_dims = plain(self.pca_dims)
        found = fit_corpus(
            shares,
            targets,
            spaces,
            alpha=self.alpha,
            pca_dims=pca_dims,
            refine_steps=self.refine_steps,
            random_state=random_state,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            fit=fit,
        )
        config = model_config(
            found.vectors.shape[1], pca_dims, plain(self.sif_coefficient)
        )
        config["corpus"] = {
            "n_sentences": len(corpus.texts),
            "alpha": found.alpha,
            "r2": round(found.r2, 4),
            "frequencies": self.frequencies,
            "refine_steps": int(self.refine_steps),
        }
        for name in ("teacher_weights", "prompt"):
            if getattr(self, name) is not None:
                config["corpus"][name] = np.asarray(getattr(self, name)).tolist()
        model = StaticEmbedding(found.vectors, tokenizer, config=config).quantize(
            self.quantize_to, vocabulary_quantization=self.vocabulary_quantization
        )
        return model, {
            "n_sentences_": len(corpus.texts),
            "alpha_": found.alpha,
            "r2_": found.r2,
            "n_iter_": found.n_iter,
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

        Before `fit`, it is the vocabulary that `fit` would begin with: the tokens of
        the teacher, or of the `prior`, and the terms of a `vocabulary` that is a list.

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
        texts = as_texts(X, missing=self.missing)
        if hasattr(self, "embedding_"):
            return coverage(self.embedding_.tokenizer_json, texts)
        remove = compiled(self.token_remove_pattern)
        first = next(self._load_teachers())
        tokenizer = find_prior(self.prior, first, remove).tokenizer
        if not (self.vocabulary is None or isinstance(self.vocabulary, str)):
            tokenizer, _ = add_terms(tokenizer, self.vocabulary, remove)
        return coverage(tokenizer, texts)

    @property
    def _n_features_out(self) -> int:
        return self.embedding_.dim
