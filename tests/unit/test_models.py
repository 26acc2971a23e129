"""A model's own prompt is read from its settings, without its weights and without the network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vecindex.embed.models import own_query_prompt


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
    assert own_query_prompt("some/other") is None


@pytest.mark.parametrize("name", ["/no/such/folder", "./absent", "not a name at all"])
def test_what_is_not_here_tells_nothing(name: str) -> None:
    assert own_query_prompt(name) is None
