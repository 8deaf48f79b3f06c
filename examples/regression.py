"""Regression: from which year is a publication, going by how it is cited?

The texts are the references in the docstrings of NumPy, SciPy and scikit-learn, which
are installed wherever this package is: authors, titles and journals, without any digit.
References that begin with the same letters, mostly of the same author, are in the same
fold, so that near duplicates give nothing away.

    python examples/regression.py

Nothing is downloaded, and no file stays behind. Needs torch and skorch.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from sk_m2v import StaticEmbeddingTransformer, StaticRegressor

LIBRARIES = ("numpy", "scipy", "sklearn")
REFERENCE = re.compile(
    r"^ *\.\. \[[^\]]+\](.+?)(?=^ *\.\. |\n\s*\n|\"\"\")", re.M | re.S
)
YEAR = re.compile(r"\b(1[89]\d\d|20[0-2]\d)\b")


def main() -> None:
    """Print how well the years of unseen references are predicted."""
    found = references()
    texts, years = np.array(list(found), object), np.array(list(found.values()))
    groups = [re.sub(r"\W", "", text).lower()[:8] for text in found]
    print(f"{len(texts)} references, from {years.min()} to {years.max()}\n")
    print(f"{'5-fold cross-validation':26}    R2  mean error in years  seconds")
    for name, regressor in {
        "always the mean": DummyRegressor(),
        "ridge on the embedding": make_pipeline(StaticEmbeddingTransformer(), Ridge()),
        "StaticRegressor": StaticRegressor(random_state=0),
    }.items():
        start = perf_counter()
        folds = GroupKFold(5, shuffle=True, random_state=0)
        predicted = cross_val_predict(regressor, texts, years, groups=groups, cv=folds)
        seconds = perf_counter() - start
        r2 = 1 - np.mean((years - predicted) ** 2) / years.var()
        error = mean_absolute_error(years, predicted)
        print(f"  {name:24} {r2:5.2f} {error:20.1f} {seconds:8.1f}")
    regressor.fit(texts, years)  # the last one
    print("\nWords that tell, by themselves:")
    for word in ("Bell System Technical Journal", "arXiv preprint", "deep learning"):
        print(f"  {word:30} {regressor.predict([word])[0]:.0f}")


def references() -> dict[str, int]:
    """Return the references that name one year, without digits, and the year."""
    found: dict[str, int] = {}
    for library in LIBRARIES:
        spec = find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        for file in sorted(Path(spec.origin).parent.rglob("*.py")):
            for match in REFERENCE.finditer(file.read_text(encoding="utf-8")):
                years = set(YEAR.findall(match[1]))
                text = " ".join(re.sub(r"\d|https?:\S*", " ", match[1]).split())
                if len(years) == 1 and len(text) >= 30:
                    found.setdefault(text, int(years.pop()))
    return found


if __name__ == "__main__":
    main()
