"""Files and texts of strangers: refused or read, and nothing else happens."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from conftest import tiny_tokenizer
from fuzz.targets import DOCUMENTED, FILMS, TARGETS, Target
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import sk_m2v
from sk_m2v import FeatureExtractionClassifier, StaticClassifier, StaticEmbedding
from sk_m2v.cli.configuration import check, read
from sk_m2v.embedding.storage._replace import NEW
from sk_m2v.embedding.tokens._tokens import load_backend, token_ids

_folders = []


@cache
def target(name: str) -> Target:
    """Made once: fitting estimators takes longer than reading them."""
    _folders.append(TemporaryDirectory())  # removed when the process ends
    return TARGETS[name][0](Path(_folders[-1].name))


# Each example of the others takes a training.
@pytest.mark.parametrize("name", [it for it in TARGETS if it != "training"])
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_and_odd_texts(name):
    it = target(name)

    @given(st.integers(0, 2**32))
    @settings(max_examples=20, deadline=None, database=None)
    def feed(seed: int) -> None:
        rng = Random(seed)
        with suppress(*DOCUMENTED):
            it.run(it.mutate(rng, rng.choice(it.seeds)))

    feed()


@pytest.fixture
def folder(tiny_model, tmp_path):
    tiny_model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


class TestSizes:
    """What a file says of itself is compared with its size before it is believed."""

    def write(self, folder: Path, header: object, data: bytes = b"") -> None:
        text = header if isinstance(header, str) else json.dumps(header)
        length = struct.pack("<Q", len(text))
        (folder / "model.safetensors").write_bytes(length + text.encode() + data)

    def refused(self, folder: Path) -> str:
        with pytest.raises(ValueError, match="damaged") as caught:
            StaticEmbedding.from_pretrained(folder)
        return str(caught.value)

    def test_tensors_that_share_bytes(self, folder):
        tensor = {"dtype": "BF16", "shape": [10, 4], "data_offsets": [0, 80]}
        self.write(folder, {"embeddings": tensor, "weights": tensor}, bytes(80))
        assert "overlap" in self.refused(folder)

    @pytest.mark.parametrize(
        "shape", [[float("inf"), 4], [10**400, 4], [2**62, 2**62], [-10, -4], [[]], "x"]
    )
    def test_shapes(self, folder, shape):
        tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, 160]}
        self.write(folder, {"embeddings": tensor}, bytes(160))
        self.refused(folder)

    def test_header_that_is_deep_or_long(self, folder):
        self.write(folder, "[" * 100_000)
        self.refused(folder)
        self.write(folder, "{" + " " * (1 << 20) + "}")
        assert "a header of" in self.refused(folder)

    def test_deep_json(self, folder):
        (folder / "config.json").write_text('{"a": ' + "[" * 100_000)
        self.refused(folder)

    # The second is an added token as well, with another id.
    @pytest.mark.parametrize("token", ["dog", "[PAD]"])
    def test_ids_of_tokens(self, folder, token):
        data = json.loads((folder / "tokenizer.json").read_text())
        data["model"]["vocab"][token] = 2**31
        (folder / "tokenizer.json").write_text(json.dumps(data))
        assert "an id of 2147483648" in self.refused(folder)

    @pytest.mark.parametrize("n", [10**9, 10**30, 0, -1])
    def test_lengths_of_ngrams(self, tiny_model, tmp_path, n):
        fitted = FeatureExtractionClassifier(tiny_model, letter_ngrams=None)
        fitted.fit(FILMS, [0, 0, 1, 1, 1]).save_pretrained(tmp_path)
        file = tmp_path / "estimator.json"
        description = json.loads(file.read_text())
        description["ngrams"][0] |= {"n": n, "last": n}
        file.write_text(json.dumps(description))
        with pytest.raises(ValueError, match="n-grams"):
            sk_m2v.load(tmp_path)

    @pytest.mark.parametrize("dtype", ["<U500000000", "|V1000000000", "<U100000000"])
    def test_types_of_labels(self, tiny_model, tmp_path, dtype):
        fitted = FeatureExtractionClassifier(tiny_model)
        fitted.fit(FILMS, ["a", "b", "a", "b", "a"]).save_pretrained(tmp_path)
        file = tmp_path / "estimator.json"
        description = json.loads(file.read_text())
        description["labels"]["dtype"] = dtype
        file.write_text(json.dumps(description))
        with pytest.raises(ValueError, match="too much memory"):
            sk_m2v.load(tmp_path)

    def test_archive_that_becomes_large(self, folder):
        with zipfile.ZipFile(folder / "pipeline.skops", "w") as file:
            file.writestr("schema.json", b" " * 10_000_000, zipfile.ZIP_DEFLATED)
        with pytest.raises(ValueError, match="unpacked it has 10,000,000 bytes"):
            sk_m2v.load(folder)


class TestConfigurations:
    @pytest.mark.parametrize("one", ["{{x: {0}, y: {0}}}", "[{0}, {0}]"])
    def test_references_that_multiply(self, tmp_path, one):
        lines = ["a0: &a0 1"]
        for i in range(1, 100):
            lines.append(f"a{i}: &a{i} {one.format(f'*a{i - 1}')}")
        self.refused(tmp_path / "run.yaml", "\n".join(lines), "too many values")
        self.refused(tmp_path / "run.yaml", "a: &a {b: *a}", "too many values")

    def refused(self, file: Path, text: str, match: str) -> None:
        file.write_text(text)
        with pytest.raises(ValueError, match=match):
            check(read(file))

    @pytest.mark.parametrize(
        "value",
        ["!!bool x", "!!int ''", "!!timestamp x", f"1{':0' * 5_000}.5", "2001-99-99"],
    )
    def test_values_that_are_not_what_they_say(self, tmp_path, value):
        self.refused(tmp_path / "run.yaml", f"a: {value}", "is no YAML")

    def test_spaces_levels_and_sizes(self, tmp_path):
        file = tmp_path / "run.toml"
        self.refused(file, f"a = [\n[{' ' * 50_000}\n1]]", "no section 'a'")
        self.refused(file, f"{'.'.join('a' * 100)} = 1", "levels")
        self.refused(file, "#" * (1 << 17) + "\n", "is it a configuration")

    def test_files_that_multiply(self, tmp_path):
        for i in range(9):
            text = f"extends = {[f'{i + 1}.toml'] * 9}" if i < 8 else ""
            (tmp_path / f"{i}.toml").write_text(text)
        with pytest.raises(ValueError, match="extends more than 100"):
            read(tmp_path / "0.toml")


class TestPanics:
    """Libraries in Rust panic, which Python knows as no `Exception`."""

    def tokenizer(self, **parts: object) -> str:
        return json.dumps({**json.loads(tiny_tokenizer().to_str()), **parts})

    def test_names_the_text(self, tmp_path, tiny_vectors):
        # Oniguruma gives up after ten million steps.
        pattern = {"type": "Replace", "pattern": {"Regex": "(x+x+)+y"}, "content": " "}
        tokenizer = self.tokenizer(normalizer=pattern)
        model = StaticEmbedding(tiny_vectors, tokenizer)
        assert len(model.encode(["red", "x" * 9]))
        texts = [*["red"] * 2_000, "x" * 60, "blue"]
        for n_jobs in (1, 2):
            with pytest.raises(ValueError, match=r"gives up on the text 'xxx.*60 char"):
                model.encode(texts, n_jobs=n_jobs)
        assert len(model.encode(["red"]))  # it goes on

    def test_errors_without_a_class(self):
        model = {"type": "WordLevel", "vocab": {"red": 0}, "unk_token": "?"}
        backend = load_backend(self.tokenizer(model=model))
        with pytest.raises(ValueError, match="gives up on the text 'zebra'"):
            token_ids(backend, ["red", "zebra"], None)

    def test_interrupts_are_none(self, monkeypatch):
        backend = load_backend(self.tokenizer())

        def encode(texts: list[str]) -> object:
            raise KeyboardInterrupt

        monkeypatch.setattr(backend, "encode", encode, raising=False)
        with pytest.raises(KeyboardInterrupt):
            token_ids(backend, ["red"], None)


def _contents(folder: Path) -> dict[Path, bytes]:
    return {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()}


class TestLinks:
    def test_out_of_the_folder(self, folder, tmp_path):
        outside = tmp_path / "other.json"
        for name in ("config.json", "tokenizer.json"):
            content = (folder / name).read_bytes()
            outside.write_bytes(content)
            (folder / name).unlink()
            (folder / name).symlink_to(outside)
            with pytest.raises(ValueError, match="which is no file of the model"):
                StaticEmbedding.from_pretrained(folder)
            (folder / name).unlink()
            (folder / name).write_bytes(content)

    def test_of_a_module(self, tiny_model, tmp_path):
        inner, outside = tmp_path / "a", tmp_path / "b"
        for it in (inner, outside):
            tiny_model.save_pretrained(it, layout="sentence-transformers-nested")
        for it in (inner / "0_StaticEmbedding").iterdir():
            it.unlink()
        (inner / "0_StaticEmbedding").rmdir()
        (inner / "0_StaticEmbedding").symlink_to(outside / "0_StaticEmbedding")
        with pytest.raises(ValueError, match="which is no file of the model"):
            StaticEmbedding.from_pretrained(inner)

    def test_of_a_subfolder(self, folder, tmp_path):
        (tmp_path / "whole").mkdir()
        (tmp_path / "whole" / "part").symlink_to(folder)
        with pytest.raises(ValueError, match="is a link out of"):
            StaticEmbedding.from_pretrained(tmp_path / "whole", subfolder="part")

    def test_within_and_to_the_folder(self, folder, tmp_path):
        (folder / "config.json").rename(folder / "settings")
        (folder / "config.json").symlink_to("settings")
        (tmp_path / "link").symlink_to(folder)
        assert StaticEmbedding.from_pretrained(tmp_path / "link").dim == 4

    @pytest.mark.parametrize("subfolder", [None, "some/where"])
    def test_of_the_cache_of_the_hub(self, folder, tmp_path, subfolder):
        """It consists of links: those to its own files are followed, no others."""
        cache = tmp_path / "models--someone--model"
        snapshot = cache / "snapshots" / "0123"
        place = snapshot / (subfolder or "")
        place.mkdir(parents=True)
        (cache / "blobs").mkdir()
        for i, it in enumerate(folder.iterdir()):
            blob = it.rename(cache / "blobs" / str(i))
            (place / it.name).symlink_to(os.path.relpath(blob, place))
        assert StaticEmbedding.from_pretrained(snapshot, subfolder=subfolder).dim == 4
        config = place / "config.json"
        outside = config.resolve().rename(tmp_path / "config.json")
        config.unlink()
        config.symlink_to(outside)
        with pytest.raises(ValueError, match="which is no file of the model"):
            StaticEmbedding.from_pretrained(snapshot, subfolder=subfolder)

    def test_of_new_files(self, folder, tiny_model, tmp_path):
        """As of a save that was killed: such files count before all others."""
        new, outside = folder / NEW, tmp_path / "outside"
        tiny_model.quantize("int8").save_pretrained(outside)
        new.symlink_to(outside)
        with pytest.raises(ValueError, match="which is no file of the model"):
            StaticEmbedding.from_pretrained(folder)
        new.unlink()
        new.mkdir()
        (new / "config.json").symlink_to(outside / "config.json")
        with pytest.raises(ValueError, match="which is no file of the model"):
            StaticEmbedding.from_pretrained(folder)

    @pytest.mark.parametrize("layout", ["model2vec", "sentence-transformers-nested"])
    @pytest.mark.parametrize("name", ["0_StaticEmbedding", NEW, ".sk-m2v-begun"])
    def test_nothing_is_written_through_one(
        self, tiny_model, folder, tmp_path, name, layout
    ):
        outside = tmp_path / "outside"
        tiny_model.save_pretrained(outside, layout="sentence-transformers-nested")
        if name == "0_StaticEmbedding":
            outside /= name
        before = _contents(folder), _contents(outside)
        (folder / name).symlink_to(outside)
        with pytest.raises(OSError, match="is a link, and nothing is written through"):
            tiny_model.quantize("int8").save_pretrained(folder, layout=layout)
        (folder / name).unlink()
        assert (_contents(folder), _contents(outside)) == before

    def test_one_to_a_file_is_replaced(self, tiny_model, folder, tmp_path):
        (tmp_path / "mine").write_text("mine")
        for name in ("config.json", "estimator.json"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(tmp_path / "mine")
        tiny_model.save_pretrained(folder)
        assert StaticEmbedding.from_pretrained(folder).dim == 4
        assert not [it for it in folder.iterdir() if it.is_symlink()]
        assert (tmp_path / "mine").read_text() == "mine"

    @pytest.mark.parametrize("path", ["../other", "/other", "", "a/../../other"])
    def test_paths_of_modules(self, tiny_model, tmp_path, path):
        tiny_model.save_pretrained(tmp_path / "m", layout="sentence-transformers")
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "config.json").write_text("{}")
        save_file(
            {"linear.weight": np.ones((2, 4), np.float32)},
            tmp_path / "other" / "model.safetensors",
        )
        modules = json.loads((tmp_path / "m" / "modules.json").read_text())
        kind = "sentence_transformers.models.Dense"
        modules.insert(1, {"idx": 1, "name": "1", "path": path, "type": kind})
        (tmp_path / "m" / "modules.json").write_text(json.dumps(modules))
        with pytest.raises((ValueError, FileNotFoundError)):
            StaticEmbedding.from_pretrained(tmp_path / "m")


_NO_PICKLE = """
import pickle, sys
import sk_m2v, skops.io, torch, sklearn.neural_network
from fuzz.targets import FILMS, use
for it in {before!r}:
    sys.path.insert(0, it)

def refuse(event, arguments):
    if event == "pickle.find_class":
        raise RuntimeError(f"unpickled {{arguments}}")

def refuse_too(*arguments, **options):
    raise RuntimeError("unpickled")

sys.addaudithook(refuse)
for name in ("load", "loads", "Unpickler", "_Unpickler"):
    setattr(pickle, name, refuse_too)
for folder in sys.argv[1:]:
    use(sk_m2v.load(folder))
    print(folder)
"""


def test_nothing_is_unpickled(tmp_path):
    """Every format that is read, where a pickle cannot be."""
    from fuzz.targets import _estimators, _modules, _old_pipeline, _pipeline

    folders = _estimators(tmp_path / "estimators")
    for make in (_modules, _pipeline, _old_pipeline):
        folders.append(tmp_path / make.__name__)
        folders[-1].mkdir()
        made = make(folders[-1])
        if make is _old_pipeline:
            (folders[-1] / "pipeline.skops").write_bytes(made.seeds[0])
    StaticEmbedding.from_pretrained().save_pretrained(tmp_path / "default")
    folders.append(tmp_path / "default")
    code = _NO_PICKLE.format(before=[str(Path(__file__).parent)])
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, folders)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.split() == [*map(str, folders)], result.stderr


@pytest.mark.parametrize("when", ["on_train_begin", "on_train_end"])
def test_interrupt_before_and_after_training(tiny_model, when):
    """Between epochs it ends a training; outside of them `fit` as a whole."""
    from skorch.callbacks import Callback

    class Interrupt(Callback):
        pass

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    setattr(Interrupt, when, interrupt)
    classifier = StaticClassifier(tiny_model, max_epochs=2, random_state=0)
    classifier.set_params(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(FILMS, [0, 0, 1, 1, 1])
    assert not hasattr(classifier, "classes_")
    assert not hasattr(classifier, "n_iter_")
    classifier.set_params(callbacks=None).fit(FILMS, [0, 0, 1, 1, 1])
    before = classifier.predict_proba(FILMS)
    with pytest.raises(KeyboardInterrupt):
        classifier.set_params(callbacks=[Interrupt()]).fit(FILMS, [1, 1, 0, 0, 0])
    assert (classifier.predict_proba(FILMS) == before).all()
