"""Files of a run: tables, texts and pictures, uploaded together."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mlflow import MlflowClient

from sk_m2v._messages import quoted
from sk_m2v.benchmark._test_scores import Scores
from sk_m2v.tracking._pictures import can_draw, confusion_figure, history_figure


def log_artifacts(
    client: MlflowClient,
    run_id: str,
    *,
    configuration: Mapping[str, Any] | str | None = None,
    inner: Any = None,
    scores: Scores | None = None,
    search: Any = None,
) -> None:
    """Write what there is to files, and upload them with one request or few.

    Parameters
    ----------
    client : MlflowClient
        The store.
    run_id : str
        The run.
    configuration : mapping, str or None, default=None
        What the user was asked for, or asked for.
    inner : estimator or None, default=None
        A fitted estimator; drawn if it has a `history_`.
    scores : Scores or None, default=None
        Scores on a test set.
    search : estimator or None, default=None
        A fitted search.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        if configuration is not None:
            _write_configuration(folder, configuration)
        if scores is not None and scores.confusion is not None:
            _write_confusion(folder, scores.confusion, scores.labels)
            _write_json(folder / "classification_report.json", scores.report)
            _write(folder / "classification_report.txt", scores.report_text)
        if search is not None:
            _write_candidates(folder / "cv_results.csv", search.cv_results_)
        history = getattr(inner, "history_", None)
        if history:
            _write_json(folder / "history.json", history)
            if can_draw() and (figure := history_figure(inner)) is not None:
                _save(figure, folder / "history.png")
        if any(folder.iterdir()):
            client.log_artifacts(run_id, name)


def check_configuration(configuration: Any) -> None:
    """Refuse what is no configuration.

    Parameters
    ----------
    configuration : object
        What the user passed.

    Raises
    ------
    TypeError
        If it is neither a mapping, a text, nor None.
    """
    if configuration is not None and not isinstance(configuration, Mapping | str):
        raise TypeError(
            "configuration must be a dict or a text, got "
            f"{quoted(configuration)} of type {type(configuration).__qualname__!r}"
        )


def _save(figure: Any, path: Path) -> None:
    # Tight, or what stands outside of the axes is cut off.
    figure.savefig(path, dpi=120, bbox_inches="tight")


def _write(path: Path, text: str) -> None:
    # A lone surrogate is a text to Python, and none to UTF-8.
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _write_json(path: Path, content: Any) -> None:
    _write(path, json.dumps(content, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _write_configuration(folder: Path, content: Mapping[str, Any] | str) -> None:
    if not isinstance(content, str):
        _write_json(folder / "config.json", dict(content))
        return
    try:
        json.loads(content)
    except ValueError:
        # TOML, say: as it is, and not under a wrong name.
        _write(folder / "config.txt", content)
    else:
        _write(folder / "config.json", content)


def _write_confusion(folder: Path, confusion: Any, labels: list[Any]) -> None:
    if confusion.ndim == 3:  # of 2 x 2 for each label
        names = ("true_negative", "false_positive", "false_negative", "true_positive")
        rows = [
            {"label": label, **dict(zip(names, counts, strict=True))}
            for label, counts in zip(
                labels, confusion.reshape(-1, 4).tolist(), strict=True
            )
        ]
        _write_json(folder / "confusion_matrix.json", rows)
        table = [["label", *names], *([*row.values()] for row in rows)]
    else:
        content = {"labels": labels, "rows_are": "true", "matrix": confusion.tolist()}
        _write_json(folder / "confusion_matrix.json", content)
        table = [
            ["true \\ predicted", *labels],
            *(
                [label, *row]
                for label, row in zip(labels, confusion.tolist(), strict=True)
            ),
        ]
        if can_draw():
            _save(confusion_figure(confusion, labels), folder / "confusion_matrix.png")
    _write_csv(folder / "confusion_matrix.csv", table)


def _write_candidates(path: Path, results: Mapping[str, Any]) -> None:
    names = [name for name in results if name != "params"]
    # What a candidate has no value of is masked, and empty in the file.
    columns: list[Any] = [
        np.ma.filled(np.ma.asarray(results[name], object), "") for name in names
    ]
    _write_csv(path, [names, *zip(*columns, strict=True)])


def _write_csv(path: Path, rows: list[Any]) -> None:
    with path.open(
        "w", encoding="utf-8", errors="backslashreplace", newline=""
    ) as file:
        csv.writer(file).writerows(rows)
