"""Arguments by the names that other libraries give them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# What `SentenceTransformer.encode` and `StaticModel.encode` take, and what to do here.
_NAMES = {
    "sentences": "texts come first, without a name",
    "inputs": "texts come first, without a name",
    "normalize_embeddings": "pass normalize=True",
    "show_progress_bar": "pass show_progress=True",
    "batch_size": "leave it out: memory is bounded anyhow",
    "convert_to_numpy": "leave it out: the result is an array",
    "convert_to_tensor": "pass the result to torch.from_numpy",
    "output_value": "call encode_tokens for one vector a token",
    "precision": "store vectors in another type with quantize",
    "truncate_dim": "call quantize(dimensionality=...) once, and use that model",
    "device": "leave it out: there is nothing for a GPU to do",
    "prompt": "put it before the texts",
    "prompt_name": "put the prompt before the texts",
    "use_multiprocessing": "pass n_jobs=-1",
    "multiprocessing_threshold": "pass n_jobs=-1 where texts are many",
    "pool": "pass n_jobs=-1",
    "chunk_size": "leave it out: memory is bounded anyhow",
}


def refuses_foreign_names(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method say what to do instead, for arguments that others have.

    Parameters
    ----------
    method : callable
        `encode`.

    Returns
    -------
    callable
        The same, with that error.
    """

    @wraps(method)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name in _NAMES:
                raise TypeError(f"encode has no {name}: {_NAMES[name]}")
        return method(*args, **kwargs)

    return checked
