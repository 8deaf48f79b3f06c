"""What a fitted estimator can become: a folder, a pipeline, explanations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from sk_m2v.train.heads._explain import Explanation, explain
from sk_m2v.train.saved import _folder
from sk_m2v.train.saved._pipeline import to_pipeline


class PersistenceMixin:
    """Ways out of a fitted estimator, and one way back.

    The estimator has `embedding_`, `_vectorizers`, `_head`, `n_iter_` and `history_`; a
    classifier also `_labels`. Whatever else it has to remember goes through the next
    two methods.
    """

    def _more_state(self) -> dict[str, Any]:
        """What else is fitted, in a form for JSON."""
        return {}

    def _set_more_state(self, state: dict[str, Any]) -> None:
        """Restore what `_more_state` returned; errors mean that the file is damaged."""

    def save_pretrained(self, path: str | Path) -> None:
        """Write the fitted estimator to a folder that holds no code.

        The folder also loads as a `StaticEmbedding`, and in model2vec: then it is the
        embedding alone.

        Parameters
        ----------
        path : str or Path
            The folder, made if it does not exist. Files of the same names are replaced
            once all new ones are written.

        Raises
        ------
        OSError
            If the folder cannot be written.
        TypeError
            If the head is more than arrays: a classifier of scikit-learn that is no
            logistic regression, or a torch module of one's own. Such an estimator goes
            through joblib or skops.

        Notes
        -----
        Stored are what predicts, the labels, `n_iter_`, `history_`, and the parameters
        that JSON can hold. Not stored, so that they have their defaults after loading,
        are `model`, `callbacks`, a `head`, an `optimizer` that is a class, and a
        `random_state` that is not an int; and the attributes `head_` and `net_`.
        """
        _folder.write(self, path)

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Load a fitted estimator from a folder.

        Parameters
        ----------
        path : str or Path
            A folder that `save_pretrained` has written.

        Returns
        -------
        BaseStaticClassifier
            The fitted estimator; arrays are memory-mapped. An abstract base returns
            whichever estimator of this package the folder holds.

        Raises
        ------
        FileNotFoundError
            If a file is missing; it is named.
        ValueError
            If a file is damaged, or holds an estimator of another class.

        Examples
        --------
        >>> import tempfile
        >>> from sk_m2v import FeatureExtractionClassifier
        >>> fitted = FeatureExtractionClassifier().fit(["good", "bad"], [1, 0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fitted.save_pretrained(folder)
        ...     FeatureExtractionClassifier.from_pretrained(folder).predict(["good"])
        array([1])
        """
        estimator: Self = _folder.read(cls, path)
        return estimator

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
            `intercept` of shape (n_classes,), and whether it is `exact`.

        Notes
        -----
        The scores of a text are its intercept plus the sum of its shares. If scores are
        linear in the features (`exact`), a share is the token's term of the mean
        vector, plus an equal part of each n-gram that the token is in, and the
        intercept is that of the classifier. Otherwise a share is what the score loses
        without that one token: such shares are not additive, and the intercept is what
        is left.

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
