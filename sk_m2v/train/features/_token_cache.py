"""Token ids of texts, remembered: a search tokenizes each text once."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._backends import NanotokenBackend, TokenIds

# More texts than this at once are no fold of a search: they pass by without a trace.
_MAX_TEXTS = 50_000
# Of ids and of the texts themselves, beside what Python needs around them.
_MAX_BYTES = 64_000_000


def remembered_token_ids(
    embedding: StaticEmbedding,
    texts: list[str],
    max_length: int | None,
    n_jobs: int | None,
) -> TokenIds:
    """Token ids of texts; those of texts seen lately may come from memory.

    Parameters
    ----------
    embedding : StaticEmbedding
        Whose tokens.
    texts : list of str
        The texts.
    max_length : int or None
        Tokens of each text to read; None is all.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    TokenIds
        The ids.
    """
    # Nanotoken reads a text again in the time that looking it up takes.
    is_fast = isinstance(embedding._backend, NanotokenBackend)
    if is_fast or len(texts) > _MAX_TEXTS:
        return embedding.token_ids(texts, max_length=max_length, n_jobs=n_jobs)
    return _memory(embedding.tokenizer_json, max_length).token_ids(
        embedding, texts, n_jobs
    )


class TokenMemory:
    """The ids of the texts seen last, for one tokenizer and one length.

    Parameters
    ----------
    max_length : int or None
        Tokens of each text to read; None is all.
    """

    def __init__(self, max_length: int | None) -> None:
        self._max_length = max_length
        self._ids: OrderedDict[str, npt.NDArray[np.int32]] = OrderedDict()
        self._n_bytes = 0
        self._lock = Lock()

    def token_ids(
        self, embedding: StaticEmbedding, texts: list[str], n_jobs: int | None
    ) -> TokenIds:
        """Token ids of texts.

        Parameters
        ----------
        embedding : StaticEmbedding
            Who tokenizes the texts that are new.
        texts : list of str
            The texts.
        n_jobs : int or None
            Number of threads.

        Returns
        -------
        TokenIds
            The ids.
        """
        found = {text: self._ids.get(text) for text in texts}
        new = [text for text, ids in found.items() if ids is None]
        if new:
            ids, offsets = embedding.token_ids(
                new, max_length=self._max_length, n_jobs=n_jobs
            )
            parts = np.split(ids, offsets[1:-1])
            found.update(zip(new, parts, strict=True))
            self._remember(new, parts)
        rows = [row for text in texts if (row := found[text]) is not None]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([row.size for row in rows], out=offsets[1:])
        return TokenIds(np.concatenate([np.empty(0, np.int32), *rows]), offsets)

    def _remember(self, texts: list[str], parts: list[npt.NDArray[np.int32]]) -> None:
        with self._lock:
            for text, ids in zip(texts, parts, strict=True):
                if text not in self._ids:
                    self._ids[text] = ids.copy()  # not a view of all that came along
                    self._n_bytes += _size(text, ids)
            while self._n_bytes > _MAX_BYTES or len(self._ids) > _MAX_TEXTS:
                self._n_bytes -= _size(*self._ids.popitem(last=False))


def _size(text: str, ids: npt.NDArray[np.int32]) -> int:
    # Of a long text that is cut, the ids are few: the text counts.
    return ids.nbytes + len(text)


@lru_cache(maxsize=4)
def _memory(tokenizer_json: str, max_length: int | None) -> TokenMemory:
    return TokenMemory(max_length)
