"""More texts than one machine wants to read: Dask collections in, Dask collections out.

In comes a bag, a column or an array of texts and the path of a model; out comes a lazy
collection with a partition for each (`_collections`). A worker loads a model once
(`_models`). `_predict` is what is done with it, and `_distil` has the workers read for
`DistillTransformer`. Read `_predict` first.
"""

from sk_m2v.distributed._distil import distil
from sk_m2v.distributed._predict import encode, predict, predict_proba

__all__ = ["distil", "encode", "predict", "predict_proba"]
