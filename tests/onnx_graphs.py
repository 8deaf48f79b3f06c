"""Run a graph that is no whole export."""

from onnx import helper

from sk_m2v.onnx.graph._builder import DOMAINS, Graph
from sk_m2v.onnx.graph._subgraphs import Value, value_info


def as_model(graph: Graph, inputs: dict[str, Value], outputs: dict[str, Value]):
    """Model with values of the graph as its inputs and outputs."""
    proto = helper.make_graph(
        graph.nodes,
        "sk_m2v",
        [value_info(*it) for it in inputs.items()],
        [value_info(*it) for it in outputs.items()],
        initializer=graph.constants,
    )
    versions = [helper.make_opsetid(*it) for it in DOMAINS.items()]
    return helper.make_model(proto, opset_imports=versions, ir_version=9)
