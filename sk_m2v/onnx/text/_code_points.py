"""Characters to their numbers in a graph, although no operator does that.

onnxruntime hashes strings by MurmurHash3. All steps of that hash can be undone if the
string has at most four bytes, and no character has more: out come the bytes of UTF-8.

References
----------
A. Appleby, "MurmurHash3", 2011, https://github.com/aappleby/smhasher.
"""

from __future__ import annotations

from onnx import TensorProto

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INTS

_MASK = 2**32 - 1
# Smallest character of two, three and four bytes.
_SIZES = (0x80, 0x800, 0x10000)


def code_points(graph: Graph, characters: str) -> str:
    """Add the nodes that find the code points of characters.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    characters : str
        Strings of one character each, of shape (n,).

    Returns
    -------
    str
        The code points, int64 of shape (n,).
    """
    ascii_ = {chr(it): it for it in range(_SIZES[0])}
    found = graph.lookup(characters, ascii_, -1)
    others = graph.op("Less", found, 0)

    def unhash(graph: Graph) -> list[str]:
        at = graph.positions(others)
        numbers = _unhashed(graph, graph.op("Gather", characters, at))
        return [graph.op("ScatterElements", found, at, numbers)]

    return graph.branch(graph.any(others), unhash, lambda _: [found], [INTS])[0]


def _unhashed(graph: Graph, characters: str) -> str:
    """Code points of characters of two bytes and more."""
    number = graph.op("MurmurHash3", characters, domain="com.microsoft", positive=1)
    number = graph.op("Cast", number, to=TensorProto.INT64)
    three, four = (
        graph.op("RegexFullMatch", characters, pattern=f"[\\x{{{a:X}}}-\\x{{{b:X}}}]")
        for a, b in ((_SIZES[1], _SIZES[2] - 1), (_SIZES[2], 0x10FFFF))
    )
    # The last steps first: mixing, size, then the block of four or what is less.
    number = _unshift(graph, number, 16)
    number = _divide(graph, number, 0xC2B2AE35)
    number = _unshift(graph, _unshift(graph, number, 13), 26)
    number = _divide(graph, number, 0x85EBCA6B)
    number = _unshift(graph, number, 16)
    size = graph.op("Where", four, 4, graph.op("Where", three, 3, 2))
    number = graph.op("BitwiseXor", number, size)
    block = graph.op("Add", number, 2**32 - 0xE6546B64)
    block = _rotate(graph, _divide(graph, block, 5), 32 - 13)
    number = graph.op("Where", four, block, number)
    number = _rotate(graph, _divide(graph, number, 0x1B873593), 32 - 15)
    number = _divide(graph, number, 0xCC9E2D51)
    # Six bits of each byte but the first, which is the lowest.
    parts = [
        graph.op("Mod", graph.op("Div", number, 256**i), 64 if i else 256)
        for i in range(4)
    ]
    two = _joined(graph, parts[:2], 0xC0)
    third = _joined(graph, parts[:3], 0xE0)
    fourth = _joined(graph, parts, 0xF0)
    return graph.op("Where", four, fourth, graph.op("Where", three, third, two))


def _joined(graph: Graph, parts: list[str], lead: int) -> str:
    number = graph.op("Sub", parts[0], lead)
    for part in parts[1:]:
        number = graph.op("Add", graph.op("Mul", number, 64), part)
    return number


def _divide(graph: Graph, number: str, factor: int) -> str:
    """Undo a multiplication modulo 2**32."""
    product = graph.op("Mul", number, pow(factor, -1, 2**32))
    return graph.op("BitwiseAnd", product, _MASK)


def _unshift(graph: Graph, number: str, bits: int) -> str:
    """Undo the exclusive or with the upper bits, or half of that."""
    return graph.op("BitwiseXor", number, graph.op("Div", number, 2**bits))


def _rotate(graph: Graph, number: str, bits: int) -> str:
    """Rotate 32 bits to the left."""
    low = graph.op("Mul", graph.op("BitwiseAnd", number, 2 ** (32 - bits) - 1), 2**bits)
    return graph.op("BitwiseOr", low, graph.op("Div", number, 2 ** (32 - bits)))
