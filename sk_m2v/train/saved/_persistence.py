"""What a fitted estimator can become: a folder, a pipeline, explanations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy.typing as npt

from sk_m2v.persistence._ngrams import pack_ngrams, unpack_ngrams
from sk_m2v.train.heads._explain import explain
from sk_m2v.train.heads._explanation import Explanation
from sk_m2v.train.saved._arrays import pack_head, unpack_head
from sk_m2v.train.saved._model2vec_mixin import Model2VecMixin
from sk_m2v.train.saved._pipeline import to_pipeline


class PersistenceMixin(Model2VecMixin):
    """Ways out of a fitted estimator, and one way back.

    The estimator has `embedding_`, `_vectorizers`, `_head`, `n_iter_` and `history_`; a
    classifier also `_labels`. Whatever else it has to remember goes through the next
    two methods.
    """

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        "n_iter_",
        "best_epoch_",
        "history_",
    )

    def _extra_state(self) -> dict[str, Any]:
        """What else is fitted, in a form for JSON."""
        return {}

    def _set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore what `_extra_state` returned; any error means: it is damaged."""

    def _more_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        layers, arrays = pack_head(self._head)
        ngrams, more = pack_ngrams(self._vectorizers)
        labels = getattr(self, "_labels", None)
        state = {
            "labels": None if labels is None else labels.to_dict(),
            "more": self._extra_state(),
            "layers": layers,
            "ngrams": ngrams,
        }
        return state, {**arrays, **more}

    def _set_more_description(self, description: Mapping[str, Any]) -> None:
        self.n_iter_ = int(description["n_iter_"])
        self._set_extra_state(description["more"])

    def _set_arrays(
        self, description: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        embedding = self.embedding_
        vectorizers = unpack_ngrams(description["ngrams"], arrays, embedding)
        n_lexical = sum(it.n_features for it in vectorizers)
        head = unpack_head(description["layers"], arrays, embedding.dim, n_lexical)
        n_outputs = head.lexical.shape[1]
        if hasattr(self, "classes_") and n_outputs != len(self.classes_):
            raise ValueError(
                f"there are {n_outputs} scores for {len(self.classes_)} classes"
            )
        self._vectorizers, self._head = vectorizers, head

    def to_pipeline(self) -> Any:
        """Make a plain pipeline of scikit-learn that predicts the same.

        It has a union of `TokenTfidfVectorizer` and `StaticEmbeddingTransformer`, and a
        fitted classifier of scikit-learn: `LogisticRegression`, `MLPClassifier` for
        several labels a text or hidden layers, or the `head_` that was given, in a
        `VotingClassifier` of one, which gives it back the names of its classes.

        Returns
        -------
        sklearn.pipeline.Pipeline
            The pipeline. For several labels a text it predicts a matrix of 0 and 1,
            whatever form the labels had, with columns in the order of `classes_`.

        Raises
        ------
        ValueError
            If scikit-learn has no such classifier: for `thresholds`, for layers other
            than linear ones with ReLU between them, and for several labels with a
            `head` that is no logistic regression.

        Notes
        -----
        Texts have to be in a container: a generator is empty after the first part of
        the union has read it. With hidden layers, the first weights are a dense matrix
        of all features times all units, which takes memory where n-grams are many.
        """
        return to_pipeline(self)

    def explain(self, X: Iterable[str]) -> list[Explanation]:
        """Say what each token of a text adds to the scores of the classes.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        list of Explanation
            For each text `tokens`, `shares` of shape (n_tokens, n_classes), an
            `intercept` of shape (n_classes,), and whether it is `exact`. `top` lists
            the tokens that count most; a notebook shows them in colour.

        Notes
        -----
        The scores of a text are its intercept plus the sum of its shares. If scores are
        linear in the features (`exact`), a share is the token's term of the mean
        vector, plus an equal part of each n-gram that the token is in (of letters, as
        many parts as are letters of the token), and the intercept is that of the
        classifier. Otherwise a share is what the score loses without that one token:
        such shares are not additive, and the intercept is what is left.

        Two classes have two scores, whose difference is `decision_function`.

        Examples
        --------
        >>> from sk_m2v import FeatureExtractionClassifier
        >>> texts = ["a great film", "a lovely film", "a dull film", "a boring film"]
        >>> fitted = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
        >>> (explanation,) = fitted.explain(["a great film"])
        >>> explanation.tokens[explanation.shares[:, 0].argmax()]
        'great'
        """
        return explain(self, X)
