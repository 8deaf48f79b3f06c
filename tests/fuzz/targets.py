"""What is fed: for each kind of file, seeds, a way to damage them, and who reads them.

A target takes bytes, puts them where they belong, and uses what was read. It may raise
`DOCUMENTED` errors, and nothing else.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from fuzz.mutate import (
    Mutator,
    after_first,
    mutate_archive,
    mutate_bytes,
    mutate_json,
    mutate_safetensors,
    mutate_texts,
)
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

import sk_m2v
from sk_m2v import StaticEmbedding

DOCUMENTED = (ValueError, TypeError, OSError)
TEXTS = [
    *(
        "red cats and a blue dog.",
        "",
        "  ",
        "caf\u00e9 e\u0301 \u6f22\u5b57 \U0001f600",
    ),
    *("aaaaaaaaaaaaaaaaaaaaaaaaaaaab", "\ud800 red", "red\0cat \U0010fffd \u2581"),
]
WORDS = ["[UNK]", "[PAD]", "red", "green", "blue", "cat", "dog", "##s", ".", ","]
FILMS = ["a great film", "a lovely film", "a dull film", "a boring film", "red cat"]


@dataclass(frozen=True)
class Target:
    """Seeds, a way to damage them, and a function that reads."""

    seeds: list[bytes]
    mutate: Mutator
    run: Callable[[bytes], object]
    #: Memory that may be taken, times the size of an input.
    memory: float = 2


def _wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece({it: i for i, it in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[UNK]", "[PAD]"])
    return tokenizer


def _bpe() -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {it: i for i, it in enumerate([*letters, "re", "red", "ca"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("r", "e"), ("re", "d"), ("c", "a")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _unigram() -> Tokenizer:
    pieces = [("<unk>", 0.0), ("\u2581", -1.0), ("\u2581red", -2.0), ("cat", -2.0)]
    letters = [(it, -4.0) for it in "abcdefghijklmnopqrstuvwxyz."]
    tokenizer = Tokenizer(models.Unigram(pieces + letters, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(".", " . "),
            normalizers.Replace(Regex("\\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def _split() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"red": 0, "cat": 1, "?": 2}, "?"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex("[aeiou]+"), "a")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("\\w+|[^\\w\\s]+"), "isolated"),
            pre_tokenizers.Digits(),
        ]
    )
    return tokenizer


def tiny_model(tokenizer: Tokenizer | None = None, **config: Any) -> StaticEmbedding:
    """A model of a few tokens and eight dimensions."""
    tokenizer = _wordpiece() if tokenizer is None else tokenizer
    vectors = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 8))
    config = {"normalize": True, "max_length": 8, **config}
    return StaticEmbedding(vectors.astype(np.float32), tokenizer, config=config)


_stamps = count(1)


def put(path: Path, data: bytes) -> None:
    """Write a file that no cache takes for the one before."""
    path.write_bytes(data)
    stamp = next(_stamps)
    os.utime(path, ns=(stamp, stamp))


def _encode(folder: Path) -> object:
    return StaticEmbedding.from_pretrained(folder).encode(TEXTS)


def _config(folder: Path) -> Target:
    tiny_model(title="x").save_pretrained(folder)
    file = folder / "config.json"

    def run(data: bytes) -> object:
        put(file, data)
        return _encode(folder)

    return Target([file.read_bytes()], mutate_json, run)


_MODULES = ("config_sentence_transformers.json", "modules.json", "1_Dense/config.json")


def _modules(folder: Path) -> Target:
    """All JSON of a folder of sentence-transformers, in one."""
    from safetensors.numpy import save

    tiny_model().save_pretrained(folder, layout="sentence-transformers")
    (folder / "1_Dense").mkdir()
    weight = np.ones((4, 8), np.float32)
    (folder / "1_Dense/model.safetensors").write_bytes(save({"linear.weight": weight}))
    (folder / _MODULES[2]).write_text(
        '{"in_features": 8, "out_features": 4, "bias": false, '
        '"activation_function": "torch.nn.modules.linear.Identity"}'
    )
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"path": "1_Dense", "type": "sentence_transformers.models.Dense"}
    modules.insert(1, {"idx": 1, "name": "1", **dense})
    (folder / "modules.json").write_text(json.dumps(modules))
    whole = {it: json.loads((folder / it).read_text()) for it in _MODULES}

    def run(data: bytes) -> object:
        try:
            parts = json.loads(data)
            found = {it: json.dumps(parts[it]).encode() for it in _MODULES}
        except (*DOCUMENTED, LookupError, RecursionError):
            found = {_MODULES[1]: data}
        for name, content in found.items():
            put(folder / name, content)
        return _encode(folder)

    return Target([json.dumps(whole).encode()], mutate_json, run)


@contextmanager
def _without(module: str) -> Iterator[None]:
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before


def _tokenizer(folder: Path) -> Target:
    """Through all backends; the first byte says whose vectors are beside it."""
    from sk_m2v.embedding.tokens._tokens import load_backend, token_ids

    tokenizers = [_wordpiece(), _bpe(), _unigram(), _split()]
    seeds = []
    for i, it in enumerate(tokenizers):
        tiny_model(it).save_pretrained(folder / str(i))
        seeds.append(bytes([i]) + it.to_str().encode())

    def run(data: bytes) -> object:
        model = folder / str((data[0] if data else 0) % len(tokenizers))
        put(model / "tokenizer.json", data[1:])
        refused: Exception | None = None
        try:
            _encode(model)
        except DOCUMENTED as error:  # of a vocabulary of another size, perhaps
            refused = error
        text = data[1:].decode("utf-8", "replace")
        token_ids(load_backend(text), TEXTS, 5)
        with _without("nanotoken"), _without("gigatoken.gigatoken_rs"):
            token_ids(load_backend.__wrapped__(text), TEXTS, None)
        if refused is not None:
            raise refused
        return None

    return Target(seeds, after_first(mutate_json), run)


def _safetensors(folder: Path) -> Target:
    from safetensors.numpy import load, save

    file = folder / "model.safetensors"
    model = tiny_model()
    seeds = []
    for it in (model, model.quantize("int8", vocabulary_quantization=6)):
        it.save_pretrained(folder)
        seeds.append(file.read_bytes())
    tensors = {name: it.copy() for name, it in load(seeds[0]).items()}
    halves = save({name: it.astype(np.float16) for name, it in tensors.items()})
    seeds += [halves, halves.replace(b"F16 ", b"BF16").replace(b'"F16"', b'"BF16"')]

    def run(data: bytes) -> object:
        put(file, data)
        return _encode(folder)

    return Target(seeds, mutate_safetensors, run)


def _estimators(folder: Path) -> list[Path]:
    """Folders of fitted estimators of every kind."""
    model = tiny_model()
    y = ["+", "+", "-", "-", "?"]
    lists = [["a"], ["a", "b"], ["b"], [], ["c"]]
    numbers = [[1.0, 2.0], [1.5, 2.5], [0.0, 1.0], [0.5, 1.0], [3.0, 3.0]]
    short = {"model": model, "max_epochs": 1, "random_state": 0}
    made = [
        sk_m2v.FeatureExtractionClassifier(model, letter_ngrams=None).fit(FILMS, y),
        sk_m2v.FeatureExtractionClassifier(model).fit(FILMS, y),
        sk_m2v.FeatureExtractionClassifier(model).fit(FILMS, lists),
        sk_m2v.StaticClassifier(**short, n_layers=1, hidden_dim=4).fit(FILMS, y),
        sk_m2v.StaticRegressor(**short).fit(FILMS, numbers),
        sk_m2v.StaticEmbeddingTransformer(model).fit(FILMS),
        sk_m2v.TokenTfidfVectorizer(model, stop_words=["red"]).fit(FILMS),
        sk_m2v.ContrastiveTransformer(**short).fit(FILMS, FILMS[::-1]),
    ]
    folders = []
    for i, it in enumerate(made):
        folders.append(folder / str(i))
        it.save_pretrained(folders[-1])
    return folders


def use(estimator: Any) -> None:
    """Call what a fitted estimator has to offer."""
    if isinstance(estimator, StaticEmbedding):
        estimator.encode(TEXTS)
        return
    for name in ("predict", "predict_proba", "transform", "explain"):
        if hasattr(estimator, name):
            getattr(estimator, name)(TEXTS)


def _estimator_files(name: str, mutate: Mutator) -> Callable[[Path], Target]:
    """A file beside the embedding; the first byte says of which estimator."""

    def make(folder: Path) -> Target:
        folders = _estimators(folder)
        seeds = [
            bytes([i]) + (it / name).read_bytes()
            for i, it in enumerate(folders)
            if (it / name).is_file()
        ]

        def run(data: bytes) -> object:
            chosen = folders[(data[0] if data else 0) % len(folders)]
            put(chosen / name, data[1:])
            return use(sk_m2v.load(chosen))

        return Target(seeds, after_first(mutate), run)

    return make


def _pipeline(folder: Path) -> Target:
    """Heads of model2vec, of today: configuration or arrays."""
    model = tiny_model()
    fitted = sk_m2v.StaticClassifier(
        model, max_epochs=1, lexical=False, n_layers=1, hidden_dim=4, random_state=0
    ).fit(FILMS, ["+", "+", "-", "-", "?"])
    fitted.save_pretrained(folder, layout="model2vec")
    files = [folder / "config.json", folder / "head.safetensors"]
    whole = [it.read_bytes() for it in files]

    def run(data: bytes) -> object:
        which = (data[0] if data else 0) % 2
        put(files[which], data[1:])
        put(files[1 - which], whole[1 - which])
        return use(sk_m2v.load(folder))

    def mutate(rng: Any, data: bytes) -> bytes:
        is_json = (data[0] if data else 0) % 2 == 0
        kind = mutate_json if is_json else mutate_safetensors
        return after_first(kind)(rng, data)

    return Target([b"\0" + whole[0], b"\1" + whole[1]], mutate, run)


def _old_pipeline(folder: Path) -> Target:
    """Heads of model2vec as it wrote them before: files of skops."""
    import skops.io
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    model = tiny_model()
    model.save_pretrained(folder)
    head = MLPClassifier((4,), solver="lbfgs", max_iter=1_000, random_state=0)
    vectors = model.encode(FILMS)
    seeds = [
        skops.io.dumps(make_pipeline(head.fit(vectors, y)))
        for y in (["+", "+", "-", "-", "?"], ["+", "+", "-", "-", "-"])
    ]

    def run(data: bytes) -> object:
        put(folder / "pipeline.skops", data)
        return use(sk_m2v.load(folder))

    return Target(seeds, mutate_archive, run)


_CONFIGURATION = """\
random_state: 3
data: {train: reviews.csv, test: [a.csv, b.csv], text: [title, body], label: stars}
prepare: {duplicates: near, validation_size: 0.1}
train:
  estimator: FT
  lr: 1e-3
  ngram_range: [1, 2]
  patience: null
  callbacks: [{name: EarlyStopping, patience: 3}]
  class_weight: {x: 2, y: .5}
search: {parameters: {lr: [1e-2, 1E-3]}}
output: {folder: runs/ft}
"""
_TOML = """\
random_state = 3
[data]
train = "reviews.csv"  # a comment
text = ["title",
   "body"]
label = 'stars'
[train]
estimator = "FT"
lr = 1e-3
"class_weight" = {x = 2, y = 0.5}
[[train.callbacks]]
name = "EarlyStopping"
[output]
folder = "runs/ft"
"""


def _configuration(suffix: str, text: str) -> Callable[[Path], Target]:
    def make(folder: Path) -> Target:
        from sk_m2v.cli.configuration import check, read

        (folder / "base.toml").write_text("[train]\nlr = 1\n")
        file = folder / f"run{suffix}"

        def run(data: bytes) -> object:
            put(file, data)
            return check(read(file))

        extended = text.replace("random_state", "extends: base.toml\nrandom_state", 1)
        if suffix == ".toml":
            extended = 'extends = ["base.toml"]\n' + text
        odd = {
            ".toml": text + 'when = 1979-05-27T07:32:00Z\nlong = """\nkey = 1\n"""\n',
            ".yaml": f"a: &a {{b: 1}}\nc: [*a, *a]\nwhen: 2001-12-14t21:59:43\n{text}",
        }
        seeds = [text, text, extended, odd[suffix]]
        return Target([it.encode() for it in seeds], mutate_bytes, run)

    return make


def _table(folder: Path) -> Target:
    """Tables of every format; the first byte says which, and how to read it."""
    import pyarrow as pa
    import pyarrow.parquet

    from sk_m2v.tables import batches, read

    rows = [("good, very", "5"), ('b"ad', "1"), ("f\u00fcr\n\u6f22", ""), ("x", "2")]
    csv = "text,stars\n" + "".join(
        '"{}",{}\n'.format(a.replace('"', '""'), b) for a, b in rows
    )
    lines = "".join(json.dumps({"text": a, "stars": b}) + "\n" for a, b in rows)
    table = pa.table({"text": [a for a, _ in rows], "n": [1, 2, None, 4]})
    buffers = [io.BytesIO(), io.BytesIO()]
    pa.parquet.write_table(table, buffers[0])
    nested = {"text": table["text"], "more": [[1], [], None, [2, 3]]}
    pa.parquet.write_table(pa.table(nested), buffers[1], compression="zstd")
    formats = [
        *("csv", "tsv", "jsonl", "text", "parquet", "parquet", "parquet", "csv"),
        *("csv", "jsonl"),
    ]
    contents = [
        *(csv.encode(), csv.replace(",", "\t").encode(), lines.encode(), csv.encode()),
        *(buffers[0].getvalue(), buffers[1].getvalue()),
        *(gzip.compress(buffers[0].getvalue()), gzip.compress(csv.encode())),
        *(csv.encode("utf-16"), lines.encode("latin-1", "replace")),
    ]
    file = folder / "table"

    def run(data: bytes) -> object:
        first = data[0] if data else 0
        put(file, data[1:])
        options: dict[str, Any] = {"format": formats[first % len(formats)]}
        if first & 64:
            options["fallback_encoding"] = "cp1252"
        if first & 128:
            return list(batches(file, size=2, **options))
        return read(file, **options)

    seeds = [
        bytes([i + bits - (i + bits) % len(formats) + i]) + content
        for bits in (0, 70, 140)
        for i, content in enumerate(contents)
    ]
    return Target(seeds, after_first(mutate_bytes), run)


def _texts(folder: Path) -> Target:
    """Texts for every estimator and every backend."""
    estimators = [sk_m2v.load(it) for it in _estimators(folder)]
    embeddings = [tiny_model(it()) for it in (_bpe, _unigram, _split)]
    embeddings.append(StaticEmbedding.from_pretrained())
    zero_shot = sk_m2v.ZeroShotClassifier(["red", "blue"], model=tiny_model()).fit(
        FILMS
    )
    everything = [*embeddings, *estimators, zero_shot]

    def run(data: bytes) -> object:
        texts = data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace")
        rows = texts.split("\n")
        chosen = everything
        if len(texts) > 100_000:  # a second for some: one after the other
            chosen = [everything[len(texts) % len(everything)]]
        for it in chosen:
            for name in ("encode", "predict", "predict_proba", "transform"):
                if hasattr(it, name):
                    getattr(it, name)(rows)
        if len(texts) < 1_000:
            estimators[0].explain(rows)
        return None

    seeds = [text.encode("utf-8", "replace") for text in TEXTS]
    # `tokenizers` has an object for each text, of some hundred bytes a token.
    return Target(seeds, mutate_texts, run, memory=400)


def _training(folder: Path) -> Target:
    """Files of `ResumePoint`."""
    from sk_m2v.train import ResumePoint

    file = folder / "training.pt"
    fitted = sk_m2v.StaticClassifier(
        tiny_model(), max_epochs=2, random_state=0, callbacks=[ResumePoint(file)]
    )

    def fit() -> object:
        return fitted.fit(FILMS, ["+", "+", "-", "-", "-"])

    fit()
    seed = file.read_bytes()

    def run(data: bytes) -> object:
        put(file, data)
        return fit()

    return Target([seed], mutate_archive, run)


def _vectors(folder: Path) -> Target:
    """Files that keep the vectors of a teacher."""
    from sk_m2v.distill.teachers._cache import VectorCache
    from sk_m2v.distill.teachers._callable import CallableTeacher

    teacher = CallableTeacher(_lengths)

    def read() -> object:
        with VectorCache(folder, teacher) as cache:
            return cache.get_or_compute(FILMS, teacher.encode)

    read()
    (file,) = folder.glob("*.sqlite")
    seed = file.read_bytes()

    def run(data: bytes) -> object:
        put(file, data)
        return read()

    return Target([seed], mutate_bytes, run)


def _lengths(texts: list[str]) -> list[list[int]]:
    return [[len(it)] for it in texts]


#: Makes each target in an empty folder, and how many of a thousand inputs it gets.
TARGETS: dict[str, tuple[Callable[[Path], Target], int]] = {
    "config": (_config, 80),
    "modules": (_modules, 80),
    "tokenizer": (_tokenizer, 160),
    "safetensors": (_safetensors, 160),
    "estimator": (_estimator_files("estimator.json", mutate_json), 120),
    "arrays": (_estimator_files("estimator.safetensors", mutate_safetensors), 80),
    "pipeline": (_pipeline, 60),
    "old_pipeline": (_old_pipeline, 20),
    "toml": (_configuration(".toml", _TOML), 50),
    "yaml": (_configuration(".yaml", _CONFIGURATION), 50),
    "table": (_table, 80),
    "texts": (_texts, 50),
    "training": (_training, 5),
    "vectors": (_vectors, 5),
}
