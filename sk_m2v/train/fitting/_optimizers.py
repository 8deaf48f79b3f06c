"""Optimisers by name; in a file without torch, for the estimators to check."""

from __future__ import annotations

# The keys are the allowed names, the values those of the classes in `torch.optim`.
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
