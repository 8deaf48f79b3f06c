"""What training makes small: weighted means of the losses of texts."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class ClassificationLoss(nn.Module):
    """Cross-entropy of one class a text, or of each of several labels.

    Parameters
    ----------
    multilabel : bool
        Whether each label is decided for itself.
    focal_gamma : float
        Exponent by which texts that are already right count less (T.-Y. Lin et al.,
        "Focal Loss for Dense Object Detection", 2017); 0 for plain cross-entropy.
    label_smoothing : float
        Part of the truth to spread evenly over the classes.
    """

    def __init__(
        self, multilabel: bool, focal_gamma: float, label_smoothing: float
    ) -> None:
        super().__init__()
        self.multilabel = multilabel
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing

    def forward(
        self, scores: torch.Tensor, target: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Weighted mean of the losses.

        Parameters
        ----------
        scores : torch.Tensor of shape (n_texts, n_classes)
            The scores.
        target : tuple of torch.Tensor
            Class indices or labels, and weights of the same shape.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        truth, weights = target
        losses = (
            self._label_losses(scores, truth)
            if self.multilabel
            else self._class_losses(scores, truth)
        )
        return _weighted_mean(losses, weights)

    def _class_losses(self, scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        losses = F.cross_entropy(
            scores, truth, reduction="none", label_smoothing=self.label_smoothing
        )
        if self.focal_gamma:
            right = scores.softmax(1).gather(1, truth[:, None]).squeeze(1)
            losses = losses * (1 - right) ** self.focal_gamma
        return losses

    def _label_losses(self, scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        smooth = truth * (1 - self.label_smoothing) + self.label_smoothing / 2
        losses = F.binary_cross_entropy_with_logits(scores, smooth, reduction="none")
        if self.focal_gamma:
            wrong = torch.where(truth > 0, -scores, scores).sigmoid()
            losses = losses * wrong**self.focal_gamma
        return losses


class SquaredError(nn.Module):
    """Weighted mean of squared differences."""

    def forward(
        self, values: torch.Tensor, target: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Loss of predicted numbers.

        Parameters
        ----------
        values : torch.Tensor of shape (n_texts, n_targets)
            What was predicted.
        target : tuple of torch.Tensor
            The truth, of the same shape, and weights of shape (n_texts,).

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        truth, weights = target
        return _weighted_mean(((values - truth) ** 2).mean(1), weights)


class CosineDistance(nn.Module):
    """Weighted mean of one minus the cosine."""

    def forward(
        self, values: torch.Tensor, target: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Loss of predicted vectors.

        Parameters
        ----------
        values : torch.Tensor of shape (n_texts, n_targets)
            What was predicted.
        target : tuple of torch.Tensor
            The truth, of the same shape, and weights of shape (n_texts,).

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        truth, weights = target
        return _weighted_mean(1 - F.cosine_similarity(values, truth, dim=1), weights)


def _weighted_mean(losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    # A batch of nothing but weights of 0 teaches nothing.
    total = weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)
    return (losses * weights).sum() / total
