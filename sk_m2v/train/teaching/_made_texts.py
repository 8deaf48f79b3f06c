"""Texts made from others, to ask a teacher about: no label says what they mean."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import RandomState

_DROPPED = 0.3  # share of the words


def made_texts(texts: Sequence[str], n: int, random_state: RandomState) -> list[str]:
    """Make texts from others: words left out, and halves of two put together.

    Parameters
    ----------
    texts : sequence of str
        What there is.
    n : int
        How many to make.
    random_state : RandomState
        Who draws.

    Returns
    -------
    list of str
        The first half of them with words left out, then halves of two. Only words that
        whitespace separates are told apart.
    """
    words = [text.split() for text in texts]
    made = []
    for row in random_state.randint(len(words), size=n - n // 2):
        kept = random_state.random_sample(len(words[row])) >= _DROPPED
        made.append([word for word, keep in zip(words[row], kept, strict=True) if keep])
    for first, second in random_state.randint(len(words), size=(n // 2, 2)):
        head, tail = words[first], words[second]
        made.append(head[: (len(head) + 1) // 2] + tail[len(tail) // 2 :])
    return [" ".join(it) for it in made]
