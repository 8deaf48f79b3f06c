"""`distill_classifier`: a slow classifier of texts as a static one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils import check_random_state

from sk_m2v._messages import quoted
from sk_m2v._parameters import public
from sk_m2v._progress import stage
from sk_m2v._text import as_texts
from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train._static import StaticClassifier
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._scoring import SMALLEST_PROBABILITY
from sk_m2v.train.labels._split import split_off
from sk_m2v.train.teaching._teachers import checked_probabilities

FloatArray = npt.NDArray[np.float64]

# How far the probabilities of a text may be from a sum of 1.
_ROUNDING = 1e-3


@public("sk_m2v.train")
@dataclass(frozen=True)
class Agreement:
    """How much a student agrees with its teacher, on texts that it did not learn from.

    Attributes
    ----------
    n_texts : int
        Texts that the student learnt from.
    n_held_out : int
        Texts on which they are compared.
    accuracy : float
        Part of them for which both predict the same class.
    divergence : float
        Mean Kullback-Leibler divergence of the student's probabilities from the
        teacher's, in nats: 0 if they are the same.
    by_class : dict of label to (int, float)
        For each class of the teacher's: how many texts it has, and for which part of
        them the student predicts it, too.
    """

    n_texts: int
    n_held_out: int
    accuracy: float
    divergence: float
    by_class: dict[Any, tuple[int, float]]

    def __str__(self) -> str:
        lines = [
            f"{self.n_texts:,} texts learnt from, {self.n_held_out:,} held out",
            f"{self.accuracy:.1%} the same class, divergence {self.divergence:.3f}",
        ]
        for label, (n_texts, part) in self.by_class.items():
            lines.append(f"{part:6.1%} of {n_texts:,} {label}")
        return "\n".join(lines)


def distill_classifier(
    classifier: Any,
    X: Iterable[str],
    *,
    classes: Sequence[Any] | None = None,
    student: BaseStaticClassifier | None = None,
    validation_fraction: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> tuple[BaseStaticClassifier, Agreement]:
    """Turn a slow classifier of texts into a static one that says nearly the same.

    It is asked once for each of the texts, which need no labels. The student learns its
    probabilities, and from then on predicts without it.

    Parameters
    ----------
    classifier : fitted classifier or callable
        Anything with `predict_proba` (or else `predict`) that takes a list of texts: a
        transformer, a pipeline. Or a function from a list of texts to probabilities or
        to labels, one of which a text has, such as the answers of an API.
    X : iterable of str
        Texts of the kind that are to be classified, the more, the better.
    classes : sequence of shape (n_classes,), default=None
        What the columns of the probabilities stand for. None asks ``classes_`` of the
        classifier; labels need none.
    student : BaseStaticClassifier, default=None
        What to make of it, which is cloned. None is ``StaticClassifier()``. A `head` of
        it learns the likeliest classes.
    validation_fraction : float, default=0.1
        Part of the texts on which both are compared. The student does not learn from
        them, nor does it set aside any of its own.
    random_state : int, RandomState or None, default=None
        Who chooses these texts, and the seed of a student without one.
    verbose : int, default=0
        Whether to print what is done.

    Returns
    -------
    student : BaseStaticClassifier
        Fitted.
    agreement : Agreement
        How much it agrees with the classifier. ``print(agreement)`` is readable.

    Raises
    ------
    TypeError, ValueError
        If the texts cannot be read, the answers are no probabilities of one class a
        text, or all texts have the same class.

    See Also
    --------
    StaticClassifier : Its parameter `teacher` is for a model that has to learn the task
        from labels first.

    Examples
    --------
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.train import distill_classifier
    >>> def slow(texts):
    ...     return ["question" if "?" in text else "other" for text in texts]
    >>> texts = ["who is there?", "it rains", "what now?", "I see", "why?", "so be it"]
    >>> student, agreement = distill_classifier(
    ...     slow, texts * 5, student=FeatureExtractionClassifier(), random_state=0
    ... )
    >>> student.predict(["how is it?"]).tolist()
    ['question']
    >>> agreement.accuracy
    1.0
    """
    student = StaticClassifier() if student is None else clone(student)
    if getattr(student, "teacher", None) is not None:
        raise ValueError(
            "the student has a teacher, and here the classifier is its teacher: leave "
            "the student's parameter teacher at None"
        )
    generator = check_random_state(random_state)
    if student.random_state is None:
        student.set_params(random_state=generator.randint(2**31 - 1))
    if not 0 < validation_fraction < 1:
        raise ValueError(
            f"validation_fraction={quoted(validation_fraction)} must be above 0 and "
            "below 1: it is the part of the texts on which both are compared"
        )
    texts = as_texts(X, missing=student.missing)
    if len(texts) < 2:
        raise ValueError(
            f"X has {len(texts)} sample(s), and a minimum of 2 is required: one to "
            "learn from, and one to compare on"
        )
    doing = f"the classifier reads {len(texts):,} texts"
    with stage("distill_classifier", doing, verbose):
        labels, shares = _answers(classifier, texts, classes)
    found = shares.argmax(axis=1)
    keep, out = split_off(found, validation_fraction, generator)
    if np.unique(found[keep]).size < 2:
        raise ValueError(
            f"the classifier gives all texts of X the same class, "
            f"{quoted(labels.classes_.tolist()[found[0]])}: there is nothing to learn"
        )
    student._fit_shares([texts[i] for i in keep], shares[keep], labels)
    theirs, held_out = shares[out], [texts[i] for i in out]
    return student, _compare(student, held_out, theirs, labels, len(keep))


def _answers(
    classifier: Any, texts: list[str], classes: Sequence[Any] | None
) -> tuple[Labels, FloatArray]:
    """Probabilities of classes, or labels as such."""
    name = getattr(classifier, "__name__", type(classifier).__name__)
    ask: Callable[[list[str]], Any]
    if hasattr(classifier, "predict_proba"):
        ask = classifier.predict_proba
    elif hasattr(classifier, "predict"):
        ask = classifier.predict
    elif callable(classifier):
        ask = classifier
    else:
        raise TypeError(
            f"classifier={quoted(classifier)} must have predict_proba or predict, or "
            "be a function from texts to probabilities or labels"
        )
    found = ask(texts)
    if isinstance(found, list) and found and np.ndim(found[0]) == 2:
        raise ValueError(
            f"{name} predicts several labels a text: distil a classifier of one class "
            "a text, or one for each label"
        )
    if np.ndim(found) == 1:
        labels = Labels.fit(found, classes)
        return labels, np.eye(len(labels.classes_))[labels.encode(found)]
    known = getattr(classifier, "classes_", None) if classes is None else classes
    if known is None:
        raise ValueError(
            f"{name} has no classes_: pass classes=, what the columns of its "
            "probabilities stand for"
        )
    known = np.asarray(known)
    labels = Labels.fit(known)
    shares = checked_probabilities(found, len(texts), len(known), name)
    sums = shares.sum(axis=1)
    wrong = abs(sums - 1) > _ROUNDING
    if wrong.any():
        row = int(wrong.argmax())
        total = round(float(sums[row]), 3)
        raise ValueError(
            f"probabilities of {name} sum to {quoted(total)} for text {int(row)}, and "
            "to 1 where each text has one class: distil one classifier for each of "
            "several labels"
        )
    # The classes of a student are sorted.
    ordered = np.empty_like(shares)
    ordered[:, labels.encode(known)] = shares / sums[:, None]
    return labels, ordered


def _compare(
    student: BaseStaticClassifier,
    texts: list[str],
    theirs: FloatArray,
    labels: Labels,
    n_texts: int,
) -> Agreement:
    """Compare a student with the answers of its teacher."""
    mine = student.predict_proba(texts)
    same = mine.argmax(axis=1) == theirs.argmax(axis=1)
    ratios = np.maximum(theirs, SMALLEST_PROBABILITY)
    ratios /= np.maximum(mine, SMALLEST_PROBABILITY)
    divergences = (theirs * np.log(ratios)).sum(axis=1)
    by_class = {}
    for index, label in enumerate(labels.classes_.tolist()):
        of_class = theirs.argmax(axis=1) == index
        if of_class.any():
            by_class[label] = int(of_class.sum()), float(same[of_class].mean())
    return Agreement(
        n_texts, len(texts), float(same.mean()), float(divergences.mean()), by_class
    )
