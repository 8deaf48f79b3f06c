"""Write the folders of ``saved_0_1_0``: run once, by the code of commit 2c6db74.

    python tests/data/make_saved_0_1_0.py

What later code reads from them has to predict what stands in ``expected.json``. Run it
again only to add a folder, and with the code of that commit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from sk_m2v import (
    ContrastiveTransformer,
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbedding,
    StaticRegressor,
)

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import WORDS, tiny_tokenizer

FOLDER = Path(__file__).parent / "saved_0_1_0"
TEXTS = ["red cat.", "green cats, cats", "blue dog", "red, red dogs.", "cat", "dog"] * 3
CLASSES = ["cat", "cat", "dog", "dog", "cat", "dog"] * 3
SEVERAL = [["cat", "red"], ["cat"], ["dog"], ["dog", "red"], ["cat"], []] * 3
NUMBERS = np.array([1.5, 2.0, -1.0, -0.5, 1.0, -1.5] * 3)
VECTORS = np.column_stack([NUMBERS, NUMBERS**2])
NEW = ["a red dog", "cats, green", "", "blue blue cat.", "\u2603"]


def main() -> None:
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 4)).astype(np.float32)
    tiny = StaticEmbedding(
        vectors, tiny_tokenizer(), config={"normalize": True, "max_length": 8}
    )
    expected = {}
    for name, embedding in {
        "embedding": tiny,
        "embedding_int8": tiny.quantize("int8"),
        "embedding_float16": tiny.quantize("float16"),
    }.items():
        embedding.save_pretrained(FOLDER / name)
        expected[name] = embedding.encode(NEW).tolist()
    pairs = ContrastiveTransformer(tiny, random_state=0).fit(TEXTS[:6], TEXTS[6:12])
    pairs.embedding_.save_pretrained(FOLDER / "contrastive")
    expected["contrastive"] = pairs.transform(NEW).tolist()
    for name, estimator, y in (
        ("fe", FeatureExtractionClassifier(tiny), CLASSES),
        ("fe_labels", FeatureExtractionClassifier(tiny, thresholds=0.4), SEVERAL),
        ("ft", StaticClassifier(tiny, random_state=0), CLASSES),
        ("ft_layers", StaticClassifier(tiny, n_layers=1, hidden_dim=3), SEVERAL),
        ("ft_int", StaticClassifier(tiny, lexical=False), [3, 3, 7, 7, 3, 7] * 3),
        ("pt", FromScratchClassifier(dim=4, vocab_size=40, random_state=0), CLASSES),
        ("regressor", StaticRegressor(tiny, random_state=0), NUMBERS),
        ("regressor_vectors", StaticRegressor(tiny, loss="cosine"), VECTORS),
    ):
        estimator.set_params(random_state=0).fit(TEXTS, y)
        estimator.save_pretrained(FOLDER / name)
        predicted = estimator.predict(NEW)
        expected[name] = {
            "class": type(estimator).__name__,
            "predict": getattr(predicted, "tolist", lambda it=predicted: it)(),
        }
        if hasattr(estimator, "predict_proba"):
            expected[name]["predict_proba"] = estimator.predict_proba(NEW).tolist()
            expected[name]["explain"] = [
                it.shares.tolist() for it in estimator.explain(NEW)
            ]
    (FOLDER / "expected.json").write_text(json.dumps({"texts": NEW, **expected}))


if __name__ == "__main__":
    main()
