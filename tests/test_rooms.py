"""The house: imports point one way, and heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "sk_m2v"
MAX_LEVELS = 6
MAX_FILES = 15
MAX_LINES = 400

# Rooms from the ground up: each may import from those before it, and from itself.
FLOORS = [
    "sk_m2v",  # the files at the top that are private
    "sk_m2v.tables",
    "sk_m2v.embedding",
    "sk_m2v.lexical",
    "sk_m2v.persistence",
    "sk_m2v.estimators",
    "sk_m2v.distill",
    "sk_m2v.train",
    "sk_m2v.onnx",
    "sk_m2v.plotting",
    "sk_m2v.benchmark",
    "sk_m2v.facade",
    "sk_m2v.streaming",  # it calls `load`
    "sk_m2v.distributed",  # its workers, too
    "sk_m2v.tracking",  # its models, too
    "sk_m2v.cli",
]
# Below the private files at the top: those that are about texts and tokens, and those
# that are estimators. And above everything, what gives names on when they are used.
PLACES = {
    "sk_m2v.lexical._stop_words": "sk_m2v.estimators",
    "sk_m2v._tfidf": "sk_m2v.estimators",
    "sk_m2v._transformer": "sk_m2v.estimators",
    "sk_m2v._base": "sk_m2v.estimators",
    "sk_m2v._load": "sk_m2v.facade",
    "sk_m2v._skl2onnx": "sk_m2v.facade",
    "sk_m2v": "sk_m2v.facade",
}
# Floors inside a room: its sub-packages from the ground up, then its own files.
INNER: dict[str, list[str]] = {
    "sk_m2v.tables": [],
    "sk_m2v.persistence": [],
    "sk_m2v.lexical": [],
    "sk_m2v.embedding": ["tokens", "storage"],
    "sk_m2v.distill": ["vocabulary", "teachers", "corpus"],
    "sk_m2v.train": [
        "features",
        "heads",
        "labels",
        "teaching",
        "fitting",
        "callbacks",
        "saved",
    ],
    "sk_m2v.onnx": ["graph", "models", "text", "tokenize", "heads"],
    "sk_m2v.plotting": [],
    "sk_m2v.benchmark": [],
    "sk_m2v.streaming": [],
    "sk_m2v.distributed": [],
    "sk_m2v.tracking": [],
    "sk_m2v.cli": [
        "options",
        "preparing",
        "configuration",
        "running",
        "commands",
    ],
}
# Where each library may be imported: nowhere else, not even inside a function.
LIBRARIES = {
    "torch": {
        "sk_m2v._device",
        "sk_m2v.distill.teachers",
        "sk_m2v.train",
    },
    "skorch": {"sk_m2v.train.fitting", "sk_m2v.train.callbacks"},
    "transformers": {"sk_m2v.distill.teachers"},
    "onnx": {"sk_m2v.onnx"},
    "skl2onnx": {"sk_m2v.onnx"},
    "onnxruntime": {"sk_m2v.onnx"},
    "mlflow": {"sk_m2v.tracking"},
    "huggingface_hub": {"sk_m2v.embedding.storage", "sk_m2v.distill.teachers"},
    "nanotoken": {"sk_m2v.embedding.tokens"},
    "gigatoken": {"sk_m2v.embedding.tokens"},
    "tokenizers": {"sk_m2v.embedding", "sk_m2v.distill", "sk_m2v.train", "sk_m2v.onnx"},
    "sklearn": {
        "sk_m2v._base",
        "sk_m2v._sklearn",
        "sk_m2v._tfidf",
        "sk_m2v._transformer",
        "sk_m2v.embedding._quantize",
        "sk_m2v.lexical",
        "sk_m2v.distill",
        "sk_m2v.persistence",
        "sk_m2v.train",
        "sk_m2v.onnx",
        "sk_m2v.plotting",
        "sk_m2v.benchmark",
        "sk_m2v.tracking",
        "sk_m2v.cli",
    },
    "matplotlib": {"sk_m2v.plotting", "sk_m2v.benchmark", "sk_m2v.tracking"},
    "mpl_toolkits": {"sk_m2v.plotting"},
    "scipy": {"sk_m2v"},
    "joblib": {"sk_m2v"},
}
# At module level, so that importing a room does not load them.
LIBRARIES_AT_ONCE = {
    "torch": {
        "sk_m2v.distill.teachers",
        "sk_m2v.train.fitting",
        "sk_m2v.train.callbacks",
    },
    "skorch": {"sk_m2v.train.fitting", "sk_m2v.train.callbacks"},
    "transformers": {"sk_m2v.distill.teachers"},
    "onnx": {"sk_m2v.onnx"},
    "skl2onnx": {"sk_m2v.onnx"},
    "onnxruntime": {"sk_m2v.onnx"},
    "matplotlib": set(),
    "mpl_toolkits": set(),
    "mlflow": {"sk_m2v.tracking"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(it): it for it in sorted(PACKAGE.rglob("*.py"))}


def imported(tree: ast.AST) -> Iterator[str]:
    """Names of modules, and of what may be a module or a name in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (it.name for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            for it in node.names:
                name = f"{node.module}.{it.name}"
                yield name if name in MODULES else node.module


class TypeCheckingRemoved(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)


@cache
def tree(module: str) -> ast.AST:
    return TypeCheckingRemoved().visit(ast.parse(MODULES[module].read_text()))


@cache
def imports(module: str) -> tuple[str, ...]:
    """Our modules that a module imports, anywhere in it."""
    found = {it for it in imported(tree(module)) if it in MODULES}
    return tuple(sorted(found - {module}))


def at_once(module: str) -> Iterator[str]:
    """What a module imports when it is imported: outside of functions."""
    found: list[ast.stmt] = []

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.append(node)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for field in ("body", "orelse", "handlers", "finalbody"):
                    visit(getattr(node, field, []))

    visit(tree(module).body)
    return imported(ast.Module(found, []))


def is_below(module: str, room: str) -> bool:
    return f"{module}.".startswith(f"{room}.")


def circle(start: str) -> list[str] | None:
    """Way from a module back to it."""
    ways, seen = [[start]], set()
    for way in ways:
        for it in imports(way[-1]):
            if it == start:
                return [*way, it]
            if it not in seen:
                seen.add(it)
                ways.append([*way, it])
    return None


@pytest.mark.parametrize("module", MODULES)
def test_no_circle(module: str) -> None:
    assert circle(module) is None


def room_of(module: str) -> str:
    if module in PLACES:
        return PLACES[module]
    *_, room = (it for it in FLOORS if it == "sk_m2v" or is_below(module, it))
    return room


@pytest.mark.parametrize("module", MODULES)
def test_imports_come_from_below(module: str) -> None:
    floor = FLOORS.index(room_of(module))
    up = [it for it in imports(module) if FLOORS.index(room_of(it)) > floor]
    assert not up, f"{module} is on floor {floor} and imports {up} from above"


def inner_floor(room: str, module: str) -> int:
    below = [f"{room}.{it}" for it in INNER[room]]
    return next((i for i, it in enumerate(below) if is_below(module, it)), len(below))


@pytest.mark.parametrize("module", [it for it in MODULES if it.count(".") > 1])
def test_imports_come_from_below_in_a_room(module: str) -> None:
    (room,) = (it for it in INNER if is_below(module, it))
    floor = inner_floor(room, module)
    up = [
        it
        for it in imports(module)
        if is_below(it, room) and it != room and inner_floor(room, it) > floor
    ]
    assert not up, f"{module} imports {up} from above"


def test_inner_rooms_are_listed() -> None:
    for room, inner in INNER.items():
        found = {it.parent.name for it in MODULES[room].parent.glob("*/__init__.py")}
        assert found == set(inner)


def folders() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        found.setdefault(module_name(path.parent / "__init__.py"), []).append(module)
    return found


@pytest.mark.parametrize(("folder", "modules"), folders().items())
def test_levels_and_files_of_a_folder(folder: str, modules: list[str]) -> None:
    assert len(modules) <= MAX_FILES

    @cache
    def level(module: str) -> int:
        inside = [it for it in imports(module) if it in modules and it != folder]
        return 1 + max(map(level, inside), default=0)

    levels = {it: level(it) for it in modules if it != folder}
    assert max(levels.values(), default=0) <= MAX_LEVELS, levels


@pytest.mark.parametrize("module", MODULES)
def test_files_are_short(module: str) -> None:
    n_lines = len(MODULES[module].read_text().splitlines())
    assert n_lines < MAX_LINES


@pytest.mark.parametrize("folder", [it for it in folders() if it != "sk_m2v"])
def test_a_room_says_what_it_is_for(folder: str) -> None:
    text = ast.get_docstring(ast.parse(MODULES[folder].read_text()))
    assert text is not None
    lines = [it for it in text.splitlines() if it]
    assert 3 <= len(lines) <= 6, "three to six lines"
    assert "ead `_" in text, "which file to read first"
    for word in text.split("`")[1::2]:
        if word.startswith("_"):
            assert f"{folder}.{word}" in MODULES, f"there is no {word} in {folder}"


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_in_their_rooms(module: str) -> None:
    for found, allowed in (
        (imported(tree(module)), LIBRARIES),
        (at_once(module), LIBRARIES_AT_ONCE),
    ):
        for name in found:
            rooms = allowed.get(name.partition(".")[0])
            if rooms is not None:
                assert any(is_below(module, it) for it in rooms), name


def test_the_guards_see_what_they_guard() -> None:
    """Each library is found where it is used, so that no rule is empty."""
    used = {it.partition(".")[0] for m in MODULES for it in imported(tree(m))}
    assert set(LIBRARIES) <= used
    assert sum(len(imports(it)) for it in MODULES) > 300
