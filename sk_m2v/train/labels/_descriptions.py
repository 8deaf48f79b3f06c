"""What a user says of classes, where there are no labelled texts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sk_m2v._messages import listed, quoted
from sk_m2v._text import _rows
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._rows import _unique

# A capital after a small letter begins a word, and so does what is no letter or digit.
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def read_descriptions(labels: Any) -> tuple[Labels, list[list[str]]]:
    """Read classes and the texts that describe them.

    Parameters
    ----------
    labels : list of str, or dict of label to str or list of str
        Names that describe themselves, or descriptions.

    Returns
    -------
    classes : Labels
        The classes, sorted.
    descriptions : list of list of str
        Of each class, in their order: one or more texts.

    Raises
    ------
    TypeError, ValueError
        If these are not two or more different classes that are all described.

    Examples
    --------
    >>> from sk_m2v.train.labels._descriptions import read_descriptions
    >>> labels, descriptions = read_descriptions(["setAlarm", "rec.sport_hockey"])
    >>> descriptions
    [['rec sport hockey'], ['set Alarm']]
    """
    if labels is None:
        raise ValueError(
            "labels is None: pass the names of the classes, such as "
            "labels=['sports', 'politics'], or a dict of descriptions"
        )
    described = dict(labels) if isinstance(labels, Mapping) else _described(labels)
    if len(described) < 2:
        raise ValueError(
            "labels must be two or more different classes, got "
            f"{listed(described) if described else 'none'}"
        )
    texts = {label: _texts(label, it) for label, it in described.items()}
    classes = Labels(_unique([*texts], "labels"), "single")
    return classes, [texts[label] for label in classes.classes_.tolist()]


def words_of(name: str) -> str:
    """Words of a name such as those of columns and intents.

    Parameters
    ----------
    name : str
        Such as ``"comp.windows"``, ``"set_alarm"`` or ``"setAlarm"``.

    Returns
    -------
    str
        Its words, with spaces between.

    Examples
    --------
    >>> from sk_m2v.train.labels._descriptions import words_of
    >>> words_of("comp.windows"), words_of("set_alarm"), words_of("setAlarm")
    ('comp windows', 'set alarm', 'set Alarm')
    """
    return _BETWEEN.sub(" ", _CAMEL.sub(" ", name)).strip()


def _described(names: Any) -> dict[str, str]:
    """Names by themselves."""
    rows: Any = _rows(names)
    if not isinstance(rows, list):  # of an array without dimensions
        raise TypeError(
            "labels must be a list of names or a dict of descriptions, got "
            f"{quoted(rows)}"
        )
    described: dict[str, str] = {}
    for name in rows:
        if not isinstance(name, str):
            raise TypeError(
                f"labels has {quoted(name)}, which does not say what the class is "
                "about: pass a dict, such as {0: 'a description', 1: 'another'}"
            )
        if name in described:
            raise ValueError(f"labels has {quoted(name)} twice: list each class once")
        described[name] = words_of(name)
    return described


def _texts(label: Any, description: Any) -> list[str]:
    """Texts of a description."""
    texts = [description] if isinstance(description, str) else description
    if not isinstance(texts, Collection) or isinstance(texts, Mapping | bytes):
        raise TypeError(
            f"the description of the label {quoted(label)} must be a text or a list of "
            f"texts, got {quoted(description)}"
        )
    texts = [*texts]
    if not texts:
        raise ValueError(
            f"the label {quoted(label)} has no description: pass a text or some"
        )
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(
                f"the description of the label {quoted(label)} has {quoted(text)}, "
                "which is no text"
            )
        if not text.strip():
            raise ValueError(
                f"the description of the label {quoted(label)} is empty: say in words "
                "what its texts are about"
            )
    return texts
