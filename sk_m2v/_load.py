"""`load`: whatever a folder holds; and `model_sha256`, which pins it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sk_m2v._messages import shortened

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sk_m2v.embedding.storage._snapshot import Snapshot

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
    expected_sha256: str | None = None,
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
    expected_sha256 : str or None, default=None
        Hash that the files must have, of `model_sha256`: it pins their content. None
        takes any.

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
        If a file is damaged, or the head of a pipeline could run code; or if files are
        not those that were expected.

    See Also
    --------
    StaticEmbedding.from_pretrained : The embedding alone, also of an estimator.
    model_sha256 : The hash of a model.

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
    from sk_m2v.persistence import _folder
    from sk_m2v.train.saved._model2vec import is_pipeline, read_pipeline

    with model_files(
        path,
        subfolder=subfolder,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        expected_sha256=expected_sha256,
    ) as files:
        found = _folder.find(files)
        if found is not None:
            return _folder.read(_estimator_class(files, found[0]), files)
        if is_pipeline(files):
            from sk_m2v import StaticClassifier, StaticRegressor

            pipeline = read_pipeline(files)
            is_classifier = pipeline.classes is not None
            kind = StaticClassifier if is_classifier else StaticRegressor
            return kind._of_pipeline(pipeline)
        return StaticEmbedding._from_files(files)


def model_sha256(
    path: str | Path | None = None,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    subfolder: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> str:
    """Hash of all files of a model, by which its content can be pinned.

    Parameters
    ----------
    path : str, Path or None, default=None
        A folder, or the id of a model of the hub, ``"owner/name"``. None is the model
        that comes with this package.
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
    str
        SHA-256 in 64 hexadecimal digits, for `expected_sha256` of `load` and
        ``from_pretrained``.

    Raises
    ------
    OSError
        If there is no such folder or model, or it holds no model.

    Notes
    -----
    It is the hash of what ``sha256sum`` prints of the files that are read, in the order
    of their names: in the folder of an embedding, ``sha256sum config.json
    model.safetensors modules.json tokenizer.json | sha256sum``. A README and files that
    are never read do not count.

    Examples
    --------
    >>> import sk_m2v
    >>> pinned = sk_m2v.model_sha256()
    >>> len(pinned)
    64
    >>> sk_m2v.StaticEmbedding.from_pretrained(expected_sha256=pinned)
    StaticEmbedding(29525 tokens, 384 dimensions, int8)
    """
    with model_files(
        path,
        subfolder=subfolder,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        expected_sha256=None,
    ) as files:
        return files.sha256()


def model_files(
    path: str | Path | None, *, subfolder: str | None, **options: Any
) -> AbstractContextManager[Snapshot]:
    """Files of a model, which may be that of a training.

    Parameters
    ----------
    path : str, Path or None
        As in `model_sha256`.
    subfolder : str or None
        As there.
    **options
        As in `sk_m2v.embedding.storage._source.find_files`.

    Returns
    -------
    context manager
        Gives the files, all of one moment.

    Raises
    ------
    OSError, TypeError, ValueError
        If there is no such folder, or one with another hash.
    """
    from sk_m2v.embedding.storage._source import find_files

    if (
        path is not None
        and subfolder is None
        and (Path(path) / CONFIGURATION).is_file()
    ):
        subfolder = MODEL
    return find_files(path, subfolder=subfolder, **options)


def _estimator_class(files: Snapshot, description: str) -> type:
    import sk_m2v
    from sk_m2v.persistence import PretrainedEstimator
    from sk_m2v.persistence._folder import saved_class

    name = saved_class(files, description)
    # Only names that are offered: a file must not choose what is imported.
    kind = getattr(sk_m2v, name) if name in sk_m2v.__all__ else None
    if isinstance(kind, type) and issubclass(kind, PretrainedEstimator):
        return kind
    raise ValueError(
        f"{shortened(files.path(description))} holds a {shortened(name)}, which is no "
        "estimator of this package: call from_pretrained of its own class"
    )
