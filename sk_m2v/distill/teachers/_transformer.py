"""Teachers that are a transformer: vectors of sentences, and of tokens."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sk_m2v._text import replace_surrogates
from sk_m2v.distill.teachers._forward import borrowed, embed
from sk_m2v.distill.teachers._sentences import SentenceSettings
from sk_m2v.embedding.tokens._backends import tokenizer_from_json


@dataclass(frozen=True, kw_only=True, eq=False)
class TransformerTeacher:
    """A transformer and what belongs to it.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        Any encoder or decoder whose output has a `last_hidden_state`.
    tokenizer : transformers.PreTrainedTokenizerFast
        Its tokenizer.
    name : str
        Hub id, or the last part of a folder's path.
    pooling : str
        How the vectors of the tokens of a term become one: a key of `POOLINGS`.
    device : torch.device
        Where it runs.
    dtype : str
        "float32" or "bfloat16".
    read_settings : callable
        Returns how it reads sentences. Called when the first of them is read, since
        teachers that have no vectors of sentences may be distilled without any.
    """

    model: Any
    tokenizer: Any
    name: str
    pooling: str
    device: torch.device
    dtype: str
    read_settings: Callable[[], SentenceSettings]

    @property
    def tokenizer_json(self) -> str:
        """Contents of the tokenizer's ``tokenizer.json``."""
        text: str = self.tokenizer.backend_tokenizer.to_str()
        return text

    @property
    def unk_token(self) -> str | None:
        """Token that stands for unknown text."""
        token: str | None = self.tokenizer.unk_token
        return token

    @property
    def pad_token(self) -> str | None:
        """Token that fills up a batch."""
        token: str | None = self.tokenizer.pad_token
        return token

    @cached_property
    def settings(self) -> SentenceSettings:
        """How it reads sentences."""
        return self.read_settings()

    @property
    def max_length(self) -> int | None:
        """Tokens of a sentence that it reads."""
        return self.settings.max_length

    @cached_property
    def key(self) -> str:
        """Hexadecimal digest of all that determines its vectors."""
        digest = blake2b(digest_size=32)
        about = [self.pooling, self.dtype, self._sentence_tokenizer, *self._about()]
        digest.update(json.dumps(about, sort_keys=True, default=repr).encode())
        for name, tensor in self._weights().state_dict().items():
            if isinstance(tensor, torch.Tensor):
                data = tensor.detach().cpu().reshape(-1).contiguous()
                digest.update(f"{name} {data.dtype} {tuple(tensor.shape)}".encode())
                digest.update(data.view(torch.uint8).numpy())
        return digest.hexdigest()

    def _weights(self) -> torch.nn.Module:
        model: torch.nn.Module = self.model
        return model

    def _about(self) -> list[Any]:
        """What beside the weights and the tokenizer makes a difference."""
        return [asdict(self.settings), _architecture(self.model)]

    @cached_property
    def _sentence_tokenizer(self) -> str:
        """Contents of a ``tokenizer.json`` that reads sentences as the settings say."""
        data = json.loads(self.tokenizer_json)
        data.update(truncation=None, padding=None)
        length = self.settings.max_length
        if length is not None:
            data["truncation"] = {
                "max_length": length,
                "direction": self.tokenizer.truncation_side.capitalize(),
                "strategy": "LongestFirst",
                "stride": 0,
            }
        if self.settings.lowercase:
            steps = [{"type": "Lowercase"}, data["normalizer"]]
            data["normalizer"] = {
                "type": "Sequence",
                "normalizers": [step for step in steps if step],
            }
        return json.dumps(data, ensure_ascii=False)

    @cached_property
    def _sentence_reader(self) -> Any:
        return tokenizer_from_json(self._sentence_tokenizer)

    @cached_property
    def _term_reader(self) -> Any:
        data = json.loads(self.tokenizer_json)
        data.update(truncation=None, padding=None)
        return tokenizer_from_json(json.dumps(data, ensure_ascii=False))

    def read(self, term: str) -> list[int]:
        """Ids of a term.

        Parameters
        ----------
        term : str
            A word or phrase.

        Returns
        -------
        list of int
            Its ids between those that surround any text.
        """
        ids: list[int] = self._term_reader.encode(replace_surrogates(term)).ids
        return ids

    def ready(self) -> AbstractContextManager[None]:
        """Context in which it is used: its model is on the device, and stays there."""
        return borrowed(self._weights(), self.device)

    def embed_tokens(
        self, sequences: Sequence[Sequence[int]]
    ) -> npt.NDArray[np.float32]:
        """Vectors of sequences of token ids, with the teacher's `pooling`.

        Parameters
        ----------
        sequences : sequence of sequence of int
            The ids, those around a text included, in full length.

        Returns
        -------
        ndarray of shape (n_sequences, dim), dtype float32
            The vectors as they come, without normalisation.

        Raises
        ------
        ValueError
            As in `embed`.
        """
        return embed(
            self,
            sequences,
            pooling=self.pooling,
            device=self.device,
            dtype=self.dtype,
        )

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Vectors of sentences, as sentence-transformers gives them.

        Parameters
        ----------
        texts : list of str
            The sentences.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            The vectors; zeros for a text of which the tokenizer leaves nothing.

        Raises
        ------
        ValueError
            As in `embed`, or if it is not known how the teacher reads sentences.
        OSError
            If the hub cannot be reached to know it.
        """
        settings = self.settings
        read = [replace_surrogates(settings.prompt + text) for text in texts]
        encodings = self._sentence_reader.encode_batch(read)
        vectors = embed(
            self,
            [encoding.ids for encoding in encodings],
            pooling=settings.pooling,
            device=self.device,
            dtype=self.dtype,
        )
        if settings.normalize:
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.maximum(norms, 1e-12)
        return vectors[:, : settings.truncate_dim]


def _architecture(model: Any) -> Any:
    """What a model computes with its weights: its class and configuration."""
    config: Any = getattr(model, "config", None)
    settings = config.to_diff_dict() if hasattr(config, "to_diff_dict") else {}
    # These depend on how it was loaded. A new version of transformers brings new
    # settings that are off: left out, so that the cache outlives it.
    unstable = {
        "_name_or_path",
        "architectures",
        "dtype",
        "transformers_version",
        "use_cache",
    }
    return [
        type(model).__qualname__,
        {key: it for key, it in settings.items() if it and key not in unstable},
    ]


def name_of(model: Any) -> str:
    """What to call a model.

    Parameters
    ----------
    model : torch.nn.Module
        A model of `transformers`.

    Returns
    -------
    str
        Id on the hub, or the last part of a folder's path, since the rest says nothing
        to others. Empty where neither is known.
    """
    name: str = getattr(model, "name_or_path", "")
    return Path(name).name if os.path.isdir(name) else name


def encoder_of(model: Any) -> Any:
    """The part of a model that reads.

    Parameters
    ----------
    model : torch.nn.Module
        A model of `transformers`.

    Returns
    -------
    torch.nn.Module
        The encoder of a pair of encoder and decoder, such as T5; any other as it is.
    """
    return model.get_encoder() if is_encoder_decoder(model) else model


def is_encoder_decoder(model: Any) -> bool:
    """Tell whether a model consists of an encoder and a decoder.

    Parameters
    ----------
    model : torch.nn.Module
        A model of `transformers`.

    Returns
    -------
    bool
        Whether it does. The configuration does not say so where the encoder was saved
        alone, as in sentence-t5.
    """
    return hasattr(model, "get_encoder") and (
        getattr(getattr(model, "config", None), "is_encoder_decoder", False)
        or (hasattr(model, "encoder") and hasattr(model, "decoder"))
    )


def token_limit(model: Any, tokenizer: Any) -> int | None:
    """Tokens that a transformer can read at once.

    Parameters
    ----------
    model : torch.nn.Module
        A model of `transformers`.
    tokenizer : transformers.PreTrainedTokenizerFast
        Its tokenizer.

    Returns
    -------
    int or None
        The smaller of what both know, None if neither knows.
    """
    positions = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    # XLNet writes -1 for any number, tokenizers write 10 ** 30.
    limits = [it for it in (positions, tokenizer.model_max_length) if it and it > 0]
    return min((it for it in limits if it < 10**9), default=None)
