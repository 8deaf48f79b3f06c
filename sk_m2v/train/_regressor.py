"""`StaticRegressor`: numbers or vectors from texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)

from sk_m2v._base import ModelParameter, as_embedding
from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import StrOptions, validates_parameters
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.train._fine_tuning import FineTuned
from sk_m2v.train._text_model import TrainedTextModel
from sk_m2v.train.fitting._parameters import POSITIVE, EpochsParameter
from sk_m2v.train.heads._head import Head, Linear
from sk_m2v.train.labels._data import Part, Task, TrainingData
from sk_m2v.train.labels._targets import Scale, in_order_of, read_targets, scale_of
from sk_m2v.train.saved._model2vec import Pipeline
from sk_m2v.train.saved._persistence import PersistenceMixin

FloatArray = npt.NDArray[np.float64]

# Of the conjugate gradients of ridge regression. The error that scikit-learn allows by
# default, 1e-4, shows in predictions.
_TOLERANCE = 1e-6


@public("sk_m2v")
@parameters
class StaticRegressor(  # numpydoc ignore=PR02
    PersistenceMixin,
    EpochsParameter,
    FineTuned,
    TrainedTextModel,
    RegressorMixin,
    ModelParameter,
    BaseEstimator,
):
    """Predict numbers or vectors from texts, with an embedding fine-tuned to the task.

    The vectors of the tokens and a head over their mean learn together, from a ridge
    regression on the frozen features. The weights that it gives to n-grams of tokens
    and letters (`lexical`) stay. Only `fit` needs torch and skorch; a fitted regressor
    predicts, pickles and loads without.

    Parameters
    ----------
    lexical : bool
        Whether to give n-grams of tokens and letters weights of their own, times their
        TF-IDF. For vectors of hundreds of dimensions, these take most of the time.
    embedding_weight : float
        Factor of the embedding in the ridge regression that training starts from.
    alpha : float
        Strength of the ridge in that regression. Targets have standard deviation 1
        there, whatever their unit.
    loss : {"squared_error", "cosine"}
        What to make small. "cosine" is one minus the cosine of predicted and true
        vectors: only directions are learnt, and lengths stay about those of the ridge
        regression.
    scoring : str
        What validation goes by: "loss", or the name of any scorer of scikit-learn for
        regressors, such as "r2" or "neg_mean_absolute_error".

    Attributes
    ----------
    history_ : list of dict
        One entry an epoch: ``"epoch"``, ``"train_loss"``, ``"dur"`` (seconds) and, with
        validation texts, ``"valid_loss"`` and the like. Losses are those of targets
        with standard deviation 1.

    See Also
    --------
    StaticClassifier : The same for classes.

    Notes
    -----
    Only vectors of tokens that occur get a gradient, and only those are trained; the
    result is the same in a fraction of the time.

    To change the head, replace `build_head` in a subclass, as for `StaticClassifier`.
    It learns targets with mean 0 and standard deviation 1; for "cosine", targets with a
    mean length of 1.

    Examples
    --------
    >>> from sk_m2v import StaticRegressor
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> regressor = StaticRegressor(random_state=0).fit(texts, [9, 10, 3, 2])
    >>> good, bad = regressor.predict(["a lovely film", "so boring"])
    >>> bool(good > bad)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [POSITIVE],
        "embedding_weight": [POSITIVE],
        "loss": [StrOptions({"squared_error", "cosine"})],
    }

    alpha: float = 3.0
    embedding_weight: float = 1.5
    loss: str = "squared_error"

    @validates_parameters
    def fit(
        self,
        X: Iterable[str],
        y: Any,
        X_val: Iterable[str] | None = None,
        y_val: Any = None,
        *,
        sample_weight: Any = None,
    ) -> Self:
        """Learn to predict numbers.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.
        y : array-like of shape (n_texts,) or (n_texts, n_targets)
            Numbers, or a vector for each text.
        X_val : iterable of str, default=None
            Texts to validate with, not to learn from.
        y_val : array-like, default=None
            Their numbers, in the form of `y`. Columns of frames go by their names.
        sample_weight : array-like of shape (n_texts,), default=None
            How much each text of `X` counts. None is 1.

        Returns
        -------
        StaticRegressor
            This estimator.

        Raises
        ------
        TypeError, ValueError
            If the data or parameters cannot be used. The estimator stays as it was.
        """
        texts = self._read(X, y)
        resume = self._resumes()
        form = self._form if resume else None
        cosine = self.loss == "cosine"
        targets, form = read_targets(y, "y", form, cosine=cosine)
        check_consistent_length(texts, targets)
        weight = self._checked_weight(sample_weight, len(texts))
        held_out, X_val = None, self._read_held_out(X_val, y_val)
        if X_val is not None:
            y_val = in_order_of(y_val, y)
            targets_val, _ = read_targets(y_val, "y_val", form, cosine=cosine)
            held_out = TrainingData(X_val, targets_val)
        data = TrainingData(texts, targets, weight, held_out, y=y)
        self._fit(data, form, fraction=self.validation_fraction, resume=resume)
        return self

    def _n_steps(self) -> int | None:
        return self.max_epochs

    def _weights(self, data: TrainingData, target: tuple[int, ...]) -> FloatArray:
        return np.ones(len(data.texts)) if data.weight is None else data.weight

    def _learn(
        self, task: Task, target: tuple[int, ...], max_epochs: int | None
    ) -> dict[str, Any]:
        from sk_m2v.train.fitting._losses import CosineDistance, SquaredError
        from sk_m2v.train.fitting._nets import RegressorNet

        train, validation, cosine = task.train, task.validation, self.loss == "cosine"
        if task.resume:
            scale = self._scale
        else:
            scale = scale_of(train.Y, train.weights, cosine=cosine)
        train = _scaled(train, scale)
        scaled = None if validation is None else _scaled(validation, scale)

        def judge(values: FloatArray) -> float:
            assert validation is not None
            known = _Known(values * scale.unit + scale.mean)
            truth = validation.Y
            return float(
                get_scorer(self.scoring)(known, np.empty((len(truth), 0)), truth)
            )

        known = {"_form": target, "_scale": scale}
        return self._fine_tune(
            replace(
                task, train=train, validation=scaled, known={**task.known, **known}
            ),
            start=scale.removed(self._head) if task.resume else self._start(train),
            criterion=CosineDistance() if cosine else SquaredError(),
            kind=RegressorNet,
            judge=judge,
            max_epochs=self.max_epochs if max_epochs is None else max_epochs,
            finish=scale.put_on,
        )

    def _start_embedding(
        self,
        texts: list[str],
        weight: FloatArray | None,
        random_state: np.random.RandomState,
    ) -> StaticEmbedding:
        return as_embedding(self.model)

    def _start(self, train: Part) -> Head:
        """Ridge regression on the frozen features."""
        # In double precision, the order of the texts does not matter.
        X = train.features.stacked(self.embedding_weight).astype(np.float64)
        ridge = Ridge(alpha=self.alpha, tol=_TOLERANCE)
        with self._stage(f"ridge regression of {train.Y.shape[1]} numbers"):
            ridge.fit(X, train.Y.astype(np.float64), sample_weight=train.weights)
        coef = np.atleast_2d(ridge.coef_)
        intercept = np.atleast_1d(ridge.intercept_)
        lexical, dense = np.split(coef, [train.features.n_lexical], axis=1)
        weight = np.ascontiguousarray(dense.T * self.embedding_weight, np.float32)
        return Head(
            (Linear(weight, intercept.astype(np.float32)),),
            np.ascontiguousarray(lexical.T, np.float32),
        )

    def predict(self, X: Iterable[str]) -> FloatArray:
        """Predict the numbers of texts.

        Parameters
        ----------
        X : iterable of str
            Any container of texts.

        Returns
        -------
        ndarray of shape (n_texts,) or (n_texts, n_targets), dtype float64
            In the form of the `y` of `fit`.
        """
        check_is_fitted(self)
        n_targets = self._head.lexical.shape[1]
        values = self._apply(lambda it: self._head.scores(*it), X, n_targets)
        return values.reshape(len(values), *self._form)

    def _extra_state(self) -> dict[str, Any]:
        scale = {"mean": self._scale.mean.tolist(), "unit": self._scale.unit.tolist()}
        return {"form": list(self._form), "scale": scale}

    def _set_extra_state(self, state: dict[str, Any]) -> None:
        form = tuple(int(it) for it in state["form"])
        mean, unit = (np.array(state["scale"][it], float) for it in ("mean", "unit"))
        n_targets = int(np.prod(form))
        if not (mean.shape == unit.shape == (n_targets,) and np.all(unit > 0)):
            raise ValueError(f"the scale does not fit targets of form {form}")
        self._form, self._scale = form, Scale(mean, unit)

    def _set_targets(self, pipeline: Pipeline) -> None:
        n_outputs = pipeline.head.lexical.shape[1]
        self._form = (n_outputs,)
        self._scale = Scale(np.zeros(n_outputs), np.ones(n_outputs))

    def _outputs(self) -> tuple[str, npt.NDArray[Any] | None]:
        return "identity", None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _scaled(part: Part, scale: Scale) -> Part:
    return replace(part, Y=scale.apply(part.Y).astype(np.float32))


class _Known(RegressorMixin, BaseEstimator):
    """A regressor whose predictions are known, for scorers."""

    def __init__(self, values: FloatArray) -> None:
        self.values = values

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> FloatArray:
        return self.values
