"""`PretrainedEstimator`: how every fitted estimator is saved, loaded and shared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

import numpy.typing as npt

from sk_m2v._messages import shortened
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.storage._snapshot import Snapshot
from sk_m2v.embedding.storage._source import check_subfolder, find_files, is_hub_id
from sk_m2v.persistence import _folder
from sk_m2v.persistence._json import from_json, to_json


class PretrainedEstimator:
    """Mix-in of estimators that, fitted, consist of an embedding, JSON and arrays.

    `_saved_attributes` names fitted attributes that JSON can hold. Whatever else is
    fitted goes through `_more_state` and its two counterparts.
    """

    embedding_: StaticEmbedding

    _saved_attributes: ClassVar[tuple[str, ...]] = ()

    # --- What a subclass says ---------------------------------------------------------

    def _more_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """What else is fitted: JSON and arrays."""
        return {}, {}

    def _set_more_description(self, description: Mapping[str, Any]) -> None:
        """Restore the JSON; any error means that the file is damaged."""

    def _set_arrays(
        self, description: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """Restore the arrays; `embedding_` is there already."""

    # --- Folders of others ------------------------------------------------------------

    @classmethod
    def _read_foreign(cls, files: Snapshot) -> Self | None:
        """Estimator of a folder that another package has written; None for others."""
        return None

    # --- The state as a whole ---------------------------------------------------------

    def _to_state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        state = {
            name: [_entry(it) for it in getattr(self, name)]
            if name == "history_"
            else to_json(getattr(self, name))
            for name in self._saved_attributes
            if hasattr(self, name)
        }
        more, arrays = self._more_state()
        return {**state, **more}, arrays

    def _set_description(self, description: Mapping[str, Any]) -> None:
        for name in self._saved_attributes:
            if name == "history_":
                setattr(self, name, [dict(it) for it in description[name]])
            elif name in description:
                setattr(self, name, from_json(description[name]))
        self._set_more_description(description)

    # --- What a user calls ------------------------------------------------------------

    def save_pretrained(self, path: str | Path) -> None:
        """Write the fitted estimator to a folder that holds no code.

        The folder also loads as a `StaticEmbedding`, and in model2vec: then it is the
        embedding alone. `sk_m2v.load` gives back the estimator.

        Parameters
        ----------
        path : str or Path
            The folder, made if it does not exist. The estimator takes the place of what
            is there, in one step, as in `StaticEmbedding.save_pretrained`.

        Raises
        ------
        OSError
            If the folder cannot be written: then it holds what it did.
        TypeError
            If the head is more than arrays: a classifier of scikit-learn that is no
            logistic regression, or a torch module of one's own. Such an estimator goes
            through joblib or skops.

        Notes
        -----
        Stored are what predicts or transforms, fitted attributes such as `history_`,
        and the parameters that JSON can hold. Not stored, so that they have their
        defaults after loading, are `model`, `callbacks`, a `head`, an `optimizer` that
        is a class, and a `random_state` that is not an int; and the attributes `head_`
        and `net_`.
        """
        _folder.write(self, path, str(path))

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        subfolder: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        expected_sha256: str | None = None,
    ) -> Self:
        """Load a fitted estimator from a folder or from the Hugging Face Hub.

        Parameters
        ----------
        path : str or Path
            A folder that `save_pretrained` has written, or the id of a model of the
            hub, ``"owner/name"``. A folder that exists comes first.
        revision : str or None, default=None
            Branch, tag or commit on the hub.
        token : str, bool or None, default=None
            Access token for the hub.
        subfolder : str or None, default=None
            Folder below `path` that holds the estimator.
        cache_dir : str, Path or None, default=None
            Where downloads are kept.
        local_files_only : bool, default=False
            Whether to use the cache of downloads only.
        expected_sha256 : str or None, default=None
            Hash that the files must have, of `sk_m2v.model_sha256`: it pins their
            content. None takes any.

        Returns
        -------
        estimator
            The fitted estimator; arrays are memory-mapped. An abstract base returns
            whichever estimator of this package the folder holds.

        Raises
        ------
        OSError
            If there is no such folder or model; FileNotFoundError names a missing file.
        ValueError
            If a file is damaged, or holds an estimator of another class; or if files
            are not those that were expected.

        Examples
        --------
        >>> import tempfile
        >>> from sk_m2v import FeatureExtractionClassifier
        >>> fitted = FeatureExtractionClassifier().fit(["good", "bad"], [1, 0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fitted.save_pretrained(folder)
        ...     FeatureExtractionClassifier.from_pretrained(folder).predict(["good"])
        array([1])
        """
        with find_files(
            path,
            subfolder=subfolder,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            expected_sha256=expected_sha256,
        ) as files:
            estimator: Self = cls._read_foreign(files) or _folder.read(cls, files)
        return estimator

    def push_to_hub(
        self,
        hub_id: str,
        *,
        private: bool = False,
        token: str | bool | None = None,
        subfolder: str | None = None,
        revision: str | None = None,
    ) -> str:
        """Upload the fitted estimator to the Hugging Face Hub.

        Parameters
        ----------
        hub_id : str
            Where to, ``"owner/name"``; made if it does not exist.
        private : bool, default=False
            Whether a new repository is private.
        token : str, bool or None, default=None
            Access token; None takes the one stored on this machine.
        subfolder : str or None, default=None
            Folder of the repository to write to.
        revision : str or None, default=None
            Branch to write to.

        Returns
        -------
        str
            Address of the commit.
        """
        from sk_m2v.embedding.storage import _hub

        if not is_hub_id(hub_id):
            raise ValueError(
                f"hub_id must have the form 'owner/name', got {shortened(hub_id)!r}"
            )
        check_subfolder(subfolder)
        with TemporaryDirectory() as folder:
            _folder.write(self, folder, hub_id)
            return _hub.push(
                Path(folder),
                hub_id,
                private=private,
                token=token,
                subfolder=subfolder,
                revision=revision,
            )


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Row of a history, whose keys are names."""
    return {name: to_json(value) for name, value in entry.items()}
