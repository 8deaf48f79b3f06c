"""`ZeroShotClassifier`: classes from descriptions, without a label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._base import ModelParameter, as_embedding
from sk_m2v._messages import listed, quoted
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import validates_parameters
from sk_m2v._text import as_texts
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.lexical._ngrams import NgramTfidf
from sk_m2v.train._text_classifier import TextClassifier
from sk_m2v.train.features._features import Features, embed, fit_lexical
from sk_m2v.train.fitting._parameters import POSITIVE
from sk_m2v.train.heads._prototypes import prototype_head, self_trained_head
from sk_m2v.train.labels._descriptions import read_descriptions
from sk_m2v.train.labels._labels import Labels


@public("sk_m2v")
@parameters
class ZeroShotClassifier(  # numpydoc ignore=PR02
    TextClassifier, ModelParameter
):
    """Classify texts by the nearest description, without any labels.

    All it needs are the names of classes, or better a description of each. Texts
    without labels sharpen it: `fit` takes as many as there are. It is where labelling
    can begin.

    Parameters
    ----------
    labels : list of str, dict of label to str or list of str, or None
        Two or more names of classes; or for each class a description, or a list of
        descriptions and example phrases. A dict can have any labels that are str, bool,
        int, or float without fraction. Names are read as words: "set_alarm" and
        "setAlarm" say "set alarm". None is for `set_params`, and cannot be fitted.
    C : float
        Inverse of the regularisation of the logistic regression that `fit` learns from
        unlabelled texts.
    lexical : bool
        Whether to learn from unlabelled texts also which n-grams of tokens go with a
        class.
    embedding_weight : float
        Factor of the embedding in that regression.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The model.
    n_iter_ : int
        Iterations of the logistic regression; 0 if there was nothing to learn from.

    See Also
    --------
    FeatureExtractionClassifier : Learns from labels, as soon as there are some.

    Notes
    -----
    A text has the class whose description has the largest cosine with it. From
    unlabelled texts, with the classes that they are given so, a logistic regression on
    the features of `FeatureExtractionClassifier` learns which other words go with a
    class. Each text counts by how much nearer it is to its class than to the next, all
    classes alike. The scores are then
    ``(1 - share) * cosines + share * regression``, both scaled so that probabilities
    are of use. The share of `n` texts is ``n / (n + 20 * n_classes)``: half with 20
    texts a class, and more with more. A class that is the nearest of no text is hardly
    predicted then.

    Where descriptions say little about the texts, a regression learns their mistakes:
    compare with and without texts on a few that are labelled, if you can.

    Write descriptions in the words that the texts themselves use: "a bad, boring film"
    finds more than "negative". Sentences around a name, such as "This text is about",
    do not help: the vector of a text is a mean of its tokens.

    Nothing in it is random.

    Examples
    --------
    >>> from sk_m2v import ZeroShotClassifier
    >>> classifier = ZeroShotClassifier(["sports", "cooking", "weather"]).fit()
    >>> classifier.predict(["a late goal won the match", "rain and wind tomorrow"])
    array(['sports', 'weather'], dtype='<U7')

    Descriptions, and texts without labels:

    >>> described = {0: "a bad, boring film", 1: ["a great film", "lovely to watch"]}
    >>> texts = ["dull and far too long", "the best movie of the year", "so boring"]
    >>> ZeroShotClassifier(described).fit(texts).predict(["what a lovely story"])
    array([1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "labels": ["array-like", Mapping, None],
        "C": [POSITIVE],
        "embedding_weight": [POSITIVE],
    }
    _saved_attributes: ClassVar[tuple[str, ...]] = ("n_iter_",)

    labels: Sequence[str] | Mapping[Any, str | Sequence[str]] | None = field(
        default=None, kw_only=False
    )
    model: str | Path | StaticEmbedding | None = None
    letter_ngrams: tuple[int, int] | list[int] | None = None
    C: float = 1.0
    embedding_weight: float = 1.5

    @validates_parameters
    def fit(self, X: Iterable[str] | None = None, y: Any = None) -> Self:
        """Read the descriptions, and learn from texts without labels.

        Parameters
        ----------
        X : iterable of str, default=None
            Texts such as those to predict, in any container.
        y : object, default=None
            Not used: that pipelines and searches can pass it.

        Returns
        -------
        ZeroShotClassifier
            This estimator.

        Raises
        ------
        TypeError, ValueError
            If descriptions or texts cannot be used. The estimator stays as it was.
        """
        ngrams = self._ngrams()
        labels, descriptions = self._described()
        self._check_thresholds(labels)
        texts = None if X is None else as_texts(X, missing=self.missing)
        if texts is not None and not texts:
            raise ValueError(
                "X has 0 sample(s), and a minimum of 1 is required: leave it out to go "
                "by the descriptions alone"
            )
        embedding = as_embedding(self.model)
        with self._stage(f"descriptions of {len(descriptions)} classes"):
            prototypes = self._prototypes(embedding, labels.classes_, descriptions)
        n_iter = 0
        vectorizers: list[NgramTfidf] = []
        head = prototype_head(prototypes)
        if texts is not None:
            with self._stage(f"features of {len(texts):,} texts"):
                tokens = self._tokens(embedding, texts)
                vectorizers, blocks = fit_lexical(tokens, embedding, ngrams, None)
                features = Features(blocks, embed(embedding, tokens))
            with self._stage(f"logistic regression of {len(descriptions)} classes"):
                head, n_iter = self_trained_head(
                    head, features, self.embedding_weight, C=self.C
                )
        self._labels, self.classes_ = labels, labels.classes_
        self.embedding_, self._vectorizers = embedding, vectorizers
        self._head, self.n_iter_ = head, n_iter
        return self

    def _described(self) -> tuple[Labels, list[list[str]]]:
        """Classes, and the texts that describe each."""
        return read_descriptions(self.labels)

    def _prototypes(
        self,
        embedding: StaticEmbedding,
        classes: npt.NDArray[Any],
        descriptions: list[list[str]],
    ) -> npt.NDArray[np.float64]:
        """Mean embedding of the descriptions of each class."""
        flat = [text for texts in descriptions for text in texts]
        owners = np.repeat(np.arange(len(classes)), [*map(len, descriptions)])
        rows = embed(embedding, self._tokens(embedding, flat)).astype(np.float64)
        unknown = ~rows.any(axis=1)
        if unknown.any():
            label = classes.tolist()[owners[unknown.argmax()]]
            raise ValueError(
                f"the model knows no word of the description of the label "
                f"{quoted(label)}, {listed([flat[unknown.argmax()]])}: describe it in "
                "other words, or pass a model of their language"
            )
        sums = np.zeros((len(classes), embedding.dim))
        np.add.at(sums, owners, rows)
        return sums / np.bincount(owners)[:, None]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.classifier_tags.poor_score = True  # on classes that nobody described
        return tags
