"""Configurations of runs: what files, those that they extend, and options say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_tables import TOML

from sk_m2v.cli.configuration import check, read, set_keys
from sk_m2v.cli.configuration._places import toml_lines
from sk_m2v.cli.configuration._sections import ESTIMATORS, SECTIONS, keys_of

YAML = """\
random_state: 3
data:
  train: reviews.csv
  test: [a.csv, b.csv]
  text:
    - title
    - body
  label: stars
prepare: {duplicates: near, validation_size: 0.1}
train:
  estimator: FT
  lr: 1e-3
  ngram_range: [1, 2]
  patience: null
  callbacks:
    - name: EarlyStopping
      patience: 3
  class_weight: {x: 2, y: .5}
search:
  parameters:
    lr: [1e-2, 1E-3]
output:
  folder: runs/ft
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def settings_of(path: str | Path, *sets: str) -> dict[str, Any]:
    configuration = read(path)
    set_keys(configuration, sets)
    return check(configuration)


def refused(name: str, text: str, *sets: str) -> str:
    with pytest.raises((ValueError, OSError)) as error:
        settings_of(written(name, text), *sets)
    assert len(str(error.value)) <= 600
    return str(error.value)


def test_toml_and_yaml_say_the_same(folder: Path) -> None:
    found = settings_of(written("a.toml", TOML))
    assert found == settings_of(written("b.yaml", YAML))
    assert found == settings_of(written("c.yml", YAML))
    assert found["random_state"] == 3
    assert found["data"]["text"] == ["title", "body"]
    assert found["data"]["test"] == ["a.csv", "b.csv"]
    train = found["train"]
    assert train["estimator"] == "StaticClassifier"
    assert train["lr"] == 1e-3
    assert train["ngram_range"] == (1, 2)
    assert train["patience"] is None
    assert train["callbacks"] == [{"name": "EarlyStopping", "patience": 3}]
    assert train["class_weight"] == {"x": 2, "y": 0.5}
    assert found["search"]["parameters"] == {"lr": [0.01, 0.001]}


def test_defaults_are_those_of_signatures(folder: Path) -> None:
    found = settings_of(written("a.toml", '[data]\ntrain = "a.csv"\n'))
    assert found["random_state"] == 0
    assert found["train"]["estimator"] == "FeatureExtractionClassifier"
    for name, section in SECTIONS.items():
        if section.optional:
            assert found[name] is None
        else:
            for key, it in keys_of(name, found["train"]["estimator"]).items():
                expected = (
                    "a.csv" if (name, key) == ("data", "train") else found[name][key]
                )
                assert found[name][key] == expected
                if key not in ("train", "estimator"):
                    assert found[name][key] == it.default


@pytest.mark.parametrize(
    "name", [*ESTIMATORS, *ESTIMATORS.values(), "ft", "Regression"]
)
def test_names_of_estimators(folder: Path, name: str) -> None:
    text = f'[data]\ntrain = "a.csv"\n[train]\nestimator = "{name}"\n'
    found = settings_of(written("a.toml", text))["train"]["estimator"]
    assert found in ESTIMATORS
    assert name.lower() in (found.lower(), ESTIMATORS[found].lower())


def test_sections_that_are_left_out(folder: Path) -> None:
    text = "data: {train: a.csv}\nprepare: false\nsearch: false\nmodel:\ntrain:\n"
    found = settings_of(written("a.yaml", text))
    assert found["prepare"] is False
    assert found["search"] is None
    assert found["model"] is None


def test_extends(folder: Path) -> None:
    written("base.toml", '[data]\ntrain = "a.csv"\ntext = "t"\n[train]\nC = 1\n')
    written("more.yaml", "extends: base.toml\ntrain: {C: 2, lexical: true}\n")
    top = written("top.toml", 'extends = "more.yaml"\n[train]\nverbose = 1\n')
    found = settings_of(top, "train.verbose=3", "random_state=7")
    assert found["data"]["text"] == "t"
    assert found["train"]["C"] == 2.0
    assert found["train"]["lexical"] is True
    assert found["train"]["verbose"] == 3
    assert found["random_state"] == 7


def test_extends_several(folder: Path) -> None:
    """Later ones are over those before; both may extend a third."""
    written("data.toml", '[data]\ntrain = "a.csv"\nlabel = "z"\n')
    written("x.toml", 'extends = "data.toml"\n[data]\ntext = "x"\nlabel = "x"\n')
    written("y.toml", '[data]\ntext = "y"\n')
    top = written("top.yaml", "extends: [x.toml, y.toml]\n")
    assert settings_of(top)["data"]["text"] == "y"
    assert settings_of(top)["data"]["label"] == "x"
    turned = written("turned.yaml", "extends: [y.toml, x.toml]\n")
    assert settings_of(turned)["data"]["text"] == "x"


def test_a_base_is_replaced_by_a_section_that_is_left_out(folder: Path) -> None:
    written("base.toml", '[data]\ntrain = "a.csv"\n[search.parameters]\nC = [1]\n')
    top = written("top.toml", 'extends = "base.toml"\nsearch = false\n')
    assert settings_of(top)["search"] is None
    back = written("b.toml", 'extends = "top.toml"\n[search.parameters]\nC = [2]\n')
    assert settings_of(back)["search"]["parameters"] == {"C": [2]}


def test_paths_are_relative_to_the_file_that_has_them(folder: Path) -> None:
    base = '[data]\ntrain = "../raw/a.csv"\ntest = ["t.csv", "/t.csv"]\n'
    written("bases/deep/base.toml", base + '[output]\nfolder = "out"\n')
    top = 'extends = "../bases/deep/base.toml"\n[data]\nvalidation = "v.csv"\n'
    found = settings_of(written("runs/top.toml", top), "output.folder=here")
    assert found["data"]["train"] == "bases/raw/a.csv"
    assert found["data"]["test"] == ["bases/deep/t.csv", "/t.csv"]
    assert found["data"]["validation"] == "runs/v.csv"
    assert found["output"]["folder"] == "here"


def test_a_model_is_a_folder_or_an_id_of_the_hub(folder: Path) -> None:
    text = '[data]\ntrain = "a.csv"\n[model]\npath = "me/mine"\n'
    path = written("runs/a.toml", text)
    assert settings_of(path)["model"]["path"] == "me/mine"
    Path("runs/me/mine").mkdir(parents=True)
    assert settings_of(path)["model"]["path"] == "runs/me/mine"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1e-3", 0.001), ("1E3", 1000.0), ("+1.5e+2", 150.0), (".5", 0.5)],
        *[("2.", 2.0), ("3", 3.0), ("-1e3", -1000.0), ("6.02e23", 6.02e23)],
    ],
)
def test_numbers_of_yaml(folder: Path, text: str, value: float) -> None:
    path = written("a.yaml", f"data: {{train: a}}\ntrain: {{C: {text}}}\n")
    found = settings_of(path)["train"]["C"]
    assert (type(found), found) == (float, value)


@pytest.mark.parametrize("text", ["1e", "e3", "1e-3x", "'1e-3'", "1-3", "--1e3"])
def test_texts_of_yaml(folder: Path, text: str) -> None:
    found = refused("a.yaml", f"data: {{train: a}}\ntrain: {{C: {text}}}\n")
    expected = """a.yaml, line 2: train.C: expected float or "auto", got '"""
    assert found.startswith(expected)


# Places


def test_lines_of_toml() -> None:
    text = (
        "a = 1\n"
        "b.c = 2 # x = 3\n"
        "[ train ]\n"
        '"l r" = 1\n'
        "'e'.f=2\n"
        "[x.y]#z\n"
        "long = '''\n"
        "[z]\n"
        "g = 1'''\n"
        'longer = """a\\"""\n'
        'h = 1"""\n'
        "list = [\n"
        '  "i = 1",\n'
        "]\n"
        "inline = { j = 1 }\n"
        "[[many]]\n"
        "k = 1\n"
        "[[many]]\n"
        "k = 2\n"
    )
    assert toml_lines(text) == {
        ("a",): 1,
        ("b", "c"): 2,
        ("train",): 3,
        ("train", "l r"): 4,
        ("train", "e", "f"): 5,
        ("x", "y"): 6,
        ("x", "y", "long"): 7,
        ("x", "y", "longer"): 10,
        ("x", "y", "list"): 12,
        ("x", "y", "inline"): 15,
        ("many",): 16,
        ("many", "k"): 17,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[data]\ntrain = "a"\n\n[train]\nlrr = 1\n', "a.toml, line 5: section train"),
        ('data.train = "a"\ntrain.lrr = 1\n', "a.toml, line 2: section train"),
        (
            'data = { train = "a" }\ntrain = {lrr = 1}\n',
            "a.toml, line 2: section train",
        ),
        (
            '[data]\ntrain = "a"\n[trian]\nlr = 1\n',
            "a.toml, line 3: there is no section",
        ),
        (
            '[data]\ntrain = "a"\n[train]\nC = "x"\n',
            "a.toml, line 4: train.C: expected",
        ),
        ("[data]\ntext = 'a'\n", "a.toml, line 1: data.train is missing: Table to"),
        ("data = 3\n", "a.toml, line 1: data is a section with keys, got 3"),
        ('random_state = "x"\n', "a.toml, line 1: random_state: expected a number"),
        (
            '[data]\ntrain = "a"\n[train]\nestimator = "FX"\n',
            "a.toml, line 4: train.estimator: expected",
        ),
    ],
)
def test_lines_in_messages_of_toml(folder: Path, text: str, message: str) -> None:
    assert refused("a.toml", text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "data:\n  train: a\ntrain:\n  C: 1\n  lrr: 1\n",
            "a.yaml, line 5: section tra",
        ),
        ("data: {train: a}\ntrain: {lrr: 1}\n", "a.yaml, line 2: section train"),
        ("data: {train: a}\ntrain: {\n C: 1,\n lrr: 1}\n", "a.yaml, line 4: section "),
        ("data: {train: a}\n\n# x\ntrian:\n  lr: 1\n", "a.yaml, line 4: there is no"),
        ("data: {train: a}\ntrain:\n  C: [1]\n", "a.yaml, line 3: train.C: expected"),
        ("data: {train: a}\ndata: {train: b}\n", "a.yaml, line 2: 'data' stands here"),
        ("data:\n  train: a\n  train: b\n", "a.yaml, line 3: 'train' stands here a se"),
        ("made: 3\ndata: {train: a}", "a.yaml, line 1: made is a section"),
    ],
)
def test_lines_in_messages_of_yaml(folder: Path, text: str, message: str) -> None:
    assert refused("a.yaml", text).startswith(message)


def test_lines_of_a_base(folder: Path) -> None:
    written("bases/base.toml", '[data]\ntrain = "a"\n[train]\nlrr = 1\n')
    top = "extends: bases/base.toml\ntrain: {C: 1}\n"
    assert refused("top.yaml", top).startswith("bases/base.toml, line 4: section train")


# Names


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("trian.C=1", "there is no section 'trian'. Do you mean train?"),
        (
            "xyz.C=1",
            "There are 'data', 'prepare', 'model', 'train', 'search', 'output'",
        ),
        ("train.max_epoch=1", "Do you mean max_epochs?"),
        ("train.test_size=1", "It is a key of section prepare"),
        ("train.random_state=1", "It stands above all sections"),
        ("train.model=x", "The model to start from is model.path"),
        ("train.qqqq=x", "of StaticClassifier. The nearest are "),
        ("data.lable=x", "section data has no key 'lable'. Do you mean label?"),
        ("train.optimizer=adm", "got 'adm'. Do you mean 'adam'?"),
    ],
)
def test_names_that_are_near(folder: Path, setting: str, hint: str) -> None:
    text = 'data = {train = "a"}\ntrain.estimator = "FT"\n'
    found = refused("a.toml", text, setting)
    assert hint in found
    assert found.startswith(f"--set {setting}: ")


@pytest.mark.parametrize("setting", ["train", "train.C", "=3", "train.=3", ".C=3", ""])
def test_settings_that_are_none(folder: Path, setting: str) -> None:
    found = refused("a.toml", 'data.train = "a"', setting)
    assert f"--set {setting!r}: write section.key=value" in found


def test_a_key_below_a_value(folder: Path) -> None:
    text = 'data.train = "a"\nprepare = false\n'
    found = refused("a.toml", text, "prepare.min_characters=3")
    assert "prepare is False, and has no key 'min_characters'" in found


# Files that cannot be read


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.toml",
            b"[data]\ntrain = \n",
            "a.toml is no TOML: Invalid value (at line 2",
        ),
        ("a.toml", b"[data\n", "a.toml is no TOML: "),
        ("a.toml", b"[a]\n[a]\n", "a.toml is no TOML: Cannot declare"),
        ("a.toml", b"a = 1\na = 2\n", "a.toml is no TOML: Cannot overwrite"),
        ("a.toml", b"a = " + b"[" * 9999, "a.toml is no TOML: "),
        ("a.toml", b"a = " + b"9" * 9999, "a.toml is no TOML: "),
        ("a.toml", b"\n\nx = '\xe9'\n", "a.toml, line 3 is no UTF-8: save the file"),
        ("a.yaml", b"\nx: \xff\n", "a.yaml, line 2 is no UTF-8: save the file"),
        ("a.yaml", b"a: [1\n", "a.yaml is no YAML: "),
        ("a.yaml", b"a: " + b"[" * 9999, "a.yaml is no YAML: "),
        ("a.yaml", b"a: \x01", "a.yaml is no YAML: unacceptable character"),
        ("a.yaml", b"a: &x\n  b: *x\n", "a.yaml is no YAML: "),
        ("a.yaml", b"a: !!python/name:os.system x\n", "a.yaml is no YAML: "),
        ("a.yaml", b"a: 1\n---\na: 2\n", "a.yaml is no YAML: expected a single"),
        ("a.yaml", b"- a\n- b\n", "a.yaml holds ['a', 'b']: a configuration has se"),
        ("a.yaml", b"text\n", "a.yaml holds 'text': a configuration has sections"),
        ("a.yaml", b"", "data.train is missing"),
        ("a.json", b"{}", "a.json is no configuration: its name must end with"),
    ],
)
def test_files_that_are_none(
    folder: Path, name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(ValueError) as error:
        settings_of(name)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_mark_of_utf8_is_no_text(folder: Path) -> None:
    Path("a.toml").write_bytes(b"\xef\xbb\xbfdata.train = 'a'\r\n")
    assert settings_of("a.toml")["data"]["train"] == "a"


def test_there_is_no_file(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file a\.toml"):
        read("a.toml")


def test_a_base_that_is_not_there(folder: Path) -> None:
    text = '[data]\ntrain = "a"\n'
    found = refused("x/a.toml", f'extends = "nix.toml"\n{text}')
    assert found.startswith("x/a.toml, line 1: extends names files that are there")
    assert "'nix.toml'" in found
    assert "got 3" in refused("b.yaml", "data: {train: a}\nextends: 3\n")
    assert "b.yaml, line 2" in refused("b.yaml", "data: {train: a}\nextends: [3]\n")


def test_circles(folder: Path) -> None:
    assert "a.toml extends a.toml: a configuration cannot extend itself" in refused(
        "a.toml", 'extends = "a.toml"'
    )
    written("x/c.yaml", "extends: ../b.toml\n")
    written("b.toml", 'extends = ["x/c.yaml"]\n')
    found = refused("a.toml", 'extends = "b.toml"')
    assert "a.toml extends b.toml extends c.yaml extends b.toml: a config" in found
