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
from sk_m2v.train.features._topics import Topics
from sk_m2v.train.heads._fit import as_linear
from sk_m2v.train.heads._folds import Folds
from sk_m2v.train.heads._head import Head
from sk_m2v.train.heads._logistic import as_shares, fit_logistic

FloatArray = npt.NDArray[np.float64]
Setting = float | Literal["auto"]

# In the middle of what was chosen for twelve data sets of 1,000 texts; the others have
# to show that they are better.
DEFAULT_C = 10.0
DEFAULT_WEIGHT = 1.5
_CS = (2.0, 50.0)
_WEIGHTS = (0.5, 0.7, 1.0, 2.2)
_TOPICS = (0.5, 1.0)


class Choice(NamedTuple):
    """Settings of a logistic regression.

    Attributes
    ----------
    C : float
        Inverse of the regularisation.
    embedding_weight : float
        Factor of the embedding.
    topic_weight : float
        Factor of the topics; 0 for none.
    temperature : float
        By what to divide scores, so that probabilities are as sure as they are right.
    """

    C: float
    embedding_weight: float
    topic_weight: float = 0.0
    temperature: float = 1.0

    def attributes(self) -> dict[str, float]:
        """Fitted attributes of an estimator.

        Returns
        -------
        dict of str to float
            With an underscore at the end.
        """
        known = self._asdict()
        return {f"{it}_": known[it] for it in ("C", "embedding_weight", "temperature")}


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


def settled_head(
    features: Features,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    choice: Choice,
    *,
    n_classes: int,
    multilabel: bool,
    topics: Topics | None = None,
) -> tuple[Head, list[Any]]:
    """Fit the default head with settings that were chosen.

    Parameters
    ----------
    features, Y, weights : object
        As in `choose`.
    choice : Choice
        The settings.
    n_classes : int
        Number of classes or labels, also of those that no text has.
    multilabel, topics : object
        As in `choose`.

    Returns
    -------
    head : Head
        With scores divided by the temperature, and with weights of topics put on
        lexical features.
    fitted : list of LogisticRegression or DummyClassifier
        The same, as `fit_logistic` returns them.
    """
    heads = _fit_settled(
        features, Y, weights, choice, multilabel=multilabel, topics=topics
    )
    head = as_linear(
        heads,
        features.n_lexical,
        features.dense.shape[1],
        embedding_weight=choice.embedding_weight,
        n_classes=n_classes,
        multilabel=multilabel,
    )
    assert head is not None  # logistic regressions are linear
    return head, heads


def _fit_settled(
    features: Features,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    choice: Choice,
    *,
    multilabel: bool,
    topics: Topics | None,
) -> list[Any]:
    """Logistic regressions on the features, whatever they were fitted with."""
    embedding_weight, beside = choice.embedding_weight, features
    if topics is not None and choice.topic_weight:
        # Two factors for two kinds of columns.
        extra = topics.of(features.lexical()) * (choice.topic_weight / embedding_weight)
        dense = np.hstack([features.dense, extra.astype(np.float32)])
        beside = Features(features.blocks, dense)
    heads = fit_logistic(
        beside, embedding_weight, Y, weights, C=choice.C, multilabel=multilabel
    )
    n_lexical = features.n_lexical
    n_features = n_lexical + features.dense.shape[1]
    for head in heads:
        if not hasattr(head, "coef_"):
            continue
        coef, of_topics = np.split(
            head.coef_ / choice.temperature, [n_features], axis=1
        )
        if topics is not None and of_topics.size:
            of_topics *= choice.topic_weight
            coef[:, :n_lexical] = topics.put_on(coef[:, :n_lexical], of_topics)
        head.coef_ = np.ascontiguousarray(coef)
        head.n_features_in_ = n_features
        head.intercept_ = head.intercept_ / choice.temperature
    return heads


def choose(
    features: Features,
    Y: npt.NDArray[Any],
    weights: FloatArray,
    counts: FloatArray,
    *,
    C: Setting,
    embedding_weight: Setting,
    multilabel: bool,
    topics: Topics | None = None,
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
    topics : Topics or None
        What was learnt from texts without labels.

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
        DEFAULT_C if isinstance(C, str) else float(C), as_number(embedding_weight)
    )
    if not (isinstance(C, str) or isinstance(embedding_weight, str)):
        return choice
    truth = Y.astype(np.float64) if multilabel else as_shares(Y)[1]
    of_texts = None if topics is None else topics.of(features.lexical())
    folds = Folds(features, truth, weights, counts, multilabel, topics=of_texts)
    if not folds.judged.any():
        return choice

    @cache
    def left_out(
        C: float, embedding_weight: float, topic_weight: float
    ) -> tuple[FloatArray, float]:
        return folds.cooled(folds.scores(C, embedding_weight, topic_weight))

    def best(setting: str, values: Iterable[float]) -> Choice:
        others = [choice._replace(**{setting: it}) for it in values]
        return folds.best([choice, *others], lambda it: left_out(*it[:3])[0])

    if isinstance(embedding_weight, str):
        choice = best("embedding_weight", _WEIGHTS)
    if isinstance(C, str):
        choice = best("C", _CS)
    if topics is not None:
        choice = best("topic_weight", _TOPICS)
    choice = choice._replace(temperature=left_out(*choice[:3])[1])
    if folds.share == 1:
        return choice
    # What more texts make needless is taken back in part: to hold weights back, to lean
    # on meaning, to be surer than scores are. What they make more needful stays.
    power = folds.share**0.5
    if isinstance(C, str):
        shrunk = DEFAULT_C * (choice.C / DEFAULT_C) ** power
        choice = choice._replace(C=max(choice.C, shrunk))
    if isinstance(embedding_weight, str):
        shrunk = DEFAULT_WEIGHT * (choice.embedding_weight / DEFAULT_WEIGHT) ** power
        choice = choice._replace(embedding_weight=min(choice.embedding_weight, shrunk))
    temperature = max(choice.temperature, choice.temperature**power)
    return choice._replace(temperature=temperature)
