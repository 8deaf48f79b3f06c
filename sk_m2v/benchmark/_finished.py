"""Finished runs in a folder: a file each, named by what the run depends on."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from math import isfinite, nan
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import clone

from sk_m2v._messages import quoted, shortened
from sk_m2v._version import package_version
from sk_m2v.benchmark._data import DataSet, fingerprint
from sk_m2v.embedding.storage._folder import write_files

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
_NAME_LENGTH = 40


class FinishedRuns:
    """Results of runs, found again as long as nothing that they depend on changes.

    Parameters
    ----------
    folder : Path
        Where the files are; made if it does not exist.
    estimators : mapping of str to estimator
        Those that run.
    scorers : mapping of str to callable
        Further scores.
    columns : tuple of str
        Names of the numbers that a run has.

    Raises
    ------
    OSError
        If the folder cannot be made.
    TypeError
        If an estimator or scorer cannot be pickled, and so not be recognised.
    """

    def __init__(
        self,
        folder: Path,
        estimators: Mapping[str, Any],
        scorers: Mapping[str, Any],
        columns: tuple[str, ...],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._columns = columns
        # A clone has parameters alone, also of what was fitted before.
        self._estimators = {
            name: _content(clone(it), f"estimators[{quoted(name)}]")
            for name, it in estimators.items()
        }
        self._scorers = {
            name: _content(it, f"scoring[{quoted(name)}]")
            for name, it in scorers.items()
        }

    def path(self, estimator: str, data_set: str, seed: int, data: str) -> Path:
        """File of a run.

        Parameters
        ----------
        estimator, data_set : str
            Names.
        seed : int
            The seed.
        data : str
            From `data_hash`.

        Returns
        -------
        Path
            The file, which may not exist.
        """
        content = [
            *(package_version(), self._estimators[estimator], data, seed),
            *sorted(self._scorers.items()),
        ]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
        names = (_file_name(it) for it in (estimator, data_set))
        return self._folder / f"{'.'.join(names)}.{seed}.{key}.json"

    def read(self, path: Path) -> dict[str, float] | None:
        """Numbers of a run.

        Parameters
        ----------
        path : Path
            From `path`.

        Returns
        -------
        dict of str to float, or None
            As they were written; None if they were not, or the file is damaged.

        Warns
        -----
        UserWarning
            If the file is damaged.
        """
        try:
            content = json.loads(path.read_bytes())["numbers"]
            return {
                name: nan if content[name] is None else float(content[name])
                for name in self._columns
            }
        except FileNotFoundError:
            return None
        except (LookupError, TypeError, ValueError) as error:
            warnings.warn(
                f"{shortened(path)} is damaged ({shortened(error)}): its run is done "
                "again, and the file is replaced.",
                stacklevel=3,
            )
            return None

    def write(self, path: Path, numbers: Mapping[str, float], **names: Any) -> None:
        """Keep the numbers of a run.

        Parameters
        ----------
        path : Path
            From `path`.
        numbers : mapping of str to float
            The numbers.
        **names : str or int
            Which run, for those who read the file.
        """
        finite = {k: v if isfinite(v) else None for k, v in numbers.items()}
        text = json.dumps({**names, "numbers": finite}, indent=2, ensure_ascii=False)
        write_files({path: text.encode("utf-8", "replace")})


def data_hash(data: DataSet) -> str:
    """What tells data from other data.

    Parameters
    ----------
    data : DataSet
        The data.

    Returns
    -------
    str
        Of hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in fingerprint(data):
        digest.update(part)
    return digest.hexdigest()


def _content(value: Any, where: str) -> str:
    """Hash of a class and its parameters, arrays included; the same in any process."""
    try:
        return str(joblib.hash(value))
    except Exception as error:  # of any library
        raise TypeError(
            f"{where} cannot be pickled, so that its finished runs would not be "
            f"recognised: {shortened(error)}. Give names to functions, at the top of "
            "a module, or leave out folder."
        ) from error


def _file_name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:_NAME_LENGTH]
