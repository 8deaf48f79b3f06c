"""From a teacher's answers to what a student learns: how far to trust it.

A teacher knows what words mean in their sentences, and may know nothing of these texts:
long ones, of which it reads the beginning, or in another language. Labels decide.
"""

from __future__ import annotations

from functools import cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v.train.features._features import Features
from sk_m2v.train.heads._choice import Choice
from sk_m2v.train.heads._folds import Folds
from sk_m2v.train.teaching._teachers import Teacher

FloatArray = npt.NDArray[np.float64]

# Weights of a text that the teacher answered, beside a labelled one. Who asks a teacher
# trusts it: the first is taken unless another is better.
_WEIGHTS = (1.0, 0.3, 0.0)
# Texts without labels by which weights are compared: the inner products of all pairs
# have to be in memory.
_MOST_OTHERS = 1_500


class Lesson(NamedTuple):
    """What a teacher says of texts without labels.

    Attributes
    ----------
    answers : ndarray of shape (n_others, n_classes)
        Probabilities of the classes.
    weight : float
        How much each text counts. 0 if the labels alone do better.
    temperature : float
        Of what is learnt from labels and answers.
    """

    answers: FloatArray
    weight: float
    temperature: float


def teach(
    teacher: Teacher,
    features: Features,
    others: Features,
    truth: FloatArray,
    weights: FloatArray,
    counts: FloatArray,
    choice: Choice,
    *,
    multilabel: bool,
) -> Lesson:
    """Ask a teacher for the classes of texts without labels.

    Parameters
    ----------
    teacher : Teacher
        Who answers.
    features, others : Features
        Of the labelled texts, and of those without labels.
    truth : ndarray of shape (n_texts, n_classes)
        Shares of the classes, or which labels.
    weights : ndarray of shape (n_texts,) or (n_texts, n_classes)
        How much each labelled text counts in learning.
    counts : ndarray of shape (n_texts,)
        How many texts each stands for.
    choice : Choice
        Settings of the regression that learns from it.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    Lesson
        The answers, and how much to trust them, by cross-validation.
    """
    some = np.arange(0, len(others.dense), max(len(others.dense) / _MOST_OTHERS, 1))
    rows = some.astype(np.intp)
    folds = Folds(
        features, truth, weights, counts, multilabel, others=others.rows(rows)
    )
    answers = teacher.answers(np.arange(len(truth)))
    if not folds.judged.any():
        return Lesson(answers, _WEIGHTS[0], choice.temperature)
    by_fold = [teacher.answers(rest)[rows] for rest in folds.remaining()]
    scores = partial(folds.scores, choice.C, choice.embedding_weight)

    @cache
    def learnt(weight: float) -> tuple[FloatArray, float]:
        found = scores(answers=by_fold, weight=weight) if weight else scores()
        return folds.cooled(found)

    weight = folds.best(_WEIGHTS, lambda it: learnt(it)[0])
    return Lesson(answers, weight, learnt(weight)[1])
