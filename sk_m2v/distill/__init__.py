"""Distil a sentence transformer into a static embedding.

In come a teacher and, better, texts; out comes a `StaticEmbedding`. Below: `teachers`
give vectors, `vocabulary` says which tokens get one, `corpus` learns them from texts.
Read `_estimator` first: `fit` shows the order.
"""

from sk_m2v.distill._estimator import DistillTransformer
from sk_m2v.distill.teachers._bundled import bundled_teacher
from sk_m2v.distill.vocabulary._coverage import Coverage

__all__ = ["Coverage", "DistillTransformer", "bundled_teacher"]
