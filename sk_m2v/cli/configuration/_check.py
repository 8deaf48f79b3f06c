"""Check a configuration, and fill in what it does not say."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.cli.configuration._read import Configuration
from sk_m2v.cli.configuration._sections import (
    ESTIMATOR,
    MADE,
    PATHS,
    RANDOM_STATE,
    SECTIONS,
    estimator_name,
    keys_of,
)
from sk_m2v.cli.options._signatures import REQUIRED, Parameter
from sk_m2v.cli.options._values import from_value


def check(configuration: Configuration) -> dict[str, Any]:
    """Check sections, keys and types, and fill in defaults.

    Parameters
    ----------
    configuration : Configuration
        As read.

    Returns
    -------
    dict
        All sections with all their keys; None for those that the run leaves out. Paths
        are relative to the working directory.

    Raises
    ------
    ValueError
        If something is unknown, missing, or no such value; it says where that stands.
    """
    values = configuration.values
    _check_sections(configuration)
    estimator = checked_estimator(configuration)
    found: dict[str, Any] = {RANDOM_STATE: _random_state(configuration)}
    for name, section in SECTIONS.items():
        given = values.get(name)
        if given in (None, False) and section.optional:
            found[name] = None
            continue
        if name == "prepare" and given is False:
            found[name] = False
            continue
        keys = keys_of(name, estimator)
        given = _table(configuration, name, given)
        if name == "train":
            given = {**given, "estimator": estimator}
        for key in given:
            if key not in keys:
                raise _unknown(configuration, (name, key), estimator)
        made = {}
        for key, parameter in keys.items():
            if key in given:
                made[key] = (
                    estimator
                    if parameter is ESTIMATOR
                    else value_of(configuration, name, parameter)
                )
            elif parameter.default is REQUIRED:
                raise configuration.error(
                    (name,),
                    f"{shortened(name)}.{shortened(key)} is missing: "
                    f"{shortened(parameter.text)}",
                )
            else:
                made[key] = parameter.default
        found[name] = made
    _resolve_paths(configuration, found)
    if MADE in values:
        found[MADE] = {
            key: _table(configuration, f"{MADE}.{key}", it)
            for key, it in _table(configuration, MADE, values[MADE]).items()
        }
    return found


def checked_estimator(configuration: Configuration) -> str:
    """Class of the estimator that a configuration trains, if there is one.

    Parameters
    ----------
    configuration : Configuration
        As read.

    Returns
    -------
    str
        Its name, whichever name it was given.

    Raises
    ------
    ValueError
        If there is no such estimator; it says where that stands.
    """
    train = _table(configuration, "train", configuration.values.get("train"))
    if "estimator" in train:
        try:
            # Short names are the same in any case.
            from_value(estimator_name(configuration.values), ESTIMATOR)
        except ValueError as error:
            keys = ("train", "estimator")
            message = f"train.estimator: {error}"
            raise configuration.error(keys, message) from None
    return estimator_name(configuration.values)


def value_of(configuration: Configuration, section: str, parameter: Parameter) -> Any:
    """Value of a key that is given.

    Parameters
    ----------
    configuration : Configuration
        As read.
    section : str
        Where the key is.
    parameter : Parameter
        What it is.

    Returns
    -------
    object
        As `from_value`.

    Raises
    ------
    ValueError
        If the parameter cannot be that; it says where it stands.
    """
    keys = (section, parameter.name)
    try:
        return from_value(configuration.values[section][parameter.name], parameter)
    except ValueError as error:
        message = f"{'.'.join(keys)}: {error}"
        raise configuration.error(keys, message) from None


def _check_sections(configuration: Configuration) -> None:
    names = [*SECTIONS, RANDOM_STATE]
    for name in configuration.values:
        if name not in (*names, MADE):
            near = get_close_matches(name, names, n=1, cutoff=0.5)
            hint = (
                f"Do you mean {near[0]}?" if near else f"There are {listed(names, 9)}"
            )
            raise configuration.error(
                (name,), f"there is no section {quoted(name)}. {hint}"
            )


def _random_state(configuration: Configuration) -> int:
    # A run can be repeated: there is a seed in any case.
    seed = configuration.values.get(RANDOM_STATE, 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise configuration.error(
            (RANDOM_STATE,),
            f"random_state: expected a number from 0 to {2**32 - 1}, got "
            f"{quoted(seed)}",
        )
    return seed


def _table(configuration: Configuration, name: str, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise configuration.error(
            (name,), f"{name} is a section with keys, got {quoted(given)}"
        )
    return given


def _unknown(
    configuration: Configuration, keys: tuple[str, str], estimator: str
) -> ValueError:
    """Error for a key that there is not, with the nearest one that there is."""
    section, key = keys
    known = keys_of(section, estimator)
    elsewhere = [it for it in SECTIONS if key in keys_of(it, estimator)]
    near = get_close_matches(key, known, n=1, cutoff=0.6)
    if key == RANDOM_STATE:
        hint = "It stands above all sections"
    elif section == "train" and key == "model":
        hint = "The model to start from is model.path"
    elif elsewhere:
        hint = f"It is a key of section {elsewhere[0]}"
    elif near:
        hint = f"Do you mean {near[0]}?"
    else:
        similar = get_close_matches(key, known, n=len(known), cutoff=0)
        hint = f"The nearest are {listed(similar)}"
    of = f" of {estimator}" if section == "train" else ""
    return configuration.error(
        keys, f"section {section} has no key {quoted(key)}{of}. {hint}"
    )


def _resolve_paths(configuration: Configuration, found: dict[str, Any]) -> None:
    """Make paths relative to the working directory."""
    for section, key in PATHS:
        value = (found[section] or {}).get(key)
        if value is None:
            continue
        folder = configuration.folder((section, key))
        if isinstance(value, list):
            found[section][key] = [_joined(folder, it) for it in value]
        # A model may be one of the hub.
        elif section != "model" or (folder / value).exists():
            found[section][key] = _joined(folder, value)


def _joined(folder: Path, path: str) -> str:
    return os.path.normpath(folder / path) if path != "-" else path
