"""Export to ONNX: string in, label out, one file, stock runtime.

A fitted estimator goes in, a `ModelProto` comes out (`_export`), is run (`_runtime`),
compared with Python (`_verify`) and measured (`_report`). The rooms below, from the
ground up: `graph` (the language), `models` and `text` (parts of tokenizers), `tokenize`
(texts to ids), `heads` (ids to results). Read `_export` first.
"""

from sk_m2v._optional import require

# Named here, so that what is missing is said with the line that installs it.
for _module in ("onnx", "skl2onnx", "onnxruntime"):
    require(_module, extra="onnx")

from sk_m2v.onnx._export import save, to_onnx  # noqa: E402
from sk_m2v.onnx._report import report  # noqa: E402
from sk_m2v.onnx._runtime import OnnxModel, load  # noqa: E402

__all__ = ["OnnxModel", "load", "report", "save", "to_onnx"]
