"""A training from raw files to what it leaves in its folder, step by step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import Any

from sk_m2v._messages import shortened
from sk_m2v.cli.configuration import Configuration, check, note_changes, recorded
from sk_m2v.cli.running._estimator import make_estimator
from sk_m2v.cli.running._evaluate import evaluate, prediction_columns
from sk_m2v.cli.running._outputs import (
    CANDIDATES,
    CHECKPOINT,
    DROPPED,
    PREDICTIONS,
    SEARCHED,
    Outputs,
)
from sk_m2v.cli.running._plain import plain
from sk_m2v.cli.running._prepared import prepared_parts, texts_and_targets
from sk_m2v.cli.running._search import candidates, check_scoring, search
from sk_m2v.cli.running._targets import as_cells
from sk_m2v.tables import Columns

Say = Callable[[str], None]


def run(
    configuration: Configuration,
    *,
    source: Path | None,
    resume: bool,
    overwrite: bool,
    say: Say,
) -> str:
    """Do what a configuration says.

    Parameters
    ----------
    configuration : Configuration
        As read.
    source : Path or None
        The file that it is from.
    resume : bool
        Whether to go on with a training that was stopped.
    overwrite : bool
        Whether to replace one.
    say : callable
        Gets a line for each step.

    Returns
    -------
    str
        Scores for people; empty if there is nothing to evaluate with.

    Raises
    ------
    ValueError, OSError, ImportError
        If something cannot be done as asked. What can be known before is refused before
        any work.
    """
    settings = check(configuration)
    for line in note_changes(settings, source.parent if source else Path()):
        say(f"note: {line}")
    seed = settings["random_state"]
    estimator = make_estimator(settings["train"], settings["model"], seed)
    if settings["search"] is not None:
        how = settings["search"]
        candidates(estimator, how["parameters"], how["n_iter"], seed)
        check_scoring(how["scoring"])
    outputs = Outputs(**settings["output"])
    text = recorded(settings, outputs.path)
    if outputs.check(text, resume=resume, overwrite=overwrite):
        say(f"{shortened(outputs.path)} holds a finished training")
        return outputs.report()
    if resume and not outputs.path.is_dir():
        say(f"{shortened(outputs.path)} is not there: the training begins")
    if overwrite:
        _check_model_stays(settings["model"], outputs.path)
    with _step("reading", say):
        parts, report = prepared_parts(settings, estimator)
    if report is not None:
        say(report.to_text())
    # Only now: what is wrong with the data leaves no folder behind.
    outputs.begin(text, resume=resume and not overwrite)
    if report is not None:
        outputs.write_table(DROPPED, report.dropped_columns())
    data = {
        part: texts_and_targets(it, settings, estimator) for part, it in parts.items()
    }
    try:
        if settings["search"] is not None:
            with _step("searching", say):
                best, table = search(
                    estimator,
                    *data["train"],
                    **settings["search"],
                    random_state=seed,
                    finished=outputs.path / SEARCHED,
                    say=say,
                )
            outputs.write_table(CANDIDATES, table)
            say(f"best: {', '.join(f'{name}={it}' for name, it in best.items())}")
            estimator.set_params(**best)
        n_texts = len(data["train"][0])
        with _step(f"training {type(estimator).__name__} on {n_texts:,} texts", say):
            _fit(estimator, data, settings, outputs, text)
        with _step("writing the model", say):
            outputs.write_model(estimator)
        metrics: dict[str, float] = {}
        scores = ""
        if "test" in data:
            metrics, scores = evaluate(estimator, *data["test"])
            if outputs.predictions:
                table = _predicted(estimator, data["test"][0], parts["test"], settings)
                outputs.write_table(PREDICTIONS, table)
        else:
            say("there is no part to evaluate with: pass --test or --test-size")
        outputs.finish(metrics, scores)
    except BaseException:
        if outputs.discard():
            say(f"what was done is kept in {shortened(outputs.path)}: pass --resume")
        raise
    say(f"written: {shortened(outputs.path)}")
    return scores


def _check_model_stays(model: Mapping[str, Any] | None, folder: Path) -> None:
    """Refuse to remove what the training starts from."""
    path = (model or {}).get("path")
    if path is not None and Path(path).resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"the training starts from {shortened(path)}, which --overwrite would "
            "remove: choose another folder (output.folder, --out)"
        )


def _predicted(
    estimator: Any, X: list[str], part: Columns, settings: Mapping[str, Any]
) -> Columns:
    """A part beside what is predicted, labels in the form in which they were read."""
    label = settings["data"]["label"]
    separator = settings["data"]["label_separator"] if isinstance(label, str) else None
    if isinstance(label, str):
        part = {**part, label: as_cells(part[label], separator)}
    if not hasattr(estimator, "predict"):
        return part
    return part | prediction_columns(
        estimator, X, probabilities=False, separator=separator
    )


def _fit(
    estimator: Any,
    data: Mapping[str, tuple[Any, Any]],
    settings: dict[str, Any],
    outputs: Outputs,
    configuration: str,
) -> None:
    """Fit, with what is printed on standard error, and track it if that is wanted."""
    asked = {name: getattr(estimator, name, None) for name in ("verbose", "callbacks")}
    watched: dict[str, Any] = {"verbose": 1}
    if outputs.checkpoints and hasattr(estimator, "callbacks"):
        from sk_m2v.train import ResumePoint

        point = ResumePoint(outputs.path / CHECKPOINT)
        watched["callbacks"] = [*(estimator.callbacks or ()), point]
    X, y = data["train"]
    more = dict(zip(("X_val", "y_val"), data.get("validation", ()), strict=False))
    estimator.set_params(**watched)
    try:
        with redirect_stdout(plain(sys.stderr)):
            if settings["track"] is None:
                estimator.fit(X, y, **more)
            else:
                _track(estimator, data, settings["track"], configuration, more)
    finally:
        estimator.set_params(**{name: asked[name] for name in watched})


def _track(
    estimator: Any,
    data: Mapping[str, tuple[Any, Any]],
    how: dict[str, Any],
    configuration: str,
    more: dict[str, Any],
) -> None:
    import yaml

    from sk_m2v.tracking import track

    X, y = data["train"]
    test = dict(zip(("X_test", "y_test"), data.get("test", ()), strict=False))
    track(
        estimator,
        X,
        y,
        **test,
        configuration=yaml.safe_load(configuration),
        **how,
        **more,
    )


@contextmanager
def _step(doing: str, say: Say) -> Iterator[None]:
    say(f"{doing} ...")
    start = perf_counter()
    yield
    if (seconds := perf_counter() - start) > 1:
        say(f"{doing}: {seconds:.1f} s")
