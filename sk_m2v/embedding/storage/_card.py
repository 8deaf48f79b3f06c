"""The README.md of a saved model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sk_m2v.embedding.storage._parts import Parts
from sk_m2v.embedding.storage._source import is_hub_id

_TEMPLATE = """\
---
library_name: sk-m2v
{front_matter}tags:
- static-embeddings
- model2vec
- sentence-transformers
---

# {name}

A static embedding: one vector of {dim} numbers ({dtype}) for each of {n_tokens} tokens,
and a text is the mean of the vectors of its tokens{normalized}.

```python
from sk_m2v import StaticEmbeddingTransformer

StaticEmbeddingTransformer("{path}").transform(["some text", "another text"])
```

The folder also loads in `model2vec` (`StaticModel.from_pretrained`).
{origin}"""

_CORPUS = {"n_sentences", "alpha", "r2"}
_ORIGIN = """
## How it was made

Distilled from {teacher} by `sk_m2v.DistillTransformer`, fitted to {n_sentences:,}
sentences. A regression of the teacher's vectors on the tokens of the sentences, with
alpha={alpha:g}, explains {r2:.1%} of their variance.

| setting | |
|---|---|
{settings}
"""


def model_card(name: str, parts: Parts) -> str:
    """Describe a model in the form the Hugging Face Hub expects.

    Parameters
    ----------
    name : str
        Hub id or folder of the model.
    parts : Parts
        The model; ``tokenizer_name`` of its configuration names its teacher, or
        ``teachers`` several.

    Returns
    -------
    str
        Markdown with YAML front matter.
    """
    # The hub takes only ids of its models, not the name of a folder.
    ids = [it for it in _teachers(parts.config) if is_hub_id(it)]
    rows = parts.vectors if parts.token_mapping is None else parts.token_mapping
    return _TEMPLATE.format(
        front_matter=_base_model(ids),
        name=name.rstrip("/").rsplit("/", 1)[-1],
        path=name,
        dim=parts.vectors.shape[1],
        dtype=parts.vectors.dtype,
        n_tokens=len(rows),
        normalized=", normalised to length 1" if parts.config["normalize"] else "",
        origin=_origin(parts.config),
    )


def _teachers(config: Mapping[str, Any]) -> list[str]:
    """Names of one teacher or several, each once: prompts may make one model two."""
    names = config.get("teachers")
    if not isinstance(names, list):
        names = [config.get("tokenizer_name")]
    return list(dict.fromkeys(map(str, names)))


def _base_model(ids: list[str]) -> str:
    """Line of the front matter that names models of the hub; a list if several."""
    if len(ids) == 1:
        return f"base_model: {ids[0]}\n"
    return "".join(["base_model:\n", *(f"- {it}\n" for it in ids)]) if ids else ""


def _origin(config: Mapping[str, Any]) -> str:
    """Tell what `DistillTransformer` has noted of a corpus, if it was fitted to one."""
    corpus = config.get("corpus")
    if not isinstance(corpus, dict) or not set(corpus) >= _CORPUS:
        return ""
    names = ("apply_pca", "sif_coefficient", "pooling", "max_length")
    settings = {name: config[name] for name in names if name in config}
    settings |= {name: it for name, it in corpus.items() if name not in _CORPUS}
    return _ORIGIN.format(
        teacher=" and ".join(it or "an unnamed model" for it in _teachers(config)),
        settings="\n".join(f"| {name} | {value} |" for name, value in settings.items()),
        **corpus,
    )
