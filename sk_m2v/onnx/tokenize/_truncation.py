"""The end of tokenizing: long texts are cut, unknown tokens left out."""

from __future__ import annotations

from dataclasses import dataclass

from sk_m2v.onnx.graph._builder import Graph
from sk_m2v.onnx.graph._phrases import counts
from sk_m2v.onnx.graph._subgraphs import INTS


@dataclass(frozen=True)
class Ending:
    """What happens to the tokens of texts.

    Attributes
    ----------
    max_length : int or None
        Tokens kept of each text. None keeps all.
    unknown : int or None
        Id of the unknown token.
    n_texts : str
        Number of texts, int64 of shape (1,).
    """

    max_length: int | None
    unknown: int | None
    n_texts: str

    def finish(self, graph: Graph, ids: str, sources: str) -> tuple[str, str]:
        """Cut texts, then leave unknown tokens out.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        ids, sources : str
            Tokens and the texts they are from, int64 of shape (n_tokens,).

        Returns
        -------
        ids : str
            The tokens that are left.
        counts : str
            Number of tokens of each text, int64 of shape (n_texts,).
        """
        ids, sources = self._cut(graph, ids, sources)
        if self.unknown is not None:
            known = graph.op("Not", graph.op("Equal", ids, self.unknown))
            ids, sources = graph.compress(known, ids, sources)
        return ids, counts(graph, sources, self.n_texts)

    def finish_known(self, graph: Graph, ids: str, sources: str) -> tuple[str, str]:
        """Do the same for tokens of which none is unknown.

        Parameters
        ----------
        graph : Graph
            Where to add the nodes.
        ids, sources : str
            As in `finish`.

        Returns
        -------
        ids, counts : str
            As in `finish`.
        """
        ids, sources = self._cut(graph, ids, sources)
        return ids, counts(graph, sources, self.n_texts)

    def _cut(self, graph: Graph, ids: str, sources: str) -> tuple[str, str]:
        if self.max_length is None:
            return ids, sources

        def cut(graph: Graph) -> list[str]:
            sizes = counts(graph, sources, self.n_texts)
            begins = graph.op("CumSum", sizes, 0, exclusive=1)
            index = graph.op("Range", 0, graph.op("Size", ids), 1)
            place = graph.op("Sub", index, graph.op("Gather", begins, sources))
            short = graph.op("Less", place, self.max_length)
            return graph.compress(short, ids, sources)

        # A text can be too long only if all together are.
        many = graph.op("Greater", graph.op("Size", ids), self.max_length)
        ids, sources = graph.branch(many, cut, lambda _: [ids, sources], [INTS, INTS])
        return ids, sources
