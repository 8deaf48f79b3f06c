"""Read a configuration: a file, those that it extends, and what is set beside it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sk_m2v._messages import DAMAGES, listed, quoted, shortened
from sk_m2v.cli.configuration import _places
from sk_m2v.cli.options._values import literal

SUFFIXES = (".toml", ".yaml", ".yml")
# YAML 1.1 reads 1e-3 as a text; YAML 1.2 and people as a number. Tag, pattern, and how
# it may begin.
FLOAT = (
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"),
    list("-+0123456789."),
)

# Of a file, of values in one, however often it repeats them, and of keys in keys.
_MOST_BYTES, _MOST_VALUES, _MOST_LEVELS = 1 << 17, 100_000, 20
# Files that one may extend, each of which may extend others.
_MOST_FILES = 100

Keys = tuple[str, ...]


@dataclass
class Configuration:  # numpydoc ignore=PR02
    """What is to be done, and where that is written.

    Parameters
    ----------
    values : dict
        Sections, and their keys.
    places : dict of tuple of str to str
        Of the path of a key: file and line.
    folders : dict of tuple of str to Path
        Of the path of a key: the folder to which a path in its value is relative.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, str] = field(default_factory=dict)
    folders: dict[Keys, Path] = field(default_factory=dict)

    def place(self, keys: Keys) -> str:
        """File and line of a key, or of the table that it is in.

        Parameters
        ----------
        keys : tuple of str
            Its path.

        Returns
        -------
        str
            For the beginning of a message; empty if nobody wrote it.
        """
        for n in range(len(keys), 0, -1):
            if keys[:n] in self.places:
                return f"{self.places[keys[:n]]}: "
        return ""

    def error(self, keys: Keys, message: str) -> ValueError:
        """Error that says where a key stands.

        Parameters
        ----------
        keys : tuple of str
            Path of the key.
        message : str
            What is wrong with it.

        Returns
        -------
        ValueError
            To raise.
        """
        return ValueError(self.place(keys) + message)

    def folder(self, keys: Keys) -> Path:
        """Folder to which a path is relative.

        Parameters
        ----------
        keys : tuple of str
            Path of the key that has it.

        Returns
        -------
        Path
            That of the file in which it is written.
        """
        return self.folders.get(keys, Path())

    def put(self, keys: Keys, value: Any, place: str, folder: Path) -> None:
        """Set a key, or all those of a table, over what there is.

        Parameters
        ----------
        keys : tuple of str
            Its path.
        value : object
            Its value. Keys of a mapping are put one by one.
        place : str
            Where that is written.
        folder : Path
            To which a path is relative.

        Raises
        ------
        ValueError
            If there is a value where a table is needed.
        """
        at: Any = self.values
        for n, key in enumerate(keys[:-1], start=1):
            at = at.setdefault(key, {})
            self.places.setdefault(keys[:n], place)
            if not isinstance(at, dict):
                raise ValueError(
                    f"{place}: {shortened('.'.join(keys[:n]))} is {quoted(at)}, and "
                    f"has no key {quoted(keys[n])}"
                )
        if isinstance(value, Mapping) and isinstance(at.get(keys[-1], {}), dict):
            at.setdefault(keys[-1], {})
            self.places.setdefault(keys, place)
            for name, it in value.items():
                self.put((*keys, str(name)), it, place, folder)
        else:
            at[keys[-1]] = value
            self.places[keys] = place
            self.folders[keys] = folder


def read(path: str | Path) -> Configuration:
    """Read a file of TOML or YAML.

    Parameters
    ----------
    path : str or Path
        The file. Its key ``extends`` names one or several others, relative to it, whose
        keys it may replace.

    Returns
    -------
    Configuration
        What all say together.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If it is no TOML or YAML, or extends itself.
    """
    found = Configuration()
    _add(found, Path(path), (), count(1))
    return found


def set_keys(found: Configuration, settings: Iterable[str]) -> None:
    """Set keys over those of a configuration.

    Parameters
    ----------
    found : Configuration
        Gets them.
    settings : iterable of str
        Such as ``"train.lr=1e-3"``.

    Raises
    ------
    ValueError
        If one is no setting.
    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        keys = tuple(it.strip() for it in name.split("."))
        if not equals or not all(keys):
            raise ValueError(
                f"--set {quoted(setting)}: write section.key=value, such as "
                "--set train.lr=1e-3"
            )
        found.put(keys, literal(text.strip()), f"--set {shortened(setting)}", Path())


def _add(
    found: Configuration, path: Path, below: tuple[Path, ...], numbers: Iterator[int]
) -> None:
    if next(numbers) > _MOST_FILES:
        raise ValueError(
            f"{shortened(path)}: one configuration extends more than {_MOST_FILES} "
            "others, or some of them many times"
        )
    if path.resolve() in below:
        names = " extends ".join(it.name for it in (*below, path))
        raise ValueError(f"{shortened(names)}: a configuration cannot extend itself")
    values, lines = _parsed(path)
    bases = values.pop("extends", [])
    for base in bases if isinstance(bases, list) else [bases]:
        if not isinstance(base, str) or not (path.parent / base).is_file():
            line = lines.get(("extends",), 1)
            raise ValueError(
                f"{shortened(path)}, line {line}: extends names files that are there, "
                f"relative to this one, got {quoted(base)}"
            )
        _add(found, path.parent / base, (*below, path.resolve()), numbers)
    for name, value in values.items():
        _put_lines(found, (str(name),), value, lines, path)


def _put_lines(
    found: Configuration, keys: Keys, value: Any, lines: dict[Keys, int], path: Path
) -> None:
    """Put a value, each key with its own line."""
    if len(keys) > _MOST_LEVELS:
        raise ValueError(f"{shortened(path)} has keys of {len(keys)} levels and more")
    n = next((n for n in range(len(keys), 0, -1) if keys[:n] in lines), 0)
    place = f"{shortened(path)}, line {lines[keys[:n]]}" if n else shortened(path)
    if isinstance(value, dict):
        found.put(keys, {}, place, path.parent)
        for name, it in value.items():
            _put_lines(found, (*keys, str(name)), it, lines, path)
    else:
        found.put(keys, value, place, path.parent)


def _parsed(path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"{shortened(path)} is no configuration: its name must end with "
            f"{listed(SUFFIXES)}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {shortened(path)}")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(
            f"{shortened(path)} has more than {_MOST_BYTES:,} bytes: is it a "
            "configuration?"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{shortened(path)}, line {line} is no UTF-8: save the file as UTF-8"
        ) from None
    parse = _toml if path.suffix == ".toml" else _yaml
    return parse(text, path)


def _toml(text: str, path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{shortened(path)} is no TOML: {shortened(error)}") from None
    return values, _places.toml_lines(text)


class _Repeated(ValueError):
    """A key that stands in a file twice."""


def _check_size(root: Any) -> None:
    """Refuse references to references, of which a line each doubles the whole."""
    sizes: dict[Any, int] = {}

    def size(node: Any) -> int:
        if node not in sizes:
            sizes[node] = _MOST_VALUES  # until it is known: of one that holds itself
            parts = node.value if isinstance(node.value, list) else []
            pairs = (it if isinstance(it, tuple) else (it,) for it in parts)
            sizes[node] = 1 + sum(size(it) for pair in pairs for it in pair)
        return sizes[node]

    if root is not None and size(root) >= _MOST_VALUES:
        raise ValueError("its references (&, *) make too many values of it")


def _yaml(text: str, path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver(*FLOAT)
    lines: dict[Keys, int] = {}

    def value_of(node: Any, keys: Keys) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return loader.construct_object(node, deep=True)
        made: dict[str, Any] = {}
        for key, value in node.value:
            name = str(loader.construct_object(key))
            line = key.start_mark.line + 1
            if name in made:
                raise _Repeated(
                    f"{shortened(path)}, line {line}: "
                    f"{quoted(name)} stands here a second time"
                )
            lines[(*keys, name)] = line
            made[name] = value_of(value, (*keys, name))
        return made

    try:
        loader = Loader(text)
        node = loader.get_single_node()
        _check_size(node)
        values = {} if node is None else value_of(node, ())
    except _Repeated:
        raise
    # What PyYAML makes of values that are not what their tags say.
    except (*DAMAGES, yaml.YAMLError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{shortened(path)} is no YAML: {shortened(what)}") from None
    if not isinstance(values, dict):
        raise ValueError(
            f"{shortened(path)} holds {quoted(values)}: a configuration has sections, "
            "such as data and train"
        )
    return values, lines
