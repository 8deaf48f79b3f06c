"""Any form of class labels to numbers and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sk_m2v._messages import quoted
from sk_m2v._parameters import public
from sk_m2v.train.labels._rows import (
    _MATRICES,
    FORMS,
    _classes,
    _flat,
    _read,
    _unique,
    column_names,
    column_order,
)

# Fewer texts than this say nothing about their labels.
_MANY = 20
# Bytes that labels of a file may take, however short most of them are.
_ROOM = 1 << 28


@public("sk_m2v.train")
class Labels:
    """The classes of a target, and the form in which it came.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted; those of a matrix are its columns, by number or by name.
    form : {"single", "indicator", "sparse", "lists"}
        One label a row, a dense or sparse matrix of 0 and 1, or lists of labels.
    boolean : bool, default=False
        Whether a matrix holds False and True.
    spmatrix : bool, default=False
        Whether a sparse matrix is a ``csr_matrix`` instead of a ``csr_array``.

    Examples
    --------
    >>> from sk_m2v.train.labels._labels import Labels
    >>> labels = Labels.fit([["red", "blue"], [], ["red"]])
    >>> labels.classes_.tolist()
    ['blue', 'red']
    >>> labels.encode([["red"]])
    array([[0., 1.]], dtype=float32)
    >>> labels.decode([[True, True]])
    [['blue', 'red']]
    """

    def __init__(
        self,
        classes: npt.NDArray[Any],
        form: str,
        boolean: bool = False,
        spmatrix: bool = False,
    ) -> None:
        self.classes_ = classes
        self.form = form
        self.boolean = boolean
        self.spmatrix = spmatrix

    @classmethod
    def fit(cls, y: Any, classes: Any = None) -> Self:
        """Find the form and the labels of a target.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, n_classes), or list of lists
            Labels (str, bool, int, or float without fraction), a matrix of 0 and 1, or
            lists of labels.
        classes : array-like of shape (n_classes,), default=None
            All possible labels. None are those that occur.

        Returns
        -------
        Labels
            What `encode` and `decode` need.
        """
        form, content = _read(y, "y")
        if form in _MATRICES:
            names = column_names(y, "y")
            columns = np.arange(content.shape[1]) if names is None else names
            known = sorted(columns.tolist())
            if classes is not None and _unique(classes).tolist() != known:
                kind = "numbers" if names is None else "names"
                raise ValueError(
                    f"y is {FORMS[form]} with {len(known)} columns, so classes must be "
                    f"the {kind} of its columns, {quoted(known)}, got "
                    f"{quoted(classes)}."
                )
            boolean = content.dtype == np.bool_
            return cls(columns, form, boolean, isinstance(y, sparse.spmatrix))
        if classes is not None:
            labels = cls(_unique(classes), form)
            labels.encode(y)
            return labels
        if form == "single":
            return cls(_classes(content, range(len(content)), "y", y), form)
        flat, positions = _flat(content, "y")
        if not flat:
            raise ValueError("No row of y has a label: at least one is needed.")
        values = [value for row in content for value in row]
        return cls(_classes(flat, positions, "y", values), form)

    @property
    def multilabel(self) -> bool:
        """Whether a row can have any number of labels."""
        return self.form != "single"

    def warn_if_senseless(self, n_texts: int) -> None:
        """Warn if hardly two texts have the same label, as where X and y are swapped.

        Parameters
        ----------
        n_texts : int
            Number of texts.
        """
        n_classes = len(self.classes_)
        if not self.multilabel and n_texts >= _MANY and 2 * n_classes > n_texts:
            warnings.warn(
                f"y has {n_classes} different labels for {n_texts} texts, such as "
                f"{quoted(self.classes_.tolist()[0])}: there is hardly anything "
                "to learn from. Is it fit(y, X) instead of fit(X, y)?",
                UserWarning,
                stacklevel=5,
            )

    def encode(self, y: Any, name: str = "y") -> npt.NDArray[Any]:
        """Turn labels into numbers.

        Parameters
        ----------
        y : array-like
            A target in the form of that of `fit`. Dense and sparse matrices can stand
            for each other.
        name : str, default="y"
            What errors call `y`.

        Returns
        -------
        ndarray of shape (n,), dtype int64, or (n, n_classes), dtype float32
            Indices of the classes, or 1 for each label of a row and 0 elsewhere.
        """
        form, content = _read(y, name, self.form)
        if form != self.form and {form, self.form} != set(_MATRICES):
            raise ValueError(
                f"{name} is {FORMS[form]}, but the classes were learnt from "
                f"{FORMS[self.form]}: pass {name} in that form."
            )
        n_classes = len(self.classes_)
        if form in _MATRICES:
            if content.shape[1] != n_classes:
                raise ValueError(
                    f"{name} has {content.shape[1]} columns, but there are {n_classes} "
                    "classes: one column each is needed."
                )
            order = self._column_order(column_names(y, name), name)
            return np.asarray(content, dtype=np.float32)[:, order]
        if form == "single":
            return self._indices(content, range(len(content)), name)
        flat, positions = _flat(content, name)
        encoded = np.zeros((len(content), n_classes), dtype=np.float32)
        encoded[positions, self._indices(flat, positions, name)] = 1
        return encoded

    def decode(self, Y: npt.ArrayLike) -> Any:
        """Turn numbers into labels, in the form of the target of `fit`.

        Parameters
        ----------
        Y : array-like of shape (n,), int, or (n, n_classes) of 0 and 1
            What `encode` gives.

        Returns
        -------
        ndarray, csr_array, csr_matrix or list of lists
            Labels of the dtype of `classes_`; a matrix of int64 or, if that of `fit`
            was, of bool; or the labels of each row in the order of `classes_`.
        """
        if self.form == "single":
            return self.classes_[np.asarray(Y, dtype=np.int64)]
        matrix = np.asarray(Y, dtype=np.bool_)
        if self.form == "lists":
            labels = self.classes_.tolist()
            lists: list[list[Any]] = [[] for _ in matrix]
            for row, column in np.argwhere(matrix).tolist():
                lists[row].append(labels[column])
            return lists
        matrix = matrix if self.boolean else matrix.astype(np.int64)
        if self.form == "indicator":
            return matrix
        return sparse.csr_matrix(matrix) if self.spmatrix else sparse.csr_array(matrix)

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` needs.

        Returns
        -------
        dict
            That JSON can hold.
        """
        return {
            "form": self.form,
            "classes": self.classes_.tolist(),
            "dtype": self.classes_.dtype.str,
            "boolean": self.boolean,
            "spmatrix": self.spmatrix,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` gave.

        Parameters
        ----------
        state : mapping
            That of `to_dict`.

        Returns
        -------
        Labels
            Equal to those that were saved.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the state is damaged.
        """
        if state["form"] not in FORMS:
            raise ValueError(
                f"form must be one of {[*FORMS]}, got {quoted(state['form'])}."
            )
        dtype = np.dtype(state["dtype"])
        _check_room(state["classes"], dtype)
        classes = np.array(state["classes"], dtype=dtype)
        # A wrong dtype may have cut or changed labels.
        listed = classes.tolist()
        if classes.ndim != 1 or not classes.size or listed != state["classes"]:
            raise ValueError(f"classes are not of type {quoted(state['dtype'])}")
        if len(set(listed)) != len(classes):
            raise ValueError("classes are not all different")
        return cls(classes, state["form"], state["boolean"], state["spmatrix"])

    def _column_order(self, names: npt.NDArray[Any] | None, name: str) -> Any:
        """Columns of a matrix in the order of the classes."""
        if names is None or self.classes_.dtype.kind not in "UO":
            return slice(None)
        which = "which is among the classes"
        return column_order(names, self.classes_.tolist(), name, which)

    def _indices(
        self, labels: list[Any], positions: Iterable[int], name: str
    ) -> npt.NDArray[np.int64]:
        index = {label: i for i, label in enumerate(self.classes_.tolist())}
        found = np.array([index.get(label, -1) for label in labels], dtype=np.int64)
        if (found < 0).any():
            unseen = int(np.argmin(found))
            raise ValueError(
                f"Row {[*positions][unseen]} of {name} (counted from 0) has the label "
                f"{quoted(labels[unseen])}, which is not among the classes: "
                f"{quoted(self.classes_.tolist(), 200)}."
            )
        return found


def _check_room(classes: list[Any], dtype: np.dtype[Any]) -> None:
    """Refuse a type that takes far more memory than its labels: it makes them equal."""
    n_characters = sum(len(it) if isinstance(it, str) else 8 for it in classes)
    if len(classes) * dtype.itemsize > _ROOM + 16 * n_characters:
        raise ValueError(f"classes of type {quoted(dtype.str)} take too much memory")
