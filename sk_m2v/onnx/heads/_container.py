"""Our nodes in the containers of skl2onnx."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from onnx import NodeProto, TensorProto
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter
from skl2onnx.common.data_types import (
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
)

from sk_m2v._messages import listed, shortened
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.onnx.graph._builder import DOMAINS, Graph
from sk_m2v.onnx.graph._subgraphs import subgraphs
from sk_m2v.onnx.heads._pooling import pool
from sk_m2v.onnx.tokenize._token_ids import Tokens, from_bags, from_padded


@dataclass
class _Shared:
    """What all our converters of one model share."""

    graph: Graph
    tokens: dict[Any, Tokens] = field(default_factory=dict)
    pooled: dict[Any, str] = field(default_factory=dict)


class Conversion:
    """One estimator on its way into a container.

    All estimators of a model share one graph, which knows how deep its values lie, and
    the ids of texts that several of them read.

    Parameters
    ----------
    scope, operator, container : object
        Those of a converter of skl2onnx.

    Raises
    ------
    ValueError
        If the target opset is too old.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        needed = DOMAINS[""]
        if container.target_opset_onnx < needed:
            raise ValueError(
                f"{type(operator.raw_operator).__name__} needs operators of opset "
                f"{needed}: pass target_opset={needed} or more, not "
                f"{container.target_opset_onnx}"
            )
        self.scope = scope
        self.operator = operator
        self.container = container
        if not hasattr(container, "_sk_m2v"):
            container._sk_m2v = _Shared(Graph(scope.get_unique_variable_name))
        self._shared: _Shared = container._sk_m2v
        self.graph = self._shared.graph

    def option(self, name: str, default: Any = None) -> Any:
        """Value that the user gave an option of this estimator.

        Parameters
        ----------
        name : str
            The option.
        default : object, default=None
            Value if it was not given.

        Returns
        -------
        object
            The value.
        """
        options = self.container.get_options(self.operator.raw_operator)
        return options.get(name, default)

    def tokens(self, embedding: StaticEmbedding, max_length: Any) -> Tokens:
        """Token ids of the texts, whatever the inputs are.

        Parameters
        ----------
        embedding : StaticEmbedding
            Whose tokens.
        max_length : int, "auto" or None
            Parameter of the estimator.

        Returns
        -------
        Tokens
            The ids, cut and without the unknown token.
        """
        length = embedding._max_length(max_length)
        names = tuple(it.full_name for it in self.operator.inputs)
        key = names, embedding.tokenizer_json, length
        if key not in self._shared.tokens:
            self._shared.tokens[key] = self._tokens(embedding, length)
        return self._shared.tokens[key]

    def pooled(
        self, tokens: Tokens, embedding: StaticEmbedding, *, normalize: bool
    ) -> str:
        """Vectors of the texts.

        Parameters
        ----------
        tokens : Tokens
            From `tokens`.
        embedding : StaticEmbedding
            The model.
        normalize : bool
            Whether to scale vectors to length 1.

        Returns
        -------
        str
            The vectors, as `pool` gives them.
        """
        precision = self.option("precision")
        # Clones of an estimator share their model, and so its matrix in the file.
        key = tokens, id(embedding), normalize, precision
        if key not in self._shared.pooled:
            self._shared.pooled[key] = pool(
                self.graph, tokens, embedding, normalize=normalize, precision=precision
            )
        return self._shared.pooled[key]

    def _tokens(self, embedding: StaticEmbedding, max_length: int | None) -> Tokens:
        kind = input_kind(self.operator)
        names = []
        for variable in self.operator.inputs:
            # What a loop captures must not look like a root of the graph if it is none.
            self.graph._depth.setdefault(variable.full_name, int(not variable.is_root))
            name = variable.full_name
            if isinstance(variable.type, Int32TensorType):
                name = self.graph.op("Cast", name, to=TensorProto.INT64)
            names.append(name)
        if kind == "text":
            from sk_m2v.onnx.tokenize._tokenize import tokenize

            (name,) = names
            try:
                return tokenize(self.graph, name, embedding.tokenizer_json, max_length)
            except ValueError as error:
                raise ValueError(
                    f"The tokenizer has no exact graph: {shortened(error, 300)}. "
                    'Token ids need none: sk_m2v.onnx.to_onnx(..., variant="ids").'
                ) from error
        make = from_bags if kind == "ids" else from_padded
        unk_id = embedding._backend.unk_id
        return make(self.graph, *names, max_length=max_length, unk_id=unk_id)

    def finish(self, *values: str) -> None:
        """Hand the nodes over, with values for the outputs of the operator.

        Parameters
        ----------
        *values : str
            Names, one an output.
        """
        for value, variable in zip(values, self.operator.outputs, strict=True):
            self.name(value, variable)
        self.flush()

    def name(self, value: str, variable: Any) -> None:
        """Give a value the name of a variable.

        Parameters
        ----------
        value : str
            The value.
        variable : Variable
            Of skl2onnx.
        """
        self.graph.op("Identity", value)
        self.graph.nodes[-1].output[0] = variable.full_name

    def flush(self) -> None:
        """Hand the nodes over that were made so far."""
        graph, container = self.graph, self.container
        versions = {**DOMAINS, "": container.target_opset_onnx}
        container.node_domain_version_pair_sets.update(
            (domain, versions[domain]) for domain in _domains(graph.nodes)
        )
        for node in graph.nodes:
            node.name = self.scope.get_unique_operator_name(node.op_type)
        container.nodes.extend(graph.nodes)
        container.initializers.extend(graph.constants)
        graph.nodes.clear()
        graph.constants.clear()


def known_options(model: Any, **options: Any) -> dict[str, Any]:
    """Those options that the converter of an estimator knows; others are errors.

    Parameters
    ----------
    model : estimator
        The estimator.
    **options
        What one would like to ask for.

    Returns
    -------
    dict
        Some of `options`.
    """
    alias = sklearn_operator_name_map.get(type(model))
    known = get_converter(alias).get_allowed_options() if alias else None
    if known == "passthrough":
        return options
    return {name: it for name, it in options.items() if name in (known or {})}


def input_kind(operator: Any) -> str:
    """What the inputs of an operator are.

    Parameters
    ----------
    operator : Operator
        Of skl2onnx.

    Returns
    -------
    {"text", "ids", "padded"}
        Texts; ids and where each text begins; or ids and mask, with padding.

    Raises
    ------
    TypeError
        If it is none of them.
    """
    types = [it.type for it in operator.inputs]
    ranks = {len(it.shape) for it in types}
    if len(types) == 1 and isinstance(types[0], StringTensorType):
        shape = list(types[0].shape)
        if len(shape) < 2 or shape[1:] in ([1], [None]):
            return "text"
    integers = all(isinstance(it, (Int64TensorType, Int32TensorType)) for it in types)
    if len(types) == 2 and integers:
        if ranks == {1}:
            return "ids"
        if ranks == {2}:
            return "padded"
    name = type(operator.raw_operator).__name__
    raise TypeError(
        f"{name} reads one StringTensorType([None]) or ([None, 1]) of texts; or two "
        "Int64TensorType([None]), ids and offsets; or two Int64TensorType([None, None]"
        f"), ids and attention mask; not {listed(types)}"
    )


def _domains(nodes: Iterable[NodeProto]) -> set[str]:
    domains = set()
    for node in nodes:
        domains.add(node.domain)
        for graph in subgraphs(node):
            domains |= _domains(graph.node)
    return domains
