"""Quickstart: which classifier is best for some texts, search, save and load.

Without arguments the texts are paragraphs from the docstrings of NumPy, SciPy and
scikit-learn, which are installed wherever this package is. The question is which
library a paragraph comes from. The libraries' names are taken out of the texts, and
all paragraphs of a module are in the same fold, so that near duplicates give nothing
away.

    python examples/quickstart.py

The same with a table of your own, one text and one label a row, in columns called
"text" and "label":

    python examples/quickstart.py --csv reviews.csv

or in others:

    python examples/quickstart.py --csv reviews.csv --text review --label stars

The classifier that trains the embedding takes part where torch and skorch are
installed. Nothing is downloaded, and no file stays behind.
"""

from __future__ import annotations

import argparse
import ast
import csv
import io
import random
import re
import sys
import timeit
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import joblib
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from threadpoolctl import threadpool_limits

import sk_m2v
from sk_m2v import (
    FeatureExtractionClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    TokenTfidfVectorizer,
)

CAN_TRAIN = all(map(find_spec, ("torch", "skorch")))
FOLDS = 3
LIBRARIES = ("numpy", "scipy", "sklearn")
PARAGRAPHS = 1000  # of each library
SKIPPED_FOLDERS = {"tests", "externals", "_external"}  # the last two hold others' code
NOT_PROSE = re.compile(r"^[^A-Za-z]|>>>|::|\n\s|\n[-=~]{3}")
ROLE = re.compile(r":\w+:(?=`)")  # as in :func:`dot`
NAMES = re.compile(r"\w*(numpy|scipy|sklearn|scikit)\w*|\b(np|sp)\b", re.IGNORECASE)


def main(arguments: list[str] | None = None) -> None:
    """Print the report on the texts that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", metavar="FILE", type=Path, help="table with a header")
    parser.add_argument(
        "--text", metavar="COLUMN", help="its column of texts (by default: text)"
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="its column of labels (by default: label)"
    )
    parser.add_argument(
        "--encoding", default="utf-8-sig", help="how its text is stored (UTF-8)"
    )
    parser.add_argument(
        "--rows", type=int, default=5000, help="rows to draw at random (%(default)s)"
    )
    parser.add_argument("--query", help="find the texts nearest to this one")
    options = parser.parse_args(arguments)
    if options.rows < 1:
        parser.error(f"--rows must be 1 or more, got {options.rows}")
    if options.csv is None and (options.text or options.label):
        parser.error("--text and --label name columns of a table: pass --csv, too")
    sys.stdout.reconfigure(errors="replace")  # texts may not suit the terminal
    if options.csv is None:
        texts, labels, groups = docstring_paragraphs()
        query = options.query or "solve a system of linear equations"
    else:
        try:
            columns = options.text or "text", options.label or "label"
            texts, labels = table(options.csv, *columns, options.encoding)
            texts, labels = texts[: options.rows], labels[: options.rows]
            check_labels(labels)
            if not any(re.search(r"\w\w", text) for text in texts):
                raise ValueError("no text has a word of two letters or more")
        except (OSError, LookupError, csv.Error, ValueError) as error:
            parser.error(f"{options.csv}: {error}")
        groups, query = None, options.query or texts[0]

    counts = ", ".join(f"{name} {n}" for name, n in Counter(labels).most_common(6))
    print(f"{len(texts)} texts, {len(set(labels))} labels: {counts}")
    with threadpool_limits(1):  # for fair times: these matrices are small
        compare_speed(texts)  # first: tokenizers remember words that they have seen
        best = compare_classifiers(texts, labels, groups)
        print_nearest(query, texts, labels)
        check_round_trip(texts, labels)
    print_next(best)


def compare_classifiers(
    texts: list[str], labels: list[str], groups: list[str] | None
) -> str:
    """Cross-validate classifiers, and return the name of the best."""
    folds = StratifiedKFold if groups is None else StratifiedGroupKFold
    print(f"\n{f'{FOLDS}-fold cross-validation':30}  accuracy  macro F1  seconds")
    found: dict[str, float] = {}
    for name, estimator in candidates().items():
        start = perf_counter()
        scores = cross_validate(
            estimator,
            texts,
            labels,
            groups=groups,
            cv=folds(FOLDS, shuffle=True, random_state=0),
            scoring=("accuracy", "f1_macro"),
        )
        seconds = perf_counter() - start
        accuracy, f1 = scores["test_accuracy"].mean(), scores["test_f1_macro"].mean()
        print(f"  {name:28}  {accuracy:8.3f}  {f1:8.3f} {seconds:8.1f}")
        found[name] = float(f1)
    if not CAN_TRAIN:
        print("  StaticClassifier, which trains the embedding, needs torch and skorch:")
        print('    pip install -c .ci/constraints.txt ".[train]"')
    return max(found, key=found.__getitem__)


def candidates() -> dict[str, Any]:
    """Classifiers of texts, the simplest first."""
    found = {
        "TF-IDF of words": classifier(TfidfVectorizer()),
        "static embedding": classifier(StaticEmbeddingTransformer()),
        "embedding + TF-IDF of tokens": classifier(
            make_union(StaticEmbeddingTransformer(), TokenTfidfVectorizer())
        ),
        "FeatureExtractionClassifier": FeatureExtractionClassifier(),
    }
    if CAN_TRAIN:
        found["StaticClassifier"] = StaticClassifier(max_epochs=10, random_state=0)
    return found


# What to type for each of the candidates.
NEXT = {
    "TF-IDF of words": "make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))",
    "static embedding": (
        "make_pipeline(StaticEmbeddingTransformer(), LogisticRegression(C=10))"
    ),
    "embedding + TF-IDF of tokens": (
        "make_pipeline(\n"
        "      make_union(StaticEmbeddingTransformer(), TokenTfidfVectorizer()),\n"
        "      LogisticRegression(C=10),\n"
        "  )"
    ),
    "FeatureExtractionClassifier": "FeatureExtractionClassifier()",
    "StaticClassifier": "StaticClassifier(max_epochs=10)",
}
OTHERS = {
    "TfidfVectorizer": "sklearn.feature_extraction.text",
    "LogisticRegression": "sklearn.linear_model",
    "make_pipeline": "sklearn.pipeline",
    "make_union": "sklearn.pipeline",
}


def print_next(best: str) -> None:
    """Print what to type next."""
    ours = [it for it in re.findall(r"[A-Z]\w+", NEXT[best]) if hasattr(sk_m2v, it)]
    print(f"\nThe best here is: {best}. For all your texts, and new ones:\n")
    for name, module in OTHERS.items():
        if re.search(rf"\b{name}\b", NEXT[best]):
            print(f"  from {module} import {name}")
    if ours:
        print(f"  from sk_m2v import {', '.join(ours)}")
    print(f"  classifier = {NEXT[best]}")
    print("  classifier.fit(texts, labels)")
    print('  classifier.predict(["a new text"])')
    if best.endswith("Classifier"):
        print('  classifier.save_pretrained("my-classifier")  # sk_m2v.load reads it')
        print('  classifier.explain(["a new text"])[0].top()  # and why')
    else:
        print("  import joblib")
        print('  joblib.dump(classifier, "my-classifier.joblib")')


def classifier(transformer: Any) -> Pipeline:
    """Pipeline from texts to labels."""
    return make_pipeline(transformer, LogisticRegression(C=10, max_iter=1000))


def compare_speed(texts: list[str]) -> None:
    """Time turning texts into features: when they are new, and when they are not."""
    model = StaticEmbedding.from_pretrained()
    model.encode(["loads the tokenizer"])
    functions = {
        "TfidfVectorizer.transform": TfidfVectorizer().fit(texts).transform,
        "StaticEmbedding.encode": model.encode,
    }
    print(f"\n{'Texts per second':30}  first pass  best of 5")
    for name, function in functions.items():
        seconds = timeit.repeat(partial(function, texts), number=1, repeat=5)
        first, best = len(texts) / seconds[0], len(texts) / min(seconds)
        print(f"  {name:28}  {first:10,.0f} {best:10,.0f}")


def print_nearest(query: str, texts: list[str], labels: list[str]) -> None:
    """Print the texts whose vectors are most similar to that of the query."""
    model = StaticEmbedding.from_pretrained()
    found = model.nearest(query, texts, n=4)
    print(f"\nNearest to: {shorten(query)}")
    scores = zip(found.indices[0].tolist(), found.scores[0].tolist(), strict=True)
    for i, score in [it for it in scores if texts[it[0]] != query][:3]:
        print(f"  {score:.2f}  [{labels[i]}] {shorten(texts[i])}")


def shorten(text: str) -> str:
    """Beginning of a text, on one line."""
    return " ".join(text.split())[:68]


def check_round_trip(texts: list[str], labels: list[str]) -> None:
    """Save a fitted pipeline, load it, and see that it predicts the same."""
    pipeline = classifier(StaticEmbeddingTransformer()).fit(texts, labels)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.joblib"
        joblib.dump(pipeline, file)
        size, loaded = file.stat().st_size, joblib.load(file)
    equal = np.sum(loaded.predict(texts) == pipeline.predict(texts))
    print(f"\nSaved with joblib ({size / 1e6:.1f} MB) and loaded again:")
    print(f"  {equal} of {len(texts)} predictions are equal")


def docstring_paragraphs() -> tuple[list[str], list[str], list[str]]:
    """Different paragraphs of three libraries, with their libraries and modules."""
    found: dict[str, tuple[str, str]] = {}
    for n_libraries, library in enumerate(LIBRARIES, start=1):
        for text, module in library_paragraphs(library):
            found.setdefault(text, (library, module))
            if len(found) == n_libraries * PARAGRAPHS:
                break
    rows = [(text, library, module) for text, (library, module) in found.items()]
    random.Random(0).shuffle(rows)
    texts, libraries, modules = map(list, zip(*rows, strict=True))
    return texts, libraries, modules


def library_paragraphs(library: str) -> Iterator[tuple[str, str]]:
    """Yield paragraphs with their modules, which come in random order."""
    spec = find_spec(library)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    files = sorted(root.rglob("*.py"))
    random.Random(0).shuffle(files)
    for file in files:
        if SKIPPED_FOLDERS.isdisjoint(file.relative_to(root).parts):
            for text in prose(file.read_text(encoding="utf-8")):
                yield text, str(file)


def prose(source: str) -> Iterator[str]:
    """Yield the unindented paragraphs of a module's docstrings, on one line each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the source, which is only read
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for block in re.split(r"\n\s*\n", ast.get_docstring(node) or ""):
                text = " ".join(NAMES.sub("", ROLE.sub("", block)).split())
                if len(text) >= 80 and not NOT_PROSE.search(block):
                    yield text


def table(
    path: Path, text: str, label: str, encoding: str
) -> tuple[list[str], list[str]]:
    """Texts and labels of a CSV file, in random order."""
    csv.field_size_limit(2**31 - 1)
    content = path.read_bytes()
    try:
        file = io.StringIO(content.decode(encoding), newline="")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        wrong = content[error.start : error.end]
        raise ValueError(
            f"line {line} holds {wrong!r}, which is no {error.encoding}: say how the "
            "file is stored, often --encoding cp1252 or --encoding utf-16"
        ) from error
    delimiter = max(",;\t", key=file.readline().count)
    file.seek(0)
    reader = csv.DictReader(file, delimiter=delimiter)
    columns = reader.fieldnames or []
    for column, option in ((text, "--text"), (label, "--label")):
        if column not in columns:
            names = ", ".join(map(repr, columns)) or "none"
            raise ValueError(
                f"no column {column!r}; the columns are: {names}. Name one with "
                f"{option}"
            )
    rows = [(row[text], row[label]) for row in reader]
    filled = [row for row in rows if all(row)]
    if len(filled) < len(rows):
        print(f"{len(rows) - len(filled)} rows without text or label are left out")
    random.Random(0).shuffle(filled)
    return [row[0] for row in filled], [row[1] for row in filled]


def check_labels(labels: list[str]) -> None:
    """Refuse labels that cannot be cross-validated."""
    counts = Counter(labels)
    if len(counts) < 2:
        raise ValueError(f"at least two labels are needed, there are: {list(counts)}")
    rare, n = min(counts.items(), key=lambda item: item[1])
    if n < FOLDS:
        raise ValueError(
            f"label {rare!r} has {n} of the {len(labels)} rows, and at least {FOLDS} "
            "are needed of each label: drop rare labels or raise --rows"
        )


if __name__ == "__main__":
    main()
