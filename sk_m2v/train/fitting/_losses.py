"""What training makes small: weighted means of the losses of texts."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from sk_m2v.train.labels._scoring import SMALLEST_PROBABILITY


class ClassificationLoss(nn.Module):
    """Cross-entropy of one class a text, or of each of several labels.

    What validation goes by (in evaluation) is the plain log-loss, whatever is made
    small in training.

    Parameters
    ----------
    n_classes : int
        Number of classes or labels.
    multilabel : bool
        Whether each label is decided for itself.
    focal_gamma : float
        Exponent by which texts that are already right count less (T.-Y. Lin et al.,
        "Focal Loss for Dense Object Detection", 2017); 0 for plain cross-entropy.
    label_smoothing : float
        Part of the truth to spread evenly over the classes.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        multilabel: bool,
        focal_gamma: float,
        label_smoothing: float,
    ) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.multilabel = multilabel
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing

    def forward(
        self,
        scores: torch.Tensor,
        truth: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Weighted mean of the losses.

        Parameters
        ----------
        scores : torch.Tensor of shape (n_texts, n_classes)
            The scores.
        truth : torch.Tensor of shape (n_texts,) or (n_texts, n_classes)
            Class indices, shares of classes, or labels.
        weights : torch.Tensor of shape (n_texts,) or (n_texts, n_labels), default=None
            How much each counts. None is 1.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        losses = (
            self._label_losses(scores, truth)
            if self.multilabel
            else self._class_losses(scores, truth)
        )
        if not self.training:
            losses = losses.clamp(max=-math.log(SMALLEST_PROBABILITY))
        return _weighted_mean(losses, weights)

    def _class_losses(self, scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        losses = F.cross_entropy(
            scores, truth, reduction="none", label_smoothing=smoothing
        )
        if self.focal_gamma and self.training:
            likely = scores.softmax(1)
            if truth.ndim == 1:
                right = likely.gather(1, truth[:, None]).squeeze(1)
            else:
                right = (likely * truth).sum(1)
            losses = losses * (1 - right) ** self.focal_gamma
        return losses

    def _label_losses(self, scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        smooth = truth * (1 - smoothing) + smoothing / 2
        losses = F.binary_cross_entropy_with_logits(scores, smooth, reduction="none")
        if self.focal_gamma and self.training:
            wrong = torch.where(truth > 0, -scores, scores).sigmoid()
            losses = losses * wrong**self.focal_gamma
        return losses


class SquaredError(nn.Module):
    """Weighted mean of squared differences."""

    def forward(
        self,
        values: torch.Tensor,
        truth: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Loss of predicted numbers.

        Parameters
        ----------
        values : torch.Tensor of shape (n_texts, n_targets)
            What was predicted.
        truth : torch.Tensor of shape (n_texts, n_targets)
            What is right.
        weights : torch.Tensor of shape (n_texts,), default=None
            How much each text counts. None is 1.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        return _weighted_mean(((values - truth) ** 2).mean(1), weights)


class CosineDistance(nn.Module):
    """Weighted mean of one minus the cosine."""

    def forward(
        self,
        values: torch.Tensor,
        truth: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Loss of predicted vectors.

        Parameters
        ----------
        values : torch.Tensor of shape (n_texts, n_targets)
            What was predicted.
        truth : torch.Tensor of shape (n_texts, n_targets)
            What is right.
        weights : torch.Tensor of shape (n_texts,), default=None
            How much each text counts. None is 1.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        return _weighted_mean(1 - F.cosine_similarity(values, truth, dim=1), weights)


def _weighted_mean(losses: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    if weights is None:
        return losses.mean()
    # A batch of nothing but weights of 0 teaches nothing.
    total = weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)
    return (losses * weights).sum() / total
