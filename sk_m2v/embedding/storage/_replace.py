"""The files of a folder are replaced as one, whatever happens to the process.

New files are written into a folder beside, and count from the moment in which that is
renamed to `NEW`: a reader takes each file from there, and from the folder itself if it
is there no longer. Then they are moved to their places one by one. What a process that
died has left is finished by the next that writes, or cleared if it did not yet count.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sk_m2v._messages import shortened
from sk_m2v.embedding.storage._lock import alone_in
from sk_m2v.embedding.storage._names import FILES

#: Folder of files that count already. One without content says that there is none.
NEW = ".sk-m2v-new"
_BEGUN = ".sk-m2v-begun"


def replace_files(
    folder: Path, contents: Mapping[str, bytes], folders: Iterable[str] = ()
) -> None:
    """Put a model in the place of whatever a folder holds.

    Files of a model that are not among the new ones are removed: those of another
    layout, or of an estimator around another embedding. Other files stay.

    Parameters
    ----------
    folder : Path
        The folder, made if it does not exist.
    contents : mapping of str to bytes
        Names below the folder, and what to write. Nothing is written for what is empty.
    folders : iterable of str, default=()
        Names of folders that have to be there, too.

    Raises
    ------
    OSError
        If the folder cannot be written, or a link leads out of it: it holds what it
        did, and the message says what to do.
    """
    begun = folder / _BEGUN
    what = "It holds what it did before"
    with _explained(folder, what):
        folder.mkdir(parents=True, exist_ok=True)
    _check_links(folder, contents)
    with _explained(folder, what), alone_in(folder):
        # No other writer lives.
        finish(folder)
        shutil.rmtree(begun, ignore_errors=True)
        old = [it for it in FILES if (folder / it).is_file()]
        try:
            begun.mkdir()
            for name, data in {**dict.fromkeys(old, b""), **contents}.items():
                if (folder / name).is_dir():
                    raise IsADirectoryError(f"{shortened(folder / name)} is a folder")
                _write(begun / name, data, is_at_stake=bool(old))
            for name in folders:
                (folder / name).mkdir(exist_ok=True)
            os.rename(begun, folder / NEW)
        except BaseException:
            shutil.rmtree(begun, ignore_errors=True)
            raise
        finish(folder)


def finish(folder: Path) -> None:
    """Move new files to their places.

    Parameters
    ----------
    folder : Path
        The folder. Only one process may do so at a time.

    Raises
    ------
    OSError
        If a file cannot be moved. The new files count all the same.
    """
    new = folder / NEW
    if not new.is_dir():
        return
    what = "It holds the new model already, which the next save will put in its place"
    with _explained(folder, what):
        for source in [it for it in new.rglob("*") if it.is_file()]:
            target = folder / source.relative_to(new)
            if source.stat().st_size:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(source, target)
            else:
                target.unlink(missing_ok=True)
                source.unlink()
        shutil.rmtree(new)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files beside their places, then rename them there.

    Parameters
    ----------
    contents : mapping of Path to bytes
        What to write. On an error no existing file has changed.
    """
    written: list[tuple[Path, Path]] = []
    try:
        for path, data in contents.items():
            beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
            written.append((beside, path))
            beside.write_bytes(data)
        for beside, path in written:
            os.replace(beside, path)
    finally:
        for beside, _ in written:
            beside.unlink(missing_ok=True)


def _check_links(folder: Path, names: Iterable[str]) -> None:
    """Refuse links in place of folders: through one, files of others would change.

    Those in place of files are replaced, and what they lead to stays.
    """
    ways = {it for name in (*FILES, *names) for it in Path(name).parents}
    for it in sorted(ways | {Path(NEW), Path(_BEGUN)}):
        if (folder / it).is_symlink() and it != Path():
            raise OSError(
                f"{shortened(folder / it)} is a link, and nothing is written through "
                "it: remove it, or choose another folder"
            )


def _write(path: Path, data: bytes, *, is_at_stake: bool) -> None:
    """Write a file that takes the place of another, or of none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        if is_at_stake and data:
            # A machine that loses its power could have the names without the contents.
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def _explained(folder: Path, state: str) -> Iterator[None]:
    """Say of a folder that cannot be written what it holds, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None or isinstance(error.__cause__, OSError):
            raise  # it says so already
        raise OSError(
            error.errno,
            f"{shortened(folder)} cannot be written ({shortened(error.strerror)}). "
            f"{shortened(state)}. Make room, see that you may write there, or choose "
            "another folder",
        ) from error
