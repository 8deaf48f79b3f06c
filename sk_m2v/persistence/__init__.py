"""Fitted estimators in folders and on the Hugging Face Hub, without code.

In comes a fitted estimator, out comes the folder of its embedding with two files beside
(`_folder`), and back with every check. What an estimator is made of, it says itself, as
JSON (`_json`) and named arrays. Read `_pretrained` first: it has the methods.
"""

from sk_m2v.persistence._pretrained import PretrainedEstimator

__all__ = ["PretrainedEstimator"]
