"""The README.md of a saved model."""

from __future__ import annotations

from sk_m2v.embedding._parts import Parts
from sk_m2v.embedding._source import is_hub_id

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
"""


def model_card(name: str, parts: Parts) -> str:
    """Describe a model in the form the Hugging Face Hub expects.

    Parameters
    ----------
    name : str
        Hub id or folder of the model.
    parts : Parts
        The model; ``tokenizer_name`` of its configuration names its teacher.

    Returns
    -------
    str
        Markdown with YAML front matter.
    """
    teacher = str(parts.config.get("tokenizer_name"))
    rows = parts.vectors if parts.token_mapping is None else parts.token_mapping
    return _TEMPLATE.format(
        # The hub takes only ids of its models here, not the name of a folder.
        front_matter=f"base_model: {teacher}\n" if is_hub_id(teacher) else "",
        name=name.rstrip("/").rsplit("/", 1)[-1],
        path=name,
        dim=parts.vectors.shape[1],
        dtype=parts.vectors.dtype,
        n_tokens=len(rows),
        normalized=", normalised to length 1" if parts.config["normalize"] else "",
    )
