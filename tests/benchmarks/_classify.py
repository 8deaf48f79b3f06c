"""Classifiers of texts of several packages, all of them estimators of scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from _common import silence
from _minilm import minilm_vectors, setfit
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sk_m2v import (
    FeatureExtractionClassifier,
    FromScratchClassifier,
    StaticClassifier,
    StaticEmbedding,
)


class Base:
    """The model that all but those from scratch start with; clones share it."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def __deepcopy__(self, memo: object) -> Base:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Base, (self.own,)

    @cached_property
    def _vectors(self) -> npt.NDArray[np.float32]:
        vectors = self.own.vectors.astype(np.float32)
        if self.own.token_mapping is not None:
            vectors = vectors[self.own.token_mapping]
        if self.own.weights is not None:
            vectors *= self.own.weights[:, None].astype(np.float32)
        return vectors

    def peer(self) -> Any:
        """A new `model2vec.StaticModel`.

        Its vectors are float32 with the weights multiplied in. model2vec's trainer
        would take the scales of int8 rows for weights of tokens and learn them, at a
        rate that does not suit their size: an unfair start.
        """
        from model2vec import StaticModel

        return StaticModel(
            vectors=self._vectors.copy(),
            tokenizer=self.own.tokenizer,
            normalize=True,
            max_length=self.own.max_length,
        )

    @cached_property
    def frozen_peer(self) -> Any:
        """One for those that do not change it."""
        return self.peer()


def read_base(folder: Path | None) -> Base:
    own = StaticEmbedding.from_pretrained(*([] if folder is None else [folder]))
    return Base(own)


# --- Estimators of others -----------------------------------------------------------


class PeerVectors(TransformerMixin, BaseEstimator):
    """Texts to vectors, by model2vec."""

    def __init__(self, base: Base) -> None:
        self.base = base

    def fit(self, texts: list[str], labels: Any = None) -> PeerVectors:
        return self

    def transform(self, texts: list[str]) -> Any:
        return self.base.frozen_peer.encode(texts)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class PeerClassifier(ClassifierMixin, BaseEstimator):
    """model2vec's classifier: labels are strings, and its progress bars are hidden."""

    def __init__(self, base: Base, random_state: int = 0) -> None:
        self.base = base
        self.random_state = random_state

    def fit(self, texts: list[str], labels: Any) -> PeerClassifier:
        from model2vec.train import StaticModelForClassification

        self._lists = isinstance(labels, list)
        flat = [it for row in labels for it in row] if self._lists else labels
        self._labels = {str(it): it for it in np.unique(flat).tolist()}
        names = [list(map(str, it)) if self._lists else str(it) for it in labels]
        with silence():
            model = StaticModelForClassification.from_static_model(
                model=self.base.peer()
            )
            self._classifier = model.fit(texts, names, random_seed=self.random_state)
        self.classes_ = np.array([self._labels[it] for it in model.classes_])
        return self

    def predict(self, texts: list[str]) -> Any:
        with silence():
            found = self._classifier.predict(texts)
        if self._lists:
            return [[self._labels[name] for name in names] for names in found]
        return np.array([self._labels[name] for name in found])

    def predict_proba(self, texts: list[str]) -> Any:
        with silence():
            return self._classifier.predict_proba(texts)


class FastText(ClassifierMixin, BaseEstimator):
    """fastText, for texts prepared as in its tutorial; preparing them is timed."""

    def __init__(
        self,
        word_ngrams: int = 1,
        epoch: int = 5,
        lr: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.word_ngrams = word_ngrams
        self.epoch = epoch
        self.lr = lr
        self.random_state = random_state

    def fit(self, texts: list[str], labels: Any) -> FastText:
        import fasttext

        self.classes_, codes = np.unique(labels, return_inverse=True)
        # It learns from the lines in their order, and some files are sorted by label:
        # its tutorial shuffles as well.
        order = np.random.default_rng(self.random_state).permutation(len(texts))
        with TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(
                    f"__label__{codes[index]} {_prepared(texts[index])}"
                    for index in order
                )
            # Two threads, also for its defaults: these are all cores but one.
            self._model = fasttext.train_supervised(
                input=str(path),
                wordNgrams=self.word_ngrams,
                epoch=self.epoch,
                lr=self.lr,
                seed=self.random_state,
                thread=2,
                verbose=0,
            )
        return self

    def predict(self, texts: list[str]) -> Any:
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: list[str]) -> Any:
        n_classes = len(self.classes_)
        result = np.zeros((len(texts), n_classes))
        # Its `predict` of one text breaks under numpy 2, and of a list repeats one
        # probability for all classes.
        predict = self._model.f.predict
        for row, text in zip(result, texts, strict=True):
            for probability, name in predict(_prepared(text), n_classes, 0.0, "strict"):
                row[int(name.removeprefix("__label__"))] = probability
        return result


def _prepared(text: str) -> str:
    """One line, in lower case, with punctuation split off."""
    text = re.sub(r"""([.!?,'"/()])""", r" \1 ", text.lower())
    clean = " ".join(text.split()).encode("utf-8", "replace").decode("utf-8")
    return clean + "\n"


# --- Contenders ---------------------------------------------------------------------


def _logistic_regression() -> LogisticRegression:
    return LogisticRegression(C=10, max_iter=1000)


class Contender(NamedTuple):
    title: str
    make: Callable[[Base], Any]
    needs: str = "sklearn"  # a module


CONTENDERS = {
    "tfidf": Contender(
        "TF-IDF + LR",
        lambda base: make_pipeline(TfidfVectorizer(), _logistic_regression()),
    ),
    "m2v-lr": Contender(
        "model2vec + LR",
        lambda base: make_pipeline(PeerVectors(base), _logistic_regression()),
        "model2vec",
    ),
    "m2v": Contender("model2vec classifier", PeerClassifier, "model2vec.train"),
    "fe": Contender("FE", lambda base: FeatureExtractionClassifier(base.own)),
    "ft": Contender("FT", lambda base: StaticClassifier(base.own), "torch"),
    "pt": Contender("PT", lambda base: FromScratchClassifier(), "torch"),
    "fasttext": Contender(
        "fastText, 2-grams",
        lambda base: FastText(word_ngrams=2, epoch=25, lr=0.5),
        "fasttext",
    ),
    "fasttext-default": Contender(
        "fastText, defaults", lambda base: FastText(), "fasttext"
    ),
    "minilm": Contender(
        "MiniLM + LR",
        lambda base: make_pipeline(minilm_vectors(), _logistic_regression()),
    ),
    "setfit": Contender("SetFit", lambda base: setfit()),
}


def available(names: Sequence[str], base: Base) -> dict[str, Any]:
    """Estimators by title, of those that can be made; says what the others lack."""
    found = {}
    for name in names:
        contender = CONTENDERS[name]
        try:
            import_module(contender.needs)
            found[contender.title] = contender.make(base)
        except ImportError as error:
            print(f"left out: {contender.title}: {error}", flush=True)
    return found
