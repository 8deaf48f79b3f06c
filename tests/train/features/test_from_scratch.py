"""The tokenizer and the vectors of a classifier that starts from its texts alone."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.train.features import _new_embedding
from sk_m2v.train.features._new_embedding import start_vectors, train_tokenizer

KINDS = ["word", "wordpiece", "bpe"]
TEXTS = ["the cats chase the mice", "Cats, cats and MICE!", "naïve cats", "日本 cats"]


def tokenizer(kind, texts=TEXTS, **options):
    options = {"vocab_size": 100, "min_frequency": 1, "lowercase": True, **options}
    return train_tokenizer(texts, kind=kind, **options)


def embedding(text):
    size = len(json.loads(text)["model"]["vocab"])
    vectors = np.ones((size, 2), dtype=np.float32)
    return StaticEmbedding(vectors, text, config={"normalize": True})


def words(text, content):
    ids = embedding(text).token_ids([content]).ids
    vocabulary = {i: it for it, i in json.loads(text)["model"]["vocab"].items()}
    return [vocabulary[i] for i in ids.tolist()]


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_token_is_0_and_alone_special(kind):
    parsed = json.loads(tokenizer(kind))
    assert parsed["model"]["vocab"]["[UNK]"] == 0
    assert parsed["model"]["unk_token"] == "[UNK]"
    assert [it["content"] for it in parsed["added_tokens"]] == ["[UNK]"]


@pytest.mark.parametrize("kind", KINDS)
def test_ids_have_no_gaps(kind):
    ids = json.loads(tokenizer(kind))["model"]["vocab"].values()
    assert sorted(ids) == list(range(len(ids)))


@pytest.mark.parametrize("kind", KINDS)
def test_frequent_words_are_tokens(kind):
    assert words(tokenizer(kind), "CATS mice") == ["cats", "mice"]


def test_unknown_words_are_left_out():
    assert words(tokenizer("word"), "cats hunt catsmice mice") == ["cats", "mice"]


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_unknown_words_are_put_together(kind):
    pieces = words(tokenizer(kind), "catsmice")
    assert len(pieces) > 1
    assert "".join(pieces).replace("##", "") == "catsmice"


@pytest.mark.parametrize("kind", KINDS)
def test_case_counts_where_wanted(kind):
    text = tokenizer(kind, lowercase=False)
    assert words(text, "cats") == ["cats"]
    assert words(text, "Cats") != ["cats"]


def test_words_seen_too_rarely_are_unknown():
    assert words(tokenizer("word", min_frequency=2), "the naive cats") == [
        "the",
        "cats",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_is_limited(kind):
    texts = [f"a{i:b} aab{i:b}" for i in range(100)]
    text = tokenizer(kind, texts, vocab_size=30)
    assert len(json.loads(text)["model"]["vocab"]) == 30


def test_rare_characters_beyond_the_limit_are_unknown(monkeypatch):
    monkeypatch.setattr(_new_embedding, "_MAX_CHARACTERS", 2)
    text = tokenizer("wordpiece", ["aab aab ba c"])
    characters = {it for it in json.loads(text)["model"]["vocab"] if len(it) == 1}
    assert characters == {"a", "b"}
    assert words(text, "c ba") == ["ba"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], [""], ["  \n"]])
def test_nothing_to_learn_from(kind, texts):
    text = tokenizer(kind, texts)
    assert json.loads(text)["model"]["vocab"] == {"[UNK]": 0}
    assert words(text, "cats") == []


@pytest.mark.parametrize("kind", ["word", "wordpiece"])
def test_fast_library_and_tokenizers_agree(kind):
    nanotoken = pytest.importorskip("nanotoken")
    from tokenizers import Tokenizer

    text = tokenizer(kind)
    fast = nanotoken.WordPieceTokenizer.from_json(text)
    content = "Naïve catsmice, 日本 [x] unseen!"
    ids, _ = fast.encode_batch([content], add_special_tokens=False, parallel=False)
    assert ids.tolist() == Tokenizer.from_str(text).encode(content).ids


def test_tokenizers_are_the_same_in_another_process():
    # Hash tables are in another order there, and there is another number of threads.
    texts = [" ".join(f"{i * j:x}" for j in range(9)) for i in range(99)]
    options = {"vocab_size": 150, "min_frequency": 1, "lowercase": True}
    code = """
import json, sys
from sk_m2v.train.features._new_embedding import train_tokenizer
texts, kinds, options = json.load(sys.stdin)
for kind in kinds:
    print(train_tokenizer(texts, kind=kind, **options))
"""
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    other = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([texts, KINDS, options]).encode(),
        check=True,
        capture_output=True,
        env=environment,
    )
    here = [tokenizer(kind, texts, **options) for kind in KINDS]
    assert other.stdout.decode().splitlines() == here


# --- Vectors ------------------------------------------------------------------------


def topics(n_texts=200, seed=0):
    """Texts of two topics, tokens 2 to 11 and 12 to 21, and of tokens 0 and 1."""
    rng = np.random.RandomState(seed)
    first = 2 + 10 * (np.arange(n_texts) % 2)
    rows = first[:, None] + rng.randint(10, size=(n_texts, 6))
    rows = np.hstack([rows[:, :3], rng.randint(2, size=(n_texts, 4)), rows[:, 3:]])
    offsets = np.arange(n_texts + 1, dtype=np.int64) * rows.shape[1]
    return TokenIds(rows.ravel().astype(np.int32), offsets)


def vectors(tokens, n_tokens=25, dim=8):
    return start_vectors(tokens, n_tokens, dim, None, np.random.RandomState(0))


def test_tokens_of_a_topic_are_similar():
    found = vectors(topics())
    unit = found[2:22] / np.linalg.norm(found[2:22], axis=1, keepdims=True)
    cosines = unit @ unit.T
    own = np.kron(np.eye(2), np.ones((10, 10))).astype(bool)
    assert cosines[own].mean() > cosines[~own].mean() + 0.3


def test_vectors_are_deterministic():
    assert_array_equal(vectors(topics()), vectors(topics()))


def test_form_of_vectors():
    found = vectors(topics())
    assert found.shape == (25, 8)
    assert found.dtype == np.float32
    lengths = np.linalg.norm(found, axis=1)
    assert_array_equal(lengths > 0, np.arange(25) < 22)  # the others never occur
    assert lengths.max() <= 1
    assert lengths[:2].max() < lengths[2:22].min()  # frequent ones are short


def test_more_dimensions_than_tokens():
    found = vectors(topics(), dim=30)
    assert found.shape == (25, 30)
    assert not found[:, 22:].any()


def test_texts_are_drawn_where_there_are_many(monkeypatch):
    monkeypatch.setattr(_new_embedding, "_MAX_TOKENS", 1000)
    lengths = np.diff(topics().offsets)
    taken = _new_embedding._draw(lengths, np.random.RandomState(0))
    assert lengths[taken].sum() == 1000
    assert_array_equal(vectors(topics()), vectors(topics()))
    monkeypatch.setattr(_new_embedding, "_MAX_TOKENS", 10)
    assert np.isfinite(vectors(topics())).all()


@pytest.mark.parametrize("lengths", [[], [0, 0], [1], [1, 0, 1]])
def test_vectors_of_next_to_nothing(lengths):
    ids = np.arange(sum(lengths), dtype=np.int32)
    tokens = TokenIds(ids, np.append(0, np.cumsum(lengths)).astype(np.int64))
    found = vectors(tokens)
    assert found.shape == (25, 8)
    assert np.isfinite(found).all()


def test_windows_end_with_the_text():
    ids, lengths = np.array([0, 1, 2]), np.array([2, 1])
    counts = _new_embedding._neighbours(ids, lengths, np.array([1.0, 3.0]), 3).toarray()
    assert_array_equal(counts, [[1, 1, 0], [1, 1, 0], [0, 0, 3]])
