"""Collections of Dask give what all texts at once give, on workers of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from sk_m2v import (
    DistillTransformer,
    FeatureExtractionClassifier,
    StaticEmbedding,
    ZeroShotClassifier,
)
from sk_m2v.benchmark import run_benchmark
from sk_m2v.distill import bundled_teacher
from sk_m2v.distributed import distil, encode, predict, predict_proba
from sk_m2v.distributed._models import model_of

WORDS = ["red", "green", "blue", "warm", "cold", "north", "house", "river"]
TEXTS = [
    f"{WORDS[i % 8]} {WORDS[i // 8 % 8]} {'good' if i % 3 else 'bad'} {i}"
    for i in range(200)
]
LABELS = np.array(["+" if i % 3 else "other" for i in range(200)])
INDEX = [3 * i + 5 for i in range(200)]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "classifier"
    FeatureExtractionClassifier().fit(TEXTS, LABELS).save_pretrained(path)
    return path


def frame() -> Any:
    table = pd.DataFrame({"text": TEXTS, "n": range(200)}, index=INDEX)
    return dd.from_pandas(table, npartitions=3)


def collections() -> list[Any]:
    return [
        db.from_sequence(TEXTS, npartitions=3),
        frame()["text"],
        frame()[["text"]],
        da.from_array(np.array(TEXTS, object), chunks=70),
        da.from_array(np.array(TEXTS)[:, None], chunks=(70, 1)),
    ]


@pytest.mark.parametrize("number", range(5))
class TestKinds:
    def test_encode(self, number: int):
        found = encode(collections()[number])
        expected = StaticEmbedding.from_pretrained().encode(TEXTS)
        types = [found.dtype] if number in (0, 3, 4) else found.dtypes.tolist()
        assert set(types) == {np.dtype(np.float32)}
        assert_array_equal(found.compute(), expected)

    def test_predict(self, number: int, folder: Path):
        found = predict(collections()[number], folder)
        expected = FeatureExtractionClassifier.from_pretrained(folder).predict(TEXTS)
        assert_array_equal(found.compute(), expected)

    def test_predict_proba(self, number: int, folder: Path):
        found = predict_proba(collections()[number], folder)
        model = FeatureExtractionClassifier.from_pretrained(folder)
        assert_allclose(found.compute(), model.predict_proba(TEXTS), rtol=1e-6)


class TestFrames:
    def test_index_and_names_stay(self, folder: Path):
        vectors = encode(frame(), column="text")
        assert vectors.divisions == frame().divisions
        assert vectors.compute().index.tolist() == INDEX
        assert vectors.columns[1] == "staticembeddingtransformer1"
        classes = predict(frame(), folder, column="text").compute()
        assert (classes.name, classes.index.tolist()) == ("prediction", INDEX)
        shares = predict_proba(frame(), folder, column="text").compute()
        assert shares.columns.tolist() == ["+", "other"]

    def test_can_be_put_beside_the_texts(self, folder: Path):
        table = frame()
        table = table.assign(said=predict(table, folder, column="text")).compute()
        assert (table["said"] == LABELS).mean() > 0.9

    def test_which_column_must_be_said(self, folder: Path):
        with pytest.raises(ValueError, match=r"2 columns.*say with column="):
            encode(frame())
        with pytest.raises(ValueError, match="there is no column 'txt'"):
            predict(frame(), folder, column="txt")


class TestArrays:
    def test_sizes_are_known(self, folder: Path):
        texts = da.from_array(np.array(TEXTS, object), chunks=70)
        assert encode(texts).chunks[0] == (70, 70, 60)
        assert predict_proba(texts, folder).shape == (200, 2)
        assert predict(texts, folder)[150:].compute().shape == (50,)

    def test_rows_are_texts(self):
        with pytest.raises(ValueError, match=r"shape \(4, 2\)"):
            encode(da.zeros((4, 2), chunks=2))


def test_several_labels_a_text(tmp_path: Path):
    lists = [["a"] if i % 2 else ["a", "b"] if i % 3 else [] for i in range(200)]
    fitted = FeatureExtractionClassifier().fit(TEXTS, lists)
    fitted.save_pretrained(tmp_path)
    found = predict(db.from_sequence(TEXTS, npartitions=3), tmp_path).compute()
    assert found.tolist() == fitted.predict(TEXTS)


def test_parameters_of_encoding():
    bag = db.from_sequence([TEXTS[0] * 9, None], npartitions=2)
    found = encode(bag, max_length=2, missing="empty", normalize=False).compute()
    expected = StaticEmbedding.from_pretrained().encode(
        [TEXTS[0] * 9, None], max_length=2, missing="empty", normalize=False
    )
    assert_array_equal(found, expected)


class TestRefused:
    def test_no_collection(self):
        with pytest.raises(TypeError, match=r"X is a 'list'.*dask\.bag"):
            encode(TEXTS)

    def test_column_of_a_bag(self):
        with pytest.raises(ValueError, match="column='text' is for frames"):
            encode(db.from_sequence(TEXTS), column="text")

    def test_a_model_and_no_path(self):
        with pytest.raises(TypeError, match="sent with every partition: save it"):
            encode(db.from_sequence(TEXTS), StaticEmbedding.from_pretrained())

    def test_what_cannot_predict(self, tmp_path: Path):
        StaticEmbedding.from_pretrained().save_pretrained(tmp_path)
        with pytest.raises(ValueError, match="has no predict"):
            predict(db.from_sequence(TEXTS), tmp_path)
        with pytest.raises(OSError, match="no-such-folder"):
            predict(db.from_sequence(TEXTS), tmp_path / "no-such-folder")
        with pytest.raises(TypeError, match="model=None has learnt no classes"):
            predict(db.from_sequence(TEXTS), None)

    def test_the_partition_of_a_bad_text_is_said(self):
        bag = db.from_sequence(["a", "b", "c", None], npartitions=2)
        with pytest.raises(ValueError, match="Row 1 of X") as caught:
            encode(bag).compute()
        assert caught.value.__notes__ == ["It is about partition 1 of the collection."]


def test_a_replaced_model_is_loaded_again(tmp_path: Path):
    bag = db.from_sequence(["warm"], npartitions=1)
    for labels in (["red", "warm"], ["cold", "warm", "blue"]):
        ZeroShotClassifier(labels).fit().save_pretrained(tmp_path)
        found = predict_proba(bag, tmp_path)
        assert found.compute().shape == (1, len(labels))


def test_a_save_under_way(tmp_path: Path):
    """Files that do not count yet change nothing, those that count already do."""
    path, new = str(tmp_path / "model"), tmp_path / "new"
    ZeroShotClassifier(["red", "warm"]).fit().save_pretrained(path)
    ZeroShotClassifier(["a", "b", "c"]).fit().save_pretrained(new)
    before = model_of(path, embedding=False)
    new.rename(tmp_path / "model" / ".sk-m2v-begun")
    assert model_of(path, embedding=False) is before
    (tmp_path / "model" / ".sk-m2v-begun").rename(tmp_path / "model" / ".sk-m2v-new")
    assert len(model_of(path, embedding=False).classes_) == 3


class TestWorkers:
    def test_each_loads_a_model_once_and_texts_are_shared(
        self, client: Client, folder: Path
    ):
        def loads() -> tuple[int, int]:
            from sk_m2v.distributed._models import _load

            return _load.cache_info().misses, os.getpid()

        bag = db.from_sequence(TEXTS * 5, npartitions=20)
        found = predict_proba(bag, folder).compute()
        model = FeatureExtractionClassifier.from_pretrained(folder)
        assert_allclose(found, model.predict_proba(TEXTS * 5), rtol=1e-6)
        counts = client.run(loads)
        assert all(misses <= 1 for misses, _ in counts.values())
        assert os.getpid() not in {pid for _, pid in counts.values()}

    def test_a_worker_that_dies_is_replaced(self, client: Client, tmp_path: Path):
        died = tmp_path / "died"

        def die_once(texts: Any) -> Any:
            if not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return texts

        bag = db.from_sequence(TEXTS, npartitions=6).map_partitions(die_once)
        found = encode(bag).compute()
        assert died.exists()
        assert_array_equal(found, StaticEmbedding.from_pretrained().encode(TEXTS))

    def test_searches(self, client: Client):
        search = GridSearchCV(
            FeatureExtractionClassifier(), {"C": [0.1, 1.0]}, cv=2, error_score="raise"
        )
        alone = GridSearchCV(**search.get_params(deep=False)).fit(TEXTS, LABELS)
        with joblib.parallel_config(backend="dask"):
            search.fit(TEXTS, LABELS)
        name = "mean_test_score"
        assert_array_equal(search.cv_results_[name], alone.cv_results_[name])

    def test_benchmarks(self, client: Client):
        arguments = (
            {f"fe{C}": FeatureExtractionClassifier(C=C) for C in (0.1, 1.0)},
            {"ours": (TEXTS, LABELS)},
        )
        with joblib.parallel_config(backend="dask"):
            table = run_benchmark(*arguments)
        alone = run_benchmark(*arguments)
        names = ["estimator", "data_set", "seed", "accuracy", "log_loss"]
        pd.testing.assert_frame_equal(table[names], alone[names])


def vowels(texts: list[str]) -> list[list[float]]:
    return [[1.0, *(text.count(vowel) for vowel in "aeiou")] for text in texts]


class TestDistil:
    def test_a_function(self):
        # Of this process: a worker has no such module.
        distiller = DistillTransformer(vowels, pca_dims=None, random_state=0)
        bag = db.from_sequence(TEXTS, npartitions=3)
        with joblib.parallel_config(n_jobs=1):
            found = distil(distiller, bag)
        assert found is distiller
        alone = DistillTransformer(vowels, pca_dims=None, random_state=0).fit(TEXTS)
        assert_allclose(found.transform(TEXTS), alone.transform(TEXTS), atol=1e-5)
        assert found.n_sentences_ == alone.n_sentences_

    @pytest.mark.slow
    def test_a_transformer_on_workers(self, client: Client, tmp_path: Path):
        pattern = r"\[unused\d+\]|##..|[^a-z]|.{4}"
        how = {"pca_dims": 8, "random_state": 0, "token_remove_pattern": pattern}
        teacher = str(bundled_teacher())
        distiller = DistillTransformer(teacher, cache_dir=tmp_path, **how)
        distil(distiller, frame(), column="text")
        # What workers read is in the cache, in which nothing is missing now.
        alone = DistillTransformer(teacher, cache_dir=tmp_path, **how)
        alone.fit(TEXTS)
        assert_array_equal(alone.transform(TEXTS), distiller.transform(TEXTS))
        without = DistillTransformer(teacher, **how).fit(TEXTS)
        products = without.transform(TEXTS) @ without.transform(TEXTS).T
        ours = distiller.transform(TEXTS) @ distiller.transform(TEXTS).T
        assert_allclose(ours, products, atol=1e-3)

    def test_a_loaded_teacher(self):
        distiller = DistillTransformer((object(), object()))
        with pytest.raises(TypeError, match="sent with every task"):
            distil(distiller, frame(), column="text")
        assert not hasattr(distiller, "embedding_")
