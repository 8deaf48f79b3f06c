"""How good vectors of texts are, and a corpus that holds no text they are judged by.

A model is anything that turns a list of texts into a matrix. Each text of an evaluation
is encoded once per model, whatever the number of seeds.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from _common import read_texts, shared
from scipy.stats import spearmanr

FloatArray = npt.NDArray[np.floating[Any]]
Encode = Callable[[list[str]], Any]

CLASSIFICATION = (
    "20_newsgroups",
    "ade_dedup",
    "ag_news",
    "amazon_counterfactual_en",
    "banking77",
    "go_emotions",
    "hate_speech_offensive",
    "imdb",
    "massive_scenario",
    "senteval_cr",
    "sst5",
    "trec6",
)
# Beside the corpus: sets whose licence lets a model learn from their training part.
CORPUS_SETS = ("massive_scenario", "banking77", "go_emotions")
STS_PARTS = ("validation", "test")
N_TRAIN = 1_000  # texts that a classifier learns from


def read_rows(
    data_set: str, part: str, folder: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of a data set as they are in its file; of those in `folder`, if given."""
    path = (folder or shared("datasets")) / data_set / f"{part}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# --- Similarity of sentences (STS-B) ------------------------------------------------


class Pairs(NamedTuple):
    first: list[str]
    second: list[str]
    scores: list[float]


def read_pairs(part: str, limit: int | None = None) -> Pairs:
    """Pairs of sentences of STS-B, with the similarity that people see, from 0 to 5."""
    rows = read_rows("stsb", part)[:limit]
    return Pairs(*([row[key] for row in rows] for key in ("text1", "text2", "score")))


def similarity_score(encode: Encode, pairs: Pairs) -> float:
    """Spearman correlation of the cosines of pairs with their scores."""
    vectors = unit_rows(encode([*pairs.first, *pairs.second]))
    first, second = np.split(vectors, 2)
    cosines = np.einsum("ij,ij->i", first, second)
    return float(spearmanr(cosines, pairs.scores).statistic)


def unit_rows(vectors: Any) -> FloatArray:
    """Vectors of length 1; those of zeros stay."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows: FloatArray = vectors / np.where(lengths > 0, lengths, 1)
    return rows


# --- Classification -----------------------------------------------------------------


class LabelledTexts(NamedTuple):
    """A data set, cut to what is used of it."""

    name: str
    texts: list[str]
    labels: npt.NDArray[Any]
    train: list[npt.NDArray[np.intp]]  # rows of `texts`, for each seed
    test: npt.NDArray[np.intp]


def read_labelled(
    name: str,
    *,
    n_seeds: int,
    n_test: int | None,
    n_train: int | None = N_TRAIN,
    folder: Path | None = None,
    multi_label: bool = False,
) -> LabelledTexts:
    """Draw training texts for each seed, and test texts: as many, or all if None.

    Where labels are lists, only rows with one label are used, or with `multi_label` all
    rows, as they are.
    """
    train, test = (read_rows(name, part, folder) for part in ("train", "test"))
    if not multi_label:
        train, test = _single_label_rows(train), _single_label_rows(test)
    draws = [_draw(len(train), n_train or len(train), seed) for seed in range(n_seeds)]
    test = [test[index] for index in _draw(len(test), n_test or len(test), seed=0)]
    used, places = np.unique(np.concatenate(draws), return_inverse=True)
    rows = [*(train[index] for index in used), *test]
    return LabelledTexts(
        name,
        [row["text"] for row in rows],
        _as_array([row["label"] for row in rows]),
        np.split(places, np.cumsum([len(draw) for draw in draws])[:-1]),
        np.arange(len(used), len(rows)),
    )


def _single_label_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not isinstance(rows[0]["label"], list):
        return rows
    return [{**row, "label": row["label"][0]} for row in rows if len(row["label"]) == 1]


def _as_array(labels: list[Any]) -> npt.NDArray[Any]:
    """Labels in one dimension, also where they are lists."""
    lists = isinstance(labels[0], list)
    return np.fromiter(labels, object) if lists else np.array(labels)


def _draw(n_rows: int, size: int, seed: int) -> npt.NDArray[np.int64]:
    """Different rows at random, in their order."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(n_rows, min(size, n_rows), replace=False))


class ClassificationScore(NamedTuple):
    accuracy: float
    macro_f1: float


def classification_score(encode: Encode, data: LabelledTexts) -> ClassificationScore:
    """Mean over the seeds of what a linear classifier on the vectors achieves."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score, f1_score

    vectors = unit_rows(encode(data.texts))
    truth = data.labels[data.test]
    scores = []
    for rows in data.train:
        head = LogisticRegression(C=10, max_iter=1000)
        head.fit(vectors[rows], data.labels[rows])
        predicted = head.predict(vectors[data.test])
        scores.append(
            (
                accuracy_score(truth, predicted),
                f1_score(truth, predicted, average="macro"),
            )
        )
    return ClassificationScore(*np.mean(scores, axis=0).tolist())


# --- Both ---------------------------------------------------------------------------


class Quality(NamedTuple):
    similarity: dict[str, float]  # part of STS-B -> Spearman correlation
    classification: dict[str, ClassificationScore]  # data set -> scores

    def mean(self, score: str) -> float:
        """Mean over the data sets: of "accuracy" or "macro_f1"."""
        values = [getattr(it, score) for it in self.classification.values()]
        return float(np.mean(values))


def evaluate(
    encode: Encode, pairs: dict[str, Pairs], data_sets: Sequence[LabelledTexts]
) -> Quality:
    """Score a model on everything."""
    return Quality(
        {part: similarity_score(encode, it) for part, it in pairs.items()},
        {data.name: classification_score(encode, data) for data in data_sets},
    )


# --- Corpus -------------------------------------------------------------------------


def read_corpus() -> list[str]:
    """Sentences to fit to, none of which a model is judged by; says what it found."""
    texts = []
    for path in sorted(shared("corpus").glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts += [line.rstrip("\n") for line in file]
    for name in CORPUS_SETS:
        texts += read_texts(name, "train")
    evaluated = evaluated_texts()
    clean = [text for text in texts if plain(text) not in evaluated]
    n_left = sum(plain(text) in evaluated for text in clean)
    print(
        f"corpus: {len(texts):,} texts, {len(texts) - len(clean):,} of them also in an "
        f"evaluated part and removed; check: {n_left} of {len(clean):,} are in one now"
    )
    if n_left:
        raise SystemExit("The corpus holds texts by which models are judged.")
    return clean


def draw(texts: list[str], size: int | None) -> list[str]:
    """Texts at random, always the same; all of them if `size` is None."""
    return texts if size is None else Random(0).sample(texts, min(size, len(texts)))


def evaluated_texts() -> set[str]:
    """All texts that a model is judged by and must not have seen, in their plain form.

    Validation and test part of STS-B, and the test parts of the classification sets,
    whatever is drawn of them.
    """
    texts = [
        text
        for part in STS_PARTS
        for pairs in [read_pairs(part)]
        for text in (*pairs.first, *pairs.second)
    ]
    texts += [row["text"] for name in CLASSIFICATION for row in read_rows(name, "test")]
    return {plain(text) for text in texts}


def plain(text: str) -> str:
    """Text in lower case, with single spaces."""
    return " ".join(text.lower().split())
