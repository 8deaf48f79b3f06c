"""Import optional packages, with one error that says how to install them."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, *, extra: str) -> ModuleType:
    """Import `module` or say which extra of this package brings it.

    Parameters
    ----------
    module : str
        Name of the module to import, such as ``"torch"``.
    extra : str
        The extra of ``sk-m2v`` that installs it.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    ImportError
        If the module is not installed.

    Examples
    --------
    >>> from sk_m2v._optional import require
    >>> require("json", extra="train").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A module missing inside the package asked for is a fault of that package.
        if error.name != module.partition(".")[0]:
            raise
        raise ImportError(
            f"{module!r} is needed here and is not installed. Install it with: "
            f'pip install "sk-m2v[{extra}]"'
        ) from error
