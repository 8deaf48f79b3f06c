"""Parameters of distilling: constraint and text of each, and what goes together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar

from sk_m2v._base import ReadingParameters
from sk_m2v._messages import quoted
from sk_m2v._parameters import parameters
from sk_m2v._sklearn import HasMethods, Interval, RealNotInt, StrOptions
from sk_m2v.distill._settings import is_auto, plain
from sk_m2v.distill._teachers import as_prompts, as_teachers, as_weights
from sk_m2v.distill.teachers._callable import is_callable_teacher
from sk_m2v.distill.teachers._poolings import POOLINGS
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding._quantize import check_precision

# Where `sif_coefficient` is "auto". The second is that of model2vec, for guessed
# frequencies.
SIF = {"corpus": 1e-3, "zipf": 1e-4}


@parameters
class DistillParameters(ReadingParameters):  # numpydoc ignore=PR02
    """What is distilled, from which teacher, and how.

    Parameters
    ----------
    teacher : object
        A folder, the id of a model on the Hugging Face Hub, a pair
        ``(model, tokenizer)`` of `transformers`, a ``SentenceTransformer``; or any
        function, or object with a method `transform`, from a list of texts to a matrix
        with a row for each. A folder is read without network. A list of these is
        several teachers, whose vectors stand side by side; the first brings the
        tokenizer.
    teacher_weights : list of float or None
        For several teachers: how long the vectors of each are beside those of others,
        which are all centred and scaled alike before. None is the same for all.
    prompt : str, list of str or None
        What to put before each text, such as "query: ", or, in a list, for each teacher
        on its own. None is the default prompt that sentence-transformers has stored
        with a transformer, or nothing.
    pca_dims : int, float, "auto" or None
        Dimensions of the vectors: the number of principal components, or the share of
        the variance that they explain. "auto" has as many as the teacher,
        or all teachers together. They are ordered: the first say most. With texts, the
        first of all is a constant, which keeps, when a mean is normalised, how long it
        was. None leaves vectors in the space of the teacher; with texts, this ends with
        the regression, so that `transform` approximates the direction of the teacher's
        vectors less their mean.
    vocabulary : list of str, "corpus" or None
        Words and phrases that get a vector of their own in addition to the teacher's
        tokens, but for those that `token_remove_pattern` matches. "corpus" takes
        frequent ones that the tokenizer splits from `X`.
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
        Where a transformer runs, such as "cpu" or "cuda". None, or "auto", is "cuda"
        where there is one, else "cpu".
    dtype : {"float32", "bfloat16"}
        Type in which a transformer computes. bfloat16 is faster where the processor has
        it, and exact enough.
    random_state : int, RandomState or None
        Seed of the sample, of held-out texts and of the order of batches.
    n_jobs : int or None
        Number of threads of the solver and of `transform`. None is 1 unless in a joblib
        context, -1 is all.
    verbose : bool
        Whether to print what is done, and to show progress bars.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "teacher": [
            str,
            os.PathLike,
            tuple,
            callable,
            HasMethods("transform"),
            list,
        ],
        "teacher_weights": ["array-like", None],
        "prompt": [str, "array-like", None],
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
        "frequencies": [StrOptions(set(SIF))],
        "refine_steps": [Interval(Integral, 0, None, closed="left")],
        "quantize_to": [str],
        "vocabulary_quantization": [Interval(Integral, 1, None, closed="left"), None],
        "pooling": [StrOptions(set(POOLINGS))],
        "split_sentences": ["boolean"],
        "max_sentences": [Interval(Integral, 2, None, closed="left"), None],
        "cache_dir": [str, os.PathLike, None],
        "device": [str, None],
        "dtype": [StrOptions({"float32", "bfloat16"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    teacher: Any = field(
        default="sentence-transformers/all-MiniLM-L6-v2", kw_only=False
    )
    teacher_weights: Any = None
    prompt: str | Sequence[str] | None = None
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

    def _check_together(self, X: Any) -> None:
        """Refuse parameters that do not go together, before any work."""
        check_precision(self.quantize_to)
        teachers = as_teachers(self.teacher)
        as_prompts(self.prompt, len(teachers))
        as_weights(self.teacher_weights, len(teachers))
        pca_dims = plain(self.pca_dims)
        if isinstance(pca_dims, float) and pca_dims >= 1:
            raise ValueError(
                f"pca_dims={quoted(pca_dims)} is neither a number of dimensions, an "
                "int, nor a share of the variance, between 0 and 1"
            )
        needs_texts = {
            "vocabulary='corpus'": isinstance(self.vocabulary, str),
            "prune=True": self.prune,
            f"prior={quoted(self.prior)}": not is_auto(self.prior),
            "a list of several teachers": len(teachers) > 1,
            "a teacher without a vocabulary": is_callable_teacher(teachers[0]),
        }
        for what, is_so in needs_texts.items():
            if X is None and is_so:
                raise ValueError(
                    f"{what} needs texts, and fit(None) has none: call fit(X) with the "
                    "texts of a corpus"
                )
