"""What was run: the whole configuration, hashes of the files, and versions."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from sk_m2v._messages import shortened, without_secrets
from sk_m2v.cli.configuration._read import FLOAT
from sk_m2v.cli.configuration._sections import MADE, PATHS

# On what results depend.
_PACKAGES = (
    "sk-m2v",
    "scikit-learn",
    "numpy",
    "scipy",
    "tokenizers",
    "torch",
    "skorch",
)


def recorded(settings: dict[str, Any], folder: Path) -> str:
    """YAML of a run, which can be run again.

    Parameters
    ----------
    settings : dict
        As `check` returns them.
    folder : Path
        Where the file will be: paths are relative to it.

    Returns
    -------
    str
        The configuration with all defaults, and under ``made`` hashes and versions.
        Names and passwords in the address of the tracking server are left out.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def represented(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        # U+0085 ends a line in YAML, and would be read as a space.
        style = '"' if "\x85" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)

    Dumper.add_representer(str, represented)
    # Texts that read like numbers are quoted.
    Dumper.add_implicit_resolver(*FLOAT)
    kept = _plain(deepcopy(settings))
    for section, key in PATHS:
        value = (kept[section] or {}).get(key)
        if isinstance(value, list):
            kept[section][key] = [_relative(it, folder) for it in value]
        elif value is not None and (section != "model" or Path(value).exists()):
            kept[section][key] = _relative(value, folder)
    if kept["track"] and isinstance(uri := kept["track"].get("tracking_uri"), str):
        # The file is logged with the run. MLflow has variables for these.
        kept["track"]["tracking_uri"] = without_secrets(uri)
    kept[MADE] = {
        "files": {_relative(it, folder): _sha256(it) for it in _files(settings)},
        "versions": _versions(),
    }
    text: str = yaml.dump(kept, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return text


def note_changes(settings: dict[str, Any], folder: Path) -> list[str]:
    """What is not as it was when a recorded run was made.

    Parameters
    ----------
    settings : dict
        As `check` returns them.
    folder : Path
        Where the recorded file is.

    Returns
    -------
    list of str
        A line for each version that is another: results may differ.

    Raises
    ------
    ValueError
        If a file has changed or is not there any more.
    """
    made = settings.get(MADE) or {}
    for name, digest in (made.get("files") or {}).items():
        path = folder / name
        if not path.exists():
            raise FileNotFoundError(
                f"{shortened(path)} is not there, with which this run was made"
            )
        if _sha256(path) != digest:
            raise ValueError(
                f"{shortened(path)} is not as it was when this run was made: to train "
                f"on what it is now, take the section {MADE!r} out of the configuration"
            )
    before, now = made.get("versions") or {}, _versions()
    return [
        f"{name} is {now.get(name)}, the run was made with {then}"
        for name, then in before.items()
        if now.get(name) != then
    ]


def _files(settings: dict[str, Any]) -> Iterator[str]:
    """Files and folders that are read."""
    for section, key in PATHS:
        if section in ("data", "model"):
            value = (settings[section] or {}).get(key)
            for it in value if isinstance(value, list) else [value]:
                if it is not None and it != "-" and Path(it).exists():
                    yield it


def _sha256(path: str | Path) -> str:
    """Hash of a file, or of all those in a folder with their names."""
    path = Path(path)
    if path.is_dir():
        whole = hashlib.sha256()
        for file in sorted(it for it in path.rglob("*") if it.is_file()):
            whole.update(
                f"{file.relative_to(path).as_posix()}\0{_sha256(file)}".encode()
            )
        return whole.hexdigest()
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _relative(path: str, folder: Path) -> str:
    # Where there is no way from one to the other, as between drives of Windows.
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(Path(path).resolve())


def _plain(value: Any) -> Any:
    """Lists in place of tuples."""
    if isinstance(value, dict):
        return {key: _plain(it) for key, it in value.items()}
    return [_plain(it) for it in value] if isinstance(value, list | tuple) else value
