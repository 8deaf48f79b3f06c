"""What a teacher, whatever it is, adds to the texts that a student learns from."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_m2v.train.heads._choice import Choice
from sk_m2v.train.labels._data import Part, Texts
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.teaching._teach import Lesson, teach
from sk_m2v.train.teaching._teachers import (
    ClassifierTeacher,
    Teacher,
    VectorTeacher,
    is_classifier_of_texts,
    vectors_of,
)


def take_lesson(
    teacher: Any,
    texts: list[str],
    train: Part,
    other_texts: list[str],
    others: Texts,
    labels: Labels,
    choice: Choice,
    *,
    device: str,
) -> tuple[Part, Lesson]:
    """Learn from a teacher what texts without labels are.

    Parameters
    ----------
    teacher : object
        A sentence transformer, a function to vectors, or a classifier.
    texts : list of str
        The labelled texts.
    train : Part
        What a student sees of them.
    other_texts : list of str
        Texts without labels.
    others : Texts
        What a student sees of these.
    labels : Labels
        The classes.
    choice : Choice
        Settings of the student.
    device : str
        Where a sentence transformer computes.

    Returns
    -------
    train : Part
        The labelled texts, and the others if they are worth it.
    lesson : Lesson
        What was learnt.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        If the teacher cannot be used.
    """
    features, Y, counts = train.features, train.Y, train.counts
    found: Teacher
    if is_classifier_of_texts(teacher):
        found = ClassifierTeacher(teacher, texts, Y, counts, labels, other_texts)
    else:
        vectors = vectors_of(teacher, [*texts, *other_texts], device)
        found = VectorTeacher(
            features,
            others.features,
            vectors[: len(texts)],
            vectors[len(texts) :],
            Y,
            train.weights,
            counts,
            labels,
        )
    truth = Y if labels.multilabel else np.eye(len(labels.classes_))[Y]
    lesson = teach(
        found,
        features,
        others.features,
        truth.astype(np.float64),
        train.weights,
        counts,
        choice,
        multilabel=labels.multilabel,
    )
    if lesson.weight:
        train = train.with_others(others, truth, lesson.answers, lesson.weight)
    return train, lesson
