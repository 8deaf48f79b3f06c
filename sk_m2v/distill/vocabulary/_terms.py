"""Terms beyond a tokenizer's own tokens: add them, and find them in a corpus.

A word that a tokenizer splits ("xenolith"), or a phrase that means more than its words
("new york"), gets a vector of its own where it is one token. Two ways make it one:

* A whole word goes into the vocabulary of a WordPiece or WordLevel model. Texts are
  encoded as fast as before. WordPiece takes the longest token from the left, so that it
  also reads "xenoliths" as "xenolith" and "##s", as it does with its own words.
* Everything else becomes an added token, which the library looks for in the text before
  the model sees it. BPE needs merges for a token in its vocabulary, Unigram a score,
  and neither would find the one token both in "a xenolith" and in "(xenolith)", since
  they write the space before a word into its token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence, Set
from math import log
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from tokenizers import Tokenizer, pre_tokenizers

from sk_m2v._messages import quoted
from sk_m2v._text import replace_surrogates
from sk_m2v.embedding.tokens._backends import Json, vocabulary_of

# Normalised pointwise mutual information of a phrase: 0 where its words meet by chance,
# 1 where none stands without the other. "of the" has 0.2 in English texts, "the film"
# 0.35 in reviews, "special effects" 0.8.
COLLOCATION = 0.5
# Stands for punctuation between words. No word holds it.
_BREAK = "\n"


def add_terms(
    tokenizer: str, terms: Sequence[str], remove: re.Pattern[str] | None = None
) -> tuple[str, list[str]]:
    """Make words and phrases one token each, wherever they stand as whole words.

    Where terms overlap in a text, the leftmost is found, and of those that begin at the
    same place the longest.

    Parameters
    ----------
    tokenizer : str
        Contents of a ``tokenizer.json`` with ids from 0 without gaps, such as
        `cut_tokenizer` returns.
    terms : sequence of str
        Words ("xenolith") and phrases ("new york").
    remove : compiled regular expression or None, default=None
        Terms to leave out, matched from their beginning.

    Returns
    -------
    tokenizer : str
        Contents of a ``tokenizer.json``. The ids of the tokens that were there are the
        same, the new ones follow in the order of `terms`.
    added : list of str
        The terms that are tokens now and were none before, normalised as the tokenizer
        does. Left out are those of which nothing remains, repetitions, and those that
        are a token that exists, or the inside of a word. A term that is spelled like
        a token to which no text leads, such as "..." where texts are cut at each dot,
        is that token from then on.

    Raises
    ------
    TypeError
        If `terms` is no sequence of str.

    Notes
    -----
    model2vec 0.10 differs in three things: it also finds phrases inside words ("new
    york" in "renew yorker"); it gives BPE and Unigram models single words, which are
    then not found after an opening bracket, and tokens for the merges in between; it
    takes the space after a phrase from the next word.

    Limits of the library: with "micro" and "micro usb", it finds neither in "micro
    usbs". Where all texts begin with a space (ByteLevel, Metaspace), so does what
    follows a term, such as the comma in "new york, ok". Scripts without spaces have no
    whole words unless the normaliser puts spaces between characters, as BERT's does.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> words = Tokenizer(models.WordPiece({"[UNK]": 0, "new": 1, "york": 2, "x": 3}))
    >>> words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    >>> text, added = add_terms(words.to_str(), ["new york", "xenolith", "york"])
    >>> added
    ['new york', 'xenolith']
    >>> Tokenizer.from_str(text).encode("xenolith, new york, new x").ids
    [5, 0, 4, 0, 1, 3]
    """
    library = Tokenizer.from_str(tokenizer)
    data: Json = json.loads(library.to_str())
    normalize, flags = _matching(library)
    forms: dict[str, str] = {}
    for term in map(replace_surrogates, _checked(terms, "vocabulary")):
        normal = normalize(term).strip()
        # BERT's normaliser puts spaces around Chinese characters each time that it
        # runs. The library runs it on added tokens, so they must stand as they were.
        same = normalize(normal).strip() == normal
        forms.setdefault(normal, normal if same else term.strip())
    forms.pop("", None)
    if remove is not None:
        forms = {key: it for key, it in forms.items() if not remove.match(it)}

    model = data["model"]
    takes_words = model["type"] in ("WordPiece", "WordLevel")
    vocabulary = dict(vocabulary_of(data))
    missing = _without_tokens(data, list(forms.values()))
    added = [form for form in missing if form not in vocabulary]
    for index, form in enumerate(added, len(vocabulary)):
        if takes_words:
            # Phrases too, so that ids have no gaps: no word is spelled like one.
            model["vocab"][form] = index
        vocabulary[form] = index
    for form in missing:
        if not (takes_words and _is_word(library, model, form)):
            found = normalize(form)
            # The spaces that BERT's normaliser puts around it are boundaries enough,
            # and punctuation needs none.
            single = not (found[0] == found[-1] == " ") and any(map(str.isalnum, form))
            token = {"id": vocabulary[form], "content": form, **flags}
            data["added_tokens"].append({**token, "single_word": single})
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")), added


def frequent_terms(
    texts: Iterable[str],
    tokenizer: str,
    *,
    min_df: int | float,
    max_terms: int,
    ngram_range: tuple[int, int] = (1, 2),
) -> list[str]:
    """Words and phrases of texts that `add_terms` can make tokens.

    A tokenizer splits them into several, or does not know them.
    A phrase counts if its words stand together far more often than by chance (its
    normalised pointwise mutual information is at least 0.5, at whatever place it is cut
    in two), so that "of the" leaves room for "new york".

    Parameters
    ----------
    texts : iterable of str
        The corpus.
    tokenizer : str
        Contents of a ``tokenizer.json``.
    min_df : int or float
        Texts that a term must be in: their number, or a float from 0 to 1 for their
        share.
    max_terms : int
        Terms to return at most.
    ngram_range : tuple of int (least, most), default=(1, 2)
        Words that a term can have.

    Returns
    -------
    list of str
        Terms as the tokenizer normalises them: those in most texts first, in
        alphabetical order where these are equally many. Empty if none is frequent.

    Raises
    ------
    TypeError
        If `texts` is one str, or holds anything else than str.

    Notes
    -----
    Takes some 20 seconds and 0.7 GB for 300,000 sentences.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> words = Tokenizer(models.WordPiece({"[UNK]": 0, "new": 1, "york": 2, "a": 3}))
    >>> words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    >>> texts = ["a xenolith", "a new york", "xenolith, new york", "new"]
    >>> frequent_terms(texts, words.to_str(), min_df=2, max_terms=10)
    ['new york', 'xenolith']
    """
    corpus = [replace_surrogates(text) for text in _checked(texts, "texts")]
    if not corpus or (not isinstance(min_df, float) and min_df > len(corpus)):
        return []  # scikit-learn would raise an error
    library = Tokenizer.from_str(tokenizer)
    normalize, _ = _matching(library)
    split = pre_tokenizers.Whitespace().pre_tokenize_str  # the words of added tokens

    def words(text: str) -> list[str]:
        pieces = (piece for piece, _ in split(normalize(text)))
        # A break in every text also leaves scikit-learn something to count.
        return [*(it if it[0].isalnum() else _BREAK for it in pieces), _BREAK]

    least, most = ngram_range
    vectorizer = CountVectorizer(
        tokenizer=words,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, most),
        min_df=min_df,
        dtype=np.int32,
    )
    matrix = vectorizer.fit_transform(corpus)
    in_texts = matrix.getnnz(axis=0).tolist()
    names = [it for it in vectorizer.get_feature_names_out() if _BREAK not in it]
    column = vectorizer.vocabulary_
    totals = np.asarray(matrix.sum(axis=0)).ravel().tolist()
    counts = {name: totals[column[name]] for name in names}
    # Words in too few texts are not counted: most occurrences are of others.
    n_words = sum(count for name, count in counts.items() if " " not in name)
    candidates = [
        name
        for name in names
        if least <= name.count(" ") + 1
        # Only what normalisation leaves as it is will be found again.
        and normalize(name).strip() == name
        and _collocation(name, counts, n_words) >= COLLOCATION
    ]
    data = json.loads(library.to_str())
    vocabulary = vocabulary_of(data)
    found = [it for it in _without_tokens(data, candidates) if it not in vocabulary]
    found.sort(key=lambda it: (-in_texts[column[it]], it))
    return found[:max_terms]


def _checked(strings: Iterable[str], name: str) -> list[str]:
    """Return a list of strings, or say which element is none."""
    if isinstance(strings, str):
        raise TypeError(
            f"{name} is one str, {quoted(strings[:40])}: pass a list of str"
        )
    if isinstance(strings, Set) or not isinstance(strings, Iterable):
        kind = type(strings).__name__
        raise TypeError(f"{name} must be a list of str, not {kind}: pass a list")
    result = list(strings)
    for position, string in enumerate(result):
        if not isinstance(string, str):
            raise TypeError(
                f"{name}[{position}] is {quoted(string)}, of type "
                f"{type(string).__name__}: pass str only"
            )
    return result


def _matching(library: Any) -> tuple[Callable[[str], str], Json]:
    """How to normalise a term, and the flags by which it is found as an added token.

    Spaces before a term belong to it, else they would be tokens of their own ("Ġ" or
    "▁") in models that have the space in the next word's token. The space after it
    belongs to the next word.
    """
    normalize: Callable[[str], str] = str
    if library.normalizer is not None:
        normalize = library.normalizer.normalize_str
    probe = normalize("a b")
    flags = {"lstrip": True, "special": False}
    if " " in probe:
        return normalize, {**flags, "rstrip": False, "normalized": True}
    # The normaliser of Llama 2 writes "▁" for spaces, and puts one at the beginning of
    # whatever follows a term, in addition to its space. Added tokens are found in
    # unchanged text there: "▁new" behind a letter would begin no whole word.
    rstrip = not probe.startswith("a")
    return str, {**flags, "rstrip": rstrip, "normalized": False}


def _without_tokens(data: Json, forms: list[str]) -> list[str]:
    """Those of some terms to which no text leads as one token, but could."""
    model = data["model"]
    unk_id = model.get("unk_id")
    if unk_id is None:
        unk_id = vocabulary_of(data).get(model.get("unk_token"))
    prefix = model.get("continuing_subword_prefix")
    never = {model.get("unk_token"), *(it["content"] for it in data["added_tokens"])}
    whole = json.dumps({**data, "truncation": None, "padding": None})
    library = Tokenizer.from_str(whole)
    # Behind another word, where the token of most models holds a space.
    [before] = library.encode_batch(["a"], add_special_tokens=False)
    rows = library.encode_batch([f"a {it}" for it in forms], add_special_tokens=False)
    return [
        form
        for form, row in zip(forms, rows, strict=True)
        if (len(row) != len(before) + 1 or row.ids[-1] == unk_id)
        and not (form in never or (prefix and form.startswith(prefix)))
    ]


def _is_word(library: Any, model: Json, form: str) -> bool:
    """Tell whether a model would see a term as one piece, with nothing around it."""
    longest = model.get("max_input_chars_per_word")
    if library.pre_tokenizer is None or (longest and len(form) > longest):
        return False
    text = f"a {form}"
    if library.normalizer is not None:
        text = library.normalizer.normalize_str(text)
    pieces = [piece for piece, _ in library.pre_tokenizer.pre_tokenize_str(text)]
    return len(pieces) == 2 and pieces[1] == form


def _collocation(name: str, counts: dict[str, int], n_words: int) -> float:
    """Least normalised pointwise mutual information of a phrase cut in two; 1 if one.

    See G. Bouma (2009), Normalized (pointwise) mutual information in collocation
    extraction.
    """
    words = name.split(" ")
    together = counts[name] / n_words
    scores = [1.0]
    for cut in range(1, len(words)):
        parts = " ".join(words[:cut]), " ".join(words[cut:])
        apart = counts[parts[0]] * counts[parts[1]] / n_words**2
        scores.append(log(together / apart) / -log(together))
    return min(scores)
