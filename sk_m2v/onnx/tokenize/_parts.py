"""The parts of a tokenizer that its graph is made of."""

from __future__ import annotations

from typing import NamedTuple

from sk_m2v.onnx.models._word_model import WordModel
from sk_m2v.onnx.text._reader import PlainWords, Reader


class TextParts(NamedTuple):
    """A tokenizer that must see whole texts.

    Attributes
    ----------
    reader : Reader
        Normaliser, added tokens and pre-tokenizer.
    model : WordModel
        The model.
    """

    reader: Reader
    model: WordModel


class WordParts(NamedTuple):
    """A tokenizer that can read text word by word.

    Attributes
    ----------
    page, word : str
        Expressions of RE2 that split texts into some words, and these into words.
    known : dict
        Token of each word that is one token, and SUSPECT for words that may begin an
        added token.
    suspect : str
        Expression of other words in which one may begin; "" for none.
    plain : PlainWords
        Words that need no reader.
    reader : Reader
        Normaliser, added tokens and pre-tokenizer.
    model : WordModel
        The model.
    """

    page: str
    word: str
    known: dict[str, int]
    suspect: str
    plain: PlainWords
    reader: Reader
    model: WordModel
