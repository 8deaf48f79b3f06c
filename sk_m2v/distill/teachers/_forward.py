"""Forward passes of a teacher: sequences of its token ids to vectors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from sk_m2v._messages import listed
from sk_m2v.distill.teachers._poolings import POOLINGS

# Of model2vec. A sequence of three tokens is short: smaller batches waste time.
_BATCH_SIZE = 256
# Long texts make smaller batches, so that memory has a bound.
_BATCH_TOKENS = 16_384


class _Transformer(Protocol):
    """A model and its tokenizer."""

    @property
    def model(self) -> Any:
        """Model of `transformers`."""

    @property
    def tokenizer(self) -> Any:
        """Tokenizer of `transformers`, to tell which tokens an error is about."""


def embed(
    teacher: _Transformer,
    sequences: Sequence[Sequence[int]],
    *,
    pooling: str,
    device: torch.device,
    dtype: str,
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
    dtype : {"float32", "bfloat16"}
        Type to multiply matrices in: that of the model's weights, or a shorter one.

    Returns
    -------
    ndarray of shape (n_sequences, dim), dtype float32
        The vectors, in the order of `sequences`; zeros for those without ids.

    Raises
    ------
    ValueError
        If the teacher gives NaN or infinity, has no vector for a token, has no trained
        pooler for ``pooling="pooler"``, or has no `last_hidden_state`.
    """
    lengths = np.array([len(it) for it in sequences], dtype=np.int64)
    if not lengths.any():
        # Any token tells the number of dimensions.
        [row] = embed(teacher, [[0]], pooling=pooling, device=device, dtype=dtype)
        return np.zeros((len(lengths), len(row)), dtype=np.float32)
    _check_ids(teacher, sequences)
    model, pool = teacher.model, POOLINGS[pooling]
    # What a decoder would keep to continue the texts takes memory.
    known = inspect.signature(model.forward).parameters
    options = {"use_cache": False} if "use_cache" in known else {}
    vectors: npt.NDArray[np.float32] | None = None
    with borrowed(model, device), torch.inference_mode():
        for batch in _batches(lengths):
            ids, mask = _pad([sequences[i] for i in batch], device)
            # No token_type_ids: models that know them start from zeros, and GPT-2,
            # given zeros, would add the vector of its token 0 to every other.
            with computing_in(dtype, device):
                output = model(input_ids=ids, attention_mask=mask, **options)
            if getattr(output, "last_hidden_state", None) is None:
                raise ValueError(
                    f"the teacher's model, {type(model).__name__}, gives no "
                    "last_hidden_state: load it with AutoModel.from_pretrained"
                )
            part = pool(output, mask).cpu().numpy()
            if vectors is None:
                vectors = np.zeros((len(lengths), part.shape[1]), dtype=np.float32)
            vectors[batch] = part
    assert vectors is not None
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        row = int(finite.argmin())
        raise ValueError(
            f"the teacher gives NaN or infinity for {int((~finite).sum())} of "
            f"{len(lengths)} sequences, the first of them "
            f"{_tokens(teacher, sequences[row])}: its weights may be damaged, or too "
            "large for the type it computes in; load it in float32 and pass "
            "(model, tokenizer)"
        )
    return vectors


def _batches(lengths: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.intp]]:
    """Positions of sequences by length, so that little is padded; empty ones left out.

    Each batch is as large as both limits allow, and has one sequence at least.
    """
    order = np.argsort(lengths, kind="stable")
    stop = int(np.count_nonzero(lengths == 0))
    while stop < len(order):
        start = stop
        stop += 1
        while (
            stop < len(order)
            and stop - start < _BATCH_SIZE
            and (stop - start + 1) * lengths[order[stop]] <= _BATCH_TOKENS
        ):
            stop += 1
        yield order[start:stop]


def _check_ids(teacher: _Transformer, sequences: Sequence[Sequence[int]]) -> None:
    n_rows = teacher.model.get_input_embeddings().weight.shape[0]
    for sequence in sequences:
        if max(sequence, default=0) >= n_rows:
            raise ValueError(
                f"the teacher has vectors for {n_rows} tokens, and none for one of "
                f"{_tokens(teacher, sequence)}: its tokenizer has tokens that its "
                "model was not trained on. Use the tokenizer that belongs to it"
            )


def _tokens(teacher: _Transformer, sequence: Sequence[int]) -> str:
    return f"[{listed(teacher.tokenizer.convert_ids_to_tokens(list(sequence)))}]"


def _pad(
    sequences: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of a batch; which id pads is of no consequence.

    Padding is on the right, decoders included: they never look to the right, and
    positions start from 0 without telling the model.
    """
    longest = max(map(len, sequences))
    ids = [[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences]
    mask = [[1] * len(it) + [0] * (longest - len(it)) for it in sequences]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def computing_in(dtype: str, device: torch.device) -> AbstractContextManager[Any]:
    """Context in which torch computes in a type, whatever that of the weights.

    Autocast was measured 1.8 times as fast as float32 with MiniLM on a CPU, a copy of
    the model in bfloat16 twice as fast. The copy takes memory, and its vectors are
    farther from those of float32.

    Parameters
    ----------
    dtype : {"float32", "bfloat16"}
        "float32" changes nothing.
    device : torch.device
        Where it computes.

    Returns
    -------
    context manager
        To run the model in.
    """
    if dtype == "bfloat16":
        context: AbstractContextManager[Any] = torch.autocast(
            device.type, torch.bfloat16
        )
        return context
    return nullcontext()


@contextmanager
def borrowed(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Take a model to a device in evaluation mode, and give it back as it was.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    device : torch.device
        Where to take it.

    Yields
    ------
    None
        The model is ready.
    """
    training = [module for module in model.modules() if module.training]
    origin = next(model.parameters()).device
    try:
        model.eval().to(device)
        yield
    finally:
        model.to(origin)
        for module in training:
            module.training = True
