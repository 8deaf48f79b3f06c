"""The version of this package."""

from __future__ import annotations


def package_version() -> str:
    """Version that is installed.

    Returns
    -------
    str
        Such as ``"0.1.0"``.
    """
    from importlib.metadata import version  # 20 ms, and rarely needed

    return version("sk-m2v")
