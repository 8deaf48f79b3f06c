"""A fitted classifier of texts as a plain pipeline of scikit-learn.

What is fitted is put in place; nothing is fitted again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag
from sklearn.base import is_classifier
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import LabelBinarizer, LabelEncoder
from sklearn.utils.validation import check_is_fitted

from sk_m2v._tfidf import TokenTfidfVectorizer
from sk_m2v._transformer import StaticEmbeddingTransformer
from sk_m2v.train._head import Head, Linear, ReLU
from sk_m2v.train._labels import Labels

FloatArray = npt.NDArray[np.float64]


def to_pipeline(estimator: Any) -> Pipeline:
    """Make a pipeline that predicts what a classifier predicts.

    Parameters
    ----------
    estimator : BaseStaticClassifier
        A fitted classifier.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Features of texts, and a classifier of scikit-learn.

    Raises
    ------
    TypeError, ValueError
        If scikit-learn has no such classifier.
    """
    check_is_fitted(estimator)
    if not is_classifier(estimator):
        raise TypeError(f"only classifiers become pipelines, not {estimator!r}")
    if estimator.thresholds is not None:
        raise ValueError(
            "a pipeline predicts with a threshold of 0.5: set thresholds=None, and "
            "compare the probabilities of the pipeline with thresholds of your own"
        )
    labels = estimator._labels
    if isinstance(estimator._head, Head):
        classifier = _classifier(estimator._head, labels)
        weight = None
    else:
        classifier = _foreign(getattr(estimator, "head_", None), labels)
        weight = {"embedding": estimator.embedding_weight}
    features = FeatureUnion(_transformers(estimator), transformer_weights=weight)
    return Pipeline([("features", features), ("classifier", classifier)])


def _transformers(estimator: Any) -> list[tuple[str, Any]]:
    """Fitted transformers, in the order in which the head has their columns."""
    embedding = estimator.embedding_
    reading = {
        "max_length": embedding._max_length(estimator.max_length),
        "missing": estimator.missing,
        "n_jobs": estimator.n_jobs,
    }
    transformers: list[tuple[str, Any]] = []
    for ngrams in estimator._vectorizers:
        vectorizer = TokenTfidfVectorizer(
            embedding, ngram_range=ngrams.ngram_range, sublinear_tf=True, **reading
        )
        vectorizer.embedding_, vectorizer._ngrams = embedding, ngrams
        transformers.append((f"{ngrams.ngram_range[0]}-grams", vectorizer))
    embed = StaticEmbeddingTransformer(embedding, normalize=True, **reading)
    return [*transformers, ("embedding", embed.fit())]


def _classifier(head: Head, labels: Labels) -> Any:
    """Arrays as a classifier: logistic regression, or a network."""
    linears = head.layers[::2]
    if (
        len(head.layers) % 2 == 0
        or not all(isinstance(it, Linear) for it in linears)
        or not all(isinstance(it, ReLU) for it in head.layers[1::2])
    ):
        kinds = ", ".join(type(it).__name__ for it in head.layers)
        raise ValueError(
            "networks of scikit-learn have linear layers with ReLU between them, and "
            f"this head has {kinds}: use joblib or skops"
        )
    classes = labels.classes_
    if labels.multilabel and len(classes) == 1:
        raise ValueError("scikit-learn has no indicator of a single label: use joblib")
    *hidden, last = linears
    lexical, weight, bias = (
        it.astype(np.float64) for it in (head.lexical, last.weight, last.bias)
    )
    if not labels.multilabel and len(classes) == 2:
        # One score says which of two classes.
        lexical, weight, bias = (
            it[..., 1:] - it[..., :1] for it in (lexical, weight, bias)
        )
    if not hidden and not labels.multilabel:
        return _logistic_regression(np.concatenate([lexical, weight]), bias, classes)
    weights, biases = [np.concatenate([lexical, weight])], [bias]
    if hidden:
        # Scores of the lexical features reach the end past all layers, although each
        # cuts off what is negative: as relu(z) and relu(-z), whose difference is z.
        n_scores = len(bias)
        both = np.concatenate([np.eye(n_scores), -np.eye(n_scores)])
        first, *middle = hidden
        weights = [
            block_diag(lexical @ both.T, first.weight),
            *(block_diag(np.eye(2 * n_scores), it.weight) for it in middle),
            np.concatenate([both, weight]),
        ]
        nothing = np.zeros(2 * n_scores)
        biases = [*(np.concatenate([nothing, it.bias]) for it in hidden), bias]
    return _network(weights, biases, labels)


def _logistic_regression(
    weight: FloatArray, bias: FloatArray, classes: npt.NDArray[Any]
) -> LogisticRegression:
    classifier = LogisticRegression()
    classifier.coef_ = np.ascontiguousarray(weight.T)
    classifier.intercept_ = bias
    classifier.classes_ = classes
    classifier.n_features_in_ = len(weight)
    return classifier


def _network(
    weights: list[FloatArray], biases: list[FloatArray], labels: Labels
) -> MLPClassifier:
    classifier = MLPClassifier(tuple(len(it) for it in biases[:-1]), activation="relu")
    n_classes = len(labels.classes_)
    binarizer = LabelBinarizer().fit(
        np.eye(n_classes, dtype=np.int64) if labels.multilabel else labels.classes_
    )
    classifier.coefs_ = weights
    classifier.intercepts_ = biases
    classifier.classes_ = binarizer.classes_
    classifier.n_features_in_ = len(weights[0])
    classifier.n_layers_ = len(weights) + 1
    classifier.n_outputs_ = len(biases[-1])
    several = not labels.multilabel and n_classes > 2
    classifier.out_activation_ = "softmax" if several else "logistic"
    classifier._label_binarizer = binarizer
    return classifier


def _foreign(head: Any, labels: Labels) -> VotingClassifier:
    """Any fitted classifier, whose classes are indices.

    A vote of one holds the classifier as it is, and turns indices into labels.
    """
    if labels.multilabel:
        raise ValueError(
            "one classifier a label is more than one classifier of scikit-learn: use "
            "joblib or skops, or head=None"
        )
    soft = hasattr(head, "predict_proba")
    vote = VotingClassifier([("head", head)], voting="soft" if soft else "hard")
    vote.estimators_ = [head]
    vote.le_ = LabelEncoder()
    vote.le_.classes_ = vote.classes_ = labels.classes_
    return vote
