"""A small language for ONNX graphs: operators are calls, values are their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from onnx import (
    GraphProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)

from sk_m2v.onnx.graph._subgraphs import INT, Value, captured_names, value_info

# Versions of the operators used beside those of the main domain. All are in every
# onnxruntime since 1.17.
DOMAINS = {"": 20, "ai.onnx.ml": 2, "com.microsoft": 1}
# Trips of a loop that ends by its condition.
_FOREVER = 2**62


class Graph:
    """Nodes and constants of a graph, in an order in which they can run.

    Parameters
    ----------
    unique : callable
        Makes a name that no other value of the model has from a proposal.

    Attributes
    ----------
    nodes : list of NodeProto
        What `op` and the others have added.
    constants : list of TensorProto
        Those of this graph and of all graphs inside it.
    """

    def __init__(self, unique: Callable[[str], str] | None = None) -> None:
        if unique is None:
            numbers = count()

            def unique(name: str) -> str:
                return f"{name}_{next(numbers)}"

        self._unique = unique
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._depth: dict[str, int] = {}

    def _inside(self) -> Graph:
        """Graph of a loop or branch: its constants are those of this one."""
        inner = Graph(self._unique)
        inner.constants, inner._known = self.constants, self._known
        return inner

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add a constant; equal small ones are added once.

        Parameters
        ----------
        value : array-like
            The value. Python integers become int64, floats float32.
        dtype : dtype, default=None
            Its type, where it is another.

        Returns
        -------
        str
            Its name.
        """
        array = np.asarray(value, dtype)
        if array.dtype == np.float64 and isinstance(value, float):
            array = array.astype(np.float32)
        small = array.size <= 64 and array.dtype != object
        key = (array.dtype.str, array.shape, array.tobytes() if small else b"")
        if small and key in self._known:
            return self._known[key]
        name = self._unique("constant")
        if array.dtype.kind in "OU":
            tensor = TensorProto(name=name, data_type=TensorProto.STRING)
            tensor.dims.extend(array.shape)
            tensor.string_data.extend(str(it).encode() for it in array.ravel())
        else:
            tensor = numpy_helper.from_array(np.asarray(array, order="C"), name)
        self.constants.append(tensor)
        if small:
            self._known[key] = name
        return name

    def _name(self, value: Any) -> str:
        return value if isinstance(value, str) else self.constant(value)

    def op(
        self, op_type: str, *inputs: Any, domain: str = "", **attributes: Any
    ) -> str:
        """Add a node with one output.

        Parameters
        ----------
        op_type : str
            The operator.
        *inputs : str or array-like
            Names of values; anything else becomes a constant.
        domain : str, default=""
            Domain of the operator.
        **attributes
            Those of the node.

        Returns
        -------
        str
            Name of the output.
        """
        return self.ops(op_type, *inputs, n_outputs=1, domain=domain, **attributes)[0]

    def ops(
        self,
        op_type: str,
        *inputs: Any,
        n_outputs: int,
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Add a node with several outputs, as `op` does with one.

        Parameters
        ----------
        op_type : str
            The operator.
        *inputs : str or array-like
            As in `op`.
        n_outputs : int
            Number of outputs.
        domain : str, default=""
            Domain of the operator.
        **attributes
            Those of the node.

        Returns
        -------
        list of str
            Names of the outputs.
        """
        names = [self._name(it) for it in inputs]
        outputs = [self._unique(op_type.lower()) for _ in range(n_outputs)]
        node = helper.make_node(op_type, names, outputs, domain=domain, **attributes)
        self._append(node)
        return outputs

    def _append(self, node: NodeProto) -> None:
        depth = 1 + max((self._depth.get(name, 0) for name in node.input), default=0)
        self._depth.update(dict.fromkeys(node.output, depth))
        self.nodes.append(node)

    # --- Control flow -----------------------------------------------------------------

    def loop(
        self,
        body: Callable[..., Sequence[str]],
        carried: Sequence[str],
        types: Sequence[Value],
        *,
        condition: str | None = None,
        trips: str | None = None,
        scanned: Sequence[Value] = (),
    ) -> list[str]:
        """Add a loop.

        Parameters
        ----------
        body : callable
            ``body(graph, iteration, *carried)`` adds the nodes of one round, and
            returns the condition (only if there is one), the carried values, and those
            to collect.
        carried : sequence of str
            Values before the first round.
        types : sequence of Value
            Their types.
        condition : str, optional
            Whether to run the first round; the body says whether to run more.
        trips : str, optional
            Number of rounds. By default they end by the condition.
        scanned : sequence of Value, default=()
            Types, of one round, of values to collect: stacked along a new first axis.

        Returns
        -------
        list of str
            The carried values after the last round, then the collected ones.
        """
        inner = self._inside()
        iteration, running = self._unique("iteration"), self._unique("running")
        entering = [self._unique("carried") for _ in carried]
        results = list(body(inner, iteration, *entering))
        if condition is None:
            results.insert(0, running)
        leaving = inner._leaving(results)
        kinds = [Value(TensorProto.BOOL, ()), *types, *scanned]
        graph = helper.make_graph(
            inner.nodes,
            self._unique("body"),
            [
                value_info(iteration, INT),
                value_info(running, kinds[0]),
                *map(value_info, entering, types),
            ],
            list(map(value_info, leaving, kinds)),
        )
        first = condition or self.constant(np.array(True))
        first, trips = self._after([graph], first, trips or self.constant(_FOREVER))
        return self.ops(
            "Loop", trips, first, *carried, n_outputs=len(leaving) - 1, body=graph
        )

    def branch(
        self,
        condition: str,
        then: Callable[[Graph], Sequence[str]],
        otherwise: Callable[[Graph], Sequence[str]],
        types: Sequence[Value],
    ) -> list[str]:
        """Add a choice between two graphs.

        Parameters
        ----------
        condition : str
            Which to run, a boolean of shape () or (1,).
        then, otherwise : callable
            ``then(graph)`` adds the nodes of one choice, and returns its values.
        types : sequence of Value
            Types of the values.

        Returns
        -------
        list of str
            The values.
        """
        graphs = []
        for build in (then, otherwise):
            inner = self._inside()
            results = inner._leaving(build(inner))
            graphs.append(
                helper.make_graph(
                    inner.nodes,
                    self._unique("branch"),
                    [],
                    list(map(value_info, results, types)),
                )
            )
        condition, _ = self._after(graphs, condition, condition)
        return self.ops(
            "If",
            condition,
            n_outputs=len(types),
            then_branch=graphs[0],
            else_branch=graphs[1],
        )

    def _leaving(self, values: Sequence[str]) -> list[str]:
        """Values as outputs of this graph: each made by a node of its own here."""
        made = {name for node in self.nodes for name in node.output}
        outputs: list[str] = []
        for value in values:
            own = value in made and value not in outputs
            outputs.append(value if own else self.op("Identity", value))
        return outputs

    def _after(
        self, graphs: Sequence[GraphProto], condition: str, other: str
    ) -> tuple[str, str]:
        """Condition that is computed after all values that subgraphs capture.

        skl2onnx puts nodes in order by their inputs alone. What a subgraph captures is
        no input of its node, so the condition is made to depend on it.
        """
        depth = max(self._depth.get(condition, 0), self._depth.get(other, 0))
        captured = {name for graph in graphs for name in captured_names(graph)}
        late = sorted(it for it in captured if self._depth.get(it, 0) > depth)
        if late:  # nodes are ordered by depth, so one after the deepest is after all
            name = max(late, key=lambda it: self._depth[it])
            there = self.op("GreaterOrEqual", self.op("Size", name), 0)
            condition = self.op("And", condition, there)
        return condition, other

    # --- Phrases ----------------------------------------------------------------------

    def lookup(
        self,
        values: str,
        table: Mapping[str, int] | Mapping[int, int],
        default: int,
    ) -> str:
        """Look values up in a table.

        Parameters
        ----------
        values : str
            Strings or int64, of any shape.
        table : mapping
            What there is for each.
        default : int
            What there is for all others.

        Returns
        -------
        str
            What was found, int64.
        """
        keys = [*table]
        kind = "strings" if keys and isinstance(keys[0], str) else "int64s"
        # The operator does not exist without keys.
        return self.op(
            "LabelEncoder",
            values,
            domain="ai.onnx.ml",
            **{f"keys_{kind}": keys or [0]},
            values_int64s=[*table.values()] or [default],
            default_int64=default,
        )

    def positions(self, mask: str) -> str:
        """Where a mask is true.

        Parameters
        ----------
        mask : str
            Boolean of shape (n,).

        Returns
        -------
        str
            Indices, int64.
        """
        return self.op("Reshape", self.op("NonZero", mask), [-1])

    def compress(self, mask: str, *values: str) -> list[str]:
        """Elements of values where a mask is true.

        Parameters
        ----------
        mask : str
            Boolean of shape (n,).
        *values : str
            Of shape (n, ...).

        Returns
        -------
        list of str
            What is left of each.
        """
        return [self.op("Compress", it, mask, axis=0) for it in values]

    def any(self, mask: str) -> str:
        """Whether a mask is true anywhere.

        Parameters
        ----------
        mask : str
            Boolean of any shape but ().

        Returns
        -------
        str
            Boolean of shape ().
        """
        return self.some(self.op("NonZero", mask))

    def some(self, values: str) -> str:
        """Whether there are any values.

        Parameters
        ----------
        values : str
            Of any shape.

        Returns
        -------
        str
            Boolean of shape ().
        """
        return self.op("Cast", self.op("Size", values), to=TensorProto.BOOL)
