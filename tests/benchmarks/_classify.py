"""Classifiers of texts behind one interface, and what a fit of one is worth.

Labels are numbers from 0: each contender gets them in the form that it takes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from _quality import LabelledTexts

Labels = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

UNSEEN = 1e-9  # probability of a class that is not in the training texts


class Missing(Exception):
    """Something is not installed, or not written yet."""


class Base:
    """The model that all but those from scratch start with."""

    def __init__(self, folder: Path | None) -> None:
        from sk_m2v import StaticEmbedding

        self.own = StaticEmbedding.from_pretrained(
            *([] if folder is None else [folder])
        )

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


# --- Contenders ---------------------------------------------------------------------


def tf_idf(base: Base, seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TfidfVectorizer(), _logistic_regression())


def peer_vectors(base: Base, seed: int) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    encode = FunctionTransformer(base.peer().encode)
    return make_pipeline(encode, _logistic_regression())


def _logistic_regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10, max_iter=1000)


def peer_classifier(base: Base, seed: int) -> PeerClassifier:
    return PeerClassifier(base.peer(), seed)


class PeerClassifier:
    """model2vec's classifier: labels are strings, and its progress bars are hidden."""

    def __init__(self, model: Any, seed: int) -> None:
        from model2vec.train import StaticModelForClassification

        self._classifier = StaticModelForClassification.from_static_model(model=model)
        self._seed = seed

    def fit(self, texts: list[str], labels: Any) -> PeerClassifier:
        names = [it if isinstance(it, list) else str(it) for it in labels]
        with _silence():
            self._classifier.fit(texts, names, random_seed=self._seed)
        return self

    @property
    def classes_(self) -> Labels:
        return np.array([int(name) for name in self._classifier.classes_])

    def predict(self, texts: list[str]) -> list[list[str]]:
        """Of a fit to lists of names."""
        with _silence():
            return [list(names) for names in self._classifier.predict(texts)]

    def predict_proba(self, texts: list[str]) -> Any:
        with _silence():
            return self._classifier.predict_proba(texts)


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nothing, redirect_stderr(nothing):
        yield


def own(name: str, *, needs_base: bool) -> Callable[[Base, int], Any]:
    """An estimator of sk_m2v, by its name."""

    def make(base: Base, seed: int) -> Any:
        try:
            estimator = getattr(import_module("sk_m2v"), name)
        except (AttributeError, ImportError) as error:
            raise Missing(f"sk_m2v.{name}: {error}") from error
        start = {"model": base.own} if needs_base else {}
        return estimator(**start, random_state=seed)

    return make


def fast_text(**settings: Any) -> Callable[[Base, int], FastText]:
    def make(base: Base, seed: int) -> FastText:
        return FastText({**settings, "seed": seed})

    return make


class FastText:
    """fastText, for texts prepared as in its tutorial; preparing them is timed."""

    def __init__(self, settings: dict[str, Any]) -> None:
        try:
            import fasttext
        except ImportError as error:
            raise Missing("fastText: pip install fasttext-wheel") from error
        self._train = fasttext.train_supervised
        self._settings = settings

    def fit(self, texts: list[str], labels: Labels) -> FastText:
        self.classes_ = np.unique(labels)
        # It learns from the lines in their order, and some files are sorted by label:
        # its tutorial shuffles as well.
        order = np.random.default_rng(self._settings["seed"]).permutation(len(texts))
        with TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(
                    f"__label__{labels[index]} {_prepared(texts[index])}"
                    for index in order
                )
            # Two threads, also for its defaults: these are all cores but one.
            self._model = self._train(
                input=str(path), **self._settings, thread=2, verbose=0
            )
        return self

    def predict_proba(self, texts: list[str]) -> FloatArray:
        place = {f"__label__{name}": i for i, name in enumerate(self.classes_)}
        result = np.zeros((len(texts), len(place)))
        # Its `predict` of one text breaks under numpy 2, and of a list repeats one
        # probability for all classes.
        predict = self._model.f.predict
        for row, text in zip(result, texts, strict=True):
            for probability, name in predict(
                _prepared(text), len(place), 0.0, "strict"
            ):
                row[place[name]] = probability
        return result


def _prepared(text: str) -> str:
    """One line, in lower case, with punctuation split off."""
    text = re.sub(r"""([.!?,'"/()])""", r" \1 ", text.lower())
    clean = " ".join(text.split()).encode("utf-8", "replace").decode("utf-8")
    return clean + "\n"


class Contender(NamedTuple):
    title: str
    make: Callable[[Base, int], Any]


CONTENDERS = {
    "tfidf": Contender("TF-IDF + LR", tf_idf),
    "m2v-lr": Contender("model2vec + LR", peer_vectors),
    "m2v": Contender("model2vec classifier", peer_classifier),
    "fe": Contender("FE", own("FeatureExtractionClassifier", needs_base=True)),
    "ft": Contender("FT", own("StaticClassifier", needs_base=True)),
    "pt": Contender("PT", own("FromScratchClassifier", needs_base=False)),
    "fasttext": Contender(
        "fastText, 2-grams", fast_text(wordNgrams=2, epoch=25, lr=0.5)
    ),
    "fasttext-default": Contender("fastText, defaults", fast_text()),
}


def available(names: Sequence[str], base: Base) -> list[str]:
    """Those that can be made; says of the others what they lack."""
    found = []
    for name in names:
        try:
            CONTENDERS[name].make(base, 0)
        except Missing as error:
            print(f"left out: {error}", flush=True)
        else:
            found.append(name)
    return found


# --- Scores -------------------------------------------------------------------------


class Scores(NamedTuple):
    """Of one fit to one label a text."""

    accuracy: float
    macro_f1: float
    log_loss: float
    fit_s: float
    predict_s: float
    n_texts: int  # predicted


class ListScores(NamedTuple):
    """Of one fit to lists of labels."""

    micro_f1: float
    macro_f1: float
    fit_s: float
    predict_s: float
    n_texts: int


def scores_of(make: Callable[[int], Any], data: LabelledTexts) -> list[Scores]:
    """Fit and judge a new classifier for each seed."""
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    classes, labels = np.unique(data.labels, return_inverse=True)
    truth = labels[data.test]
    results = []
    for seed, rows in enumerate(data.train):
        model, found, fit_s, predict_s = _measure(
            make(seed), "predict_proba", data, rows, labels[rows]
        )
        proba = all_classes(found, model.classes_, len(classes))
        predicted = proba.argmax(axis=1)
        results.append(
            Scores(
                accuracy_score(truth, predicted),
                f1_score(truth, predicted, average="macro", zero_division=0),
                log_loss(truth, proba, labels=np.arange(len(classes))),
                fit_s,
                predict_s,
                len(truth),
            )
        )
    return results


def all_classes(found: Any, seen: Labels, n_classes: int) -> FloatArray:
    """Probabilities of all classes, from those of the classes in the training texts."""
    proba = np.full((len(found), n_classes), UNSEEN)
    proba[:, np.asarray(seen)] = found
    if not np.isfinite(proba).all():
        raise ValueError("predict_proba gave NaN or infinity")
    rows: FloatArray = proba / proba.sum(axis=1, keepdims=True)
    return rows


def list_scores_of(make: Callable[[int], Any], data: LabelledTexts) -> list[ListScores]:
    """Fit and judge a new classifier for each seed; a text has a list of labels."""
    from sklearn.metrics import f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    labels = [[str(name) for name in names] for names in data.labels]
    binarizer = MultiLabelBinarizer().fit(labels)
    truth = binarizer.transform([labels[row] for row in data.test])
    results = []
    for seed, rows in enumerate(data.train):
        _, found, fit_s, predict_s = _measure(
            make(seed), "predict", data, rows, [labels[row] for row in rows]
        )
        predicted = binarizer.transform(found)
        used = (truth | predicted).any(axis=0)  # the labels that macro F1 counts
        micro, macro = (
            f1_score(truth[:, used], predicted[:, used], average=it, zero_division=0)
            for it in ("micro", "macro")
        )
        results.append(ListScores(micro, macro, fit_s, predict_s, len(truth)))
    return results


def _measure(
    model: Any, predict: str, data: LabelledTexts, rows: Any, labels: Any
) -> tuple[Any, Any, float, float]:
    """The fitted model, what it predicts of the test texts, and seconds for each."""
    train, test = ([data.texts[row] for row in part] for part in (rows, data.test))
    start = perf_counter()
    model.fit(train, labels)
    fitted = perf_counter()
    found = getattr(model, predict)(test)
    return model, found, fitted - start, perf_counter() - fitted
