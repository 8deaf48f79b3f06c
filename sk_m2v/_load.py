"""`load`: whatever a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sk_m2v._messages import shortened

# What `sk-m2v train` leaves in its folder: the model is in one of its own.
CONFIGURATION, MODEL = "configuration.yaml", "model"


def load(
    path: str | Path,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    subfolder: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Any:
    """Load what a folder or a model of the Hugging Face Hub holds.

    Parameters
    ----------
    path : str or Path
        A folder, or the id of a model of the hub, ``"owner/name"``. A folder that
        exists comes first.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    token : str, bool or None, default=None
        Access token for the hub.
    subfolder : str or None, default=None
        Folder below `path` that holds the model.
    cache_dir : str, Path or None, default=None
        Where downloads are kept.
    local_files_only : bool, default=False
        Whether to use the cache of downloads only.

    Returns
    -------
    StaticEmbedding or estimator
        A fitted estimator of the class that was saved with `save_pretrained`; for a
        `StaticModelPipeline` of model2vec a `StaticClassifier` or `StaticRegressor`
        that predicts the same; else the embedding.

    Raises
    ------
    OSError
        If there is no such folder or model; FileNotFoundError names a missing file.
    ValueError
        If a file is damaged, or the head of a pipeline could run code.

    See Also
    --------
    StaticEmbedding.from_pretrained : The embedding alone, also of an estimator.

    Examples
    --------
    >>> import tempfile
    >>> import sk_m2v
    >>> fitted = sk_m2v.FeatureExtractionClassifier().fit(["good", "bad"], [1, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fitted.save_pretrained(folder)
    ...     sk_m2v.load(folder).predict(["good"])
    array([1])
    """
    from sk_m2v.embedding import StaticEmbedding
    from sk_m2v.embedding.storage._source import find_folder
    from sk_m2v.persistence import _folder
    from sk_m2v.train.saved._model2vec import FILES, is_pipeline, read_pipeline

    if subfolder is None and (Path(path) / CONFIGURATION).is_file():
        subfolder = MODEL
    files = [name for pair in _folder.NAMES for name in pair]
    folder = find_folder(
        path,
        subfolder=subfolder,
        more_files=[*files, *FILES],
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    found = _folder.find(folder)
    if found is not None:
        return _folder.read(_estimator_class(found[0]), folder)
    if is_pipeline(folder):
        from sk_m2v import StaticClassifier, StaticRegressor

        pipeline = read_pipeline(folder)
        is_classifier = pipeline.classes is not None
        kind = StaticClassifier if is_classifier else StaticRegressor
        return kind._of_pipeline(pipeline)
    return StaticEmbedding.from_pretrained(folder)


def _estimator_class(description: Path) -> type:
    import sk_m2v
    from sk_m2v.persistence import PretrainedEstimator
    from sk_m2v.persistence._folder import saved_class

    name = saved_class(description)
    # Only names that are offered: a file must not choose what is imported.
    kind = getattr(sk_m2v, name) if name in sk_m2v.__all__ else None
    if isinstance(kind, type) and issubclass(kind, PretrainedEstimator):
        return kind
    raise ValueError(
        f"{shortened(description)} holds a {shortened(name)}, which is no estimator of "
        "this package: call from_pretrained of its own class"
    )
