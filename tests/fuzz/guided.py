"""Damage files as coverage guides it, with atheris.

    pip install atheris
    python tests/fuzz/guided.py tokenizer -runs=20000 -timeout=5

The first argument is a target of `run.py`, the others are those of libFuzzer. It ends
at the first finding, and leaves the input in the working directory.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    name, *options = sys.argv[1:]
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder, TemporaryDirectory() as corpus:
        # What is imported when a target is used first is to be seen as well.
        with atheris.instrument_imports(include=["sk_m2v"]):
            from fuzz.targets import DOCUMENTED, TARGETS

            target = TARGETS[name][0](Path(folder))
            for i, seed in enumerate(target.seeds):
                Path(corpus, str(i)).write_bytes(seed)
                with suppress(*DOCUMENTED):
                    target.run(seed)

        def run(data: bytes) -> None:
            with suppress(*DOCUMENTED):
                target.run(data)

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            rng = Random(seed)
            if rng.random() < 0.3:
                return atheris.Mutate(data, most)
            return target.mutate(rng, data)[:most]

        atheris.Setup(
            [sys.argv[0], corpus, "-max_len=65536", *options],
            run,
            custom_mutator=mutate,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
