"""`FeatureExtractionClassifier`: frozen features, and any classifier on top."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier
from sklearn.utils.metaestimators import available_if

from sk_m2v._base import ModelParameter, as_embedding
from sk_m2v._messages import quoted
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import HasMethods
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.train._classifier import BaseStaticClassifier
from sk_m2v.train.heads._choice import as_number, settled_head
from sk_m2v.train.heads._fit import as_linear, fit_heads
from sk_m2v.train.heads._head import Head
from sk_m2v.train.heads._sklearn import SklearnHead
from sk_m2v.train.labels._data import Part, Task
from sk_m2v.train.labels._labels import Labels
from sk_m2v.train.labels._scoring import log_loss, score


@public("sk_m2v")
@parameters
class FeatureExtractionClassifier(  # numpydoc ignore=PR02
    BaseStaticClassifier, ModelParameter
):
    """Classify texts with a classifier on frozen features.

    The features are the embedding of a text, and beside it (`lexical`) the TF-IDF of
    its tokens, pairs of tokens, and letters: what a text means, and which words it has.
    Each text is tokenized once for all.

    Parameters
    ----------
    head : classifier or None
        Any classifier of scikit-learn for sparse features (dense if not `lexical`).
        None is ``LogisticRegression(C=C)``. For several labels a text, one is fitted
        per label.
    lexical : bool
        Whether to add the TF-IDF of n-grams of tokens and letters.
    embedding_weight : float or "auto"
        Factor of the embedding, whose length is 1, beside the lexical features, of
        which tokens, pairs and letters have length 1 each. The larger, the more the
        meaning counts, and the less single words. "auto" chooses from 0.5 to 2.2 by
        cross-validation, and is 1.5 with a `head`.
    random_state : int, RandomState or None
        Seed of the head, where it has one and does not say.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The model.
    head_ : classifier or list of classifier
        The fitted head, or one for each label.
    history_ : list of dict
        One entry: ``"train_loss"`` and, with validation texts, ``"valid_loss"`` and
        ``"valid_accuracy"``.
    n_iter_ : int
        Iterations of the head, the most of all; 1 if it does not say.

    See Also
    --------
    StaticClassifier : Trains the embedding, too.

    Notes
    -----
    Default head, weights and features are those that did best on average over twelve
    data sets of 1,000 texts (``tests/benchmarks/bench_classify.py``).

    Examples
    --------
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> classifier = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
    >>> classifier.predict(["a lovely film", "so boring"]).tolist()
    ['+', '-']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "head": [HasMethods(["fit", "predict"]), None],
    }

    head: Any = None

    def _start_embedding(
        self,
        texts: list[str],
        weight: npt.NDArray[np.float64] | None,
        random_state: np.random.RandomState,
    ) -> StaticEmbedding:
        return as_embedding(self.model)

    def _learn_classes(
        self, task: Task, labels: Labels, max_epochs: int | None
    ) -> dict[str, Any]:
        embedding, train = task.embedding, task.train
        n_classes, multilabel = len(labels.classes_), labels.multilabel
        fitted: Head | SklearnHead | None
        chosen = {}
        if self.head is None:
            choice, topics = self._settings(task, labels)
            with self._stage(f"logistic regression of {n_classes} classes"):
                fitted, heads = settled_head(
                    train.features,
                    train.Y,
                    train.weights,
                    choice,
                    n_classes=n_classes,
                    multilabel=multilabel,
                    topics=topics,
                )
            chosen = choice.attributes()
        else:
            weight = as_number(self.embedding_weight)
            head = self._seeded_head(task.random_state)
            with self._stage(f"{type(head).__name__} of {n_classes} classes"):
                X = train.features.stacked(weight)
                Y = train.Y
                if Y.ndim == 2 and not multilabel:
                    Y = Y.argmax(axis=1)
                heads = fit_heads(head, X, Y, train.weights, task.fit)
            fitted = as_linear(
                heads,
                train.features.n_lexical,
                embedding.dim,
                embedding_weight=weight,
                n_classes=n_classes,
                multilabel=multilabel,
            ) or SklearnHead(heads, weight, multilabel)
        return {
            **chosen,
            "embedding_": embedding,
            "head_": heads if labels.multilabel else heads[0],
            "n_iter_": max(map(_n_iterations, heads)),
            "history_": [_losses(fitted, train, task.validation, labels)],
            "_head": fitted,
        }

    def _seeded_head(self, random_state: np.random.RandomState) -> Any:
        if not is_classifier(self.head):
            raise ValueError(
                f"head must be a classifier, got {type(self.head).__name__}: for "
                "numbers there is StaticRegressor"
            )
        head = clone(self.head)
        if head.get_params(deep=False).get("random_state", 0) is None:
            head.set_params(random_state=random_state.randint(2**31 - 1))
        return head

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of the `head` as ``head__<name>``.

        Parameters
        ----------
        **params
            Parameters and their values.

        Returns
        -------
        FeatureExtractionClassifier
            This estimator.

        Raises
        ------
        ValueError
            If there are no such parameters, or there is no head that could have them.
        """
        of_head = [name for name in params if name.startswith("head__")]
        if of_head and params.get("head", self.head) is None:
            raise ValueError(
                f"{quoted(of_head[0])} is a parameter of a head, and there is none: "
                "pass head=LogisticRegression(), for example. C of the default head is "
                "the parameter C of the classifier"
            )
        super().set_params(**params)
        return self

    def _has_probabilities(self) -> bool:
        return self.head is None or hasattr(self.head, "predict_proba")

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Iterable[str]) -> npt.NDArray[np.float64]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        ndarray of shape (n_texts, n_classes), dtype float64
            As in `BaseStaticClassifier.predict_proba`. Only if the head has such a
            method.
        """
        return super().predict_proba(X)


def _n_iterations(head: Any) -> int:
    """Iterations of a fitted head, 1 if it does not say."""
    n_iter = getattr(head, "n_iter_", None)  # None for solvers without iterations
    return 1 if n_iter is None else int(np.max(n_iter))


def _losses(
    head: Head | SklearnHead, train: Part, validation: Part | None, labels: Labels
) -> dict[str, float]:
    """Entry of the history."""
    losses = {}
    multilabel = labels.multilabel
    probabilities = head.probabilities(*train.features, multilabel=multilabel)
    losses["train_loss"] = log_loss(
        train.Y, probabilities, train.weights, multilabel=multilabel
    )
    if validation is not None:
        Y, features = validation.Y, validation.features
        probabilities = head.probabilities(*features, multilabel=multilabel)
        losses["valid_loss"] = log_loss(Y, probabilities, multilabel=multilabel)
        losses["valid_accuracy"] = score(labels, Y, "accuracy", probabilities)
    return losses
