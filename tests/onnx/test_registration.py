"""Converters are registered as soon as a program imports skl2onnx."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORTS = {
    "before": """
import sk_m2v, sys
assert "skl2onnx" not in sys.modules
import importlib.util
assert importlib.util.find_spec("skl2onnx").origin
assert "skl2onnx" not in sys.modules
import skl2onnx
""",
    "after": "import skl2onnx, sk_m2v",
    "of a part": "import sk_m2v; from skl2onnx.common import data_types",
    "failed": """
import sys
sys.modules["skl2onnx"] = None
import sk_m2v
del sys.modules["skl2onnx"]
path, sys.path[:] = sys.path[:], []
try:
    import skl2onnx
    raise AssertionError
except ImportError:
    sys.path[:] = path
import sk_m2v
""",
    "in threads": """
import sk_m2v, threading
def work():
    import skl2onnx
    from skl2onnx._supported_operators import sklearn_operator_name_map as known
    seen.append(any(it.__name__ == "StaticClassifier" for it in known))
seen = []
threads = [threading.Thread(target=work) for _ in range(8)]
[it.start() for it in threads]
[it.join() for it in threads]
assert seen == [True] * 8, seen
""",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_registered_on_import(name):
    script = (
        IMPORTS[name]
        + """
import sys
import inspect
import skl2onnx
from skl2onnx._supported_operators import sklearn_operator_name_map as known
assert any(it.__name__ == "StaticClassifier" for it in known)
assert "torch" not in sys.modules
assert not any(type(it).__module__ == "sk_m2v._skl2onnx" for it in sys.meta_path)
assert type(skl2onnx.__loader__).__name__ == "SourceFileLoader"
assert type(skl2onnx.__spec__.loader).__name__ == "SourceFileLoader"
assert inspect.getsource(skl2onnx)
"""
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
