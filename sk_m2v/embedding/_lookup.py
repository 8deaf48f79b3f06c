"""Looking up tokens in a model, as in a dict of vectors."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import check_count, listed, quoted
from sk_m2v.embedding._similarity import unit_vectors
from sk_m2v.embedding._single_tokens import TokensMixin


class LookupMixin(TokensMixin):
    """The vocabulary as keys, and what is near to a token."""

    config: Mapping[str, Any]
    tokenizer_json: str

    @property
    @abstractmethod
    def dim(self) -> int:
        """Number of dimensions of a vector."""

    @abstractmethod
    def encode(self, texts: Iterable[str]) -> npt.NDArray[Any]:
        """See `StaticEmbedding`."""  # numpydoc ignore=PR01

    @cached_property
    def _token_index(self) -> dict[str, int]:
        return self._backend.vocabulary()

    @property
    def _special_ids(self) -> list[int]:
        """Ids of tokens that stand for no text."""
        added = json.loads(self.tokenizer_json).get("added_tokens") or []
        special = {it["id"] for it in added if it.get("special")}
        if self._backend.unk_id is not None:
            special.add(self._backend.unk_id)
        return sorted(it for it in special if it < self.n_tokens)

    def __len__(self) -> int:
        return self.n_tokens

    def __bool__(self) -> bool:
        return True

    def __contains__(self, token: object) -> bool:
        return token in self._token_index

    # One object, also for NumPy, which would else take whatever has a length and items
    # for a sequence: models stand in arrays where a search is over models.
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = np.empty((), dtype=object)
        array[()] = self
        return array

    def __getitem__(self, token: str) -> npt.NDArray[np.float32]:
        """Vector of a token of the vocabulary.

        Parameters
        ----------
        token : str
            The token as the vocabulary spells it.

        Returns
        -------
        ndarray of shape (dim,), dtype float32
            The vector, its weight multiplied in.

        Raises
        ------
        KeyError
            If it is no token.
        """
        is_text = isinstance(token, str)
        index = self._token_index.get(token) if is_text else None
        if index is None:
            near = get_close_matches(token, self.vocabulary) if is_text else []
            advice = f" The nearest are {listed(near)}." if near else ""
            raise KeyError(
                f"{quoted(token)} is no token of this model.{advice} Texts are encoded "
                "by encode([text])"
            )
        [vector] = self._vectors_of(np.array([index]))
        result: npt.NDArray[np.float32] = vector
        return result

    def most_similar(self, text: str, n: int = 10) -> list[tuple[str, float]]:
        """Tokens of the vocabulary that are nearest to a token or text.

        Parameters
        ----------
        text : str
            A token as the vocabulary spells it, or any text.
        n : int, default=10
            How many to return.

        Returns
        -------
        list of (str, float)
            Tokens and cosines, the nearest first. Left out are the token itself, and
            special ones such as that for unknown words.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> model = StaticEmbedding.from_pretrained()
        >>> [token for token, _ in model.most_similar("guitar", 3)]
        ['guitars', 'guitarist', 'guitarists']
        """
        if not isinstance(text, str):
            raise TypeError(
                f"most_similar takes one token or text, got {quoted(text)}: call it "
                "for each, or nearest(texts, model.vocabulary)"
            )
        check_count(n, "tokens")
        own = self._token_index.get(text)
        query = self.encode([text]) if own is None else self[text][None]
        vectors = unit_vectors(self._folded_vectors())
        vectors[[*self._special_ids, *([] if own is None else [own])]] = 0
        scores = (vectors @ unit_vectors(query).T)[:, 0]
        best = np.argsort(-scores, kind="stable")[:n]
        return [
            (self.vocabulary[i], float(scores[i])) for i in best.tolist() if scores[i]
        ]

    def _repr_html_(self) -> str:
        """Table of what the model is, for notebooks."""
        n_bytes = sum(
            it.nbytes
            for it in (self.vectors, self.weights, self.token_mapping)
            if it is not None
        )
        rows = {
            "tokens": f"{self.n_tokens:,}",
            "dimensions": str(self.dim),
            "stored as": str(self.vectors.dtype),
            "vectors": f"{len(self.vectors):,}",
            "size": f"{n_bytes / 1e6:.1f} MB",
            "scaled to length 1": "yes" if self.config.get("normalize") else "no",
            "reads": f"{self.config.get('max_length') or 'all'} tokens",
        }
        if (teacher := self.config.get("tokenizer_name")) is not None:
            rows["teacher"] = str(teacher)
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td>{escape(value)}</td></tr>"
            for name, value in rows.items()
        )
        return f"<table><caption>StaticEmbedding</caption>{cells}</table>"
