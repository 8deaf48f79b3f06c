"""Search for the best parameters, one candidate after the other.

What is done is kept in a file, so that a search that was stopped goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.tables import Columns


def search(
    estimator: Any,
    X: list[str],
    y: list[Any],
    *,
    parameters: Mapping[str, Any],
    n_iter: int | None = None,
    cv: int = 3,
    scoring: str | None = None,
    n_jobs: int | None = None,
    random_state: int,
    finished: Path,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], Columns]:
    """Cross-validate candidates.

    Parameters
    ----------
    estimator : estimator
        What is searched for.
    X : list of str
        Texts.
    y : list
        Their targets.
    parameters : dict
        Of each parameter the values to try, in a list.
    n_iter : int or None, default=None
        Number of combinations to draw at random. None tries all.
    cv : int, default=3
        Number of folds, stratified for classes.
    scoring : str or None, default=None
        Name of a scorer of scikit-learn. None is the score of the estimator.
    n_jobs : int or None, default=None
        Folds at a time.
    random_state : int
        Seed of the folds, and of what is drawn.
    finished : Path
        File of JSON lines with what was done before.
    say : callable
        Gets a line for each candidate.

    Returns
    -------
    best : dict
        Parameters with the best mean score.
    table : Columns
        A row for each candidate.
    """
    from sklearn.base import clone
    from sklearn.model_selection import cross_validate

    done = _read(finished)
    folds = _folds(estimator, y, cv, random_state)
    rows = []
    tried = candidates(estimator, parameters, n_iter, random_state)
    for number, candidate in enumerate(tried, start=1):
        key = json.dumps(candidate, sort_keys=True, default=list)
        if key not in done:
            scores = cross_validate(
                clone(estimator).set_params(**candidate),
                X,
                y,
                cv=folds,
                scoring=scoring,
                n_jobs=n_jobs,
                error_score="raise",
            )
            done[key] = [float(it) for it in scores["test_score"]]
            with finished.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"candidate": key, "scores": done[key]}) + "\n")
        rows.append((candidate, done[key]))
        named = ", ".join(f"{name}={it}" for name, it in candidate.items())
        say(f"  {number} of {len(tried)}: {np.mean(done[key]):.4f}  {named}")
    means = [float(np.mean(scores)) for _, scores in rows]
    names = list(parameters)
    table: Columns = {name: [it[name] for it, _ in rows] for name in names}
    table["mean_score"] = means
    table["std_score"] = [float(np.std(scores)) for _, scores in rows]
    return rows[int(np.argmax(means))][0], table


def candidates(
    estimator: Any, parameters: Mapping[str, Any], n_iter: int | None, random_state: int
) -> Sequence[dict[str, Any]]:
    """Combinations of values.

    Parameters
    ----------
    estimator : estimator
        What is searched for.
    parameters : mapping
        Of each parameter the values to try.
    n_iter : int or None
        How many to draw.
    random_state : int
        Seed.

    Returns
    -------
    list of dict
        The candidates, each with valid parameters.

    Raises
    ------
    ValueError
        If there is no such parameter, or a value is out of its range.
    """
    from sklearn.base import clone
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    known = estimator.get_params()
    for name, values in parameters.items():
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0)
            raise ValueError(
                f"search.parameters: {type(estimator).__name__} has no parameter "
                f"{quoted(name)}. The nearest are {listed(near)}"
            )
        if not isinstance(values, list) or not values:
            raise ValueError(
                f"search.parameters.{shortened(name)}: expected a list of values to "
                f"try, got {quoted(values)}"
            )
    grid = ParameterGrid(dict(parameters))
    drawn = (
        list(grid)
        if n_iter is None or n_iter >= len(grid)
        else list(ParameterSampler(dict(parameters), n_iter, random_state=random_state))
    )
    for candidate in drawn:
        clone(estimator).set_params(**candidate)._validate_params()
    return drawn


def check_scoring(scoring: str | None) -> None:
    """Refuse what is no scorer.

    Parameters
    ----------
    scoring : str or None
        Its name.

    Raises
    ------
    ValueError
        If scikit-learn has no such scorer.
    """
    from sklearn.metrics import get_scorer_names

    names = get_scorer_names()
    if scoring is not None and scoring not in names:
        near = get_close_matches(scoring, names, n=3, cutoff=0)
        raise ValueError(
            f"search.scoring: scikit-learn has no scorer {quoted(scoring)}. The "
            f"nearest are {listed(near)}"
        )


def _folds(estimator: Any, y: list[Any], n: int, random_state: int) -> Any:
    from sklearn.base import is_classifier
    from sklearn.model_selection import KFold, StratifiedKFold

    classes = is_classifier(estimator) and not isinstance(y[0], list)
    kind = StratifiedKFold if classes else KFold
    return kind(n, shuffle=True, random_state=random_state)


def _read(finished: Path) -> dict[str, list[float]]:
    """Scores of candidates; a line that was cut by a kill does not count."""
    done: dict[str, list[float]] = {}
    if finished.is_file():
        for line in finished.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            done[row["candidate"]] = row["scores"]
    return done
