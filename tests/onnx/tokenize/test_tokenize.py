"""Tokenizing inside a graph gives the ids that it gives in Python."""

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from conftest import shared
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_graphs import as_model
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
)

from sk_m2v.distill.vocabulary._terms import add_terms
from sk_m2v.embedding.tokens._backends import TokenIds
from sk_m2v.embedding.tokens._tokens import load_backend, token_ids
from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._subgraphs import INTS, Value
from sk_m2v.onnx.tokenize._tokenize import tokenize
from sk_m2v.train.features._new_embedding import train_tokenizer

STRING = Value(8)
EXACT = [
    "bert-base-cased",
    "bert-base-chinese",
    "bert-base-multilingual-uncased",
    "bert-base-uncased",
    "bert-uncased-dh",
    "bert-uncased-minilm",
    "potion-wordpiece",
    "gpt2-bytelevel-bpe",
    "phi2-bytelevel-bpe",
    "roberta-bytelevel-bpe",
    "whisper-tiny-bytelevel-bpe",
    "m2v-vocabquant-unigram",
]
SENTENCES = [
    "The quick brown fox jumps over the lazy dog, unbelievably!",
    "Naïve café owners re-tokenize Überraschungen in 2024?",
    "new york, new yorker, renew york; NEW YORK (new  york) new-york new\tyork",
    "中文字符 и русский текст; 한국어 텍스트 אבג ﬁne",
    "[CLS] tokens [SEP][MASK] are [mask] [UNK] found",
    "C++ and c# 3.14 a_b __init__ x\u200by e\u0301 E\u0301",
    "\u3000 \xa0\n\t ",
    "",
    "!!!???...",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101 + " " + "ab" * 700,
    "nul\0inside and \ufffd replaced \U0010ffff \U0001f600 emoji",
]


class InGraph:
    """A tokenizer as a graph, from texts to ids and offsets."""

    def __init__(self, tokenizer, max_length=None, threads=1):
        graph = Graph()
        tokens = tokenize(graph, "text", tokenizer, max_length)
        model = as_model(graph, {"text": STRING}, dict.fromkeys(tokens, INTS))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self._names = [*tokens]
        self._backend = load_backend(tokenizer)
        self._max_length = max_length

    def __call__(self, texts):
        return self._session.run(self._names, {"text": np.array(texts, object)})

    def differing(self, texts):
        """Texts whose ids are not those of Python."""
        graph = TokenIds(*self(texts))
        python = token_ids(self._backend, texts, self._max_length)
        return [
            (text, *rows)
            for text, *rows in zip(texts, rows_of(graph), rows_of(python), strict=True)
            if rows[0] != rows[1]
        ]


def rows_of(tokens):
    return [tokens.ids[a:b].tolist() for a, b in pairwise(tokens.offsets)]


@pytest.fixture(scope="module")
def bundled(default_model):
    return default_model.tokenizer_json


@pytest.fixture(scope="module")
def encode(bundled):
    return InGraph(bundled)


@pytest.mark.parametrize("max_length", [None, 1, 7])
def test_same_ids(bundled, max_length):
    assert InGraph(bundled, max_length).differing(SENTENCES) == []


def test_no_texts(encode):
    ids, offsets = encode([])
    assert ids.tolist() == []
    assert offsets.tolist() == [0]


@pytest.mark.parametrize("text", SENTENCES)
def test_alone_as_in_a_batch(encode, text):
    assert encode.differing([text]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_parity_strings(name, parity_strings):
    path = shared(f"tokenizers/{name}") / "tokenizer.json"
    assert InGraph(path.read_text(), 100).differing(parity_strings) == []


unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
near_text = st.text(
    st.sampled_from("aeinrstAEIT  \t\n.,!'-[]CLSEPMASK#é\u0301ßİ中가ﬁ\0\x9f\u200d"),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(unicode_text | near_text, max_size=8))
def test_any_text(encode, texts):
    assert encode.differing(texts) == []


TERMS = [
    "new york",
    "york",
    "new york city",
    "xenolith",
    "café crème",
    "c++",
    "中国",
    "a",
]


@pytest.fixture(scope="module")
def with_terms(bundled):
    return add_terms(bundled, TERMS)[0]


@pytest.fixture(scope="module")
def encode_terms(with_terms):
    return InGraph(with_terms)


WORDS = "new/York/NEW/city/er/re/ / /,/[MASK]/中/国/cafe/creme/c/+/_/é/x/\u0301/²"
term_text = st.lists(st.sampled_from(TERMS + WORDS.split("/")), max_size=10).map(
    "".join
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(term_text, max_size=6))
def test_terms_of_several_words(encode_terms, texts):
    assert encode_terms.differing(texts) == []


def test_terms_in_sentences(encode_terms):
    assert encode_terms.differing(SENTENCES) == []


def _small(normalizer, pre_tokenizer, added=()):
    tokens = [
        "[UNK]",
        "new",
        "york",
        "##er",
        "##s",
        "2",
        "##0",
        "+",
        "++",
        "e",
        "é",
        "-",
    ]
    model = models.WordPiece({token: i for i, token in enumerate(tokens)})
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.add_tokens(list(added))
    return tokenizer.to_str()


ODD = {
    "no normalizer": (None, pre_tokenizers.BertPreTokenizer()),
    "whitespace": (normalizers.Lowercase(), pre_tokenizers.Whitespace()),
    "split at whitespace": (
        normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
        pre_tokenizers.WhitespaceSplit(),
    ),
    "digits": (
        normalizers.Replace("_", " - "),
        pre_tokenizers.Sequence(
            [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
        ),
    ),
    "runs of digits": (
        normalizers.BertNormalizer(),
        pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits()]
        ),
    ),
}


@pytest.fixture(scope="module", params=ODD)
def odd(request):
    return InGraph(_small(*ODD[request.param]))


def test_other_parts(odd):
    texts = ["new yorkers ++ +new2020+é e\u0301-_20", "2new+ ++", "NEW_YORK é2"]
    assert odd.differing(texts + SENTENCES) == []


PARTS = ["new", "york", "er", "s", "2", "0", "+", "é", "e", "\u0301", " ", "-", "_"]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(PARTS)).map("".join)))
def test_other_parts_any_text(odd, texts):
    assert odd.differing(texts) == []


@pytest.mark.parametrize("kind", ["word", "wordpiece", "bpe"])
def test_own_tokenizers(kind):
    texts = ["some texts to learn words from", "words of texts, and more words"] * 3
    tokenizer = train_tokenizer(
        texts, kind=kind, vocab_size=60, min_frequency=1, lowercase=True
    )
    assert InGraph(tokenizer).differing([*SENTENCES, *texts, "text wordss"]) == []


def test_long_texts(encode):
    texts = [
        "short one",
        "unbelievable words, " * 50_000,
        "a" * 20_000,
        "!" * 30_000,
        "",
    ]
    assert encode.differing(texts) == []


@pytest.mark.parametrize("threads", [2, 4])
def test_threads(bundled, encode, threads):
    texts = SENTENCES * 100
    for a, b in zip(
        encode(texts), InGraph(bundled, threads=threads)(texts), strict=True
    ):
        assert a.tobytes() == b.tobytes()


BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
MERGES = [("Ġ", "a"), ("a", "b"), ("Ġa", "b"), ("'", "s"), ("Ã", "©"), ("Ġ", "Ġ")]
MERGES += [("1", "2"), ("!", "!"), ("Ċ", "Ċ"), ("ĠĠ", "Ġ")]


@pytest.fixture(scope="module")
def byte_level():
    """Byte-level BPE with added tokens of all kinds."""
    tokens = BYTES + ["".join(pair) for pair in MERGES]
    model = models.BPE({token: i for i, token in enumerate(tokens)}, MERGES)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    takes = AddedToken("<mask>", lstrip=True), AddedToken("<s>", rstrip=True)
    tokenizer.add_special_tokens(["<|end|>", *takes])
    tokenizer.add_tokens(
        [
            AddedToken("ab ab", single_word=True, lstrip=True),
            AddedToken("<|e", rstrip=True),
            "   ",
            "bé",
        ]
    )
    return InGraph(tokenizer.to_str())


BYTE_PARTS = "a/b/ab/ / /  /\n/\t/\u00a0/\u3000/'s/'re/'/1/2/!/é/中/\U0001f600/\u0301"
BYTE_PARTS += "/<|end|>/<|e/<mask>/<s>/<|/ab ab/bé/\0/\ue000/\U0010ffff/²/\x1c/\x85"


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(BYTE_PARTS.split("/"))).map("".join)))
def test_bytes(byte_level, texts):
    assert byte_level.differing(texts) == []


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(unicode_text, max_size=8))
def test_bytes_of_any_text(byte_level, texts):
    assert byte_level.differing(texts) == []


TAKEN = ["<|e <mask>", "<|e  <mask> <mask>", "a<|e <mask> ", "<mask> <|e <|e <mask>"]
TAKEN += [
    "<mask>ab ab",
    "ab ab<mask>",
    "<mask> ab ab",
    "<|e ab ab",
    "<|e  ab ab <mask>",
]
TAKEN += ["<|e    ", "<|e     <mask>", "<|e   x", "<|e       x", "<|e    <s>    "]
TAKEN += ["<s> <mask>", "<s>  <mask> <s> <mask>", "<mask> <s> a", "<s> <|e <mask>"]


@pytest.mark.parametrize("text", TAKEN)
def test_whitespace_that_two_tokens_take(byte_level, text):
    assert byte_level.differing([text, text, "", "<mask>"]) == []


def test_bytes_of_sentences(byte_level):
    assert byte_level.differing(SENTENCES) == []


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "split"])
def unigram(request):
    """Unigram in the form in which model2vec writes it."""
    pieces = [("[UNK]", 0.0), ("▁", -3.0), ("a", -2.0), ("b", -2.5), ("▁a", -1.5)]
    pieces += [("ab", -3.0), ("▁ab", -4.0), ("ba", -4.5), ("!", -1.0), ("aa", -4.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, 0, False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.BertNormalizer(),
            normalizers.Replace("!", " ! "),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=request.param)
    tokenizer.add_special_tokens(["[PAD]", "[UNK]"])
    return InGraph(tokenizer.to_str())


UNIGRAM_PARTS = st.sampled_from(
    [*"abAx!é▁ \n\u3000", "  ", "[PAD]", "[UNK]", "[", "\0"]
)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.lists(UNIGRAM_PARTS).map("".join)))
def test_unigram(unigram, texts):
    assert unigram.differing(texts) == []


def test_unigram_of_sentences(unigram):
    assert unigram.differing([*SENTENCES, "", " "]) == []
    assert unigram.differing([""]) == []
    assert unigram.differing([]) == []


REFUSED = {
    "NFC": (normalizers.NFC(), pre_tokenizers.BertPreTokenizer()),
    "WordPiece": (None, pre_tokenizers.Metaspace()),
    "behind bytes": (None, pre_tokenizers.ByteLevel()),
    "UnicodeScripts": (None, pre_tokenizers.UnicodeScripts()),
    "does not cut words at spaces": (None, None),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_by_name(reason):
    with pytest.raises(ValueError, match=reason):
        InGraph(_small(*REFUSED[reason]))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("t5small-unigram", "Precompiled"),
        ("clip-bpe", "NFC"),
        ("phi3mini-metaspace-bpe", "Prepend"),
    ],
)
def test_refused_tokenizers(name, reason):
    path = shared(f"tokenizers/{name}") / "tokenizer.json"
    with pytest.raises(ValueError, match=reason):
        InGraph(path.read_text())
