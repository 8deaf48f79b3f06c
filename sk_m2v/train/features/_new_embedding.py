"""What a classifier without a pretrained model starts from: the training texts alone.

A tokenizer that has seen them, and vectors of its tokens that know which of them keep
company.
"""

from __future__ import annotations

import json
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array, diags_array
from sklearn.utils.extmath import randomized_svd

from sk_m2v.embedding._pooling import normalize_rows
from sk_m2v.embedding.tokens._backends import TokenIds, tokenizer_to_json

Float32Array = npt.NDArray[np.float32]
TokenizerKind = Literal["word", "wordpiece", "bpe"]
KINDS: tuple[str, ...] = get_args(TokenizerKind)

# --- Tokenizer ----------------------------------------------------------------------

UNKNOWN = "[UNK]"
_INSIDE = "##"  # how WordPiece spells what continues a word
_MAX_CHARACTERS = 1000  # of those beyond, nobody has seen enough


def train_tokenizer(
    texts: list[str],
    *,
    kind: TokenizerKind,
    vocab_size: int,
    min_frequency: int,
    lowercase: bool,
) -> str:
    """Learn a tokenizer from texts: the same texts give the same tokenizer.

    There is no Unigram: its trainer depends on the order of a hash table, so that two
    runs differ.

    Parameters
    ----------
    texts : list of str
        Texts that have a UTF-8 form.
    kind : {"word", "wordpiece", "bpe"}
        Whether tokens are whole words, words and pieces of words as BERT spells them,
        or what merging frequent pairs gives. All but "bpe" are WordPiece models, which
        `nanotoken` reads.
    vocab_size : int
        Largest number of tokens. The characters of the texts are tokens whatever it is,
        unless tokens are words.
    min_frequency : int
        How often a word, or a pair that is merged, must occur.
    lowercase : bool
        Whether to read everything in lower case and without accents.

    Returns
    -------
    str
        Contents of a ``tokenizer.json``. Token 0 stands for what is unknown.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    common: dict[str, Any] = {
        "vocab_size": vocab_size,
        "min_frequency": min_frequency,
        "show_progress": False,
    }
    model: Any
    trainer: Any
    if kind == "word":
        model = models.WordLevel(unk_token=UNKNOWN)
        trainer = trainers.WordLevelTrainer(special_tokens=[UNKNOWN], **common)
    else:
        characters = _characters(texts, normalizer.normalize_str)
        common |= {
            "initial_alphabet": characters,
            "limit_alphabet": len(characters),
        }
        if kind == "bpe":
            model = models.BPE(unk_token=UNKNOWN)
            trainer = trainers.BpeTrainer(special_tokens=[UNKNOWN], **common)
        else:
            # Left to the trainer, characters inside words get their ids in the order
            # of a hash table, and ids break ties between merges.
            inside = [_INSIDE + it for it in characters]
            model = models.WordPiece(unk_token=UNKNOWN)
            trainer = trainers.WordPieceTrainer(
                special_tokens=[UNKNOWN, *inside],
                continuing_subword_prefix=_INSIDE,
                **common,
            )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return _plain_json(tokenizer_to_json(tokenizer), kind)


def _characters(texts: list[str], normalize: Any) -> list[str]:
    """Characters of normalised texts, in order; the most frequent if there are many."""
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    counts = np.bincount(points)
    normalized: dict[str, int] = {}
    for point in np.flatnonzero(counts).tolist():
        for character in normalize(chr(point)):
            if not character.isspace():
                found = normalized.get(character, 0)
                normalized[character] = found + int(counts[point])
    ranked = sorted(normalized, key=lambda it: (-normalized[it], it))
    return sorted(ranked[:_MAX_CHARACTERS])


def _plain_json(text: str, kind: TokenizerKind) -> str:
    """Leave one special token, and turn a word level model into WordPiece."""
    tokenizer = json.loads(text)
    tokenizer["added_tokens"] = [
        it for it in tokenizer["added_tokens"] if it["content"] == UNKNOWN
    ]
    if kind == "word":
        # The same, as no token is part of a word: what is no token is unknown.
        tokenizer["model"] = {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": _INSIDE,
            "max_input_chars_per_word": 100,
            "vocab": tokenizer["model"]["vocab"],
        }
    return json.dumps(tokenizer, ensure_ascii=False)


# --- Vectors ------------------------------------------------------------------------

_WINDOW = 10  # neighbours on each side: wide enough for topics
_MAX_TOKENS = 500_000  # to count neighbours of; the sparse matrix grows with them
_SMOOTHING = 0.75  # power of frequencies, so that rare neighbours do not win
_COMMON = 1e-3  # relative frequency of a token that counts half


def start_vectors(
    tokens: TokenIds,
    n_tokens: int,
    dim: int,
    weight: npt.NDArray[np.float64] | None,
    rng: np.random.RandomState,
) -> Float32Array:
    """Vectors of tokens from the tokens that they occur beside.

    The singular value decomposition of positive pointwise mutual information is what
    word2vec approaches, in a second. Vectors of frequent tokens are short, so that a
    mean over a text says what it is about.

    Parameters
    ----------
    tokens : TokenIds
        Ids of the texts.
    n_tokens : int
        Number of tokens of the tokenizer.
    dim : int
        Number of dimensions.
    weight : ndarray of shape (n_texts,) or None
        How often each text counts, if not once.
    rng : numpy.random.RandomState
        Draws texts, if they are many, and starts the decomposition.

    Returns
    -------
    ndarray of shape (n_tokens, dim), dtype float32
        The vectors, at most of length 1; zeros for tokens that no text has, and in
        the dimensions beyond the number of tokens that occur.
    """
    vectors = np.zeros((n_tokens, dim), np.float32)
    # Only tokens that occur have rows: fewer, and no division by zero.
    ids, places = np.unique(tokens.ids, return_inverse=True)
    if not ids.size:
        return vectors
    lengths = np.diff(tokens.offsets)
    counts = np.ones(lengths.size) if weight is None else weight
    frequencies = np.bincount(places, np.repeat(counts, lengths))
    taken = _draw(lengths, rng)
    near = _neighbours(
        places[np.repeat(taken, lengths)], lengths[taken], counts[taken], ids.size
    )
    rank = min(dim, ids.size)
    left, values, _ = randomized_svd(
        _mutual_information(near), rank, n_iter=2, random_state=rng
    )
    found = np.ascontiguousarray(left * np.sqrt(values), dtype=np.float32)
    normalize_rows(found)
    share = frequencies / frequencies.sum()
    vectors[ids, :rank] = found * (_COMMON / (_COMMON + share))[:, None]
    return vectors


def _draw(
    lengths: npt.NDArray[np.int64], rng: np.random.RandomState
) -> npt.NDArray[np.bool_]:
    """Choose texts at random with about as many tokens as are counted, or all."""
    if lengths.sum() <= _MAX_TOKENS:
        return np.ones(lengths.size, dtype=bool)
    order = rng.permutation(lengths.size)
    taken = np.zeros(lengths.size, dtype=bool)
    taken[order[np.cumsum(lengths[order]) <= _MAX_TOKENS]] = True
    return taken


def _neighbours(
    ids: npt.NDArray[np.integer[Any]],
    lengths: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    n_tokens: int,
) -> csr_array:
    """How often tokens are near each other: the nearer, the more it counts.

    Each token is its own neighbour once, so that texts of one word count too.
    """
    rows = np.repeat(np.arange(lengths.size), lengths)
    shape = (n_tokens, n_tokens)
    counts = csr_array(shape, dtype=np.float64)
    for distance in range(1, min(_WINDOW, ids.size - 1) + 1):
        together = rows[:-distance] == rows[distance:]
        first, second = ids[:-distance][together], ids[distance:][together]
        values = weight[rows[distance:][together]] / distance
        counts = counts + coo_array((values, (first, second)), shape=shape).tocsr()
    own = np.bincount(ids, weight[rows], minlength=n_tokens)
    return (counts + counts.T + diags_array(own)).tocsr()


def _mutual_information(counts: csr_array) -> csr_array:
    """Positive pointwise mutual information of neighbours."""
    sums = np.asarray(counts.sum(axis=1)).ravel()
    expected = sums**_SMOOTHING
    expected /= max(expected.sum(), 1e-30)
    rows = np.repeat(np.arange(len(sums)), np.diff(counts.indptr))
    # A draw may have left a token out; its row stays empty.
    occurs = counts.data > 0
    values = np.zeros_like(counts.data)
    values[occurs] = np.log(
        counts.data[occurs] / (sums[rows] * expected[counts.indices])[occurs]
    )
    np.maximum(values, 0, out=values)
    information = csr_array((values, counts.indices, counts.indptr), counts.shape)
    information.eliminate_zeros()
    return information
