"""All that a training needs to go on, as plain values and tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from skorch.callbacks import Callback

from sk_m2v._messages import quoted, shortened
from sk_m2v.train.callbacks._fingerprint import counts, parameters
from sk_m2v.train.fitting._bags import BagDataset
from sk_m2v.train.fitting._module import Dropout
from sk_m2v.train.fitting._nets import Net

State = dict[str, Any]

_PLAIN = (bool, int, float, str, bytes, type(None))


def pack(net: Net, data: BagDataset) -> State:
    """Take the state of a training, after an epoch.

    Parameters
    ----------
    net : Net
        The net.
    data : BagDataset
        What it learns from.

    Returns
    -------
    dict
        Numbers, texts and tensors, in lists and dicts. Tensors are not copied.

    Raises
    ------
    TypeError
        If a callback or the optimiser holds something else.
    """
    module = net.module_
    return {
        "module": dict(module.state_dict()),
        "trained": [name for name, it in module.named_parameters() if it.requires_grad],
        "optimizer": plain(net.optimizer_.state_dict(), "the optimizer"),
        "history": [_entries(row) for row in net.history],
        "callbacks": {
            name: _learnt(name, it) for name, it in net.callbacks_ if counts(it)
        },
        "random": _random(net, data),
        "enough": bool(net.enough_),
    }


def unpack(state: State, net: Net, data: BagDataset) -> None:
    """Put the state of a training back.

    Parameters
    ----------
    state : dict
        From `pack`.
    net : Net
        A net of the same training, before its first epoch.
    data : BagDataset
        What it learns from.
    """
    module = net.module_
    module.load_state_dict(state["module"])
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in state["trained"])
    net.history.extend(state["history"])
    for name, callback in net.callbacks_:
        if counts(callback):
            _teach(callback, state["callbacks"][name])
    # After the schedules of step sizes, which have a say in it when they begin.
    net.optimizer_.load_state_dict(state["optimizer"])
    net.enough_ = state["enough"]
    _set_random(state["random"], net, data)


def plain(value: Any, where: str) -> Any:
    """Check that a value can be written, and read without running anything.

    Parameters
    ----------
    value : object
        The value.
    where : str
        What holds it, for the message.

    Returns
    -------
    object
        The same, numbers of NumPy as those of Python.

    Raises
    ------
    TypeError
        If it is neither number, text or tensor, nor made of these.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, torch.Tensor):
        return value.detach()
    if type(value) in _PLAIN:
        return value
    if type(value) in (list, tuple):
        return type(value)(plain(it, where) for it in value)
    if type(value) in (dict, OrderedDict):
        return {plain(key, where): plain(it, where) for key, it in value.items()}
    raise TypeError(
        f"{shortened(where)} holds a {quoted(type(value).__qualname__)}, and "
        "ResumePoint writes only numbers, texts and tensors, in lists and dicts"
    )


def _entries(row: Mapping[str, Any]) -> State:
    """An epoch of the history, as far as it can be written."""
    entries = {}
    for name, value in row.items():
        try:
            entries[name] = plain(value, name)
        except TypeError:
            continue  # nor does it come into `history_`
    return entries


# --- Callbacks ------------------------------------------------------------------------


def _learnt(name: str, callback: Callback) -> State:
    """What a callback knows beside its parameters."""
    if hasattr(callback, "load_state_dict"):
        return {"all": plain(callback.state_dict(), name)}
    given, attributes, parts = parameters(callback), {}, {}
    for key, value in vars(callback).items():
        where = f"{key} of the callback {name}"
        if key in given:
            continue
        if hasattr(value, "load_state_dict") and not isinstance(value, type):
            parts[key] = plain(value.state_dict(), where)
            continue
        try:
            attributes[key] = plain(value, where)
        except TypeError as error:
            # Those of skorch are known: what is left are files, bars and functions.
            if not type(callback).__module__.startswith("skorch."):
                raise TypeError(
                    f"{shortened(error, 400)}: give the callback the methods "
                    "state_dict and load_state_dict"
                ) from None
    return {"attributes": attributes, "parts": parts}


def _teach(callback: Callback, learnt: State) -> None:
    if "all" in learnt:
        callback.load_state_dict(learnt["all"])
    for name, value in learnt.get("attributes", {}).items():
        setattr(callback, name, value)
    for name, value in learnt.get("parts", {}).items():
        getattr(callback, name).load_state_dict(value)


# --- Random numbers -------------------------------------------------------------------


def _random(net: Net, data: BagDataset) -> State:
    dropouts = {
        name: it.generator.get_state()
        for name, it in net.module_.named_modules()
        if isinstance(it, Dropout) and it.generator is not None
    }
    found = {
        "torch": torch.get_rng_state(),
        "order": net.iterator_train__generator.get_state(),
        "dropouts": dropouts,
    }
    if data.random_state is not None:
        kind, keys, *rest = cast(Any, data.random_state.get_state())
        found["tokens"] = [kind, torch.from_numpy(keys.astype(np.int64)), *rest]
    if torch.device(net.device).type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def _set_random(state: State, net: Net, data: BagDataset) -> None:
    torch.set_rng_state(state["torch"])
    net.iterator_train__generator.set_state(state["order"])
    for name, it in state["dropouts"].items():
        dropout: Any = net.module_.get_submodule(name)
        dropout.generator = torch.Generator(net.device)
        dropout.generator.set_state(it)
    if data.random_state is not None:
        kind, keys, *rest = state["tokens"]
        data.random_state.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])
