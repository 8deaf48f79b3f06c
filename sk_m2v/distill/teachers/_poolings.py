"""From a teacher's output for a batch to one vector a sequence.

Tensors know their own operations, so torch is not needed to name these functions: the
allowed values of `pooling` can be read where torch is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A `torch.Tensor`. Shapes below: n sequences of up to m tokens, dim dimensions.
Tensor = Any


def _mean(output: Any, mask: Tensor) -> Tensor:
    hidden = output.last_hidden_state.float()
    shares = mask / mask.sum(dim=1, keepdim=True)
    return (shares[:, None, :] @ hidden).squeeze(1)


def _first(output: Any, mask: Tensor) -> Tensor:
    return output.last_hidden_state[:, 0].float()


def _last(output: Any, mask: Tensor) -> Tensor:
    hidden = output.last_hidden_state
    return hidden[list(range(len(hidden))), mask.sum(dim=1) - 1].float()


def _pooler(output: Any, mask: Tensor) -> Tensor:
    pooled = getattr(output, "pooler_output", None)
    if pooled is None:
        raise ValueError(
            "pooling='pooler' needs a teacher with a trained pooler, and this one has "
            "none: use pooling='mean' or 'first'"
        )
    return pooled.float()


#: Allowed values of `pooling`, with the function that turns a model's output and its
#: attention mask of shape (n, m) into float32 vectors of shape (n, dim).
POOLINGS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "mean": _mean,
    "first": _first,
    "last": _last,
    "pooler": _pooler,
}
