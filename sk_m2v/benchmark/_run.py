"""`run_benchmark`: each estimator on each data set, with each seed."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from math import nan
from numbers import Integral
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from sklearn.base import is_regressor

from sk_m2v._messages import quoted, shortened
from sk_m2v._optional import require
from sk_m2v.benchmark._data import DataSet, source
from sk_m2v.benchmark._finished import FinishedRuns, data_hash
from sk_m2v.benchmark._measure import COLUMNS, COSTS, COUNTS, RUN, counts, measure
from sk_m2v.benchmark._scores import NAMES, Scorer, scorers_of

_ON_ERROR = ("raise", "record")


def run_benchmark(
    estimators: Mapping[str, Any],
    data_sets: Mapping[str, Any],
    *,
    random_states: Iterable[int] = (0, 1, 2),
    folder: str | Path | None = None,
    scoring: str
    | Callable[..., float]
    | Iterable[str]
    | Mapping[str, str | Callable[..., float]]
    | None = None,
    error_score: str = "raise",
    n_jobs: int | None = None,
    verbose: bool = False,
) -> Any:
    """Fit and judge each estimator on each data set, with each seed.

    Parameters
    ----------
    estimators : dict of str to estimator
        Classifiers or regressors of texts, by name. They are cloned for each run, and
        every parameter `random_state`, those of nested estimators included, is set to
        the seed.
    data_sets : dict of str to tuple or callable
        By name, ``(X_train, y_train, X_test, y_test)``, the same for all seeds;
        ``(X, y)``, of which each seed draws another quarter as test texts, classes in
        equal shares; or a function of a seed that returns one of them, called when its
        turn comes. `y` holds classes (str or int), lists of labels or a matrix of 0 and
        1, or numbers. Numbers without a fraction are classes, unless all estimators
        are regressors.
    random_states : iterable of int, default=(0, 1, 2)
        The seeds.
    folder : str, Path or None, default=None
        Where each finished run is kept. A benchmark that was stopped, by whatever,
        goes on there when it is called again. None keeps nothing.
    scoring : str, callable, list of str or dict, default=None
        Further scores: names of scikit-learn's scorers, functions ``scorer(estimator,
        X, y)``, or both in a dict by the names of their columns. The column of a
        function alone is ``"score"``.
    error_score : {"raise", "record"}, default="raise"
        Whether an error of an estimator ends the benchmark, or stands in the column
        ``"error"`` of its run, with NaN for all that was not measured.
    n_jobs : int or None, default=None
        Runs at a time, in processes of joblib or workers of its context, such as
        ``joblib.parallel_config(backend="dask")``. None is 1 unless in such a context,
        -1 is all cores.
    verbose : bool, default=False
        Whether to show progress, on the standard error stream.

    Returns
    -------
    pandas.DataFrame
        A row for each run, in the order of estimators, data sets and seeds. Columns
        are

        - ``estimator``, ``data_set``, ``seed``;
        - ``n_train``, ``n_test``: texts, and ``n_classes``: different labels, 0 for
          numbers;
        - of classes ``accuracy``, ``balanced_accuracy``, ``macro_f1`` and, where there
          is `predict_proba`, ``log_loss`` (in nats; a class that no training text has
          counts with a probability of 1e-9);
        - of lists or matrices of labels ``micro_f1`` and ``macro_f1``, over labels that
          occur in the test texts or predictions;
        - of numbers, and of all that regressors predict, ``r2`` and ``mae``;
        - those of `scoring`;
        - ``fit_seconds``; ``predict_seconds``, for `predict` of all test texts;
          ``texts_per_second``, from that;
        - ``model_bytes`` of the fitted estimator in files, as its `save_pretrained`
          writes it or, without one, `joblib.dump`; NaN if neither can;
        - ``error``, which is empty if there was none.

        Scores that there are not are NaN.

    Raises
    ------
    ImportError
        If pandas is not installed.
    OSError
        If `folder` cannot be made or written to.
    TypeError, ValueError
        If an argument is not as above, before the first fit; what a function of a seed
        returns is checked when its turn comes. With ``error_score="raise"``, also
        whatever an estimator raises, with a note that names the run.

    Warns
    -----
    UserWarning
        If a file in `folder` is damaged; it is named, and its run is done again.

    See Also
    --------
    BenchmarkReport : The results as tables to read.

    Notes
    -----
    A kept run is used again if the names, the class and parameters of the estimator,
    the texts and targets, the seed, the scorers and the version of this package are
    the same. The code of your own classes and functions is not looked at: delete the
    files in `folder` when it changes. Runs that failed are not kept.

    Times are those of one call. Let nothing else run on the machine, and leave `n_jobs`
    as it is, where they matter.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.benchmark import run_benchmark
    >>> texts = ["a great film", "a lovely one", "a dull film", "a boring one"] * 5
    >>> results = run_benchmark(
    ...     {"FE": FeatureExtractionClassifier(), "most frequent": DummyClassifier()},
    ...     {"films": (texts, ["+", "+", "-", "-"] * 5)},
    ...     random_states=[0, 1],
    ... )
    >>> results[["estimator", "data_set", "seed", "n_train", "n_test"]]
           estimator data_set  seed  n_train  n_test
    0             FE    films     0       15       5
    1             FE    films     1       15       5
    2  most frequent    films     0       15       5
    3  most frequent    films     1       15       5
    >>> results.groupby("estimator")["accuracy"].mean().round(1).to_dict()
    {'FE': 1.0, 'most frequent': 0.4}
    """
    pandas = require("pandas", extra="benchmark")
    from tqdm.auto import tqdm

    if error_score not in _ON_ERROR:
        raise ValueError(
            f"error_score must be one of {list(_ON_ERROR)}, got {quoted(error_score)}."
        )
    estimators = _estimators(estimators)
    seeds = _seeds(random_states)
    scorers = scorers_of(scoring, COLUMNS)
    regression = all(map(is_regressor, estimators.values()))
    sources = {
        name: source(it, name, seeds[0], regression=regression)
        for name, it in _named(data_sets, "data_sets").items()
    }
    columns = (*NAMES, *scorers, *COSTS)
    finished = None
    if folder is not None:
        finished = FinishedRuns(Path(folder), estimators, scorers, columns)

    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    waiting: deque[tuple[dict[str, Any], str]] = deque()

    def open_runs() -> Iterator[Any]:
        for data_set, seed in product(sources, seeds):
            data = sources[data_set](seed)
            about = counts(data)
            content = data_hash(data) if finished else ""
            for name, estimator in estimators.items():
                run = {"estimator": name, "data_set": data_set, "seed": seed}
                kept = finished.read(run, content) if finished else None
                rows[name, data_set, seed] = {
                    **run,
                    **about,
                    **dict.fromkeys(columns, nan),
                    **(kept or {}),
                    "error": "",
                }
                if kept is not None:
                    bar.update()
                    continue
                bar.set_description(f"{name} on {data_set}, seed {seed}")
                waiting.append((run, content))
                yield delayed(_measured)(
                    estimator, data, seed, scorers, run, error_score
                )

    n_runs = len(estimators) * len(sources) * len(seeds)
    with tqdm(total=n_runs, unit=" runs", disable=not verbose) as bar:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
        for numbers, error in parallel(open_runs()):
            run, content = waiting.popleft()
            if finished and not error:
                finished.write(run, content, numbers)
            rows[tuple(run.values())].update(numbers, error=error)
            bar.update()
    for message in finished.damaged if finished else ():
        warnings.warn(message, stacklevel=2)
    ordered = [rows[it] for it in product(estimators, sources, seeds)]
    return pandas.DataFrame(ordered, columns=[*RUN, *COUNTS, *columns, "error"])


def _measured(
    estimator: Any,
    data: DataSet,
    seed: int,
    scorers: Mapping[str, Scorer],
    run: dict[str, Any],
    error_score: str,
) -> tuple[dict[str, float], str]:
    """Measure one run; also return what went wrong, "" if nothing did."""
    try:
        return measure(estimator, data, seed, scorers), ""
    except Exception as caught:
        if error_score == "raise":
            caught.add_note(f"In a run of the benchmark: {run}")
            raise
        return {}, f"{type(caught).__name__}: {shortened(caught)}"


def _named(values: Any, name: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise TypeError(
            f"{name} must be a dict from names, got {quoted(values)} of type "
            f"{type(values).__qualname__!r}."
        )
    if not values:
        raise ValueError(f"{name} is empty: at least one is needed.")
    for key in values:
        if not isinstance(key, str) or not key:
            raise TypeError(f"Names in {name} must be a str each, got {quoted(key)}.")
    return dict(values)


def _estimators(values: Any) -> dict[str, Any]:
    estimators = _named(values, "estimators")
    for name, it in estimators.items():
        methods = ("fit", "predict", "get_params", "__sklearn_tags__")
        lacking = [method for method in methods if not hasattr(it, method)]
        if lacking or isinstance(it, type):
            advice = "it is a class, pass an instance"
            if not isinstance(it, type):
                advice = "derive it from BaseEstimator, and give it fit and predict"
            raise TypeError(
                f"estimators[{quoted(name, 40)}] must be a classifier or regressor of "
                f"scikit-learn, got {quoted(it)}: {advice}."
            )
    return estimators


def _seeds(values: Any) -> list[int]:
    seeds = list(values) if isinstance(values, Iterable) else []
    if (
        not seeds
        or any(type(it) is bool or not isinstance(it, Integral) for it in seeds)
        or min(seeds) < 0
        or len(set(seeds)) < len(seeds)
    ):
        raise ValueError(
            "random_states must be one or more different whole numbers that are not "
            f"negative, such as range(3), got {quoted(values)}."
        )
    return [int(it) for it in seeds]
