"""What a training is: its data, its settings and where it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from inspect import Parameter, signature
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from skorch.callbacks import Callback

from sk_m2v._messages import quoted
from sk_m2v.train.fitting._bags import BagDataset
from sk_m2v.train.fitting._best import KeepBest
from sk_m2v.train.fitting._nets import Net

# What only prints or logs can come and go.
_LOGGERS = "skorch.callbacks.logging"

#: Name of what two trainings may differ in, and what it is in one of them.
Fingerprint = dict[str, Any]


def fingerprint(net: Net, data: BagDataset) -> Fingerprint:
    """Say what a training is, before its first epoch.

    Parameters
    ----------
    net : Net
        The net, initialised.
    data : BagDataset
        What it learns from.

    Returns
    -------
    dict
        Numbers and texts. Two trainings with the same go the same way.
    """
    module, optimizer = net.module_, net.optimizer
    start = [it.detach().cpu().numpy() for it in module.state_dict().values()]
    found = {
        **_digests(data, ""),
        "start (model, features, or C or alpha)": _digest([data.fixed.numpy(), *start]),
        "architecture": f"{module} of {list(_shapes(module))}",
        "loss": f"{type(net.criterion_).__name__}() of {dict(_public(net.criterion_))}",
        "optimizer": f"{optimizer.__module__}.{optimizer.__qualname__}",
        "lr": float(net.lr),
        "batch_size": int(net.batch_size),
        "token_dropout": float(data.token_dropout),
        "device": torch.device(net.device).type,
        "seed (random_state)": net.iterator_train__generator.initial_seed(),
        "callbacks": [
            _described(it)
            for _, it in net.callbacks_
            if counts(it) and not isinstance(it, KeepBest)
        ],
    }
    _, validation = net.get_split_datasets(data)
    found["validation"] = validation is not None
    if validation is not None:
        found |= _digests(validation, "validation ")
        found["validation batch size"] = int(net.iterator_valid__batch_size)
    for _, callback in net.callbacks_:
        if isinstance(callback, KeepBest):
            found |= {"scoring": callback.name, "patience": callback.patience}
    return found


def differences(now: Fingerprint, before: Fingerprint) -> str:
    """Name what two trainings differ in.

    Parameters
    ----------
    now, before : dict
        From `fingerprint`.

    Returns
    -------
    str
        Empty where they are the same.
    """
    parts = []
    # What one has and the other has not depends on something that both have.
    for name in [it for it in now if it in before]:
        new, old = now[name], before[name]
        if new == old:
            continue
        long = any(isinstance(it, list) or len(str(it)) > 30 for it in (new, old))
        parts.append(name if long else f"{name} ({quoted(old)}, now {quoted(new)})")
    return ", ".join(parts)


def _digests(data: BagDataset, which: str) -> Fingerprint:
    return {f"{which}{name}": _digest(it) for name, it in data.arrays().items()}


def _digest(arrays: Iterable[npt.NDArray[Any]]) -> str:
    found = sha256()
    for array in arrays:
        found.update(f"{array.dtype} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _shapes(module: torch.nn.Module) -> Iterator[tuple[str, list[int], bool]]:
    for name, it in module.named_parameters():
        yield name, list(it.shape), it.requires_grad


def counts(callback: Callback) -> bool:
    """Whether a callback may change what is learnt.

    Parameters
    ----------
    callback : skorch.callbacks.Callback
        The callback.

    Returns
    -------
    bool
        False if it only prints, logs, or says `only_watches`.
    """
    watches = getattr(callback, "only_watches", False)
    return type(callback).__module__ != _LOGGERS and not watches


def _described(callback: Callback) -> str:
    kind = type(callback)
    of = {name: _shown(getattr(callback, name, None)) for name in parameters(callback)}
    return f"{kind.__module__}.{kind.__qualname__} of {of}"


def _shown(value: Any) -> str:
    """The value, or what kind of thing it is: addresses change."""
    if isinstance(value, str | int | float | bool | list | tuple | dict | None):
        return repr(value)
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def parameters(callback: Callback) -> list[str]:
    """Names of what a callback was made with, as opposed to what it has learnt.

    Parameters
    ----------
    callback : skorch.callbacks.Callback
        The callback.

    Returns
    -------
    list of str
        Names of attributes.
    """
    known = signature(type(callback)).parameters
    names = [name for name in known if name in vars(callback)]
    if any(it.kind is Parameter.VAR_KEYWORD for it in known.values()):
        # Schedules take those of torch.
        more = [it for it in vars(callback) if not it.endswith("_")]
        names += sorted(set(more) - set(names))
    return names


def _public(module: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if not name.startswith("_") and isinstance(value, int | float | str):
            yield name, value
