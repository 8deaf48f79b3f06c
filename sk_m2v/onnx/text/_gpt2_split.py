r"""Words of the ByteLevel pre-tokenizer: where GPT-2's regular expression cuts.

The expression is ``'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|
\s+(?!\S)|\s+``. Where it cuts depends on few characters around, as no match reaches
across a change of class but for a space in front and for contractions. Of whitespace,
the last character before something else stands alone: a space joins what follows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.models._positions import shift

LETTER, NUMBER, WHITESPACE, OTHER = range(4)
# Code of each character of contractions; 0 for all others.
CODES = {it: code for code, it in enumerate("'strevmld", 1)}
_ENDINGS = ("s", "t", "m", "d", "re", "ve", "ll")


class Classes(NamedTuple):
    """What matters of characters, as names of values in a graph."""

    classes: str  # int64 [R]: LETTER, NUMBER, WHITESPACE or OTHER
    spaces: str  # bool [R]: whether it is U+0020
    codes: str  # int64 [R]: of CODES, or 0
    rows: str  # int64 [R], ascending: which text it is in


def word_starts(graph: Graph, at: Classes) -> str:
    """Add the nodes that find the first character of each word.

    With ``add_prefix_space``, a space stands before texts that begin with none.

    Parameters
    ----------
    graph : Graph
        Where to add them.
    at : Classes
        The characters.

    Returns
    -------
    str
        Whether a word starts there, a boolean of shape (n_characters,).
    """
    op = graph.op
    false, zero, none = (graph.constant(np.array(it)) for it in (False, 0, -1))
    follows = op("Equal", at.rows, shift(graph, at.rows, 1, none))
    changes = op(
        "Not",
        op("And", follows, op("Equal", at.classes, shift(graph, at.classes, 1, zero))),
    )
    joined = op("And", follows, shift(graph, at.spaces, 1, false))
    begins = op("And", changes, op("Not", joined))
    # Contractions have two characters or three.
    sizes = op("Where", begins, _contractions(graph, at), 0)
    two, three = (op("Equal", sizes, it) for it in (2, 3))
    inside = op(
        "Or",
        shift(graph, op("Or", two, three), 1, false),
        shift(graph, three, 2, false),
    )
    after = op("Or", shift(graph, two, 2, false), shift(graph, three, 3, false))
    begins = op("Or", op("And", begins, op("Not", inside)), after)
    white = op("Equal", at.classes, WHITESPACE)
    last = op(
        "And",
        shift(graph, follows, -1, false),
        op("Not", shift(graph, white, -1, false)),
    )
    spaced = op("And", white, op("Or", changes, last))
    return op("Or", spaced, op("And", begins, op("Not", white)))


def _contractions(graph: Graph, at: Classes) -> str:
    """Size of the contraction that each character may begin, or 0."""
    op = graph.op
    size = len(CODES) + 1
    table = np.zeros((size, size, size), np.int64)
    for ending in _ENDINGS:
        first, *second = (CODES[it] for it in ending)
        table[CODES["'"], first, second or slice(None)] = len(ending) + 1
    key = at.codes
    for distance in (1, 2):
        code = shift(graph, at.codes, -distance, graph.constant(0))
        row = shift(graph, at.rows, -distance, graph.constant(-1))
        code = op("Where", op("Equal", row, at.rows), code, 0)
        key = op("Add", op("Mul", key, size), code)
    return op("Gather", graph.constant(table.ravel()), key)
