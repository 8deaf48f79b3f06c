"""Exported models on other versions of onnxruntime, with 1, 2 and 4 threads.

    python tests/benchmarks/bench_onnx_runtimes.py [1.17.3 1.20.1 ...]

Installs each version into an environment of its own, in which there is nothing of this
package, runs the same files there, and compares all outputs with those of the installed
onnxruntime, byte by byte. Needs a package index, and two minutes a version.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from _common import SHARED, print_table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from sk_m2v import (
    FeatureExtractionClassifier,
    StaticEmbedding,
    StaticEmbeddingTransformer,
    StaticRegressor,
    TokenTfidfVectorizer,
)
from sk_m2v.embedding.tokens._tokens import vocabulary_size
from sk_m2v.onnx import save, to_onnx
from sk_m2v.onnx._samples import SAMPLES

OLDEST = ["1.17.3", "1.20.1"]
THREADS = (1, 2, 4)
# In the other environment: the outputs of a model on the texts of a file.
RUN = """
import json, sys
import numpy as np, onnxruntime
model, texts, threads, output = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options)
texts = np.array(json.load(open(texts)), dtype=object)
outputs = session.run(None, {"text": texts})
np.savez(output, *(it.astype(str) if it.dtype == object else it for it in outputs))
"""
TOKENIZERS = ("bert-base-cased", "gpt2-bytelevel-bpe", "m2v-vocabquant-unigram")


def estimators(shared: Path) -> dict[str, Any]:
    """Fitted estimators of all kinds."""
    texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    texts += ["rain in the north", "snow on hills"]
    labels = ["good", "good", "bad", "bad", "weather", "weather"]
    lists = [["a"], ["a", "b"], [], ["b"], ["c"], ["a", "c"]]
    both = make_union(TokenTfidfVectorizer(), StaticEmbeddingTransformer())
    found = {
        "embedding": StaticEmbeddingTransformer().fit(),
        "classifier": FeatureExtractionClassifier().fit(texts, labels),
        "several labels": FeatureExtractionClassifier().fit(texts, lists),
        "regressor": StaticRegressor(max_epochs=1, random_state=0).fit(
            texts, np.arange(6.0)
        ),
        "union, regression": make_pipeline(both, LogisticRegression()).fit(
            texts, labels
        ),
    }
    for name in TOKENIZERS:
        path = shared / "tokenizers" / name / "tokenizer.json"
        if path.exists():
            random = np.random.default_rng(0)
            vectors = random.standard_normal((60_000, 8)).astype(np.float32)
            tokenizer = path.read_text()
            model = StaticEmbedding(vectors[: vocabulary_size(tokenizer)], tokenizer)
            found[name] = StaticEmbeddingTransformer(model).fit()
    return found


def main() -> None:
    """Run all models everywhere, and print where the outputs differ."""
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run.py").write_text(RUN)
        (folder / "texts.json").write_text(json.dumps([*SAMPLES] * 20))
        names = []
        for name, estimator in estimators(SHARED).items():
            names.append(name)
            save(to_onnx(estimator), folder / f"{name}.onnx")
        pythons = {"installed": sys.executable}
        for version in sys.argv[1:] or OLDEST:
            pythons[version] = install(version, folder / version)
        wanted: dict[str, list[Any]] = {}
        for version, python in pythons.items():
            for threads in THREADS:
                same = 0
                for name in names:
                    outputs = run(python, folder, name, threads)
                    wanted.setdefault(name, outputs)
                    same += [it.tobytes() for it in outputs] == [
                        it.tobytes() for it in wanted[name]
                    ]
                rows.append([version, str(threads), f"{same} of {len(names)}"])
    header = ["onnxruntime", "threads", "models"]
    print_table("Models with the same bytes out", header, rows)


def install(version: str, folder: Path) -> str:
    """Python of a new environment with a version of onnxruntime."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    # Before 1.19 it was built for NumPy 1.
    old = tuple(map(int, version.split(".")[:2])) < (1, 19)
    packages = [f"onnxruntime=={version}", "numpy<2" if old else "numpy"]
    command = [python, "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(command, check=True, capture_output=True)
    return python


def run(python: str, folder: Path, name: str, threads: int) -> list[Any]:
    """Outputs of a model in an environment."""
    output = folder / "outputs.npz"
    command = [python, str(folder / "run.py"), str(folder / f"{name}.onnx")]
    command += [str(folder / "texts.json"), str(threads), str(output)]
    subprocess.run(command, check=True, capture_output=True)
    with np.load(output) as arrays:
        return [arrays[it] for it in arrays.files]


if __name__ == "__main__":
    main()
