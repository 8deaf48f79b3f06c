"""Features that only one text has, taken together.

What a linear model learns about them, it learns from that text alone: the weights of
all of them are one number times their values. So one column a text does for the many,
and the result is the same. Of pairs of tokens, most occur once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack

FloatArray = npt.NDArray[np.float64]


class Merged:
    """A sparse matrix with one column for all features that only one text has.

    Parameters
    ----------
    X : csr_array of shape (n_texts, n_features)
        The features, without duplicate entries.

    Attributes
    ----------
    matrix : csr_array of shape (n_texts, n_columns), dtype float64
        Features of several texts, and then a column for each text that has others.
    """

    def __init__(self, X: csr_array) -> None:
        n_texts, n_features = X.shape
        single = np.bincount(X.indices, minlength=n_features) == 1
        rows = np.repeat(np.arange(n_texts), np.diff(X.indptr))
        # Entries of 0 say nothing, and must not be divided by.
        of_single = np.flatnonzero(single[X.indices] & (X.data != 0))
        self._n_features = n_features
        self._shared = np.flatnonzero(~single)
        self._columns = X.indices[of_single]
        self._rows = rows[of_single]
        values = X.data[of_single].astype(np.float64)
        lengths = np.sqrt(np.bincount(self._rows, values**2, n_texts))
        self._shares = values / lengths[self._rows]
        texts = np.flatnonzero(lengths)
        self._place = np.zeros(n_texts, np.intp)
        self._place[texts] = np.arange(texts.size)
        own = csr_array(
            (lengths[texts], (texts, np.arange(texts.size))), (n_texts, texts.size)
        )
        shared = X[:, self._shared].astype(np.float64)
        self.matrix = hstack([shared, own], format="csr")

    def unmerge(self, weights: FloatArray) -> FloatArray:
        """Weights of the features, from those of the columns.

        Parameters
        ----------
        weights : ndarray of shape (n_columns, n_outputs)
            Of the columns of `matrix`.

        Returns
        -------
        ndarray of shape (n_features, n_outputs)
            Of the features.
        """
        n_shared = self._shared.size
        result = np.zeros((self._n_features, weights.shape[1]))
        result[self._shared] = weights[:n_shared]
        own = weights[n_shared:][self._place[self._rows]]
        result[self._columns] = self._shares[:, None] * own
        return result
