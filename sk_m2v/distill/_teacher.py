"""Forward passes of a teacher: sequences of its token ids to vectors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer

from sk_m2v.distill._poolings import POOLINGS
from sk_m2v.embedding._source import is_hub_id

# Of model2vec. A sequence of three tokens is short: smaller batches waste time.
_BATCH_SIZE = 256


@dataclass(frozen=True)
class Teacher:
    """A transformer and what belongs to it.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        Any encoder or decoder whose output has a `last_hidden_state`.
    tokenizer : transformers.PreTrainedTokenizerFast
        Its tokenizer.
    name : str
        Hub id, or the last part of a folder's path.
    """

    model: Any
    tokenizer: Any
    name: str

    @property
    def tokenizer_json(self) -> str:
        """Contents of the tokenizer's ``tokenizer.json``."""
        text: str = self.tokenizer.backend_tokenizer.to_str()
        return text


def load_teacher(teacher: Any) -> Teacher:
    """Load a teacher.

    Parameters
    ----------
    teacher : str, path or pair
        A folder, an id on the Hugging Face Hub, or ``(model, tokenizer)``. A folder is
        read without touching the network.

    Returns
    -------
    Teacher
        The model and its tokenizer.

    Raises
    ------
    TypeError
        If a tuple is no pair, or the tokenizer is not one of `transformers` that is
        based on `tokenizers`.
    FileNotFoundError
        If `teacher` names a folder that does not exist or holds no model.
    OSError
        If the hub does not have it or cannot be reached.
    ValueError
        If the folder does not hold all weights of its model.
    """
    if isinstance(teacher, tuple):
        if len(teacher) != 2 or not isinstance(teacher[0], torch.nn.Module):
            raise TypeError(
                "teacher must be a folder, the id of a model on the Hugging Face Hub, "
                f"or (model, tokenizer), got a tuple of {[type(it) for it in teacher]}"
            )
        model, tokenizer = teacher
        name = getattr(model, "name_or_path", "")
    else:
        model, tokenizer = _from_pretrained(teacher)
        name = os.path.expanduser(teacher)
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise TypeError(
            f"teacher has a tokenizer of type {type(tokenizer).__name__}, and only "
            "those of transformers that have a tokenizer.json can be distilled: load "
            "it with AutoTokenizer.from_pretrained"
        )
    # A path says nothing to others.
    return Teacher(model, tokenizer, Path(name).name if os.path.isdir(name) else name)


def _from_pretrained(teacher: str | os.PathLike[str]) -> tuple[Any, Any]:
    name = os.path.expanduser(teacher)
    is_folder = os.path.isdir(name)
    if is_folder and not os.path.isfile(os.path.join(name, "config.json")):
        raise FileNotFoundError(
            f"teacher={name!r} is a folder without a config.json: pass one that "
            "save_pretrained of transformers or sentence-transformers has written"
        )
    if not is_folder and not (isinstance(teacher, str) and is_hub_id(name)):
        raise FileNotFoundError(
            f"there is no folder teacher={name!r}, and it is not the id of a model on "
            "the Hugging Face Hub, which has the form 'owner/name'"
        )
    try:
        # Left open, transformers may ask on the terminal whether to run code that comes
        # with the model.
        options = {"local_files_only": is_folder, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model, info = AutoModel.from_pretrained(
            name, output_loading_info=True, **options
        )
    except OSError as error:
        if is_folder:
            raise
        raise OSError(
            f"there is no folder teacher={name!r}, and it could not be loaded from the "
            f"Hugging Face Hub: {error}"
        ) from error
    # transformers fills weights that are missing with random numbers.
    missing = sorted(info["missing_keys"])
    if missing and all(key.startswith("pooler.") for key in missing):
        model.pooler = None  # many sentence transformers are saved without one
    elif missing:
        raise ValueError(
            f"teacher={name!r} lacks weights of its model ({missing[0]} and "
            f"{len(missing) - 1} more): it cannot be used"
        )
    return model, tokenizer


def find_device(device: str | None) -> torch.device:
    """Device to run a teacher on.

    Parameters
    ----------
    device : str or None
        A name that torch knows. None is "cuda" where there is one, else "cpu".

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the name, or finds no such device.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here: {error}. Use 'cpu', or None to "
            "take what there is"
        ) from error
    return found


def embed(
    teacher: Teacher,
    sequences: Sequence[Sequence[int]],
    *,
    pooling: str,
    device: torch.device,
    verbose: bool,
) -> npt.NDArray[np.float32]:
    """Vectors that a teacher gives to sequences of its token ids.

    Parameters
    ----------
    teacher : Teacher
        The teacher. Its model is given back as it was: mode and device.
    sequences : sequence of sequence of int
        The ids, those around a text included.
    pooling : str
        How the vectors of a sequence's tokens become one: a key of `POOLINGS`.
    device : torch.device
        Where to run.
    verbose : bool
        Whether to show a progress bar.

    Returns
    -------
    ndarray of shape (n_sequences, dim), dtype float32
        The vectors, in the order of `sequences`.

    Raises
    ------
    ValueError
        If the teacher gives NaN or infinity, has no vector for a token, or has no
        trained pooler for ``pooling="pooler"``.
    """
    model, pool = teacher.model, POOLINGS[pooling]
    _check_ids(teacher, sequences)
    # Sequences of similar length share a batch, so that little is padded.
    order = np.argsort([len(it) for it in sequences], kind="stable")
    starts = range(0, len(order), _BATCH_SIZE)
    batches = [order[start : start + _BATCH_SIZE] for start in starts]
    parts = []
    with (
        _borrowed(model, device),
        torch.inference_mode(),
        tqdm(total=len(order), unit=" sequences", disable=not verbose) as progress,
    ):
        for batch in batches:
            ids, mask = _pad([sequences[i] for i in batch], device)
            # No token_type_ids: models that know them start from zeros, and GPT-2,
            # given zeros, would add the vector of its token 0 to every other.
            output = model(input_ids=ids, attention_mask=mask)
            parts.append(pool(output, mask).cpu().numpy())
            progress.update(len(batch))
    vectors = np.empty((len(order), parts[0].shape[1]), dtype=np.float32)
    vectors[order] = np.concatenate(parts)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"the teacher gives NaN or infinity for {int((~finite).sum())} of "
            f"{len(order)} sequences, the first of them "
            f"{_tokens(teacher, sequences[int(finite.argmin())])}: its weights may be "
            "damaged, or too large for the type it computes in; load it in float32 and "
            "pass (model, tokenizer)"
        )
    return vectors


def _check_ids(teacher: Teacher, sequences: Sequence[Sequence[int]]) -> None:
    n_rows = teacher.model.get_input_embeddings().weight.shape[0]
    for sequence in sequences:
        if max(sequence) >= n_rows:
            raise ValueError(
                f"the teacher has vectors for {n_rows} tokens, and none for one of "
                f"{_tokens(teacher, sequence)}: its tokenizer has tokens that its "
                "model was not trained on. Use the tokenizer that belongs to it"
            )


def _tokens(teacher: Teacher, sequence: Sequence[int]) -> list[str]:
    tokens: list[str] = teacher.tokenizer.convert_ids_to_tokens(list(sequence))
    return tokens


def _pad(
    sequences: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of a batch; which id pads is of no consequence."""
    longest = max(map(len, sequences))
    ids = [[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences]
    mask = [[1] * len(it) + [0] * (longest - len(it)) for it in sequences]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


@contextmanager
def _borrowed(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Take a model to a device in evaluation mode, and give it back as it was."""
    training = [module for module in model.modules() if module.training]
    origin = next(model.parameters()).device
    try:
        model.eval().to(device)
        yield
    finally:
        model.to(origin)
        for module in training:
            module.training = True
