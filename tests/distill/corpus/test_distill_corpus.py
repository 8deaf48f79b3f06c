"""`DistillTransformer.fit(X)`, mostly with functions as teachers, which are fast."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import EXTRA_CHECKS, ROOT, NumbersAsTexts
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ortho_group, spearmanr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks as checks
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sk_m2v import DistillTransformer, StaticEmbedding
from sk_m2v.distill.corpus._reduce import sentence_axes
from sk_m2v.distill.teachers import _cache

FIGURES = ("n_sentences_", "alpha_", "r2_", "n_iter_")
WORDS = ["red", "green", "blue", "cat", "dog", "house", "river", "music", "stone"]
WORDS += ["light", "apple", "paper", "train", "cloud", "winter", "summer", "market"]
WORDS += ["friend", "letter", "bread", "glass", "window", "garden", "table"]


def sentences(n: int, seed: int = 0) -> list[str]:
    """Different texts of two to eight words."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < n:
        found[" ".join(rng.choice(WORDS, rng.integers(2, 9)))] = None
    return list(found)


TEXTS = sentences(200)
OTHERS = sentences(60, seed=1)


def direction(word: str, dim: int = 8) -> np.ndarray:
    digest = hashlib.blake2b(word.encode(), digest_size=dim).digest()
    return np.frombuffer(digest, np.uint8) / 128.0 - 1


def linear(texts: list[str]) -> np.ndarray:
    """Mean of a vector for each word: what a static embedding can learn exactly."""
    rows = [[direction(word) for word in text.split()] for text in texts]
    return np.array([np.mean(row, axis=0) if row else np.zeros(8) for row in rows])


def bent(texts: list[str]) -> np.ndarray:
    """What no static embedding is equal to."""
    return np.tanh(3 * linear(texts)) + 0.3


def vocabulary(words: list[str]) -> Tokenizer:
    tokens = ["[UNK]", "[PAD]", *words, *"cv-0123456789", "##s"]
    tokens += [f"##{it}" for it in "cv0123456789"]
    tokenizer = Tokenizer(
        models.WordPiece({it: i for i, it in enumerate(tokens)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def static(dim: int = 6) -> StaticEmbedding:
    """Prior that is random, and small, which makes tests fast."""
    tokenizer = vocabulary(WORDS)
    shape = (tokenizer.get_vocab_size(), dim)
    vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return StaticEmbedding(vectors, tokenizer)


PRIOR = static()


def distiller(teacher: Any = bent, **parameters: Any) -> DistillTransformer:
    parameters = {
        "prior": PRIOR,
        "pca_dims": 4,
        "refine_steps": 5,
        "random_state": 0,
        **parameters,
    }
    return DistillTransformer(teacher, **parameters)


def cosines(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.maximum(norms, 1e-12)
    return directions @ directions.T


def assert_agree(vectors: np.ndarray, teacher: np.ndarray, least: float) -> None:
    """Compare the order of similarities of pairs."""
    assert agreement(vectors, teacher) > least


def agreement(vectors: np.ndarray, teacher: np.ndarray) -> float:
    pairs = np.triu_indices(len(vectors), 1)
    return float(spearmanr(cosines(vectors)[pairs], cosines(teacher)[pairs])[0])


# --- what it learns


@pytest.mark.parametrize("prior", [None, PRIOR])
def test_linear_teacher_is_recovered(prior: Any) -> None:
    model = distiller(
        linear, prior=prior, pca_dims=None, alpha=1e-4, quantize_to="float32"
    )
    if prior is None:  # the bundled tokenizer, where some words are several tokens
        model.set_params(teacher=linear)
    model.fit(TEXTS)
    assert model.r2_ > 0.999
    assert model.alpha_ == 1e-4
    assert model.n_sentences_ == len(TEXTS)
    assert 1 <= model.n_iter_ <= 100
    expected = linear(OTHERS) - linear(TEXTS).mean(axis=0)
    assert_allclose(cosines(model.transform(OTHERS)), cosines(expected), atol=0.05)
    # `transform` gives the directions of the teacher's vectors less their mean.
    lengths = np.linalg.norm(expected, axis=1)
    assert_allclose(
        (model.transform(OTHERS) * expected).sum(axis=1), lengths, rtol=0.01
    )


def test_every_dimension_counts() -> None:
    vectors = distiller(pca_dims="auto", refine_steps=100).fit(TEXTS).transform(OTHERS)
    fewer = distiller(pca_dims=2, refine_steps=100).fit(TEXTS).transform(OTHERS)
    teacher = bent(OTHERS) - bent(TEXTS).mean(axis=0)
    assert_agree(vectors, teacher, 0.8)
    assert agreement(fewer, teacher) < agreement(vectors, teacher)


def test_strong_prior_stays() -> None:
    """With a weight that no text outweighs, only the linear map is learnt."""
    model = distiller(linear, alpha=1e9, pca_dims=None, quantize_to="float32").fit(
        TEXTS
    )
    rows, prior = model.embedding_.vectors, PRIOR.vectors
    matrix = np.linalg.lstsq(prior, rows, rcond=None)[0]
    assert_allclose(prior @ matrix, rows, atol=1e-4)
    assert model.r2_ < distiller(linear).fit(TEXTS).r2_


def test_choice_of_alpha() -> None:
    chosen = distiller(linear, alpha="auto").fit(TEXTS)
    assert chosen.alpha_ == 0.03
    assert chosen.r2_ == distiller(linear, alpha=0.03).fit(TEXTS).r2_
    about = chosen.embedding_.config["corpus"]
    assert about["n_sentences"] == len(TEXTS)
    assert about["alpha"] == 0.03
    assert about["r2"] == pytest.approx(chosen.r2_, abs=1e-4)


def test_refinement_fits_similarities() -> None:
    teacher = (bent(TEXTS) - bent(TEXTS).mean(axis=0)).astype(np.float32)
    axes, _ = sentence_axes(teacher, "auto")
    plain, refined = (
        distiller(refine_steps=n, pca_dims="auto").fit(TEXTS) for n in (0, 300)
    )
    before, after = (
        agreement(it.transform(TEXTS), teacher @ axes) for it in (plain, refined)
    )
    assert after > before
    assert plain.r2_ == refined.r2_  # that of the regression


def uneven(texts: list[str]) -> np.ndarray:
    """Few directions matter, as for real teachers."""
    return bent(texts) @ ortho_group.rvs(8, random_state=1) * np.geomspace(1, 0.01, 8)


def test_dimensions_are_ordered() -> None:
    """Cutting the last loses less than cutting any others."""
    model = distiller(uneven, pca_dims="auto", quantize_to="float32").fit(TEXTS)
    variances = (model.embedding_.encode(TEXTS, normalize=False)).var(axis=0)
    assert variances[0] < 1e-6  # the constant
    assert (np.diff(variances[1:]) <= 1e-6).all()
    rotation = ortho_group.rvs(8, random_state=0).astype(np.float32)
    rotated = StaticEmbedding(
        model.embedding_.vectors @ rotation,
        model.embedding_.tokenizer,
        config=model.embedding_.config,
    )
    whole = model.transform(OTHERS)
    assert_allclose(rotated.encode(OTHERS) @ rotation.T, whole, atol=1e-4)
    for k in (2, 3, 5):
        ours, theirs = (
            it.quantize(dimensionality=k).encode(OTHERS)
            for it in (model.embedding_, rotated)
        )
        assert agreement(ours, whole) > agreement(theirs, whole) + 0.05


@pytest.mark.parametrize(
    ("pca_dims", "dim"), [(3, 3), (0.5, None), ("auto", 8), (None, 8), (np.int64(2), 2)]
)
def test_number_of_dimensions(pca_dims: Any, dim: int | None, tmp_path: Path) -> None:
    model = distiller(pca_dims=pca_dims).fit(TEXTS)
    found = model.transform(OTHERS).shape[1]
    assert found == model.embedding_.dim == len(model.get_feature_names_out())
    assert found == dim or (dim is None and 1 <= found < 8)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["apply_pca"] == pca_dims
    assert config["hidden_dim"] == found


def test_more_dimensions_than_the_teacher_has() -> None:
    with pytest.warns(UserWarning, match="pca_dims=50 is more than the 8 dimensions"):
        model = distiller(pca_dims=50).fit(TEXTS)
    assert_array_equal(
        model.transform(OTHERS),
        distiller(pca_dims="auto").fit(TEXTS).transform(OTHERS),
    )


# --- a real teacher

TOPICS = {
    "the cat": "sleeps purrs eats hides",
    "a small dog": "barks sleeps runs eats",
    "the judge": "listens decides reads speaks",
    "a lawyer": "argues reads speaks waits",
    "the river": "floods freezes flows rises",
    "our doctor": "heals listens waits helps",
}
PLACES = "in the garden|at the court|near the bridge|in new york|at home|in hospital"


def scenes() -> list[str]:
    return [
        f"{subject} {verb} {place}{end}"
        for subject, verbs in TOPICS.items()
        for verb in verbs.split()
        for place in PLACES.split("|")
        for end in (".", " every morning!")
    ]


# Leaves the words of these sentences, and a few more tokens.
NEEDED = {*re.findall(r"\w+|[.!]", " ".join(scenes())), "x", "##eno", "##lit", "##h"}
OTHER_TOKENS = rf"(?!(?:{'|'.join(map(re.escape, sorted(NEEDED)))})$)"


@pytest.fixture(scope="module")
def real(teacher_folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    return (
        AutoModel.from_pretrained(teacher_folder, local_files_only=True),
        AutoTokenizer.from_pretrained(teacher_folder, local_files_only=True),
    )


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of a real teacher, which reads each text once for all tests."""
    return tmp_path_factory.mktemp("cache")


def encode(teacher_folder: Path, texts: list[str]) -> np.ndarray:
    import tiny_teachers

    vectors: np.ndarray = tiny_teachers.load(teacher_folder).encode(texts)
    return vectors


def test_texts_do_better_than_none(teacher_folder: Path, cache_dir: Path) -> None:
    order = np.random.default_rng(0).permutation(scenes()).tolist()
    train, test = order[:200], order[200:]
    model = DistillTransformer(
        teacher_folder,
        pca_dims=32,
        token_remove_pattern=OTHER_TOKENS,
        cache_dir=cache_dir,
        device="cpu",
        random_state=0,
    )
    teacher = encode(teacher_folder, [*train, *test])
    teacher = teacher[len(train) :] - teacher[: len(train)].mean(axis=0)
    without = agreement(model.fit(None).transform(test), teacher)
    assert not hasattr(model, "r2_")
    assert agreement(model.fit(train).transform(test), teacher) > without
    assert model.r2_ > 0.5
    # Without refinement, and with all dimensions, it comes nearer to the teacher.
    model.set_params(refine_steps=0).fit(train)
    assert agreement(model.transform(test), teacher) > without + 0.05
    model.set_params(pca_dims=None).fit(train)
    assert agreement(model.transform(test), teacher) > 0.95
    assert model.embedding_.config["tokenizer_name"] == "model"


def test_phrases_are_tokens(teacher_folder: Path, cache_dir: Path) -> None:
    texts = scenes()[::2]
    model = DistillTransformer(
        teacher_folder,
        pca_dims=None,
        vocabulary=["new york", "xenolith", "cat"],
        # Terms that match would be removed as well.
        token_remove_pattern=rf"(?!new york|xenolith){OTHER_TOKENS}",
        cache_dir=cache_dir,
        device="cpu",
        random_state=0,
    ).fit(texts)
    embedding = model.embedding_
    assert embedding.vocabulary[-2:] == ("new york", "xenolith")
    assert embedding.tokens(["a xenolith in New York."])[0] == [
        "a",
        "xenolith",
        "in",
        "new york",
        ".",
    ]
    # Their vectors are near those of the teacher, nearer than those of other words.
    terms = ["new york", "xenolith", "cat", "judge", "river"]
    teacher = encode(teacher_folder, [*texts, *terms])
    teacher -= teacher[: len(texts)].mean(axis=0)
    between = model.transform(terms) @ teacher[-len(terms) :].T
    assert between.argmax(axis=1).tolist() == list(range(len(terms)))


def test_shorter_type_is_near(teacher_folder: Path, cache_dir: Path) -> None:
    texts = scenes()[:60]
    model = DistillTransformer(
        teacher_folder,
        pca_dims=None,
        token_remove_pattern=OTHER_TOKENS,
        cache_dir=cache_dir,
        device="cpu",
        random_state=0,
    )
    expected = model.fit(texts).transform(texts)
    vectors = model.set_params(dtype="bfloat16").fit(texts).transform(texts)
    assert (vectors * expected).sum(axis=1).min() > 0.98
    assert not np.array_equal(vectors, expected)


# --- a tiny transformer


@pytest.fixture
def pair() -> Any:
    from tiny_teachers import bert, tokenizer

    return bert(), tokenizer()


COLOURS = [f"{a} {b} cats" for a in ("red", "green") for b in ("blue", "green", "red")]


def test_sentence_transformer_as_teacher(pair: Any, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    for part in pair:
        part.save_pretrained(tmp_path / "plain")
    first = modules.Transformer(str(tmp_path / "plain"), max_seq_length=16)
    whole = SentenceTransformer(modules=[first, modules.Pooling(16)], device="cpu")
    whole.save_pretrained(str(tmp_path / "saved"))
    models = [
        distiller(teacher, prior="auto", pca_dims=None, device="cpu").fit(COLOURS)
        for teacher in (whole, tmp_path / "saved", tmp_path / "plain")
    ]
    for model in models[1:]:
        assert_allclose(
            model.transform(COLOURS), models[0].transform(COLOURS), atol=1e-3
        )


def test_vocabulary_alone_after_texts(pair: Any) -> None:
    model = distiller(pair, prior="auto", device="cpu")
    first = model.fit(None).transform(COLOURS)
    assert {*vars(model)} >= {"embedding_"}
    assert not {*FIGURES} & {*vars(model)}
    model.fit(COLOURS)
    assert {*FIGURES} <= {*vars(model)}
    assert "corpus" in model.embedding_.config
    assert_array_equal(model.fit(None).transform(COLOURS), first)
    assert not {*FIGURES} & {*vars(model)}
    assert "corpus" not in model.embedding_.config


@pytest.mark.parametrize("frequencies", ["corpus", "zipf"])
def test_weights_of_the_prior(pair: Any, frequencies: str) -> None:
    # With so much weight, the result is the prior.
    options = {"prior": "auto", "alpha": 1e9, "pca_dims": None, "device": "cpu"}
    found = [
        distiller(pair, frequencies=frequencies, sif_coefficient=it, **options)
        .fit(COLOURS)
        .embedding_.vectors
        for it in (None, 1e-3, "auto")
    ]
    none, coefficient, auto = (np.linalg.norm(it, axis=1) for it in found)
    assert np.isfinite(found[0]).all()
    assert not np.allclose(none / none[0], coefficient / coefficient[0], rtol=0.01)
    same = np.allclose(auto, coefficient, rtol=0.01)
    assert same is (frequencies == "corpus")


# --- vocabulary


def test_terms_of_the_corpus() -> None:
    texts = [*TEXTS, *["dogs in zanzibar tea", "zanzibar tea"] * 5, "rare quokka"]
    model = distiller(prior="auto", vocabulary="corpus", min_df=5).fit(texts)
    plain = distiller(prior="auto").fit(texts).embedding_
    added = model.embedding_.vocabulary[plain.n_tokens :]
    assert model.embedding_.vocabulary[: plain.n_tokens] == plain.vocabulary
    assert "zanzibar tea" in added
    assert not any("quokka" in it for it in added)
    least = distiller(prior="auto", vocabulary="corpus", max_terms=1, min_df=2)
    assert least.fit(texts).embedding_.n_tokens == plain.n_tokens + 1


@pytest.mark.parametrize("container", [list, tuple, np.array])
def test_terms_of_the_user(container: Any) -> None:
    terms = container(["red cat", "house", "quokkas"])
    texts = [*TEXTS, "quokkas red cat", "the red cat"]
    model = distiller(vocabulary=terms).fit(texts)
    assert model.embedding_.vocabulary[len(PRIOR.vocabulary) :] == (
        "red cat",
        "quokkas",
    )
    assert distiller(vocabulary=container([])).fit(TEXTS).embedding_.vocabulary == (
        PRIOR.vocabulary
    )


def test_prune() -> None:
    # What the words are made of stays, so that no word becomes unknown.
    tokenizer = vocabulary([*WORDS, *"adgot", *(f"##{it}" for it in "adgot")])
    vectors = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 6))
    prior = StaticEmbedding(vectors.astype(np.float32), tokenizer)
    used = [it for it in TEXTS if not {"cat", "dog"} & {*it.split()}]
    whole, pruned = (distiller(prior=prior, prune=it).fit(used) for it in (False, True))
    assert pruned.embedding_.n_tokens < whole.embedding_.n_tokens
    assert not {"cat", "dog"} & {*pruned.embedding_.vocabulary}
    assert pruned.embedding_.tokens(["dogs"]) == [["d", "##o", "##g", "##s"]]
    assert pruned.embedding_.tokens(used) == whole.embedding_.tokens(used)
    assert_allclose(pruned.transform(used), whole.transform(used), atol=2e-3)
    assert pruned.r2_ == pytest.approx(whole.r2_, abs=1e-6)


def test_prior_brings_its_tokenizer(tmp_path: Path) -> None:
    PRIOR.save_pretrained(tmp_path)
    expected = distiller().fit(TEXTS)
    assert expected.embedding_.vocabulary == PRIOR.vocabulary
    for prior in (tmp_path, str(tmp_path)):
        model = distiller(prior=prior).fit(TEXTS)
        assert_array_equal(model.transform(OTHERS), expected.transform(OTHERS))


def test_no_prior() -> None:
    model = distiller(linear, prior=None, prune=True).fit(TEXTS)
    assert model.r2_ > 0.95
    # Of tokens that no text has, nothing is known but the constant.
    assert_allclose(model.transform(["0 1 2"]), [[1, 0, 0, 0]], atol=1e-6)
    assert np.isfinite(model.embedding_.vectors).all()


def test_prior_helps_where_texts_say_little() -> None:
    good = np.array([direction(it) for it in PRIOR.vocabulary], np.float32)
    prior = StaticEmbedding(good @ ortho_group.rvs(8, random_state=0), PRIOR.tokenizer)
    scores = [
        agreement(
            distiller(linear, prior=it, pca_dims=None)
            .fit(TEXTS[:40])
            .transform(OTHERS),
            linear(OTHERS) - linear(TEXTS).mean(axis=0),
        )
        for it in (prior, PRIOR)
    ]
    assert scores[0] > scores[1]


@pytest.mark.parametrize("quantize_to", ["float32", "float16", "int8"])
def test_types(quantize_to: str) -> None:
    model = distiller(quantize_to=quantize_to).fit(TEXTS)
    assert model.embedding_.vectors.dtype == quantize_to
    exact = distiller(quantize_to="float32").fit(TEXTS)
    vectors = model.transform(OTHERS)
    assert vectors.dtype == np.float32
    assert (vectors * exact.transform(OTHERS)).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("quantize_to", ["float16", "int8"])
def test_fewer_vectors(quantize_to: str) -> None:
    options = {"refine_steps": 100, "quantize_to": quantize_to}
    model = distiller(vocabulary_quantization=20, **options).fit(TEXTS)
    assert model.embedding_.vectors.shape == (20, 4)
    assert model.embedding_.n_tokens == PRIOR.n_tokens
    assert_agree(
        model.transform(OTHERS), distiller(**options).fit(TEXTS).transform(OTHERS), 0.8
    )
    with pytest.raises(ValueError, match=r"vocabulary_quantization .* from 1 to 52"):
        distiller(vocabulary_quantization=1000).fit(TEXTS)


# --- the same again


def test_random_state() -> None:
    def fit(seed: Any, **options: Any) -> np.ndarray:
        model = distiller(random_state=seed, max_sentences=100, **options)
        return model.fit(TEXTS).embedding_.vectors

    first = fit(0)
    assert_array_equal(fit(0), first)
    assert_array_equal(fit(np.random.RandomState(0)), first)
    assert_array_equal(fit(0, n_jobs=2), first)
    assert not np.array_equal(fit(1), first)
    assert not np.array_equal(fit(None), fit(None))


@pytest.mark.parametrize("seed", [0, None])
def test_no_global_state(seed: int | None) -> None:
    import torch

    states = []
    for _ in range(2):
        state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        states.append((state["key"].tolist(), state["pos"], torch.get_rng_state()))
        if len(states) == 1:
            distiller(random_state=seed, alpha="auto", vocabulary_quantization=9).fit(
                TEXTS
            )
    assert states[0][:2] == states[1][:2]
    assert torch.equal(states[0][2], states[1][2])


def test_texts_are_left_alone() -> None:
    texts = list(TEXTS)
    rows = bent(TEXTS).astype(np.float32)
    before = rows.copy()
    distiller(lambda given: rows[: len(given)]).fit(texts)
    assert texts == TEXTS
    assert_array_equal(rows, before)


@pytest.mark.parametrize(
    "container",
    [
        np.array,
        pd.Series,
        tuple,
        iter,
        lambda texts: (it for it in texts),
        lambda texts: pd.DataFrame({"text": texts}),
    ],
)
def test_containers(container: Any) -> None:
    expected = distiller(max_sentences=150).fit(TEXTS)
    model = distiller(max_sentences=150).fit(container(TEXTS))
    assert model.n_sentences_ == 150
    assert_array_equal(model.embedding_.vectors, expected.embedding_.vectors)


def test_missing_texts() -> None:
    with pytest.raises(ValueError, match="Row 1"):
        distiller().fit(["a", None, *TEXTS])
    model = distiller(missing="empty").fit([None, float("nan"), *TEXTS])
    assert model.n_sentences_ == len(TEXTS)
    assert_array_equal(model.transform([None]), np.zeros((1, 4)))


def test_long_texts_are_cut() -> None:
    page = ". ".join(TEXTS) + "."
    seen: list[str] = []

    def teacher(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return bent(texts)

    model = distiller(teacher).fit([page, "red cat"])
    assert sorted(seen) == sorted({*(f"{it}." for it in TEXTS), "red cat"})
    assert model.n_sentences_ == len(TEXTS) + 1
    seen.clear()
    model.set_params(split_sentences=False).fit([page, "red cat"])
    assert seen == [page, "red cat"]


def test_refit_replaces_everything() -> None:
    model = distiller().fit(TEXTS)
    again = distiller(pca_dims=3, alpha=1).fit(OTHERS)
    model.set_params(pca_dims=3, alpha=1).fit(OTHERS)
    assert {*vars(model)} == {*vars(again)}
    assert [getattr(model, it) for it in FIGURES] == [
        getattr(again, it) for it in FIGURES
    ]
    assert_array_equal(model.transform(TEXTS), again.transform(TEXTS))
    assert len(model.get_feature_names_out()) == 3


def broken(texts: list[str]) -> np.ndarray:
    raise OSError("no connection")


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        ({"teacher": broken}, TEXTS),
        ({"pca_dims": 1.5}, TEXTS),
        ({"prior": "no/such/folder"}, TEXTS),
        ({}, ["", " "]),
        ({}, None),
    ],
    ids=["teacher", "parameter", "prior", "no tokens", "no texts"],
)
def test_failed_fit_leaves_the_fitted_state(change: Any, texts: Any) -> None:
    model = distiller().fit(TEXTS)
    before = dict(vars(model))
    with pytest.raises((OSError, ValueError)):
        model.set_params(**change).fit(texts)
    assert {**vars(model), **{it: before[it] for it in change}} == before


# --- the cache


class Logged:
    """Writes down each text that it embeds, for any number of processes."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def transform(self, texts: list[str]) -> np.ndarray:
        folder = Path(self.folder)
        if (folder / "stop").exists() and len(self.seen()) >= 60:
            raise KeyboardInterrupt
        with open(folder / "log", "a") as file:
            file.write("".join(f"{text}\n" for text in texts))
        return bent(texts)

    def seen(self) -> list[str]:
        log = Path(self.folder) / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logged:
    monkeypatch.setattr(_cache, "_CHUNK", 20)
    return Logged(str(tmp_path))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_search_embeds_each_text_once(
    logged: Logged, tmp_path: Path, n_jobs: int
) -> None:
    search = GridSearchCV(
        make_pipeline(
            distiller(logged, cache_dir=tmp_path / "cache"), LogisticRegression()
        ),
        {
            "distilltransformer__alpha": [0.1, 1],
            "distilltransformer__pca_dims": [2, 4],
        },
        cv=3,
        n_jobs=n_jobs,
        error_score="raise",
    )
    search.fit(TEXTS, ["cat" in it for it in TEXTS])
    assert Counter(logged.seen()) == dict.fromkeys(TEXTS, 1)
    assert search.best_score_ > 0.6
    assert len([*(tmp_path / "cache").iterdir()]) == 1


def test_interrupted_fit_goes_on(logged: Logged, tmp_path: Path) -> None:
    model = distiller(logged, cache_dir=tmp_path / "cache")
    (tmp_path / "stop").touch()
    with pytest.raises(KeyboardInterrupt):
        model.fit(TEXTS)
    assert not hasattr(model, "embedding_")
    assert len(logged.seen()) == 60
    (tmp_path / "stop").unlink()
    model.fit(TEXTS)
    assert Counter(logged.seen()) == dict.fromkeys(TEXTS, 1)
    assert_array_equal(
        model.embedding_.vectors,
        distiller(logged).fit(TEXTS).embedding_.vectors,
    )


@pytest.mark.parametrize("on_disk", [True, False])
def test_equal_texts_are_embedded_once(
    logged: Logged, tmp_path: Path, on_disk: bool
) -> None:
    model = distiller(logged, cache_dir=tmp_path / "cache" if on_disk else None)
    model.fit(TEXTS * 3)
    assert Counter(logged.seen()) == dict.fromkeys(TEXTS, 1)
    assert model.n_sentences_ == 3 * len(TEXTS)
    assert (tmp_path / "cache").exists() is on_disk
    model.fit(TEXTS)
    assert len(logged.seen()) == len(TEXTS) * (1 if on_disk else 2)


def test_texts_without_tokens_are_not_embedded(logged: Logged) -> None:
    model = distiller(logged).fit([*TEXTS, "", " ", "🦤", "zzz"])
    assert {*logged.seen()} == {*TEXTS}
    assert model.n_sentences_ == len(TEXTS)


def test_damaged_cache(logged: Logged, tmp_path: Path) -> None:
    model = distiller(logged, cache_dir=tmp_path / "cache").fit(TEXTS)
    [file] = (tmp_path / "cache").iterdir()
    file.write_bytes(b"something else" * 100)
    with pytest.raises(ValueError, match="delete it") as error:
        model.fit(TEXTS)
    assert str(file) in str(error.value)
    file.unlink()
    model.fit(TEXTS)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE vectors SET vector = x'000000'")
    connection.close()
    with pytest.raises(ValueError, match="delete this file"):
        model.fit(TEXTS)


def test_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="is not a folder"):
        distiller(cache_dir=tmp_path / "file").fit(TEXTS)
    with pytest.raises(ValueError, match="cache_dir=None"):
        distiller(lambda texts: bent(texts), cache_dir=tmp_path).fit(TEXTS)


# --- few texts, and odd ones


@pytest.mark.parametrize("pca_dims", [1, 4, 0.9, "auto", None])
@pytest.mark.parametrize("texts", [["red cat", "blue dogs"], ["red", "red", "dog"]])
def test_two_texts(texts: list[str], pca_dims: Any) -> None:
    model = distiller(pca_dims=pca_dims).fit(texts)
    vectors = model.transform([*texts, "house"])
    assert np.isfinite(vectors).all()
    # What differs is kept: they are opposite, but for a constant.
    assert vectors[0] @ vectors[len(texts) - 1] < -0.5
    assert distiller(alpha="auto").fit(texts).alpha_ > 0


@pytest.mark.parametrize(
    ("texts", "n"),
    [
        ([], 0),
        (["red cat"], 1),
        (["red cat"] * 9, 1),
        (["", " "], 0),
        (["🦤", "zzz", "quokka"], 0),
        (["🦤", "red"], 1),
    ],
)
@pytest.mark.parametrize("split", [True, False])
def test_too_few_texts(texts: list[str], n: int, split: bool) -> None:
    with pytest.raises(
        ValueError, match=rf"{n} different texts.*minimum of 2"
    ) as error:
        distiller(split_sentences=split).fit(texts)
    assert "pass more of them, or None" in str(error.value)


def test_texts_that_differ_in_order_alone() -> None:
    # To this teacher, which counts words, they are the same.
    with pytest.raises(ValueError, match="all 3 sentences the same vector"):
        distiller().fit(["red cat", "cat red", "red  cat"])


@pytest.mark.parametrize("value", [0, 0.1, 1])
@pytest.mark.parametrize("pca_dims", [4, 0.9, "auto", None])
def test_constant_teacher(value: float, pca_dims: Any) -> None:
    """Texts that are all the same to a teacher say nothing."""

    def constant(texts: list[str]) -> np.ndarray:
        return np.full((len(texts), 8), value)

    with pytest.raises(ValueError, match="sentences the same vector"):
        distiller(constant, pca_dims=pca_dims).fit(TEXTS)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e3, 1e12])
def test_scale_of_the_teacher_is_of_no_consequence(scale: float) -> None:
    def scaled(texts: list[str]) -> np.ndarray:
        return scale * bent(texts)

    expected = distiller(quantize_to="float32").fit(TEXTS)
    model = distiller(scaled, quantize_to="float32").fit(TEXTS)
    assert model.r2_ == pytest.approx(expected.r2_, abs=1e-3)
    assert_allclose(
        cosines(model.transform(OTHERS)), cosines(expected.transform(OTHERS)), atol=0.02
    )


@pytest.mark.parametrize("dim", [1, 2])
def test_teacher_of_few_dimensions(dim: int) -> None:
    model = distiller(lambda texts: bent(texts)[:, :dim], pca_dims=dim).fit(TEXTS)
    assert model.transform(OTHERS).shape == (len(OTHERS), dim)
    assert model.r2_ > 0.5


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (lambda texts: np.full((len(texts), 3), np.nan), "gives NaN, infinity"),
        (lambda texts: np.ones((3, 3)), "returns 3 for 200 texts"),
        (lambda texts: np.ones(len(texts)), r"one of shape \(200,\)"),
        (lambda texts: None, "returns None"),
        (lambda texts: [text.split() for text in texts], "all of the same length"),
    ],
)
def test_teachers_that_return_nonsense(teacher: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distiller(teacher).fit(TEXTS)


def test_teacher_whose_width_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache, "_CHUNK", 150)
    with pytest.raises(ValueError, match="vectors of 50 numbers, and gave 150 before"):
        distiller(lambda texts: np.ones((len(texts), len(texts)))).fit(TEXTS)


def test_errors_of_the_teacher_come_through() -> None:
    with pytest.raises(OSError, match="no connection"):
        distiller(broken).fit(TEXTS)


class NoTeacher:
    def __call__(self, texts: list[str]) -> None:
        raise AssertionError("a teacher ran")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0}, "'alpha'"),
        ({"alpha": -1}, "'alpha'"),
        ({"alpha": "best"}, "'alpha'"),
        ({"pca_dims": 0}, "'pca_dims'"),
        ({"pca_dims": 2.5}, r"pca_dims=2\.5 is neither"),
        ({"max_sentences": 1}, "'max_sentences'"),
        ({"max_sentences": 0}, "'max_sentences'"),
        ({"refine_steps": -1}, "'refine_steps'"),
        ({"max_terms": -1}, "'max_terms'"),
        ({"min_df": 0}, "'min_df'"),
        ({"min_df": 1.5, "vocabulary": "corpus"}, "min_df"),
        ({"prune": 1}, "'prune'"),
        ({"split_sentences": None}, "'split_sentences'"),
        ({"frequencies": "none"}, "'frequencies'"),
        ({"dtype": "float16"}, "'dtype'"),
        ({"cache_dir": 3}, "'cache_dir'"),
        ({"vocabulary": "red"}, "'vocabulary'"),
        ({"vocabulary": [1, 2]}, r"\[0\] is 1, of type int"),
        ({"vocabulary": ["a", None]}, r"\[1\] is None"),
        ({"vocabulary": 3}, "'vocabulary'"),
        ({"prior": 3}, "'prior'"),
        ({"prior": "no/such/folder"}, "no folder 'no/such/folder'"),
        ({"token_remove_pattern": "(["}, r"token_remove_pattern='\(\[' is no regular"),
        ({"vocabulary_quantization": 0}, "'vocabulary_quantization'"),
        ({"n_jobs": 1.5}, "'n_jobs'"),
        ({"random_state": "x"}, "'random_state'"),
    ],
    ids=str,
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError, OSError), match=message):
        distiller(NoTeacher(), **parameters).fit(TEXTS)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"vocabulary": "corpus"}, "vocabulary='corpus' needs texts"),
        ({"prune": True}, "prune=True needs texts"),
        ({"prior": None}, "prior=None needs texts"),
        ({"prior": PRIOR}, r"prior=StaticEmbedding\(.*needs texts"),
        ({"teacher": NoTeacher()}, "without a vocabulary needs texts"),
    ],
    ids=["vocabulary", "prune", "no prior", "prior", "teacher"],
)
def test_what_needs_texts(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        DistillTransformer(**parameters).fit(None)
    assert "call fit(X)" in str(error.value)


@pytest.mark.parametrize("X", ["text", b"text", [1, 2], {"a": "b"}, 3])
def test_what_are_no_texts(X: Any) -> None:
    with pytest.raises(TypeError):
        distiller(NoTeacher()).fit(X)


# --- as an estimator


def test_copies(tmp_path: Path) -> None:
    model = distiller().fit(TEXTS)
    joblib.dump(model, tmp_path / "model.joblib")
    for copy in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
    ):
        assert_array_equal(copy.transform(OTHERS), model.transform(OTHERS))
        assert copy.r2_ == model.r2_
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert not hasattr(fresh, "embedding_")
    assert_array_equal(fresh.fit(TEXTS).transform(OTHERS), model.transform(OTHERS))


def test_frames() -> None:
    model = distiller().set_output(transform="pandas")
    frame = model.fit_transform(pd.Series(TEXTS, index=range(5, len(TEXTS) + 5)))
    assert frame.columns.tolist() == [f"distilltransformer{i}" for i in range(4)]
    assert frame.columns.tolist() == model.get_feature_names_out().tolist()
    assert frame.index[0] == 5


def test_saved_model(tmp_path: Path) -> None:
    from model2vec import StaticModel

    model = distiller(vocabulary=["red cat"], prune=True).fit(TEXTS)
    model.save_pretrained(tmp_path)
    again = StaticEmbedding.from_pretrained(tmp_path)
    assert_array_equal(again.encode(OTHERS), model.transform(OTHERS))
    assert {**again.config, **model.embedding_.config} == dict(again.config)
    theirs = StaticModel.from_pretrained(tmp_path).encode(OTHERS)
    assert_allclose(theirs, model.transform(OTHERS), atol=1e-3)


def test_coverage() -> None:
    found = distiller().fit(TEXTS).coverage(["red dogs", "quokka"])
    assert found.n_words == 3
    assert found.most_unknown == [("quokka", 1)]
    assert found.most_split == [("dogs", 1)]


def test_progress_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    distiller().fit(TEXTS)
    assert capsys.readouterr() == ("", "")
    distiller(verbose=True).fit(TEXTS)
    shown = capsys.readouterr().err
    assert "200/200" in shown
    assert "3/3" in shown  # 12 times 200 sentences, in batches of 1,024


def test_functions_need_no_torch(tmp_path: Path) -> None:
    code = """
import sys
from sk_m2v import DistillTransformer, StaticEmbedding
def teacher(texts):
    return [[len(text), text.count("a"), text.count("e")] for text in texts]
texts = ["a cat", "the dog", "two red cats", "you see a moose", "odd birds"]
model = DistillTransformer(teacher, pca_dims=2, random_state=0, cache_dir=sys.argv[1])
assert model.fit(texts).transform(texts).shape == (5, 2)
assert not {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, cwd=ROOT)


class CheckedDistill(NumbersAsTexts, DistillTransformer):
    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)


class Bent:
    """The same for all processes that run tests, which a function's address is not."""

    def __call__(self, texts: list[str]) -> np.ndarray:
        return bent(texts)

    def __repr__(self) -> str:
        return "bent"


CHECKED = CheckedDistill(Bent(), prior=PRIOR, pca_dims=4, refine_steps=2)


@pytest.mark.filterwarnings("ignore")
@checks.parametrize_with_checks([CHECKED])
def test_estimator_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning")
@pytest.mark.parametrize("name", EXTRA_CHECKS)
def test_extra_checks(name: str) -> None:
    getattr(checks, name)("CheckedDistill", CHECKED)
