"""What is known of tokens before any sentence was read: their tokenizer and vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from sk_m2v.distill.teachers._cache import VectorCache
from sk_m2v.distill.vocabulary._cut import Vocabulary, cut_tokenizer
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


class TeacherPrior:
    """The vectors that a teacher gives to tokens on their own, as in model2vec.

    Parameters
    ----------
    teacher : TransformerTeacher
        The teacher.
    remove : compiled regular expression or None
        Tokens to leave out.
    """

    is_weighted = False

    def __init__(
        self, teacher: TransformerTeacher, remove: re.Pattern[str] | None
    ) -> None:
        self._teacher = teacher
        self._vocabulary: Vocabulary = cut_tokenizer(
            teacher.tokenizer_json,
            unk_token=teacher.unk_token,
            pad_token=teacher.pad_token,
            remove=remove,
        )

    @property
    def tokenizer(self) -> str:
        """Contents of its ``tokenizer.json``."""
        return self._vocabulary.tokenizer

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
        sequences = [*self._vocabulary.sequences, *map(self._teacher.read, terms)]
        return cache.vectors(
            sequences, self._teacher.embed_tokens, unit="tokens", verbose=verbose
        )


@dataclass(frozen=True)
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
