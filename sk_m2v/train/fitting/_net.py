"""The one place where a skorch net is built and run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from sk_m2v._messages import quoted
from sk_m2v.train.fitting._bags import BagDataset, as_it_is
from sk_m2v.train.fitting._optimizers import OPTIMIZERS
from sk_m2v.train.fitting._random import global_seed

Validate = Callable[[nn.Module], dict[str, float]]


class Enough(KeyboardInterrupt):
    """Ends a training as planned; skorch ends it at any `KeyboardInterrupt`."""


class Net(NeuralNet):
    """A net whose batches are made already: skorch need not look into them."""

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Go through the data, and say so if the user ended it.

        Parameters
        ----------
        *args, **kwargs
            As skorch gives them.

        Returns
        -------
        Net
            This net.
        """
        try:
            return super().fit_loop(*args, **kwargs)
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


class KeepBest(Callback):
    """Validate before and after each epoch; stop in time, and end with the best.

    Parameters
    ----------
    validate : callable
        From the module to metrics, among them ``"goal"``, the larger the better.
    patience : int or None
        Epochs without a better goal after which to stop. None never stops.
    """

    def __init__(self, validate: Validate, patience: int | None) -> None:
        self.validate = validate
        self.patience = patience

    def on_train_begin(self, net: Net, **kwargs: Any) -> None:
        """Validate the start, which may be the best.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        self.best_ = -np.inf
        self.start_ = self._look(net)

    def on_epoch_end(self, net: Net, **kwargs: Any) -> None:
        """Validate, and stop if nothing got better for a while.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        for name, value in self._look(net).items():
            net.history.record(name, value)
        if self.patience is not None and self.waited_ >= self.patience:
            raise Enough

    def on_train_end(self, net: Net, **kwargs: Any) -> None:
        """Restore the best weights.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        net.module_.load_state_dict(self.best_weights_)

    def _look(self, net: Net) -> dict[str, float]:
        metrics = self.validate(net.module_)
        goal = metrics.pop("goal")
        if goal > self.best_:
            self.best_, self.waited_ = goal, 0
            self.best_weights_ = {
                name: value.detach().clone()
                for name, value in net.module_.state_dict().items()
            }
        else:
            self.waited_ = getattr(self, "waited_", 0) + 1
        return metrics


def train(
    module: nn.Module,
    data: BagDataset,
    criterion: nn.Module,
    *,
    optimizer: str | type[torch.optim.Optimizer],
    lr: float,
    batch_size: int,
    max_epochs: int,
    validate: Validate | None,
    patience: int | None,
    callbacks: Sequence[Any],
    device: str,
    seed: int,
    verbose: int,
) -> tuple[Net, list[dict[str, float]]]:
    """Train a module in place.

    Parameters
    ----------
    module : torch.nn.Module
        What to train.
    data : BagDataset
        What to train on.
    criterion : torch.nn.Module
        From scores and targets to a loss.
    optimizer : str or type
        A key of `OPTIMIZERS`, or a class of torch.
    lr : float
        Step size.
    batch_size : int
        Texts a step.
    max_epochs : int
        How often to go through the data.
    validate : callable or None
        See `KeepBest`. None trains to the end, and keeps the last weights.
    patience : int or None
        See `KeepBest`.
    callbacks : sequence of skorch.callbacks.Callback
        More of them.
    device : str
        Where to train.
    seed : int
        Of the order of the texts, and of dropout.
    verbose : int
        Whether to print a line an epoch.

    Returns
    -------
    net : Net
        The trained net.
    history : list of dict
        An entry for each finished epoch.
    """
    kind = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    keep = Callback() if validate is None else KeepBest(validate, patience)
    net = Net(
        module,
        criterion=criterion,
        optimizer=getattr(torch.optim, kind) if isinstance(kind, str) else kind,
        lr=lr,
        batch_size=batch_size,
        max_epochs=max_epochs,
        train_split=None,
        callbacks=[keep, *callbacks],
        device=device,
        verbose=verbose,
        iterator_train__shuffle=True,
        iterator_train__collate_fn=as_it_is,
        iterator_train__generator=torch.Generator().manual_seed(seed),
    )
    with global_seed(seed, device):
        net.fit(data, None)
    if not all(it.isfinite().all() for it in module.parameters()):
        raise ValueError(
            f"training has driven the weights to NaN or infinity: pass a smaller lr "
            f"than {quoted(lr)}"
        )
    history = [
        {
            key: float(value) if isinstance(value, float) else value
            for key, value in row.items()
            if key in ("epoch", "train_loss", "dur") or key.startswith("valid_")
        }
        for row in net.history
        if "train_loss" in row
    ]
    return net, history
