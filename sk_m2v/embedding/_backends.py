"""The installed tokenizer libraries behind one interface: ids and offsets.

All give the same ids for the same tokenizer, whichever of them is installed.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer[Any]]


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

    Parameters
    ----------
    tokenizer_json : str
        Contents of a ``tokenizer.json``.
    """

    def __init__(self, tokenizer_json: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        # Set once, here: changing these while another thread encodes is an error in
        # `tokenizers`, and `encode` below must see whole, unpadded texts.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.unk_id = _unk_id(self._tokenizer)
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
        vocabulary: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        return vocabulary

    def add_token(self, token: str) -> int:
        """Find one more token, wherever it stands in a text.

        Parameters
        ----------
        token : str
            The token.

        Returns
        -------
        int
            Its id.
        """
        self._tokenizer.add_special_tokens([token])
        index: Any = self._tokenizer.token_to_id(token)
        return int(index)

    def normalize(self, text: str) -> str:
        """Normalise a text as it is done before it is cut into tokens.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        str
            What the model of the tokenizer gets to see.
        """
        normalized: str = self._tokenizer.normalizer.normalize_str(text)
        return normalized


def _unk_id(tokenizer: Any) -> int | None:
    """Id of the unknown token of a `tokenizers.Tokenizer`, None where it has none."""
    model = tokenizer.model
    if hasattr(model, "unk_token"):
        token = model.unk_token
        return None if token is None else tokenizer.token_to_id(token)
    # Unigram models know it by id, which only their JSON tells.
    unk_id: int | None = json.loads(tokenizer.to_str())["model"].get("unk_id")
    return unk_id
