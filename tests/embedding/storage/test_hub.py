"""Hub ids, against a server on this machine that answers as the hub does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import HUB_ID

from sk_m2v import StaticEmbedding, StaticEmbeddingTransformer, model_sha256
from sk_m2v.embedding.storage._source import is_hub_id


def load(environment: dict[str, str], **options: object) -> str:
    """Load the model in a fresh process; what it prints, or its last error."""
    code = (
        "from sk_m2v import StaticEmbedding\n"
        f"print(StaticEmbedding.from_pretrained({HUB_ID!r}, **{options!r}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


TINY = "StaticEmbedding(10 tokens, 4 dimensions, float32)"


def test_download_then_offline(hub, tmp_path):
    assert "is not in the local cache" in load(hub, local_files_only=True)
    assert load(hub) == TINY
    assert load({**hub, "HF_HUB_OFFLINE": "1"}) == TINY
    assert load(hub, local_files_only=True) == TINY
    # A hub that went away does not matter for what was downloaded.
    assert load({**hub, "HF_ENDPOINT": "http://127.0.0.1:9"}) == TINY


def test_options(hub, tmp_path):
    assert load(hub, revision="v1", cache_dir=str(tmp_path / "cache")) == TINY
    assert (tmp_path / "cache").is_dir()
    assert not (tmp_path / "home" / "hub").exists()
    assert "4 dimensions, int8" in load(hub, quantize_to="int8")
    assert "2 dimensions" in load(hub, subfolder="small/er")


def test_clear_errors(hub):
    assert "has no revision 'v2' on the hub" in load(hub, revision="v2")
    assert "no folder" in load(hub, subfolder="nothing")
    other = {**hub, "HF_ENDPOINT": hub["HF_ENDPOINT"] + "/elsewhere"}
    assert "no folder and no model of the hub" in load(other)


def faulty(hub: dict[str, str], fault: str) -> dict[str, str]:
    """Environment of a process whose hub has a fault, and does not wait long."""
    return {
        **hub,
        "HF_ENDPOINT": f"{hub['HF_ENDPOINT']}/fault/{fault}",
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        "HF_HUB_ETAG_TIMEOUT": "1",
    }


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("401", "status 401: check the token, and whether its owner may read"),
        ("403", "status 403: check the token, and whether its owner may read"),
        ("404", "status 404: check the name of the model, and HF_ENDPOINT"),
        ("500", "status 500: that is a fault of the hub, try again later"),
        ("503", "status 503: that is a fault of the hub, try again later"),
    ],
)
def test_a_hub_that_refuses(hub, fault, message):
    said = load(faulty(hub, fault), token="hf_secret")
    assert said.startswith("OSError: ")
    assert message in said
    assert "hf_secret" not in said
    # What was fetched before is used.
    assert load(hub) == TINY
    assert load(faulty(hub, fault)) == TINY


@pytest.mark.parametrize("fault", ["cut", pytest.param("slow", marks=pytest.mark.slow)])
def test_a_hub_that_is_slow_or_breaks_off(hub, fault):
    said = load(faulty(hub, fault))
    assert said.startswith("OSError: ")
    assert "too slow, or the connection broke" in said
    assert "Try again" in said
    # Half of a file is not taken for the whole, and the next try fetches it.
    assert "OSError" in load(faulty(hub, fault), local_files_only=True)
    assert load(hub) == TINY


def test_files_that_were_changed_on_the_way(hub, tmp_path):
    pinned = model_sha256(tmp_path / "repository")
    assert load(hub, expected_sha256=pinned) == TINY
    other = {**faulty(hub, "changed"), "HF_HOME": str(tmp_path / "elsewhere")}
    said = load(other, expected_sha256=pinned)
    assert f"expected_sha256 is '{pinned}'" in said


@pytest.mark.parametrize(
    "name",
    [
        "../model",
        "a/../../b",
        "..",
        "a/..",
        "/etc/passwd",
        "a/b/c",
        "a//b",
        "model",
        "a/b\n",
        "a b/c",
        "https://huggingface.co/a/b",
        "C:\\models\\a",
        "a/.hidden",
        "",
    ],
)
def test_names_that_are_no_hub_ids_never_reach_the_network(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert not is_hub_id(name)
    if not Path(name).is_dir():
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            StaticEmbedding.from_pretrained(name)


@pytest.mark.parametrize(
    "subfolder", ["..", "a/../..", "/etc", "a\\..\\..", "", "C:/a"]
)
def test_subfolder_stays_below(tiny_model, tmp_path, subfolder):
    tiny_model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="must lie below"):
        StaticEmbedding.from_pretrained(tmp_path, subfolder=subfolder)
    with pytest.raises(ValueError, match="must lie below"):
        tiny_model.push_to_hub(HUB_ID, subfolder=subfolder)


def test_push(tiny_model, monkeypatch):
    """The upload itself belongs to huggingface_hub: check what it is handed."""
    import huggingface_hub

    calls = []

    class Commit:
        commit_url = "https://hub/commit"

    def create_repo(self, repo_id, **options):
        calls.append(("create", repo_id, options))

    def upload_folder(self, *, repo_id, folder_path, **options):
        again = StaticEmbedding.from_pretrained(folder_path)
        card = (Path(folder_path) / "README.md").read_text()
        calls.append(("upload", repo_id, options, again.config["max_length"], card))
        return Commit()

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", create_repo)
    monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", upload_folder)
    transformer = StaticEmbeddingTransformer(tiny_model, max_length=5).fit()
    url = transformer.push_to_hub(HUB_ID, private=True, subfolder="a", revision="b")
    assert url == "https://hub/commit"
    (_, name, options), (_, _, upload, max_length, card) = calls
    assert (name, options["private"], options["exist_ok"]) == (HUB_ID, True, True)
    assert (upload["path_in_repo"], upload["revision"]) == ("a", "b")
    assert {"estimator.json", "0_StaticEmbedding/model.safetensors"} <= set(
        upload["delete_patterns"]
    )
    assert max_length == 5
    assert f'StaticEmbeddingTransformer("{HUB_ID}")' in card


@pytest.mark.parametrize("name", ["model", "../a/b", "a/b/c"])
def test_push_needs_a_hub_id(tiny_model, name):
    with pytest.raises(ValueError, match="owner/name"):
        tiny_model.push_to_hub(name)
