"""The letters that tokens stand for, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v.embedding.tokens._backends import TokenIds

BOUNDARY = 0  # of a word: before its first letter and behind its last
OTHER = 1  # a letter that is not in the alphabet
N_MARKS = 2  # the first letter of the alphabet has this number


class Stream(NamedTuple):
    """Letters of texts.

    Attributes
    ----------
    letters : TokenIds
        Numbers of the letters, with a boundary before and behind each text.
    tokens : ndarray of shape (n_letters,), dtype int64
        Place of the token of each letter among all tokens; -1 for those boundaries.
    """

    letters: TokenIds
    tokens: npt.NDArray[np.int64]


class Letters:
    """The letters of each token of a tokenizer.

    Parameters
    ----------
    spelled : sequence of str
        Letters of the tokens, with spaces where words begin or end, as `spelled_tokens`
        gives them.
    alphabet : str
        The letters that are told apart, in the order of their numbers.

    Attributes
    ----------
    numbers : ndarray of shape (n_all_letters,), dtype int64
        The letters of all tokens, one token after the other, and at the end a boundary.
    bounds : ndarray of shape (n_tokens + 2,), dtype int64
        Letters of token `i` are ``numbers[bounds[i]:bounds[i + 1]]``. Token `n_tokens`,
        which no tokenizer gives, is a boundary.
    begins, ends : ndarray of shape (n_tokens,), dtype bool
        Whether a token begins with a boundary, or ends with one.
    """

    def __init__(self, spelled: Sequence[str], alphabet: str) -> None:
        points = code_points("".join(spelled))
        known = code_points(alphabet)
        table = np.full(max(points.max(initial=32), known.max(initial=0)) + 1, OTHER)
        table[known] = np.arange(known.size) + N_MARKS
        table[ord(" ")] = BOUNDARY
        lengths = np.array([*map(len, spelled), 1])
        self.numbers = np.append(table[points], BOUNDARY)
        self.bounds = np.append(0, np.cumsum(lengths))
        starts, ends = self.bounds[:-2], self.bounds[1:-1]
        filled = lengths[:-1] > 0
        self.begins = filled & (self.numbers[starts] == BOUNDARY)
        self.ends = filled & (self.numbers[ends - 1] == BOUNDARY)

    def stream(self, tokens: TokenIds) -> Stream:
        """Letters of texts.

        Parameters
        ----------
        tokens : TokenIds
            Ids of the texts.

        Returns
        -------
        Stream
            Their letters.
        """
        ids, offsets = tokens
        n_edges = 2 * np.arange(offsets.size)  # before each text
        places = np.full(ids.size + n_edges[-1], -1)
        inside = np.arange(ids.size) + np.repeat(n_edges[:-1] + 1, np.diff(offsets))
        places[inside] = np.arange(ids.size)
        edged = np.full(places.size, self.bounds.size - 2)
        edged[inside] = ids
        starts = self.bounds[edged]
        lengths = self.bounds[edged + 1] - starts
        ends = np.append(0, np.cumsum(lengths))
        at = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)
        letters = self.numbers[at].astype(np.int32)
        return Stream(
            TokenIds(letters, ends[offsets + n_edges]), np.repeat(places, lengths)
        )


def code_points(text: str) -> npt.NDArray[np.int64]:
    """Code points of a text.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    ndarray of shape (len(text),), dtype int64
        The numbers.
    """
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return points.astype(np.int64)
