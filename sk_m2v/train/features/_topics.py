"""Which words go together, from texts without labels: latent semantic analysis.

Words of one topic share what labels say of one of them. Topics are sums of lexical
features, so what a linear model learns about them can be put on the features, and
prediction needs no topics.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

FloatArray = npt.NDArray[np.float64]

_N_TOPICS = 150
# Rarer features say little about which go together, and are most of them.
_MIN_TEXTS = 5


class Topics(NamedTuple):
    """Directions in which lexical features vary together.

    Attributes
    ----------
    columns : ndarray of shape (n_columns,), dtype int
        The lexical features that have a part in them.
    axes : ndarray of shape (n_columns, n_topics), dtype float64
        The parts. Topics of texts have a mean squared length of 1.
    """

    columns: npt.NDArray[np.intp]
    axes: FloatArray

    def of(self, lexical: csr_array) -> FloatArray:
        """Topics of texts.

        Parameters
        ----------
        lexical : csr_array of shape (n_texts, n_lexical)
            Their features.

        Returns
        -------
        ndarray of shape (n_texts, n_topics)
            The topics.
        """
        found: FloatArray = lexical[:, self.columns] @ self.axes
        return found

    def put_on(self, weights: FloatArray, of_topics: FloatArray) -> FloatArray:
        """Weights of lexical features that also have those of the topics.

        Parameters
        ----------
        weights : ndarray of shape (n_outputs, n_lexical)
            Of the features.
        of_topics : ndarray of shape (n_outputs, n_topics)
            Of the topics.

        Returns
        -------
        ndarray of shape (n_outputs, n_lexical)
            Their sum.
        """
        sums = weights.copy()
        sums[:, self.columns] += of_topics @ self.axes.T
        return sums


def find_topics(lexical: csr_array) -> Topics | None:
    """Find the topics of texts.

    Parameters
    ----------
    lexical : csr_array of shape (n_texts, n_lexical)
        Lexical features of all texts, with labels and without.

    Returns
    -------
    Topics or None
        None where too few features are in several texts.

    References
    ----------
    S. Deerwester, S. Dumais, G. Furnas, T. Landauer and R. Harshman, "Indexing by
    Latent Semantic Analysis" (1990).
    """
    in_texts = np.bincount(lexical.indices, minlength=lexical.shape[1])
    columns = np.flatnonzero(in_texts >= _MIN_TEXTS)
    common = lexical[:, columns]
    if min(common.shape) <= 2 * _N_TOPICS:
        return None
    # Exact: a few random projections would give other topics each time. Counts of
    # words have a part of the first topic, so where it begins need not be drawn.
    _, _, axes = svds(common, _N_TOPICS, v0=np.ones(min(common.shape)))
    axes = axes.T.astype(np.float64)
    lengths = np.asarray(common @ axes)
    return Topics(columns, axes / np.sqrt((lengths**2).sum(axis=1).mean()))
