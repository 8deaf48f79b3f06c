"""`ContrastiveTransformer`: vectors in which paired texts are near."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from math import ceil
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sk_m2v._base import ModelParameter, TextParameters, TextTagsMixin, as_embedding
from sk_m2v._forked import safe_threads
from sk_m2v._messages import quoted, shortened
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import (
    ClassNamePrefixFeaturesOutMixin,
    FitTask,
    Followed,
    Interval,
    StrOptions,
    validates_parameters,
)
from sk_m2v._text import as_texts
from sk_m2v.persistence import PretrainedEstimator
from sk_m2v.train._fine_tuning import TrainsNet
from sk_m2v.train.fitting._parameters import EpochsParameter, SeedParameter
from sk_m2v.train.fitting._trainable_rows import TrainableRows
from sk_m2v.train.labels._split import split_off


@public("sk_m2v")
@parameters
class ContrastiveTransformer(  # numpydoc ignore=PR02
    Followed,
    PretrainedEstimator,
    EpochsParameter,
    TrainsNet,
    TextTagsMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    SeedParameter,
    TextParameters,
    ModelParameter,
    BaseEstimator,
):
    """Turn texts into vectors, learnt from pairs of texts that belong together.

    Questions and answers, titles and articles, two wordings of the same: `fit` changes
    the vectors of tokens so that each text is nearer to its partner than to the
    partners of others. Only `fit` needs torch and skorch.

    Parameters
    ----------
    temperature : float
        By what cosines are divided. The smaller, the more the nearest wrong texts
        count.
    batch_size : int or "auto"
        Pairs a step, each of which is compared with all others. "auto" is a hundredth
        of the pairs, from 32 to 512.
    max_epochs : int
        How often to go through the pairs. 0 keeps the model.
    patience : int or None
        Epochs without a better validation after which to stop. None never stops. Only
        with validation pairs.
    validation_fraction : float or None
        Part of the pairs to set aside for validation. None sets none aside. Not used
        if `fit` is given validation pairs. With validation, the vectors of the best
        epoch are kept, which may be those of the start.
    random_state : int, RandomState or None
        Seed of the training. The same seed gives the same vectors.

    Attributes
    ----------
    history_ : list of dict
        One entry an epoch: ``"epoch"``, ``"train_loss"``, ``"dur"`` (seconds) and, with
        validation pairs, ``"valid_loss"``.

    See Also
    --------
    StaticEmbeddingTransformer : The same without training.
    StaticRegressor : Learns to predict given vectors of texts.

    Notes
    -----
    The loss is InfoNCE in both directions, with the other pairs of a batch as negatives
    [1]_. Pairs that share a text are no negatives of each other: equal texts are never
    pushed apart. Tokens that do not occur in the pairs keep their vectors.

    References
    ----------
    .. [1] A. van den Oord, Y. Li and O. Vinyals, "Representation Learning with
       Contrastive Predictive Coding", 2018, https://arxiv.org/abs/1807.03748.

    Examples
    --------
    >>> from sk_m2v import ContrastiveTransformer
    >>> questions = ["how do I log in", "where is my parcel", "can I pay by card"]
    >>> answers = ["use your password", "follow the tracking link", "we take Visa"]
    >>> transformer = ContrastiveTransformer(random_state=0).fit(questions, answers)
    >>> transformer.transform(["is my parcel late"]).shape
    (1, 384)
    """

    _saved_attributes: ClassVar[tuple[str, ...]] = (
        "n_iter_",
        "best_epoch_",
        "history_",
    )

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        # A pair alone has nothing to be told from.
        "batch_size": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    temperature: float = 0.05
    lr: float = 3e-3
    max_epochs: int = 5

    @validates_parameters
    def fit(
        self,
        X: Iterable[str],
        y: Iterable[str],
        X_val: Iterable[str] | None = None,
        y_val: Iterable[str] | None = None,
    ) -> Self:
        """Learn from pairs of texts.

        Parameters
        ----------
        X : iterable of str
            The first text of each pair, in any container of texts.
        y : iterable of str
            The second text of each pair.
        X_val, y_val : iterable of str, default=None
            Pairs to validate with, not to learn from.

        Returns
        -------
        ContrastiveTransformer
            This estimator.

        Raises
        ------
        TypeError, ValueError
            If the data or parameters cannot be used. The estimator stays as it was.
        """
        self._check_means()
        pairs = self._pairs(X, y, "y")
        _warn_of_labels(pairs[:, 1])
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: pass both or neither")
        held_out = None if X_val is None else self._pairs(X_val, y_val, "y_val")
        random_state = check_random_state(self.random_state)
        # Lists only if a callback wants them.
        fit = self._begin_fit(self.max_epochs, *(it.tolist for it in pairs.T))
        if held_out is None and self.validation_fraction is not None:
            rows = split_off(pairs, self.validation_fraction, random_state)
            pairs, held_out = (pairs[it] for it in rows)
        for name, it in (("", pairs), ("validation ", held_out)):
            if it is not None and (it.min(axis=0) == it.max(axis=0)).any():
                raise ValueError(
                    f"The {name}pairs must have at least two different texts on each "
                    f"side to tell apart, got {len(it)} pair(s)"
                )
        learnt = self._learn(pairs, held_out, random_state, fit)
        for name, value in learnt.items():
            setattr(self, name, value)
        fit.end(dict)
        return self

    def _pairs(self, X: Any, y: Any, name: str) -> npt.NDArray[np.object_]:
        """Pairs as an array of shape (n_pairs, 2)."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target {name} "
                "is None: it is the second text of each pair"
            )
        sides = [as_texts(X, missing=self.missing)]
        try:
            sides.append(as_texts(y, missing=self.missing))
        except (TypeError, ValueError) as error:
            # Such errors speak of X, as those of the first texts do.
            raise type(error)(
                f"{name} is no container of texts: {shortened(error)}"
            ) from error
        if len(sides[0]) != len(sides[1]):
            raise ValueError(
                f"X and {name} must have as many texts, got {len(sides[0])} and "
                f"{len(sides[1])}"
            )
        if len(sides[0]) < 2:
            raise ValueError(
                f"X has {len(sides[0])} sample(s), and a minimum of 2 pairs is required"
            )
        return np.array(sides, dtype=object).T

    @safe_threads()
    def _learn(
        self,
        pairs: npt.NDArray[np.object_],
        held_out: npt.NDArray[np.object_] | None,
        random_state: np.random.RandomState,
        fit: FitTask,
    ) -> dict[str, Any]:
        """Learn from checked pairs, and return fitted attributes."""
        from torch import nn

        from sk_m2v.train.fitting._module import BagModule
        from sk_m2v.train.fitting._nets import Net
        from sk_m2v.train.fitting._pairs import InfoNCE, PairDataset

        embedding = as_embedding(self.model)
        # The first texts of all pairs, followed by the second texts.
        texts = [it.T.ravel().tolist() for it in (pairs, held_out) if it is not None]
        n_texts = sum(map(len, texts))
        with self._stage(f"tokenizing {n_texts:,} texts"):
            tokens = [
                embedding.token_ids(it, max_length=self.max_length, n_jobs=self.n_jobs)
                for it in texts
            ]
        rows = TrainableRows(embedding, *tokens)
        seed = random_state.randint(2**31 - 1)
        data = PairDataset(
            rows.rows(tokens[0]),
            _names(texts[0]),
            token_dropout=self.token_dropout,
            random_state=np.random.RandomState(seed),
        )
        validation, size = None, self._batch_size(len(data))
        if held_out is not None:
            validation = PairDataset(rows.rows(tokens[1]), _names(texts[1]))
            # Each text is told from those of its batch: about as many as in training,
            # and no fewer in the last batch.
            size = ceil(len(held_out) / ceil(len(held_out) / size))

        def learnt(module: Any) -> dict[str, Any]:
            return {"embedding_": rows.put_back(module.vectors.detach().numpy())}

        return self._train(
            BagModule(rows.vectors, nn.Identity()),
            data,
            InfoNCE(self.temperature),
            kind=Net,
            validation=validation,
            validation_batch_size=size,
            max_epochs=self.max_epochs,
            seed=seed,
            fit=fit,
            learnt=learnt,
        )

    def transform(self, X: Iterable[str]) -> npt.NDArray[np.float32]:
        """Turn texts into vectors.

        Parameters
        ----------
        X : iterable of str
            Any container of texts, such as the first or the second texts of pairs.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            One vector of length 1 a text; zeros where no token of a text is known.
        """
        check_is_fitted(self)
        return self.embedding_.encode(
            X,
            max_length=self.max_length,
            missing=self.missing,
            n_jobs=self.n_jobs,
            show_progress=bool(self.verbose),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.embedding_.dim


def _names(texts: list[str]) -> npt.NDArray[np.int64]:
    """A number for each text, the same for equal texts."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(text, len(numbers)) for text in texts], np.int64
    )


def _warn_of_labels(texts: npt.NDArray[np.object_]) -> None:
    """Warn if the second texts of pairs are rather labels."""
    different = set(texts)
    if len(texts) >= 20 and 5 * len(different) <= len(texts):
        longest = max(different, key=lambda it: len(it.split()))
        if len(longest.split()) <= 3:
            warnings.warn(
                f"y has only {len(different)} different texts for {len(texts)} pairs, "
                f"such as {quoted(longest)}: these look like labels, and texts "
                "would be drawn to the words of their names. For labels there is "
                "StaticClassifier, whose embedding_ is fitted to them",
                UserWarning,
                stacklevel=4,
            )
