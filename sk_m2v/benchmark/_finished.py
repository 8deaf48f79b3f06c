"""Finished runs in a folder: a file each, named by what the run depends on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import clone

from sk_m2v._messages import quoted, shortened
from sk_m2v._version import package_version
from sk_m2v.benchmark._data import DataSet, fingerprint
from sk_m2v.embedding.storage._replace import write_files

_NOT_IN_NAMES = re.compile(r"[^\w.-]+", re.ASCII)
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
    columns : sequence of str
        Names of the numbers that every run has.

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
        columns: Sequence[str],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.damaged: list[str] = []
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

    def read(self, run: Mapping[str, Any], data: str) -> dict[str, float] | None:
        """Numbers of a run.

        Parameters
        ----------
        run : mapping of str to object
            Its ``"estimator"``, ``"data_set"`` and ``"seed"``.
        data : str
            From `data_hash`.

        Returns
        -------
        dict of str to float, or None
            As they were written; None if they were not, or the file is damaged.
            `damaged` has a sentence about that.
        """
        path = self._path(run, data)
        try:
            numbers = json.loads(path.read_bytes())["numbers"]
            return {name: _number(numbers[name]) for name in self._columns}
        except FileNotFoundError:
            return None
        except (LookupError, TypeError, ValueError) as error:
            self.damaged.append(
                f"{shortened(path)} is damaged ({shortened(error)}): its run is done "
                "again, and the file is replaced."
            )
            return None

    def write(
        self, run: Mapping[str, Any], data: str, numbers: Mapping[str, float]
    ) -> None:
        """Keep the numbers of a run.

        Parameters
        ----------
        run : mapping of str to object
            As for `read`.
        data : str
            As for `read`.
        numbers : mapping of str to float
            The numbers.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        # JSON has no NaN.
        found = {name: numbers.get(name, nan) for name in self._columns}
        stored = {k: None if isnan(v) else v for k, v in found.items()}
        text = json.dumps({**run, "numbers": stored}, indent=2)
        write_files({self._path(run, data): text.encode()})

    def _path(self, run: Mapping[str, Any], data: str) -> Path:
        content = [
            *(package_version(), self._estimators[run["estimator"]], data, run["seed"]),
            *sorted(self._scorers.items()),
        ]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
        names = [_NOT_IN_NAMES.sub("_", run[it]) for it in ("estimator", "data_set")]
        short = ".".join(it[:_NAME_LENGTH] for it in names)
        return self._folder / f"{short}.{run['seed']}.{key}.json"


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


def _number(value: Any) -> float:
    if value is None:
        return nan
    if not isinstance(value, int | float):
        raise TypeError(f"{quoted(value)} is no number")
    return float(value)
