"""What a user wrote, on a command line or in a file, as the value of a parameter."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from sk_m2v._messages import quoted, shortened
from sk_m2v.cli.options._signatures import Parameter

# Types as annotations write them, and what they are in a file.
_KINDS = {
    "Any": "any",
    "Collection": "list",
    "Iterable": "list",
    "Mapping": "dict",
    "None": "none",
    "Path": "str",
    "Sequence": "list",
    "bool": "bool",
    "dict": "dict",
    "float": "float",
    "int": "int",
    "list": "list",
    "object": "any",
    "os.PathLike": "str",
    "str": "str",
    "tuple": "tuple",
}


@dataclass(frozen=True)
class Allowed:  # numpydoc ignore=PR02
    """What a parameter may be.

    Parameters
    ----------
    kinds : frozenset of str
        Kinds of values.
    words : tuple of str
        Texts, of which one is chosen.
    texts : bool
        Whether lists hold texts alone.
    """

    kinds: frozenset[str]
    words: tuple[str, ...]
    texts: bool


@cache
def allowed(parameter: Parameter) -> Allowed:
    """What a parameter may be, by its annotation and its docstring.

    Parameters
    ----------
    parameter : Parameter
        A parameter.

    Returns
    -------
    Allowed
        Kinds and words.
    """
    tree = ast.parse(parameter.annotation or "Any", mode="eval").body
    kinds: set[str] = set()
    words: list[str] = []
    _collect(tree, kinds, words)
    if "any" in kinds or "str" in kinds:
        # Words of a text parameter stand in its documentation: {"error", "empty"}.
        choices = re.match(r"\{(.*?)\}", parameter.kind)
        words += ast.literal_eval(f"[{choices[1]}]") if choices else []
        if choices:
            kinds -= {"str", "any"}
    texts = "Sequence[str]" in parameter.annotation
    return Allowed(frozenset(kinds), tuple(dict.fromkeys(words)), texts)


def _collect(node: ast.expr, kinds: set[str], words: list[str]) -> None:
    if isinstance(node, ast.BinOp):
        _collect(node.left, kinds, words)
        _collect(node.right, kinds, words)
    elif isinstance(node, ast.Subscript):
        if ast.unparse(node.value) == "Literal":
            words += [ast.literal_eval(it) for it in _elements(node.slice)]
        else:
            _collect(node.value, kinds, words)
    elif (name := ast.unparse(node)) in _KINDS:
        kinds.add(_KINDS[name])


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def from_text(text: str, parameter: Parameter) -> Any:
    """Value that a text on the command line stands for.

    Parameters
    ----------
    text : str
        As typed.
    parameter : Parameter
        What it is for.

    Returns
    -------
    object
        The value.

    Raises
    ------
    ValueError
        If the parameter cannot be that.

    Examples
    --------
    >>> from sk_m2v.cli.options._signatures import parameters_of
    >>> from sk_m2v.cli.options._values import from_text
    >>> classifier = parameters_of("sk_m2v.StaticClassifier")
    >>> from_text("1e-3", classifier["lr"]), from_text("none", classifier["patience"])
    (0.001, None)
    >>> from_text("[1, 3]", classifier["ngram_range"])
    (1, 3)
    """
    may_be = allowed(parameter)
    if text in may_be.words or may_be.kinds == {"str"}:
        return from_value(text, parameter)
    # A text only where nothing else fits: "1" of `str | int` is a number.
    value = literal(text)
    if not isinstance(value, str):
        with suppress(ValueError):
            return from_value(value, parameter)
    return from_value(text, parameter)


def literal(text: str) -> Any:
    """Number, truth, None, list or mapping that a text is; else the text.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    object
        The value.

    Examples
    --------
    >>> from sk_m2v.cli.options._values import literal
    >>> literal("3"), literal("true"), literal("none"), literal("a, b")
    (3, True, None, 'a, b')
    """
    simple = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in simple:
        return simple[text.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    if text[:1] in ("[", "{", '"'):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def from_value(value: Any, parameter: Parameter) -> Any:
    """Value of a configuration file as the parameter wants it.

    Parameters
    ----------
    value : object
        As TOML, YAML or JSON have it.
    parameter : Parameter
        What it is for.

    Returns
    -------
    object
        The value: tuples in place of lists, floats in place of integers.

    Raises
    ------
    ValueError
        If the parameter cannot be that.
    """
    may_be = allowed(parameter)
    kinds = may_be.kinds
    if isinstance(value, str):
        if value in may_be.words or kinds & {"str", "any"}:
            return value
        if value.lower() in ("none", "null") and "none" in kinds:
            return None  # TOML has no word for it
        raise _wrong(value, parameter)
    if isinstance(value, bool) and "bool" in kinds:
        return value
    if isinstance(value, list) and "tuple" in kinds:
        return tuple(value)
    if isinstance(value, int) and not isinstance(value, bool) and "float" in kinds:
        with suppress(OverflowError):
            return value if "int" in kinds else float(value)
    if isinstance(value, list) and may_be.texts and not _are_texts(value):
        raise _wrong(value, parameter)
    kind = "none" if value is None else type(value).__name__
    if kind in kinds or "any" in kinds:
        return value
    raise _wrong(value, parameter)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(it, str) for it in values)


def _wrong(value: Any, parameter: Parameter) -> ValueError:
    words = allowed(parameter).words
    near = get_close_matches(str(value), words, n=1, cutoff=0.5)
    hint = f". Do you mean {quoted(near[0])}?" if near else ""
    return ValueError(
        f"expected {shortened(expected(parameter))}, got {quoted(value)}{hint}"
    )


def expected(parameter: Parameter) -> str:
    """What a parameter may be, for people.

    Parameters
    ----------
    parameter : Parameter
        A parameter.

    Returns
    -------
    str
        Its documented type, or its annotation.
    """
    kind = parameter.kind.partition(", default")[0]
    return kind or parameter.annotation
