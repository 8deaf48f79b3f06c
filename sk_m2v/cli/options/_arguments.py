"""Parameters as options of argparse."""

from __future__ import annotations

from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    Namespace,
    _ArgumentGroup,
)
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any

from sk_m2v.cli.options._signatures import REQUIRED, Parameter
from sk_m2v.cli.options._values import allowed, from_text

# What stands for a value in the help.
_METAVARS = {"int": "N", "float": "X", "list": "LIST", "tuple": "LIST", "dict": "DICT"}


def add_options(
    parser: ArgumentParser | _ArgumentGroup,
    parameters: Mapping[str, Parameter],
    section: str,
    *,
    skip: Collection[str] = (),
) -> None:
    """Add an option for each parameter.

    An option that is not given leaves no trace: defaults stand in signatures.

    Parameters
    ----------
    parser : ArgumentParser or group of one
        Gets the options.
    parameters : mapping of str to Parameter
        The parameters.
    section : str
        What they are of; see `given`.
    skip : collection of str, default=()
        Those that get no option.
    """
    for name, parameter in parameters.items():
        if name not in skip:
            add_option(parser, parameter, section)


def add_option(
    parser: ArgumentParser | _ArgumentGroup, parameter: Parameter, section: str
) -> None:
    """Add the option of a parameter.

    Parameters
    ----------
    parser : ArgumentParser or group of one
        Gets the option.
    parameter : Parameter
        The parameter.
    section : str
        What it is of; see `given`.
    """
    flag = f"--{parameter.name.replace('_', '-')}"
    dest = f"{section}.{parameter.name}"
    text = _help(parameter)
    if allowed(parameter).kinds == {"bool"}:
        parser.add_argument(
            flag, action=BooleanOptionalAction, dest=dest, default=SUPPRESS, help=text
        )
        return
    parser.add_argument(
        flag,
        dest=dest,
        type=_converter(parameter),
        action="append" if _many(parameter) else "store",
        default=SUPPRESS,
        metavar=_metavar(parameter),
        help=text,
    )


def given(options: Namespace, section: str) -> dict[str, Any]:
    """Parameters of a section that were given as options.

    Parameters
    ----------
    options : Namespace
        What argparse found.
    section : str
        The section.

    Returns
    -------
    dict of str to object
        Values by the names of parameters.
    """
    return {
        name.removeprefix(f"{section}."): _single(value)
        for name, value in vars(options).items()
        if name.startswith(f"{section}.")
    }


def nearest_option(option: str, parser: ArgumentParser) -> str:
    """Say what an unknown option may have been meant to be.

    Parameters
    ----------
    option : str
        What is unknown.
    parser : ArgumentParser
        What is known.

    Returns
    -------
    str
        For the end of a message; empty if nothing is near.
    """
    near = get_close_matches(option.partition("=")[0], parser._option_string_actions)
    return f". Do you mean {near[0]}?" if near else ""


def _many(parameter: Parameter) -> bool:
    return parameter.annotation.startswith("str | Sequence[str]")


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _converter(parameter: Parameter) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return from_text(text, parameter)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return convert


def _metavar(parameter: Parameter) -> str:
    may_be = allowed(parameter)
    if may_be.words and not may_be.kinds - {"none"}:
        return "{" + ",".join(may_be.words) + "}"
    if parameter.annotation.startswith("str |"):
        return "TEXT"
    for kind, metavar in _METAVARS.items():
        if kind in may_be.kinds:
            return metavar
    return "TEXT"


def _help(parameter: Parameter) -> str:
    text = parameter.text
    if _many(parameter):
        text += " May be given several times."
    if parameter.default is not REQUIRED:
        shown = "none" if parameter.default is None else parameter.default
        text += f" (default: {shown})"
    return text.replace("%", "%%")
