"""A model to use: of a folder, or of what a training has written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sk_m2v._load import CONFIGURATION, MODEL
from sk_m2v._messages import shortened

if TYPE_CHECKING:
    from sk_m2v.tables import Columns


@dataclass(frozen=True)
class Model:  # numpydoc ignore=PR02
    """A model, and how it was trained.

    Parameters
    ----------
    path : str, Path or None
        Folder or id of the hub; None for the one that comes with the package.
    data : dict
        Section "data" of the configuration of its training.
    """

    path: str | Path | None
    data: dict[str, Any] = field(default_factory=dict)

    def estimator(self) -> Any:
        """Load whatever it is.

        Returns
        -------
        estimator or StaticEmbedding
            A fitted estimator, or the embedding alone.
        """
        from sk_m2v import load

        return self.embedding() if self.path is None else load(self.path)

    def embedding(self, **parameters: Any) -> Any:
        """Load the embedding alone.

        Parameters
        ----------
        **parameters
            Of `StaticEmbedding.from_pretrained`.

        Returns
        -------
        StaticEmbedding
            The embedding.
        """
        from sk_m2v import StaticEmbedding

        return StaticEmbedding.from_pretrained(self.path, **parameters)

    def predictor(self) -> Any:
        """Load what predicts.

        Returns
        -------
        estimator
            A fitted classifier or regressor.

        Raises
        ------
        ValueError
            If it is none.
        """
        found = self.estimator()
        if not hasattr(found, "predict"):
            raise ValueError(
                f"{shortened(self.path)} holds a {type(found).__name__}, which does "
                "not predict: train a classifier or regressor with `sk-m2v train`"
            )
        return found

    def texts(self, columns: Columns, **chosen: Any) -> list[str]:
        """Texts of a table, by the columns of the training if no others are chosen.

        Parameters
        ----------
        columns : dict of str to list
            The table.
        **chosen
            Of `joined_texts`.

        Returns
        -------
        list of str
            The texts.
        """
        from sk_m2v.cli.running._texts import joined_texts

        known = {
            name: self.data[name]
            for name in ("text", "text_separator")
            if self.data.get(name) is not None and "text" not in chosen
        }
        if "text" in known and not self._has(columns, known["text"]):
            del known["text"]  # another table, with a column "text" or one alone
        return joined_texts(columns, **(known | chosen))

    @staticmethod
    def _has(columns: Columns, text: Any) -> bool:
        names = [text] if isinstance(text, str) else text
        return set(names) <= set(columns)


def open_model(path: str | Path | None) -> Model:
    """Find the model of a folder, which may be that of a training.

    Parameters
    ----------
    path : str, Path or None
        The folder, or the id of a model of the hub. None is the model that comes with
        the package.

    Returns
    -------
    Model
        The model, not loaded yet.
    """
    if path is None:
        return Model(None)
    folder = Path(path)
    configuration = folder / CONFIGURATION
    if configuration.is_file() and not (folder / MODEL).is_dir():
        raise ValueError(
            f"{shortened(folder)} holds a training that is not finished: go on with "
            "it by `sk-m2v train ... --resume`"
        )
    if configuration.is_file():
        return Model(folder / MODEL, _data_section(configuration))
    return Model(path)


def _data_section(file: Path) -> dict[str, Any]:
    """What a training says of its data; keys of other versions do not matter."""
    from sk_m2v.cli.configuration import read
    from sk_m2v.cli.configuration._check import value_of
    from sk_m2v.cli.configuration._sections import SECTIONS

    configuration = read(file)
    data = configuration.values.get("data")
    if not isinstance(data, dict):
        raise configuration.error(("data",), "data is a section with keys")
    return {
        key: value_of(configuration, "data", parameter)
        for key, parameter in SECTIONS["data"].parameters.items()
        if key in data
    }
