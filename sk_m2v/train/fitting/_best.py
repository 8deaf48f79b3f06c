"""The best weights, by validation texts, and when to stop looking for better ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from skorch.callbacks import Callback

from sk_m2v.train.fitting._bags import BagDataset
from sk_m2v.train.fitting._nets import Net

# From what the module returns for all validation texts to a score, to make large.
Score = Callable[[npt.NDArray[np.float64]], float]


class KeepBest(Callback):
    """Judge the start and each epoch; stop in time, and end with the best.

    Parameters
    ----------
    validation : BagDataset
        What the net validates with.
    score : callable or None
        What to judge by. None judges by the loss, which the net records anyhow.
    name : str
        Name of the score in the history.
    patience : int or None
        Epochs without a better score after which to stop. None never stops.
    """

    def __init__(
        self,
        validation: BagDataset,
        score: Score | None,
        name: str,
        patience: int | None,
    ) -> None:
        self.validation = validation
        self.score = score
        self.name = name
        self.patience = patience

    def on_epoch_begin(self, net: Net, **kwargs: Any) -> None:
        """Judge the start, which may be the best.

        Not earlier: a callback of the user can load weights when training begins.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        self._outputs: list[torch.Tensor] = []
        if hasattr(self, "best_"):
            return
        losses, sizes = [], []
        for batch in net.get_iterator(self.validation):
            step = net.validation_step(batch)
            losses.append(step["loss"].item())
            sizes.append(len(batch[0]))
            self._outputs.append(step["y_pred"])
        self.best_epoch_ = len(net.history) - 1
        self._remember(net, self._goal(float(np.average(losses, weights=sizes))))
        self._outputs = []

    def on_batch_end(
        self, net: Net, training: bool = False, y_pred: Any = None, **kwargs: Any
    ) -> None:
        """Take what the net returned for validation texts.

        Parameters
        ----------
        net : Net
            The net.
        training : bool
            Whether it learns from these texts.
        y_pred : torch.Tensor
            What it returned.
        **kwargs
            Not used.
        """
        if not training and self.score is not None:
            self._outputs.append(y_pred)

    def on_epoch_end(self, net: Net, **kwargs: Any) -> None:
        """Judge the epoch, and have enough if nothing got better for a while.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        goal = self._goal(net.history[-1, "valid_loss"])
        better = goal > self.best_
        if self.score is not None:
            net.history.record(self.name, goal)
            net.history.record(f"{self.name}_best", better)
        if better:
            self.best_epoch_ = len(net.history)
            self._remember(net, goal)
        waited = len(net.history) - self.best_epoch_
        net.enough_ = self.patience is not None and waited >= self.patience

    def on_train_end(self, net: Net, **kwargs: Any) -> None:
        """Restore the best weights.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        self.restore(net.module_)

    def restore(self, module: torch.nn.Module) -> None:
        """Put the best weights so far into a module.

        Parameters
        ----------
        module : torch.nn.Module
            That of the net, or a copy.
        """
        if hasattr(self, "best_"):  # there was an epoch
            module.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """What is known so far, to go on from.

        Returns
        -------
        dict
            The best score, its epoch and its weights, if there was an epoch.
        """
        names = ("best_", "best_epoch_", "_weights")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what was known.

        Parameters
        ----------
        state : dict
            From `state_dict`.
        """
        self.__dict__.update(state)

    def _goal(self, loss: float) -> float:
        if self.score is None:
            return -loss
        outputs = torch.cat([it.detach().cpu() for it in self._outputs])
        return self.score(outputs.double().numpy())

    def _remember(self, net: Net, goal: float) -> None:
        self.best_ = goal
        self._weights = {
            name: value.detach().clone()
            for name, value in net.module_.state_dict().items()
        }
