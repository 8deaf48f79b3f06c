"""Export to ONNX: string in, label out, one file, stock runtime."""

from sk_m2v._optional import require

# Named here, so that what is missing is said with the line that installs it.
for _module in ("onnx", "skl2onnx", "onnxruntime"):
    require(_module, extra="onnx")

from sk_m2v.onnx._export import save, to_onnx  # noqa: E402
from sk_m2v.onnx._report import report  # noqa: E402
from sk_m2v.onnx._runtime import OnnxModel, load  # noqa: E402

__all__ = ["OnnxModel", "load", "report", "save", "to_onnx"]
