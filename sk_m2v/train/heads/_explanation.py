"""`Explanation`: what each token adds, as numbers and as something to look at."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sk_m2v._messages import check_count, quoted
from sk_m2v._parameters import public

FloatArray = npt.NDArray[np.float64]

# Green for, red against: red, green, blue, of which the opacity says how much.
_FOR, _AGAINST = "46, 160, 67", "218, 54, 51"


class _Terms(NamedTuple):
    tokens: list[str]
    shares: FloatArray
    intercept: FloatArray
    exact: bool


@public("sk_m2v.train")
class Explanation(_Terms):
    """What each token of a text adds to the scores of the classes.

    In a notebook, an explanation shows the text, with the tokens that speak for the
    predicted class in green and those against it in red.

    Attributes
    ----------
    tokens : list of str
        The tokens that were read, in order.
    shares : ndarray of shape (n_tokens, n_classes), dtype float64
        What each occurrence of a token adds to the score of each class.
    intercept : ndarray of shape (n_classes,), dtype float64
        The scores without all shares.
    exact : bool
        Whether shares are the terms of a sum. Otherwise they are what a score loses
        without the token, and say nothing about several tokens together.
    classes : ndarray of shape (n_classes,) or None
        The classes or labels; None for numbers.
    """

    classes: npt.NDArray[Any] | None = None
    _is_binary = False

    def top(self, n: int = 10, target: Any = None) -> list[tuple[str, float]]:
        """Tokens that count most for or against a class.

        Parameters
        ----------
        n : int, default=10
            How many.
        target : object, default=None
            The class or label; for numbers, which of them. None is that of the largest
            score.

        Returns
        -------
        list of (str, float)
            Tokens and what they add to the score, the largest amount first. Several
            occurrences of a token are one. Of two classes, it is the difference of
            their scores.

        Raises
        ------
        ValueError
            If there is no such class, or `n` is no number of tokens.

        Examples
        --------
        >>> from sk_m2v import FeatureExtractionClassifier
        >>> texts = ["a great film", "a lovely film", "a dull film", "a boring film"]
        >>> fitted = FeatureExtractionClassifier().fit(texts, ["+", "+", "-", "-"])
        >>> (explanation,) = fitted.explain(["a great film"])
        >>> explanation.top(1)[0][0]
        'great'
        """
        check_count(n, "tokens")
        amounts: dict[str, float] = {}
        shares = self._for(self._column(target))
        for token, share in zip(self.tokens, shares, strict=True):
            amounts[token] = amounts.get(token, 0.0) + float(share)
        return sorted(amounts.items(), key=lambda it: -abs(it[1]))[:n]

    def __repr__(self) -> str:
        column = self._column(None)
        shown = ", ".join(
            f"{quoted(token, 30)} {share:+.2f}" for token, share in self.top(5)
        )
        n_more = len(set(self.tokens)) - 5
        more = f" and {n_more} more" if n_more > 0 else ""
        return f"Explanation({self._name(column)}: {shown or 'no tokens'}{more})"

    def _repr_html_(self) -> str:
        """The text with its tokens coloured, for notebooks."""
        return self._html(None)

    def _html(self, target: Any) -> str:
        """The same for any class."""
        column = self._column(target)
        shares = self._for(column)
        largest = max(abs(shares).max(initial=0.0), 1e-300)
        spans = " ".join(
            f"<span title='{share:+.3f}' style='border-radius:3px; padding:0 2px; "
            f"background:rgba({_FOR if share > 0 else _AGAINST}, "
            f"{0.75 * abs(share) / largest:.2f})'>{escape(token)}</span>"
            for token, share in zip(self.tokens, shares.tolist(), strict=True)
        )
        scores = self._for(column, self.intercept[None] + self.shares.sum(axis=0))
        name = escape(self._name(column))
        how = "" if self.exact else " (each token left out alone)"
        return f"<p><b>{name}</b>: score {scores[0]:+.2f}{how}</p><p>{spans}</p>"

    def _column(self, target: Any) -> int:
        """Column of a class, or of the largest score."""
        n_columns = len(self.intercept)
        if target is None:
            return int(np.argmax(self.intercept + self.shares.sum(axis=0)))
        names = range(n_columns) if self.classes is None else self.classes.tolist()
        for column, name in enumerate(names):
            if name == target:
                return column
        raise ValueError(
            f"there is no class {quoted(target)}, only {quoted(list(names), 200)}"
        )

    def _for(self, column: int, scores: FloatArray | None = None) -> FloatArray:
        """Scores of a column; of two classes, its lead over the other."""
        scores = self.shares if scores is None else scores
        result: FloatArray = scores[:, column]
        if self._is_binary:
            result = result - scores[:, 1 - column]
        return result

    def _name(self, column: int) -> str:
        if self.classes is None:
            return str(column)
        return quoted(self.classes.tolist()[column], 60)


def explanation(
    terms: tuple[list[str], FloatArray, FloatArray, bool],
    classes: npt.NDArray[Any] | None,
    *,
    multilabel: bool,
) -> Explanation:
    """Make an explanation that knows its classes.

    Parameters
    ----------
    terms : tuple
        Tokens, shares, intercept, and whether they are exact.
    classes : ndarray of shape (n_classes,) or None
        The classes; None for numbers.
    multilabel : bool
        Whether they do not exclude each other.

    Returns
    -------
    Explanation
        The explanation.
    """
    made = Explanation(*terms)
    made.classes = classes
    made._is_binary = classes is not None and len(classes) == 2 and not multilabel
    return made
