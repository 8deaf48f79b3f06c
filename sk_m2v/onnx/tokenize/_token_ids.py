"""Token ids in the graph, from inputs that are ids already.

Cutting texts and dropping the unknown token are part of the graph, so that ids that
come straight from a tokenizer give what Python gives.
"""

from __future__ import annotations

from typing import NamedTuple

from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import counts


class Tokens(NamedTuple):
    """Names of the token ids of many texts, end to end.

    Attributes
    ----------
    ids : str
        The ids of all texts, one text after the other: int64, of shape (n_tokens,).
    offsets : str
        Text `i` is ``ids[offsets[i]:offsets[i + 1]]``: int64, of shape (n_texts + 1,).
    """

    ids: str
    offsets: str


def from_bags(
    graph: Graph,
    input_ids: str,
    offsets: str,
    *,
    max_length: int | None,
    unk_id: int | None,
) -> Tokens:
    """Token ids from the two inputs of torch's ``EmbeddingBag``.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    input_ids : str
        The ids of all texts, one text after the other: int64, of shape (n_tokens,).
    offsets : str
        Where each text begins: int64, of shape (n_texts,). The first is 0.
    max_length : int or None
        Tokens kept of each text, from its beginning. None keeps all.
    unk_id : int or None
        Id of the unknown token, which is dropped from what is kept.

    Returns
    -------
    Tokens
        The ids as the model reads them.
    """
    bounds = graph.op("Concat", offsets, graph.op("Shape", input_ids), axis=0)
    tokens = Tokens(input_ids, bounds)
    keep = None
    if max_length is not None:
        begin = graph.op("Gather", offsets, text_numbers(graph, tokens))
        n_tokens = graph.op("Size", input_ids)
        position = graph.op("Sub", graph.op("Range", 0, n_tokens, 1), begin)
        keep = graph.op("Less", position, max_length)
    return _kept(graph, tokens, keep, unk_id)


def from_padded(
    graph: Graph,
    input_ids: str,
    attention_mask: str,
    *,
    max_length: int | None,
    unk_id: int | None,
) -> Tokens:
    """Token ids from the two inputs of a transformer.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    input_ids : str
        The ids, with padding on either side: int64, of shape (n_texts, length).
    attention_mask : str
        0 for padding, 1 for tokens: int64, of the same shape.
    max_length, unk_id : int or None
        As in `from_bags`.

    Returns
    -------
    Tokens
        The ids as the model reads them.
    """
    keep = graph.op("Cast", attention_mask, to=TensorProto.BOOL)
    if max_length is not None:
        ones = graph.op("Cast", keep, to=TensorProto.INT64)
        position = graph.op("CumSum", ones, 1)
        keep = graph.op("And", keep, graph.op("LessOrEqual", position, max_length))
    shape = graph.op("Shape", input_ids)
    n_texts, length = (graph.op("Gather", shape, i) for i in (0, 1))
    starts = graph.op("Range", 0, graph.op("Add", n_texts, 1), 1)
    ids = graph.op("Reshape", input_ids, [-1])
    offsets = graph.op("Mul", starts, length)
    keep = graph.op("Reshape", keep, [-1])
    return _kept(graph, Tokens(ids, offsets), keep, unk_id)


def _kept(graph: Graph, tokens: Tokens, keep: str | None, unk_id: int | None) -> Tokens:
    """Tokens that are to be kept and known."""
    if unk_id is not None:
        known = graph.op("Not", graph.op("Equal", tokens.ids, unk_id))
        keep = known if keep is None else graph.op("And", keep, known)
    if keep is None:
        return tokens
    offsets, ids = compress(graph, keep, tokens.offsets, tokens.ids)
    return Tokens(ids, offsets)


def compress(graph: Graph, keep: str, offsets: str, *values: str) -> list[str]:
    """Keep some of the things that texts consist of.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    keep : str
        Which to keep: bool, of shape (n_things,).
    offsets : str
        Where each text begins and the last ends: int64, of shape (n_texts + 1,).
    *values : str
        Values of the things, of shape (n_things, ...).

    Returns
    -------
    list of str
        The offsets, and the values, of what is kept.
    """
    counted = graph.op("CumSum", graph.op("Cast", keep, to=TensorProto.INT64), 0)
    before = graph.op("Concat", [0], counted, axis=0)
    return [graph.op("Gather", before, offsets), *graph.compress(keep, *values)]


def text_numbers(graph: Graph, tokens: Tokens) -> str:
    """Number of the text of each token, counted from 0.

    Parameters
    ----------
    graph : Graph
        Where to add nodes.
    tokens : Tokens
        Ids of the texts.

    Returns
    -------
    str
        The numbers: int64, of shape (n_tokens,).
    """
    # The number goes up once, or more for empty texts, where a text ends.
    ends = graph.op("Slice", tokens.offsets, [1], [2**62])
    size = graph.op("Add", graph.op("Shape", tokens.ids), 1)
    steps = counts(graph, ends, size)
    return graph.op("Slice", graph.op("CumSum", steps, 0), [0], [-1])
