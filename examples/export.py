"""Export a classifier of texts to one ONNX file, and run it without this package.

Which library is a paragraph from: NumPy, SciPy or scikit-learn? A classifier is trained
on their docstrings, as in the quickstart, exported with its tokenizer, and measured.
Then a process that can import neither sk_m2v nor scikit-learn labels texts with it.

    python examples/export.py

Nothing is downloaded, and no file stays behind. Needs onnx, skl2onnx and onnxruntime.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from quickstart import docstring_paragraphs

from sk_m2v import FeatureExtractionClassifier
from sk_m2v.onnx import load, report, save, to_onnx

# What a program elsewhere does, in whatever language.
ELSEWHERE = """
import sys
sys.modules["sk_m2v"] = sys.modules["sklearn"] = None
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
labels = session.run(["label"], {"text": np.array(sys.argv[2:])})[0]
print(*labels, sep="\\n")
"""
QUESTIONS = [
    "Solve a banded system of linear equations with a sparse matrix.",
    "Join a sequence of arrays along a new axis.",
    "Fit the estimator with sample weights and predict class probabilities.",
]


def main() -> None:
    """Train, export, compare, measure, and run elsewhere."""
    texts, labels, _ = docstring_paragraphs()
    classifier = FeatureExtractionClassifier().fit(texts, labels)
    started = perf_counter()
    model = to_onnx(classifier, texts[:200])
    print(f"Exported and verified in {perf_counter() - started:.1f} s")
    with TemporaryDirectory() as folder:
        file = Path(folder, "classifier.onnx")
        save(model, file)
        exported = load(file)
        same = np.mean(exported.predict(texts) == classifier.predict(texts))
        difference = np.abs(
            exported.predict_proba(texts) - classifier.predict_proba(texts)
        )
        print(f"Equal labels on {len(texts)} texts: {same:.2%}")
        print(f"Largest difference of a probability: {difference.max():.1e}\n")
        report(file, texts)
        command = [sys.executable, "-c", ELSEWHERE, str(file), *QUESTIONS]
        answers = subprocess.run(command, capture_output=True, text=True, check=True)
        print("\nBy onnxruntime alone:")
        for question, answer in zip(QUESTIONS, answers.stdout.split(), strict=True):
            print(f"  {answer:8} {question}")


if __name__ == "__main__":
    main()
