"""Ways out of a folder: a model consists of files of its own, and of no others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sk_m2v._messages import shortened

_SUFFIXES = (".json", ".safetensors", ".skops")
# Such as 0_StaticEmbedding.
_MODULE = re.compile(r"\d+_")


def check_links(folder: Path) -> None:
    """Refuse links to what is outside of a folder, in place of files that are read.

    The cache of the hub consists of links to files beside the folder of a revision.
    Those are not refused.

    Parameters
    ----------
    folder : Path
        The folder of a model, resolved.

    Raises
    ------
    ValueError
        If one is such a link, or in a folder that is one.
    """
    own = [folder]
    for parent in folder.parents:
        if (
            parent.name.startswith("models--")
            and parent / "snapshots" in folder.parents
        ):
            own.append(parent / "blobs")
    for link in _links(folder):
        target = Path(os.path.realpath(link))
        if not any(it == target or it in target.parents for it in own):
            raise ValueError(
                f"{shortened(link)} is a link to {shortened(target)}, which is no file "
                "of the model. If it should be, copy it to where the link is"
            )


def _links(folder: Path, *, with_modules: bool = True) -> Iterator[Path]:
    """Links among the files of a model, and of the folders of its modules."""
    with os.scandir(folder) as entries:
        for it in entries:
            is_module = with_modules and _MODULE.match(it.name) is not None
            if it.is_symlink():
                if is_module or it.name.endswith(_SUFFIXES):
                    yield Path(it.path)
            elif is_module and it.is_dir():
                yield from _links(Path(it.path), with_modules=False)
