"""A fitted estimator of texts as a plain pipeline of scikit-learn.

What is fitted is put in place; nothing is fitted again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag
from sklearn.base import is_regressor
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import LabelBinarizer, LabelEncoder
from sklearn.utils.validation import check_is_fitted

from sk_m2v._messages import shortened
from sk_m2v._tfidf import TokenTfidfVectorizer
from sk_m2v._transformer import StaticEmbeddingTransformer
from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.train.heads._head import Head, Linear, ReLU
from sk_m2v.train.labels._labels import Labels

FloatArray = npt.NDArray[np.float64]


def to_pipeline(estimator: Any) -> Pipeline:
    """Make a pipeline that predicts what a classifier or regressor predicts.

    Parameters
    ----------
    estimator : BaseStaticClassifier or StaticRegressor
        A fitted estimator.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Features of texts, and a classifier or regressor of scikit-learn.

    Raises
    ------
    ValueError
        If scikit-learn has nothing like it.
    """
    check_is_fitted(estimator)
    weight = None
    if is_regressor(estimator):
        last = "regressor", _regressor(estimator._head, estimator._form)
    else:
        if estimator.thresholds is not None:
            raise ValueError(
                "a pipeline predicts with a threshold of 0.5: set thresholds=None, and "
                "compare the probabilities of the pipeline with thresholds of your own"
            )
        labels = estimator._labels
        if isinstance(estimator._head, Head):
            last = "classifier", _classifier(estimator._head, labels)
        else:
            last = "classifier", _foreign(getattr(estimator, "head_", None), labels)
            weight = {"embedding": estimator._head.embedding_weight}
    features = FeatureUnion(_transformers(estimator), transformer_weights=weight)
    # Arrays, whatever `set_config` says: no frame holds what is sparse. For the union
    # alone, since its vectorizers have nothing to set.
    super(FeatureUnion, features).set_output(transform="default")
    return Pipeline([("features", features), last])


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
        letters = isinstance(ngrams, LetterTfidf)
        vectorizer = TokenTfidfVectorizer(
            embedding,
            analyzer="letter" if letters else "token",
            ngram_range=ngrams.ngram_range,
            sublinear_tf=True,
            min_df=ngrams.min_df,
            **reading,
        )
        vectorizer.embedding_, vectorizer._ngrams = embedding, ngrams
        name = "letters" if letters else f"{ngrams.ngram_range[0]}-grams"
        transformers.append((name, vectorizer))
    embed = StaticEmbeddingTransformer(embedding, normalize=True, **reading)
    embed.fit().set_output(transform="default")
    return [*transformers, ("embedding", embed)]


def _classifier(head: Head, labels: Labels) -> Any:
    """Arrays as a classifier: logistic regression, or a network."""
    classes = labels.classes_
    if labels.multilabel and len(classes) == 1:
        raise ValueError("scikit-learn has no indicator of a single label: use joblib")
    if not labels.multilabel and len(classes) == 2:
        # One score says which of two classes.
        *hidden, last = head.layers
        if isinstance(last, Linear):
            weight, bias = last.weight, last.bias
            last = Linear(weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1])
        head = Head((*hidden, last), head.lexical[:, 1:] - head.lexical[:, :1])
    weights, biases = _network(head)
    if len(weights) == 1 and not labels.multilabel:
        return _logistic_regression(weights[0], biases[0], classes)
    binarizer = LabelBinarizer().fit(
        np.eye(len(classes), dtype=np.int64) if labels.multilabel else classes
    )
    classifier = _set_network(MLPClassifier(_sizes(biases)), weights, biases)
    several = not labels.multilabel and len(classes) > 2
    classifier.out_activation_ = "softmax" if several else "logistic"
    classifier.classes_ = binarizer.classes_
    classifier._label_binarizer = binarizer
    return classifier


def _regressor(head: Head, form: tuple[int, ...]) -> Any:
    """Arrays as a regressor: ridge regression, or a network."""
    weights, biases = _network(head)
    if len(weights) == 1:
        regressor = Ridge()
        regressor.coef_ = (
            np.ascontiguousarray(weights[0].T) if form else weights[0][:, 0]
        )
        regressor.intercept_ = biases[0] if form else float(biases[0][0])
        regressor.n_features_in_ = len(weights[0])
        return regressor
    if form == (1,):
        raise ValueError(
            "networks of scikit-learn give a single target in one dimension: fit with "
            "y.ravel()"
        )
    regressor = _set_network(MLPRegressor(_sizes(biases)), weights, biases)
    regressor.out_activation_ = "identity"
    return regressor


def _network(head: Head) -> tuple[list[FloatArray], list[FloatArray]]:
    """Weights and biases of linear layers with ReLU between them, for all features."""
    linears = head.layers[::2]
    if (
        len(head.layers) % 2 == 0
        or not all(isinstance(it, Linear) for it in linears)
        or not all(isinstance(it, ReLU) for it in head.layers[1::2])
    ):
        kinds = ", ".join(type(it).__name__ for it in head.layers)
        raise ValueError(
            "networks of scikit-learn have linear layers with ReLU between them, and "
            f"this head has {shortened(kinds)}: use joblib or skops"
        )
    *hidden, last = linears
    lexical, weight, bias = (
        it.astype(np.float64) for it in (head.lexical, last.weight, last.bias)
    )
    if not hidden:
        return [np.concatenate([lexical, weight])], [bias]
    # Scores of the lexical features reach the end past all layers, although each cuts
    # off what is negative: as relu(z) and relu(-z), whose difference is z.
    n_scores = len(bias)
    both = np.concatenate([np.eye(n_scores), -np.eye(n_scores)])
    first, *middle = hidden
    weights = [
        block_diag(lexical @ both.T, first.weight),
        *(block_diag(np.eye(2 * n_scores), it.weight) for it in middle),
        np.concatenate([both, weight]),
    ]
    nothing = np.zeros(2 * n_scores)
    return weights, [*(np.concatenate([nothing, it.bias]) for it in hidden), bias]


def _logistic_regression(
    weight: FloatArray, bias: FloatArray, classes: npt.NDArray[Any]
) -> LogisticRegression:
    classifier = LogisticRegression()
    classifier.coef_ = np.ascontiguousarray(weight.T)
    classifier.intercept_ = bias
    classifier.classes_ = classes
    classifier.n_features_in_ = len(weight)
    return classifier


def _sizes(biases: list[FloatArray]) -> tuple[int, ...]:
    """Numbers of hidden units."""
    return tuple(len(it) for it in biases[:-1])


def _set_network(
    network: Any, weights: list[FloatArray], biases: list[FloatArray]
) -> Any:
    network.coefs_ = weights
    network.intercepts_ = biases
    network.n_features_in_ = len(weights[0])
    network.n_layers_ = len(weights) + 1
    network.n_outputs_ = len(biases[-1])
    return network


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
