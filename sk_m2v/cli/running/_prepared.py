"""The parts of a training, read and prepared as a configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sk_m2v.cli.preparing import Report, prepare
from sk_m2v.cli.running._data import read_parts
from sk_m2v.cli.running._targets import read_labels, read_targets, targets
from sk_m2v.cli.running._texts import joined_texts
from sk_m2v.tables import Columns


def kind_of(estimator: Any) -> str:
    """What an estimator learns from.

    Parameters
    ----------
    estimator : estimator
        Any estimator that a configuration can name.

    Returns
    -------
    str
        "classes", "numbers" or "pairs".
    """
    from sklearn.base import is_classifier, is_regressor

    if is_regressor(estimator):
        return "numbers"
    return "classes" if is_classifier(estimator) else "pairs"


def prepared_parts(
    settings: Mapping[str, Any], estimator: Any
) -> tuple[dict[str, Columns], Report | None]:
    """Read the tables, make numbers or labels of cells, clean, and split.

    Parameters
    ----------
    settings : mapping
        A checked configuration.
    estimator : estimator
        What is going to learn from them.

    Returns
    -------
    parts : dict of str to Columns
        Tables by the names of parts.
    report : Report or None
        What was dropped; None if nothing was to be prepared.
    """
    data, kind = settings["data"], kind_of(estimator)
    parts = read_parts(**data)
    if kind == "classes":
        parts = read_labels(parts, data["label"], data["label_separator"])
    elif kind == "numbers":
        parts = {
            part: read_targets(
                it, data["label"], None, numbers=True, where=f"part {part}"
            )
            for part, it in parts.items()
        }
    if settings["prepare"] is False:
        return parts, None
    text = data["text"] or "text"
    both = [*([text] if isinstance(text, str) else text), data["label"]]
    prepared = prepare(
        parts,
        text=both if kind == "pairs" else text,
        label=None if kind == "pairs" else data["label"],
        random_state=settings["random_state"],
        **settings["prepare"],
    )
    return dict(prepared.parts), prepared.report


def texts_and_targets(
    part: Columns, settings: Mapping[str, Any], estimator: Any
) -> tuple[list[str], list[Any]]:
    """What an estimator takes of a part.

    Parameters
    ----------
    part : dict of str to list
        A table of `prepared_parts`.
    settings : mapping
        A checked configuration.
    estimator : estimator
        What is going to learn from it.

    Returns
    -------
    texts : list of str
        Texts.
    targets : list
        Their labels, numbers, or second texts.
    """
    data = settings["data"]
    texts = joined_texts(
        part, text=data["text"] or "text", text_separator=data["text_separator"]
    )
    numbers = kind_of(estimator) == "numbers"
    return texts, targets(part, data["label"], numbers=numbers)
