"""Examples of classes that are known by their public path.

pytest looks for the examples of a file only at what says that it comes from there.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from importlib import import_module

import pytest
from conftest import ROOT


def moved_classes() -> Iterator[tuple[str, str]]:
    """File and name of classes whose path is not that of their file."""
    for file in sorted((ROOT / "sk_m2v").rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and any(
                isinstance(it, ast.Call) and ast.unparse(it.func) == "public"
                for it in node.decorator_list
            ):
                module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                yield module, node.name


CLASSES = {name: module for module, name in moved_classes()}


def examples(name: str) -> list[doctest.DocTest]:
    kind = getattr(import_module(CLASSES[name]), name)
    found = doctest.DocTestFinder().find(kind, name, module=False, globs={})
    return [it for it in found if it.examples]


@pytest.mark.parametrize("name", CLASSES)
def test_examples(name: str) -> None:
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    for it in examples(name):
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=options)
        runner.run(it, out=report.append, clear_globs=False)
        assert not report, "".join(report)


def test_examples_are_found() -> None:
    assert sum(len(examples(it)) for it in CLASSES) >= 12
    assert examples("StaticEmbedding")[0].examples
