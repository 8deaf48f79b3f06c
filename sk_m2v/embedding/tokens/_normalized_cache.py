"""Normalise word by word from a cache, where tokenizing needs whole texts.

Tokenizers that model2vec writes for Unigram models put some thirty replacements before
the model, which take a quarter of the time. Each works on characters, so that words can
be normalised one at a time; spaces are collapsed at the end. (Their words cannot be
*tokenized* one at a time: scores depend on the length of a token alone, so that many
words have two equally good ways to be cut, and rounding of the sum over the text before
them decides.)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from sk_m2v.embedding.tokens._backends import Json, TokenIds, TokenizersBackend
from sk_m2v.embedding.tokens._word_cache import LONGEST_WORD, MOST_WORDS

# Stands between words where several are normalised at once. A symbol, for normalisers
# remove characters for private use.
_MARK = "\u2581"
_JOINED = 256


class NormalizedBackend:
    """A `Backend` over `TokenizersBackend` that remembers normalised words.

    Parameters
    ----------
    tokenizer : dict
        A parsed ``tokenizer.json`` for which `normalizes_words` is true.
    backend : TokenizersBackend
        The same, as the library reads it.
    normalize : callable
        Its function to normalise a text.
    """

    def __init__(
        self,
        tokenizer: Json,
        backend: TokenizersBackend,
        normalize: Callable[[str], str],
    ) -> None:
        self._backend = backend
        self._normalize = normalize
        self._without = TokenizersBackend({**tokenizer, "normalizer": None})
        self._added = [token["content"] for token in tokenizer["added_tokens"]]
        self._words: dict[str, str] = {}
        self.unk_id = backend.unk_id

    def vocabulary(self) -> dict[str, int]:
        return self._backend.vocabulary()

    def encode(self, texts: list[str]) -> TokenIds:
        # Added tokens are found before normalisation, and cut a text into several.
        if any(token in text for token in self._added for text in texts):
            return self._backend.encode(texts)
        if len(self._words) >= MOST_WORDS:
            # A new one, not an emptied one: threads may be reading the old one.
            self._words = {}
        words = self._words
        self._learn(set(chain.from_iterable(text.split(" ") for text in texts)), words)
        return self._without.encode([self._look_up(text, words) for text in texts])

    def _look_up(self, text: str, words: dict[str, str]) -> str:
        try:
            return " ".join(filter(None, map(words.__getitem__, text.split(" "))))
        except KeyError:
            return self._normalize(text)

    def _learn(self, words: set[str], known: dict[str, str]) -> None:
        """Normalise new words, many in one text, which costs less than one by one."""
        new = list(filter(_is_word, words.difference(known)))
        del new[max(MOST_WORDS - len(known), 0) :]
        for start in range(0, len(new), _JOINED):
            some = new[start : start + _JOINED]
            parts = self._normalize(_MARK.join(some)).split(_MARK)
            if len(parts) == len(some):  # else this normaliser does not keep the mark
                known.update(
                    zip(some, (part.strip(" ") for part in parts), strict=True)
                )


def _is_word(word: str) -> bool:
    return len(word) <= LONGEST_WORD and _MARK not in word


def normalizes_words(tokenizer: Json) -> bool:
    """Tell whether a normaliser works on words.

    Parameters
    ----------
    tokenizer : dict
        A parsed ``tokenizer.json``.

    Returns
    -------
    bool
        True if all of its steps work on characters, but for the last two, which
        collapse runs of spaces and strip those at the ends, and if no added token is
        looked for in normalised text.
    """
    if any(token["normalized"] for token in tokenizer.get("added_tokens", [])):
        return False
    steps = (tokenizer.get("normalizer") or {}).get("normalizers", [])
    collapse = {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    return steps[-2:] == [collapse, strip] and all(map(_is_local, steps[:-2]))


def _is_local(step: Json) -> bool:
    if step["type"] == "Replace":
        pattern = step["pattern"].get("String", "")
        return len(pattern) == 1 and pattern != " "
    return step["type"] in ("BertNormalizer", "NFC", "NFKC", "Lowercase")
