"""Vectors, classes and probabilities of texts, a partition at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened
from sk_m2v._transformer import StaticEmbeddingTransformer
from sk_m2v.distributed._collections import as_partitions
from sk_m2v.distributed._models import checked_path, model_of

Array = npt.NDArray[Any]


def encode(
    X: Any,
    model: str | Path | None = None,
    *,
    column: str | None = None,
    normalize: bool | None = None,
    max_length: Any = "auto",
    missing: str = "error",
) -> Any:
    """Vectors of texts of a Dask collection.

    Parameters
    ----------
    X : dask Bag, Series, DataFrame or Array
        Texts, one each row.
    model : str, Path or None, default=None
        A folder that all workers can read, or the id of a model of the Hugging Face
        Hub. Of an estimator's folder, the embedding is taken. None is the model that
        comes with this package.
    column : str or None, default=None
        Column of a frame that has the texts. None is for frames with one column.
    normalize, max_length, missing : object
        As in `StaticEmbedding.encode`.

    Returns
    -------
    dask Array of shape (n_texts, dim), or DataFrame
        The vectors, float32, not yet computed, with the partitions of `X`: a frame with
        the index of `X` if that is a frame or a column, else an array. Its length is
        not known if `X` is a bag.

    Raises
    ------
    ImportError
        If Dask is not installed.
    OSError
        If the model cannot be read.
    TypeError, ValueError
        If `X` is no such collection, or a parameter is not possible. What is wrong with
        a text is raised when it is computed, with the number of its partition.

    Examples
    --------
    >>> import dask.bag
    >>> from sk_m2v.distributed import encode
    >>> texts = dask.bag.from_sequence(["red", "green", "blue"], npartitions=2)
    >>> encode(texts).compute()[:, :2].shape
    (3, 2)
    """
    partitions = as_partitions(X, column)
    path = checked_path(model)
    how = {"normalize": normalize, "max_length": max_length, "missing": missing}
    like = _encode(["a"], path, how)
    transformer = StaticEmbeddingTransformer(model_of(path, embedding=True)).fit()
    names = list(transformer.get_feature_names_out())
    return partitions.map(_encode, path, how, like=like, names=names)


def predict(X: Any, model: str | Path, *, column: str | None = None) -> Any:
    """Predict with a fitted estimator for texts of a Dask collection.

    Parameters
    ----------
    X : dask Bag, Series, DataFrame or Array
        Texts, one each row.
    model : str or Path
        Where the estimator was saved with `save_pretrained`: a folder that all workers
        can read, or the id of a model of the Hugging Face Hub.
    column : str or None, default=None
        Column of a frame that has the texts. None is for frames with one column.

    Returns
    -------
    dask Array, Series or DataFrame
        What `predict` of the estimator gives, not yet computed, with the partitions of
        `X`: a column ``"prediction"`` with the index of `X` if that is a frame or a
        column, or a frame for several numbers a text; else an array.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        As in `encode`; also if the model cannot predict.

    Examples
    --------
    >>> import tempfile
    >>> import dask.bag
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.distributed import predict
    >>> fitted = FeatureExtractionClassifier().fit(["good", "bad"], ["+", "-"])
    >>> texts = dask.bag.from_sequence(["good", "so good", "bad"], npartitions=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fitted.save_pretrained(folder)
    ...     predict(texts, folder).compute().tolist()
    ['+', '+', '-']
    """
    partitions = as_partitions(X, column)
    path = _path_of_estimator(model, "predict")
    like = _call(["a"], path, "predict")
    names: Any = "prediction"
    if like.ndim == 2:
        names = [f"prediction{i}" for i in range(like.shape[1])]
    return partitions.map(_call, path, "predict", like=like, names=names)


def predict_proba(X: Any, model: str | Path, *, column: str | None = None) -> Any:
    """Probabilities of classes for texts of a Dask collection.

    Parameters
    ----------
    X : dask Bag, Series, DataFrame or Array
        Texts, one each row.
    model : str or Path
        As in `predict`: where a classifier was saved.
    column : str or None, default=None
        As in `predict`.

    Returns
    -------
    dask Array of shape (n_texts, n_classes), or DataFrame
        The probabilities, in the order of the classifier's `classes_`, which are the
        columns of a frame.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        As in `predict`.

    Examples
    --------
    >>> import tempfile
    >>> import dask.bag
    >>> from sk_m2v import FeatureExtractionClassifier
    >>> from sk_m2v.distributed import predict_proba
    >>> fitted = FeatureExtractionClassifier().fit(["good", "bad"], ["+", "-"])
    >>> texts = dask.bag.from_sequence(["good", "bad"], npartitions=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fitted.save_pretrained(folder)
    ...     predict_proba(texts, folder).compute().shape
    (2, 2)
    """
    partitions = as_partitions(X, column)
    path = _path_of_estimator(model, "predict_proba")
    like = _call(["a"], path, "predict_proba")
    names = list(model_of(path, embedding=False).classes_)
    return partitions.map(_call, path, "predict_proba", like=like, names=names)


def _path_of_estimator(model: Any, method: str) -> str:
    """Path of an estimator that can do what is wanted."""
    path = checked_path(model)
    if path is None:
        raise TypeError(
            "model=None has learnt no classes: pass the folder of a fitted estimator"
        )
    loaded = model_of(path, embedding=False)
    if not hasattr(loaded, method):
        raise ValueError(
            f"{shortened(path)} holds a {quoted(type(loaded).__name__)}, which has no "
            f"{shortened(method)}: pass the folder of a fitted estimator that has"
        )
    return path


# Workers call these by name: what is sent is a path and some words.


def _encode(texts: Any, path: str | None, how: dict[str, Any]) -> Array:
    vectors: Array = model_of(path, embedding=True).encode(texts, **how)
    return vectors


def _call(texts: Any, path: str, method: str) -> Array:
    result = getattr(model_of(path, embedding=False), method)(texts)
    if isinstance(result, list):  # of lists of labels
        return np.fromiter(result, dtype=object, count=len(result))
    return np.asarray(result)
