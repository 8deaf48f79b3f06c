"""A benchmark in a process of its own, whose estimators tell when they are fitted.

python tests/counting_benchmark.py FOLDER FITS RESULTS [SECONDS]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from sk_m2v import FeatureExtractionClassifier, StaticEmbedding
from sk_m2v.benchmark import run_benchmark

TEXTS = ["a great film", "a lovely song", "a dull film", "a boring song"] * 6
LABELS = ["good", "good", "bad", "bad"] * 6


class Counting(ClassifierMixin, BaseEstimator):
    """Writes a line into a file for each fit, and takes its time."""

    def __init__(
        self,
        fits: str,
        seconds: float = 0.0,
        share: float = 0.5,
        model: Any = None,
        random_state: int | None = None,
    ) -> None:
        self.fits = fits
        self.seconds = seconds
        self.share = share
        self.model = model
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Counting:
        with open(self.fits, "a") as file:
            file.write(f"{self.share} {len(X)} {self.random_state}\n")
        time.sleep(self.seconds)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:
        rng = np.random.default_rng(self.random_state)
        first = rng.uniform(0, 2 * self.share, len(X))
        return np.stack([first, 1 - first], axis=1)

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def data(seed: int) -> tuple[Any, ...]:
    return TEXTS[seed:], LABELS[seed:], TEXTS, LABELS


def estimators(fits: str, seconds: float = 0.0) -> dict[str, Any]:
    # What has many arrays and a tokenizer must be recognised in another process, too.
    model = StaticEmbedding.from_pretrained()
    return {
        "one": Counting(fits, seconds, model=model),
        "other": Counting(fits, seconds, share=0.4),
        "FE": FeatureExtractionClassifier(model),
    }


def main(folder: str, fits: str, results: str, seconds: str = "0") -> None:
    frame = run_benchmark(
        estimators(fits, float(seconds)),
        {"split": (TEXTS, LABELS), "function": data},
        random_states=range(4),
        folder=folder,
    )
    frame.to_pickle(Path(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
