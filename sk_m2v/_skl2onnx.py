"""Converters for skl2onnx, registered when a program imports it.

skl2onnx asks an estimator's class for a converter before it looks at those that are
registered, but reads options only of registered ones, and so do its converters of
estimators that hold others, such as `CalibratedClassifierCV`. It has no entry points.
Importing it here would cost over a second, so its import is watched for.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sk_m2v._messages import quoted

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_NAME = "skl2onnx"


def install() -> None:
    """Register our converters now, or as soon as skl2onnx is imported."""
    # Where another thread is just importing it, registering waits for that.
    if sys.modules.get(_NAME) is not None:
        _register()
    elif not any(isinstance(it, _Finder) for it in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register() -> None:
    # Whoever imports skl2onnx may not even use our estimators: nothing here may fail.
    try:
        from sk_m2v.onnx.heads._converters import register

        register()
    except Exception as error:
        warnings.warn(
            f"sk_m2v could not register its converters with skl2onnx: {quoted(error)}",
            stacklevel=2,
        )


class _Finder:
    """Finds skl2onnx as others do, and registers once it is there.

    It stays until an import has succeeded: looking for a module is not importing it.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if isinstance(finder, _Finder) or find is None:
                continue
            spec: ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    # By its methods: the base classes take 15 ms to import.
                    loader: Any = _Loader(spec.loader, self)
                    spec.loader = loader
                return spec
        return None


class _Loader:
    """A loader that registers after it has executed the module."""

    def __init__(self, loader: Any, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    # For whoever asks the specification of a module for its source or its data.
    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module is to look as if nobody had watched.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        with suppress(ValueError):  # another thread was faster
            sys.meta_path.remove(self._finder)
        _register()
