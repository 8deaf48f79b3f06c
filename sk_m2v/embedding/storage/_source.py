"""Where a model comes from: this package, a folder, or the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from sk_m2v._messages import quoted, shortened
from sk_m2v.embedding.storage._snapshot import Snapshot, snapshot

#: Folder of the model that comes with the package.
DEFAULT_MODEL = Path(__file__).parents[1] / "default_model"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@contextmanager
def find_files(
    path: str | Path | None, *, expected_sha256: str | None, **options: Any
) -> Iterator[Snapshot]:
    """Files of a model, all of one moment.

    Parameters
    ----------
    path : str, Path or None
        As in `find_folder`.
    expected_sha256 : str or None
        Hash that they must have; None for any.
    **options
        As in `find_folder`.

    Yields
    ------
    Snapshot
        The files.

    Raises
    ------
    OSError, TypeError, ValueError
        If there is no such folder, or one with another hash.
    """
    with snapshot(find_folder(path, **options)) as files:
        files.check(expected_sha256)
        yield files


def find_folder(
    path: str | Path | None,
    *,
    subfolder: str | None,
    **hub_options: Any,
) -> Path:
    """Folder of a model on this machine, downloaded if it is on the hub.

    Parameters
    ----------
    path : str, Path or None
        A folder, or an id of the form ``owner/name``; None is the bundled model.
    subfolder : str or None
        Folder below `path`.
    **hub_options
        As in `sk_m2v.embedding.storage._hub.download`.

    Returns
    -------
    Path
        An existing folder.

    Raises
    ------
    OSError, TypeError, ValueError
        If there is none. Only an id of the hub ever leads to a network access.
    """
    if path is None:
        path = DEFAULT_MODEL
    if not isinstance(path, (str, Path)):
        raise TypeError(
            "a model is a folder, the id of a model of the hub ('owner/name') or a "
            f"StaticEmbedding, got {type(path).__name__}"
        )
    check_subfolder(subfolder)
    root = Path(path).expanduser()
    # Those of `os` take a name that is too long for the file system.
    if not os.path.isdir(root):
        if os.path.exists(root):
            raise NotADirectoryError(
                f"{shortened(root)} is a file: give the folder of the model"
            )
        if isinstance(path, Path) or not is_hub_id(path):
            raise FileNotFoundError(
                f"there is no folder {shortened(path)!r}, and it is not the id of a "
                "model of the hub, which has the form 'owner/name'"
            )
        from sk_m2v.embedding.storage import _hub

        root = _hub.download(path, subfolder=subfolder, **hub_options)
    folder = root / subfolder if subfolder else root
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"there is no folder {quoted(subfolder)} in {shortened(path)}"
        )
    folder = folder.resolve()
    if subfolder and root.resolve() not in folder.parents:
        raise ValueError(
            f"subfolder={quoted(subfolder)} is a link out of {shortened(path)}: give "
            "the folder that it leads to as the model"
        )
    return folder


def is_hub_id(name: str) -> bool:
    """Tell whether a name has the form ``owner/name``.

    Parameters
    ----------
    name : str
        What the user gave.

    Returns
    -------
    bool
        False for anything that could lead out of a folder, too.
    """
    return _HUB_ID.fullmatch(name) is not None and ".." not in name


def check_subfolder(subfolder: str | None) -> None:
    """Refuse a subfolder that leads out of its folder.

    Parameters
    ----------
    subfolder : str or None
        What the user gave.

    Raises
    ------
    ValueError
        If it is absolute or holds "..".
    """
    if subfolder is None:
        return
    parts = PurePosixPath(subfolder.replace("\\", "/"))
    if not subfolder or parts.is_absolute() or ".." in parts.parts or ":" in subfolder:
        raise ValueError(f"subfolder must lie below the model, got {quoted(subfolder)}")
