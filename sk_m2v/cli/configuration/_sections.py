"""Which sections and keys a configuration has: the parameters of functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sk_m2v.cli.options._signatures import Parameter, parameters_of

# What `train.estimator` may be: names of classes, and those of the sections in which
# runs are tracked.
ESTIMATORS = {
    "FeatureExtractionClassifier": "FE",
    "StaticClassifier": "FT",
    "FromScratchClassifier": "PT",
    "StaticRegressor": "regression",
    "ContrastiveTransformer": "pairs",
}
NAMES = ", ".join(f"{name} ({short})" for name, short in ESTIMATORS.items())
DEFAULT_ESTIMATOR = "FeatureExtractionClassifier"


@dataclass(frozen=True)
class Section:  # numpydoc ignore=PR02
    """A section of a configuration.

    Parameters
    ----------
    source : str
        The function or class whose parameters are its keys.
    skip : frozenset of str
        Those that are given by the run itself.
    optional : bool
        Whether the run leaves out a step if there is no such section.
    """

    source: str
    skip: frozenset[str] = frozenset()
    optional: bool = False

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Its keys."""
        found = parameters_of(self.source)
        return {name: it for name, it in found.items() if name not in self.skip}


_RUNNING = "sk_m2v.cli.running"
SECTIONS = {
    "data": Section(f"{_RUNNING}._data.read_parts"),
    "prepare": Section(
        "sk_m2v.cli.preparing.prepare",
        frozenset({"parts", "text", "label", "random_state"}),
    ),
    "model": Section(
        "sk_m2v.StaticEmbedding.from_pretrained", frozenset({"token"}), optional=True
    ),
    "train": Section("", frozenset({"model", "random_state"})),
    "search": Section(
        f"{_RUNNING}._search.search",
        frozenset({"estimator", "X", "y", "random_state", "finished", "say"}),
        optional=True,
    ),
    "output": Section(f"{_RUNNING}._outputs.Outputs"),
    "track": Section(
        "sk_m2v.tracking.track",
        frozenset({"estimator", "X", "y", "X_test", "y_test", "configuration"}),
        optional=True,
    ),
}
# Beside the sections.
RANDOM_STATE, MADE = "random_state", "made"
# Keys whose values are files or folders.
PATHS = (
    ("data", "train"),
    ("data", "validation"),
    ("data", "test"),
    ("model", "path"),
    ("output", "folder"),
    ("track", "artifact_location"),
)
ESTIMATOR = Parameter(
    "estimator",
    "str",
    DEFAULT_ESTIMATOR,
    "{" + ", ".join(map(repr, [*ESTIMATORS, *ESTIMATORS.values()])) + "}",
    "What is trained: a classifier on fixed embeddings (FE), one that fine-tunes them "
    "(FT), one that is trained from texts alone (PT), a regressor, or an embedding of "
    "pairs.",
)


def estimator_name(values: Mapping[str, Any]) -> str:
    """Class of the estimator that a configuration trains.

    Parameters
    ----------
    values : mapping
        Sections.

    Returns
    -------
    str
        Its name, whichever name it was given.
    """
    train = values.get("train")
    name = train.get("estimator") if isinstance(train, Mapping) else None
    short = {it.lower(): cls for cls, it in ESTIMATORS.items()}
    return short.get(str(name).lower(), str(name or DEFAULT_ESTIMATOR))


def keys_of(section: str, estimator: str) -> dict[str, Parameter]:
    """Keys of a section.

    Parameters
    ----------
    section : str
        Its name.
    estimator : str
        Class of the estimator that is trained.

    Returns
    -------
    dict of str to Parameter
        Parameters by their names.
    """
    if section != "train":
        return SECTIONS[section].parameters
    of_class = Section(f"sk_m2v.{estimator}", SECTIONS["train"].skip)
    return {"estimator": ESTIMATOR, **of_class.parameters}
