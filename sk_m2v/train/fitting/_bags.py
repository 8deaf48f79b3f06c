"""Texts as bags of tokens, cut into batches of tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from sk_m2v.embedding._pooling import count_matrix
from sk_m2v.embedding.tokens._backends import TokenIds


@dataclass(frozen=True)
class Bags:
    """Tensors of a batch of texts."""

    ids: torch.Tensor  # rows of the vectors
    offsets: torch.Tensor  # where each text begins
    fixed: torch.Tensor  # part of the scores that training leaves alone
    weights: torch.Tensor | None = None  # how much each text counts, or text and label

    def __len__(self) -> int:
        return len(self.offsets)

    def to(self, device: Any) -> Bags:
        """Return the same on another device.

        Parameters
        ----------
        device : str or torch.device
            Where to.

        Returns
        -------
        Bags
            The tensors.
        """
        tensors = (getattr(self, it.name) for it in fields(self))
        return Bags(*(None if it is None else it.to(device) for it in tensors))


class BagDataset(Dataset[Any]):
    """Texts with targets, from which batches are drawn.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts: rows of the vectors that are trained.
    fixed : ndarray of shape (n_texts, n_outputs) or None
        Scores of the texts that are added to those of the head.
    targets : ndarray of shape (n_texts, ...)
        The truth about each text, such as class indices.
    weights : ndarray of shape (n_texts,) or (n_texts, n_labels), default=None
        How much each text counts, or each text and label.
    token_dropout : float, default=0
        Part of the tokens to leave out of each text, anew each time.
    random_state : RandomState, optional
        Who draws them.
    """

    def __init__(
        self,
        tokens: TokenIds,
        fixed: npt.NDArray[np.floating[Any]] | None,
        targets: npt.NDArray[Any],
        weights: npt.NDArray[np.float32] | None = None,
        *,
        token_dropout: float = 0.0,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        n_tokens = int(tokens.ids.max(initial=0)) + 1
        self._counts = count_matrix(*tokens, n_tokens)
        if fixed is None:
            fixed = np.zeros((self._counts.shape[0], 1))
        self.fixed = torch.from_numpy(fixed.astype(np.float32))
        self._targets = torch.from_numpy(targets)
        self._weights = None if weights is None else torch.from_numpy(weights)
        self.token_dropout = token_dropout
        self.random_state = random_state

    def arrays(self) -> dict[str, list[npt.NDArray[Any]]]:
        """What was given, by the names that users know it by.

        Returns
        -------
        dict of str to list of ndarray
            Arrays of the texts, the targets and the weights.
        """
        counts = self._counts
        weights = [] if self._weights is None else [self._weights.numpy()]
        return {
            "X": [counts.indptr, counts.indices],
            "y": [self._targets.numpy()],
            "sample_weight or class_weight": weights,
        }

    def __len__(self) -> int:
        return int(self._counts.shape[0])

    # A whole batch at once: rows one by one would take most of the time of training.
    def __getitems__(self, rows: list[int]) -> tuple[Bags, torch.Tensor]:
        """Batch of texts.

        Parameters
        ----------
        rows : list of int
            Which ones.

        Returns
        -------
        bags : Bags
            The texts.
        targets : torch.Tensor
            Their targets.
        """
        index = np.asarray(rows)
        counts = self._counts[index]
        tokens = TokenIds(counts.indices, counts.indptr)
        if self.random_state is not None and self.token_dropout:
            drawn = self.random_state.random_sample(tokens.ids.size)
            tokens = tokens.keep(drawn >= self.token_dropout)
        bags = Bags(
            torch.from_numpy(tokens.ids.astype(np.int64)),
            torch.from_numpy(tokens.offsets[:-1].astype(np.int64)),
            self.fixed[index],
            None if self._weights is None else self._weights[index],
        )
        return bags, self._targets[index]


def as_it_is(batch: Any) -> Any:
    """Collate what `BagDataset` made a batch already.

    Parameters
    ----------
    batch : tuple
        The batch.

    Returns
    -------
    tuple
        The same.
    """
    return batch
