"""`Model2VecMixin`: estimators that model2vec can read, and that read its pipelines."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from sk_m2v._messages import quoted, shortened
from sk_m2v.embedding.storage._snapshot import Snapshot
from sk_m2v.persistence import PretrainedEstimator
from sk_m2v.persistence._folder import find
from sk_m2v.train.heads._head import Head
from sk_m2v.train.saved._model2vec import (
    Pipeline,
    is_pipeline,
    read_pipeline,
    write_pipeline,
)

LAYOUTS = ("sk-m2v", "model2vec")


class Model2VecMixin(PretrainedEstimator):
    """What `StaticModelPipeline` of model2vec is here."""

    _head: Any
    max_length: Any

    @abstractmethod
    def _set_targets(self, pipeline: Pipeline) -> None:
        """Take what a pipeline says of its outputs."""

    @abstractmethod
    def _outputs(self) -> tuple[str, npt.NDArray[Any] | None]:
        """Activation of the scores, and the classes."""

    @classmethod
    def _of_pipeline(cls, pipeline: Pipeline) -> Self:
        """Fitted estimator that predicts what a pipeline does."""
        estimator = cls()
        pipeline.fill(estimator)
        estimator._set_targets(pipeline)
        return estimator

    @classmethod
    def _read_foreign(cls, files: Snapshot) -> Self | None:
        if find(files) is not None or not is_pipeline(files):
            return None
        pipeline = read_pipeline(files)
        kind = "StaticClassifier" if pipeline.classes is not None else "StaticRegressor"
        if kind not in {base.__name__ for base in cls.__mro__}:
            raise ValueError(
                f"{shortened(files.folder)} holds a pipeline of model2vec, which is a "
                f"{kind} here: call {kind}.from_pretrained"
            )
        return cls._of_pipeline(pipeline)

    def save_pretrained(self, path: str | Path, *, layout: str = "sk-m2v") -> None:
        """Write the fitted estimator to a folder that holds no code.

        Parameters
        ----------
        path : str or Path
            The folder, made if it does not exist. The estimator takes the place of what
            is there, in one step, as in `StaticEmbedding.save_pretrained`.
        layout : {"sk-m2v", "model2vec"}, default="sk-m2v"
            Which files to write. The first holds all that is fitted, and is an
            embedding for model2vec. The second is a `StaticModelPipeline` of model2vec
            0.10: `load` and `from_pretrained` read it, too, but labels and predictions
            are all that it has. It needs ``lexical=False``.

        Raises
        ------
        OSError
            If the folder cannot be written.
        TypeError
            If the head is more than arrays: a torch module of one's own.
        ValueError
            If there is no such layout, or it has no place for what is fitted.
        """
        if layout not in LAYOUTS:
            raise ValueError(
                f"layout must be one of {list(LAYOUTS)}, got {quoted(layout)}"
            )
        if layout == "sk-m2v":
            super().save_pretrained(path)
            return
        check_is_fitted(self)
        if not isinstance(self._head, Head):
            raise TypeError(
                f"a head of model2vec is layers, and this is a "
                f"{type(self._head).__name__} of scikit-learn"
            )
        length = self.embedding_._max_length(self.max_length)
        embedding = self.embedding_.replace(max_length=length)
        write_pipeline(path, Pipeline(embedding, self._head, *self._outputs()))
