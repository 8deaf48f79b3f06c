"""The installed tokenizer libraries behind one interface: ids and offsets.

All give the same ids for the same tokenizer, whichever of them is installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from sk_m2v._parameters import public

Json: TypeAlias = dict[str, Any]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]


@public("sk_m2v.embedding")
class TokenIds(NamedTuple):
    """Token ids of many texts, end to end.

    Attributes
    ----------
    ids : ndarray of shape (n_tokens,), dtype int32
        The ids of all texts, one text after the other.
    offsets : ndarray of shape (n_texts + 1,), dtype int64
        Text `i` is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each text."""
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def texts(self) -> npt.NDArray[np.int64]:
        """Text of each token."""
        return np.repeat(np.arange(self.offsets.size - 1), self.lengths)

    def followed_by(self, others: TokenIds) -> TokenIds:
        """These texts, and then others.

        Parameters
        ----------
        others : TokenIds
            Ids of the others.

        Returns
        -------
        TokenIds
            Of all.
        """
        offsets = others.offsets[1:] + self.offsets[-1]
        return TokenIds(
            np.concatenate([self.ids, others.ids]),
            np.concatenate([self.offsets, offsets]),
        )

    def keep(self, kept: npt.NDArray[np.bool_]) -> TokenIds:
        """Texts without some of their tokens.

        Parameters
        ----------
        kept : ndarray of shape (n_tokens,), dtype bool
            Which tokens stay.

        Returns
        -------
        TokenIds
            The rest.
        """
        before = np.zeros(self.ids.size + 1, dtype=np.int64)
        np.cumsum(kept, out=before[1:])
        return TokenIds(self.ids[kept], before[self.offsets])

    def rows(self, index: npt.NDArray[np.intp]) -> TokenIds:
        """Some of the texts.

        Parameters
        ----------
        index : ndarray of shape (n_rows,), dtype int
            Which ones, in which order.

        Returns
        -------
        TokenIds
            Their ids.
        """
        return token_runs(self.ids, self.offsets[index], self.lengths[index])


def token_runs(
    ids: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
) -> TokenIds:
    """Runs of tokens, each as a text.

    Parameters
    ----------
    ids : ndarray of shape (n_tokens,), dtype int32
        The tokens.
    starts, lengths : ndarray of shape (n_runs,), dtype int64
        Where each run starts, and how many tokens it has.

    Returns
    -------
    TokenIds
        Their ids.
    """
    offsets = np.zeros(lengths.size + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    shifts = np.repeat(starts - offsets[:-1], lengths)
    return TokenIds(ids[np.arange(shifts.size) + shifts], offsets)


class Backend(Protocol):
    """What a tokenizer library has to offer."""

    unk_id: int | None

    def encode(self, texts: list[str]) -> TokenIds:
        """Ids of texts: nothing truncated, no special tokens around them.

        Parameters
        ----------
        texts : list of str
            Texts that have a UTF-8 form.

        Returns
        -------
        TokenIds
            The ids, unknown tokens included.
        """

    def vocabulary(self) -> dict[str, int]:
        """All tokens with their ids, added tokens included."""


class NanotokenBackend:
    """WordPiece through `nanotoken`, which fills flat arrays without Python objects.

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.
    """

    def __init__(self, tokenizer_json: str) -> None:
        import nanotoken

        self._tokenizer = nanotoken.WordPieceTokenizer.from_json(tokenizer_json)
        self.unk_id = self._tokenizer.token_to_id(self._tokenizer.unk_token)

    def encode(self, texts: list[str]) -> TokenIds:
        # Its own thread pool stays unused: threads over batches are the caller's, and a
        # pool would not survive a fork.
        ids, offsets = self._tokenizer.encode_batch(
            texts, add_special_tokens=False, parallel=False
        )
        return TokenIds(ids.view(np.int32), offsets)

    def vocabulary(self) -> dict[str, int]:
        vocabulary: dict[str, int] = self._tokenizer.get_vocab(True)
        return vocabulary


class TokenizersBackend:
    """Any tokenizer through Hugging Face `tokenizers`.

    Version 1.0 of the library can do little but read a file and encode, so everything
    else is read from, or written to, the JSON.

    Parameters
    ----------
    tokenizer : dict
        A parsed ``tokenizer.json``.
    """

    def __init__(self, tokenizer: Json) -> None:
        # Whole texts, unpadded: `encode` never changes these, which would be an error
        # in `tokenizers` while another thread encodes.
        whole = {**tokenizer, "truncation": None, "padding": None}
        self._tokenizer = tokenizer_from_json(json.dumps(whole))
        self._vocabulary = vocabulary_of(tokenizer)
        self.unk_id = unk_id(tokenizer["model"], self._vocabulary)
        # `encode_batch_fast` leaves out character offsets; version 1.0 dropped it.
        self._encode_batch = getattr(
            self._tokenizer, "encode_batch_fast", self._tokenizer.encode_batch
        )

    def encode(self, texts: list[str]) -> TokenIds:
        encodings = self._encode_batch(texts, add_special_tokens=False)
        rows = [encoding.ids for encoding in encodings]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)), out=offsets[1:])
        ids = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
        return TokenIds(ids, offsets)

    def vocabulary(self) -> dict[str, int]:
        return self._vocabulary

    @property
    def normalize(self) -> Callable[[str], str] | None:
        """Function that normalises a text; None where the library does not give it."""
        normalizer: Any = getattr(self._tokenizer, "normalizer", None)
        return None if normalizer is None else normalizer.normalize_str


def is_of_library(error: BaseException) -> bool:
    """Tell whether a tokenizer library has raised an error.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    bool
        True for what has no class of its own, and for panics of Rust. Those are no
        `Exception`, and their class can only be known by its name.
    """
    return type(error) is Exception or type(error).__name__ == "PanicException"


def tokenizer_from_json(text: str) -> Any:
    """Make a `tokenizers.Tokenizer`, whatever the version of the library.

    Parameters
    ----------
    text : str
        Contents of a ``tokenizer.json``.

    Returns
    -------
    tokenizers.Tokenizer
        The tokenizer.
    """
    from tokenizers import Tokenizer

    if hasattr(Tokenizer, "from_str"):
        return Tokenizer.from_str(text)
    with TemporaryDirectory() as folder:  # 1.0 reads files only
        path = Path(folder) / "tokenizer.json"
        path.write_text(text, encoding="utf-8")
        return Tokenizer.from_file(str(path))


def tokenizer_to_json(tokenizer: Any) -> str:
    """Contents of the ``tokenizer.json`` of a tokenizer.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        The tokenizer.

    Returns
    -------
    str
        JSON.
    """
    if hasattr(tokenizer, "to_str"):
        return str(tokenizer.to_str())
    return str(tokenizer.__reduce__()[1][0])  # in 1.0, only pickling gives it


def vocabulary_of(tokenizer: Json) -> dict[str, int]:
    """Tokens with their ids, added tokens included.

    Parameters
    ----------
    tokenizer : dict
        A parsed ``tokenizer.json``.

    Returns
    -------
    dict of str to int
        The vocabulary.
    """
    tokens: Any = tokenizer["model"]["vocab"]
    if not isinstance(tokens, dict):  # Unigram: pairs of token and score, in order
        tokens = {token: index for index, (token, _) in enumerate(tokens)}
    added = tokenizer.get("added_tokens") or []
    return {**tokens, **{token["content"]: token["id"] for token in added}}


def parts_of(component: Json | None, members: str) -> list[Json]:
    """Parts of a normaliser or pre-tokenizer.

    Parameters
    ----------
    component : dict or None
        One part, or a sequence of some.
    members : str
        What a sequence calls its parts.

    Returns
    -------
    list of dict
        The parts; none for None.
    """
    if component is None:
        return []
    parts: list[Json] = component.get(members, [component])
    return parts


def unk_id(model: Json, vocabulary: dict[str, int]) -> int | None:
    """Id of the token for unknown text: Unigram models know it by id, others not.

    Parameters
    ----------
    model : dict
        The model of a tokenizer.
    vocabulary : dict of str to int
        Its tokens.

    Returns
    -------
    int or None
        None where it has none.
    """
    index: int | None = model.get("unk_id")
    unk_token: str | None = model.get("unk_token")
    return index if unk_token is None else vocabulary.get(unk_token)
