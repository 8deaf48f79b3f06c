"""What the logistic regression leaves open, chosen by cross-validation.

How much its weights may grow, how much the embedding counts beside single words, and
how sure it may be depend on the texts: on how many there are, and whether their classes
are told apart by words or by meaning. A few folds say so: what is compared is the loss
of texts that were left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v.train.features._features import Features
from sk_m2v.train.heads._folds import Folds, temperature_of
from sk_m2v.train.heads._logistic import as_shares, fit_logistic

FloatArray = npt.NDArray[np.float64]
Setting = float | Literal["auto"]

# In the middle of what was chosen for twelve data sets of 1,000 texts; the others have
# to show that they are better.
DEFAULT_C = 10.0
DEFAULT_WEIGHT = 1.5
_CS = (2.0, 50.0)
_WEIGHTS = (0.5, 0.7, 1.0, 2.2)
# Better by so many standard errors: with few texts, differences are mostly chance.
_DOUBT = 0.5


class Choice(NamedTuple):
    """Settings of a logistic regression.

    Attributes
    ----------
    C : float
        Inverse of the regularisation.
    embedding_weight : float
        Factor of the embedding.
    temperature : float
        By what to divide scores, so that probabilities are as sure as they are right.
    """

    C: float
    embedding_weight: float
    temperature: float

    def attributes(self) -> dict[str, float]:
        """Fitted attributes of an estimator.

        Returns
        -------
        dict of str to float
            With an underscore at the end.
        """
        return {f"{name}_": value for name, value in self._asdict().items()}


def as_number(embedding_weight: Setting) -> float:
    """Factor of the embedding where nothing chooses it.

    Parameters
    ----------
    embedding_weight : float or "auto"
        The parameter.

    Returns
    -------
    float
        The number.
    """
    if isinstance(embedding_weight, str):
        return DEFAULT_WEIGHT
    return float(embedding_weight)


def fit_chosen(
    features: Features,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    counts: FloatArray,
    *,
    C: Setting,
    embedding_weight: Setting,
    multilabel: bool,
) -> tuple[list[Any], Choice]:
    """Fit the default head with settings chosen for the texts.

    Parameters
    ----------
    features, Y, weights, counts, C, embedding_weight, multilabel : object
        As in `choose`.

    Returns
    -------
    heads : list of LogisticRegression or DummyClassifier
        As `fit_logistic` returns them, with scores divided by the temperature.
    choice : Choice
        The settings.
    """
    choice = choose(
        features,
        Y,
        weights,
        counts,
        C=C,
        embedding_weight=embedding_weight,
        multilabel=multilabel,
    )
    heads = fit_logistic(
        features,
        choice.embedding_weight,
        Y,
        weights,
        C=choice.C,
        multilabel=multilabel,
    )
    for head in heads:
        if hasattr(head, "coef_"):
            head.coef_ /= choice.temperature
            head.intercept_ = head.intercept_ / choice.temperature
    return heads, choice


def choose(
    features: Features,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    counts: FloatArray,
    *,
    C: Setting,
    embedding_weight: Setting,
    multilabel: bool,
) -> Choice:
    """Choose what is "auto".

    Parameters
    ----------
    features : Features
        Of the texts.
    Y : ndarray of shape (n_texts,), dtype int64, or (n_texts, n_classes)
        Indices of classes, their probabilities, or which labels a text has.
    weights : ndarray of shape (n_texts,) or (n_texts, n_labels)
        Of each text, or of each text for each label, in learning.
    counts : ndarray of shape (n_texts,)
        How often each text stands for, where losses are compared.
    C, embedding_weight : float or "auto"
        A number is taken as it is. If both are numbers, nothing is done, and the
        temperature is 1.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    Choice
        Numbers for all of them.

    References
    ----------
    The temperature is that of C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On
    Calibration of Modern Neural Networks" (ICML 2017), fitted to all folds.
    """
    choice = Choice(
        DEFAULT_C if isinstance(C, str) else float(C), as_number(embedding_weight), 1.0
    )
    if not (isinstance(C, str) or isinstance(embedding_weight, str)):
        return choice
    truth = Y.astype(np.float64) if multilabel else as_shares(Y)[1]
    folds = Folds(features, truth, weights, counts, multilabel)
    if not folds.judged.any():
        return choice
    n_texts = folds.counts.sum()

    @cache
    def left_out(C: float, embedding_weight: float) -> tuple[FloatArray, float]:
        scores = folds.scores(C, embedding_weight)
        temperature = temperature_of(scores, folds.truth, folds.counts, multilabel)
        return folds.losses(scores / temperature), temperature

    def best(candidates: Iterable[Choice], choice: Choice) -> Choice:
        known, _ = left_out(*choice[:2])
        least = 0.0
        for candidate in candidates:
            gains = left_out(*candidate[:2])[0] - known
            mean = float(np.average(gains, weights=folds.counts))
            spread = np.average((gains - mean) ** 2, weights=folds.counts) ** 0.5
            doubt = _DOUBT * float(spread) / n_texts**0.5
            if mean + doubt < least:
                choice, least = candidate, mean + doubt
        return choice

    if isinstance(embedding_weight, str):
        choice = best((choice._replace(embedding_weight=it) for it in _WEIGHTS), choice)
    if isinstance(C, str):
        choice = best((choice._replace(C=it) for it in _CS), choice)
    return choice._replace(temperature=left_out(*choice[:2])[1])
