"""Draw the rooms of the package and the imports between them, read from the code.

    python docs/rooms.py rooms.svg

A room is a folder; the private files at the top are rooms of one file or few. A room
stands above all that it imports. Arrows that follow from others are left out.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[1]
# Files at the top by what they are for. The faces of the package, which give names on
# when they are used, stand above all and are not drawn.
TOP = {
    "estimators": ("_transformer", "_tfidf", "_base"),
    "shared": (
        "_device",
        "_forked",
        "_messages",
        "_optional",
        "_parameters",
        "_progress",
        "_sklearn",
        "_text",
        "_version",
    ),
}
SAYINGS = {
    "estimators": "Texts to vectors, and to TF-IDF over the same tokens.",
    "shared": "Containers of texts to list[str]; parameters; optional packages.",
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 178, 92, 18, 46, 24
INK, PAPER, FLOOR, LINE, SOFT = "#1f2a37", "#fbfaf7", "#f1ede4", "#8795a6", "#5b6775"


def room_of(path: Path) -> str | None:
    """Room of a file of the package, None for a face."""
    parts = path.relative_to(ROOT / "sk_m2v").parts
    if len(parts) > 1:
        return "/".join(parts[:-1])
    return next((room for room, it in TOP.items() if path.stem in it), None)


@cache
def rooms() -> dict[str, list[Path]]:
    """Files of each room."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "sk_m2v").rglob("*.py")):
        room = room_of(path)
        if room is not None:
            found.setdefault(room, []).append(path)
    return found


def arrows() -> dict[str, set[str]]:
    """Rooms that each room imports."""
    found: dict[str, set[str]] = {room: set() for room in rooms()}
    for room, paths in rooms().items():
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module is not None:
                    found[room] |= {
                        to
                        for name in node.names
                        if (to := _target(node.module, name.name)) not in (None, room)
                    }
    return found


def _target(module: str, name: str) -> str | None:
    if module.partition(".")[0] != "sk_m2v":
        return None
    path = ROOT.joinpath(*module.split("."))
    for file in (path / f"{name}.py", path.with_suffix(".py"), path / "__init__.py"):
        if file.exists():
            return room_of(file)
    return None


def saying(room: str) -> str:
    """First sentence of what a room says of itself."""
    if room in SAYINGS:
        return SAYINGS[room]
    text = ast.get_docstring(
        ast.parse((ROOT / "sk_m2v" / room / "__init__.py").read_text())
    )
    return (text or "").partition("\n")[0].partition(":")[0].rstrip(".") + "."


def levels(to: dict[str, set[str]]) -> list[list[str]]:
    """Rooms from the ground up."""
    level: dict[str, int] = {}
    for room in TopologicalSorter(to).static_order():
        level[room] = 1 + max((level[it] for it in to[room]), default=-1)
    return [
        sorted(room for room in level if level[room] == i)
        for i in range(max(level.values()) + 1)
    ]


def reduced(to: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Arrows that follow from no others."""

    @cache
    def below(room: str) -> frozenset[str]:
        return frozenset(to[room]).union(*map(below, to[room]))

    return [
        (room, it)
        for room in sorted(to)
        for it in sorted(to[room])
        if not any(it in below(other) for other in to[room] - {it})
    ]


def draw() -> str:
    """The picture, as SVG."""
    to = arrows()
    floors = levels(to)
    width = max(map(len, floors)) * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(floors) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    at: dict[str, tuple[float, float]] = {}
    for i, floor in enumerate(reversed(floors)):
        start = (width - len(floor) * (WIDTH + GAP_X) + GAP_X) / 2
        # Near to those that they are tied to, so that arrows cross less.
        above = {a: x for a, (x, _) in at.items()}
        key = {
            room: sum(xs) / len(xs)
            for room in floor
            if (xs := [above[it] for it in above if room in to[it]])
        }
        for j, room in enumerate(sorted(floor, key=lambda it: (key.get(it, 0), it))):
            at[room] = start + j * (WIDTH + GAP_X), MARGIN + i * (HEIGHT + GAP_Y)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" role="img">',
        "<title>Rooms of sk_m2v and the imports between them</title>",
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="{LINE}"/>'
        "</marker></defs>",
        f'<rect width="{width}" height="{height}" rx="10" fill="{PAPER}"/>',
    ]
    ties = reduced(to)
    for a, b in ties:
        (ax, ay), (bx, by) = at[a], at[b]
        x1, y1, x2, y2 = ax + WIDTH / 2, ay + HEIGHT, bx + WIDTH / 2, by - 2
        x1, x2 = x1 + (x2 - x1) * 0.12, x2 - (x2 - x1) * 0.12
        bend = (y2 - y1) / 2
        out.append(
            f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} '
            f'{y2 - bend:.0f} {x2:.0f} {y2:.0f}" fill="none" stroke="{LINE}" '
            'stroke-width="1.4" marker-end="url(#end)"/>'
        )
    for room, (x, y) in at.items():
        paths = rooms()[room]
        lines = sum(len(it.read_text().splitlines()) for it in paths)
        out.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
            f'fill="{FLOOR}" stroke="{INK}"/>'
            f'<text x="{x + 10:.0f}" y="{y + 20:.0f}" font-size="14" font-weight="600" '
            f'fill="{INK}">{escape(room)}</text>'
        )
        for i, text in enumerate(wrap(saying(room), 27)[:3]):
            out.append(
                f'<text x="{x + 10:.0f}" y="{y + 38 + 14 * i:.0f}" font-size="11" '
                f'fill="{SOFT}">{escape(text)}</text>'
            )
        out.append(
            f'<text x="{x + 10:.0f}" y="{y + HEIGHT - 8:.0f}" font-size="10" '
            f'fill="{SOFT}">{len(paths)} files, {lines:,} lines</text>'
        )
    return "\n".join([*out, "</svg>"]) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw())
