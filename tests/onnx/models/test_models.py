"""Word models as graphs give the tokens of `tokenizers`."""

from __future__ import annotations

import json
import time
from itertools import product
from typing import Any

import numpy as np
import onnxruntime
import pytest
from conftest import shared
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx_graphs import as_model
from tokenizers import Tokenizer

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INTS
from sk_m2v.onnx.models import _bpe_merges, _viterbi
from sk_m2v.onnx.models._bpe import BpeModel
from sk_m2v.onnx.models._unigram import UnigramModel
from sk_m2v.onnx.models._word_model import WordModel, Words
from sk_m2v.train.features._new_embedding import train_tokenizer

KINDS = {"BPE": BpeModel, "Unigram": UnigramModel}
BYTE_LEVEL = ["gpt2", "roberta", "phi2", "whisper-tiny"]
# Not in the alphabet of any of the random models.
STRANGE = "?!"


def tokenizer_of(model: dict[str, Any]) -> Tokenizer:
    parts = ["normalizer", "pre_tokenizer", "post_processor", "decoder"]
    parts += ["truncation", "padding"]
    empty: dict[str, Any] = {"version": "1.0", "added_tokens": []}
    return Tokenizer.from_str(
        json.dumps(empty | dict.fromkeys(parts) | {"model": model})
    )


class Runner:
    """A model in `tokenizers` and in onnxruntime."""

    def __init__(self, model: dict[str, Any], specials: tuple[int, ...] = ()) -> None:
        self.tokenizer = tokenizer_of(model)
        # Scores as the library holds them: its JSON parser may round differently.
        model = json.loads(self.tokenizer.to_str())["model"]
        self.model: WordModel = KINDS[model["type"]](model, specials)
        graph = Graph()
        pieces = self.model.pieces(graph, Words("symbols", "starts", "ends"))
        proto = as_model(
            graph,
            dict.fromkeys(["symbols", "starts", "ends"], INTS),
            {pieces.ids: INTS, pieces.words: INTS},
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(proto.SerializeToString(), options)

    def run(self, words: list[list[int]], gap: int = 0) -> list[list[int]]:
        lengths = np.array([len(it) for it in words], np.int64)
        ends = np.cumsum(lengths + gap, dtype=np.int64)
        starts = ends - lengths
        symbols = np.full(ends[-1] + gap if len(ends) else gap, 1, np.int64)
        for start, word in zip(starts, words, strict=True):
            symbols[start : start + len(word)] = word
        feed = {"symbols": symbols, "starts": starts, "ends": ends}
        ids, owners = self.session.run(None, feed)
        assert ids.dtype == owners.dtype == np.int64
        assert (np.diff(owners) >= 0).all()
        found: list[list[int]] = [[] for _ in words]
        for index, owner in zip(ids.tolist(), owners.tolist(), strict=True):
            found[owner].append(index)
        return found

    def ids(self, words: list[str], gap: int = 0) -> list[list[int]]:
        numbers, unknown = self.model.symbols, self.model.unknown_symbol
        return self.run([[numbers.get(c, unknown) for c in it] for it in words], gap)

    def check(self, words: list[str], gap: int = 0) -> None:
        expected = [it.ids for it in self.tokenizer.encode_batch(words)]
        for word, got, wanted in zip(
            words, self.ids(words, gap), expected, strict=True
        ):
            assert got == wanted, word


def real(name: str, texts: list[str]) -> tuple[Runner, list[str]]:
    """Model of a tokenizer, and the words that its pre-tokenizer makes of texts."""
    file = shared("tokenizers") / name / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    if tokenizer.normalizer is not None:
        texts = [tokenizer.normalizer.normalize_str(text) for text in texts]
    cut = tokenizer.pre_tokenizer.pre_tokenize_str
    words = {word for text in texts for word, _ in cut(text)}
    return Runner(json.loads(tokenizer.to_str())["model"]), sorted(words)


@pytest.mark.parametrize(
    "name",
    [
        *(f"{it}-bytelevel-bpe" for it in BYTE_LEVEL),
        "clip-bpe",
        "m2v-vocabquant-unigram",
        "t5small-unigram",
    ],
)
def test_words_of_real_texts(name, parity_strings):
    runner, words = real(name, parity_strings)
    runner.check(words)
    runner.check(words[::50], gap=2)
    for word in words[::500]:
        runner.check([word])


# --- Byte pair encoding ---------------------------------------------------------------


def bpe(pairs: list[tuple[str, str]], letters: str, **options: Any) -> dict[str, Any]:
    """A model, whose vocabulary is what the merges need."""
    tokens = [*options.get("extra", []), *letters]
    prefix = options.get("continuing_subword_prefix") or ""
    suffix = options.get("end_of_word_suffix") or ""
    tokens += [prefix + it for it in letters]
    tokens += [it + suffix for it in tokens]
    for left, right in pairs:
        tokens += [left, right, left + right[len(prefix) :]]
    if options.get("unk_token"):
        tokens.append(options["unk_token"])
    options = {key: value for key, value in options.items() if key != "extra"}
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return {"type": "BPE", "vocab": vocabulary, "merges": pairs, **options}


@st.composite
def bpe_models(draw: st.DrawFn) -> dict[str, Any]:
    """Merges in any order, most of which a trainer would not make."""
    letters = "abc"
    prefix = draw(st.sampled_from(["", "", "#"]))
    suffix = draw(st.sampled_from(["", "", "."]))
    tokens = [*letters]
    pairs = []
    for _ in range(draw(st.integers(0, 12))):
        left = draw(st.sampled_from(tokens))
        right = draw(st.sampled_from(tokens))
        left = prefix * draw(st.booleans()) + left
        right, end = prefix + right, draw(st.booleans())
        pairs.append((left, right + suffix * end))
        if not end:
            tokens.append((left + right).replace("#", ""))
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))
    return bpe(
        [*pairs],
        letters if draw(st.booleans()) else letters[:2],
        continuing_subword_prefix=prefix or None,
        end_of_word_suffix=suffix or None,
        unk_token=draw(st.sampled_from([None, "<unk>"])),
        fuse_unk=draw(st.booleans()),
        ignore_merges=draw(st.booleans()),
        extra=draw(st.lists(st.text("abc", min_size=2, max_size=5), max_size=4)),
    )


@given(
    bpe_models(),
    st.lists(st.text("aabc" + STRANGE, min_size=1, max_size=20), max_size=8),
    st.sampled_from([0, 3]),
)
@settings(max_examples=200, deadline=None)
def test_random_merges(model, words, gap):
    Runner(model).check(words, gap)


@pytest.mark.parametrize("ordered", [True, False])
def test_all_words_over_two_letters(ordered):
    pairs = [("a", "a"), ("a", "b"), ("aa", "aa"), ("ab", "ab"), ("aa", "b")]
    pairs += [("aab", "ab"), ("b", "b"), ("aaaa", "aaaa")]
    if not ordered:
        pairs.reverse()
    model = bpe(pairs, "ab")
    vocabulary = model["vocab"]
    ranks = {
        (vocabulary[left], vocabulary[right]): rank
        for rank, (left, right) in enumerate(pairs)
    }
    results = [vocabulary[left + right] for left, right in pairs]
    assert _bpe_merges.Merges(ranks, results, len(vocabulary)).ordered is ordered
    words = ["".join(it) for n in range(1, 11) for it in product("ab", repeat=n)]
    Runner(model).check(words)


def test_words_are_put_aside(monkeypatch):
    """Some words are done long before others."""
    monkeypatch.setattr(_bpe_merges, "_FEW", 0)
    monkeypatch.setattr(_bpe_merges, "_ROUNDS", 1)
    tokens = ["a" * n for n in range(1, 30)]
    runner = Runner(bpe([(it, "a") for it in tokens], "ab"))
    rng = np.random.default_rng(0)
    runner.check(["a" * n + "b" for n in rng.integers(1, 100, 50)])


@pytest.mark.parametrize("ignore_merges", [True, False])
def test_merges_or_not(ignore_merges):
    model = bpe([("a", "b")], "abc", ignore_merges=ignore_merges, extra=["abc", "xyz"])
    runner = Runner(model)
    runner.check(["abc", "ab", "c", "abcabc", "xyz", "xy"])
    assert len(runner.ids(["abc"])[0]) == 2 - ignore_merges


@pytest.mark.parametrize("fuse_unk", [True, False])
def test_unknown_symbols(fuse_unk):
    words = ["?", "??", "a??b", "??a", "a??", "ab?ab!?", "a?", "?" * 50]
    Runner(bpe([("a", "b")], "ab", unk_token="<unk>", fuse_unk=fuse_unk)).check(words)
    Runner(bpe([("a", "b")], "ab", fuse_unk=fuse_unk)).check(words)


def test_merges_with_the_unknown_token():
    pairs = [("?", "?"), ("?", "a"), ("??", "a")]
    for fuse_unk in (True, False):
        model = bpe(pairs, "ab", unk_token="?", fuse_unk=fuse_unk)
        Runner(model).check(["!a", "!!a", "!!!a", "b!!!!a", "a!"])


def test_trained_from_scratch(parity_strings):
    text = train_tokenizer(
        parity_strings[::3],
        kind="bpe",
        vocab_size=2000,
        min_frequency=2,
        lowercase=True,
    )
    tokenizer = Tokenizer.from_str(text)
    words = {
        word
        for string in parity_strings
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(
            tokenizer.normalizer.normalize_str(string)
        )
    }
    Runner(json.loads(text)["model"]).check(sorted(words))


@pytest.mark.parametrize("option", [{"byte_fallback": True}, {"dropout": 0.5}])
def test_bpe_that_has_no_graph(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        BpeModel(bpe([], "a") | option)


def test_bpe_without_its_unknown_token():
    with pytest.raises(ValueError, match="unk_token '<unk>'"):
        BpeModel(bpe([], "a") | {"unk_token": "<unk>"})


def test_long_words():
    letters = "abcdefghijklmnopqrst"
    rng = np.random.default_rng(0)
    tokens, pairs = [*letters], []
    for _ in range(500):
        left, right = rng.choice(tokens[-200:], 2)
        pairs.append((str(left), str(right)))
        tokens.append(str(left + right))
    pairs = list(dict.fromkeys(pairs))
    words = ["".join(rng.choice([*letters], 20_000)), "a" * 20_000, "ab" * 10_000]
    Runner(bpe(pairs, letters)).check(words)
    doubles = [("a" * 2**n, "a" * 2**n) for n in range(10)]
    Runner(bpe(doubles, letters)).check(words)


# --- Unigram --------------------------------------------------------------------------


def unigram(entries: dict[str, float]) -> dict[str, Any]:
    vocabulary = [["<unk>", 0.0], *map(list, entries.items())]
    return {"type": "Unigram", "unk_id": 0, "vocab": vocabulary, "byte_fallback": False}


# Few different scores, of which most have no exact sum: ties, and near ties.
SCORES = st.sampled_from([-0.1, -0.2, -0.3, -0.7, -1.1, -3.3, -2.0, -2.3])


@given(
    st.dictionaries(st.text("ab", min_size=1, max_size=5), SCORES, max_size=15),
    st.lists(st.text("aabb" + STRANGE, min_size=1, max_size=40), max_size=8),
    st.sampled_from([0, 3]),
)
@settings(max_examples=200, deadline=None)
def test_random_pieces(entries, words, gap):
    Runner(unigram(entries)).check(words, gap)


@given(
    st.dictionaries(st.text("ab▁", min_size=1, max_size=3), SCORES, max_size=8),
    st.lists(st.lists(st.text("ab", max_size=5), min_size=1, max_size=9), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_texts_without_a_split(entries, texts):
    """Parts of one word: what comes before them decides how sums are rounded."""
    entries = {key: value for key, value in entries.items() if "▁" not in key[1:]}
    assume(entries)
    Runner(unigram(entries)).check(["▁" + "▁".join(it) for it in texts])


def test_sequences_are_put_aside(monkeypatch):
    monkeypatch.setattr(_viterbi, "_FEW", 0)
    monkeypatch.setattr(_viterbi, "_STRETCH", 2)
    runner = Runner(unigram({"a": -1.0, "aa": -1.7, "b": -2.0, "aaa": -2.7}))
    rng = np.random.default_rng(0)
    runner.check(["".join(rng.choice(["a", "b"], n)) for n in rng.integers(1, 200, 50)])


def test_unknown_characters_are_one_token():
    runner = Runner(unigram({"a": -1.0, "bc": -2.0}))
    words = ["?", "??", "a??", "??a", "?a?", "b", "bb", "bcb", "<unk>", "?<unk>?"]
    runner.check([*words, *map("x".join, product(words, words))])


def test_equal_entries():
    model = unigram({"a": -1.0, "b": -1.0, "ab": -5.0})
    model["vocab"] += [["ab", -1.5], ["a", -1.0]]
    Runner(model).check(["ab", "a", "aab"])


def test_unigram_that_has_no_graph():
    model = unigram({"a": -1.0})
    for change, match in [
        ({"byte_fallback": True}, "byte_fallback"),
        ({"unk_id": None}, "unk_id"),
        (
            {"vocab": [["<unk>", 0.0], ["a", 11.0], ["b", 12.0]], "unk_id": 1},
            "positive",
        ),
        ({"vocab": [["?", 0.0], ["a??", -1.0]]}, "repeats"),
    ]:
        with pytest.raises(ValueError, match=match):
            UnigramModel(model | change)


@pytest.mark.slow
def test_one_long_text(parity_strings):
    file = shared("tokenizers") / "t5small-unigram" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    runner = Runner(json.loads(tokenizer.to_str())["model"])
    text = "▁".join(" ".join(parity_strings).split())
    start = time.perf_counter()
    runner.check([text[:200_000]])
    assert time.perf_counter() - start < 100


# --- Both -----------------------------------------------------------------------------

SMALL = [bpe([("a", "b")], "abc", unk_token="<unk>"), unigram({"a": -1.0, "ab": -1.5})]


@pytest.mark.parametrize("model", SMALL, ids=["bpe", "unigram"])
def test_nothing(model):
    runner = Runner(model)
    runner.check([])
    runner.check([], gap=3)
    runner.check(["a"], gap=3)
    assert runner.ids(["", "ab", "", "", "a", ""]) == runner.ids(
        ["", "ab", "", "", "a", ""], gap=1
    )


@pytest.mark.parametrize("model", SMALL, ids=["bpe", "unigram"])
def test_specials(model):
    runner = Runner(model, (0, 1000, 7))
    one, two, three = runner.model.specials
    a, b = (runner.model.symbols[it] for it in "ab")
    (ab,) = runner.ids(["ab"])
    assert runner.run([[a, b], [two], [one], [one], [a, b], [three]]) == [
        ab,
        [1000],
        [0],
        [0],
        ab,
        [7],
    ]
