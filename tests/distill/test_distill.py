"""`DistillTransformer.fit(None)`: as model2vec, and as an estimator."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import EXTRA_CHECKS, ROOT, NumbersAsTexts
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks, get_tags

from sk_m2v import DistillTransformer, StaticEmbedding
from sk_m2v.distill.teachers._poolings import POOLINGS

# Leaves 1,486 of the 30,522 tokens: the unknown one, and those of up to two characters.
SHORT_TOKENS = r"(?!.{1,2}$)"
TEXTS = ["an apple a day", "naïve ☃ of 42 cats!", "", "[UNK] [PAD] [CLS]", "x" * 300]


@pytest.fixture(scope="session")
def teacher(teacher_folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    return (
        AutoModel.from_pretrained(teacher_folder, local_files_only=True),
        AutoTokenizer.from_pretrained(teacher_folder, local_files_only=True),
    )


@pytest.fixture(scope="session")
def distilled(teacher_folder: Path) -> DistillTransformer:
    """Fitted to few tokens; not to be changed."""
    return DistillTransformer(
        teacher_folder, pca_dims=32, token_remove_pattern=SHORT_TOKENS, device="cpu"
    ).fit(None)


def as_model2vec(teacher: tuple[Any, Any], **parameters: Any) -> Any:
    from model2vec.distill import distill_from_model

    return distill_from_model(*teacher, device="cpu", **parameters)


def assert_same_model(ours: StaticEmbedding, theirs: Any) -> None:
    assert ours.vectors.dtype == theirs.embedding.dtype
    # Both compute in float32, with the same operations in the same order.
    tolerance = 2e-3 if ours.vectors.dtype == np.float16 else 1e-4
    assert_allclose(ours.vectors, theirs.embedding, rtol=tolerance, atol=tolerance)
    assert ours.tokenizer.get_vocab() == theirs.tokenizer.get_vocab()


# --- as model2vec


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        *({"pooling": pooling} for pooling in POOLINGS if pooling != "mean"),
        {"pca_dims": "auto", "quantize_to": "float32"},
        {"pca_dims": None, "sif_coefficient": None, "quantize_to": "float32"},
        {"pca_dims": 0.8, "sif_coefficient": 1e-2},
    ],
    ids=str,
)
def test_as_model2vec(teacher: tuple[Any, Any], parameters: dict[str, Any]) -> None:
    parameters = {"token_remove_pattern": SHORT_TOKENS} | parameters
    ours = DistillTransformer(teacher, device="cpu", **parameters).fit(None)
    theirs = as_model2vec(teacher, **parameters)
    assert_same_model(ours.embedding_, theirs)
    assert_allclose(ours.transform(TEXTS), theirs.encode(TEXTS), atol=1e-3)


@pytest.mark.slow
def test_whole_vocabulary_as_model2vec(
    teacher: tuple[Any, Any], teacher_folder: Path, parity_strings: list[str]
) -> None:
    ours = DistillTransformer(teacher_folder, device="cpu").fit(None).embedding_
    theirs = as_model2vec(teacher)
    assert len(ours.vectors) == 29_525
    assert ours.vocabulary[:4] == ("[PAD]", "[UNK]", "!", '"')
    assert_same_model(ours, theirs)
    theirs.tokenizer.no_truncation()
    ids, offsets = ours.token_ids(parity_strings, max_length=None)
    unknown = theirs.tokenizer.token_to_id("[UNK]")
    for i, encoding in enumerate(
        theirs.tokenizer.encode_batch(parity_strings, add_special_tokens=False)
    ):
        known = [it for it in encoding.ids if it != unknown]
        assert ids[offsets[i] : offsets[i + 1]].tolist() == known


def test_configuration_as_model2vec(
    teacher: tuple[Any, Any], distilled: DistillTransformer
) -> None:
    theirs = as_model2vec(teacher, token_remove_pattern=SHORT_TOKENS, pca_dims=32)
    ours = dict(distilled.embedding_.config)
    # model2vec writes the path of the machine that it ran on.
    assert ours.pop("tokenizer_name") == "model"
    assert {**theirs.config, "pooling": "mean"} == {
        **ours,
        "tokenizer_name": theirs.config["tokenizer_name"],
    }


def test_model2vec_loads_what_was_saved(
    distilled: DistillTransformer, tmp_path: Path
) -> None:
    from model2vec import StaticModel

    distilled.save_pretrained(tmp_path)
    theirs = StaticModel.from_pretrained(tmp_path)
    assert_allclose(theirs.encode(TEXTS), distilled.transform(TEXTS), atol=1e-3)
    again = StaticEmbedding.from_pretrained(tmp_path)
    assert_array_equal(again.encode(TEXTS), distilled.transform(TEXTS))


def test_int8_has_a_scale_a_token(teacher: tuple[Any, Any]) -> None:
    models = {
        dtype: DistillTransformer(
            teacher, quantize_to=dtype, token_remove_pattern=SHORT_TOKENS, device="cpu"
        ).fit(None)
        for dtype in ("float32", "int8")
    }
    assert models["int8"].embedding_.vectors.dtype == np.int8
    cosines = (
        models["int8"].transform(TEXTS) * models["float32"].transform(TEXTS)
    ).sum(1)
    assert_allclose(cosines[:2], 1, atol=1e-3)


@pytest.mark.parametrize("quantize_to", ["float32", "float16"])
@pytest.mark.parametrize("sif_coefficient", [1e-4, None])
def test_fewer_vectors_as_model2vec(
    teacher: tuple[Any, Any], quantize_to: str, sif_coefficient: float | None
) -> None:
    parameters = {
        "vocabulary_quantization": 50,
        "pca_dims": 16,
        "sif_coefficient": sif_coefficient,
        "quantize_to": quantize_to,
        "token_remove_pattern": SHORT_TOKENS,
    }
    ours = DistillTransformer(teacher, device="cpu", **parameters).fit(None).embedding_
    theirs = as_model2vec(teacher, **parameters)
    assert ours.vectors.shape == (50, 16)
    assert_same_model(ours, theirs)
    assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), atol=2e-3)


def test_words_as_model2vec(teacher: tuple[Any, Any]) -> None:
    words = ["xenolith", "Quokkas", "xenolith"]
    # model2vec also removes words of the user that match.
    pattern = r"(?!.{1,2}$|xenolith$|quokkas$)"
    parameters = {"pca_dims": 32, "token_remove_pattern": pattern}
    ours = DistillTransformer(teacher, vocabulary=words, device="cpu", **parameters)
    ours.fit(None)
    # And it reads words with the padding that this tokenizer was saved with.
    model, tokenizer = deepcopy(teacher)
    tokenizer.backend_tokenizer.no_padding()
    theirs = as_model2vec((model, tokenizer), vocabulary=words, **parameters)
    assert ours.embedding_.vocabulary[-2:] == ("xenolith", "quokkas")
    assert_same_model(ours.embedding_, theirs)
    texts = [*TEXTS, "a xenolith, quokkas"]
    assert_allclose(ours.transform(texts), theirs.encode(texts), atol=1e-3)


# --- as an estimator


def test_transform_takes_any_container(distilled: DistillTransformer) -> None:
    expected = distilled.transform(TEXTS)
    assert expected.dtype == np.float32
    assert expected.shape == (len(TEXTS), 32)
    for texts in (np.array(TEXTS), pd.Series(TEXTS), pd.DataFrame({"text": TEXTS})):
        assert_array_equal(distilled.transform(texts), expected)


def test_missing_texts(distilled: DistillTransformer) -> None:
    with pytest.raises(ValueError, match="Row 1"):
        distilled.transform(["a", None])
    lenient = pickle.loads(pickle.dumps(distilled)).set_params(missing="empty")
    assert_array_equal(lenient.transform(["a", None]), distilled.transform(["a", ""]))


def test_frames(distilled: DistillTransformer) -> None:
    names = [f"distilltransformer{i}" for i in range(32)]
    assert distilled.get_feature_names_out().tolist() == names
    with config_context(transform_output="pandas"):
        frame = distilled.transform(pd.Series(["a", "b"], index=[7, 9]))
    assert frame.columns.tolist() == names
    assert frame.index.tolist() == [7, 9]


def test_parameters_are_stored_as_they_are(teacher: tuple[Any, Any]) -> None:
    parameters = {"teacher": teacher, "pca_dims": 0.5, "pooling": "nonsense"}
    estimator = DistillTransformer(**parameters)
    stored = estimator.get_params()
    assert all(stored[name] is value for name, value in parameters.items())
    assert estimator.set_params(pca_dims="auto").pca_dims == "auto"


def test_clone(distilled: DistillTransformer) -> None:
    copy = clone(distilled)
    assert copy.get_params() == distilled.get_params()
    assert not hasattr(copy, "embedding_")


@pytest.mark.parametrize(
    "name",
    [
        "do_not_raise_errors_in_init_or_set_params",
        "get_params_invariance",
        "no_attributes_set_in_init",
        "param_validation",
        "parameters_default_constructible",
        "set_params",
    ],
)
def test_checks_of_sklearn(name: str) -> None:
    # Those that need no X; test_distill_corpus.py has the others.
    check = getattr(estimator_checks, f"check_{name}")
    check("DistillTransformer", DistillTransformer())


def test_tags() -> None:
    tags = get_tags(DistillTransformer()).input_tags
    assert tags.string
    assert not tags.two_d_array


def test_not_fitted(tmp_path: Path) -> None:
    estimator = DistillTransformer()
    with pytest.raises(NotFittedError):
        estimator.transform(TEXTS)
    with pytest.raises(NotFittedError):
        estimator.save_pretrained(tmp_path)


def test_pickle(distilled: DistillTransformer) -> None:
    copy = pickle.loads(pickle.dumps(distilled))
    assert_array_equal(copy.transform(TEXTS), distilled.transform(TEXTS))


def test_transform_needs_no_torch(
    distilled: DistillTransformer, tmp_path: Path
) -> None:
    joblib.dump(distilled, tmp_path / "model.joblib")
    code = """
import json, sys
import joblib
model = joblib.load(sys.argv[1])
vectors = model.transform(["an apple a day"]).tolist()
assert not {"torch", "transformers"} & set(sys.modules)
print(json.dumps(vectors))
"""
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.joblib"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert_allclose(
        json.loads(result.stdout), distilled.transform(["an apple a day"]), atol=1e-6
    )


def test_numbers_of_numpy(teacher: tuple[Any, Any], tmp_path: Path) -> None:
    estimator = DistillTransformer(
        teacher,
        pca_dims=np.int64(8),
        sif_coefficient=np.float32(1e-3),
        token_remove_pattern=SHORT_TOKENS,
        device="cpu",
    ).fit(None)
    estimator.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["apply_pca"] == 8


def test_warnings_about_dimensions(teacher: tuple[Any, Any]) -> None:
    estimator = DistillTransformer(
        teacher, pca_dims=500, token_remove_pattern=SHORT_TOKENS, device="cpu"
    )
    with pytest.warns(UserWarning, match="pca_dims=500 is more than the 384"):
        assert estimator.fit(None).embedding_.dim == 384


# --- errors, before any work


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from sk_m2v.distill.teachers import _transformer

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a teacher ran")

    monkeypatch.setattr(_transformer, "embed", refuse)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pca_dims": 0}, "'pca_dims'"),
        ({"pca_dims": 1.5}, r"pca_dims=1\.5 is neither"),
        ({"pca_dims": np.float32(2)}, r"pca_dims=2\.0 is neither"),
        ({"pca_dims": -1}, "'pca_dims'"),
        ({"pca_dims": "all"}, "'pca_dims'"),
        ({"sif_coefficient": 0}, "'sif_coefficient'"),
        ({"sif_coefficient": 1.0}, "'sif_coefficient'"),
        ({"sif_coefficient": -1e-4}, "'sif_coefficient'"),
        ({"quantize_to": "int4"}, "quantize_to must be one of"),
        ({"quantize_to": "float64"}, "twice the room"),
        ({"pooling": "max"}, "'pooling'.*'max'"),
        ({"missing": "drop"}, "'missing'"),
        ({"verbose": "yes"}, "'verbose'"),
        ({"device": 0}, "'device'"),
        ({"device": "gpu"}, "device='gpu' cannot be used here"),
        ({"teacher": None}, "'teacher'"),
        ({"teacher": "no/such/folder"}, "no folder teacher='no/such/folder'"),
        ({"token_remove_pattern": "(["}, r"token_remove_pattern='\(\[' is no regular"),
        ({"token_remove_pattern": ""}, "token_remove_pattern removes every token"),
    ],
    ids=str,
)
def test_bad_parameters(
    teacher: tuple[Any, Any], parameters: dict[str, Any], message: str
) -> None:
    estimator = DistillTransformer(**{"teacher": teacher} | parameters)
    with pytest.raises((ValueError, OSError), match=message):
        estimator.fit(None)


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_missing_packages(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"'{module}' is needed.*sk-m2v\[distill\]"):
        DistillTransformer().fit(None)


class CheckedDistill(NumbersAsTexts, DistillTransformer):
    def fit(self, X: Any, y: Any = None) -> CheckedDistill:
        self._texts(X, reset=True)
        return DistillTransformer.fit(self, None)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)


@pytest.fixture(scope="module")
def tiny_teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a random teacher that reads letters and digits."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("teacher")
    letters = [*"cv0123456789"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters]
    tokens += [f"##{letter}" for letter in letters]
    (folder / "vocab.txt").write_text("\n".join(tokens))
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_estimator_checks(tiny_teacher: str) -> None:
    estimator = CheckedDistill(tiny_teacher, pca_dims=4, device="cpu")
    failed = {}
    names = set()
    pairs = list(estimator_checks.estimator_checks_generator(estimator))
    pairs += [(estimator, getattr(estimator_checks, name)) for name in EXTRA_CHECKS]
    for given, check in pairs:
        name = getattr(check, "func", check).__name__
        names.add(name)
        try:
            check(given) if hasattr(check, "func") else check("CheckedDistill", given)
        except SkipTest:
            pass
        except Exception as error:
            failed[name] = error
    assert failed == {}
    assert len(names) > 40


def test_coverage_before_fit(teacher: tuple[Any, Any]) -> None:
    """The vocabulary that a fit would begin with, and the same after it."""
    texts = ["a xenolith", "quokkas and xenoliths"]
    words = {"vocabulary": ["xenolith"], "pca_dims": 32}
    distiller = DistillTransformer(teacher, token_remove_pattern=SHORT_TOKENS, **words)
    before = distiller.coverage(texts)
    assert not hasattr(distiller, "embedding_")
    assert distiller.fit(None).coverage(texts) == before
    assert "xenolith" not in dict(before.most_split)
    plain = DistillTransformer(lambda texts: [[len(it)] for it in texts])
    assert dict(plain.coverage(texts).most_split)["xenolith"] == 1


def test_progress_has_names(teacher: tuple[Any, Any], capsys: Any) -> None:
    texts = [f"a {word} and a {other}" for word in "abcdefgh" for other in "xyz"]
    DistillTransformer(
        teacher, pca_dims=8, refine_steps=3, verbose=True, device="cpu"
    ).fit(texts)
    printed = capsys.readouterr()
    for name in ("sentences", "tokenizing", "regression"):
        assert f"[DistillTransformer] {name} ..." in printed.out
    for name in ("teacher, texts", "teacher, tokens", "refining"):
        assert f"{name}: 100%" in printed.err
