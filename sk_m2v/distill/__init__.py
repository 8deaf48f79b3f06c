"""Distil a sentence transformer into a static embedding."""

from sk_m2v.distill._estimator import DistillTransformer

__all__ = ["DistillTransformer"]
