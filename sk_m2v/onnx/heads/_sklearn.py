"""Classifiers of scikit-learn as heads, converted by skl2onnx itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx._parse import _parse_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model._base import LinearClassifierMixin

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.heads import _scores
from sk_m2v.onnx.heads._container import Conversion, known_options
from sk_m2v.onnx.heads._tfidf import Sparse, dense
from sk_m2v.train.heads._head import Head, Linear
from sk_m2v.train.heads._sklearn import SklearnHead

# Of all classifiers whose scores are a product of features and `coef_`.
_LINEAR = LinearClassifierMixin.decision_function


class ForeignHead:
    """Scores and probabilities of a `SklearnHead` in the graph.

    Parameters
    ----------
    conversion : Conversion
        Of the classifier.
    head : SklearnHead
        Its head.
    lexical : sequence of Sparse
        Lexical features.
    embeddings : str
        Embeddings: float32, of shape (n_texts, dim).
    dim : int
        Number of their dimensions.
    """

    def __init__(
        self,
        conversion: Conversion,
        head: SklearnHead,
        lexical: Sequence[Sparse],
        embeddings: str,
        dim: int,
    ) -> None:
        self._conversion = conversion
        self._graph: Graph = conversion.graph
        self._heads = head._heads
        self._multilabel = head._multilabel
        self._weight = head.embedding_weight
        self._lexical = lexical
        self._embeddings = embeddings
        self._dim = dim

    @cached_property
    def _features(self) -> Any:
        """Variable of skl2onnx with all features side by side, as a dense matrix."""
        graph, lexical, width = self._graph, self._lexical, self._dim
        features = graph.op("Mul", self._embeddings, np.float32(self._weight))
        if lexical:
            blocks = [dense(graph, it) for it in lexical]
            features = graph.op("Concat", *blocks, features, axis=1)
            width += sum(it.n_columns for it in lexical)
        variable = self._conversion.scope.declare_local_variable(
            "features", FloatTensorType([None, width])
        )
        self._conversion.name(features, variable)
        return variable

    def probabilities(self) -> str:
        """Probabilities, as `SklearnHead.probabilities` has them.

        Returns
        -------
        str
            Values of type float64 and shape (n_texts, n_classes).
        """
        graph = self._graph
        if not all(hasattr(it, "predict_proba") for it in self._heads):
            scores = self.scores()
            return _scores.probabilities(graph, scores, multilabel=self._multilabel)
        if not self._multilabel:
            return self._output(self._heads[0], raw_scores=False)
        columns = [self._label_probability(it) for it in self._heads]
        return graph.op("Concat", *columns, axis=1)

    def scores(self) -> str:
        """Scores, as `SklearnHead.scores` has them.

        Returns
        -------
        str
            Values of type float64 and shape (n_texts, n_classes).
        """
        graph = self._graph
        if self._multilabel:
            columns = [self._label_score(it) for it in self._heads]
            return graph.op("Concat", *columns, axis=1)
        (head,) = self._heads
        if not hasattr(head, "decision_function"):
            return self._log(self._output(head, raw_scores=False))
        scores = self._decision(head)
        if len(head.classes_) > 2:
            return scores
        second = graph.op("Mul", self._last(scores), np.array(0.5))
        return graph.op("Concat", graph.op("Neg", second), second, axis=1)

    def _label_probability(self, head: Any) -> str:
        if len(head.classes_) == 1:
            return self._constant(float(head.classes_[0]))
        return self._last(self._output(head, raw_scores=False))

    def _label_score(self, head: Any) -> str:
        graph = self._graph
        if len(head.classes_) > 1 and hasattr(head, "decision_function"):
            return self._last(self._decision(head))
        probability = self._label_probability(head)
        against = graph.op("Sub", np.array(1.0), probability)
        return graph.op("Sub", self._log(probability), self._log(against))

    def _constant(self, value: float) -> str:
        """Column of one value."""
        graph = self._graph
        shape = graph.op("Shape", self._embeddings)
        shape = graph.op("Concat", graph.op("Slice", shape, [0], [1]), [1], axis=0)
        return graph.op("Expand", np.array([[value]]), shape)

    def _last(self, scores: str) -> str:
        """Column of the second of two classes; some converters give only that one."""
        return self._graph.op("Gather", scores, [-1], axis=1)

    def _log(self, probabilities: str) -> str:
        tiny = np.array(np.finfo(np.float64).tiny)
        return self._graph.op("Log", self._graph.op("Max", probabilities, tiny))

    def _decision(self, head: Any) -> str:
        """Scores of a classifier; of two classes, in the last column."""
        kind = type(head)
        if getattr(kind, "decision_function", None) is not _LINEAR:
            return self._output(head, raw_scores=True)
        # No matrix of texts and n-grams, which can be large, is needed.
        coef = head.coef_.astype(np.float32)
        lexical, weight = np.split(coef.T, [coef.shape[1] - self._dim])
        intercept = np.broadcast_to(head.intercept_, len(coef)).astype(np.float32)
        linear = Linear(weight * np.float32(self._weight), intercept)
        return _scores.scores(
            self._graph, Head((linear,), lexical), self._lexical, self._embeddings
        )

    def _output(self, head: Any, *, raw_scores: bool) -> str:
        """Probabilities or scores of a classifier, from an operator of skl2onnx."""
        scope, container = self._conversion.scope, self._conversion.container
        options = known_options(head, zipmap=False, raw_scores=raw_scores)
        for owner in (scope, container):
            owner.add_options(id(head), dict(options))
        outputs = _parse_sklearn(scope, head, [self._features])
        name = outputs[1].full_name
        return self._graph.op("Cast", name, to=TensorProto.DOUBLE)
