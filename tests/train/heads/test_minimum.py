"""The solver: minima of scikit-learn, for classes together and for labels apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from sk_m2v.train.heads._class_losses import Sigmoids, Softmax, class_loss
from sk_m2v.train.heads._minimum import minimise
from sk_m2v.train.heads._steps import Steps, Vectors

TOLERANCE = 1e-8


class Dense:
    """Rows of a matrix; says how many outputs were asked for each time."""

    def __init__(self, X):
        self._X = X
        self.widths = []

    def products(self, factors):
        assert factors.flags.c_contiguous
        self.widths.append(factors.shape[1])
        sums = self._X.T @ factors
        return self._X @ sums, np.abs(sums).max(axis=0)

    def weights(self, factors):
        return self._X.T @ factors


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(80, 5))


def labels(X, n):
    """Labels that some of the columns tell, each with another noise."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(X), n)) * np.linspace(0.5, 20, n)
    return (X @ rng.normal(size=(X.shape[1], n)) + noise > 0).astype(float)


@pytest.mark.parametrize("C", [0.1, 10.0, 1000.0])
def test_labels_are_minimised_apart(X, C):
    Y = labels(X, 9)
    weights = np.random.default_rng(2).uniform(0.5, 2, Y.shape)
    data = Dense(X)
    fit = minimise(data, Sigmoids(Y, weights), C, TOLERANCE)
    for i in range(Y.shape[1]):
        expected = LogisticRegression(C=C, tol=1e-10, max_iter=10_000)
        expected.fit(X, Y[:, i], weights[:, i])
        assert_allclose(fit.weights[:, i], expected.coef_[0], rtol=1e-3, atol=1e-4)
        assert_allclose(fit.intercept[i], expected.intercept_[0], rtol=1e-3, atol=1e-4)
    # What has arrived is computed no more.
    assert data.widths[0] == 9
    assert data.widths[-1] < 9


@pytest.mark.parametrize("n_classes", [2, 4])
def test_classes_are_minimised_together(X, n_classes):
    y = np.argmax(labels(X, n_classes) + X[:, :n_classes], axis=1)
    shares, weights = np.eye(n_classes)[y], np.linspace(0.5, 2, len(y))
    fit = minimise(Dense(X), class_loss(shares, weights), 5.0, TOLERANCE)
    expected = LogisticRegression(C=5.0, tol=1e-10, max_iter=10_000)
    expected.fit(X, y, weights)
    scores = X @ fit.weights + fit.intercept
    found = softmax(scores, axis=1) if n_classes > 2 else expit(scores)
    assert_allclose(found, expected.predict_proba(X)[:, -found.shape[1] :], atol=1e-5)


@pytest.mark.parametrize("kind", [Sigmoids, Softmax])
def test_where_it_begins_does_not_matter(X, kind):
    Y = labels(X, 3) + 0.1
    Y /= Y.sum(axis=1, keepdims=True)
    loss = kind(Y, np.ones(Y.shape if kind is Sigmoids else len(Y)))
    rng = np.random.default_rng(3)
    start = rng.normal(size=Y.shape), rng.normal(size=3)
    before = [it.copy() for it in start]
    fits = [minimise(Dense(X), loss, 2.0, TOLERANCE, it) for it in (None, start)]
    assert_allclose(fits[0].weights, fits[1].weights, atol=1e-5)
    assert_array_equal(start[0], before[0])
    assert_array_equal(start[1], before[1])
    again = minimise(Dense(X), loss, 2.0, TOLERANCE, start)
    assert_array_equal(again.weights, fits[1].weights)


@pytest.mark.parametrize("kind", [Sigmoids, Softmax])
def test_losses_have_their_derivatives(kind):
    rng = np.random.default_rng(0)
    scores = 3 * rng.normal(size=(7, 3))
    truth = softmax(rng.normal(size=(7, 3)), axis=1)
    loss = kind(truth, rng.uniform(1, 2, 7 if kind is Softmax else (7, 3)))
    intercept = loss.grouped(rng.normal(size=(1, 3)))
    grouped = loss.grouped(scores)
    assert_array_equal(loss.columns(grouped, 7), scores)
    _, residual = loss(grouped, intercept)
    for place in np.ndindex(grouped.shape):
        step = np.zeros(grouped.shape)
        step[place] = 1e-6
        above, below = (loss(grouped + it, intercept)[0] for it in (step, -step))
        slope = (above - below).sum() / 2e-6
        assert_allclose(slope, residual[place], atol=1e-7)


def test_large_scores_have_finite_losses():
    truth = np.array([[1.0, 0.0], [0.0, 1.0]])
    for loss in (Sigmoids(truth, np.ones((2, 2))), Softmax(truth, np.ones(2))):
        scores = loss.grouped(np.array([[-1e4, 1e4], [1e4, -1e4]]))
        losses, residual = loss(scores, loss.grouped(np.zeros((1, 2))))
        assert np.isfinite(losses).all()
        assert np.isfinite(residual).all()


def test_nothing_to_learn_from():
    fit = minimise(Dense(np.zeros((4, 2))), Softmax(np.eye(4), np.ones(4)), 1.0, 1e-5)
    assert_array_equal(fit.weights, 0)
    assert fit.n_iter == 0


def vectors(rng, X, n_groups):
    factors = rng.normal(size=(n_groups, len(X)))
    return Vectors(factors, rng.normal(size=(n_groups, 1)), factors @ X @ X.T)


def test_directions_are_those_of_lbfgs(X):
    """The two loops on the vectors themselves, as they are in the literature."""
    rng = np.random.default_rng(0)
    slope = vectors(rng, X, 2)
    steps = Steps(slope)
    pairs = []
    for _ in range(13):  # more than are remembered
        move = vectors(rng, X, 2)
        change = move.times(np.array([0.5, 2.0])).plus(
            vectors(rng, X, 2).times(np.full(2, 0.1))
        )
        steps.add(move, change)
        pairs = [*pairs, (move, change)][-10:]
    found = steps.direction(slope)
    direction, alphas = slope.times(-np.ones(2)), []
    for move, change in reversed(pairs):
        alphas.append(move.inner(direction) / move.inner(change))
        direction = direction.minus(change.times(alphas[-1]))
    move, change = pairs[-1]
    direction = direction.times(move.inner(change) / change.inner(change))
    for (move, change), alpha in zip(pairs, reversed(alphas), strict=True):
        beta = change.inner(direction) / move.inner(change)
        direction = direction.plus(move.times(alpha - beta))
    for one, other in zip(found, direction, strict=True):
        assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_steps_that_tell_nothing_are_passed_over(X):
    rng = np.random.default_rng(0)
    slope = vectors(rng, X, 2)
    steps = Steps(slope)
    move = vectors(rng, X, 2)
    # Of the second group, the slope became steeper along the move.
    steps.add(move, move.times(np.array([1.0, -1.0])))
    direction = steps.direction(slope)
    assert (direction.inner(slope) < 0).all()
    lengths = np.sqrt(slope.inner(slope))
    assert_allclose(direction.factors[1], -slope.factors[1] / lengths[1])
