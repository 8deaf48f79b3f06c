"""Say what a model is.

    sk-m2v inspect runs/reviews
    sk-m2v inspect minishlab/potion-base-8M --json

Kind, hash, dimensions, tokens, size, and of a classifier its classes and the tokens
that speak most for each.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from sk_m2v._messages import check_count
from sk_m2v.cli.running._model import Model, open_model

_SHOWN = 20  # classes


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument(
        "model",
        nargs="?",
        help="folder of a model or of a training, or hub id (default: the one that "
        "comes with the package)",
    )
    parser.add_argument(
        "--terms", type=int, default=5, metavar="N", help="tokens of a class (5)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: Namespace) -> None:
    """Print what there is to say."""
    check_count(options.terms, "tokens", "--terms", least=0)
    about = _about(open_model(options.model), options.terms)
    if options.json:
        print(json.dumps(about, indent=2, ensure_ascii=False, default=str))
        return
    for name, value in about.items():
        if isinstance(value, dict):
            print(name)
            for key, it in value.items():
                print(f"  {key}: {', '.join(it) if isinstance(it, list) else it}")
        else:
            print(f"{name:10}  {value}")


def _about(model: Model, n_terms: int) -> dict[str, Any]:
    from sk_m2v import model_sha256

    found = model.estimator()
    embedding = getattr(found, "embedding_", found)
    about: dict[str, Any] = {"kind": type(found).__name__}
    if model.path is not None:
        about["path"] = str(model.path)
    about["sha256"] = model_sha256(model.path)
    if model.path is not None and Path(model.path).is_dir():
        files = [it for it in Path(model.path).rglob("*") if it.is_file()]
        about["megabytes"] = round(sum(it.stat().st_size for it in files) / 1e6, 2)
    if hasattr(embedding, "n_tokens"):
        about |= {
            "dimensions": embedding.dim,
            "tokens": embedding.n_tokens,
            "max_length": embedding.max_length,
            "normalize": embedding.normalize,
        }
    if hasattr(found, "get_params"):
        about["parameters"] = {
            name: it if isinstance(it, int | float | str | None) else str(it)
            for name, it in found.get_params(deep=False).items()
        }
    if hasattr(found, "classes_"):
        classes = found.classes_.tolist()
        about["n_classes"] = len(classes)
        about["classes"] = {str(it): [] for it in classes[:_SHOWN]}
        if n_terms > 0:
            for name, terms in found.top_terms(n_terms).items():
                if str(name) in about["classes"]:
                    about["classes"][str(name)] = [term for term, _ in terms]
    return about
