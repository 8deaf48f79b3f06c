"""What a training leaves in its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sk_m2v._load import CONFIGURATION, MODEL
from sk_m2v._messages import shortened
from sk_m2v.embedding.storage._replace import write_files
from sk_m2v.tables import Columns, Writer

# What a stopped training goes on from.
CHECKPOINT, SEARCHED = "training.pt", "search.jsonl"
# The last to be written: a folder that has it is finished.
METRICS = "metrics.json"
REPORT, PREDICTIONS, DROPPED = "report.txt", "predictions.csv", "dropped.csv"
CANDIDATES, ONNX = "search.csv", "model.onnx"
# Where a finished training waits until another is finished in its place.
REPLACED = ".replaced"
_ALL = (
    *(METRICS, CHECKPOINT, SEARCHED, CONFIGURATION, REPORT, PREDICTIONS, DROPPED),
    *(CANDIDATES, ONNX),
)


@dataclass(frozen=True)
class Outputs:  # numpydoc ignore=PR02
    """Which outputs there are.

    Parameters
    ----------
    folder : str
        Folder of all that the training leaves: the model in `model`, the configuration,
        scores, predictions for the test part, rows that were dropped.
    predictions : bool
        Whether to write what is predicted for the test part.
    onnx : bool
        Whether to export the model to ONNX, too.
    checkpoints : bool
        Whether to write after each epoch what `--resume` goes on from.
    """

    folder: str = "run"
    predictions: bool = True
    onnx: bool = False
    checkpoints: bool = True

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    def check(self, configuration: str, *, resume: bool, overwrite: bool) -> bool:
        """Look at what is in the folder, and change nothing.

        Parameters
        ----------
        configuration : str
            What is kept of the run.
        resume : bool
            Whether to go on with what is there.
        overwrite : bool
            Whether to replace what is there.

        Returns
        -------
        bool
            Whether all is done already.

        Raises
        ------
        ValueError
            If there is something else in the folder, or another configuration.
        """
        file = self.path / CONFIGURATION
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{shortened(self.path)} is a file, and no folder")
        if self.path.is_dir() and any(self.path.iterdir()):
            if not file.is_file():
                raise ValueError(
                    f"{shortened(self.path)} holds other files, and no training: "
                    "choose another folder (output.folder, --out)"
                )
            if not resume and not overwrite:
                raise ValueError(
                    f"{shortened(self.path)} holds a training already: pass --resume "
                    "to go on with it, --overwrite to replace it, or another folder"
                )
            if resume and not overwrite:
                _check_same(file, configuration)
                return (self.path / METRICS).is_file()
        return False

    def begin(self, configuration: str, *, resume: bool) -> None:
        """Make the folder.

        Parameters
        ----------
        configuration : str
            What is kept of the run.
        resume : bool
            Whether to keep what another training has left.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if not resume:
            self._set_aside()
        write_files({self.path / CONFIGURATION: configuration.encode()})

    def discard(self) -> bool:
        """Remove what was begun, unless there is something to go on from.

        What it was to replace is put back.

        Returns
        -------
        bool
            Whether there is something to go on from.
        """
        if any((self.path / it).exists() for it in (CHECKPOINT, SEARCHED)):
            return True
        _remove(self.path)
        if self._replaced.is_dir():
            _move(self._replaced, self.path)
            self._replaced.rmdir()
        with suppress(OSError):  # there are files of others
            self.path.rmdir()
        return False

    def report(self) -> str:
        """Scores of a finished training.

        Returns
        -------
        str
            For people; empty if it had nothing to evaluate with.
        """
        file = self.path / REPORT
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def _replaced(self) -> Path:
        return self.path / REPLACED

    def _set_aside(self) -> None:
        """Keep a finished training until another is finished in its place."""
        if (self.path / METRICS).is_file():
            shutil.rmtree(self._replaced, ignore_errors=True)
            self._replaced.mkdir()
            _move(self.path, self._replaced)
        _remove(self.path)

    def write_table(self, name: str, columns: Columns) -> None:
        """Write a table, unless it is empty.

        Parameters
        ----------
        name : str
            Name of the file.
        columns : dict of str to list
            What it holds.
        """
        if columns and len(next(iter(columns.values()))):
            with Writer(self.path / name) as table:
                table.write(columns)

    def write_model(self, estimator: Any) -> None:
        """Write the fitted estimator, and its ONNX graph if that is wanted.

        Parameters
        ----------
        estimator : estimator
            What was fitted.
        """
        estimator.save_pretrained(self.path / MODEL)
        if self.onnx:
            from sk_m2v.onnx import save, to_onnx

            save(to_onnx(estimator), self.path / ONNX)

    def finish(self, metrics: Mapping[str, float], report: str) -> None:
        """Write the scores, and remove what was there to go on from.

        Parameters
        ----------
        metrics : mapping of str to float
            Scores.
        report : str
            The same for people.
        """
        content = json.dumps(dict(metrics), indent=2) + "\n"
        if report:
            write_files({self.path / REPORT: report.encode()})
        write_files({self.path / METRICS: content.encode()})
        (self.path / CHECKPOINT).unlink(missing_ok=True)
        shutil.rmtree(self._replaced, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove what a training left, and nothing else."""
    for name in _ALL:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / MODEL, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    """Move what a training left."""
    for name in (*_ALL, MODEL):
        if (source / name).exists():
            (source / name).replace(target / name)


def _check_same(file: Path, configuration: str) -> None:
    import yaml

    before = _flat(yaml.safe_load(file.read_text(encoding="utf-8")))
    now = _flat(yaml.safe_load(configuration))
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            raise ValueError(
                f"{shortened(file.parent)} holds a training with {shortened(key)} = "
                f"{shortened(before.get(key), 80)}, and now it is "
                f"{shortened(now.get(key), 80)}: --resume goes on with the same one. "
                "Pass --overwrite, or another folder"
            )


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found
