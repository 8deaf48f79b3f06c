"""Draw the pictures of the guide, on real texts.

    python docs/make_plots.py [folder of data sets]

The texts are those of data sets in a folder beside the repository, with files
`<name>/train.jsonl.gz`, `test.jsonl.gz` and `labels.json`. Pictures are written to
`docs/_static/plots`, and are part of the repository.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from io import BytesIO
from itertools import count
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    TokenTfidfVectorizer,
)
from sk_m2v.plotting import (
    BenchmarkDisplay,
    EmbeddingMapDisplay,
    ExplanationDisplay,
    NearestTextsDisplay,
    TrainingHistoryDisplay,
)

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "_static" / "plots"
LIMIT = 60_000  # bytes of a picture


def read(folder: Path, name: str, part: str = "train") -> tuple[list[str], list[str]]:
    """Texts and the names of their classes."""
    names = json.loads((folder / name / "labels.json").read_text())
    with gzip.open(folder / name / f"{part}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [it["text"] for it in rows], [names[it["label"]] for it in rows]


def save(display: object, name: str) -> None:
    path = OUT / f"{name}.png"
    drawn = BytesIO()
    display.figure_.savefig(drawn, dpi=100)
    # A palette: a third of the bytes, and nothing that one sees.
    Image.open(drawn).convert("RGB").quantize(256).save(path, optimize=True)
    assert path.stat().st_size < LIMIT, path
    print(path.relative_to(ROOT), path.stat().st_size)


def results(folder: Path) -> pd.DataFrame:
    """A small benchmark: two data sets, three seeds that choose the training texts."""
    estimators = {
        "TF-IDF of words": make_pipeline(TfidfVectorizer(), LogisticRegression()),
        "TF-IDF of tokens": make_pipeline(TokenTfidfVectorizer(), LogisticRegression()),
        "embedding": make_pipeline(
            StaticEmbeddingTransformer(), LogisticRegression(C=10)
        ),
        "embedding of 64 dimensions": make_pipeline(
            StaticEmbeddingTransformer(dimensionality=64), LogisticRegression(C=10)
        ),
        "FeatureExtractionClassifier": FeatureExtractionClassifier(),
        "StaticClassifier": StaticClassifier(random_state=0),
        "embedding only, trained": StaticClassifier(lexical=False, random_state=0),
    }
    rows, numbers = [], count()
    for data_set in ("trec6", "massive_scenario"):
        texts, labels = (np.array(it) for it in read(folder, data_set))
        new, truth = (np.array(it) for it in read(folder, data_set, "test"))
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(texts))[:1000]
            for name, estimator in estimators.items():
                estimator.fit(texts[order], labels[order])
                correct = estimator.predict(new) == truth
                seconds = []
                for _ in range(5):
                    # Texts that nobody has seen: tokens of others are remembered.
                    unseen = [f"{it} {next(numbers)}" for it in new]
                    start = time.perf_counter()
                    estimator.predict(unseen)
                    seconds.append(time.perf_counter() - start)
                rows.append(
                    {
                        "estimator": name,
                        "data_set": data_set,
                        "seed": seed,
                        "accuracy": correct.mean(),
                        "texts_per_second": len(new) / min(seconds),
                    }
                )
    return pd.DataFrame(rows)


def main(folder: Path) -> None:
    mpl.use("Agg")
    OUT.mkdir(parents=True, exist_ok=True)
    model = StaticEmbedding.from_pretrained()
    texts, labels = read(folder, "massive_scenario")

    classifier = StaticClassifier(
        validation_fraction=0.2,
        scoring="accuracy",
        max_epochs=30,
        patience=8,
        lr=3e-3,
        lexical=False,
        random_state=0,
    ).fit(texts[:3000], labels[:3000])
    save(TrainingHistoryDisplay.from_estimator(classifier), "history")

    options = {"max_texts": 1500, "random_state": 0}
    few = [i for i, it in enumerate(labels) if it in FEW]
    shown = EmbeddingMapDisplay.from_estimator(
        model, [texts[i] for i in few], [labels[i] for i in few], **options
    )
    save(shown, "map")
    sure = classifier.predict_proba(texts).max(axis=1)
    scale = EmbeddingMapDisplay.from_estimator(model, texts, sure, **options)
    scale.colorbar_.set_label("probability of the predicted class")
    save(scale, "scale")
    many = read(folder, "banking77")
    save(EmbeddingMapDisplay.from_estimator(model, *many, **options), "many")

    queries = ["wake me up early", "is it going to rain"]
    unique = list(dict.fromkeys(texts))
    save(NearestTextsDisplay.from_estimator(model, queries, unique, k=5), "nearest")

    films = FeatureExtractionClassifier().fit(*read(folder, "imdb"))
    save(ExplanationDisplay.from_estimator(films, REVIEW), "explanation")

    save(BenchmarkDisplay.from_results(results(folder)), "benchmark")


FEW = ("alarm", "calendar", "cooking", "email", "music", "weather")
REVIEW = (
    "The first hour is slow, and the plot is hardly new. But the acting is superb, the "
    "music is wonderful, and the last scene is one of the best that I have seen in "
    "years. Not a perfect film, and some of the jokes are awful, yet I enjoyed every "
    "minute of it."
)

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/datasets")
