"""Teachers that are an object of sentence-transformers, which is not imported here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sk_m2v._text import replace_surrogates
from sk_m2v.distill.teachers._callable import CallableTeacher, check_vectors, has_base
from sk_m2v.distill.teachers._forward import borrowed, computing_in
from sk_m2v.distill.teachers._sentences import Json, plain_settings, settings_of_modules
from sk_m2v.distill.teachers._transformer import (
    TransformerTeacher,
    encoder_of,
    name_of,
    token_limit,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceTransformerTeacher(TransformerTeacher):
    """A transformer for tokens, and a whole with more modules for sentences.

    Attributes
    ----------
    whole : sentence_transformers.SentenceTransformer
        Reads sentences itself.
    prompt : str or None
        Text to put before each. None is the default of the whole.
    """

    whole: Any
    prompt: str | None

    def _weights(self) -> Any:
        return self.whole

    def _about(self) -> list[Any]:
        prompt = [] if self.prompt is None else [self.prompt]
        return [_modules(self.whole), _config(self.whole), *prompt]

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Vectors of sentences, by the method `encode` of the whole.

        Parameters
        ----------
        texts : list of str
            The sentences.

        Returns
        -------
        ndarray of shape (n_texts, dim), dtype float32
            The vectors.

        Raises
        ------
        ValueError
            If a vector is not finite.
        """
        if not texts:
            return self.encode([""])[:0]
        read = [replace_surrogates(text) for text in texts]
        device, dtype = self.device, self.dtype
        with borrowed(self.whole, device), computing_in(dtype, device):
            # Tensors: NumPy does not know bfloat16.
            vectors = self.whole.encode(
                read,
                prompt=self.prompt,
                convert_to_tensor=True,
                show_progress_bar=False,
                device=str(device),
            )
        return check_vectors(vectors, texts, name=self.name)


def from_sentence_transformer(
    whole: Any, *, pooling: str, prompt: str | None, **options: Any
) -> TransformerTeacher | CallableTeacher:
    """Make a teacher of an object of sentence-transformers.

    Parameters
    ----------
    whole : sentence_transformers.SentenceTransformer
        The object.
    pooling : str
        Pooling of the tokens of a term.
    prompt : str or None
        Text to put before each. None is the default of the object.
    **options
        As in `TransformerTeacher`.

    Returns
    -------
    TransformerTeacher or CallableTeacher
        A teacher with tokens if the first module has a transformer and a tokenizer of
        the library `tokenizers`. It reads sentences by itself if its modules are known,
        which groups texts by length better than the object does, else by the object.
    """
    first = whole[0]
    model = getattr(first, "auto_model", None)
    tokenizer = getattr(first, "tokenizer", None)
    if not (
        has_base(model, "torch.nn", "Module")
        and hasattr(tokenizer, "backend_tokenizer")
    ):
        # A static embedding, for example.
        if prompt is None:
            return CallableTeacher(whole.encode)
        return CallableTeacher(partial(whole.encode, prompt=prompt))
    name = name_of(model)
    model = encoder_of(model)
    limit = token_limit(model, tokenizer)
    options |= {"model": model, "tokenizer": tokenizer, "pooling": pooling}
    try:
        settings = settings_of_modules(
            _modules(whole), _config(whole), name=name, limit=limit, prompt=prompt
        )
    except ValueError:
        return SentenceTransformerTeacher(
            name=name,
            whole=whole,
            prompt=prompt,
            read_settings=partial(plain_settings, pooling, limit, None),
            **options,
        )
    return TransformerTeacher(name=name, read_settings=lambda: settings, **options)


def _modules(whole: Any) -> list[tuple[str, Json]]:
    """Class and settings of each module, as in the files that it would save."""
    modules = []
    for module in whole.children():
        kind = type(module)
        settings: Json = getattr(module, "get_config_dict", dict)()
        for key in ("max_seq_length", "do_lower_case"):  # not in all versions
            if hasattr(module, key):
                settings = {**settings, key: getattr(module, key)}
        modules.append((f"{kind.__module__}.{kind.__qualname__}", settings))
    return modules


def _config(whole: Any) -> Json:
    names = ("prompts", "default_prompt_name", "truncate_dim")
    return {name: getattr(whole, name, None) for name in names}
