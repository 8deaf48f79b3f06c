"""Messages of errors have at most 600 characters, whatever a user passed."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, tiny_tokenizer
from safetensors.numpy import save_file
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tokenizers import AddedToken

from sk_m2v import (
    ContrastiveTransformer,
    DistillTransformer,
    FeatureExtractionClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    StaticRegressor,
)
from sk_m2v._messages import LIMIT, listed, quoted, shortened
from sk_m2v._text import as_texts
from sk_m2v.onnx import OnnxModel, load, to_onnx

LONG = "long " * 10_000
FILES = sorted((ROOT / "sk_m2v").rglob("*.py"))
# What makes a value short, and other functions whose results are.
SHORTENING = {"quoted", "shortened", "listed"}
SHORT = {"len", "int", "round", "package_version", "shorten", "_tokens", "_advice"}
# Of a type, of an array, and numbers.
SHORT_ATTRIBUTES = {
    "__name__",
    "__qualname__",
    "shape",
    "ndim",
    "size",
    "_width",
    "target_opset_onnx",
}
# Names that are our own: of parameters, classes and files of a layout; and numbers.
OURS = {
    *("name", "what", "kind", "kinds", "form", "unit", "must", "advice", "where"),
    *("method", "option", "example", "module", "extra", "names", "first", "cause"),
    *("n_tokens", "n_texts", "n_outputs", "n_classes", "n_components", "n_rows"),
    *("n_teachers", "largest", "limit", "needed", "kept", "hashed", "length", "size"),
    *("begin", "end", "dim", "width", "count", "shape", "wanted", "position"),
    *("positions", "pair"),
    # Made short where they are made.
    *("row", "column", "line", "place", "hint", "section", "i", "__name__"),
}


def is_short(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.Name(id):
            return id in OURS or id.strip("_").isupper()
        case ast.Attribute(attr=attr):
            return attr in SHORT_ATTRIBUTES or attr.strip("_").isupper()
        case ast.Call(func=ast.Name("list"), args=args):
            return all(map(is_short, args))
        case ast.Call(func=ast.Name(id)):
            return id in SHORTENING | SHORT
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr in SHORT_ATTRIBUTES
        case ast.Subscript(value=value) | ast.Starred(value=value):
            return is_short(value)
        case ast.List(elts=values) | ast.BoolOp(values=values):
            return all(map(is_short, values))
        case ast.BinOp(left=left, right=right):
            return is_short(left) and is_short(right)
        case ast.IfExp(body=body, orelse=orelse):
            return is_short(body) and is_short(orelse)
        case ast.UnaryOp(op=ast.Not()):
            return True
    return False


def values_in_messages(path: Path) -> Iterator[tuple[int, ast.expr]]:
    for node in ast.walk(ast.parse(path.read_text())):
        raised = isinstance(node, ast.Raise) and node.exc is not None
        warned = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("warn")
        if raised or warned:
            for it in ast.walk(node):
                if isinstance(it, ast.FormattedValue):
                    yield node.lineno, it.value


@pytest.mark.parametrize("path", FILES, ids=lambda it: str(it.relative_to(ROOT)))
def test_what_stands_in_a_message_is_short(path: Path) -> None:
    long = [
        f"line {line}: {ast.unparse(value)}"
        for line, value in values_in_messages(path)
        if not is_short(value)
    ]
    assert not long, "use quoted, shortened or listed of sk_m2v._messages"


def test_the_guard_sees_what_it_guards() -> None:
    assert sum(1 for path in FILES for _ in values_in_messages(path)) > 250
    assert not is_short(ast.parse("label", mode="eval").body)
    assert is_short(ast.parse("quoted(label)", mode="eval").body)


# --- The helpers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        LONG,
        LONG.encode(),
        [LONG] * 100,
        [[[[[list(range(100))] * 9] * 9] * 9] * 9],
        {LONG: LONG},
        dict.fromkeys(range(1000), LONG),
        np.zeros((1000, 1000)),
        np.array([LONG]),
        np.str_(LONG),
        pd.DataFrame(np.zeros((100, 100))),
        10**4000,
        Path(LONG),
        ValueError(LONG),
    ],
)
def test_representations_are_short(value: object) -> None:
    for limit in (20, 80):
        assert 0 < len(quoted(value, limit)) <= limit
        assert 0 < len(shortened(value, limit)) <= limit
    assert len(listed([value] * 100)) <= 230


@pytest.mark.parametrize("value", ["a", "it's", 3, 0.5, None, [1, "a"], (1, 2), b"x"])
def test_short_values_are_shown_as_they_are(value: object) -> None:
    assert quoted(value) == repr(value)
    assert shortened(value) == str(value)
    assert listed([value, value]) == f"{value!r}, {value!r}"


def test_lists_say_how_many_more() -> None:
    assert listed([]) == "nothing"
    assert listed(range(5)) == "0, 1, 2, 3, 4"
    assert listed(range(6)) == "0, 1, 2, 3, 4 and 1 more"
    assert shortened("abcdefghij", 9) == "abc...hij"


# --- Real calls -----------------------------------------------------------------------


TEXTS = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
Y = ["+", "+", "-", "-"]
QUICK: dict[str, Any] = {"max_epochs": 1, "random_state": 0}


def regressor(y: object) -> object:
    return StaticRegressor(**QUICK).fit(TEXTS, y)


def classifier(y: object = Y, **parameters: Any) -> object:
    return FeatureExtractionClassifier(**parameters).fit(TEXTS, y)


def distilled(teacher: Any = None, X: object = TEXTS, **parameters: Any) -> object:
    teacher = teacher or (lambda texts: np.ones((len(texts), 4)))
    return DistillTransformer(teacher, **parameters).fit(X)


def folder_with_tensors(folder: Path, tensors: dict[str, Any]) -> None:
    StaticEmbedding.from_pretrained().save_pretrained(folder)
    save_file(tensors, folder / "model.safetensors")
    StaticEmbedding.from_pretrained(folder)


def folder_with_json(folder: Path, name: str, content: object) -> None:
    StaticEmbedding.from_pretrained().save_pretrained(folder)
    (folder / name).write_text(json.dumps(content))
    StaticEmbedding.from_pretrained(folder)


def estimator_with(folder: Path, **changes: object) -> None:
    FeatureExtractionClassifier().fit(TEXTS, Y).save_pretrained(folder)
    path = folder / "estimator.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    FeatureExtractionClassifier.from_pretrained(folder)


def load_text(path: Path) -> None:
    path.write_text(LONG)
    load(path)


def added_token() -> StaticEmbedding:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens([AddedToken(LONG[:2000], single_word=True, normalized=False)])
    n_tokens = tokenizer.get_vocab_size()
    return StaticEmbedding(np.ones((n_tokens, 4), np.float32), tokenizer)


def columns() -> OnnxModel:
    frame = pd.DataFrame({f"{i} {'column ' * 99}": TEXTS for i in range(99)})
    text = ColumnTransformer([("text", StaticEmbeddingTransformer(), frame.columns[0])])
    pipeline = make_pipeline(text, LogisticRegression()).fit(frame, Y)
    return load(to_onnx(pipeline, frame, verify=False))


WIDE = pd.DataFrame({f"{i} {LONG}": TEXTS for i in range(300)})
MANY_LABELS = [f"{i} {LONG}" for i in range(4)]
DTYPE = [(f"column {i}", "f4") for i in range(1000)]
FAILURES: dict[str, Callable[[Path], object]] = {
    "one text": lambda _: as_texts(LONG),
    "bytes": lambda _: as_texts([LONG.encode()]),
    "a row of lists": lambda _: as_texts(["a", [[LONG] * 99] * 99]),
    "many columns": lambda _: as_texts(WIDE),
    "a mapping": lambda _: as_texts({LONG: 1}),
    "fields": lambda _: as_texts(np.zeros((2, 2), dtype=DTYPE)),
    "missing": lambda _: as_texts(["a"], missing=LONG),
    "missing of an estimator": lambda _: classifier(missing=LONG),
    "model": lambda _: classifier(model=list(range(99_999))),
    "a folder": lambda _: StaticEmbedding.from_pretrained(LONG),
    "a class": lambda path: estimator_with(path / "model", **{"class": LONG}),
    "a path": lambda _: StaticEmbedding.from_pretrained(Path("a/" * 1000)),
    "an id": lambda _: StaticEmbedding.from_pretrained(
        f"a/{'b' * 500}", local_files_only=True
    ),
    "a revision": lambda _: StaticEmbedding.from_pretrained(
        "a/b", revision=LONG, local_files_only=True
    ),
    "a subfolder": lambda path: StaticEmbedding.from_pretrained(
        path, subfolder="a/" * 1000
    ),
    "layout": lambda path: StaticEmbedding.from_pretrained().save_pretrained(
        path, layout=LONG
    ),
    "quantize_to": lambda _: StaticEmbedding.from_pretrained().quantize(LONG),
    "hub_id": lambda _: StaticEmbedding.from_pretrained().push_to_hub(LONG),
    "tensors": lambda path: folder_with_tensors(
        path / "model",
        {f"{i} {'encoder.' * 50}": np.zeros(1, np.float32) for i in range(300)},
    ),
    "tokenizer": lambda path: folder_with_json(
        path / "model", "tokenizer.json", {LONG: LONG}
    ),
    "config": lambda path: folder_with_json(
        path / "model", "config.json", {"normalize": [LONG] * 99}
    ),
    "a version": lambda path: estimator_with(path / "model", format_version=LONG),
    "a newer version": lambda path: estimator_with(
        path / "model", format_version=10**9, sk_m2v_version=LONG
    ),
    "parameters": lambda path: estimator_with(path / "model", parameters={LONG: LONG}),
    "one class": lambda _: classifier([LONG] * 4),
    "two kinds of labels": lambda _: classifier([*MANY_LABELS[:3], 1]),
    "labels that are none": lambda _: classifier([(LONG,) * 99] * 2 + [LONG] * 2),
    "labels in lists": lambda _: classifier([[LONG], LONG, [LONG], [LONG]]),
    "y": lambda _: classifier(LONG),
    "a fraction": lambda _: classifier([0.5, 1, 0, 1]),
    "class_weight": lambda _: classifier(class_weight={LONG: 1}),
    "class_weight of many": lambda _: classifier(MANY_LABELS, class_weight={"a": 1}),
    "a weight": lambda _: classifier(
        MANY_LABELS, class_weight={MANY_LABELS[0]: [LONG] * 9}
    ),
    "thresholds": lambda _: classifier(thresholds={LONG: 0.5}),
    "names of thresholds": lambda _: classifier(
        np.eye(4, dtype=int), thresholds={f"{i} {LONG}": 0.5 for i in range(300)}
    ),
    "values of thresholds": lambda _: classifier(
        np.eye(4, dtype=int), thresholds=np.arange(4.0)
    ),
    "ngram_range": lambda _: classifier(ngram_range=tuple(range(9999))),
    "long n-grams": lambda _: classifier(ngram_range=(1, 10**9)),
    "unseen labels": lambda _: StaticClassifier(**QUICK).fit(
        TEXTS, MANY_LABELS, X_val=TEXTS[:1], y_val=[f"other {LONG}"]
    ),
    "other classes": lambda _: (
        StaticClassifier(**QUICK)
        .partial_fit(TEXTS, MANY_LABELS)
        .partial_fit(TEXTS, MANY_LABELS, classes=[f"{i} {LONG}" for i in range(300)])
    ),
    "words for numbers": lambda _: regressor([LONG] * 4),
    "numbers that are none": lambda _: regressor(np.full((4, 3000), np.nan)),
    "fields for numbers": lambda _: regressor(np.zeros(4, dtype=DTYPE)),
    "optimizer": lambda _: StaticClassifier(optimizer=LONG, **QUICK).fit(TEXTS, Y),
    "second texts": lambda _: ContrastiveTransformer(**QUICK).fit(TEXTS, [[LONG]] * 4),
    "a teacher": lambda _: distilled(LONG),
    "a teacher's folder": lambda _: distilled(Path("a/" * 1000)),
    "words of a teacher": lambda _: distilled(lambda texts: [LONG for _ in texts]),
    "rows of a teacher": lambda _: distilled(
        lambda texts: [[1.0] * (i + 9) for i, _ in enumerate(texts)]
    ),
    "a text without vector": lambda _: distilled(
        lambda texts: np.full((len(texts), 4), np.nan), X=[LONG] * 4
    ),
    "a cache": lambda path: distilled(cache_dir=path / ("a" * 250) / ("b" * 999)),
    "pca_dims": lambda _: distilled(pca_dims=[LONG]),
    "pattern": lambda _: distilled(token_remove_pattern=f"({LONG}"),
    "vocabulary": lambda _: distilled(vocabulary=LONG),
    "terms": lambda _: distilled(vocabulary=["a", [LONG] * 99]),
    "onnx variant": lambda _: to_onnx(StaticEmbeddingTransformer(), variant=LONG),
    "onnx precision": lambda _: to_onnx(StaticEmbeddingTransformer(), precision=LONG),
    "onnx ndim": lambda _: to_onnx(StaticEmbeddingTransformer(), ndim=[LONG] * 99),
    "onnx opset": lambda _: to_onnx(
        StaticEmbeddingTransformer(), target_opset=-(9**999)
    ),
    "onnx columns": lambda _: to_onnx(
        StaticEmbeddingTransformer(), WIDE, variant="ids"
    ),
    "onnx file": lambda _: load("a/" * 1000),
    "onnx tokens": lambda _: to_onnx(added_token()),
    "onnx columns that are not there": lambda _: columns().predict(WIDE[:0]),
    "onnx name": lambda _: load(LONG),
    "onnx folder": lambda path: load(path),
    "onnx content": lambda path: load_text(path / "model.onnx"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAILURES)
def test_messages_of_real_calls(name: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught:
        FAILURES[name](tmp_path)
    message = str(caught.value)
    assert 0 < len(message) <= LIMIT, message[:2000]
