"""Parameters that several estimators share stand once: default, constraint and text.

A mix-in declares them as fields, as a dataclass does, with `_parameter_constraints` and
a section "Parameters" in its docstring. An estimator inherits them, may change defaults
or texts, and gets a complete `__init__`, constraints and docstring.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T", bound=type)

_HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
# Sections of which a class inherits entries.
_INHERITED = ("Parameters", "Attributes")

Entries = dict[str, tuple[str, str]]  # of a name: its type, and what is said of it


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
def parameters(cls: T) -> T:
    """Decorate a class that declares parameters, or inherits them.

    Parameters
    ----------
    cls : type
        Its annotated class attributes are parameters, given by keyword.

    Returns
    -------
    type
        The class, with an `__init__` that only stores them.

    Examples
    --------
    >>> from sk_m2v._base import TextParameters
    >>> from sk_m2v._parameters import parameters
    >>> @parameters
    ... class Reader(TextParameters):
    ...     '''Reads texts.'''
    ...     n_jobs: int | None = 2
    >>> "n_jobs : int or None, default=2" in Reader.__doc__
    True
    >>> Reader(missing="empty").n_jobs
    2
    """
    made: Any = dataclass(eq=False, repr=False, kw_only=True)(cls)
    made.__init__.__signature__ = _signature(made)
    constraints: dict[str, Any] = {}
    for base in reversed(made.__mro__):
        constraints |= vars(base).get("_parameter_constraints", {})
    made._parameter_constraints = constraints
    if made.__doc__ is not None:  # as under `python -OO`
        sections = _sections(inspect.cleandoc(made.__doc__))
        made._documented = {
            name: _entries(sections.get(name, "")) for name in _INHERITED
        }
        made.__doc__ = _filled(made, sections)
    result: T = made
    return result


def public(module: str) -> Callable[[T], T]:
    """Make a class known by its public path, wherever its file is.

    Pickles name this path, and so survive a move of the file.

    Parameters
    ----------
    module : str
        The package that offers it.

    Returns
    -------
    callable
        Decorator of a class.
    """

    def set_module(cls: T) -> T:
        cls.__module__ = module
        return cls

    return set_module


def documented(docstring: str) -> Entries:
    """Parameters that a docstring tells of.

    Parameters
    ----------
    docstring : str
        In numpydoc's format.

    Returns
    -------
    dict of str to (str, str)
        Of a name: its type, and what is said of it.

    Examples
    --------
    >>> from sk_m2v._parameters import documented
    >>> documented('''Draw.
    ...
    ... Parameters
    ... ----------
    ... n : int
    ...     How many.
    ... ''')
    {'n': ('int', '    How many.')}
    """
    return _entries(_sections(inspect.cleandoc(docstring)).get("Parameters", ""))


def _signature(cls: Any) -> inspect.Signature:
    """Signature with what is special first: own parameters, then inherited ones."""
    # A dataclass has those of its bases first.
    ordered = [name for base in cls.__mro__ for name in inspect.get_annotations(base)]
    signature = inspect.signature(cls.__init__)
    self, *given = signature.parameters.values()
    given.sort(key=lambda it: (it.kind, ordered.index(it.name)))
    return signature.replace(parameters=[self, *given])


def _sections(text: str) -> dict[str, str]:
    """Sections of a docstring by their headings; the beginning has none."""
    parts = _HEADING.split(text)
    names = ["", *parts[1::2]]
    return {
        name: body.strip("\n") for name, body in zip(names, parts[::2], strict=True)
    }


def _entries(section: str) -> Entries:
    """Entries of a section; the lines below a name are indented."""
    entries: Entries = {}
    for entry in re.split(r"\n(?=\S)", section):
        head, _, body = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        for name in filter(None, names.split(", ")):
            entries[name] = kind, body
    return entries


def _filled(cls: type, sections: dict[str, str]) -> str:
    """Docstring with all parameters and attributes, own and inherited."""
    known: dict[str, Entries] = {name: {} for name in _INHERITED}
    for base in reversed(cls.__mro__):
        for name, entries in vars(base).get("_documented", {}).items():
            known[name] |= entries
    order = {
        "Parameters": [*inspect.signature(cls).parameters],
        "Attributes": sorted(known["Attributes"]),
    }
    filled = {"": sections[""]}
    for name in _INHERITED:
        of = known[name]
        lines = [it for key in order[name] if key in of for it in _lines(cls, key, of)]
        if lines:
            filled[name] = "\n".join(lines)
    filled |= {name: it for name, it in sections.items() if name not in filled}
    return "\n\n".join(
        f"{name}\n{'-' * len(name)}\n{body}" if name else body
        for name, body in filled.items()
    )


def _lines(cls: type, name: str, entries: Entries) -> Iterator[str]:
    kind, body = entries[name]
    parameter = inspect.signature(cls).parameters.get(name)
    if parameter is not None and parameter.default is not parameter.empty:
        value = parameter.default
        kind += f', default="{value}"' if isinstance(value, str) else ""
        kind += f", default={value!r}" if not isinstance(value, str) else ""
    yield f"{name} : {kind}"
    yield body
