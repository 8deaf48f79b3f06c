"""The nets that skorch trains: what they read, and what its scorers ask of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from skorch import NeuralNet
from skorch.callbacks import EpochScoring
from skorch.utils import to_tensor

from sk_m2v.train.fitting._bags import BagDataset


class Enough(KeyboardInterrupt):
    """Ends a training as planned; skorch ends it at any `KeyboardInterrupt`."""


class Net(NeuralNet):
    """A net whose batches are made already: skorch need not look into them.

    A callback that sets `enough_` ends the training, once all the others have seen the
    epoch. One that goes on from an earlier training sets `done_`, the epochs of
    `max_epochs` that need no training.
    """

    enough_ = False
    done_ = 0

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Tell all callbacks, and stop after the epoch if one had enough.

        Parameters
        ----------
        method_name : str
            What happens.
        **kwargs
            As skorch gives them.
        """
        super().notify(method_name, **kwargs)
        if method_name == "on_epoch_end" and self.enough_:
            raise Enough

    def fit_loop(self, X: Any, y: Any = None, **kwargs: Any) -> Any:
        """Go through the data, and say so if the user ended it.

        Parameters
        ----------
        X : BagDataset
            The data.
        y : None
            Not used.
        **kwargs
            As skorch gives them.

        Returns
        -------
        Net
            This net.
        """
        try:
            epochs = self.max_epochs - self.done_
            return super().fit_loop(X, y, **{"epochs": epochs, **kwargs})
        except Enough:
            raise
        except KeyboardInterrupt:
            # After an epoch it can be a callback of the user that had enough.
            if "train_loss" not in self.history[-1] or not self.callbacks[1:]:
                warnings.warn(
                    f"Training was interrupted in epoch {len(self.history)}: the best "
                    "weights so far are kept.",
                    UserWarning,
                    stacklevel=2,
                )
            raise

    def get_dataset(self, X: Any, y: Any = None) -> BagDataset:
        """Take the data as they are.

        Parameters
        ----------
        X : BagDataset
            The data.
        y : None
            Not used.

        Returns
        -------
        BagDataset
            The same.

        Raises
        ------
        TypeError
            If these are texts.
        """
        if isinstance(X, BagDataset):
            return X
        raise TypeError(
            f"net_ reads what training made of texts, not a {type(X).__name__}: use "
            "the methods of the estimator"
        )

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Forward pass.

        Parameters
        ----------
        x : Bags
            A batch.
        **fit_params
            Not used.

        Returns
        -------
        torch.Tensor
            What the module returns.
        """
        return self.module_(x.to(self.device))

    def get_loss(
        self, y_pred: torch.Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        """Loss of a batch, in which texts may weigh differently.

        Parameters
        ----------
        y_pred : torch.Tensor
            What the module returned.
        y_true : torch.Tensor
            The truth.
        X : Bags
            The batch.
        training : bool, default=False
            Not used: the criterion knows.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        weights = () if X.weights is None else (X.weights.to(self.device),)
        truth = to_tensor(y_true, device=self.device)
        loss: torch.Tensor = self.criterion_(y_pred, truth, *weights)
        return loss

    def _outputs(self, X: Any) -> torch.Tensor:
        # Scorers of an epoch put its outputs in the place of `forward_iter`.
        return torch.cat([it.cpu() for it in self.forward_iter(X)])


class ClassifierNet(ClassifierMixin, Net):
    """A net that tells classes apart, by the positions that they have in `classes_`."""

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        accuracy = EpochScoring("accuracy", name="valid_acc", lower_is_better=False)
        # Where scikit-learn's callbacks expect it: before the user's.
        return [*super()._default_callbacks, ("valid_acc", accuracy)]

    @property
    def classes_(self) -> npt.NDArray[np.int64]:
        """Positions of the classes in `classes_` of the estimator."""
        return np.arange(self.criterion_.n_classes)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Probabilities of the classes.

        Parameters
        ----------
        X : BagDataset
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, n_classes), dtype float32
            They sum to 1, unless a text can have several labels.
        """
        scores = self._outputs(X)
        multilabel = self.criterion_.multilabel
        probabilities = scores.sigmoid() if multilabel else scores.softmax(1)
        array: npt.NDArray[np.float32] = probabilities.numpy()
        return array

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Likeliest classes, or all labels that are likelier than not.

        Parameters
        ----------
        X : BagDataset
            The texts.

        Returns
        -------
        ndarray of shape (n_texts,) or (n_texts, n_labels), dtype int64
            Positions in `classes_`, or 0 and 1.
        """
        scores = self._outputs(X)
        chosen = scores >= 0 if self.criterion_.multilabel else scores.argmax(1)
        array: npt.NDArray[np.int64] = chosen.long().numpy()
        return array


class RegressorNet(RegressorMixin, Net):
    """A net that predicts scaled numbers."""

    def predict(self, X: Any) -> npt.NDArray[np.float32]:
        """Numbers, scaled as those that it learns from.

        Parameters
        ----------
        X : BagDataset
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, n_targets), dtype float32
            The numbers.
        """
        values: npt.NDArray[np.float32] = self._outputs(X).numpy()
        return values
