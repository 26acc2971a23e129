"""Precomputed embeddings that were made by another recipe: the closest one is found and can be given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from vecindex.core.vectors import F32
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.models import find_model
from vecindex.errors import ModelError
from vecindex.messages import Text
from vecindex.spelling import CommandLine


@pytest.fixture(scope="module")
def rows(sample: list[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sample[0].read_text().splitlines()][:40]


def made(rows: list[dict[str, Any]], template: str, max_tokens: int | None) -> F32:
    """Return the vectors of rows by a template and a length."""
    encoder = LightEncoder(find_model("all-MiniLM-L6-v2"), max_tokens)
    return encoder.embed_texts([template.format_map(row) for row in rows])


def refused(folder: Path, rows: list[dict[str, Any]], vectors: F32, **options: Any) -> tuple[str, str]:
    """Return the message and the hint, as the command line has it, of an ingest that is refused."""
    given = [{**row, "vector": vector.tolist()} for row, vector in zip(rows, vectors, strict=True)]
    with pytest.raises(ModelError) as raised:
        vecindex.open(folder).ingest(given, model="all-MiniLM-L6-v2", vector_field="vector", **options)
    assert isinstance(raised.value.hint, Text)
    return str(raised.value.message), raised.value.hint.spelled(CommandLine("ingest"))


def test_another_length_and_template_are_found_and_work(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    vectors = made(rows, "{title}\n{text}", 64)
    message, hint = refused(tmp_path / "db", rows, vectors)
    assert "The closest recipe is title + text at 64 tokens: 1.000." in message
    assert "--max-tokens 64 --text-template '{title}\\n{text}'" in hint
    given = [{**row, "vector": vector.tolist()} for row, vector in zip(rows, vectors, strict=True)]
    report = vecindex.open(tmp_path / "db").ingest(
        given, model="all-MiniLM-L6-v2", vector_field="vector", max_tokens=64, text_template="{title}\\n{text}"
    )
    assert report.added == 40


def test_a_field_around_the_text(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    message, hint = refused(tmp_path, rows, made(rows, "{title}: {topic}\n{text}", 96))
    assert "The closest recipe is title + topic + text at 96 tokens: 1.000." in message
    assert "'{title}: {topic}\\n{text}'" in hint


def test_the_right_template_with_too_small_a_length(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    vectors = made(rows, "{text} ({topic})", None)
    message, hint = refused(tmp_path, rows, vectors, text_template="{text} ({topic})", max_tokens=16)
    assert "at 256 tokens: 1.000" in message
    assert "--max-tokens 256" in hint


def test_vectors_of_something_else_have_no_recipe(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    random = np.random.default_rng(0).standard_normal((40, 384)).astype(np.float32)
    message, hint = refused(tmp_path, rows, random)
    assert "The closest recipe is" in message
    assert hint.startswith("Name the right --model, --max-tokens, --prompt or --text-template; or keep them as they")
