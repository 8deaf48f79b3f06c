"""Cross-validation of the logistic regression, on the inner products of its texts.

These are computed once, whatever settings are tried. Texts go to folds by what is in
them: equal texts to the same one, and a text that counts twice is two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logsumexp, softmax

from sk_m2v.train.features._features import Features
from sk_m2v.train.heads._class_losses import Sigmoids, class_loss
from sk_m2v.train.heads._minimum import minimise

FloatArray = npt.NDArray[np.float64]

T = TypeVar("T")

N_FOLDS = 4
# Better by so many standard errors: with few texts, differences are mostly chance.
_DOUBT = 0.5
# Of the gradient, and of probabilities: enough to compare.
_TOLERANCE = 1e-3
_SMALLEST_PROBABILITY = 1e-6
# Different texts, without which folds say nothing.
_FEWEST_TEXTS = 2 * N_FOLDS
# Texts to look at: as many as the choice is worth, fewer where there are many outputs.
_MOST_TEXTS = 2_000
_MOST_WORK = 2e7
# Texts that are compared with each other, so that equal ones come to one fold.
_MOST_COMPARED = 50_000
# Logarithms of the least and the largest temperature.
_COLDEST, _HOTTEST = -2.5, 2.5


class Folds:
    """Some of the texts in folds, each to be left out once.

    Parameters
    ----------
    features : Features
        Of the texts.
    truth : ndarray of shape (n_texts, n_outputs)
        Shares of classes, or which labels.
    weights : ndarray of shape (n_texts,) or (n_texts, n_outputs)
        Of each text, or of each text for each label, in learning.
    counts : ndarray of shape (n_texts,)
        How many texts each stands for.
    multilabel : bool
        Whether a text can have any number of labels.
    others : Features or None
        Of texts without labels, to learn from what else is known of them.
    topics : ndarray of shape (n_texts, n_topics) or None
        Topics of the labelled texts.

    Attributes
    ----------
    share : float
        How many of the texts are in folds: from 0 to 1.
    judged : ndarray of shape (n_some,), dtype bool
        Texts that a fold leaves out and can know: their class has others.
    truth : ndarray of shape (n_judged, n_outputs)
        Of these.
    counts : ndarray of shape (n_judged,)
        Of these.
    """

    def __init__(
        self,
        features: Features,
        truth: FloatArray,
        weights: FloatArray,
        counts: FloatArray,
        multilabel: bool,
        *,
        others: Features | None = None,
        topics: FloatArray | None = None,
    ) -> None:
        rows, fold = _assign(features.dense, truth, counts, multilabel)
        features = features.rows(rows)
        if others is not None:
            features = features.followed_by(others)
        lexical = features.lexical().astype(np.float64)
        dense = features.dense.astype(np.float64)
        self._lexical = (lexical @ lexical.T).toarray()
        self._dense = dense @ dense.T
        if topics is not None:
            self._topics = topics[rows] @ topics[rows].T
        self._rows = rows
        self.share = counts[rows].sum() / counts.sum()
        self._truth, self._weights = truth[rows], weights[rows]
        self._multilabel = multilabel
        self._parts = [(fold != it, fold == it) for it in range(N_FOLDS)]
        # Of the settings tried last: the next ones are not far from there.
        self._fits: list[tuple[FloatArray, FloatArray] | None] = [None] * N_FOLDS
        self.judged = np.zeros(rows.size, dtype=bool)
        for rest, out in self._parts:
            known = self._truth[:, self._truth[rest].any(axis=0)].any(axis=1)
            self.judged |= out & (known | multilabel)
        self.truth = self._truth[self.judged]
        self.counts = counts[rows][self.judged]

    def remaining(self) -> list[npt.NDArray[np.intp]]:
        """Rows of the texts that are left when each fold is left out.

        Returns
        -------
        list of ndarray of int
            For each fold.
        """
        return [self._rows[rest] for rest, _ in self._parts]

    def scores(
        self,
        C: float,
        embedding_weight: float,
        topic_weight: float = 0.0,
        *,
        answers: Sequence[FloatArray] = (),
        weight: float = 1.0,
    ) -> FloatArray:
        """Scores of the judged texts when they are left out.

        Parameters
        ----------
        C : float
            Inverse of the regularisation.
        embedding_weight : float
            Factor of the embedding.
        topic_weight : float
            Factor of the topics.
        answers : sequence of ndarray of shape (n_others, n_outputs)
            For each fold, the truth about the texts without labels by what is known
            without that fold. None leaves these texts out.
        weight : float
            How much each of them counts.

        Returns
        -------
        ndarray of shape (n_judged, n_outputs)
            The scores.
        """
        products = self._lexical + embedding_weight**2 * self._dense
        if topic_weight:
            products += topic_weight**2 * self._topics
        scores: FloatArray = np.zeros(self._truth.shape)
        for it, (rest, out) in enumerate(self._parts):
            learnt, out = np.flatnonzero(rest), np.flatnonzero(out)
            truth, weights = self._truth[rest], self._weights[rest]
            if answers:
                n_others = len(answers[it])
                learnt = np.append(learnt, np.arange(n_others) + rest.size)
                truth = np.concatenate([truth, answers[it]])
                more = np.full((n_others, *weights.shape[1:]), weight)
                weights = np.concatenate([weights, more])
            loss = (Sigmoids if self._multilabel else class_loss)(truth, weights)
            pairs = _Pairs(products[np.ix_(learnt, learnt)])
            start = self._fits[it]
            if start is not None:
                # There can be more texts now, or fewer.
                factors = np.zeros((learnt.size, start[0].shape[1]))
                n_same = min(learnt.size, len(start[0]))
                factors[:n_same] = start[0][:n_same]
                start = factors, start[1]
            fit = minimise(pairs, loss, C, _TOLERANCE, start)
            self._fits[it] = fit.weights, fit.intercept
            found: FloatArray = products[np.ix_(out, learnt)] @ fit.weights
            found += fit.intercept
            if fit.intercept.size < scores.shape[1]:  # one output for two classes
                found = np.hstack([-found / 2, found / 2])
            scores[out] = found
        return scores[self.judged]

    def cooled(self, scores: FloatArray) -> tuple[FloatArray, float]:
        """Losses of the judged texts at the temperature that makes them least.

        Parameters
        ----------
        scores : ndarray of shape (n_judged, n_outputs)
            Their scores.

        Returns
        -------
        losses : ndarray of shape (n_judged,)
            In nats.
        temperature : float
            By what to divide scores.
        """
        known = self.truth, self.counts, self._multilabel
        temperature = temperature_of(scores, *known)
        return self.losses(scores / temperature), temperature

    def best(self, candidates: Sequence[T], losses: Callable[[T], FloatArray]) -> T:
        """Best of some settings, which is the first unless another is surely better.

        Parameters
        ----------
        candidates : sequence
            The settings.
        losses : callable
            Losses of the judged texts with one of them.

        Returns
        -------
        object
            One of the settings.
        """
        best, *others = candidates
        known, least = losses(best), 0.0
        for candidate in others:
            change = _cautious(losses(candidate) - known, self.counts)
            if change < least:
                best, least = candidate, change
        return best

    def losses(self, scores: FloatArray) -> FloatArray:
        """Loss of each judged text.

        Parameters
        ----------
        scores : ndarray of shape (n_judged, n_outputs)
            Its scores.

        Returns
        -------
        ndarray of shape (n_judged,)
            In nats.
        """
        if self._multilabel:
            each: FloatArray = np.logaddexp(0, scores) - scores * self.truth
            mean: FloatArray = each.mean(axis=1)
            return mean
        logarithms = scores - logsumexp(scores, axis=1, keepdims=True)
        logarithms = np.maximum(logarithms, np.log(_SMALLEST_PROBABILITY))
        total: FloatArray = -(self.truth * logarithms).sum(axis=1)
        return total


def _cautious(changes: FloatArray, counts: FloatArray) -> float:
    """Mean change of a loss, and how much of it may be chance."""
    mean = float(np.average(changes, weights=counts))
    variance = np.average((changes - mean) ** 2, weights=counts)
    return mean + _DOUBT * float(np.sqrt(variance / counts.sum()))


def temperature_of(
    scores: FloatArray, truth: FloatArray, counts: FloatArray, multilabel: bool
) -> float:
    """By what to divide scores so that their loss is least.

    Parameters
    ----------
    scores : ndarray of shape (n_texts, n_outputs)
        Scores of texts that were left out.
    truth : ndarray of shape (n_texts, n_outputs)
        Shares of classes, or which labels.
    counts : ndarray of shape (n_texts,)
        How many texts each stands for.
    multilabel : bool
        Whether a text can have any number of labels.

    Returns
    -------
    float
        The temperature. Few texts are no reason to be far from sure or unsure: there is
        a prior around 1.
    """
    total = counts.sum()
    shares = counts / (scores.shape[1] if multilabel else 1)

    def slope(logarithm: float) -> float:
        cooled = scores * np.exp(-logarithm)
        likely = expit(cooled) if multilabel else softmax(cooled, axis=1)
        excess = ((truth - likely) * cooled).sum(axis=1)
        return float((shares @ excess + logarithm) / total)

    if slope(_COLDEST) >= 0:
        return float(np.exp(_COLDEST))
    if slope(_HOTTEST) <= 0:
        return float(np.exp(_HOTTEST))
    return float(np.exp(brentq(slope, _COLDEST, _HOTTEST, xtol=1e-12)))


def _assign(
    dense: npt.NDArray[np.float32],
    truth: FloatArray,
    counts: FloatArray,
    multilabel: bool,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows to look at, and their folds, in which classes are alike."""
    rows = np.flatnonzero(counts)
    rows = rows[:: max(rows.size // _MOST_COMPARED, 1)]
    dense = np.ascontiguousarray(dense[rows])
    contents = dense.view(np.dtype((np.void, dense.itemsize * dense.shape[1])))
    found, content = np.unique(contents.ravel(), return_inverse=True)
    if found.size < _FEWEST_TEXTS:
        return rows[:0], rows[:0]
    classes = np.zeros(found.size, np.intp)
    if not multilabel:
        votes = np.zeros((found.size, truth.shape[1]))
        np.add.at(votes, content, truth[rows] * counts[rows, None])
        classes = votes.argmax(axis=1)
    order = np.argsort(classes, kind="stable")
    most = int(min(_MOST_TEXTS, np.sqrt(_MOST_WORK / truth.shape[1])))
    # In whole numbers: rounded steps can lead one past the end.
    n_some = min(found.size, most)
    some = order[np.arange(n_some) * found.size // n_some]
    turn = np.full(found.size, -1)
    turn[some] = np.arange(some.size) % N_FOLDS
    fold = turn[content]
    return rows[fold >= 0], fold[fold >= 0]


class _Pairs:
    """Inner products of texts, as the rows that the solver needs."""

    def __init__(self, products: FloatArray) -> None:
        self._products = products

    def products(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        scores = self._products @ factors
        # No element of a sum of rows is larger than its length, nor than that of all.
        length = max(float(np.vdot(factors, scores)), 0.0) ** 0.5
        return scores, np.full(factors.shape[1], length)

    def weights(self, factors: FloatArray) -> FloatArray:
        return factors
