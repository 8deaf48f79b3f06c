"""`FromScratchClassifier`: tokenizer, embedding and head from the data alone."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from sk_m2v._sklearn import Interval, StrOptions
from sk_m2v._text import replace_surrogates
from sk_m2v.embedding import StaticEmbedding
from sk_m2v.embedding.tokens._tokens import load_backend, token_ids, vocabulary_size
from sk_m2v.train._fine_tuned_classifier import FineTunedClassifier
from sk_m2v.train.features._new_embedding import KINDS, start_vectors, train_tokenizer


class FromScratchClassifier(FineTunedClassifier):
    """Classify texts without any pretrained model.

    Tokenizer and embedding are learnt from the training texts, and then everything is
    trained as in `StaticClassifier`: what fastText's supervised mode does [1]_, from a
    better start. For texts that no pretrained model knows (other languages, logs,
    codes), and where there are many of them.

    Parameters
    ----------
    tokenizer : {"word", "wordpiece", "bpe"}, default="wordpiece"
        Whether tokens are whole words, words and pieces of words, or what merging
        frequent pairs of characters gives.
    vocab_size : int, default=8_000
        Largest number of tokens.
    min_frequency : int, default=2
        How often a word, or a pair that is merged, must occur to become a token.
    lowercase : bool, default=True
        Whether to read everything in lower case and without accents.
    dim : int, default=100
        Number of dimensions of the embedding.
    n_layers : int, default=0
        Number of hidden layers of the head. 0 is linear.
    hidden_dim : int, default=512
        Units of each hidden layer.
    freeze : bool, default=False
        Whether the vectors of the tokens stay as they are.
    dropout : float, default=0.0
        Part of the inputs of each layer of the head to drop in training.
    token_dropout : float, default=0.0
        Part of the tokens of each text to drop in training.
    lexical : bool, default=True
        Whether to give n-grams of tokens weights of their own, times their TF-IDF.
    ngram_range : tuple of (int, int), default=(1, 2)
        Shortest and longest n-gram of tokens. Only if `lexical`.
    embedding_weight : float, default=0.5
        Factor of the embedding in the logistic regression that training starts from, as
        in `FeatureExtractionClassifier`.
    lr : float, default=0.0005
        Step size of the optimiser.
    batch_size : int or "auto", default="auto"
        Texts a step. "auto" is a hundredth of the texts, from 32 to 512.
    max_epochs : int, default=3
        How often to go through the texts. 0 keeps the start.
    patience : int or None, default=5
        Epochs without a better validation after which to stop. None never stops. Only
        with validation texts.
    validation_fraction : float or None, default=None
        Part of the texts to set aside for validation, stratified where possible. None
        sets none aside. Not used if `fit` is given validation texts. With validation,
        the weights of the best epoch are kept, which may be those of the start.
    scoring : str, default="loss"
        What validation goes by: "loss", or the name of any scorer of scikit-learn, such
        as "accuracy" or "f1_macro".
    optimizer : {"adam", "adamw", "sgd"} or type, default="adam"
        Optimiser, or a class of `torch.optim`.
    focal_gamma : float, default=0.0
        How much less texts count that are right already; 0 counts all the same.
    label_smoothing : float, default=0.0
        Part of the truth to spread evenly over the classes.
    class_weight : dict, "balanced" or None, default="balanced"
        Weights of classes. "balanced" makes all classes count the same. For several
        labels a text: weights of the texts that have a label, or the same weight for
        those that have it and those that have not.
    thresholds : float, dict, array-like or None, default=None
        Smallest probability at which a label is predicted, for all or for each. Only
        where labels are decided one by one, or there are two classes. None is 0.5.
    device : str, default="cpu"
        Where to train, such as ``"cuda"``.
    callbacks : list of skorch.callbacks.Callback or None, default=None
        Callbacks of the training.
    warm_start : bool, default=False
        Whether `fit` goes on from what is fitted, instead of beginning anew.
    max_length : int, "auto" or None, default="auto"
        Tokens of each text to read. "auto" and None read all.
    missing : {"error", "empty"}, default="error"
        What to do with None, NaN and the like: refuse them, or read them as "".
    n_jobs : int or None, default=None
        Number of threads that tokenize and predict. None is 1 unless in a joblib
        context, -1 is all.
    random_state : int, RandomState or None, default=None
        Seed of the training. The same seed gives the same weights.
    verbose : int, default=0
        Whether to print a line an epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes or labels.
    embedding_ : StaticEmbedding
        The fine-tuned model, which any other estimator can use.
    history_ : list of dict
        One entry an epoch: ``"epoch"``, ``"train_loss"``, ``"dur"`` (seconds) and, with
        validation texts, ``"valid_loss"`` and the like.
    n_iter_ : int
        Number of epochs.
    net_ : skorch.NeuralNet
        The net of the last training. It is not part of a pickle.

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
        **FineTunedClassifier._parameter_constraints,
        "tokenizer": [StrOptions(set(KINDS))],
        "vocab_size": [Interval(Integral, 2, None, closed="left")],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "lowercase": ["boolean"],
        "dim": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        tokenizer: Literal["word", "wordpiece", "bpe"] = "wordpiece",
        vocab_size: int = 8_000,
        min_frequency: int = 2,
        lowercase: bool = True,
        dim: int = 100,
        n_layers: int = 0,
        hidden_dim: int = 512,
        freeze: bool = False,
        dropout: float = 0.0,
        token_dropout: float = 0.0,
        lexical: bool = True,
        ngram_range: tuple[int, int] = (1, 2),
        embedding_weight: float = 0.5,
        lr: float = 5e-4,
        batch_size: int | Literal["auto"] = "auto",
        max_epochs: int = 3,
        patience: int | None = 5,
        validation_fraction: float | None = None,
        scoring: str = "loss",
        optimizer: str | type = "adam",
        focal_gamma: float = 0.0,
        label_smoothing: float = 0.0,
        class_weight: dict[Any, float] | str | None = "balanced",
        thresholds: float | dict[Any, float] | Sequence[float] | None = None,
        device: str = "cpu",
        callbacks: Sequence[Any] | None = None,
        warm_start: bool = False,
        max_length: int | Literal["auto"] | None = "auto",
        missing: str = "error",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.tokenizer = tokenizer
        self.vocab_size = vocab_size
        self.min_frequency = min_frequency
        self.lowercase = lowercase
        self.dim = dim
        self.n_layers = n_layers
        self.hidden_dim = hidden_dim
        self.freeze = freeze
        self.dropout = dropout
        self.token_dropout = token_dropout
        self.lexical = lexical
        self.ngram_range = ngram_range
        self.embedding_weight = embedding_weight
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.optimizer = optimizer
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.thresholds = thresholds
        self.device = device
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.max_length = max_length
        self.missing = missing
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _start_embedding(
        self,
        texts: list[str],
        weight: npt.NDArray[np.float64] | None,
        random_state: np.random.RandomState,
    ) -> StaticEmbedding:
        # The libraries of tokenizers take no lone surrogates.
        texts = [replace_surrogates(text) for text in texts]
        tokenizer = train_tokenizer(
            texts,
            kind=self.tokenizer,
            vocab_size=self.vocab_size,
            min_frequency=self.min_frequency,
            lowercase=self.lowercase,
        )
        n_tokens = vocabulary_size(tokenizer)
        tokens = token_ids(load_backend(tokenizer), texts, None)
        vectors = start_vectors(tokens, n_tokens, self.dim, weight, random_state)
        config = {"normalize": True, "max_length": None}
        return StaticEmbedding(vectors, tokenizer, config=config)
