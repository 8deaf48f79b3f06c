"""Pairs of texts as bags of tokens, and what makes the texts of a pair similar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.train.fitting._bags import BagDataset, Bags


class PairDataset(BagDataset):
    """Pairs of texts, from which batches are drawn.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the first texts of all pairs, followed by those of the second texts.
    names : ndarray of shape (2 * n_pairs,), dtype int64
        A number for each of these texts, the same for equal texts.
    token_dropout : float, default=0
        Part of the tokens to leave out of each text, anew each time.
    random_state : RandomState, optional
        Who draws them.
    """

    def __init__(
        self,
        tokens: TokenIds,
        names: npt.NDArray[np.int64],
        *,
        token_dropout: float = 0.0,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        super().__init__(
            tokens,
            None,
            names,
            token_dropout=token_dropout,
            random_state=random_state,
        )

    def __len__(self) -> int:
        return super().__len__() // 2

    def __getitems__(self, rows: list[int]) -> tuple[Bags, torch.Tensor]:
        """Batch of pairs.

        Parameters
        ----------
        rows : list of int
            Which ones.

        Returns
        -------
        bags : Bags
            The first texts, followed by the second texts.
        targets : torch.Tensor
            The numbers of these texts.
        """
        n_pairs = len(self)
        return super().__getitems__([*rows, *(n_pairs + row for row in rows)])


class InfoNCE(nn.Module):
    """Each text has to find its partner among those of the batch.

    Mean cross-entropy of both directions (A. van den Oord, Y. Li and O. Vinyals,
    "Representation Learning with Contrastive Predictive Coding", 2018). Pairs that
    share a text are not held against each other, since there a "wrong" answer would be
    right.

    Parameters
    ----------
    temperature : float
        By what cosines are divided.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, vectors: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        """Loss of the vectors of pairs.

        Parameters
        ----------
        vectors : torch.Tensor of shape (2 * n_pairs, dim)
            Those of the first texts, followed by those of the second, of length 1.
        names : torch.Tensor of shape (2 * n_pairs,)
            Numbers of the texts, the same for equal texts.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        first, second = vectors.chunk(2)
        scores = (first @ second.T / self.temperature).masked_fill(
            sharing(*names.chunk(2)), -torch.inf
        )
        right = torch.arange(len(first), device=vectors.device)
        return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def sharing(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Which different pairs share a text.

    Parameters
    ----------
    first, second : torch.Tensor of shape (n_pairs,)
        Numbers of the texts of the pairs.

    Returns
    -------
    torch.Tensor of shape (n_pairs, n_pairs), dtype bool
        False on the diagonal.
    """
    equal = torch.zeros(len(first), len(first), dtype=torch.bool, device=first.device)
    for a in (first, second):
        for b in (first, second):
            equal |= a[:, None] == b[None, :]
    return equal.fill_diagonal_(False)
