"""Parameters of estimators that are trained, each with its constraint and text."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np

from sk_m2v._parameters import parameters
from sk_m2v._progress import Stages
from sk_m2v._sklearn import Interval, RealNotInt, StrOptions
from sk_m2v.train.fitting._optimizers import OPTIMIZERS

_PART = Interval(Real, 0, 1, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")
_EPOCHS = Interval(Integral, 0, None, closed="left")


@parameters
class SeedParameter:  # numpydoc ignore=PR02
    """What is random.

    Parameters
    ----------
    random_state : int, RandomState or None
        Seed of the training. The same seed gives the same weights.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "random_state": ["random_state"]
    }

    random_state: int | np.random.RandomState | None = None


@parameters
class VerboseParameter(Stages):  # numpydoc ignore=PR02
    """What is printed.

    Parameters
    ----------
    verbose : int
        Whether to print what is done and how long it took, a line for each epoch of a
        training, and a progress bar where many texts are predicted.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"verbose": ["verbose"]}

    verbose: int = 0


@parameters
class FeatureParameters:  # numpydoc ignore=PR02
    """What is seen of a text.

    Parameters
    ----------
    lexical : bool
        Whether to give n-grams of tokens and letters weights of their own, times their
        TF-IDF.
    ngram_range : tuple or list of (int, int)
        Shortest and longest n-gram of tokens. Only if `lexical`.
    letter_ngrams : tuple or list of (int, int), or None
        Shortest and longest n-gram of letters inside words, at most 8: they know words
        by their parts, also misspelt ones. None for none. Only if `lexical`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "lexical": ["boolean"],
        "ngram_range": [tuple, list],
        "letter_ngrams": [tuple, list, None],
    }

    lexical: bool = True
    ngram_range: tuple[int, int] | list[int] = (1, 2)
    # The best of 2 to 5, 3 to 5, 2 to 4 and 3 to 4 for the time that they take, over
    # the training texts of the benchmarks.
    letter_ngrams: tuple[int, int] | list[int] | None = (3, 4)


@parameters
class ClassParameters:  # numpydoc ignore=PR02
    """When classes are predicted.

    Parameters
    ----------
    thresholds : float, dict, array-like or None
        Smallest probability at which a label is predicted, for all or for each. Only
        where labels are decided one by one, or there are two classes. None is 0.5.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes or labels.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "thresholds": ["array-like", dict, Interval(Real, 0, 1, closed="both"), None],
    }

    thresholds: float | dict[Any, float] | Sequence[float] | None = None


@parameters
class ChosenParameters:  # numpydoc ignore=PR02
    """Settings that fit the texts, unless they are given.

    Parameters
    ----------
    C : float or "auto"
        How much the weights of the logistic regression may grow: the inverse of its
        regularisation, as in scikit-learn. It is what training starts from, and what
        `FeatureExtractionClassifier` is without a `head`. "auto" chooses 2, 10 or 50
        by cross-validation.
    embedding_weight : float or "auto"
        Factor of the embedding, whose length is 1, beside the lexical features, of
        which tokens, pairs and letters have length 1 each. The larger, the more the
        meaning counts, and the less single words. "auto" chooses from 0.5 to 2.2 by
        cross-validation.

    Attributes
    ----------
    C_ : float
        What was given or chosen. This and the next two only of a logistic regression.
    embedding_weight_ : float
        Likewise.
    temperature_ : float
        By what the scores of the regression were divided, so that probabilities are as
        sure as they are right. 1 if nothing was chosen.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [POSITIVE, StrOptions({"auto"})],
        "embedding_weight": [POSITIVE, StrOptions({"auto"})],
    }

    C: float | Literal["auto"] = "auto"
    embedding_weight: float | Literal["auto"] = "auto"


@parameters
class ClassWeightParameter:  # numpydoc ignore=PR02
    """How classes count.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        Weights of classes. "balanced" makes all classes count the same. For several
        labels a text: weights of the texts that have a label, or the same weight for
        those that have it and those that have not.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    class_weight: dict[Any, float] | str | None = "balanced"


@parameters
class NetParameters(VerboseParameter):  # numpydoc ignore=PR02
    """How torch trains, whatever it trains.

    Parameters
    ----------
    token_dropout : float
        Part of the tokens of each text to drop in training.
    lr : float
        Step size of the optimiser.
    batch_size : int or "auto"
        Texts a step. "auto" is a hundredth of the texts, from 32 to 512.
    patience : int or None
        Epochs without a better validation after which to stop. None never stops. Only
        with validation texts.
    validation_fraction : float or None
        Part of the texts to set aside for validation, stratified where possible. None
        sets none aside. Not used if `fit` is given validation texts. With validation,
        the weights of the best epoch are kept, which may be those of the start.
    optimizer : {"adam", "adamw", "sgd"} or type
        Optimiser, or a class of `torch.optim`.
    device : str
        Where to train, such as "cuda". "auto" is "cuda" where there is one, else "cpu".
    callbacks : list of skorch.callbacks.Callback or None
        Callbacks of the training, classes of them, or pairs of a name and one of these.

    Attributes
    ----------
    embedding_ : StaticEmbedding
        The fine-tuned model, which any other estimator can use.
    history_ : list of dict
        One entry an epoch: ``"epoch"``, ``"train_loss"``, ``"dur"`` (seconds), with
        validation texts ``"valid_loss"`` and the like, and what callbacks recorded, if
        it is a number, a truth or a text.
    n_iter_ : int
        Number of epochs.
    best_epoch_ : int
        The epoch whose weights were kept: with validation the best, else the last. 0 is
        the start.
    net_ : skorch.NeuralNet
        The net of the last training. It is not part of a pickle.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "token_dropout": [_PART],
        "lr": [POSITIVE],
        "batch_size": [_COUNT, StrOptions({"auto"})],
        "patience": [_COUNT, None],
        "validation_fraction": [Interval(RealNotInt, 0, 1, closed="neither"), None],
        "optimizer": [StrOptions(set(OPTIMIZERS)), type],
        "device": [str],
        "callbacks": [list, tuple, None],
    }

    token_dropout: float = 0.0
    lr: float = 5e-4
    batch_size: int | Literal["auto"] = "auto"
    patience: int | None = 5
    validation_fraction: float | None = None
    optimizer: str | type = "adam"
    device: str = "cpu"
    callbacks: Sequence[Any] | None = None


@parameters
class EpochsParameter:  # numpydoc ignore=PR02
    """How long training goes on.

    Parameters
    ----------
    max_epochs : int
        How often to go through the texts. 0 keeps the start.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"max_epochs": [_EPOCHS]}

    max_epochs: int = 3


@parameters
class LengthParameter:  # numpydoc ignore=PR02
    """How long training goes on, if need be as long as it helps.

    Parameters
    ----------
    max_epochs : int or "auto"
        How often to go through the texts. 0 keeps the start. "auto" is at most 20, as
        many as help: from 1,000 texts on, a fifth of them, on which a training of the
        others is judged, tells how many epochs all texts then get, one for each hundred
        of them at most. With validation texts, these tell, and of fewer texts it is 1,
        as if `fit` goes on.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_epochs": [_EPOCHS, StrOptions({"auto"})]
    }

    max_epochs: int | Literal["auto"] = "auto"


@parameters
class HeadParameters:  # numpydoc ignore=PR02
    """The head that learns together with the embedding.

    Parameters
    ----------
    n_layers : int
        Number of hidden layers of the head. 0 is linear.
    hidden_dim : int
        Units of each hidden layer.
    freeze : bool
        Whether the vectors of the tokens stay as they are.
    dropout : float
        Part of the inputs of each layer of the head to drop in training.
    scoring : str
        What validation goes by: "loss", or the name of any scorer of scikit-learn, such
        as "accuracy" or "f1_macro".
    warm_start : bool
        Whether `fit` goes on from what is fitted, instead of beginning anew.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_layers": [Interval(Integral, 0, None, closed="left")],
        "hidden_dim": [_COUNT],
        "freeze": ["boolean"],
        "dropout": [_PART],
        "scoring": [str],
        "warm_start": ["boolean"],
    }

    n_layers: int = 0
    hidden_dim: int = 512
    freeze: bool = False
    dropout: float = 0.0
    scoring: str = "loss"
    warm_start: bool = False


@parameters
class TeacherParameter:  # numpydoc ignore=PR02
    """Who knows more of the task than its labels say.

    Parameters
    ----------
    teacher : object or None
        Needed in `fit` only. A sentence transformer (a folder, an id on the Hugging
        Face Hub, ``(model, tokenizer)``, or an object of sentence-transformers), a
        function or transformer from texts to vectors, or a classifier of texts with
        `predict_proba`. It is fitted to the labels, and what it says of `X_unlabeled`,
        and of texts made from `X` where these are few, is learnt beside the labels.

    Attributes
    ----------
    teacher_weight_ : float
        How much a text that the teacher answered counts beside a labelled one: 1, 0.3,
        or 0 if cross-validation finds the labels alone to do better. Only with a
        teacher.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {"teacher": "no_validation"}

    teacher: Any = None


@parameters
class LossParameters:  # numpydoc ignore=PR02
    """What is made small in training to tell classes apart.

    Parameters
    ----------
    focal_gamma : float
        How much less texts count that are right already; 0 counts all the same.
    label_smoothing : float
        Part of the truth to spread evenly over the classes.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [_PART],
    }

    focal_gamma: float = 0.0
    label_smoothing: float = 0.0
