"""`FromScratchClassifier`: tokenizer, embedding and head from the data alone."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from sk_m2v._parameters import parameters, public
from sk_m2v._sklearn import Interval, StrOptions
from sk_m2v._text import replace_surrogates
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._tokens import load_backend, token_ids, vocabulary_size
from sk_m2v.train._fine_tuned_classifier import FineTunedClassifier
from sk_m2v.train.features._new_embedding import KINDS, start_vectors, train_tokenizer


@public("sk_m2v")
@parameters
class FromScratchClassifier(FineTunedClassifier):  # numpydoc ignore=PR02
    """Classify texts without any pretrained model.

    Tokenizer and embedding are learnt from the training texts, and then everything is
    trained as in `StaticClassifier`: what fastText's supervised mode does [1]_, from a
    better start. For texts that no pretrained model knows (other languages, logs,
    codes), and where there are many of them.

    Parameters
    ----------
    tokenizer : {"word", "wordpiece", "bpe"}
        Whether tokens are whole words, words and pieces of words, or what merging
        frequent pairs of characters gives.
    vocab_size : int
        Largest number of tokens.
    min_frequency : int
        How often a word, or a pair that is merged, must occur to become a token.
    lowercase : bool
        Whether to read everything in lower case and without accents.
    dim : int
        Number of dimensions of the embedding.
    max_length : int, "auto" or None
        Tokens of each text to read. "auto" and None read all.

    See Also
    --------
    StaticClassifier : The same from a pretrained model.

    Notes
    -----
    The embedding starts from the tokens beside which a token occurs (a singular value
    decomposition of their mutual information), the weights from a logistic regression.

    The validation texts take no part in any of it. An interrupt (Ctrl-C) ends the
    training with a warning, as in `StaticClassifier`.

    References
    ----------
    .. [1] A. Joulin, E. Grave, P. Bojanowski and T. Mikolov, "Bag of Tricks for
       Efficient Text Classification", 2017.

    Examples
    --------
    >>> from sk_m2v import FromScratchClassifier
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> classifier = FromScratchClassifier(random_state=0)
    >>> classifier.fit(texts, ["+", "+", "-", "-"])
    FromScratchClassifier(random_state=0)
    >>> classifier.predict(["a lovely film", "so boring"]).tolist()
    ['+', '-']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "tokenizer": [StrOptions(set(KINDS))],
        "vocab_size": [Interval(Integral, 2, None, closed="left")],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "lowercase": ["boolean"],
        "dim": [Interval(Integral, 1, None, closed="left")],
    }

    tokenizer: Literal["word", "wordpiece", "bpe"] = "wordpiece"
    vocab_size: int = 8_000
    min_frequency: int = 2
    lowercase: bool = True
    dim: int = 100

    def _start_embedding(
        self,
        texts: list[str],
        weight: npt.NDArray[np.float64] | None,
        random_state: np.random.RandomState,
    ) -> StaticEmbedding:
        # The libraries of tokenizers take no lone surrogates.
        texts = [replace_surrogates(text) for text in texts]
        with self._stage(f"learning a tokenizer from {len(texts):,} texts"):
            tokenizer = train_tokenizer(
                texts,
                kind=self.tokenizer,
                vocab_size=self.vocab_size,
                min_frequency=self.min_frequency,
                lowercase=self.lowercase,
            )
        n_tokens = vocabulary_size(tokenizer)
        with self._stage(f"vectors of {n_tokens:,} tokens"):
            tokens = token_ids(load_backend(tokenizer), texts, None)
            vectors = start_vectors(tokens, n_tokens, self.dim, weight, random_state)
        config = {"normalize": True, "max_length": None}
        return StaticEmbedding(vectors, tokenizer, config=config)
