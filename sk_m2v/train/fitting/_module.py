"""The network that is trained, and what training leaves of it as arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from sk_m2v._parameters import public
from sk_m2v.train.fitting._bags import Bags
from sk_m2v.train.heads._head import LayerNorm, Linear, ReLU, Tanh


@public("sk_m2v.train")
class BagModule(nn.Module):
    """Scores of bags of tokens: those that are fixed, and a head over the mean vector.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, dim), dtype float32
        Vectors of the tokens that occur.
    head : torch.nn.Module
        From embeddings of length 1 to scores.
    freeze : bool, default=False
        Whether the vectors stay as they are.
    """

    def __init__(
        self,
        vectors: npt.NDArray[np.float32],
        head: nn.Module,
        *,
        freeze: bool = False,
    ) -> None:
        super().__init__()
        self.vectors = nn.Parameter(
            torch.from_numpy(vectors.copy()), requires_grad=not freeze
        )
        self.head = head

    def embed(self, bags: Bags) -> torch.Tensor:
        """Mean vector of each bag, of length 1.

        Parameters
        ----------
        bags : Bags
            The texts.

        Returns
        -------
        torch.Tensor of shape (n_texts, dim)
            Zeros for an empty bag.
        """
        mean = F.embedding_bag(bags.ids, self.vectors, bags.offsets, mode="mean")
        return F.normalize(mean)

    def forward(self, bags: Bags) -> torch.Tensor:
        """Scores of texts.

        Parameters
        ----------
        bags : Bags
            The texts.

        Returns
        -------
        torch.Tensor of shape (n_texts, n_outputs)
            The scores.
        """
        scores: torch.Tensor = self.head(self.embed(bags)) + bags.fixed
        return scores


class Dropout(nn.Dropout):
    """Dropout with random numbers of its own, whatever other threads draw.

    Parameters
    ----------
    p : float
        Part of the inputs to drop in training.
    """

    def __init__(self, p: float) -> None:
        super().__init__(p)
        self._seed = int(torch.randint(2**62, ()))
        self.generator: torch.Generator | None = None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Drop some inputs, and scale the others up.

        Parameters
        ----------
        input : torch.Tensor
            Any inputs.

        Returns
        -------
        torch.Tensor
            Of the same shape.
        """
        if not self.training:
            return input
        if self.generator is None:
            self.generator = torch.Generator(input.device).manual_seed(self._seed)
        drawn = torch.rand(input.shape, generator=self.generator, device=input.device)
        return input * (drawn >= self.p) / (1 - self.p)


def default_head(
    n_inputs: int,
    n_outputs: int,
    *,
    n_layers: int,
    hidden_dim: int,
    dropout: float,
) -> nn.Sequential:
    """Linear layer, or several with ReLU between them.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Dimensions of the embedding, and number of scores.
    n_layers : int
        Number of hidden layers.
    hidden_dim : int
        Units of each.
    dropout : float
        Part of the inputs of each layer to drop in training.

    Returns
    -------
    torch.nn.Sequential
        The head, with random weights.
    """
    layers: list[nn.Module] = []
    sizes = [n_inputs, *[hidden_dim] * n_layers, n_outputs]
    for index, (a, b) in enumerate(pairwise(sizes)):
        layers += [nn.ReLU()] if index else []
        layers += [Dropout(dropout)] if dropout else []
        layers += [nn.Linear(a, b)]
    return nn.Sequential(*layers)


def start_from_linear(head: nn.Sequential, start: Linear) -> None:
    """Make a head of `default_head` begin as a linear one.

    The first hidden units hold the scores and their negatives, whose positive parts say
    everything; the layers after hand them on. The other units keep their random input
    weights and begin with no say. A network that starts so is never worse than linear
    (as in T. Chen, I. Goodfellow and J. Shlens, "Net2Net", 2016).

    Parameters
    ----------
    head : torch.nn.Sequential
        The head, changed in place. One with fewer hidden units than two a score stays
        as it is.
    start : Linear
        The linear head.
    """
    linears = [layer for layer in head if isinstance(layer, nn.Linear)]
    weight, bias = torch.from_numpy(start.weight.T), torch.from_numpy(start.bias)
    with torch.no_grad():
        _write_linear(linears, weight, bias)


def _write_linear(
    linears: list[nn.Linear], weight: torch.Tensor, bias: torch.Tensor
) -> None:
    *hidden, last = linears
    if not hidden:
        last.weight.copy_(weight)
        last.bias.copy_(bias)
        return
    n = 2 * len(bias)
    if any(layer.out_features < n for layer in hidden):
        return
    first, *middle = hidden
    first.weight[:n] = torch.cat([weight, -weight])
    first.bias[:n] = torch.cat([bias, -bias])
    for layer in middle:
        layer.weight[:n] = torch.eye(n, layer.in_features)
        layer.bias[:n] = 0
    last.weight.zero_()
    last.weight[:, :n] = torch.cat([torch.eye(n // 2), -torch.eye(n // 2)], dim=1)
    last.bias.zero_()


def load_layers(head: nn.Module, layers: tuple[Any, ...]) -> None:
    """Copy the arrays of a trained head into a new module of the same form.

    Parameters
    ----------
    head : torch.nn.Module
        The module, changed in place.
    layers : tuple of layers
        Those of a `Head`.

    Raises
    ------
    ValueError
        If the forms differ.
    """
    if len(layers) == 1 and isinstance(layers[0], TorchLayer):
        head.load_state_dict(layers[0].module.state_dict())
        return
    arrays = [
        torch.from_numpy(array)
        for layer in layers
        if hasattr(layer, "weight")
        # torch keeps the weights of a linear layer the other way round.
        for array in (np.ascontiguousarray(layer.weight.T), layer.bias)
    ]
    parameters = list(head.parameters())
    if [it.shape for it in arrays] != [it.shape for it in parameters]:
        raise ValueError(
            "the head has another form than the one trained so far: set "
            "warm_start=False to begin anew"
        )
    with torch.no_grad():
        for parameter, array in zip(parameters, arrays, strict=True):
            parameter.copy_(array)


def to_layers(module: nn.Module) -> tuple[Any, ...]:
    """Read a trained head as arrays.

    Parameters
    ----------
    module : torch.nn.Module
        The head. Made of linear layers, ReLU, Tanh, LayerNorm and dropout, it needs no
        torch afterwards; anything else is kept as it is, and torch to predict.

    Returns
    -------
    tuple of layers
        Those of a `Head`.
    """
    module = module.cpu().eval()
    layers = _layers(module)
    return (TorchLayer(module),) if layers is None else tuple(layers)


def _layers(module: nn.Module) -> list[Any] | None:
    """Layers as arrays, or None for a module that cannot be written so."""
    if isinstance(module, nn.Sequential):
        parts = [_layers(it) for it in module]
        if any(part is None for part in parts):
            return None
        return [layer for part in parts for layer in part or []]
    if isinstance(module, nn.Dropout | nn.Identity):
        return []
    if isinstance(module, nn.ReLU):
        return [ReLU()]
    if isinstance(module, nn.Tanh):
        return [Tanh()]
    if isinstance(module, nn.Linear):
        weight = _array(module.weight).T.copy()
        bias = np.zeros(weight.shape[1], np.float32)
        return [Linear(weight, bias if module.bias is None else _array(module.bias))]
    if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) == 1:
        (size,) = module.normalized_shape
        gain = np.ones(size, np.float32)
        shift = np.zeros(size, np.float32)
        return [
            LayerNorm(
                gain if module.weight is None else _array(module.weight),
                shift if module.bias is None else _array(module.bias),
                float(module.eps),
            )
        ]
    return None


def _array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().cpu().numpy().copy()
    return array


class TorchLayer:
    """A module that has no form in arrays.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        with torch.no_grad():
            result = self.module(torch.from_numpy(rows.astype(np.float32)))
        array: npt.NDArray[np.float64] = result.numpy().astype(np.float64)
        return array
