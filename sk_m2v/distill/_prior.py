"""What is known of tokens before any sentence was read: their tokenizer and vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from sk_m2v._base import as_embedding
from sk_m2v.distill._settings import is_auto
from sk_m2v.distill.teachers._cache import VectorCache
from sk_m2v.distill.teachers._callable import CallableTeacher
from sk_m2v.distill.vocabulary._cut import cut_tokenizer
from sk_m2v.distill.vocabulary._foreign import read_tokens
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._tokens import vocabulary_size

if TYPE_CHECKING:
    from sk_m2v.distill.teachers._transformer import TransformerTeacher

FloatArray = npt.NDArray[np.float32]


class Prior(Protocol):
    """A vocabulary whose tokens have vectors."""

    #: Whether vectors are as long as their tokens matter.
    is_weighted: bool

    @property
    def tokenizer(self) -> str:
        """Contents of its ``tokenizer.json``."""

    def vectors(
        self, terms: Sequence[str], cache: VectorCache, *, verbose: bool
    ) -> FloatArray:
        """Vectors of all tokens, those of terms added to them last.

        Parameters
        ----------
        terms : sequence of str
            The terms.
        cache : VectorCache
            Keeps what the teacher computes.
        verbose : bool
            Whether to show a progress bar.

        Returns
        -------
        ndarray of shape (n_tokens + n_terms, dim), dtype float32
            The vectors.
        """


@dataclass(frozen=True, eq=False)
class TeacherPrior:
    """The vectors that a teacher gives to tokens on their own, as in model2vec.

    Attributes
    ----------
    teacher : TransformerTeacher
        The teacher.
    tokenizer : str
        Contents of the ``tokenizer.json`` that has the tokens.
    sequences : list of list of int
        The ids with which the teacher reads each of them.
    """

    teacher: TransformerTeacher
    tokenizer: str
    sequences: list[list[int]]
    is_weighted = False

    def vectors(
        self, terms: Sequence[str], cache: VectorCache, *, verbose: bool
    ) -> FloatArray:
        """Vectors of all tokens, those of terms added to them last.

        Parameters
        ----------
        terms : sequence of str
            The terms, which the teacher reads like texts.
        cache : VectorCache
            Keeps what the teacher computes.
        verbose : bool
            Whether to show a progress bar.

        Returns
        -------
        ndarray of shape (n_tokens + n_terms, dim), dtype float32
            The vectors.
        """
        sequences = [*self.sequences, *map(self.teacher.read, terms)]
        with self.teacher.ready():
            return cache.vectors(
                sequences, self.teacher.embed_tokens, unit="tokens", verbose=verbose
            )


@dataclass(frozen=True, eq=False)
class StaticPrior:
    """The vectors of another static embedding.

    Attributes
    ----------
    model : StaticEmbedding
        The model.
    """

    model: StaticEmbedding
    is_weighted = True

    @property
    def tokenizer(self) -> str:
        """Contents of its ``tokenizer.json``."""
        return self.model.tokenizer_json

    def vectors(
        self, terms: Sequence[str], cache: VectorCache, *, verbose: bool
    ) -> FloatArray:
        """Vectors of all tokens, those of terms added to them last.

        Parameters
        ----------
        terms : sequence of str
            The terms: the mean of what the model makes of them.
        cache : VectorCache
            Not needed.
        verbose : bool
            Not needed.

        Returns
        -------
        ndarray of shape (n_tokens + n_terms, dim), dtype float32
            The vectors.
        """
        added = self.model.encode(list(terms), normalize=False)
        vectors = self.model._folded_vectors().astype(np.float32)
        return np.vstack([vectors, added])


def no_prior(tokenizer: str) -> StaticPrior:
    """A vocabulary of which nothing else is known.

    Parameters
    ----------
    tokenizer : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    StaticPrior
        Zeros for all tokens.
    """
    zeros = np.zeros((vocabulary_size(tokenizer), 1), np.float32)
    return StaticPrior(StaticEmbedding(zeros, tokenizer))


def find_prior(
    prior: Any,
    teacher: TransformerTeacher | CallableTeacher,
    remove: re.Pattern[str] | None,
) -> Prior:
    """What a user wants to know of tokens, and which tokens there are.

    Parameters
    ----------
    prior : "auto", StaticEmbedding, str, path or None
        As in `DistillTransformer`.
    teacher : TransformerTeacher or CallableTeacher
        The teacher, of several the first. It brings the tokenizer where it has one and
        `prior` has none.
    remove : compiled regular expression or None
        Tokens of the teacher to leave out.

    Returns
    -------
    Prior
        The tokens, and their vectors for this teacher.
    """
    if not (prior is None or is_auto(prior)):
        return StaticPrior(as_embedding(prior))
    if isinstance(teacher, CallableTeacher):
        bundled = StaticPrior(as_embedding(None))
        return no_prior(bundled.tokenizer) if prior is None else bundled
    vocabulary = cut_tokenizer(
        teacher.tokenizer_json,
        unk_token=teacher.unk_token,
        pad_token=teacher.pad_token,
        remove=remove,
    )
    if prior is None:
        return no_prior(vocabulary.tokenizer)
    return TeacherPrior(teacher, vocabulary.tokenizer, vocabulary.sequences)


def find_priors(
    prior: Any,
    teachers: Sequence[TransformerTeacher | CallableTeacher],
    remove: re.Pattern[str] | None,
) -> list[Prior]:
    """What is known of tokens for each teacher.

    Parameters
    ----------
    prior : "auto", StaticEmbedding, str, path or None
        As in `DistillTransformer`.
    teachers : sequence of TransformerTeacher or CallableTeacher
        The teachers.
    remove : compiled regular expression or None
        Tokens of the first teacher to leave out.

    Returns
    -------
    list of Prior
        One for each teacher. The first brings the tokenizer. It is also that of
        functions, which say nothing of tokens, and a prior that was chosen is for all.
    """
    first = find_prior(prior, teachers[0], remove)
    priors = [first]
    for teacher in teachers[1:]:
        if is_auto(prior) and not isinstance(teacher, CallableTeacher):
            sequences = read_tokens(
                first.tokenizer, teacher.tokenizer_json, teacher.read
            )
            priors.append(TeacherPrior(teacher, first.tokenizer, sequences))
        else:
            priors.append(first)
    return priors


def prior_vectors(
    priors: list[Prior],
    terms: Sequence[str],
    caches: Sequence[VectorCache],
    *,
    verbose: bool,
) -> list[FloatArray]:
    """Vectors of all tokens, for each teacher.

    Parameters
    ----------
    priors : list of Prior
        As of `find_priors`.
    terms : sequence of str
        Terms added to the tokens.
    caches : sequence of VectorCache
        The cache of each teacher.
    verbose : bool
        Whether to show progress bars.

    Returns
    -------
    list of ndarray of shape (n_tokens + n_terms, dim), dtype float32
        The vectors. Those of a prior that several teachers have are one array.
    """
    found: list[FloatArray] = []
    for prior, cache in zip(priors, caches, strict=True):
        place = priors.index(prior)
        found.append(
            found[place]
            if place < len(found)
            else prior.vectors(terms, cache, verbose=verbose)
        )
    return found
