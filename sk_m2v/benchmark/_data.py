"""Data sets of a benchmark: checked texts and targets, and how they are split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import type_of_target

from sk_m2v._messages import quoted, shortened
from sk_m2v._text import as_texts

# What is predicted: a class of each text, any number of labels, or numbers.
CLASSES, LABELS, NUMBERS = "classes", "labels", "numbers"
_KINDS = {
    "binary": CLASSES,
    "multiclass": CLASSES,
    "multilabel-indicator": LABELS,
    "continuous": NUMBERS,
    "continuous-multioutput": NUMBERS,
    "multiclass-multioutput": NUMBERS,
}


class DataSet(NamedTuple):
    """Texts to learn from, and texts to be judged by.

    Attributes
    ----------
    X_train, X_test : list of str
        The texts.
    y_train, y_test : ndarray, or list of list
        What is predicted of each.
    kind : {"classes", "labels", "numbers"}
        What that is.
    """

    X_train: list[str]
    y_train: Any
    X_test: list[str]
    y_test: Any
    kind: str


# A data set for each seed.
Source: TypeAlias = Callable[[int], DataSet]


def source(value: Any, name: str, seed: int, *, regression: bool) -> Source:
    """Check a data set as far as it is there.

    Parameters
    ----------
    value : tuple or callable
        ``(X_train, y_train, X_test, y_test)``; ``(X, y)``; or a function of a seed
        that returns one of them.
    name : str
        Its name.
    seed : int
        A seed, to try a split.
    regression : bool
        Whether whole numbers are numbers, not classes.

    Returns
    -------
    callable
        From a seed to the data set; checks what functions return.

    Raises
    ------
    TypeError, ValueError
        If it is none; the message names it.
    """
    where = f"data_sets[{quoted(name, 40)}]"
    if callable(value):
        return lambda seed: _source(value(seed), f"{where}({seed})", regression)(seed)
    made = _source(value, where, regression)
    made(seed)
    return made


def _source(value: Any, where: str, regression: bool) -> Source:
    if not isinstance(value, tuple | list) or len(value) not in (2, 4):
        raise TypeError(
            f"{where} must be a tuple (X_train, y_train, X_test, y_test), a tuple "
            "(X, y), or a function of a seed that returns one, got "
            f"{quoted(value)}."
        )
    if len(value) == 4:
        X_train, y_train = _part(value[0], value[1], f"{where}, training part")
        X_test, y_test = _part(value[2], value[3], f"{where}, test part")
        kind = _kind(y_train, y_test, where, regression)
        whole = DataSet(X_train, y_train, X_test, y_test, kind)
        return lambda seed: whole
    X, y = _part(value[0], value[1], where)
    kind = _kind(y, y, where, regression)
    return lambda seed: _split(X, y, kind, seed, where)


def _split(X: list[str], y: Any, kind: str, seed: int, where: str) -> DataSet:
    """Three quarters to learn from; classes have the same shares in both parts."""
    strata = y if kind == CLASSES else None
    try:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, random_state=seed, stratify=strata
        )
    except ValueError as error:
        raise ValueError(
            f"{where} cannot be split into training and test texts: {shortened(error)} "
            "Leave rare classes out, or pass (X_train, y_train, X_test, y_test)."
        ) from None
    return DataSet(X_train, y_train, X_test, y_test, kind)


def _part(X: Any, y: Any, where: str) -> tuple[list[str], Any]:
    """Texts, and as many targets."""
    try:
        texts = as_texts(X)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {shortened(error, 400)}") from None
    targets = _targets(y, where)
    n_texts, n_rows = len(texts), len(targets)
    if n_texts != n_rows:
        raise ValueError(
            f"{where} has {n_texts} texts and {n_rows} targets: pass one for each text."
        )
    if not n_texts:
        raise ValueError(f"{where} is empty: at least one text is needed.")
    return texts, targets


def _targets(y: Any, where: str) -> Any:
    """An array, or lists of labels."""
    if sparse.issparse(y):
        y = y.toarray()
    if isinstance(y, str | bytes) or not (hasattr(y, "__len__") or np.iterable(y)):
        raise TypeError(
            f"{where}: targets must be a label, a list of labels or a number for each "
            f"text, got {quoted(y)}."
        )
    if not isinstance(y, np.ndarray) and not hasattr(y, "__array__"):
        y = list(y)
    if _is_nested(y):
        return [list(labels) for labels in y]
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    for position, value in enumerate(array.tolist()):
        if value is None or value != value:
            raise ValueError(
                f"{where}: target {position} (counted from 0) is missing "
                f"({quoted(value)}). Leave such texts out."
            )
    return array


def _is_nested(y: Any) -> bool:
    """Whether these are lists of labels, not a column or matrix of numbers."""
    if getattr(y, "ndim", 1) != 1 or not len(y):
        return False
    rows = list(y)
    if not all(isinstance(it, list | tuple | set | frozenset) for it in rows):
        return False
    is_matrix = len(set(map(len, rows))) == 1 and len(rows[0]) > 1
    return not (is_matrix and np.asarray([*map(list, rows)]).dtype.kind in "biuf")


def _kind(y_train: Any, y_test: Any, where: str, regression: bool) -> str:
    forms = {0 if isinstance(it, list) else it.ndim for it in (y_train, y_test)}
    if len(forms) > 1:
        raise ValueError(f"{where} has targets of two forms: pass the same for both.")
    if isinstance(y_train, list):
        return LABELS
    if y_train.shape[1:] != y_test.shape[1:]:
        raise ValueError(
            f"{where} has targets of shape {y_train.shape} for training and "
            f"{y_test.shape} for the test: pass as many columns for both."
        )
    both = np.concatenate([y_train, y_test])
    if regression and both.dtype.kind in "iuf":
        return NUMBERS
    try:
        return _KINDS[type_of_target(both)]
    except (KeyError, ValueError):
        raise ValueError(
            f"{where}: targets must be labels, lists of labels, or numbers, got "
            f"{quoted(both)}."
        ) from None


def fingerprint(data: DataSet) -> Iterator[bytes]:
    """Bytes that are the same for the same data only.

    Parameters
    ----------
    data : DataSet
        The data.

    Yields
    ------
    bytes
        To be hashed one after the other.
    """
    for texts, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        for text in texts:
            encoded = text.encode("utf-8", "surrogatepass")
            yield len(encoded).to_bytes(8, "little")
            yield encoded
        yield repr(y if isinstance(y, list) else y.tolist()).encode(
            "utf-8", "surrogatepass"
        )
