"""The one place where a skorch net is built and run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from skorch.exceptions import SkorchException
from skorch.helper import predefined_split
from torch import nn

from sk_m2v._messages import quoted, shortened
from sk_m2v.train.fitting._bags import BagDataset, as_it_is
from sk_m2v.train.fitting._best import KeepBest, Score
from sk_m2v.train.fitting._nets import Net
from sk_m2v.train.fitting._optimizers import OPTIMIZERS
from sk_m2v.train.fitting._random import global_seed


def train(
    module: nn.Module,
    data: BagDataset,
    criterion: nn.Module,
    *,
    kind: type[Net],
    optimizer: str | type[torch.optim.Optimizer],
    lr: float,
    batch_size: int,
    max_epochs: int,
    validation: BagDataset | None,
    validation_batch_size: int,
    score: Score | None,
    scoring: str,
    patience: int | None,
    callbacks: Sequence[Any],
    device: str,
    seed: int,
    verbose: int,
) -> Net:
    """Train a module in place.

    Parameters
    ----------
    module : torch.nn.Module
        What to train.
    data : BagDataset
        What to train on.
    criterion : torch.nn.Module
        From scores and targets to a loss.
    kind : type
        Class of the net.
    optimizer : str or type
        A key of `OPTIMIZERS`, or a class of torch.
    lr : float
        Step size.
    batch_size : int
        Texts a step.
    max_epochs : int
        How often to go through the data.
    validation : BagDataset or None
        What to validate with. None trains to the end, and keeps the last weights.
    validation_batch_size : int
        Texts of it at a time.
    score : callable or None
        See `KeepBest`.
    scoring : str
        Its name.
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
    Net
        The trained net.
    """
    algorithm = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    # Five times as fast where vectors are many, on processors too.
    fused = {"optimizer__fused": True} if isinstance(algorithm, str) else {}
    keep = Callback()
    if validation is not None:
        keep = KeepBest(validation, score, f"valid_{scoring}", patience)
    net = kind(
        module,
        criterion=criterion,
        optimizer=(
            getattr(torch.optim, algorithm) if isinstance(algorithm, str) else algorithm
        ),
        lr=lr,
        **fused,
        batch_size=batch_size,
        max_epochs=max_epochs,
        train_split=None if validation is None else predefined_split(validation),
        callbacks=[keep, *callbacks],
        device=device,
        verbose=verbose,
        iterator_train__shuffle=True,
        iterator_train__collate_fn=as_it_is,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        iterator_valid__batch_size=validation_batch_size,
        iterator_valid__collate_fn=as_it_is,
    )
    with global_seed(seed, device), _naming_validation(validation):
        net.fit(data, None)
    if not all(it.isfinite().all() for it in module.parameters()):
        raise ValueError(
            f"training has driven the weights to NaN or infinity: pass a smaller lr "
            f"than {quoted(lr)}"
        )
    return net


def outcome(net: Net) -> tuple[list[dict[str, Any]], int]:
    """What came of a training, so far.

    Parameters
    ----------
    net : Net
        The net, in training or trained.

    Returns
    -------
    history : list of dict
        An entry for each finished epoch.
    best_epoch : int
        The epoch whose weights count, 0 for the start.
    """
    history = [_entry(row) for row in net.history if "train_loss" in row]
    return history, getattr(_best(net), "best_epoch_", len(history))


def snapshot(net: Net) -> nn.Module:
    """Copy the module as it would be if the training had ended now.

    Parameters
    ----------
    net : Net
        The net, after an epoch.

    Returns
    -------
    torch.nn.Module
        With the best weights so far, on the processor.
    """
    module: nn.Module = deepcopy(net.module_).cpu()
    best = _best(net)
    if best is not None:
        best.restore(module)
    return module.eval()


def _best(net: Net) -> KeepBest | None:
    found = (it for _, it in net.callbacks_ if isinstance(it, KeepBest))
    return next(found, None)


@contextmanager
def _naming_validation(validation: BagDataset | None) -> Iterator[None]:
    """Let callbacks that watch validation say so where there is none."""
    try:
        yield
    except (KeyError, SkorchException) as error:
        if validation is not None or "valid_" not in str(error):
            raise
        raise ValueError(
            "a callback watches validation, and there is none: pass "
            "validation_fraction, or X_val and y_val to fit, or let it watch "
            f"'train_loss'. It said: {shortened(error)}"
        ) from error


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    """What skorch and callbacks recorded of an epoch, as far as JSON can hold it."""
    entry = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in row.items()
        if key != "batches" and not key.endswith("_batch_count")
    }
    return {
        key: value
        for key, value in entry.items()
        if isinstance(value, bool | int | float | str | None)
    }
