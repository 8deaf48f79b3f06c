"""Texts as bags of tokens, cut into batches of tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array, hstack
from torch.utils.data import Dataset

from sk_m2v.embedding._backends import TokenIds
from sk_m2v.embedding._pooling import count_matrix


@dataclass(frozen=True)
class Bags:
    """Tensors of a batch of texts."""

    ids: torch.Tensor  # rows of the vectors
    offsets: torch.Tensor  # where each text begins
    lexical_ids: torch.Tensor
    lexical_offsets: torch.Tensor
    lexical_values: torch.Tensor

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
        return Bags(*(getattr(self, it.name).to(device) for it in fields(self)))


class BagDataset(Dataset[Any]):
    """Texts with targets, from which batches are drawn.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts: rows of the vectors that are trained.
    blocks : tuple of csr_array
        Lexical features.
    targets : tuple of ndarray
        What else there is about each text, such as class indices and weights.
    token_dropout : float, default=0
        Part of the tokens and lexical features to leave out of each text, anew each
        time.
    random_state : RandomState, optional
        Who draws them.
    """

    def __init__(
        self,
        tokens: TokenIds,
        blocks: tuple[csr_array, ...],
        targets: tuple[npt.NDArray[Any], ...],
        *,
        token_dropout: float = 0.0,
        random_state: np.random.RandomState | None = None,
    ) -> None:
        n_texts = len(tokens.offsets) - 1
        n_rows = int(tokens.ids.max(initial=0)) + 1
        self._counts = count_matrix(tokens, n_rows)
        self._lexical = (
            hstack(blocks, format="csr")
            if blocks
            else csr_array((n_texts, 0), dtype=np.float32)
        )
        self._targets = tuple(torch.from_numpy(it) for it in targets)
        self._token_dropout = token_dropout
        self._random_state = random_state

    def __len__(self) -> int:
        return int(self._counts.shape[0])

    # A whole batch at once: rows one by one would take most of the time of training.
    def __getitems__(self, rows: list[int]) -> tuple[Bags, list[torch.Tensor]]:
        """Batch of texts.

        Parameters
        ----------
        rows : list of int
            Which ones.

        Returns
        -------
        bags : Bags
            The texts.
        targets : list of torch.Tensor
            Their targets.
        """
        index = np.asarray(rows)
        ids, offsets, _ = self._draw(self._counts[index])
        bags = Bags(ids, offsets, *self._draw(self._lexical[index]))
        return bags, [it[index] for it in self._targets]

    def _draw(self, rows: csr_array) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Columns, beginnings and values of rows, without what is dropped."""
        columns, starts, values = rows.indices, rows.indptr[:-1], rows.data
        if self._random_state is not None and self._token_dropout:
            keep = self._random_state.random_sample(columns.size) >= self._token_dropout
            before = np.concatenate([[0], np.cumsum(keep)])
            columns, starts, values = columns[keep], before[starts], values[keep]
        return (
            torch.from_numpy(columns.astype(np.int64)),
            torch.from_numpy(starts.astype(np.int64)),
            torch.from_numpy(values.astype(np.float32)),
        )


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
