"""Parameters of functions and classes, read from the source without importing it.

Importing an estimator takes more than a second, most of it scikit-learn. The source
says the same in milliseconds: names, annotations, defaults and numpydoc entries.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sk_m2v
from sk_m2v._messages import shortened
from sk_m2v._parameters import documented

Found = tuple[str, Any]  # module, and definition of a class, function or alias
REQUIRED = object()  # the default of what has none


@dataclass(frozen=True)
class Parameter:  # numpydoc ignore=PR02
    """A parameter as its signature and its docstring have it.

    Parameters
    ----------
    name : str
        Its name.
    annotation : str
        Its type, as written.
    default : object
        Its value where none is given; `REQUIRED` if there is none.
    kind : str
        Its type as documented.
    text : str
        What is said of it.
    """

    name: str
    annotation: str
    default: Any
    kind: str
    text: str


@cache
def parameters_of(name: str) -> MappingProxyType[str, Parameter]:
    """Parameters of a function, method or class.

    Parameters
    ----------
    name : str
        Where users find it, such as ``"sk_m2v.StaticEmbedding.encode"``.

    Returns
    -------
    mapping of str to Parameter
        In the order of the signature.

    Raises
    ------
    LookupError
        If there is no such thing.

    Examples
    --------
    >>> from sk_m2v.cli.options._signatures import parameters_of
    >>> parameters_of("sk_m2v.StaticRegressor")["alpha"].default
    3.0
    """
    module, *path = _split(name)
    module, node = _find(module, path[0])
    if len(path) > 1:
        assert isinstance(node, ast.ClassDef)
        module, node = _method(module, node, path[1])
    if isinstance(node, ast.ClassDef):
        found = _of_class(module, node)
    else:
        found = _of_function(module, node)
    return MappingProxyType({it.name: it for it in found})


def module_docstring(module: str) -> str:
    """Docstring of a module.

    Parameters
    ----------
    module : str
        Its name.

    Returns
    -------
    str
        The text, without indentation.
    """
    return ast.get_docstring(_tree(module)) or ""


def _split(name: str) -> list[str]:
    """Module, and the names in it."""
    parts = name.split(".")
    n = next((i for i, it in enumerate(parts) if it[:1].isupper()), len(parts) - 1)
    return [".".join(parts[:n]), *parts[n:]]


@cache
def _tree(module: str) -> ast.Module:
    # Not by `importlib.util.find_spec`, which imports the packages on the way.
    path = Path(sk_m2v.__file__).parent.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _find(module: str, name: str) -> Found:
    """Definition of a name, which may be imported from elsewhere in the package."""
    for node in _statements(_tree(module).body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module, node
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for it in node.names:
                if (it.asname or it.name) == name:
                    if not node.module.startswith("sk_m2v"):
                        break
                    return _find(node.module, it.name)
    raise LookupError(f"{module}.{name}")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield those at the top, and those for type checkers."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements(node.body)


def _bases(module: str, node: ast.ClassDef) -> Iterator[Found]:
    for base in node.bases:
        if isinstance(base, ast.Name):
            try:
                yield _find(module, base.id)
            except LookupError:
                continue  # of another package


def _lineage(module: str, node: ast.ClassDef) -> list[Found]:
    """A class and its bases, in the order in which Python looks at them."""
    known: dict[type, Found] = {}

    @cache
    def stand_in(module: str, node: ast.ClassDef) -> type:
        bases = (stand_in(at, it) for at, it in _bases(module, node))
        made = type(node.name, tuple(bases), {})
        known[made] = module, node
        return made

    return [known[it] for it in stand_in(module, node).__mro__[:-1]]


def _method(module: str, node: ast.ClassDef, name: str) -> Found:
    for at, it in _lineage(module, node):
        assert isinstance(it, ast.ClassDef)
        for statement in it.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                return at, statement
    raise LookupError(f"{shortened(node.name)}.{name}")


def _of_function(module: str, node: ast.FunctionDef) -> Iterator[Parameter]:
    texts = documented(ast.get_docstring(node) or "")
    given = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(given) - len(node.args.defaults)) + node.args.defaults
    pairs = [
        *zip(given, defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    for it, default in pairs:
        if it.arg not in ("self", "cls"):
            value = REQUIRED if default is None else _value(module, default)
            annotation = "" if it.annotation is None else _type(module, it.annotation)
            kind, text = texts.get(it.arg, ("", ""))
            yield Parameter(it.arg, annotation, value, kind, _plain(text))


def _type(module: str, annotation: ast.expr) -> str:
    """An annotation as written, or what its alias stands for."""
    if isinstance(annotation, ast.Name):
        with suppress(LookupError):
            _, found = _find(module, annotation.id)
            if isinstance(found, ast.AnnAssign) and found.value is not None:
                return ast.unparse(found.value)
    return ast.unparse(annotation)


def _of_class(module: str, node: ast.ClassDef) -> Iterator[Parameter]:
    lineage = _lineage(module, node)
    for at, it in lineage:
        for statement in it.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                yield from _of_function(at, _with_docstring(statement, it))
                return
    fields: dict[str, Parameter] = {}
    texts: dict[str, tuple[str, str]] = {}
    for at, it in reversed(lineage):
        texts |= documented(ast.get_docstring(it) or "")
        for name, field in _fields(it):
            fields[name] = Parameter(
                name, ast.unparse(field.annotation), _default(at, field), "", ""
            )
    # As the signature has them: positional ones, own ones, then those of each base.
    annotated = [it for _, of in lineage for it in _annotated(of)]
    order = dict.fromkeys(ast.unparse(it.target) for it in annotated)
    positional = {ast.unparse(it.target) for it in annotated if _is_positional(it)}
    for name in sorted(order, key=lambda name: name not in positional):
        if name in fields:
            kind, text = texts.get(name, ("", ""))
            yield replace(fields[name], kind=kind, text=_plain(text))


def _with_docstring(init: ast.FunctionDef, cls: Any) -> ast.FunctionDef:
    """An `__init__` whose parameters the class documents."""
    text = ast.Expr(ast.Constant(ast.get_docstring(cls) or ""))
    return ast.FunctionDef(init.name, init.args, [text], [])


def _annotated(node: Any) -> list[ast.AnnAssign]:
    return [it for it in node.body if isinstance(it, ast.AnnAssign)]


def _fields(node: Any) -> Iterator[tuple[str, ast.AnnAssign]]:
    for it in _annotated(node):
        if it.value is not None and "ClassVar" not in ast.unparse(it.annotation):
            yield ast.unparse(it.target), it


def _is_positional(field: ast.AnnAssign) -> bool:
    return isinstance(field.value, ast.Call) and any(
        it.arg == "kw_only" for it in field.value.keywords
    )


def _default(module: str, field: ast.AnnAssign) -> Any:
    value = field.value
    if isinstance(value, ast.Call):  # field(default=...)
        value = next(it.value for it in value.keywords if it.arg == "default")
    assert value is not None
    return _value(module, value)


def _value(module: str, node: ast.expr) -> Any:
    """A literal, or a constant of the module."""
    if isinstance(node, ast.Name):
        for it in _tree(module).body:
            targets = it.targets if isinstance(it, ast.Assign) else []
            if any(isinstance(at, ast.Name) and at.id == node.id for at in targets):
                assert isinstance(it, ast.Assign)
                return _value(module, it.value)
    return ast.literal_eval(node)


def _plain(text: str) -> str:
    """An entry without markup, on one line."""
    return " ".join(text.replace("``", "").split())
