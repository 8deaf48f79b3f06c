"""Pairs: teach an embedding which texts belong together, and search with it.

A pair is the summary of a function or class and the paragraph that follows it, from the
docstrings of NumPy, SciPy and scikit-learn, which are installed wherever this package
is. Each summary has to find its own paragraph among those of all modules set aside.

    python examples/pairs.py

Nothing is downloaded, and no file stays behind. Needs torch and skorch.
"""

from __future__ import annotations

import ast
import random
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn

from sk_m2v import ContrastiveTransformer, StaticEmbedding

FILES = 1000  # at random, of all
SKIPPED = re.compile("(numpy|scipy|sklearn)/(.+/)?(tests|externals|_external)/")
NOT_PROSE = re.compile(r"^[^A-Za-z]|>>>|::|\n\s|\n[-=~]{3}")


def main() -> None:
    """Print how well paragraphs are found, before and after training."""
    files = [
        file
        for library in (np, scipy, sklearn)
        for file in sorted(Path(library.__path__[0]).rglob("*.py"))
        if not SKIPPED.search(file.as_posix())
    ]
    random.Random(0).shuffle(files)
    train = [it for file in files[FILES // 3 : FILES] for it in pairs(file)]
    seen = {text for pair in train for text in pair}
    test: dict[str, str] = {}
    for first, second in (it for file in files[: FILES // 3] for it in pairs(file)):
        # A text that is there twice would have two right answers.
        if seen.isdisjoint([first, second]):
            test[first] = second
            seen |= {first, second}
    print(f"{len(train)} pairs to learn from, {len(test)} of other modules\n")
    print(f"{'':8}  found first  mean of 1 / rank")
    print_ranks("before", StaticEmbedding.from_pretrained().encode, test)
    transformer = ContrastiveTransformer(random_state=0)
    transformer.fit([it[0] for it in train], [it[1] for it in train])
    print_ranks("after", transformer.transform, test)


def print_ranks(name: str, encode: Callable[..., Any], test: dict[str, str]) -> None:
    """Print how far up the right paragraphs come."""
    scores = encode(list(test)) @ encode(list(test.values())).T
    ranks = 1 + (scores > scores.diagonal()[:, None]).sum(axis=1)
    print(f"  {name:6}  {np.mean(ranks == 1):11.3f}  {np.mean(1 / ranks):16.3f}")


def pairs(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the first two paragraphs of each docstring, where both are prose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the source, which is only read
        tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            blocks = re.split(r"\n\s*\n", ast.get_docstring(node) or "")[:2]
            if len(blocks) == 2 and not any(map(NOT_PROSE.search, blocks)):
                first, second = (" ".join(block.split()) for block in blocks)
                yield first, second


if __name__ == "__main__":
    main()
