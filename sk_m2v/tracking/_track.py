"""`track`: fit an estimator in a run of MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from sk_m2v._parameters import public
from sk_m2v.benchmark._test_scores import Scores, scores
from sk_m2v.tracking._arguments import about_data, check_estimator, check_names, kept
from sk_m2v.tracking._artifacts import check_configuration, log_artifacts
from sk_m2v.tracking._metrics import epochs, log_metrics, metrics
from sk_m2v.tracking._model import log_model as _log_model
from sk_m2v.tracking._parameters import log_parameters, parameters
from sk_m2v.tracking._run import (
    checked_tags,
    open_run,
    parent_run,
    versions,
    without_autologging,
)
from sk_m2v.tracking._search import is_search, log_search
from sk_m2v.tracking._sections import BENCHMARK, inner_estimator, section
from sk_m2v.tracking._store import experiment_id, open_store


@public("sk_m2v.tracking")
@dataclass(frozen=True)
class TrackedRun:
    """What `track` returns: the fitted estimator, and where its run is.

    Attributes
    ----------
    estimator : estimator
        The estimator that was passed, fitted.
    run_id : str
        Id of the run of the training.
    experiment_id : str
        Id of its experiment.
    tracking_uri : str
        The store.
    model_uri : str or None
        For ``mlflow.pyfunc.load_model``; None if no model was logged.
    benchmark_run_id : str or None
        Id of the run in the experiment ``Benchmark``; None without a test set.
    metrics : dict of str to float
        Scores on the test set, empty without.

    See Also
    --------
    track : Fit an estimator in a run.

    Examples
    --------
    >>> from sk_m2v.tracking import TrackedRun
    >>> sorted(TrackedRun.__dataclass_fields__)[:3]
    ['benchmark_run_id', 'estimator', 'experiment_id']
    """

    estimator: Any
    run_id: str
    experiment_id: str
    tracking_uri: str
    model_uri: str | None
    benchmark_run_id: str | None
    metrics: dict[str, float]


def track(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    X_test: Any = None,
    y_test: Any = None,
    experiment: str | None = None,
    run_name: str | None = None,
    tracking_uri: str | Path | None = None,
    artifact_location: str | Path | None = None,
    prefix: str = "",
    registered_model_name: str | None = None,
    log_model: bool = True,
    configuration: Mapping[str, Any] | str | None = None,
    tags: Mapping[str, str] | None = None,
    **fit_params: Any,
) -> TrackedRun:
    """Fit an estimator in a run of MLflow, and log what it was and became.

    Parameters
    ----------
    estimator : estimator
        Any estimator of this package or of scikit-learn, pipelines and searches
        included. It is fitted itself, not a copy, as by its `fit`.
    X : array-like
        Training data, for this package any container of texts. An iterator is read
        into a list.
    y : array-like, default=None
        Labels or numbers.
    X_test, y_test : array-like, default=None
        A test set. Its scores go to this run, as ``test_accuracy`` and the like, and
        to a run of the experiment ``Benchmark``, there as ``accuracy``.
    experiment : str or None, default=None
        Name of the experiment. None is that of the section of the estimator (see
        Notes), or the one of the run that is open.
    run_name : str or None, default=None
        Name of the run. None is the name of the class.
    tracking_uri : str, Path or None, default=None
        The store, as MLflow writes it. None is the one set by
        ``mlflow.set_tracking_uri`` or ``MLFLOW_TRACKING_URI``, and if none is, the
        database ``mlflow.db`` in the current folder.
    artifact_location : str, Path or None, default=None
        Where new experiments keep their files. None is the folder ``mlartifacts``
        beside the database, for one of SQLite, and else what the store says.
    prefix : str, default=""
        What names of experiments begin with: ``"films/"`` makes ``films/FT``.
    registered_model_name : str or None, default=None
        Name in the registry of models; the model becomes its next version.
    log_model : bool, default=True
        Whether to log the model. The first three texts are stored with it.
    configuration : mapping, str or None, default=None
        What the training was asked for, kept as ``config.json``; a text that is no
        JSON as ``config.txt``.
    tags : mapping of str to str, default=None
        Tags of the run.
    **fit_params : dict
        Passed to `fit`, such as ``X_val`` and ``y_val``.

    Returns
    -------
    TrackedRun
        The fitted estimator, and where its run is.

    Raises
    ------
    TypeError, ValueError
        If arguments do not go together, before anything is fitted or logged. Errors of
        `fit` are passed on: the run is then FAILED (on an interrupt KILLED), with the
        error as a tag.

    See Also
    --------
    track_benchmark : Log a table of results.

    Notes
    -----
    Sections are FE (`FeatureExtractionClassifier`), FT (`StaticClassifier`), PT
    (`FromScratchClassifier`), Regression (`StaticRegressor`), Contrastive
    (`ContrastiveTransformer`) and Distilling (`DistillTransformer`); of any other
    estimator the name of its class. A pipeline counts as its last step, and a search
    or another meta-estimator as what it wraps.

    The active run, the experiment and the store that are set stay as they are, and
    ``mlflow.autolog`` rests while `fit` runs. If a run is open, and is in the same
    store, the new run stands below it, and nothing is written to the open one.

    Examples
    --------
    >>> import tempfile
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.tracking import track
    >>> folder = tempfile.mkdtemp()
    >>> run = track(
    ...     FeatureExtractionClassifier(),
    ...     ["a lovely film", "so dull"],
    ...     ["good", "bad"],
    ...     tracking_uri=f"sqlite:///{folder}/mlflow.db",
    ... )
    >>> run.estimator.predict(["lovely"]).tolist()
    ['good']
    """
    check_names(experiment=experiment, run_name=run_name, prefix=prefix)
    check_estimator(estimator, X_test, y_test)
    if registered_model_name is not None and not log_model:
        raise ValueError(
            "registered_model_name needs the model: leave log_model as it is, True"
        )
    check_configuration(configuration)
    more_tags = checked_tags(tags)
    # Data is read more than once.
    X, y, X_test, y_test = map(kept, (X, y, X_test, y_test))
    client = open_store(tracking_uri)
    parent = parent_run(client)
    name = experiment or section(estimator)
    if parent is not None and experiment is None:
        place = parent.info.experiment_id
    else:
        place = experiment_id(client, prefix + name, artifact_location)
    benchmark = (
        None
        if X_test is None
        else experiment_id(client, prefix + BENCHMARK, artifact_location)
    )
    run_name = run_name or type(inner_estimator(estimator)).__name__
    about = {
        **versions(),
        "estimator": type(estimator).__name__,
        "section": section(estimator),
        **about_data(X, y, "train"),
        **about_data(X_test, y_test, "test"),
        **more_tags,
    }
    found: Scores | None = None
    model_uri = None
    with open_run(
        client, place, run_name, about, parent.info.run_id if parent else None
    ) as run_id:
        values = parameters(estimator)
        log_parameters(client, run_id, values)
        with without_autologging():
            start = time.perf_counter()
            estimator.fit(X, y, **fit_params)
            seconds, ended = time.perf_counter() - start, time.time()
            if X_test is not None:
                found = scores(estimator, X_test, y_test)
        _log_fit(client, run_id, estimator, seconds, ended, found)
        if is_search(estimator):
            log_search(client, run_id, place, estimator)
        log_artifacts(
            client,
            run_id,
            configuration=configuration,
            inner=inner_estimator(estimator),
            scores=found,
            search=estimator if is_search(estimator) else None,
        )
        predictor = _predictor(estimator)
        if log_model and predictor is not None:
            with without_autologging():
                model_uri = _log_model(
                    client,
                    run_id,
                    place,
                    predictor,
                    X,
                    name="model",
                    registered_model_name=registered_model_name,
                )
    benchmark_run_id = None
    if found is not None and benchmark is not None:
        about["training_run_id"] = run_id
        with open_run(client, benchmark, run_name, about) as benchmark_run_id:
            log_parameters(client, benchmark_run_id, values)
            final = {**found.metrics, "fit_seconds": seconds}
            log_metrics(client, benchmark_run_id, metrics(final))
            log_artifacts(client, benchmark_run_id, scores=found)
    return TrackedRun(
        estimator,
        run_id,
        place,
        client.tracking_uri,
        model_uri,
        benchmark_run_id,
        dict(found.metrics) if found is not None else {},
    )


def _predictor(estimator: Any) -> Any:
    """What is logged as the model: of a search the best, None if it was not fitted."""
    return (
        getattr(estimator, "best_estimator_", None)
        if is_search(estimator)
        else estimator
    )


def _log_fit(
    client: MlflowClient,
    run_id: str,
    estimator: Any,
    seconds: float,
    ended: float,
    found: Scores | None,
) -> None:
    """All numbers of a run, epochs included, in one request if they are few."""
    inner = inner_estimator(estimator)
    final: dict[str, Any] = {"fit_seconds": seconds}
    for name in ("n_iter_", "best_epoch_"):
        final[name.rstrip("_")] = getattr(inner, name, None)
    if found is not None:
        final |= {f"test_{name}": value for name, value in found.metrics.items()}
    history = getattr(inner, "history_", None) or ()
    log_metrics(client, run_id, [*epochs(history, ended), *metrics(final)])
