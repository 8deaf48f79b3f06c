"""Models to and from folders and the Hugging Face Hub."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import quoted, shortened
from sk_m2v.embedding.storage import _folder
from sk_m2v.embedding.storage._card import model_card
from sk_m2v.embedding.storage._parts import Parts, check_config
from sk_m2v.embedding.storage._replace import replace_files
from sk_m2v.embedding.storage._snapshot import Snapshot
from sk_m2v.embedding.storage._source import check_subfolder, find_files, is_hub_id
from sk_m2v.embedding.tokens._tokens import load_backend


class PretrainedMixin(ABC):
    """Loading, saving and uploading, for a model that is a value."""

    @property
    @abstractmethod
    def _parts(self) -> Parts:
        """What the model consists of."""

    @classmethod
    @abstractmethod
    def _from_parts(cls, parts: Parts) -> Self:
        """Model of these parts, checked."""

    @classmethod
    def _from_files(cls, files: Snapshot) -> Self:
        """Model of a folder."""
        model: Self = _load(cls, files)
        return model

    @abstractmethod
    def _folded_vectors(self) -> npt.NDArray[Any]:
        """One vector a token, weights multiplied in."""

    @abstractmethod
    def quantize(
        self,
        quantize_to: str | None = None,
        *,
        dimensionality: int | None = None,
        vocabulary_quantization: int | None = None,
    ) -> Self:
        """See `StaticEmbedding`."""  # numpydoc ignore=PR01

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        *,
        quantize_to: str | None = None,
        dimensionality: int | None = None,
        vocabulary_quantization: int | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        subfolder: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        expected_sha256: str | None = None,
    ) -> Self:
        """Load a model from a folder or from the Hugging Face Hub.

        Parameters
        ----------
        path : str, Path or None, default=None
            A folder in the layout of model2vec or sentence-transformers, or the id of a
            model of the hub, ``"owner/name"``. A folder that exists comes first. None
            is the model that comes with this package.
        quantize_to : {"float32", "float16", "int8"} or None, default=None
            As in `quantize`.
        dimensionality : int or None, default=None
            As in `quantize`.
        vocabulary_quantization : int or None, default=None
            As in `quantize`.
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
            Hash that the files of the model must have, of `sk_m2v.model_sha256`: it
            pins their content. None takes any.

        Returns
        -------
        StaticEmbedding
            The model; vectors are memory-mapped. A folder that was read lately and has
            not changed gives the same object.

        Raises
        ------
        OSError
            If there is no such folder or model; FileNotFoundError for missing files.
        ValueError
            If a file is damaged, or parts do not belong together; it names the folder.
            If files are not those that were expected; it has both hashes.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> StaticEmbedding.from_pretrained(dimensionality=128)
        StaticEmbedding(29525 tokens, 128 dimensions, int8)
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
            model = cls._from_files(files)
        return model.quantize(
            quantize_to,
            dimensionality=dimensionality,
            vocabulary_quantization=vocabulary_quantization,
        )

    def save_pretrained(
        self,
        path: str | Path,
        *,
        layout: str = "model2vec",
        card: str | None = None,
    ) -> None:
        """Write the model to a folder that model2vec can load, too.

        Parameters
        ----------
        path : str or Path
            The folder, made if it does not exist. The model takes the place of one that
            is there, in one step: others read the old or the new one, and so they do if
            the process is killed. Files of other names stay.
        layout : {"model2vec", "sentence-transformers", \
                "sentence-transformers-nested"}, default="model2vec"
            Which files to write. The latter two have no place for `weights` and
            `token_mapping`: these are multiplied into float32 vectors, of which that of
            the unknown token is zeros.
        card : str or None, default=None
            Contents of README.md; by default a short description.

        Raises
        ------
        OSError
            If the folder cannot be written: then it holds what it did.
        ValueError
            If there is no such layout.

        Examples
        --------
        >>> import tempfile
        >>> from sk_m2v import StaticEmbedding
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     StaticEmbedding.from_pretrained().save_pretrained(folder)
        ...     StaticEmbedding.from_pretrained(folder).dim
        384
        """
        if layout not in _folder.LAYOUTS:
            raise ValueError(
                f"layout must be one of {list(_folder.LAYOUTS)}, got {quoted(layout)}"
            )
        self._write(Path(path), layout, card, {})

    def _write(
        self, folder: Path, layout: str, card: str | None, more: Mapping[str, bytes]
    ) -> None:
        """Put this model, and files beside it, in the place of what a folder holds."""
        parts = self._parts
        config = dict(parts.config)
        if layout == "model2vec":
            config["embedding_dtype"] = str(parts.vectors.dtype)
            config.pop("vocabulary_quantization", None)
            if parts.token_mapping is not None:
                config["vocabulary_quantization"] = len(parts.vectors)
        else:
            # These say that the folder has the layout of model2vec.
            for key in ("model_type", "architectures"):
                config.pop(key, None)
            # Their library averages with torch, and knows no unknown token: with zeros
            # there, only the length of the mean is another.
            vectors = self._folded_vectors().astype(np.float32)
            unk_id = load_backend(parts.tokenizer).unk_id
            if unk_id is not None:
                vectors[unk_id] = 0
            parts = Parts(vectors, parts.tokenizer, config)
        readme = model_card(str(folder), parts) if card is None else card
        contents = _folder.contents_of(
            replace(parts, config=config), _folder.LAYOUTS[layout]
        )
        replace_files(
            folder,
            {**contents, "README.md": readme.encode(), **more},
            # sentence-transformers looks for a folder of this module.
            folders=[_folder.NORMALIZE] if config.get("normalize") else [],
        )

    def push_to_hub(
        self,
        hub_id: str,
        *,
        private: bool = False,
        token: str | bool | None = None,
        subfolder: str | None = None,
        revision: str | None = None,
        card: str | None = None,
    ) -> str:
        """Upload the model to the Hugging Face Hub.

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
        card : str or None, default=None
            Contents of README.md; by default a short description.

        Returns
        -------
        str
            Address of the commit.
        """
        from tempfile import TemporaryDirectory

        from sk_m2v.embedding.storage import _hub

        if not is_hub_id(hub_id):
            raise ValueError(
                f"hub_id must have the form 'owner/name', got {shortened(hub_id)!r}"
            )
        check_subfolder(subfolder)
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, card=card or model_card(hub_id, self._parts))
            return _hub.push(
                Path(folder),
                hub_id,
                private=private,
                token=token,
                subfolder=subfolder,
                revision=revision,
            )


# Searches over `model` ask for the same few models again and again. They are values, so
# the same object can serve every time.
@lru_cache(maxsize=4)
def _load(kind: type[PretrainedMixin], files: Snapshot) -> Any:
    """Model in a folder."""
    layout = _folder.find_layout(files)
    parts = _folder.read_folder(files)
    with _folder.damage(files.path(layout.tokenizer)):
        load_backend(parts.tokenizer)
    with _folder.damage(files.path(layout.config)):
        check_config(parts.config)
    with _folder.damage(files.path(layout.tensors)):
        return kind._from_parts(parts)
