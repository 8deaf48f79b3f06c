"""Ways out of a folder: a model consists of files of its own, and of no others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sk_m2v._messages import shortened


def check_links(folder: Path, paths: Iterable[str]) -> None:
    """Refuse links to what is outside of a folder, in place of files that are read.

    The cache of the hub consists of links to files beside the folder of a revision.
    Those are not refused.

    Parameters
    ----------
    folder : Path
        The folder of a model.
    paths : iterable of str
        Places in it. There need not be a file at each.

    Raises
    ------
    ValueError
        If one is such a link, or in a folder that is one.
    """
    folder = Path(os.path.realpath(folder))
    own = [folder]
    for parent in folder.parents:
        if (
            parent.name.startswith("models--")
            and parent / "snapshots" in folder.parents
        ):
            own.append(parent / "blobs")
    for path in paths:
        target = Path(os.path.realpath(path))
        if not any(target.is_relative_to(it) for it in own):
            raise ValueError(
                f"{shortened(path)} is a link to {shortened(target)}, which is no file "
                "of the model. If it should be, copy it to where the link is"
            )
