"""Other models made of a model: smaller ones, and such with other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Self

from sk_m2v.embedding._quantize import shrink
from sk_m2v.embedding.storage._pretrained import PretrainedMixin


class VariantsMixin(PretrainedMixin):
    """A model is a value: whatever changes it returns a new one."""

    config: Mapping[str, Any]

    def replace(self, **config: Any) -> Self:
        """Return the same model with other metadata.

        Parameters
        ----------
        **config
            Entries of `config` to set, such as ``normalize`` and ``max_length``.

        Returns
        -------
        StaticEmbedding
            A model that shares the vectors.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> StaticEmbedding.from_pretrained().replace(max_length=64).max_length
        64
        """
        parts = replace(self._parts, config={**self.config, **config})
        return self._from_parts(parts)

    def quantize(
        self,
        quantize_to: str | None = None,
        *,
        dimensionality: int | None = None,
        vocabulary_quantization: int | None = None,
    ) -> Self:
        """Return a smaller model.

        Dimensions are cut first, then vectors clustered, then rounded, whatever the
        order in which the arguments stand.

        Parameters
        ----------
        quantize_to : {"float32", "float16", "int8"} or None, default=None
            Type in which to store vectors. "int8" has one scale a row, kept in
            `weights`. None keeps the type.
        dimensionality : int or None, default=None
            Number of dimensions to keep, from the first. None keeps all.
        vocabulary_quantization : int or None, default=None
            Number of vectors to keep: k-means of the directions; each token keeps its
            own length in `weights`. None keeps one vector a token.

        Returns
        -------
        StaticEmbedding
            The smaller model. The same arguments give the same object while it is among
            the last few that were made.

        Raises
        ------
        ValueError
            If an argument is not possible for this model.

        Examples
        --------
        >>> from sk_m2v import StaticEmbedding
        >>> model = StaticEmbedding.from_pretrained()
        >>> model.quantize("float16", dimensionality=64)
        StaticEmbedding(29525 tokens, 64 dimensions, float16)
        """
        how = quantize_to, dimensionality, vocabulary_quantization
        if how == (None, None, None):
            return self
        smaller: Self = _shrunk(self, *how)
        return smaller


# Searches over `dimensionality` and `quantize_to` ask for the same few models again and
# again. They are values, so the same object can serve every time.
@lru_cache(maxsize=4)
def _shrunk(
    model: Any,
    quantize_to: str | None,
    dimensionality: int | None,
    vocabulary_quantization: int | None,
) -> Any:
    return model._from_parts(
        shrink(model._parts, quantize_to, dimensionality, vocabulary_quantization)
    )
