"""Names of the files of a model: no other file of a folder is ever opened."""

from __future__ import annotations

TENSORS = "model.safetensors"
MODULES = "modules.json"
#: Description and arrays of an estimator, beside its embedding; the latter names are
#: those of 0.1.0.
ESTIMATOR = [
    ("estimator.json", "estimator.safetensors"),
    ("classifier.json", "classifier.safetensors"),
]
#: Head of a pipeline of model2vec, beside its embedding; the latter is that of older
#: versions.
PIPELINE = ("head.safetensors", "pipeline.skops")

# Of layers that sentence-transformers has after an embedding.
_LAYERS = [
    f"{i}_Dense/{name}" for i in range(1, 6) for name in ("config.json", TENSORS)
]

#: All that is read of a folder, and that a model which is written takes the place of.
FILES = sorted(
    [
        *("config.json", "config_sentence_transformers.json", MODULES),
        *(TENSORS, "tokenizer.json"),
        *(f"0_StaticEmbedding/{name}" for name in (TENSORS, "tokenizer.json")),
        *_LAYERS,
        *(name for pair in ESTIMATOR for name in pair),
        *PIPELINE,
    ]
)
