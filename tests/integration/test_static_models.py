"""Models without a transformer: a table of vectors for tokens, which reads texts of any length."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import vecindex
from static_models import VALUES, save_static
from vecindex.core.vectors import row_cosines
from vecindex.embed.encoder import ANY_LENGTH
from vecindex.embed.encoders import LoadOptions, find, load
from vecindex.embed.precision import Precision
from vecindex.errors import ConfigError, ModelError

TEXTS = ["the cell divides", "", "a star " * 900, "Ångström, naïve café", "z" * 500, "law and order"]


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_static(tmp_path_factory.mktemp("static") / "model")


@pytest.mark.parametrize(("cut", "normalize"), [(None, False), (None, True), (16, False)])
def test_the_vectors_are_those_of_the_library(tmp_path: Path, cut: int | None, normalize: bool) -> None:
    encoder = load(find(str(save_static(tmp_path / "m", cut, normalize))), LoadOptions("cpu"))
    encoder.check(TEXTS)
    assert encoder.precision is Precision.FP32
    assert encoder.precision_cosine == pytest.approx(1, abs=1e-6)
    assert encoder.max_tokens == (cut or ANY_LENGTH)
    assert encoder.pooling == ("StaticEmbedding+Normalize" if normalize else "StaticEmbedding")
    tokens = encoder.tokenize(TEXTS)
    assert tokens.counts.tolist()[:3] == [3, 0, 1800]  # no special tokens
    assert tokens.truncated.tolist() == [False, False, cut is not None, *[False] * 3]
    found = encoder.embed(tokens)
    expected = encoder._model.encode(TEXTS, normalize_embeddings=True)  # type: ignore[attr-defined]
    there = [i for i in range(len(TEXTS)) if i != 1]
    np.testing.assert_allclose(row_cosines(found.vectors[there], expected[there]), 1, atol=1e-6)
    # Nothing can be looked up of an empty text.
    assert list(found.failed) == [1]


def test_a_length_that_is_asked_for(static: Path) -> None:
    encoder = load(find(str(static)), LoadOptions("cpu", max_tokens=8))
    encoder.check(["one two three four five six seven eight nine ten " * 3])
    assert encoder.precision_cosine == pytest.approx(1, abs=1e-6)
    eight, all_ten = "one two three four five six seven eight", "one two three four five six seven eight nine ten"
    short, long = encoder.embed_texts([eight, all_ten])
    np.testing.assert_array_equal(short, long)
    with pytest.raises(ModelError, match="reads at most 16 tokens, asked for 32"):
        load(find(str(save_static(static.parent / "cut", 16))), LoadOptions("cpu", max_tokens=32))


def test_ingest_search_and_status(static: Path, sample: list[Path], tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(*sample, model=str(static))
    assert (report.read, report.added, report.rejected, report.truncated) == (264, 264, 0, 0)
    again = index.ingest(*sample)
    assert (again.skipped, again.vectors) == (264, 0)
    made = index.status().fingerprint
    assert made is not None
    assert (made.dimension, made.max_tokens) == (VALUES, ANY_LENGTH)
    rows = [json.loads(line) for path in sample for line in path.read_text().splitlines()]
    hits = index.search(rows[7]["text"], k=1).answers[0].hits
    assert hits[0].id == rows[7]["id"]
    assert hits[0].dist == pytest.approx(0, abs=1e-6)


def test_chunks_of_a_model_without_a_length_need_one(static: Path, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    rows = [{"id": "a", "text": "one two three four five six seven eight nine ten"}]
    with pytest.raises(ConfigError, match="reads texts of any length, so there is no length to cut them to"):
        index.ingest(rows, model=str(static), chunk=True)
    index.ingest(rows, model=str(static), chunk=6, chunk_overlap=2)
    assert index.status().rows == 2
