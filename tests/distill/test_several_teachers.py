"""`DistillTransformer` with a list of teachers, and with prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_teachers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sk_m2v import DistillTransformer, StaticEmbedding, load

WORDS = tiny_teachers.WORDS[4:8]
TEXTS = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in ("red", "blue cats")]


def numbers(word: str, dim: int, seed: int) -> np.ndarray:
    code = sum(ord(letter) * 31**i for i, letter in enumerate(word))
    return np.random.default_rng([seed, code]).normal(size=dim)


def means(texts: list[str], dim: int, seed: int) -> np.ndarray:
    """Mean of a vector for each word, as a static embedding has it."""
    words = [text.replace("cats", "cat s").split() for text in texts]
    rows = [[numbers(word, dim, seed) for word in some] for some in words]
    return np.array([np.mean(row, axis=0) for row in rows])


def small(texts: list[str]) -> np.ndarray:
    return means(texts, 3, seed=0)


def large(texts: list[str]) -> np.ndarray:
    return 1e4 * means(texts, 5, seed=1) + 7e3


def huge(texts: list[str]) -> np.ndarray:
    return 1e6 * large(texts)


def nonsense(texts: list[str]) -> np.ndarray:
    return np.full((len(texts), 2), np.nan)


def constant(texts: list[str]) -> np.ndarray:
    return np.ones((len(texts), 2))


class Logged:
    """Teacher that remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def transform(self, texts: list[str]) -> np.ndarray:
        self.seen += texts
        return small(texts)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # what it has seen does not make it another teacher

    def __deepcopy__(self, memo: dict[int, Any]) -> Logged:
        return self


def prior() -> StaticEmbedding:
    words = tiny_teachers.tokenizer().backend_tokenizer
    vectors = np.random.default_rng(0).normal(size=(len(tiny_teachers.WORDS), 4))
    return StaticEmbedding(vectors.astype(np.float32), words)


def distiller(teacher: Any, **parameters: Any) -> DistillTransformer:
    parameters = {
        "prior": prior(),
        "pca_dims": None,
        "alpha": 1e-4,
        "quantize_to": "float32",
        "device": "cpu",
        "random_state": 0,
        **parameters,
    }
    return DistillTransformer(teacher, **parameters)


def pair() -> tuple[Any, Any]:
    return tiny_teachers.bert(), tiny_teachers.tokenizer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in pair():
        part.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def cosines(vectors: np.ndarray) -> np.ndarray:
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return directions @ directions.T


def standard(vectors: np.ndarray) -> np.ndarray:
    centred = vectors - vectors.mean(axis=0)
    return centred / np.sqrt((centred**2).sum() / len(centred))


@pytest.mark.parametrize("weights", [None, [1, 3], np.array([0.2, 0.1])])
def test_vectors_of_all_teachers_stand_side_by_side(weights: Any) -> None:
    model = distiller([small, large], teacher_weights=weights).fit(TEXTS)
    first, second = (1, 1) if weights is None else weights
    expected = np.hstack(
        [first * standard(small(TEXTS)), second * standard(large(TEXTS))]
    )
    assert model.r2_ > 0.999
    assert_allclose(cosines(model.transform(TEXTS)), cosines(expected), atol=0.05)
    assert model.embedding_.config["teachers"] == ["small", "large"]
    assert model.embedding_.config["tokenizer_name"] == "small"


def test_scale_of_a_teacher_is_of_no_consequence() -> None:
    models = [distiller([small, it], pca_dims=4).fit(TEXTS) for it in (large, huge)]
    vectors = [cosines(model.transform(TEXTS)) for model in models]
    assert_allclose(vectors[0], vectors[1], atol=1e-3)


@pytest.mark.parametrize("teacher", [small, pair()], ids=["function", "pair"])
@pytest.mark.parametrize("weights", [None, [7]])
def test_a_list_of_one(teacher: Any, weights: Any) -> None:
    how: dict[str, Any] = {"prior": "auto", "pca_dims": 3, "refine_steps": 5}
    alone = distiller(teacher, **how).fit(TEXTS).embedding_
    model = distiller([teacher], teacher_weights=weights, **how).fit(TEXTS).embedding_
    assert_array_equal(model.vectors, alone.vectors)
    assert "teachers" not in model.config


def test_a_teacher_twice_is_the_teacher() -> None:
    how: dict[str, Any] = {"prior": "auto", "alpha": 0.3}
    once, twice = (distiller(it, **how).fit(TEXTS) for it in (pair(), [pair()] * 2))
    # Its prior, too, counts as on its own.
    assert_allclose(
        cosines(twice.transform(WORDS)), cosines(once.transform(WORDS)), atol=1e-3
    )
    assert twice.embedding_.dim == 2 * once.embedding_.dim


def test_any_mix(folder: Path, tmp_path: Path) -> None:
    logged = Logged()
    # A tuple is one teacher.
    teachers = [pair(), logged, folder, str(folder)]
    model = distiller(
        teachers, prior="auto", alpha=0.3, pca_dims=4, refine_steps=5
    ).set_params(cache_dir=tmp_path / "cache", vocabulary=["red cat", "novel"])
    vectors = model.fit(TEXTS).transform(TEXTS)
    assert vectors.shape == (len(TEXTS), 4)
    assert np.isfinite(model.embedding_.vectors).all()
    assert sorted(logged.seen) == sorted(TEXTS)
    assert model.embedding_.config["teachers"] == ["", "Logged", "tiny", "tiny"]
    # One file a teacher: the folder is twice the same one, and has the pair's weights.
    names = {it.name.split("-")[0] for it in (tmp_path / "cache").iterdir()}
    assert names == {"teacher", "Logged", "tiny"}
    again = clone(model).fit(TEXTS)
    assert sorted(logged.seen) == sorted(TEXTS)
    assert_array_equal(again.embedding_.vectors, model.embedding_.vectors)


def test_coverage_asks_the_first_alone() -> None:
    model = distiller([pair(), "no/such folder"], prior="auto")
    assert model.coverage(["red cat"]).unknown == 0


def test_function_first_lends_the_bundled_tokenizer(folder: Path) -> None:
    model = distiller([small, folder], prior="auto", pca_dims=4, refine_steps=5)
    bundled = StaticEmbedding.from_pretrained()
    assert model.coverage(["xenolith"]).unknown == 0
    assert model.fit(TEXTS).embedding_.n_tokens == bundled.n_tokens


@pytest.mark.parametrize("chosen", [None, prior()], ids=["none", "static"])
def test_a_chosen_prior_is_for_all(folder: Path, chosen: Any) -> None:
    model = distiller([folder, large], prior=chosen, prune=True).fit(TEXTS)
    assert model.embedding_.dim == 16 + 5
    assert model.transform(TEXTS).shape == (len(TEXTS), 21)


def test_saved_with_its_teachers(tmp_path: Path) -> None:
    model = distiller([small, large], teacher_weights=[1, 2], prompt="red ").fit(TEXTS)
    model.save_pretrained(tmp_path / "model")
    read = load(tmp_path / "model")
    assert_array_equal(read.transform(TEXTS), model.transform(TEXTS))
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "small and large" in card
    assert "| teacher_weights | [1, 2] |" in card


def test_card_names_models_of_the_hub() -> None:
    model = prior().replace(
        tokenizer_name="a/b", teachers=["a/b", "function", "c/d", "a/b"]
    )
    from sk_m2v.embedding.storage._card import model_card

    card = model_card("mine", model._parts)
    assert "\nbase_model:\n- a/b\n- c/d\ntags:" in card


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"teacher": []}, r"teacher=\[\] has no teacher"),
        ({"teacher_weights": [1]}, "each of the teachers, of which there are 2"),
        ({"teacher_weights": [1, 0]}, r"teacher_weights=\[1, 0\] must be a positive"),
        ({"teacher_weights": [1, np.inf]}, "must be a positive number"),
        ({"teacher_weights": ["a", "b"]}, "must be a positive number"),
        ({"teacher_weights": [[1, 2]]}, "must be a positive number"),
        ({"prompt": ["a", "b", "c"]}, r"3 values \('a', 'b', 'c'\)"),
        ({"prompt": ["a", 1]}, "must be a text for each of the teachers"),
        ({"teacher": [small, nonsense]}, "nonsense gives NaN"),
        ({"teacher": [small, constant]}, "'constant' gives all 32 sentences the same"),
    ],
)
def test_what_is_refused(parameters: dict[str, Any], message: str) -> None:
    model = distiller([small, large]).fit(TEXTS)
    before = model.embedding_
    with pytest.raises(ValueError, match=message):
        model.set_params(**parameters).fit(TEXTS)
    assert model.embedding_ is before


def test_lists_in_lists() -> None:
    with pytest.raises(TypeError, match="got a list"):
        distiller([small, [large]]).fit(TEXTS)


def test_several_need_texts() -> None:
    with pytest.raises(ValueError, match="a list of several teachers needs texts"):
        distiller([pair(), pair()], prior="auto").fit(None)


def test_a_bad_teacher_is_known_before_others_read() -> None:
    logged = Logged()
    with pytest.raises(ValueError, match="NaN"):
        distiller([logged, nonsense]).fit(TEXTS)
    assert len(logged.seen) == 1


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [(None, ["", ""]), ("query: ", ["query: "] * 2), (["a ", ""], ["a ", ""])],
)
def test_prompts(prompt: Any, expected: list[str], tmp_path: Path) -> None:
    teachers = [Logged(), Logged()]
    model = distiller(list(teachers), prompt=prompt).fit(TEXTS)
    for teacher, before in zip(teachers, expected, strict=True):
        assert set(teacher.seen) == {before + text for text in TEXTS}
    corpus = model.embedding_.config["corpus"]
    assert corpus.get("prompt") == prompt
