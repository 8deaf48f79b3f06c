"""Parameters read from source are those that Python has."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from conftest import ROOT

import sk_m2v
from sk_m2v.cli._main import COMMANDS
from sk_m2v.cli.options._arguments import add_options, given
from sk_m2v.cli.options._signatures import (
    REQUIRED,
    Parameter,
    module_docstring,
    parameters_of,
)
from sk_m2v.cli.options._values import allowed

USED = [
    "sk_m2v.ContrastiveTransformer",
    "sk_m2v.FeatureExtractionClassifier",
    "sk_m2v.FromScratchClassifier",
    "sk_m2v.StaticClassifier",
    "sk_m2v.StaticRegressor",
    "sk_m2v.DistillTransformer",
    "sk_m2v.StaticClassifier.push_to_hub",
    "sk_m2v.StaticEmbedding.encode",
    "sk_m2v.StaticEmbedding.from_pretrained",
    "sk_m2v.benchmark.run_benchmark",
    "sk_m2v.onnx.to_onnx",
    "sk_m2v.tracking.track",
    "sk_m2v.cli.preparing.prepare",
    "sk_m2v.cli.running._data.read_parts",
    "sk_m2v.cli.running._outputs.Outputs",
    "sk_m2v.cli.running._search.search",
    "sk_m2v.cli.running._texts.joined_texts",
    "sk_m2v.tables.batches",
]
# Others that users call, of which the command takes none yet.
PUBLIC = [f"sk_m2v.{it}" for it in sk_m2v.__all__ if it != "load"]
HEAVY = (
    *("sklearn", "numpy", "scipy", "torch", "transformers", "tokenizers", "skorch"),
    *("pandas", "pyarrow", "yaml", "tqdm"),
)


def resolved(name: str) -> Any:
    """What a dotted name stands for."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for it in parts[n:]:
            found = getattr(found, it)
        return found
    raise LookupError(name)


def names_in_source() -> set[str]:
    """Every name that the command asks parameters of."""
    found = set()
    for path in sorted((ROOT / "sk_m2v" / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "parameters_of"
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    return found


def test_all_that_are_used_are_tested() -> None:
    from sk_m2v.cli.configuration._sections import SECTIONS

    of_sections = {it.source for it in SECTIONS.values() if it.source}
    assert names_in_source() | of_sections <= {*USED}


@pytest.mark.parametrize("name", [*dict.fromkeys([*USED, *PUBLIC])])
def test_signature(name: str) -> None:
    expected = [
        it
        for it in inspect.signature(resolved(name)).parameters.values()
        if it.name not in ("self", "cls")
        and it.kind not in (it.VAR_KEYWORD, it.VAR_POSITIONAL)
    ]
    found = parameters_of(name)
    assert [*found] == [it.name for it in expected]
    for it in expected:
        parameter = found[it.name]
        assert parameter.name == it.name
        assert parameter.annotation == normal(it.annotation)
        if it.default is it.empty:
            assert parameter.default is REQUIRED
        else:
            assert parameter.default == it.default
            assert type(parameter.default) is type(it.default)


# What the aliases of types stand for.
ALIASES = {"MaxLength": "int | Literal['auto'] | None"}
# Tables, which no option gives.
TABLES = {"Columns", "Callable[[str], None]"}


def normal(annotation: Any) -> str:
    """An annotation as `ast` writes it."""
    if annotation is inspect.Parameter.empty:
        return ""
    annotation = ALIASES.get(annotation, annotation)
    return ast.unparse(ast.parse(annotation, mode="eval"))


@pytest.mark.parametrize("name", USED)
def test_text_and_kind(name: str) -> None:
    for it in parameters_of(name).values():
        assert it.text, it.name
        assert "``" not in it.text
        assert "\n" not in it.text
        assert it.kind, it.name
        may_be = allowed(it)
        assert may_be.kinds or may_be.words or it.annotation in TABLES, it.name
        if isinstance(it.default, str):
            # A default is one of the words, where there are words.
            assert may_be.kinds & {"str", "any"} or it.default in may_be.words


def test_unknown_names() -> None:
    for name in ("sk_m2v.NoSuchClass", "sk_m2v.StaticEmbedding.no_such_method"):
        with pytest.raises(LookupError):
            parameters_of(name)


@pytest.mark.parametrize("command", COMMANDS)
def test_docstring_of_a_command(command: str) -> None:
    text = module_docstring(f"sk_m2v.cli.commands._{command}")
    module = import_module(f"sk_m2v.cli.commands._{command}")
    assert text == inspect.getdoc(module)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str) -> None:
    arguments = [it for it in (command, "--help") if it]
    code = (
        "import sys\n"
        "from sk_m2v.cli import main\n"
        f"try: main({arguments})\n"
        "except SystemExit as end: assert not end.code\n"
        f"found = [it for it in {HEAVY} if it in sys.modules]\n"
        "print(found, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("usage: sk-m2v")
    if not command:
        assert all(f"\n    {it}" in done.stdout for it in COMMANDS)


def test_the_package_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    from sk_m2v.cli import main

    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert not end.value.code
    assert capsys.readouterr().out == f"sk-m2v {sk_m2v.__version__}\n"


def options_of(parameters: dict[str, Parameter], arguments: list[str]) -> Any:
    from argparse import ArgumentParser

    parser = ArgumentParser()
    add_options(parser, parameters, "it")
    return given(parser.parse_args(arguments), "it")


def test_options_have_the_types_of_parameters() -> None:
    classifier = dict(parameters_of("sk_m2v.StaticClassifier"))
    arguments = [
        "--lr",
        "1e-2",
        "--max-epochs",
        "3",
        "--patience",
        "none",
        "--ngram-range",
        "[1,2]",
    ]
    found = options_of(classifier, [*arguments, "--device", "cpu"])
    assert found == {
        "lr": 0.01,
        "max_epochs": 3,
        "patience": None,
        "ngram_range": (1, 2),
        "device": "cpu",
    }


def test_flags_and_columns_given_several_times() -> None:
    data = dict(parameters_of("sk_m2v.cli.running._data.read_parts"))
    given = ["--train", "a.csv", "--text", "title", "--text", "body", "--label", "x"]
    found = options_of(data, given)
    assert found == {"train": "a.csv", "text": ["title", "body"], "label": "x"}
    prepare = {
        name: it
        for name, it in parameters_of("sk_m2v.cli.preparing.prepare").items()
        if name in ("strip_html", "stratify")
    }
    assert options_of(prepare, ["--strip-html", "--no-stratify"]) == {
        "strip_html": True,
        "stratify": False,
    }


def test_options_that_are_not_given_leave_no_trace() -> None:
    assert options_of(dict(parameters_of("sk_m2v.StaticClassifier")), []) == {}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_default(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help is made without an error, whatever stands in docstrings, such as a %."""
    from sk_m2v.cli import main

    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert module_docstring(f"sk_m2v.cli.commands._{command}").splitlines()[0] in text
    assert "%(default)" not in text
    assert "%%" not in text
    assert "<object object" not in text
