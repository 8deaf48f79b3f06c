"""`StaticClassifier`: everything is fine-tuned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sk_m2v._base import ModelParameter, as_embedding
from sk_m2v._parameters import parameters, public
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.train._fine_tuned_classifier import FineTunedClassifier


@public("sk_m2v")
@parameters
class StaticClassifier(FineTunedClassifier, ModelParameter):
    """Classify texts with a static embedding that is fine-tuned to the task.

    The vectors of the tokens and a head over their mean learn together, from a logistic
    regression on the frozen features. The weights that it gives to n-grams of tokens
    and letters (`lexical`) stay. Only `fit` needs torch and skorch; a fitted classifier
    predicts, pickles and loads without.

    See Also
    --------
    FeatureExtractionClassifier : The same without training the embedding.
    FromScratchClassifier : The same without a model to start from.

    Notes
    -----
    Only vectors of tokens that occur get a gradient, and only those are trained; the
    result is the same in a fraction of the time.

    An interrupt (Ctrl-C) ends the training with a warning. The weights are then those
    of the best epoch so far or, without validation texts, the latest.

    To change the head, replace `build_head` in a subclass:

    >>> from sk_m2v import StaticClassifier
    >>> class NormalisedClassifier(StaticClassifier):
    ...     def build_head(self, n_inputs, n_outputs):
    ...         from torch import nn
    ...         return nn.Sequential(
    ...             nn.LayerNorm(n_inputs), nn.Linear(n_inputs, n_outputs)
    ...         )

    Such a head starts from random weights, and needs a larger `lr` and `max_epochs`.

    Examples
    --------
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> classifier = StaticClassifier(random_state=0).fit(texts, ["+", "+", "-", "-"])
    >>> classifier.predict(["a lovely film", "so boring"]).tolist()
    ['+', '-']
    """

    def _start_embedding(
        self,
        texts: list[str],
        weight: npt.NDArray[np.float64] | None,
        random_state: np.random.RandomState,
    ) -> StaticEmbedding:
        return as_embedding(self.model)
